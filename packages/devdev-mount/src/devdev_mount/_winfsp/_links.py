r"""Symbolic links as reparse points ([MS-FSCC] 2.1.2.4), and back.

A link that is absolute in the store is one from the root of the mount, where the API
follows it from too. One to a drive (`C:\x`) is kept as `C:/x`.
"""

import re
import struct

from devdev_mount._winfsp._names import shown, stored
from devdev_mount._winfsp._ntstatus import NtError, NtStatus

TAG = 0xA000000C
"""IO_REPARSE_TAG_SYMLINK."""

_RELATIVE = 1
_ROOM = 16384 - 20  # of the longest reparse point, for both names
_HEADER = struct.Struct("<IHH")  # tag, length of what follows, 0
_SYMLINK = struct.Struct("<HHHHI")  # substitute name, print name: offset, length; flags
_TO_DRIVE = re.compile(r"[A-Za-z]:(?:[\\/]|$)")
_NT_PREFIX = "\\??\\"


def target_shown(target: bytes) -> str:
    """The target of a link of the store, as Windows writes paths."""
    text = target.decode("utf-8", "surrogateescape")
    drive = ""
    if _TO_DRIVE.match(text):
        drive, target = text[:2], target[2:]
    parts = [part for part in target.split(b"/") if part]
    shown_parts = [
        part.decode() if part in (b".", b"..") else shown(part) for part in parts
    ]
    root = "\\" if target.startswith(b"/") else ""
    return drive + root + "\\".join(shown_parts)


def target_stored(target: str) -> bytes:
    """The target that a link of the store gets.

    Raises:
        NtError: OBJECT_NAME_INVALID: there is no such name; IO_REPARSE_DATA_INVALID:
            it is on a network share, or relative to a drive's current directory.
    """
    target = target.removeprefix(_NT_PREFIX)
    drive = b""
    if _TO_DRIVE.match(target):
        drive, target = target[:2].encode(), target[2:]
    if target.startswith(("\\\\", "UNC\\")) or ":" in target:
        raise NtError(NtStatus.IO_REPARSE_DATA_INVALID)
    parts = [part for part in target.replace("/", "\\").split("\\") if part]
    stored_parts = [
        part.encode() if part in (".", "..") else stored(part) for part in parts
    ]
    root = b"/" if target.startswith(("\\", "/")) else b""
    return drive + root + b"/".join(stored_parts)


def is_to_drive(target: str) -> bool:
    """Whether a target, as it is shown, leaves the mount."""
    return bool(_TO_DRIVE.match(target))


def pack(target: str) -> bytes:
    """The reparse point of a link to a target, as it is shown."""
    is_absolute = is_to_drive(target)
    substitute = (_NT_PREFIX + target if is_absolute else target).encode("utf-16-le")
    printed = target.encode("utf-16-le")
    if len(substitute) + len(printed) > _ROOM:
        printed = b""  # it is for people, and the longest targets have no room for it
    symlink = _SYMLINK.pack(
        *(0, len(substitute), len(substitute), len(printed)),
        0 if is_absolute else _RELATIVE,
    )
    body = symlink + substitute + printed
    return _HEADER.pack(TAG, len(body), 0) + body


def unpack(data: bytes) -> str:
    """The target in a reparse point.

    Raises:
        NtError: IO_REPARSE_TAG_NOT_HANDLED: it is of another kind;
            IO_REPARSE_DATA_INVALID: it is cut off, or no text.
    """
    if len(data) < _HEADER.size:
        raise NtError(NtStatus.IO_REPARSE_DATA_INVALID)
    tag, _, _ = _HEADER.unpack_from(data)
    if tag != TAG:
        raise NtError(NtStatus.IO_REPARSE_TAG_NOT_HANDLED)
    begin = _HEADER.size + _SYMLINK.size
    if len(data) < begin:
        raise NtError(NtStatus.IO_REPARSE_DATA_INVALID)
    offset, length, *_ = _SYMLINK.unpack_from(data, _HEADER.size)
    name = data[begin + offset : begin + offset + length]
    if not name or len(name) != length or length % 2:
        raise NtError(NtStatus.IO_REPARSE_DATA_INVALID)
    return name.decode("utf-16-le", "surrogatepass")
