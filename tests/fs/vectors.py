"""The golden vectors: how each state is made, and what is known of its snapshot.

`golden/NAME.snapshot` are the bytes; `golden/vectors.json` describes them, for
programs in other languages too. `python -m tests.fs.vectors` writes what is missing.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from devdev_fs import PAGE_SIZE, ROOT_INO, Fs, FsBase, Kind, SetAttr
from devdev_fs.testing import ManualClock

from tests.fs.checks import ino_of

GOLDEN = Path(__file__).parent / "golden"
DESCRIPTIONS = GOLDEN / "vectors.json"


class Vector(NamedTuple):
    """How a snapshot comes about."""

    description: str
    make: Callable[[FsBase], bytes]
    base: str = ""
    """The vector that it goes on from."""


def empty(fs: FsBase) -> bytes:
    return fs.dump()


def populate(fs: FsBase) -> None:
    """One of each, with everything that a snapshot has to keep."""
    fs.set_limits(max_bytes=2**20, max_inodes=50)
    fs.mkdir("/d/sub", parents=True)
    fs.write_bytes("/d/file", b"content")
    fs.link("/d/file", "/hard")
    fs.symlink("../d/file", "/d/sub/link")
    fs.inodes.mknod(ROOT_INO, b"fifo", Kind.FIFO | 0o640)
    fs.inodes.mknod(ROOT_INO, b"disk", Kind.BLOCK_DEVICE | 0o600, 0x801)
    fs.inodes.mknod(ROOT_INO, b"socket", Kind.SOCKET | 0o600)
    fs.inodes.create(ROOT_INO, b"\xff\n")
    fs.write_bytes("/sparse", b"")
    fs.truncate("/sparse", 10 * PAGE_SIZE)
    fs.inodes.write(ino_of(fs, "/sparse"), 5 * PAGE_SIZE + 7, b"island")
    fs.write_bytes("/zeros", bytes(PAGE_SIZE + 5))
    fs.setattr("/d/file", SetAttr(mode=0o4751, uid=7, gid=8, atime_ns=-5))
    fs.inodes.setxattr(ino_of(fs, "/d"), b"user.b", b"value")
    fs.inodes.setxattr(ino_of(fs, "/d"), b"user.a", b"")
    fs.inodes.setxattr(ino_of(fs, "/hard"), b"security.long", bytes(300))
    fs.remove("/fifo")


def each(fs: FsBase) -> bytes:
    populate(fs)
    return fs.dump()


def blocks(fs: FsBase) -> bytes:
    long = bytes(range(256)) * 17
    fs.write_bytes("/31", b"x" * 31)
    fs.write_bytes("/32", b"x" * 32)
    fs.write_bytes("/same as 32", b"x" * 32 + bytes(5))
    fs.write_bytes("/two pages", long)
    fs.write_bytes("/two chunks", long + bytes(64 * PAGE_SIZE - len(long)) + long)
    fs.write_bytes("/apart", b"")
    ino = ino_of(fs, "/apart")
    fs.inodes.write(ino, 70 * PAGE_SIZE, long[:PAGE_SIZE])
    fs.inodes.write(ino, 99 * PAGE_SIZE, long[PAGE_SIZE:])
    fs.inodes.write(ino, 100 * PAGE_SIZE, bytes(PAGE_SIZE))
    return fs.dump()


def many_extents(fs: FsBase) -> bytes:
    fs.write_bytes("/f", b"")
    ino = ino_of(fs, "/f")
    for number in range(1_030):
        fs.inodes.write(ino, (number * 64 + number % 64) * PAGE_SIZE, b"%d" % number)
    return fs.dump()


def large_directory(fs: FsBase) -> bytes:
    fs.write_bytes("/f", b"")
    for number in range(600):
        fs.link("/f", f"/{number * 7919 % 600}")
    for number in range(0, 600, 100):
        fs.remove(f"/{number}")
    return fs.dump()


def full_bucket(fs: FsBase) -> bytes:
    fs.write_bytes("/f", b"")
    names = (f"{number}" for number in range(20_000))
    alike = [name for name in names if not crc32(name.encode()) & 15]
    for name in alike[:1_024]:
        fs.link("/f", f"/{name}")
    return fs.dump()


def hard_links(fs: FsBase) -> bytes:
    for path in ("/a/b/c", "/a/d", "/e"):
        fs.mkdir(path, parents=True)
    fs.write_bytes("/a/b/c/1", b"one")
    fs.link("/a/b/c/1", "/a/b/c/2")
    fs.link("/a/b/c/1", "/a/d/3")
    fs.link("/a/b/c/1", "/e/4")
    fs.link("/a/b/c/1", "/5")
    fs.write_bytes("/a/x", b"two")
    fs.link("/a/x", "/e/x")
    return fs.dump()


def change(fs: FsBase) -> bytes:
    populate(fs)
    before = fs.fork()
    fs.append("/d/file", b" and more" * 9)
    fs.rename("/d/sub", "/moved")
    fs.remove("/disk")
    fs.link("/sparse", "/d/sparse")
    fs.mkdir("/new")
    return fs.dump(since=before)


def history(fs: FsBase) -> bytes:
    fs.write_bytes("/f", b"old" * 20)
    fs.checkpoint("first")
    fs.write_bytes("/g", b"new" * 20)
    fs.checkpoint("\u00e9 and \udcff")
    fs.remove("/f")
    return fs.dump(history=True)


def past(fs: FsBase) -> bytes:
    populate(fs)
    with fs.actor("one"):
        fs.append("/d/file", b" and more" * 9)
        fs.remove("/disk")
    with fs.actor("two \u00e9") as two:
        fs.rename("/d/sub", "/moved")
        fs.checkpoint("between")
        fs.write_bytes("/moved/new", b"new")
    fs.undo(two)
    fs.mkdir("/e")
    return fs.dump(history=True)


VECTORS = {
    "empty": Vector("a root directory and nothing else", empty),
    "each": Vector("each kind of inode, owners, times, attributes, holes", each),
    "blocks": Vector("content in place, in blocks, shared, apart, of zeros", blocks),
    "extents": Vector("a file with 1,030 extents", many_extents),
    "directory": Vector("a directory with 595 names, in 16 buckets", large_directory),
    "bucket": Vector("a directory with 1,024 names in one of 16 buckets", full_bucket),
    "links": Vector("hard links that meet in several directories", hard_links),
    "change": Vector("what changed since the vector `each`", change, "each"),
    "history": Vector("a state with two checkpoints", history),
    "past": Vector("spans of two actors and of none, an undo, a checkpoint", past),
}


def make(name: str) -> tuple[bytes, FsBase]:
    """The snapshot of a vector as it is made now, and the filesystem of it."""
    fs = Fs(clock=ManualClock(1_000))
    return VECTORS[name].make(fs), fs


def golden(name: str) -> bytes:
    """The snapshot of a vector as it is kept."""
    return (GOLDEN / f"{name}.snapshot").read_bytes()


def describe(name: str, fs: FsBase) -> dict[str, Any]:
    return {
        "description": VECTORS[name].description,
        "base": VECTORS[name].base,
        "image_digest": fs.image_digest(),
        "tree_digest": fs.tree_digest(),
        "checkpoints": [
            [kept.id, kept.label.encode("utf-8", "surrogateescape").hex(), kept.time_ns]
            for kept in fs.checkpoints()
        ],
    }


def main() -> None:
    found: dict[str, Any] = {}
    for name in VECTORS:
        snapshot, fs = make(name)
        path = GOLDEN / f"{name}.snapshot"
        if not path.exists():
            path.write_bytes(snapshot)
        found[name] = describe(name, fs)
    if not DESCRIPTIONS.exists():
        DESCRIPTIONS.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
