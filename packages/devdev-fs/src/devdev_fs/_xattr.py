"""Extended attributes (xattr(7)): four operations, the namespaces, and the limits.

A value counts as space when an inode's attributes take more than a few bytes: see
`_inode.xattr_pages`.
"""

from collections.abc import Mapping

from devdev_fs import _acl
from devdev_fs._access import check_access, check_is_owner, may_set_gid_bit
from devdev_fs._content import Bytes
from devdev_fs._errno import Errno, FsError
from devdev_fs._inode import Directory, Inode, RegularFile, Symlink, xattr_pages
from devdev_fs._table import InodeTable
from devdev_fs._types import (
    R_OK,
    ROOT_CALLER,
    S_ISGID,
    S_ISVTX,
    W_OK,
    XATTR_NAME_MAX,
    XATTR_SIZE_MAX,
    Caller,
    Capability,
    Ino,
    XattrFlags,
)

CAPABILITY = b"security.capability"
"""What a program may do that others may not; it goes when the file is changed."""

_USER, _TRUSTED, _SECURITY = b"user.", b"trusted.", b"security."
_SYSTEM = b"system."
_ANY_FLAGS = XattrFlags.CREATE | XattrFlags.REPLACE

Xattrs = Mapping[bytes, bytes]
_NONE: Xattrs = {}


# --- operations ------------------------------------------------------------------


def setxattr(
    table: InodeTable,
    ino: Ino,
    name: bytes,
    value: Bytes,
    flags: int = 0,
    caller: Caller = ROOT_CALLER,
) -> None:
    """See `InodeOps.setxattr`."""
    if flags & ~_ANY_FLAGS.value:
        raise FsError(Errno.EINVAL, f"setxattr flags {int(flags):#x}", name)
    _check_name(name)
    value = bytes(value)
    if len(value) > XATTR_SIZE_MAX:
        message = f"a value of {len(value)} bytes, {XATTR_SIZE_MAX} is the limit"
        raise FsError(Errno.E2BIG, message, name)
    inode = table.get(ino)
    if name in _acl.NAMES:
        _set_acl(table, inode, name, _acl.parse(value), caller)
        return
    _check_may_change(inode, name, caller)
    _check_namespace(name)
    old = inode.xattrs or _NONE
    if flags & XattrFlags.CREATE.value and name in old:
        raise FsError(Errno.EEXIST, "the attribute is there", name)
    if flags & XattrFlags.REPLACE.value and name not in old:
        raise FsError(Errno.ENODATA, path=name)
    _change(table, inode, {**old, name: value})


def getxattr(
    table: InodeTable, ino: Ino, name: bytes, caller: Caller = ROOT_CALLER
) -> bytes:
    """See `InodeOps.getxattr`."""
    _check_name(name)
    inode = table.get(ino)
    if name in _acl.NAMES:
        _check_has_acls(inode, name)
    else:
        _check_may_read(inode, name, caller)
        _check_namespace(name)
    value = (inode.xattrs or _NONE).get(name)
    if value is None:
        raise FsError(Errno.ENODATA, path=name)
    return value


def listxattr(table: InodeTable, ino: Ino, caller: Caller = ROOT_CALLER) -> list[bytes]:
    """See `InodeOps.listxattr`."""
    names = sorted(table.get(ino).xattrs or _NONE)
    if not caller.has(Capability.SYS_ADMIN):
        names = [name for name in names if not name.startswith(_TRUSTED)]
    return names


def removexattr(
    table: InodeTable, ino: Ino, name: bytes, caller: Caller = ROOT_CALLER
) -> None:
    """See `InodeOps.removexattr`."""
    _check_name(name)
    inode = table.get(ino)
    if name in _acl.NAMES:
        _set_acl(table, inode, name, [], caller)
        return
    _check_may_change(inode, name, caller)
    _check_namespace(name)
    if name not in (inode.xattrs or _NONE):
        raise FsError(Errno.ENODATA, path=name)
    _change(table, inode, _without(inode.xattrs or _NONE, name))


# --- checks ----------------------------------------------------------------------


def _check_name(name: bytes) -> None:
    if b"\0" in name:
        raise FsError(Errno.EINVAL, "a NUL in an attribute's name", name)
    if not 0 < len(name) <= XATTR_NAME_MAX:
        message = f"an attribute's name of {len(name)} bytes, not 1 to {XATTR_NAME_MAX}"
        raise FsError(Errno.ERANGE, message, name)


