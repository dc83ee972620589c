"""Extended attributes as a snapshot has them: those that an inode can have."""

from devdev_fs import _acl
from devdev_fs._errno import FsError
from devdev_fs._fields import Fields
from devdev_fs._inode import Directory, Inode, RegularFile, Symlink
from devdev_fs._types import XATTR_NAME_MAX, XATTR_SIZE_MAX

_USER = b"user."
_NAMESPACES = (_USER, b"trusted.", b"security.")


def xattrs_of(inode: Inode, field: object, fields: Fields) -> dict[bytes, bytes] | None:
    """The attributes of `inode` that a field of its record has.

    Raises:
        SnapshotError: it cannot have them.
    """
    flat = fields.as_array(field, "extended attributes")
    if len(flat) % 2:
        raise fields.wrong("an extended attribute without a value")
    xattrs: dict[bytes, bytes] = {}
    before = b""
    for at in range(0, len(flat), 2):
        name = fields.data(flat[at], XATTR_NAME_MAX)
        if name <= before or b"\0" in name:
            raise fields.wrong("names of extended attributes out of order, or a NUL")
        before = name
        xattrs[name] = fields.data(flat[at + 1], XATTR_SIZE_MAX)
        try:
            is_right = _fits(inode, name, xattrs[name])
        except FsError as error:
            raise fields.wrong(f"{name!r}: {error.strerror}") from error
        if not is_right:
            raise fields.wrong(f"the inode cannot have the attribute {name!r} so")
    names = sum(len(name) + 1 for name in xattrs)
    if max(names, sum(map(len, xattrs.values()))) > XATTR_SIZE_MAX:
        raise fields.wrong("too many extended attributes")
    return xattrs or None


def _fits(inode: Inode, name: bytes, value: bytes) -> bool:
    if name in _acl.NAMES:
        return _is_acl_of(inode, name, value)
    if name.startswith(_USER) and not isinstance(inode, RegularFile | Directory):
        return False
    return name.startswith(_NAMESPACES) and name not in _NAMESPACES


def _is_acl_of(inode: Inode, name: bytes, value: bytes) -> bool:
    """Whether it is a list in the form in which it is stored.

    Raises:
        FsError: it is no list.
    """
    entries = _acl.parse(value)
    _acl.check_valid(entries)
    if name == _acl.DEFAULT:
        return isinstance(inode, Directory)
    is_in_step = _acl.mode_of(entries, inode.mode) == inode.mode
    is_kept = _acl.is_more_than_a_mode(entries)
    return is_in_step and is_kept and not isinstance(inode, Symlink)
