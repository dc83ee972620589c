"""The format: golden bytes, and a reader that was written after its description."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from devdev_fs import ROOT_INO, Fs, FsBase, SnapshotError
from devdev_fs.testing import ManualClock
from hypothesis import given

from tests.fs import reader, snapshots
from tests.fs.checks import examples, names
from tests.fs.edits import EDITS, START, Edit, apply_all
from tests.fs.snapshots import directory, image, regular, special, symlink
from tests.fs.vectors import DESCRIPTIONS, GOLDEN, VECTORS, describe, golden, make

MakeFs = Callable[..., FsBase]
KNOWN: dict[str, Any] = json.loads(DESCRIPTIONS.read_text())


def test_all_vectors_are_kept_and_described() -> None:
    assert KNOWN.keys() == VECTORS.keys()
    assert {path.stem for path in GOLDEN.glob("*.snapshot")} == VECTORS.keys()


@pytest.mark.parametrize("name", VECTORS)
def test_the_same_calls_give_the_golden_bytes(name: str) -> None:
    snapshot, fs = make(name)
    assert snapshot == golden(name)
    assert describe(name, fs) == KNOWN[name]


@pytest.mark.parametrize("name", VECTORS)
def test_golden_bytes_are_loaded(make_fs: MakeFs, name: str) -> None:
    # One of its own, which has given no number yet.
    fs = make_fs(clock=ManualClock())
    base = VECTORS[name].base
    if base:
        fs.load(golden(base))
    fs.load(golden(name))
    assert describe(name, fs) == KNOWN[name]
    fs.check_invariants()
    if not base:
        assert fs.dump(history=bool(fs.checkpoints())) == golden(name)


def read(name: str) -> list[reader.State]:
    base = VECTORS[name].base
    return reader.read(golden(name), read(base)[0] if base else None)


@pytest.mark.parametrize("name", VECTORS)
def test_the_other_reader_reads_golden_bytes(name: str) -> None:
    state, *checkpoints = read(name)
    known = KNOWN[name]
    assert state.digest().hex() == known["image_digest"]
    assert reader.tree_digest(state, state.nodes[1]).hex() == known["tree_digest"]
    found = [
        [at, label.hex(), time] for at, label, time in (c.about for c in checkpoints)
    ]
    assert found[::-1] == known["checkpoints"]


def agree(fs: FsBase, state: reader.State) -> None:
    """Check that the reader has found what the filesystem holds."""
    # Reading content moves access times: it comes last.
    assert state.digest().hex() == fs.image_digest()
    assert reader.tree_digest(state, state.nodes[1]).hex() == fs.tree_digest()
    found = {path.decode(): node for path, node in state.walk()}
    walked = [
        f"{top.rstrip('/')}/{name}"
        for top, directories, files in fs.walk()
        for name in [*directories, *files]
    ]
    assert sorted(found) == sorted(["/", *walked])
    links = Counter(node.ino for node in found.values())
    for path, node in found.items():
        stat = fs.lstat(path)
        assert [stat.ino, stat.mode, stat.uid, stat.gid] == node.fields[:4]
        times = [stat.atime_ns, stat.mtime_ns, stat.ctime_ns, stat.btime_ns]
        assert times == node.fields[4:]
        assert stat.is_dir or stat.nlink == links[node.ino]
        names = fs.inodes.listxattr(stat.ino)
        assert names == node.xattrs[::2]
        values = [fs.inodes.getxattr(stat.ino, name) for name in names]
        assert values == node.xattrs[1::2]
    for path, node in found.items():
        if node.kind == reader.REGULAR:
            assert fs.read_bytes(path) == state.content(node)
        elif node.kind == reader.SYMLINK:
            assert fs.readlink(path).encode() == node.target


@examples(60)
@given(edits=EDITS, more=EDITS)
def test_the_other_reader_agrees_on_random_trees(
    edits: list[Edit], more: list[Edit]
) -> None:
    with Fs(clock=ManualClock(1_000, 1)) as fs, fs.fork() as before:
        apply_all(before, [*START, *edits])
        (old,) = reader.read(before.dump())
        with before.fork() as after:
            apply_all(after, more)
            (state,) = reader.read(after.dump(since=before), old)
            (whole,) = reader.read(after.dump())
            assert state.nodes == whole.nodes
            agree(after, state)


HAND_MADE = image(
    directory(1, {b"d": 2, b"link": 4, b"fifo": 5, b"disk": 6, b"hard": 3}),
    directory(2, {b"file": 3}),
    regular(3, 3 * 4096, [0, 0b101, 0b010, b"one".ljust(4096, b"\0") + b"three"]),
    symlink(4, b"d/file"),
    special(5, snapshots.FIFO),
    special(6, snapshots.BLOCK, 0x801),
)


def test_a_snapshot_made_by_hand_after_the_description_is_loaded(fs: FsBase) -> None:
    fs.load(HAND_MADE)
    assert fs.dump() == HAND_MADE
    assert names(fs) == [b"d", b"link", b"fifo", b"disk", b"hard"]
    content = b"one" + bytes(2 * 4096 - 3) + b"three" + bytes(4096 - 5)
    assert fs.read_bytes("/link") == content
    assert fs.stat("/hard").blocks == 24
    assert fs.stat("/d/file").nlink == 2
    assert (fs.stat("/").nlink, fs.stat("/d").nlink) == (3, 2)
    assert fs.stat("/disk").rdev == 0x801
    stat = fs.stat("/d")
    times = [stat.atime_ns, stat.mtime_ns, stat.ctime_ns, stat.btime_ns]
    assert times == snapshots.TIMES
    space = fs.inodes.statvfs()
    assert (space.blocks, space.inodes) == (100, 200)
    assert fs.inodes.mkdir(ROOT_INO, b"new").ino == 10


def test_what_is_no_snapshot_says_so(fs: FsBase) -> None:
    with pytest.raises(SnapshotError, match="byte 0: not a devdev-fs snapshot"):
        fs.load(b"PK\3\4 something else")


def test_the_digest_at_the_end_of_a_snapshot_is_that_of_the_image(
    make_fs: MakeFs,
) -> None:
    fs = make_fs(clock=ManualClock(5))
    fs.write_bytes("/f", b"x")
    assert fs.dump()[-66:-34].hex() == fs.image_digest()
