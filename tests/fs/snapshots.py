"""Snapshots made by hand, item by item: right ones, and ones that lie.

This is the format's description once more, independent of the code that is tested.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import cbor2

from tests.fs import reader

MAGIC = b"devdevfs"
PAGE = 4096
DIRECTORY, REGULAR, SYMLINK, FIFO, BLOCK = (
    0o040755,
    0o100644,
    0o120777,
    0o010600,
    0o060600,
)
TIMES = [10, 20, 30, 40]
END_SIZE = 69
"""Bytes of a section's last item: two digests."""


@dataclass
class Record:
    """What is said of one inode: its first item, and what comes behind that."""

    head: Any
    blocks: Sequence[Any] = ()
    """The blocks behind the first item; or digests of buckets that are known."""
    parts: Sequence[Sequence[Any]] = ()
    """What else a digest is taken of: the items of each."""
    are_buckets: bool = False
    """Whether those are buckets of names, whose digests come before them."""
    pages: int = 0

    def encoded(self) -> bytes:
        rest = [item for part in self.parts for item in part]
        if self.are_buckets:
            rest = [self.part_digests(), *rest]
        return b"".join(map(encode, [self.head, *self.blocks, *rest]))

    def part_digests(self) -> list[bytes]:
        return [sha256(b"".join(map(encode, part))).digest() for part in self.parts]

    def digest(self) -> bytes:
        return sha256(encode(self.head) + b"".join(self.part_digests())).digest()


@dataclass
class Header:
    """The numbers of an image; what is None follows from the inodes."""

    version: Any = 3
    next_ino: Any = 10
    max_pages: Any = 100
    max_inodes: Any = 200
    count: Any = None
    pages: Any = None
    base: Any = b""
    removed: Any = 0
    records: Any = None
    about: Any = field(default_factory=list)
    left: Any = 0

    def items(self, records: Sequence[Record]) -> list[Any]:
        count = len(records) if self.count is None else self.count
        pages = sum(record.pages for record in records)
        return [
            *(self.version, self.next_ino, self.max_pages, self.max_inodes, count),
            pages if self.pages is None else self.pages,
            *(self.base, self.removed),
            count if self.records is None else self.records,
            *(self.about, self.left),
        ]


def encode(item: object) -> bytes:
    return cbor2.dumps(item, canonical=True)


def head(major: int, number: int) -> bytes:
    """The head of an item, in its shortest form (RFC 8949 section 3)."""
    first, *rest = encode(number)
    return bytes([first | major << 5, *rest])


def seal(body: bytes, base: reader.State | None = None) -> bytes:
    """A snapshot with an end that looks right, whatever is before it.

    It is right if what is before it can be read so far.
    """
    end = encode([bytes(32), bytes(32)])
    try:
        for section in reader.sections(body + end, base, check=False):
            end = section.end()
    except Exception:
        return body + end
    return body + end


def image(*records: Record, **numbers: Any) -> bytes:
    """A sealed snapshot of these inodes."""
    header = Header(**numbers).items(records)
    return seal(MAGIC + encode(header) + b"".join(one.encoded() for one in records))


def change(
    before: bytes, *records: Record, gone: Sequence[int] = (), **numbers: Any
) -> bytes:
    """A sealed snapshot of what differs from another one."""
    (base,) = reader.read(before)
    defaults = {
        "base": base.digest(),
        "count": base.numbers[4],
        "pages": base.numbers[5],
        "removed": len(gone),
        "records": len(records),
    }
    header = Header(**defaults | numbers).items(records)
    items = [header, list(gone)] if gone else [header]
    body = b"".join([*map(encode, items), *(one.encoded() for one in records)])
    return seal(MAGIC + body, base)


def inode(
    ino: Any, mode: Any, *body: Any, times: Any = TIMES, xattrs: Any = ()
) -> Record:
    return Record([ino, mode, 0, 0, *times, list(xattrs), *body])


def directory(
    ino: int, names: Any, *, mode: int = DIRECTORY, next_cookie: Any = None
) -> Record:
    """A directory; `names` is a mapping, or pairs, of names and numbers."""
    pairs = list(dict(names).items())
    flat = [
        part
        for cookie, (name, number) in enumerate(pairs, 3)
        for part in (name, number, cookie)
    ]
    last = len(pairs) + 3 if next_cookie is None else next_cookie
    return inode(ino, mode, len(pairs), last, flat)


def regular(ino: int, size: Any = 0, *extents: Any, blocks: Any = ()) -> Record:
    """A file; an extent is a number, two sets of pages, and what is in them.

    A long content becomes a block; `blocks` are further ones.
    """
    flat: list[Any] = []
    found: list[Any] = []
    pages = 0
    for number, held, zeros, content in extents:
        if isinstance(content, bytes) and len(content) >= 32:
            found.append(content)
            content = sha256(content).digest()
        flat += [number, held, zeros, content]
        pages += (held | zeros).bit_count() if isinstance(held, int) else 0
    record = inode(ino, REGULAR, size, len(extents), flat)
    record.blocks, record.pages = [*found, *blocks], pages
    return record


def symlink(ino: int, target: Any = b"target") -> Record:
    return inode(ino, SYMLINK, target)


def special(ino: int, mode: int, device: Any = 0) -> Record:
    return inode(ino, mode, device)
