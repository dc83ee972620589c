"""Security descriptors ([MS-DTYP] 2.4.6) from owner, group and mode, and back.

The list says what the mode says: who owns it, the group and everybody have their
bits, and where a bit is taken from who would get it by a later entry, it is denied
first. So a mode survives the way there and back; a list that says more than a mode
becomes the mode that its entries for these three come to.

Who may read a file may execute it: Windows has programs by their names' endings, and
what a program there makes must be runnable. A file's own bits to execute stay as they
are, unseen.
"""

import struct
from dataclasses import dataclass, replace
from enum import IntFlag

from devdev_fs import R_OK, W_OK, X_OK, Stat

OWNER_SECURITY_INFORMATION = 1
GROUP_SECURITY_INFORMATION = 2
DACL_SECURITY_INFORMATION = 4


class Access(IntFlag):
    """Rights to a file or directory (winnt.h)."""

    READ_DATA = 0x1
    """Of a directory: to list it."""
    WRITE_DATA = 0x2
    """Of a directory: to make files in it."""
    APPEND_DATA = 0x4
    """Of a directory: to make directories in it."""
    READ_EA = 0x8
    WRITE_EA = 0x10
    EXECUTE = 0x20
    """Of a directory: to look names up in it."""
    DELETE_CHILD = 0x40
    READ_ATTRIBUTES = 0x80
    WRITE_ATTRIBUTES = 0x100
    DELETE = 0x10000
    READ_CONTROL = 0x20000
    WRITE_DAC = 0x40000
    WRITE_OWNER = 0x80000
    SYNCHRONIZE = 0x100000


_READ = Access.READ_DATA | Access.READ_EA
_WRITE = (
    Access.WRITE_DATA | Access.APPEND_DATA | Access.WRITE_EA | Access.WRITE_ATTRIBUTES
)
_EVERYBODYS = Access.READ_ATTRIBUTES | Access.READ_CONTROL | Access.SYNCHRONIZE
_OWNERS = _EVERYBODYS | Access.WRITE_ATTRIBUTES | Access.WRITE_DAC | Access.WRITE_OWNER
_ALL = 0x1F01FF
_GENERIC = (
    (0x80000000, 0x120089),  # GENERIC_READ
    (0x40000000, 0x120116),  # GENERIC_WRITE
    (0x20000000, 0x1200A0),  # GENERIC_EXECUTE
    (0x10000000, _ALL),  # GENERIC_ALL
)
"""What generic rights come to, of files."""

_ALLOWED, _DENIED = 0, 1  # types of entries
_INHERIT_ONLY = 8  # a flag: it is not for this object

_DACL_PRESENT, _DACL_PROTECTED, _SELF_RELATIVE = 0x4, 0x1000, 0x8000

_HEADER = struct.Struct("<BBHIIII")  # revision, 0, control; owner, group, SACL, DACL
_ACL = struct.Struct("<BBHHH")  # revision, 0, size, count, 0
_ACE = struct.Struct("<BBHI")  # type, flags, size, access
_REVISION = 1
_ACL_REVISION = 2


@dataclass(frozen=True, slots=True)
class Sid:
    """A security identifier: an authority's number and more numbers below it."""

    authority: int
    parts: tuple[int, ...]

    def pack(self) -> bytes:
        """Its bytes."""
        count = len(self.parts)
        parts = struct.pack(f"<{count}I", *self.parts)
        return bytes([_REVISION, count]) + self.authority.to_bytes(6, "big") + parts

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> "Sid":
        """Of its bytes.

        Raises:
            ValueError: they are no identifier's.
        """
        if len(data) < offset + 8 or data[offset] != _REVISION:
            raise ValueError("no security identifier")
        count, authority = data[offset + 1], data[offset + 2 : offset + 8]
        if len(data) < offset + 8 + 4 * count:
            raise ValueError("a security identifier that is cut off")
        parts = struct.unpack_from(f"<{count}I", data, offset + 8)
        return cls(int.from_bytes(authority, "big"), parts)

    def __str__(self) -> str:
        return "-".join(map(str, ("S", _REVISION, self.authority, *self.parts)))


