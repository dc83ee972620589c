"""dump(since=...): what differs from a state, for those who have that."""

from collections.abc import Callable
from hashlib import sha256

import pytest
from devdev_fs import (
    PAGE_SIZE,
    ROOT_INO,
    Errno,
    FallocateFlags,
    Fs,
    FsBase,
    FsError,
    Kind,
    SnapshotError,
)
from devdev_fs.testing import ManualClock
from hypothesis import given

from tests.fs import reader
from tests.fs.checks import examples, ino_of
from tests.fs.edits import EDITS, START, Edit, apply_all
from tests.fs.snapshots import (
    DIRECTORY,
    FIFO,
    PAGE,
    REGULAR,
    Record,
    change,
    directory,
    image,
    inode,
    regular,
    special,
)

MakeFs = Callable[..., FsBase]


@examples(150)
@given(edits=EDITS, more=EDITS)
def test_a_change_gives_exactly_what_it_was_made_of(
    edits: list[Edit], more: list[Edit]
) -> None:
    with Fs(clock=ManualClock(1_000, 1)) as fs, fs.fork() as one:
        apply_all(one, [*START, *edits])
        with one.fork() as other, one.fork() as copy:
            apply_all(other, more)
            copy.load(other.dump(since=one))
            copy.check_invariants()
            assert copy.image_digest() == other.image_digest()
            assert copy.dump() == other.dump()
            assert copy.tree_digest() == other.tree_digest()


@examples(60)
@given(edits=EDITS, more=EDITS)
def test_a_change_leads_between_states_that_have_nothing_to_do_with_each_other(
    edits: list[Edit], more: list[Edit]
) -> None:
    """The same numbers then mean other things, directories among them."""
    with (
        Fs(clock=ManualClock(1_000, 1)) as fs,
        fs.fork() as one,
        fs.fork() as other,
        fs.fork() as copy,
    ):
        apply_all(one, edits)
        apply_all(other, [*reversed(START), *more])
        copy.load(one.dump())
        copy.load(other.dump(since=one))
        copy.check_invariants()
        assert copy.dump() == other.dump()


def test_a_change_of_a_checkpoint_is_small_and_says_what_came_since(
    make_fs: MakeFs,
) -> None:
    fs, copy = make_fs(), make_fs()
    for number in range(200):
        fs.write_bytes(f"/{number}", bytes([number]) * 5_000)
    fs.write_bytes("/large", bytes(range(256)) * 4_096)
    copy.load(fs.dump())
    point = fs.checkpoint("before")
    fs.remove("/7")
    fs.inodes.write(ino_of(fs, "/large"), 300_000, b"changed")
    fs.write_bytes("/new", b"n")
    changed = fs.dump(since=point)
    # The names of the root, and the block that is not the same.
    assert len(changed) < 64 * PAGE_SIZE + 10_000
    copy.load(changed)
    assert copy.dump() == fs.dump()
    assert (
        copy.read_bytes("/large")[299_999:300_008]
        == fs.read_bytes("/large")[299_999:300_008]
    )


@pytest.mark.parametrize("data", [b"a", b"x" * 5_000, b""])
def test_a_block_that_is_known_brings_no_zeros_from_behind_the_end(
    make_fs: MakeFs, data: bytes
) -> None:
    """The file that it is known from is longer, by zeros."""
    fs = make_fs(clock=ManualClock())
    fs.write_bytes("/f", data + bytes(100))
    point = fs.checkpoint("")
    fs.truncate("/f", len(data))
    if not data:
        fs.inodes.fallocate(ino_of(fs, "/f"), FallocateFlags.KEEP_SIZE, 0, 1)
    with fs.fork(point) as copy:
        copy.load(fs.dump(since=point))
        copy.check_invariants()
        assert copy.dump() == fs.dump()
        copy.truncate("/f", len(data) + 1)
        assert copy.read_bytes("/f") == data + b"\0"


def test_what_was_replaced_by_rename_is_not_written_again(fs: FsBase) -> None:
    """As editors save: most of the content is that of the inode that is gone."""
    content = bytes(range(256)) * 4_096
    fs.write_bytes("/f", content)
    point = fs.checkpoint("")
    fs.write_bytes("/new", content + b"more")
    fs.rename("/new", "/f")
    assert len(fs.dump(since=point)) < 1_000


def test_nothing_that_changed_is_a_change_too(fs: FsBase) -> None:
    fs.mkdir("/d")
    before = fs.dump()
    nothing = fs.dump(since=fs.checkpoint(""))
    assert len(nothing) < 200
    fs.load(nothing)
    assert fs.dump() == before


def test_what_was_touched_and_is_the_same_is_not_written(make_fs: MakeFs) -> None:
    fs = make_fs(clock=ManualClock())
    for name in "abc":
        fs.write_bytes(f"/{name}", b"")
    point = fs.checkpoint("")
    fs.chmod("/a", 0o644)
    fs.rename("/b", "/x")
    fs.rename("/x", "/b")
    changed = fs.dump(since=point)
    stream = reader.Stream(changed)
    stream.take(8)
    stream.item()
    assert stream.item()[0] == ROOT_INO, "where the name has another cookie"
    assert len(stream.item()) == 2, "the end, and no record of a file"
    with fs.fork(point) as copy:
        copy.load(changed)
        copy.check_invariants()
        assert copy.dump() == fs.dump()


def test_a_change_is_of_one_state_only(fs: FsBase) -> None:
    point = fs.checkpoint("")
    before = fs.image_digest()
    fs.mkdir("/d")
    changed = fs.dump(since=point)
    now = fs.image_digest()
    with pytest.raises(SnapshotError) as caught:
        fs.load(changed)
    assert before in str(caught.value)
    assert now in str(caught.value)
    assert fs.image_digest() == now
    with pytest.raises(FsError) as refused:
        fs.dump(since=10**9)
    assert refused.value.errno == Errno.ENOENT


