"""Snapshots that are not what dump writes, and what the error says of each."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from zlib import crc32

from tests.fs.snapshots import (
    BLOCK,
    DIRECTORY,
    END_SIZE,
    FIFO,
    MAGIC,
    PAGE,
    REGULAR,
    SYMLINK,
    TIMES,
    Record,
    directory,
    encode,
    head,
    image,
    inode,
    regular,
    seal,
    special,
    symlink,
)

ROOT = directory(1, {})
LONG_DATA = b"x" * 40
GOOD = image(
    directory(1, {b"d": 2, b"l": 4, b"p": 5}),
    directory(2, {b"f": 3, b"g": 3, b"h": 6}),
    regular(3, 2 * PAGE, [0, 2, 0, b"x"]),
    symlink(4, b"d/f"),
    special(5, BLOCK, 7),
    regular(6, 3 * PAGE, [0, 1, 2, LONG_DATA]),
)
BODY = GOOD[:-END_SIZE]
HOLES = 64 * PAGE


def root_of(*flat: Any, count: Any = None, next_cookie: Any = 100) -> Record:
    """A root with these names, numbers and cookies."""
    names = len(flat) // 3 if count is None else count
    return inode(1, DIRECTORY, names, next_cookie, list(flat))


def one_entry(name: Any, ino: Any, cookie: Any = 3) -> bytes:
    """A root with one entry, and one file."""
    return image(root_of(name, ino, cookie), regular(2))


def with_file(file: Record, **numbers: Any) -> bytes:
    """A root with one file."""
    return image(directory(1, {b"f": 2}), file, **numbers)


def extent(*flat: Any, size: Any = 2**30, count: Any = 1, pages: Any = 9) -> bytes:
    """A root with a file with these extents."""
    return with_file(inode(2, REGULAR, size, count, list(flat)), pages=pages)


def block(data: bytes, pages: int = 1, blocks: Any = None) -> bytes:
    """A root with a file of one block; `blocks` is what comes in its place."""
    flat = [0, pages, 0, sha256(data).digest()]
    file = inode(2, REGULAR, HOLES, 1, flat)
    file.blocks = [data] if blocks is None else blocks
    return with_file(file, pages=pages.bit_count())


def body(*parts: bytes) -> bytes:
    """A sealed snapshot of these encoded items, behind a header for one inode."""
    header = [3, 10, 100, 200, 1, 0, b"", 0, 1, [], 0]
    return seal(MAGIC + encode(header) + b"".join(parts))


def root_with(encoded_xattrs: bytes) -> bytes:
    """A root whose extended attributes are these bytes."""
    fields = [1, DIRECTORY, 0, 0, *TIMES]
    rest = b"".join(map(encode, [0, 3, []]))
    return body(head(4, 12) + b"".join(map(encode, fields)) + encoded_xattrs + rest)


def xattrs(*flat: Any, mode: int = DIRECTORY, more: Any = (0, 3, [])) -> bytes:
    """A root with these extended attributes, or a second inode with them."""
    if mode == DIRECTORY:
        return image(inode(1, DIRECTORY, *more, xattrs=flat), pages=99)
    return with_file(inode(2, mode, *more, xattrs=flat), pages=99)


def collide(count: int) -> bytes:
    """A map whose keys all have the hash 0 in CPython."""
    keys = (encode(number * (2**61 - 1)) for number in range(1, count + 1))
    return head(5, count) + b"".join(key + b"\0" for key in keys)


def in_buckets(*buckets: list[list[Any]], count: int = 513) -> bytes:
    """A root with many names, in buckets of these items."""
    record = inode(1, DIRECTORY, count, 2_000, [])
    record.parts, record.are_buckets = buckets, True
    return image(record, regular(2))


def spread(number: int, cookies: Sequence[int] = range(3, 516)) -> list[Any]:
    """One of 16 buckets of 513 names with these cookies."""
    names = [b"%d" % at for at in range(513)]
    assert crc32(names[0]) & 15 != crc32(names[2]) & 15
    return [
        part
        for name, cookie in zip(names, cookies, strict=True)
        if crc32(name) & 15 == number
        for part in (name, 2, cookie)
    ]


def known_buckets(next_cookie: int) -> bytes:
    """A directory with the buckets of another."""
    first, second = (inode(ino, DIRECTORY, 513, 2_000, []) for ino in (1, 2))
    first.parts, first.are_buckets = [[spread(at)] for at in range(16)], True
    second.head[-2], second.blocks = next_cookie, [first.part_digests()]
    return image(first, second)


def with_another_bucket() -> bytes:
    """A directory with a bucket that is not the one named."""
    empty = sha256(encode([])).digest()
    return in_buckets(*[[[]]] * 16)[:-END_SIZE].replace(empty, bytes(32), 1)


ACL = b"\2\0\0\0" + b"".join(
    tag.to_bytes(2, "little") + b"\7\0" + b"\xff" * 4 for tag in (1, 4, 32)
)
F16, F32, F64 = b"\xf9\x3c\x00", b"\xfa\x3f\x80\0\0", b"\xfb\x3f\xf0" + bytes(6)

# name: (the snapshot, what the error says)
HOSTILE: dict[str, tuple[bytes, str]] = {
    # the frame
    "nothing": (b"", "magic"),
    "only the magic": (MAGIC, "ends before a header"),
    "another magic": (b"DEVDEVFS" + GOOD[8:], "magic"),
    "trailing bytes": (GOOD + b"\0", "follow the end"),
    "trailing item": (GOOD + encode([1]), "follow the end"),
    "two snapshots": (GOOD + GOOD, "follow the end"),
    "no end": (BODY, "ends before the end"),
    "a wrong checksum": (GOOD[:-1] + bytes([GOOD[-1] ^ 1]), "the digest is not that"),
    "another digest": (BODY + encode([bytes(32)] * 2), "the digest is not that"),
    "one digest": (BODY + encode([GOOD[-66:-34]]), "the digest is not that"),
    "three digests": (BODY + encode([bytes(32)] * 3), "the digest is not that"),
    "a digest in text": (BODY + encode(["x" * 32] * 2), "the digest is not that"),
    "an end that is none": (BODY + encode(7), "not the end: an array"),
    "an inode too many": (
        seal(BODY + regular(7).encoded()),
        "the digest is not that",
    ),
    # the header
    "a header that is a number": (seal(MAGIC + encode(2)), "not a header: an array"),
    "a map as header": (seal(MAGIC + encode({"a": 1})), "not a header: an array"),
    "an empty header": (seal(MAGIC + encode([])), "version none"),
    "version 2": (image(ROOT, version=2), "version 2 cannot be loaded, only version 3"),
    "version 4": (image(ROOT, version=4), "version 4 cannot"),
    "version true": (image(ROOT, version=True), "a bool cannot"),
    "version 3.0": (image(ROOT, version=3.0), "a float cannot"),
    "version in text": (image(ROOT, version="3"), "a str cannot"),
    "a long version": (image(ROOT, version=2**63), "cannot be loaded"),
    "a short header": (seal(MAGIC + encode([3, 2, 3, 4])), "11 fields are needed"),
    "a long header": (seal(MAGIC + encode([3] * 12)), "11 fields are needed"),
    "next number 1": (image(ROOT, next_ino=1), "not an integer from 2"),
    "next number too large": (image(ROOT, next_ino=2**62), "not an integer from 2"),
    "next number taken": (
        image(ROOT, regular(5), next_ino=5),
        "not an integer from 2 to 4",
    ),
    "negative limit": (image(ROOT, max_pages=-1), "-1 is not an integer from 0"),
    "a page limit beyond 64 bits of bytes": (
        image(ROOT, max_pages=2**51),
        "not an integer from 0",
    ),
    "an inode limit beyond 64 bits": (
        image(ROOT, max_inodes=2**63),
        "not an integer from 0",
    ),
    "no inodes": (image(count=0), "0 is not an integer from 1"),
    "fewer inodes than said": (image(ROOT, count=2), "a bytes is not an integer"),
    "more inodes than said": (
        image(directory(1, {b"f": 2}), regular(2), count=1),
        "means inode 2, which is missing",
    ),
    "fewer records than inodes": (
        image(directory(1, {b"f": 2}), regular(2), records=1),
        "1 is not an integer from 2",
    ),
    "fewer pages than said": (image(ROOT, pages=1), "1 inodes and 0 pages, and the"),
    "more pages than said": (
        with_file(regular(2, HOLES, [0, 3, 0, b"x"]), pages=1),
        "more pages than the header says",
    ),
    "removed without a base": (image(ROOT, removed=1), "not an integer from 0 to 0"),
    "a base of 31 bytes": (image(ROOT, base=b"x" * 31), "a base of 31 bytes"),
    "a base in text": (image(ROOT, base="x"), "byte string of up to 32"),
    "another base": (image(ROOT, base=b"x" * 32), "a change of the image 7878"),
    "a checkpoint first": (
        image(ROOT, about=[1, b"label", 2]),
        "a bytes is not an integer",
    ),
    "what is said beside is a number": (image(ROOT, about=1), "an array is"),
    "too little is said of a checkpoint": (image(ROOT, about=[1]), "3 fields"),
    "a label in text": (image(ROOT, about=[1, "label", 2]), "a str is not an"),
    "next number 0": (image(ROOT, about=[0, 0, 0]), "not an integer from 1"),
    "fewer steps than checkpoints": (image(ROOT, about=[9, 0, 0], left=1), "from 1"),
    "checkpoints and no history": (image(ROOT, left=1), "3 fields are needed"),
    "a checkpoint that is not there": (
        image(ROOT, about=[9, 0, 1], left=1),
        "ends before a header",
    ),
    # inodes
    "an inode of nothing": (image(Record([])), "is not an integer from 1"),
    "an inode with few fields": (
        image(Record([1, DIRECTORY, 0, 0, 1, 2, 3])),
        "of 7 fields",
    ),
    "an inode with a field too few": (
        image(inode(1, DIRECTORY, 0, 3)),
        "not an inode: 12 fields",
    ),
    "an inode with a field too many": (
        image(inode(1, DIRECTORY, 0, 3, [], 5)),
        "not an inode: 12 fields",
    ),
    "an inode that is a number": (image(Record(7)), "not an inode"),
    "inode 0": (image(directory(0, {})), "not an integer from 1"),
    "a negative inode": (image(directory(-1, {})), "not an integer from 1"),
    "an inode number in text": (image(inode("1", DIRECTORY, 0, 3, [])), "a str is not"),
    "the same number twice": (
        image(directory(1, {b"a": 2}), regular(2), regular(2)),
        "2 is not an integer from 3",
    ),
    "numbers that descend": (
        image(directory(1, {b"a": 2, b"b": 3}), regular(3), regular(2)),
        "2 is not an integer from 4",
    ),
    "a mode without a kind": (image(inode(1, 0o755, 0)), "names no kind"),
    "a mode of an unknown kind": (image(inode(1, 0o150755, 0)), "names no kind"),
    "a mode with more bits": (
        image(inode(1, 0o1040755, 0, 3, [])),
        "not an integer from 0",
    ),
    "a negative mode": (image(inode(1, -1, 0, 3, [])), "not an integer from 0"),
    "a negative owner": (
        image(Record([1, DIRECTORY, -1, 0, *TIMES, [], 0, 3, []])),
        "not an integer from 0",
    ),
    "an owner of 33 bits": (
        image(Record([1, DIRECTORY, 0, 2**32, *TIMES, [], 0, 3, []])),
        "not an integer from 0",
    ),
    "a time beyond 64 bits": (
        image(inode(1, DIRECTORY, 0, 3, [], times=[0, 0, 0, 2**63])),
        "not an integer from -",
    ),
    "a time before 64 bits": (
        image(inode(1, DIRECTORY, 0, 3, [], times=[-(2**63) - 1, 0, 0, 0])),
        "not an integer from -",
    ),
    "a time that is a float": (
        image(inode(1, DIRECTORY, 0, 3, [], times=[0.5, 0, 0, 0])),
        "not an integer from -",
    ),
    # extended attributes
    "attributes that are a number": (root_with(b"\1"), "not extended attributes"),
    "an attribute without a value": (xattrs(b"user.a"), "without a value"),
    "an attribute without a name": (xattrs(b"", b"x"), "out of order"),
    "an attribute in text": (xattrs("user.a", b"x"), "byte string of up to 255"),
    "an attribute with a long name": (
        xattrs(b"user." + b"x" * 251, b"x"),
        "byte string of up to 255",
    ),
    "an attribute with a NUL": (xattrs(b"user.\0", b"x"), "or a NUL"),
    "attributes out of order": (
        xattrs(b"user.b", b"x", b"user.a", b"x"),
        "out of order",
    ),
    "an attribute twice": (xattrs(b"user.a", b"x", b"user.a", b"x"), "out of order"),
    "an attribute of no namespace": (xattrs(b"a", b"x"), "cannot have the attribute"),
    "a namespace without a name": (xattrs(b"user.", b"x"), "cannot have the attribute"),
    "a user's attribute of a symlink": (
        xattrs(b"user.a", b"x", mode=SYMLINK, more=[b"target"]),
        "cannot have the attribute",
    ),
    "an attribute of 64 KiB and a byte": (
        xattrs(b"user.a", b"x" * (2**16 + 1)),
        "byte string of up to 65536",
    ),
    "attributes of 64 KiB and a byte": (
        xattrs(b"user.a", b"x" * 2**16, b"user.b", b"x"),
        "too many extended attributes",
    ),
    "attributes with long names": (
        xattrs(*(part for at in range(99, 400) for part in (b"user.%0250d" % at, b""))),
        "too many extended attributes",
    ),
    "attributes that count as pages": (
        image(inode(1, DIRECTORY, 0, 3, [], xattrs=[b"user.a", b"x" * 300])),
        "more pages than the header says",
    ),
    "an access list that is none": (
        xattrs(b"system.posix_acl_access", b"x"),
        "without a header",
    ),
    "an access list that is nothing but a mode": (
        xattrs(b"system.posix_acl_access", ACL),
        "cannot have the attribute",
    ),
    "a default list of a file": (
        xattrs(b"system.posix_acl_default", ACL, mode=REGULAR, more=[0, 0, []]),
        "cannot have the attribute",
    ),
    # files
    "a file without extents": (with_file(inode(2, REGULAR, 0, 0)), "12 fields"),
    "extents that are a number": (
        with_file(inode(2, REGULAR, 9, 0, 5)),
        "not extents: an array",
    ),
    "a negative size": (with_file(regular(2, -1)), "not an integer from 0"),
    "a size beyond 63 bits": (with_file(regular(2, 2**63)), "not an integer from 0"),
    "fewer extents than said": (extent(count=1), "4 fields are needed, not 0"),
    "more extents than said": (extent(0, 1, 0, b"x", count=0), "0 fields are needed"),
    "an extent of three": (extent(0, 1, 0), "4 fields are needed"),
    "an extent before the file": (extent(-1, 1, 0, b"x"), "integer from 0"),
    "an extent of no pages": (extent(0, 0, 0, b""), "with a page twice, or with none"),
    "a page that is zeros and not": (extent(0, 1, 1, b"x"), "with a page twice, or"),
    "65 pages": (extent(0, 2**64, 0, b"x"), "CBOR|integer from 0"),
    "an extent in text": (extent(0, 1, 0, "x"), "byte string of up to 32"),
    "content of 33 bytes in place": (
        extent(0, 1, 0, b"x" * 33),
        "byte string of up to 32",
    ),
    "content with a zero at its end": (extent(0, 1, 0, b"x\0"), "zeros at its end"),
    "content of zeros": (extent(0, 1, 0, b"\0"), "zeros at its end"),
    "content of no pages": (extent(0, 0, 1, b"x"), "with a block of 1 pages"),
    "pages without content": (extent(0, 1, 0, b""), "with a block of 0 pages"),
    "one page for two": (extent(0, 3, 0, b"x"), "with a block of 1 pages"),
    "content across the end": (extent(0, 1, 0, b"four", size=3), "beyond the end"),
    "content behind the end": (extent(0, 2, 0, b"x", size=PAGE), "beyond the end"),
    "a chunk behind all files": (
        extent(2**45, 0, 1, b"", size=2**63 - 1),
        "not an integer from 0",
    ),
    "extents that descend": (
        extent(5, 1, 0, b"x", 0, 1, 0, b"y", count=2),
        "integer from 6",
    ),
    "an extent twice": (
        extent(5, 1, 0, b"x", 5, 2, 0, b"y", count=2),
        "integer from 6",
    ),
    # blocks
    "no block": (block(LONG_DATA, blocks=[]), "not a block: a byte string"),
    "another block": (block(LONG_DATA, blocks=[b"y" * 40]), "not the one named"),
    "a block in text": (block(LONG_DATA, blocks=["x" * 40]), "not a block"),
    "a block that is a number": (block(LONG_DATA, blocks=[7]), "not a block"),
    "a block of 31 bytes": (block(b"x" * 31), "not the one named"),
    "a block with a zero at its end": (block(LONG_DATA + b"\0"), "zeros at its end"),
    "a block with a page of zeros": (
        block(b"x" * PAGE + bytes(PAGE) + b"x", 7),
        "or a page of zeros",
    ),
    "a block of fewer pages": (block(LONG_DATA, 3), "with a block of 1 pages"),
    "a block of more pages": (block(b"x" * 2 * PAGE), "byte string of up to 4096"),
    "a block too long": (block(LONG_DATA, blocks=[b"x" * 2**20]), "up to 4096"),
    "a block twice": (block(LONG_DATA, blocks=[LONG_DATA] * 2), "not the end"),
    "a block that is there for other pages": (
        image(
            directory(1, {b"f": 2, b"g": 3}),
            regular(2, HOLES, [0, 1, 0, LONG_DATA]),
            inode(3, REGULAR, HOLES, 1, [0, 3, 0, sha256(LONG_DATA).digest()]),
            pages=9,
        ),
        "with a block of 1 pages",
    ),
    # directories
    "a directory's names are a map": (
        image(inode(1, DIRECTORY, 0, 3, {})),
        "not names: an array",
    ),
    "a negative number of names": (
        image(inode(1, DIRECTORY, -1, 3, [])),
        "integer from 0",
    ),
    "fewer names than said": (
        image(root_of(b"a", 2, 3, count=2), regular(2)),
        "1 names in a directory that says 2",
    ),
    "more names than said": (
        image(root_of(b"a", 2, 3, b"b", 2, 4, count=1), regular(2)),
        "2 names in a directory that says 1",
    ),
    "a name without a cookie": (image(root_of(b"a", 2, count=0)), "an array of 2"),
    "a name in text": (one_entry("a", 2), "not a byte string"),
    "an empty name": (one_entry(b"", 2), "not a name"),
    "the name .": (one_entry(b".", 2), "not a name"),
    "the name ..": (one_entry(b"..", 2), "not a name"),
    "a name with a slash": (one_entry(b"ghost/../x", 2), "not a name"),
    "a name with a NUL": (one_entry(b"a\0", 2), "not a name"),
    "a name of 256 bytes": (one_entry(b"x" * 256, 2), "256 bytes, 255"),
    "a name of 100 KiB": (one_entry(b"x" * 100 * 1024, 2), "byte string of up to"),
    "an entry that means nothing": (one_entry(b"a", 0), "integer from 2"),
    "an entry that means the root": (one_entry(b"a", 1), "integer from 2"),
    "an entry that means true": (one_entry(b"a", True), "bool is not an integer"),
    "an entry that means a missing inode": (
        image(root_of(b"a", 2, 3, b"b", 3, 4), regular(2)),
        "b'b' in directory 1 means inode 3, which is missing",
    ),
    "cookie 2": (one_entry(b"a", 2, 2), "integer from 3"),
    "a cookie that comes next": (one_entry(b"a", 2, 100), "integer from 3 to 99"),
    "cookies that descend": (
        image(root_of(b"a", 2, 4, b"b", 2, 3), regular(2)),
        "integer from 5",
    ),
    "next cookie 2": (image(root_of(next_cookie=2)), "integer from 3"),
    "a name twice": (
        image(root_of(b"a", 2, 3, b"a", 2, 4), regular(2)),
        "the name b'a' twice",
    ),
    "names in one bucket that should be in 16": (
        image(
            root_of(*(x for n in range(3, 516) for x in (b"%d" % n, 2, n))),
            regular(2),
        ),
        "0 fields are needed",
    ),
    "a name in another bucket": (
        in_buckets(*[[[b"a", 2, 3]]] * 16),
        "a name in the wrong bucket",
    ),
    "a cookie twice": (
        in_buckets(*([spread(at, [3, 4, 3, *range(5, 515)])] for at in range(16))),
        "a cookie twice in directory 1",
    ),
    "another bucket": (with_another_bucket(), "a bucket that is not the one named"),
    "a known bucket with a cookie that comes next": (
        known_buckets(515),
        "cookie 515 is not below the next one",
    ),
    "fewer buckets than 16": (in_buckets([[]]), "not the digests of 16 buckets: 16"),
    "too few names in buckets": (
        in_buckets(*[[[]]] * 16),
        "0 names in a directory that says 513",
    ),
    "more than 1024 names in an item": (
        in_buckets(*[[[x for n in range(3, 1028) for x in (b"%d" % n, 2, n)]]] * 16),
        "not names: an array of 3075",
    ),
    "a directory in itself": (
        image(directory(1, {b"d": 2}), directory(2, {b"self": 2})),
        "directory 2 has 2 names",
    ),
    "a directory with two names": (
        image(directory(1, {b"a": 2, b"b": 2}), directory(2, {})),
        "directory 2 has 2 names",
    ),
    "a directory in two others": (
        image(
            directory(1, {b"a": 2, b"b": 3}),
            directory(2, {b"x": 4}),
            directory(3, {b"x": 4}),
            directory(4, {}),
        ),
        "directory 4 has 2 names",
    ),
    "a circle apart from the root": (
        image(ROOT, directory(2, {b"x": 3}), directory(3, {b"y": 2})),
        "directory [23] is below itself",
    ),
    "a circle of one apart from the root": (
        image(ROOT, directory(2, {b"x": 2})),
        "directory 2 is below itself",
    ),
    "a circle below the root": (
        image(
            directory(1, {b"a": 2}), directory(2, {b"x": 3}), directory(3, {b"y": 2})
        ),
        "directory 2 has 2 names",
    ),
    "a file without a name": (image(ROOT, regular(2)), "inode 2 has no name"),
    "a directory without a name": (
        image(ROOT, directory(2, {})),
        "inode 2 has no name",
    ),
    "a file with 65,001 names": (
        image(
            directory(1, {b"%d" % number: 100 + number for number in range(128)}),
            regular(2),
            *(
                directory(100 + n, {b"%d" % name: 2 for name in range(508)})
                for n in range(128)
            ),
            next_ino=1000,
        ),
        "inode 2 has 65024 names",
    ),
    "no root": (image(directory(2, {})), "root is missing or no directory"),
    "a root that is a file": (image(regular(1)), "root is missing or no directory"),
    # other kinds
    "an empty target": (with_file(symlink(2, b"")), "target is empty"),
    "a target with a NUL": (
        with_file(symlink(2, b"a\0b")),
        "target is empty or holds",
    ),
    "a target of 4096 bytes": (
        with_file(symlink(2, b"x" * 4096)),
        "up to 4095 bytes",
    ),
    "a target in text": (with_file(symlink(2, "x")), "not a byte string"),
    "a symlink with two targets": (
        with_file(inode(2, SYMLINK, b"x", 1)),
        "not an inode: 10 fields",
    ),
    "a FIFO with a device": (with_file(special(2, FIFO, 1)), "integer from 0 to 0"),
    "a negative device": (with_file(special(2, BLOCK, -1)), "integer from 0"),
    "a device of 65 bits": (with_file(special(2, BLOCK, 2**64)), "not CBOR"),
    "a device without a number": (with_file(inode(2, BLOCK)), "of 9 fields"),
    # the encoding
    "a long head": (body(b"\x98\x0c" + encode(ROOT.head)[1:]), "canonical"),
    "a long integer": (body(b"\x8c\x18\x01" + encode(ROOT.head)[2:]), "canonical"),
    "an endless array": (body(b"\x9f" + encode(ROOT.head)[1:] + b"\xff"), "canonical"),
    "an endless byte string": (root_with(b"\x81\x5f\x41x\xff"), "canonical"),
    "a break": (body(b"\xff"), "CBOR|canonical|not an inode"),
    "a reserved head": (body(b"\x1c"), "not CBOR"),
    "text that is not UTF-8": (root_with(b"\x81\x61\xff"), "not CBOR"),
    "a short float": (root_with(b"\x81" + F16), "without a value"),
    "a longer float": (root_with(b"\x81" + F32), "canonical"),
    "the longest float": (root_with(b"\x81" + F64), "canonical"),
    "undefined": (root_with(b"\xf7"), "not extended attributes"),
    "null": (root_with(b"\xf6"), "not extended attributes"),
    "a simple value": (root_with(b"\xf8\x20"), "not extended attributes"),
    "a map with a key twice": (root_with(b"\xa2\x41a\0\x41a\0"), "canonical"),
    "a map out of order": (root_with(b"\xa2\x41b\0\x41a\0"), "canonical"),
    "a block with a long head": (
        with_file(inode(2, REGULAR, 99, 1, [0, 1, 0, sha256(LONG_DATA).digest()]))[
            :-END_SIZE
        ]
        + b"\x59\0\x28"
        + LONG_DATA,
        "more pages|canonical",
    ),
    "an endless block": (
        extent(0, 1, 0, sha256(LONG_DATA).digest())[:-END_SIZE] + b"\x5f",
        "not a block",
    ),
    "a block with a reserved head": (
        extent(0, 1, 0, sha256(LONG_DATA).digest())[:-END_SIZE] + b"\x5c",
        "not a block",
    ),
    "a block with a longer head than it needs": (
        extent(0, 1, 0, sha256(LONG_DATA).digest())[:-END_SIZE]
        + b"\x59\0\x28"
        + LONG_DATA,
        "canonical",
    ),
    "a block that is cut off": (
        extent(0, 1, 0, sha256(LONG_DATA).digest())[:-END_SIZE] + b"\x58\x28xx",
        "ends within a block",
    ),
    "nothing where a block should be": (
        extent(0, 1, 0, sha256(LONG_DATA).digest())[:-END_SIZE],
        "ends before a block",
    ),
    "an item that is cut off": (BODY[:-1], "ends within"),
    # what would take long or much
    "nested 16 deep": (body(b"\x81" * 16 + b"\0"), "is not an integer"),
    "nested a million deep": (body(b"\x81" * 10**6 + b"\0"), "CBOR|more than"),
    "a million tags": (body(b"\xc6" * 10**6 + b"\0"), "CBOR|more than"),
    "an item of a million bytes": (
        image(inode(1, DIRECTORY, 0, 3, [], xattrs=[b"user.a", b"x" * 10**6])),
        "an item of more than 524288 bytes",
    ),
    "keys that collide": (root_with(collide(50_000)), "CBOR|more than"),
    "few keys that collide": (root_with(collide(8)), "not CBOR"),
    "an array of 2^60": (body(head(4, 2**60)), "CBOR|ends within"),
    "an array of 2^31": (body(head(4, 2**31)), "CBOR|ends within"),
    "a byte string of 2^60": (body(head(2, 2**60)), "CBOR|ends within"),
    "a byte string of 2^32": (body(head(2, 2**32)), "CBOR|ends within"),
    "a text of 2^60": (body(head(3, 2**60)), "CBOR|ends within"),
    "a map of 2^60": (body(head(5, 2**60)), "CBOR|ends within"),
    "2^62 inodes": (image(ROOT, count=2**62 - 1), "a bytes is not an integer"),
    "2^62 checkpoints": (
        image(ROOT, about=[9, 0, 2**62 - 1], left=2**62 - 1),
        "ends before a header",
    ),
    "2^62 steps": (image(ROOT, about=[9, 0, 2**62 - 1]), "ends before a step"),
    "2^45 extents": (extent(count=2**45), "4096 fields are needed"),
    "2^62 names": (image(root_of(count=2**62 - 1)), "not the digests of 1024"),
    "2^63 pages": (image(ROOT, pages=2**63 - 1), "1 inodes and 0 pages"),
}
for number in (
    0,
    1,
    2,
    3,
    4,
    5,
    25,
    28,
    29,
    30,
    35,
    36,
    37,
    256,
    258,
    55799,
    2**64 - 1,
):
    for content in (b"x" * 9, "x", 5, [1, 2]):
        name = f"tag {number} of {type(content).__name__}"
        HOSTILE[name] = (
            root_with(head(4, 1) + head(6, number) + encode(content)),
            "CBOR",
        )
LONG = head(2, 500_000) + b"\xa5" * 500_000
for number in (4, 5, 30):
    # As a decimal fraction or a ratio such a number takes minutes to build.
    pair = head(4, 2) + b"\x01" + head(6, 2) + LONG
    HOSTILE[f"tag {number} of a long number"] = (
        root_with(head(6, number) + pair),
        "CBOR",
    )
HOSTILE["a number of half a million bytes"] = (root_with(head(6, 2) + LONG), "CBOR")