EVERYONE = Sid(1, (0,))
SYSTEM = Sid(5, (18,))
_USER, _GROUP = (1,), (2,)
_UNIX = 22
"""Samba's authority for the users and groups of a Unix host: S-1-22-1 and S-1-22-2."""


def sid_of_user(uid: int) -> Sid:
    """A user of the store, whom Windows does not know."""
    return Sid(_UNIX, (*_USER, uid))


def sid_of_group(gid: int) -> Sid:
    """A group of the store, which Windows does not know."""
    return Sid(_UNIX, (*_GROUP, gid))


def user_of(sid: Sid) -> int | None:
    """The user of the store that it is; None if it is none."""
    return _unix_number(sid, _USER)


def group_of(sid: Sid) -> int | None:
    """The group of the store that it is; None if it is none."""
    return _unix_number(sid, _GROUP)


def _unix_number(sid: Sid, kind: tuple[int, ...]) -> int | None:
    if sid.authority == _UNIX and len(sid.parts) == 2 and sid.parts[:1] == kind:
        return sid.parts[1]
    return None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an access control list: it allows or denies rights to somebody."""

    sid: Sid
    access: int
    is_denial: bool = False


@dataclass(frozen=True, slots=True)
class Descriptor:
    """Who owns something, and who may do what with it."""

    owner: Sid | None
    group: Sid | None
    entries: tuple[Entry, ...] | None
    """None is no list at all: everybody may do everything."""

    def pack(self) -> bytes:
        """Its bytes, self-relative; the list is not inherited from above."""
        owner = self.owner.pack() if self.owner else b""
        group = self.group.pack() if self.group else b""
        acl = b"" if self.entries is None else _pack_list(self.entries)
        at_group = _HEADER.size + len(owner)
        control = _SELF_RELATIVE | _DACL_PRESENT | _DACL_PROTECTED
        header = _HEADER.pack(
            _REVISION,
            0,
            control,
            _HEADER.size if owner else 0,
            at_group if group else 0,
            0,
            at_group + len(group) if acl else 0,
        )
        return header + owner + group + acl

    @classmethod
    def unpack(cls, data: bytes) -> "Descriptor":
        """Of its bytes, self-relative. Entries of kinds that no mode can show are left.

        Raises:
            ValueError: they are none.
        """
        if len(data) < _HEADER.size:
            raise ValueError("no security descriptor")
        revision, _, control, owner, group, _, acl = _HEADER.unpack_from(data)
        if revision != _REVISION or not control & _SELF_RELATIVE:
            raise ValueError("a security descriptor of another form")
        has_list = control & _DACL_PRESENT and acl
        return cls(
            Sid.unpack(data, owner) if owner else None,
            Sid.unpack(data, group) if group else None,
            _unpack_list(data, acl) if has_list else None,
        )

    def changed(self, information: int, given: "Descriptor") -> "Descriptor":
        """What it becomes when parts of another are set: SECURITY_INFORMATION bits."""
        result = self
        if information & OWNER_SECURITY_INFORMATION:
            result = replace(result, owner=given.owner)
        if information & GROUP_SECURITY_INFORMATION:
            result = replace(result, group=given.group)
        if information & DACL_SECURITY_INFORMATION:
            result = replace(result, entries=given.entries)
        return result


def describe(stat: Stat, owner: Sid, group: Sid, *, others: bool = True) -> Descriptor:
    """The descriptor of an inode, which those are said to own.

    Without `others` only the owner is let in.
    """
    entries = _entries(stat, owner, group)
    if not others:
        entries = [entry for entry in entries if entry.sid in (owner, SYSTEM)]
    return Descriptor(owner, group, tuple(entries))


def mode_of(descriptor: Descriptor, stat: Stat, *, others: bool = True) -> int:
    """The permissions that a descriptor comes to, for an inode as it is now.

    Without `others` only the owner's are looked at.
    """
    mode = stat.perm & (0o7000 if others else 0o7077)
    who = ((descriptor.owner, 6), (descriptor.group, 3), (None, 0))
    for sid, shift in who if others else who[:1]:
        mode |= _bits(_granted(descriptor, sid), stat) << shift
    if not stat.is_dir:
        mode |= stat.perm & 0o111
    return mode


def _entries(stat: Stat, owner: Sid, group: Sid) -> list[Entry]:
    mode = stat.mode
    owners, groups, others = (_rights(mode >> shift, stat) for shift in (6, 3, 0))
    entries = [
        Entry(owner, (groups | others) & ~(owners | _OWNERS), is_denial=True),
        Entry(owner, owners | _OWNERS),
        Entry(group, others & ~(groups | _EVERYBODYS), is_denial=True),
        Entry(group, groups | _EVERYBODYS),
        Entry(EVERYONE, others | _EVERYBODYS),
        # Windows itself: services, indexing, and what maps a program into memory.
        Entry(SYSTEM, _ALL),
    ]
    return [entry for entry in entries if entry.access]


def _rights(bits: int, stat: Stat) -> int:
    """The rights that three bits of a mode come to."""
    rights = 0
    if bits & R_OK:
        rights |= _READ if stat.is_dir else _READ | Access.EXECUTE
    if bits & W_OK:
        rights |= _WRITE
    if stat.is_dir and bits & X_OK:
        rights |= Access.EXECUTE
        if bits & W_OK and not stat.mode & 0o1000:
            rights |= Access.DELETE_CHILD
    return rights


def _bits(rights: int, stat: Stat) -> int:
    """Three bits of a mode, of the rights that somebody has."""
    bits = R_OK if rights & Access.READ_DATA else 0
    bits |= W_OK if rights & Access.WRITE_DATA else 0
    bits |= X_OK if stat.is_dir and rights & Access.EXECUTE else 0
    return bits


def _granted(descriptor: Descriptor, sid: Sid | None) -> int:
    """What somebody may do: of each right, the first entry that has it decides."""
    if descriptor.entries is None:
        return _ALL
    allowed = denied = 0
    for entry in descriptor.entries:
        if entry.sid not in (sid, EVERYONE):
            continue
        access = _specific(entry.access)
        if entry.is_denial:
            denied |= access & ~allowed
        else:
            allowed |= access & ~denied
    return allowed


def _specific(access: int) -> int:
    """Rights, with the generic ones as what they come to."""
    for generic, rights in _GENERIC:
        if access & generic:
            access |= rights
    return access & _ALL


def _pack_list(entries: tuple[Entry, ...]) -> bytes:
    packed = b""
    for entry in entries:
        sid = entry.sid.pack()
        kind = _DENIED if entry.is_denial else _ALLOWED
        packed += _ACE.pack(kind, 0, _ACE.size + len(sid), entry.access) + sid
    size = _ACL.size + len(packed)
    return _ACL.pack(_ACL_REVISION, 0, size, len(entries), 0) + packed


def _unpack_list(data: bytes, offset: int) -> tuple[Entry, ...]:
    if len(data) < offset + _ACL.size:
        raise ValueError("an access control list that is cut off")
    _, _, _, count, _ = _ACL.unpack_from(data, offset)
    offset += _ACL.size
    entries = []
    for _ in range(count):
        if len(data) < offset + _ACE.size:
            raise ValueError("an access control list that is cut off")
        kind, flags, size, access = _ACE.unpack_from(data, offset)
        if kind in (_ALLOWED, _DENIED) and not flags & _INHERIT_ONLY:
            sid = Sid.unpack(data, offset + _ACE.size)
            entries.append(Entry(sid, access, kind == _DENIED))
        offset += max(size, _ACE.size)
    return tuple(entries)
