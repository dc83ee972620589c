"""Snapshots that are not what dump writes, and what the error says of each."""

from hashlib import sha256
from typing import Any

from tests.fs.snapshots import (
    BLOCK,
    DIRECTORY,
    FIFO,
    MAGIC,
    PAGE,
    REGULAR,
    TIMES,
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
GOOD = image(
    directory(1, {b"d": 2, b"l": 4, b"p": 5}),
    directory(2, {b"f": 3, b"g": 3}),
    regular(3, 2 * PAGE, [1, 1, b"x"]),
    symlink(4, b"d/f"),
    special(5, BLOCK, 7),
)


def one_entry(name: Any, ino: Any) -> bytes:
    """A root with one entry, and one file."""
    return image([*inode(1, DIRECTORY, [1]), [[name, ino]]], regular(2))


def body(*parts: bytes) -> bytes:
    """A sealed snapshot of these encoded items, behind a header for one inode."""
    return seal(MAGIC + encode([1, 10, 100, 200, 1]) + b"".join(parts))


def root_with(encoded_body: bytes) -> bytes:
    """A root whose body is these bytes."""
    fields = [1, DIRECTORY, 0, 0, *TIMES]
    return body(head(4, 9) + b"".join(map(encode, fields)) + encoded_body)


def collide(count: int) -> bytes:
    """A map whose keys all have the hash 0 in CPython."""
    keys = (encode(number * (2**61 - 1)) for number in range(1, count + 1))
    return head(5, count) + b"".join(key + b"\0" for key in keys)


F16, F32, F64 = b"\xf9\x3c\x00", b"\xfa\x3f\x80\0\0", b"\xfb\x3f\xf0" + bytes(6)

# name: (the snapshot, what the error says)
HOSTILE: dict[str, tuple[bytes, str]] = {
    # the frame
    "nothing": (b"", "magic"),
    "only the magic": (MAGIC, "ends before a header"),
    "another magic": (b"DEVDEVFS" + GOOD[8:], "magic"),
    "trailing bytes": (GOOD + b"\0", "follow the checksum"),
    "trailing item": (GOOD + encode([1]), "follow the checksum"),
    "two snapshots": (GOOD + GOOD, "follow the checksum"),
    "no checksum": (GOOD[:-35], "ends before its checksum"),
    "a wrong checksum": (GOOD[:-1] + bytes([GOOD[-1] ^ 1]), "checksum does not match"),
    "a checksum of everything": (
        GOOD[:-35] + encode([sha256(GOOD).digest()]),
        "checksum does not match",
    ),
    "two checksums": (
        GOOD[:-35] + encode([sha256(GOOD[:-35]).digest()] * 2),
        "checksum does not match",
    ),
    "a checksum in text": (GOOD[:-35] + encode(["x" * 32]), "checksum does not match"),
    "an inode too many": (
        seal(GOOD[:-35] + encode(regular(6)[0])),
        "checksum does not match",
    ),
    # the header
    "version 0": (image(ROOT, version=0), "version 0, this is version 1"),
    "version 2": (image(ROOT, version=2), "version 2, this is version 1"),
    "version true": (image(ROOT, version=True), "bool is not an integer"),
    "version 1.0": (image(ROOT, version=1.0), "float is not an integer"),
    "version in text": (image(ROOT, version="1"), "str is not an integer"),
    "a long version": (image(ROOT, version=2**63), "cannot load snapshots of version"),
    "a short header": (seal(MAGIC + encode([1, 2, 3, 4])), "not a header"),
    "a long header": (seal(MAGIC + encode([1, 2, 3, 4, 5, 6])), "not a header"),
    "a map as header": (seal(MAGIC + encode({"a": 1})), "not a header"),
    "next number 1": (image(ROOT, next_ino=1), "not an integer from 2"),
    "next number too large": (image(ROOT, next_ino=2**62), "not an integer from 2"),
    "next number taken": (
        image(ROOT, regular(5), next_ino=5),
        "not an integer from 2 to 4",
    ),
    "negative limit": (
        seal(MAGIC + encode([1, 2, -1, 4, 1]) + encode(ROOT[0])),
        "-1 is not an integer from 0",
    ),
    "a page limit beyond 64 bits of bytes": (
        seal(MAGIC + encode([1, 2, 2**51, 4, 1]) + encode(ROOT[0])),
        "not an integer from 0",
    ),
    "an inode limit beyond 64 bits": (
        seal(MAGIC + encode([1, 2, 3, 2**63, 1]) + encode(ROOT[0])),
        "not an integer from 0",
    ),
    "no inodes": (image(count=0), "0 is not an integer from 1"),
    "fewer inodes than said": (image(ROOT, count=2), "not an inode"),
    "more inodes than said": (
        image(directory(1, {b"f": 2}), regular(2), count=1),
        "means inode 2, which is missing",
    ),
    # inodes
    "an inode with a field too few": (
        image([[1, DIRECTORY, 0, 0, 1, 2, 3, [0]]]),
        "not an inode",
    ),
    "an inode with a field too many": (
        image([[1, DIRECTORY, 0, 0, 1, 2, 3, 4, [0], 5]]),
        "not an inode",
    ),
    "an inode that is a number": (image([7]), "not an inode"),
    "inode 0": (image(directory(0, {})), "not an integer from 1"),
    "a negative inode": (image(directory(-1, {})), "not an integer from 1"),
    "an inode number in text": (image(inode("1", DIRECTORY, [0])), "not an integer"),
    "the same number twice": (
        image(directory(1, {b"a": 2}), regular(2), regular(2)),
        "2 is not an integer from 3",
    ),
    "numbers that descend": (
        image(directory(1, {b"a": 2, b"b": 3}), regular(3), regular(2)),
        "2 is not an integer from 4",
    ),
    "a mode without a kind": (image(inode(1, 0o755, [0])), "names no kind"),
    "a mode of an unknown kind": (image(inode(1, 0o150755, [0])), "names no kind"),
    "a mode with more bits": (image(inode(1, 0o1040755, [0])), "not an integer from 0"),
    "a negative mode": (image(inode(1, -1, [0])), "not an integer from 0"),
    "a negative owner": (
        image([[1, DIRECTORY, -1, 0, *TIMES, [0]]]),
        "not an integer from 0",
    ),
    "an owner of 33 bits": (
        image([[1, DIRECTORY, 0, 2**32, *TIMES, [0]]]),
        "not an integer from 0",
    ),
    "a time beyond 64 bits": (
        image(inode(1, DIRECTORY, [0], times=[0, 0, 0, 2**63])),
        "not an integer from -",
    ),
    "a time before 64 bits": (
        image(inode(1, DIRECTORY, [0], times=[-(2**63) - 1, 0, 0, 0])),
        "not an integer from -",
    ),
    "a time that is a float": (
        image(inode(1, DIRECTORY, [0], times=[0.5, 0, 0, 0])),
        "not an integer from -",
    ),
    # files
    "a file's body is a number": (image(ROOT, inode(2, REGULAR, 5)), "size and number"),
    "a file with a body of one": (
        image(ROOT, inode(2, REGULAR, [5])),
        "size and number",
    ),
    "a negative size": (image(ROOT, regular(2, -1)), "not an integer from 0"),
    "a size beyond 63 bits": (image(ROOT, regular(2, 2**63)), "not an integer from 0"),
    "fewer runs than said": (image(ROOT, inode(2, REGULAR, [9, 1])), "not a run"),
    "a run of two": (image(ROOT, regular(2, 9, [0, 1])), "not a run"),
    "a run before the file": (
        image(ROOT, regular(2, 9, [-1, 1, b"x"])),
        "integer from 0",
    ),
    "a run of no pages": (image(ROOT, regular(2, 9, [0, 0, b""])), "integer from 1"),
    "a run of 257 pages": (
        image(ROOT, regular(2, 2**30, [0, 257, b"x"])),
        "integer from 1 to 256",
    ),
    "a run with more data than pages": (
        image(ROOT, regular(2, 2**30, [0, 1, b"x" * (PAGE + 1)])),
        "up to 4096 bytes",
    ),
    "a run with text": (image(ROOT, regular(2, 9, [0, 1, "x"])), "not a byte string"),
    "a run with zeros at its end": (
        image(ROOT, regular(2, 9, [0, 1, b"x\0"])),
        "zeros",
    ),
    "a run behind the end": (
        image(ROOT, regular(2, PAGE, [1, 1, b""])),
        "beyond the end",
    ),
    "a run across the end": (
        image(ROOT, regular(2, PAGE, [0, 2, b""])),
        "beyond the end",
    ),
    "data across the end": (
        image(ROOT, regular(2, 3, [0, 1, b"four"])),
        "beyond the end",
    ),
    "runs that overlap": (
        image(ROOT, regular(2, 2**30, [0, 2, b"x"], [1, 1, b"y"])),
        "integer from 2",
    ),
    "runs that descend": (
        image(ROOT, regular(2, 2**30, [5, 1, b"x"], [0, 1, b"y"])),
        "integer from 6",
    ),
    "runs that belong together": (
        image(ROOT, regular(2, 2**30, [0, 1, b"x"], [1, 1, b"y"])),
        "belongs to the one before",
    ),
    # directories
    "a directory's body is a map": (
        image(inode(1, DIRECTORY, {})),
        "number of entries",
    ),
    "a negative number of entries": (
        image(inode(1, DIRECTORY, [-1])),
        "integer from 0",
    ),
    "fewer entries than said": (
        image([*inode(1, DIRECTORY, [2]), [[b"a", 2]]], regular(2)),
        "not 2 entries",
    ),
    "more entries than said": (
        image([*inode(1, DIRECTORY, [1]), [[b"a", 2], [b"b", 2]]], regular(2)),
        "not 1 entries",
    ),
    "an entry of three": (
        image([*inode(1, DIRECTORY, [1]), [[b"a", 2, 3]]]),
        "name and",
    ),
    "an entry that is a number": (image([*inode(1, DIRECTORY, [1]), [7]]), "name and"),
    "a name in text": (one_entry("a", 2), "not a byte string"),
    "an empty name": (one_entry(b"", 2), "not a name"),
    "the name .": (one_entry(b".", 2), "not a name"),
    "the name ..": (one_entry(b"..", 2), "not a name"),
    "a name with a slash": (one_entry(b"ghost/../x", 2), "not a name"),
    "a name with a NUL": (one_entry(b"a\0", 2), "not a name"),
    "a name of 256 bytes": (one_entry(b"x" * 256, 2), "256 bytes, 255"),
    "a name of a megabyte": (one_entry(b"x" * 2**20, 2), "byte string of up to"),
    "an entry that means nothing": (one_entry(b"a", 0), "integer from 2"),
    "an entry that means the root": (one_entry(b"a", 1), "integer from 2"),
    "an entry that means true": (one_entry(b"a", True), "bool is not an integer"),
    "an entry that means a missing inode": (
        one_entry(b"a", 3),
        "inode 3, which is missing",
    ),
    "a name twice": (
        image([*inode(1, DIRECTORY, [2]), [[b"a", 2], [b"a", 2]]], regular(2)),
        "twice in directory 1",
    ),
    "entries in small pieces": (
        image(
            [*inode(1, DIRECTORY, [2]), [[b"a", 2]], [[b"b", 2]]],
            regular(2),
        ),
        "not 2 entries",
    ),
    "entries in too large a piece": (
        image(
            [*inode(1, DIRECTORY, [1025]), [[b"%d" % n, 2] for n in range(1025)]],
            regular(2),
        ),
        "not 1024 entries",
    ),
    "a directory in itself": (
        image(directory(1, {b"d": 2}), directory(2, {b"self": 2})),
        "directory 2 has two names",
    ),
    "a directory with two names": (
        image(directory(1, {b"a": 2, b"b": 2}), directory(2, {})),
        "directory 2 has two names",
    ),
    "a directory in two others": (
        image(
            directory(1, {b"a": 2, b"b": 3}),
            directory(2, {b"x": 4}),
            directory(3, {b"x": 4}),
            directory(4, {}),
        ),
        "directory 4 has two names",
    ),
    "a circle apart from the root": (
        image(ROOT, directory(2, {b"x": 3}), directory(3, {b"y": 2})),
        "inode 2 has no name below the root",
    ),
    "a circle below the root": (
        image(
            directory(1, {b"a": 2}), directory(2, {b"x": 3}), directory(3, {b"y": 2})
        ),
        "directory 2 has two names",
    ),
    "a file without a name": (image(ROOT, regular(2)), "inode 2 has no name"),
    "a directory without a name": (
        image(ROOT, directory(2, {})),
        "inode 2 has no name",
    ),
    "no root": (image(directory(2, {})), "root is missing or no directory"),
    "a root that is a file": (image(regular(1)), "root is missing or no directory"),
    # other kinds
    "an empty target": (image(ROOT, symlink(2, b"")), "target is empty"),
    "a target with a NUL": (
        image(ROOT, symlink(2, b"a\0b")),
        "target is empty or holds",
    ),
    "a target of 4096 bytes": (
        image(ROOT, symlink(2, b"x" * 4096)),
        "up to 4095 bytes",
    ),
    "a target in text": (image(ROOT, symlink(2, "x")), "not a byte string"),
    "a symlink with a body of two": (
        image(ROOT, inode(2, 0o120777, [b"x", 1])),
        "a target",
    ),
    "a FIFO with a device": (image(ROOT, special(2, FIFO, 1)), "integer from 0 to 0"),
    "a negative device": (image(ROOT, special(2, BLOCK, -1)), "integer from 0"),
    "a device of 65 bits": (image(ROOT, special(2, BLOCK, 2**64)), "not CBOR"),
    "a device without a body": (image(ROOT, inode(2, BLOCK, [])), "a device"),
    # the encoding
    "a long head": (body(b"\x98\x09" + encode(ROOT[0])[1:]), "canonical"),
    "a long integer": (body(b"\x89\x18\x01" + encode(ROOT[0])[2:]), "canonical"),
    "an endless array": (body(b"\x9f" + encode(ROOT[0])[1:] + b"\xff"), "not CBOR"),
    "an endless byte string": (root_with(b"\x81\x5f\x41x\xff"), "not CBOR"),
    "a break": (body(b"\xff"), "not CBOR"),
    "a reserved head": (body(b"\x1c"), "not CBOR"),
    "text that is not UTF-8": (root_with(b"\x81\x61\xff"), "not CBOR"),
    "a short float": (root_with(b"\x81" + F16), "float is not an integer"),
    "a longer float": (root_with(b"\x81" + F32), "canonical"),
    "the longest float": (root_with(b"\x81" + F64), "canonical"),
    "undefined": (root_with(b"\x81\xf7"), "is not an integer"),
    "null": (root_with(b"\x81\xf6"), "is not an integer"),
    "a simple value": (root_with(b"\x81\xf8\x20"), "is not an integer"),
    "a map with a key twice": (root_with(b"\xa2\x41a\0\x41a\0"), "not CBOR"),
    "a map out of order": (root_with(b"\xa2\x41b\0\x41a\0"), "canonical"),
    # what would take long or much
    "nested 16 deep": (body(b"\x81" * 16 + b"\0"), "not an inode"),
    "nested a million deep": (body(b"\x81" * 10**6 + b"\0"), "not CBOR"),
    "a million tags": (body(b"\xc6" * 10**6 + b"\0"), "not CBOR"),
    "keys that collide": (root_with(collide(50_000)), "not CBOR"),
    "an array of 2^60": (body(head(4, 2**60)), "not CBOR"),
    "an array of 2^31": (body(head(4, 2**31)), "not CBOR"),
    "a byte string of 2^60": (body(head(2, 2**60)), "not CBOR"),
    "a byte string of 2^32": (body(head(2, 2**32)), "not CBOR"),
    "a text of 2^60": (body(head(3, 2**60)), "not CBOR"),
    "a map of 2^60": (body(head(5, 2**60)), "not CBOR"),
    "2^62 inodes": (image(ROOT, count=2**62 - 1), "not an inode"),
    "2^63 runs": (image(ROOT, inode(2, REGULAR, [9, 2**63 - 1])), "not a run"),
    "2^62 entries": (image(inode(1, DIRECTORY, [2**62 - 1])), "not 1024 entries"),
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
LONG = head(2, 10**6) + b"\xa5" * 10**6
for number in (4, 5, 30):
    # As a decimal fraction or a ratio such a number takes minutes to build.
    pair = head(4, 2) + b"\x01" + head(6, 2) + LONG
    HOSTILE[f"tag {number} of a long number"] = (
        root_with(head(6, number) + pair),
        "CBOR",
    )
HOSTILE["a number of a million bytes"] = (root_with(head(6, 2) + LONG), "CBOR")
