"""POSIX access control lists: who may do what, beside what the mode says (acl(5)).

An inode has its lists as the extended attributes `ACCESS` and, a directory, `DEFAULT`,
in the form in which Linux hands them to programs: a version and entries of tag,
permissions and number, in little endian (uapi/linux/posix_acl_xattr.h).

INVARIANT: an access list names users or groups, or has a mask; what it says of the
owner, of the mask and of others is what the mode says. Any other list is nothing
but a mode, and is kept as one.
"""

import re
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from devdev_fs._errno import Errno, FsError
from devdev_fs._types import Caller

ACCESS = b"system.posix_acl_access"
DEFAULT = b"system.posix_acl_default"
NAMES = (ACCESS, DEFAULT)

_HEADER = Struct("<I")
_ENTRY = Struct("<HHI")
_VERSION = 2
_NO_ID = 2**32 - 1


class Tag(IntEnum):
    """Whom an entry is about."""

    OWNER = 0x01
    USER = 0x02
    OWNING_GROUP = 0x04
    GROUP = 0x08
    MASK = 0x10
    """The most that USER, OWNING_GROUP and GROUP entries give."""
    OTHERS = 0x20


_TAGS = frozenset(int(tag) for tag in Tag)
_SHAPE = re.compile(rb"\x01(\x02*)\x04(\x08*)(\x10?)\x20", re.DOTALL)


class Entry(NamedTuple):
    """One line of a list."""

    tag: int
    perm: int
    number: int
    """The user or group; without meaning for other tags."""


def parse(value: bytes) -> list[Entry]:
    """The entries of a list, which may be none.

    Raises:
        FsError: EINVAL (malformed), EOPNOTSUPP (another version).
    """
    if not value:
        return []
    if len(value) < _HEADER.size:
        raise FsError(Errno.EINVAL, "an access control list without a header")
    if _HEADER.unpack_from(value)[0] != _VERSION:
        raise FsError(Errno.EOPNOTSUPP, "an access control list of another version")
    if (len(value) - _HEADER.size) % _ENTRY.size:
        raise FsError(Errno.EINVAL, "an access control list that is cut off")
    entries = [Entry(*each) for each in _ENTRY.iter_unpack(value[_HEADER.size :])]
    for tag, _, number in entries:
        if tag not in _TAGS or (number == _NO_ID and tag in (Tag.USER, Tag.GROUP)):
            message = f"an entry with tag {tag:#x} and number {number}"
            raise FsError(Errno.EINVAL, message)
    return entries


def check_valid(entries: list[Entry]) -> None:
    """Refuse what is no list, as Linux's fs/posix_acl.c:posix_acl_valid.

    Raises:
        FsError: EINVAL (entries are missing, out of order, or need a mask; other
            permissions than read, write and execute).
    """
    shape = _SHAPE.fullmatch(bytes(entry.tag for entry in entries))
    if shape is None:
        message = "entries are missing or not in order: owner, users, group, groups,"
        raise FsError(Errno.EINVAL, f"{message} mask, others")
    users, groups, mask = shape.groups()
    if (users or groups) and not mask:
        raise FsError(Errno.EINVAL, "a list with named users or groups needs a mask")
    if any(entry.perm > 7 for entry in entries):
        raise FsError(Errno.EINVAL, "permissions other than read, write and execute")


def dump(entries: list[Entry]) -> bytes:
    """The list as an attribute's value."""
    return _HEADER.pack(_VERSION) + b"".join(_ENTRY.pack(*each) for each in entries)


def _shifts(entries: list[Entry]) -> dict[int, int]:
    """Where in the mode the permissions of an entry are, by tag: of three entries.

    The mode's group bits are the mask, where there is one.
    """
    has_mask = any(entry.tag == Tag.MASK for entry in entries)
    group_class = Tag.MASK if has_mask else Tag.OWNING_GROUP
    return {Tag.OWNER: 6, group_class: 3, Tag.OTHERS: 0}


def is_more_than_a_mode(entries: list[Entry]) -> bool:
    """Whether the list has a mask, and so, it may be, named users or groups."""
    return Tag.MASK in _shifts(entries)


def mode_of(entries: list[Entry], mode: int) -> int:
    """The mode with the permissions that the list says."""
    shifts = _shifts(entries)
    for entry in entries:
        if entry.tag in shifts:
            at = shifts[entry.tag]
            mode = mode & ~(7 << at) | entry.perm << at
    return mode


def with_mode(value: bytes, mode: int) -> bytes:
    """The list after chmod(2) (fs/posix_acl.c:__posix_acl_chmod_masq)."""
    entries = parse(value)
    shifts = _shifts(entries)
    return dump(
        [
            entry._replace(perm=mode >> shifts[entry.tag] & 7)
            if entry.tag in shifts
            else entry
            for entry in entries
        ]
    )


def in_step(xattrs: dict[bytes, bytes] | None, mode: int) -> dict[bytes, bytes] | None:
    """An inode's attributes once it has that mode: the access list follows."""
    if xattrs is None or ACCESS not in xattrs:
        return xattrs
    return {**xattrs, ACCESS: with_mode(xattrs[ACCESS], mode)}


def inherit(value: bytes, mode: int) -> tuple[int, bytes | None]:
    """The mode and the access list of what is made below a default list.

    Each permission must be in the list and in the mode asked for; the umask is not
    looked at (fs/posix_acl.c:posix_acl_create_masq).
    """
    entries = parse(value)
    shifts = _shifts(entries)
    for index, entry in enumerate(entries):
        if entry.tag in shifts:
            at = shifts[entry.tag]
            entries[index] = entry._replace(perm=entry.perm & mode >> at)
    mode = mode_of(entries, mode)
    return mode, dump(entries) if is_more_than_a_mode(entries) else None


def permits(value: bytes, mode: int, gid: int, mask: int, caller: Caller) -> bool:
    """Whether the list gives the access to someone who is not the owner.

    The first user entry decides, otherwise the first group entry that gives all of
    it; only who is in none of them is one of the others
    (fs/posix_acl.c:posix_acl_permission).
    """
    limit = mode >> 3
    is_named = False
    for tag, perm, number in parse(value):
        if tag == Tag.USER and number == caller.uid:
            return not mask & ~(perm & limit)
        if tag in (Tag.OWNING_GROUP, Tag.GROUP):
            group = gid if tag == Tag.OWNING_GROUP else number
            if caller.is_in(group):
                is_named = True
                if not mask & ~perm:
                    return not mask & ~limit
    return not is_named and not mask & ~mode
