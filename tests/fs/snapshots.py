"""Snapshots made by hand, item by item: right ones, and ones that lie.

This is the format's description once more, independent of the code that is tested.
"""

from hashlib import sha256
from typing import Any

import cbor2

MAGIC = b"devdevfs"
PAGE = 4096
Items = list[Any]
"""What one inode consists of: itself, and its runs or entries."""

DIRECTORY, REGULAR, SYMLINK, FIFO, BLOCK = (
    0o040755,
    0o100644,
    0o120777,
    0o010600,
    0o060600,
)
TIMES = [10, 20, 30, 40]


def encode(item: object) -> bytes:
    return cbor2.dumps(item, canonical=True)


def head(major: int, number: int) -> bytes:
    """The head of an item, in its shortest form (RFC 8949 section 3)."""
    first, *rest = encode(number)
    return bytes([first | major << 5, *rest])


def seal(body: bytes) -> bytes:
    """A snapshot with the right checksum, whatever is in it."""
    return body + encode([sha256(body).digest()])


def image(
    *inodes: Items, version: Any = 1, next_ino: Any = 10, count: Any = None
) -> bytes:
    """A sealed snapshot of these inodes."""
    count = len(inodes) if count is None else count
    items: Items = [[version, next_ino, 100, 200, count]]
    for inode in inodes:
        items += inode
    return seal(MAGIC + b"".join(map(encode, items)))


def inode(ino: Any, mode: Any, body: Any, *, times: Any = TIMES) -> Items:
    return [[ino, mode, 0, 0, *times, body]]


def directory(ino: int, entries: Any, *, mode: int = DIRECTORY) -> Items:
    """A directory; `entries` is a mapping, or pairs, of names and numbers."""
    pairs = [list(pair) for pair in dict(entries).items()]
    return [*inode(ino, mode, [len(pairs)]), *([pairs] if pairs else [])]


def regular(ino: int, size: Any = 0, *runs: Any) -> Items:
    return [*inode(ino, REGULAR, [size, len(runs)]), *map(list, runs)]


def symlink(ino: int, target: Any = b"target") -> Items:
    return inode(ino, SYMLINK, [target])


def special(ino: int, mode: int, device: Any = 0) -> Items:
    return inode(ino, mode, [device])