def test_limits_and_numbers_change_as_well(fs: FsBase) -> None:
    with fs.fork() as copy:
        point = fs.checkpoint("")
        fs.set_limits(max_bytes=2**30, max_inodes=77)
        fs.mkdir("/d")
        fs.rmdir("/d")
        copy.load(fs.dump(since=point))
        assert copy.dump() == fs.dump()
        assert copy.inodes.statvfs().inodes == 77


def test_a_large_directory_changes_and_shrinks() -> None:
    fs = Fs()
    for number in range(9_000):
        fs.inodes.mknod(ROOT_INO, b"%d" % number, Kind.FIFO)
    with fs.fork() as copy:
        point = fs.checkpoint("")
        fs.inodes.mkdir(ROOT_INO, b"new")
        copy.load(fs.dump(since=point))
        assert copy.dump() == fs.dump()
        point = fs.checkpoint("")
        for number in range(8_900):
            fs.inodes.unlink(ROOT_INO, b"%d" % number)
        copy.load(fs.dump(since=point))
        copy.check_invariants()
        assert copy.dump() == fs.dump()


# --- hostile ---------------------------------------------------------------------

DATA = b"x" * 40
BASE = image(
    directory(1, {b"d": 2, b"f": 3, b"g": 3}),
    directory(2, {b"e": 4}),
    regular(3, PAGE, [0, 1, 0, DATA]),
    directory(4, {b"h": 5}),
    regular(5),
)
MOVED = directory(1, {b"f": 3, b"g": 3}), directory(4, {b"h": 5, b"d": 2})
LIES = {
    "removed what is not there": (
        change(BASE, gone=[6]),
        "inode 6 is gone, and was not there",
    ),
    "removed in another order": (change(BASE, gone=[5, 4]), "integer from 6"),
    "fewer removed than said": (
        change(BASE, gone=[5], removed=2),
        "not 2 numbers: 2 fields are needed",
    ),
    "removed what has a name": (
        change(BASE, gone=[5], count=4),
        "inode 5, which is missing",
    ),
    "removed the root": (change(BASE, gone=[1]), "root is missing"),
    "removed and there": (
        change(BASE, special(3, FIFO), gone=[3]),
        "inode 3 is gone, and here",
    ),
    "not changed": (
        change(BASE, directory(2, {b"e": 4})),
        "inode 2 has not changed",
    ),
    "the root a file": (change(BASE, regular(1)), "root is missing or no directory"),
    "a directory that is a file": (
        change(BASE, regular(2)),
        "inode 4 has no name below the root",
    ),
    "a file with two names that is a directory": (
        change(BASE, directory(3, {}), pages=0),
        "directory 3 has 2 names",
    ),
    "a directory below itself": (
        change(BASE, *MOVED),
        "directory [24] is below itself",
    ),
    "a file without a name": (
        change(BASE, directory(4, {})),
        "inode 5 has no name below the root",
    ),
    "next number below what is there": (
        change(BASE, next_ino=4),
        "an inode with a number from 4 on",
    ),
    "more inodes than there are": (
        change(BASE, count=6),
        "5 inodes and 1 pages, and the header says 6 and 1",
    ),
    "fewer pages than there are": (
        change(BASE, pages=0),
        "5 inodes and 1 pages, and the header says 5 and 0",
    ),
    "more records than inodes": (change(BASE, records=6), "integer from 0 to 5"),
    "an inode that is a number": (change(BASE, Record(7)), "not an inode"),
}


@pytest.mark.parametrize(("snapshot", "match"), LIES.values(), ids=LIES)
def test_a_change_that_lies_is_refused_and_changes_nothing(
    fs: FsBase, snapshot: bytes, match: str
) -> None:
    fs.load(BASE)
    with pytest.raises(SnapshotError, match=match):
        fs.load(snapshot)
    assert fs.dump() == BASE
    fs.check_invariants()


def test_a_change_made_by_hand_is_loaded(fs: FsBase) -> None:
    """A directory becomes a file and the other way round; a block of before is used."""
    fs.load(BASE)
    made = change(
        BASE,
        directory(1, {b"f": 3, b"x": 5, b"y": 7}),
        inode(3, DIRECTORY, 1, 9, [b"inside", 6, 8]),
        directory(5, {}),
        regular(6),
        inode(7, REGULAR, 99, 1, [0, 1, 0, sha256(DATA).digest()]),
        gone=[2, 4],
    )
    fs.load(made)
    fs.check_invariants()
    assert fs.read_bytes("/y") == DATA + bytes(59)
    assert fs.listdir("/f") == ["inside"]
    assert (fs.stat("/").nlink, fs.stat("/x").nlink, fs.stat("/f/inside").nlink) == (
        4,
        2,
        1,
    )


def test_a_fork_and_a_dump_are_of_one_moment() -> None:
    """However late the pieces are taken."""
    fs = Fs()
    fs.write_text("/f", "before")
    base, whole = fs.fork_and_dump()
    fs.write_text("/f", "after")
    fs.checkpoint("point")
    twin, change = fs.fork_and_dump(base, history=True)
    fs.write_text("/f", "later")
    other = Fs()
    other.load(b"".join(whole))
    assert other.image_digest() == base.image_digest()
    other.load(b"".join(change))
    assert other.image_digest() == twin.image_digest()
    assert [point.label for point in other.checkpoints()] == ["point"]
    assert twin.checkpoints() == []
