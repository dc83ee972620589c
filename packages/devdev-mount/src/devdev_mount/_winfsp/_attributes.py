"""File attributes ([MS-FSCC] 2.6), from an inode and back.

What a mode has no bit for is kept in the extended attribute that Samba keeps it in.
"""

from enum import IntFlag

from devdev_fs import Kind, Stat

STORED_IN = b"user.DOSATTRIB"
"""Samba's, in its text form: `0x` and the number in hexadecimal."""

UNCHANGED = 0xFFFFFFFF
"""INVALID_FILE_ATTRIBUTES: leave the attributes as they are."""

_WRITE_BITS = 0o222


class Attribute(IntFlag):
    """FILE_ATTRIBUTE_..."""

    READONLY = 0x1
    HIDDEN = 0x2
    SYSTEM = 0x4
    DIRECTORY = 0x10
    ARCHIVE = 0x20
    DEVICE = 0x40
    NORMAL = 0x80
    SPARSE_FILE = 0x200
    REPARSE_POINT = 0x400
    NOT_CONTENT_INDEXED = 0x2000


_KEPT = (
    Attribute.HIDDEN
    | Attribute.SYSTEM
    | Attribute.ARCHIVE
    | Attribute.NOT_CONTENT_INDEXED
)


def attributes(stat: Stat, kept: bytes = b"") -> Attribute:
    """What Windows is told of an inode.

    Args:
        stat: the inode.
        kept: its extended attribute `STORED_IN`, or nothing.
    """
    found = _parsed(kept)
    if stat.is_dir:
        found |= Attribute.DIRECTORY
    elif stat.is_symlink:
        found |= Attribute.REPARSE_POINT
    elif not stat.is_file:
        found |= Attribute.DEVICE
    if not stat.is_dir and not stat.is_symlink and not stat.mode & _WRITE_BITS:
        found |= Attribute.READONLY
    return found or Attribute.NORMAL


def to_keep(given: int) -> bytes:
    """What to keep of attributes that are set; nothing if the mode says it all."""
    kept = given & _KEPT
    return b"0x%x" % kept if kept else b""


def mode_with(mode: int, given: int) -> int:
    """Permissions after attributes were set.

    READONLY takes the right to write from everybody. Without it the owner has it, if
    nobody had; a directory's is for its own affairs (its icon), and does not count.
    """
    if mode & 0o170000 == Kind.DIRECTORY:
        return mode
    if given & Attribute.READONLY:
        return mode & ~_WRITE_BITS
    return mode if mode & _WRITE_BITS else mode | 0o200


def _parsed(kept: bytes) -> Attribute:
    try:
        number = int(kept.rstrip(b"\0"), 16) if kept.startswith(b"0x") else 0
    except ValueError:
        number = 0
    return Attribute(number & _KEPT)