def _check_namespace(name: bytes) -> None:
    """Refuse names that belong to nothing, as Linux's fs/xattr.c:xattr_resolve_name."""
    if not name.startswith((_USER, _TRUSTED, _SECURITY)):
        message = "the name must begin with user., trusted. or security."
        raise FsError(Errno.EOPNOTSUPP, message, name)
    if name in (_USER, _TRUSTED, _SECURITY):
        raise FsError(Errno.EINVAL, "a namespace without a name", name)


def _check_may_change(inode: Inode, name: bytes, caller: Caller) -> None:
    """As fs/xattr.c:xattr_permission and security/commoncap.c:cap_inode_setxattr."""
    if name.startswith(_SYSTEM):
        return
    if name.startswith((_TRUSTED, _SECURITY)):
        is_capability = name == CAPABILITY
        needed = Capability.SETFCAP if is_capability else Capability.SYS_ADMIN
        if not caller.has(needed):
            raise FsError(Errno.EPERM, f"it takes the capability {needed.name}", name)
        return
    if name.startswith(_USER):
        if not isinstance(inode, RegularFile | Directory):
            message = "only files and directories have user attributes"
            raise FsError(Errno.EPERM, message, name)
        if isinstance(inode, Directory) and inode.mode & S_ISVTX:
            check_is_owner(inode, caller)
    check_access(inode, W_OK, caller)


def _check_may_read(inode: Inode, name: bytes, caller: Caller) -> None:
    if name.startswith((_SYSTEM, _SECURITY)):
        return
    if name.startswith(_TRUSTED):
        if not caller.has(Capability.SYS_ADMIN):
            raise FsError(Errno.ENODATA, path=name)
        return
    if name.startswith(_USER) and not isinstance(inode, RegularFile | Directory):
        raise FsError(Errno.ENODATA, path=name)
    check_access(inode, R_OK, caller)


# --- access control lists --------------------------------------------------------


def _check_has_acls(inode: Inode, name: bytes) -> None:
    if isinstance(inode, Symlink):
        message = "a symbolic link has no access control list"
        raise FsError(Errno.EOPNOTSUPP, message, name)


def _set_acl(
    table: InodeTable,
    inode: Inode,
    name: bytes,
    entries: list[_acl.Entry],
    caller: Caller,
) -> None:
    """Set a list, or remove it if it has no entries; in step with the mode.

    As Linux's fs/posix_acl.c:set_posix_acl and posix_acl_update_mode.
    """
    _check_has_acls(inode, name)
    if name == _acl.DEFAULT and not isinstance(inode, Directory):
        if entries:
            raise FsError(Errno.EACCES, "only a directory has a default list", name)
        return
    check_is_owner(inode, caller)
    if entries:
        _acl.check_valid(entries)
    mode = inode.mode
    is_kept = bool(entries)
    if entries and name == _acl.ACCESS:
        mode = _acl.mode_of(entries, mode)
        is_kept = _acl.is_more_than_a_mode(entries)
        if not may_set_gid_bit(inode.gid, caller):
            mode &= ~S_ISGID
    old = inode.xattrs or _NONE
    new = {**old, name: _acl.dump(entries)} if is_kept else _without(old, name)
    _change(table, inode, new, mode)


# --- changing --------------------------------------------------------------------


def fit(xattrs: Xattrs) -> bool:
    """Whether an inode can have so much of attributes."""
    names = sum(len(name) + 1 for name in xattrs)
    return max(names, sum(map(len, xattrs.values()))) <= XATTR_SIZE_MAX


def _without(xattrs: Xattrs, name: bytes) -> Xattrs:
    return {each: value for each, value in xattrs.items() if each != name}


def _change(
    table: InodeTable, inode: Inode, xattrs: Xattrs, mode: int | None = None
) -> None:
    """Give an inode other attributes, with what they cost, and stamp it."""
    if not fit(xattrs):
        message = f"an inode has {XATTR_SIZE_MAX} bytes for the values of attributes"
        raise FsError(Errno.ENOSPC, f"{message}, and as many for their names")
    table.check_pages(xattr_pages(xattrs) - xattr_pages(inode.xattrs))
    inode = table.edit(inode)
    replace(table, inode, xattrs)
    inode.mode = inode.mode if mode is None else mode
    inode.ctime_ns = table.clock.now_ns()
    table.note_attributes(inode.ino)


def replace(table: InodeTable, inode: Inode, xattrs: Xattrs) -> None:
    """Give an inode, edited, other attributes; keep the account of pages."""
    table.pages_used += xattr_pages(xattrs) - xattr_pages(inode.xattrs)
    inode.xattrs = dict(xattrs) or None


def drop(table: InodeTable, inode: Inode, name: bytes) -> None:
    """Take an attribute off an inode, edited, if it has it."""
    if inode.xattrs is not None and name in inode.xattrs:
        replace(table, inode, _without(inode.xattrs, name))
