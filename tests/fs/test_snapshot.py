"""dump and restore: the same state is the same bytes, and comes back from them."""

from collections.abc import Callable

import pytest
from devdev_fs import PAGE_SIZE, ROOT_INO, FsBase, Kind, SetAttr, SnapshotError
from devdev_fs.testing import ManualClock

from tests.fs import snapshots
from tests.fs.checks import ino_of, names, used_inodes
from tests.fs.snapshots import directory, image, regular, special, symlink

MakeFs = Callable[..., FsBase]


def populate(fs: FsBase) -> None:
    """One of each, with everything that a snapshot has to keep."""
    fs.mkdir("/d/sub", parents=True)
    fs.write_bytes("/d/file", b"content")
    fs.link("/d/file", "/hard")
    fs.symlink("../d/file", "/d/sub/link")
    fs.inodes.mknod(ROOT_INO, b"fifo", Kind.FIFO | 0o640)
    fs.inodes.mknod(ROOT_INO, b"disk", Kind.BLOCK_DEVICE | 0o600, 0x801)
    fs.inodes.create(ROOT_INO, b"\xff\n")
    fs.write_bytes("/sparse", b"")
    fs.truncate("/sparse", 10 * PAGE_SIZE)
    fs.inodes.write(ino_of(fs, "/sparse"), 5 * PAGE_SIZE + 7, b"island")
    fs.write_bytes("/zeros", bytes(PAGE_SIZE + 5))
    fs.setattr("/d/file", SetAttr(mode=0o4751, uid=7, gid=8, atime_ns=-5))
    fs.remove("/fifo")


def populated(make_fs: MakeFs) -> FsBase:
    fs = make_fs()
    fs.set_limits(max_bytes=2**20, max_inodes=50)
    populate(fs)
    return fs


def test_what_is_restored_is_dumped_byte_for_byte(make_fs: MakeFs) -> None:
    fs = populated(make_fs)
    snapshot = fs.dump()
    other = make_fs()
    other.load(snapshot)
    assert other.dump() == snapshot
    assert other.image_digest() == fs.image_digest()
    assert other.tree_digest() == fs.tree_digest()
    other.check_invariants()


def test_everything_comes_back(make_fs: MakeFs) -> None:
    fs = populated(make_fs)
    other = make_fs()
    other.load(fs.dump())
    for path, directories, files in fs.walk():
        for name in ["", *directories, *files]:
            assert other.lstat(f"{path}/{name}") == fs.lstat(f"{path}/{name}")
    assert other.walk() == fs.walk()
    assert names(other) == names(fs)
    assert other.read_bytes("/hard") == b"content"
    assert other.stat("/sparse").blocks == 8
    assert other.stat("/zeros").blocks == 16
    assert other.inodes.statvfs() == fs.inodes.statvfs()
    assert other.bytes_used == fs.bytes_used


def test_numbers_go_on_where_they_were(make_fs: MakeFs) -> None:
    fs = populated(make_fs)
    other = make_fs()
    other.load(fs.dump())
    assert (
        other.inodes.mkdir(ROOT_INO, b"new").ino == fs.inodes.mkdir(ROOT_INO, b"n").ino
    )


def test_the_same_calls_with_the_same_clock_give_the_same_bytes(
    make_fs: MakeFs,
) -> None:
    one, other = make_fs(clock=ManualClock(5, 1)), make_fs(clock=ManualClock(5, 1))
    populate(one)
    populate(other)
    assert one.dump() == other.dump()
    one.write_bytes("/zeros", b"")
    assert one.dump() != other.dump()


def test_different_ways_to_the_same_state_give_the_same_bytes(make_fs: MakeFs) -> None:
    """Pages written one by one or at once, in whatever order, are one run."""
    one = make_fs(clock=ManualClock())
    other = make_fs(clock=ManualClock())
    for fs in (one, other):
        fs.write_bytes("/f", b"")
    data = bytes(range(256)) * 48
    one.write_bytes("/f", data)
    for page in (2, 0, 1):
        part = data[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]
        other.inodes.write(ino_of(other, "/f"), page * PAGE_SIZE, part)
    assert one.dump() == other.dump()


def test_clock_and_umask_are_not_part_of_a_snapshot(make_fs: MakeFs) -> None:
    snapshot = populated(make_fs).dump()
    fs = make_fs(clock=ManualClock(555), umask=0o077)
    fs.load(snapshot)
    fs.mkdir("/new")
    assert (fs.stat("/new").mtime_ns, fs.stat("/new").perm) == (555, 0o700)


def test_dumping_changes_nothing(make_fs: MakeFs) -> None:
    fs = populated(make_fs)
    assert fs.dump() == fs.dump()


def test_a_restore_replaces_everything(make_fs: MakeFs) -> None:
    fs = make_fs()
    empty = fs.dump()
    populate(fs)
    fs.load(empty)
    assert fs.dump() == empty
    assert (fs.listdir("/"), fs.bytes_used, used_inodes(fs)) == ([], 0, 1)


@pytest.mark.parametrize("count", [1_023, 1_024, 1_025, 2_500])
def test_a_large_directory_comes_back_in_its_order(fs: FsBase, count: int) -> None:
    for number in range(count):
        fs.inodes.mknod(ROOT_INO, b"%d" % (number * 7919 % count), Kind.SOCKET)
    before, listed = fs.dump(), names(fs)
    fs.load(fs.dump())
    assert names(fs) == listed
    assert fs.inodes.readdir(ROOT_INO, 2, 3) == fs.inodes.readdir(ROOT_INO)[2:5]
    assert len(before) == len(fs.dump())


@pytest.mark.parametrize("pages", [255, 256, 257, 600])
@pytest.mark.parametrize("byte", [b"x", b"\0"])
def test_a_large_file_comes_back_in_runs(fs: FsBase, pages: int, byte: bytes) -> None:
    content = byte * (pages * PAGE_SIZE - 1)
    fs.write_bytes("/f", content)
    snapshot = fs.dump()
    fs.load(snapshot)
    assert fs.dump() == snapshot
    assert fs.read_bytes("/f") == content
    assert fs.bytes_used == pages * PAGE_SIZE


def test_zeros_that_were_written_take_no_room_in_a_snapshot(fs: FsBase) -> None:
    fs.write_bytes("/f", bytes(2**24))
    assert len(fs.dump()) < 1_000


@pytest.mark.parametrize("convert", [bytes, bytearray, memoryview])
def test_a_snapshot_may_come_in_any_buffer(
    fs: FsBase, convert: Callable[[bytes], bytes]
) -> None:
    fs.mkdir("/d")
    fs.load(convert(fs.dump()))
    assert fs.listdir() == ["d"]


# --- the format, as its description says -----------------------------------------

EMPTY = bytes.fromhex(
    "64657664657666738501021a000800001a001000000189011941ed0000000000008100815820"
    "b6f561212a6a01ec13559fd959905821528063dace10d44935cf38bf58c057b0"
)
POPULATED = bytes.fromhex(
    "646576646576667385010b19010018320989011941ed00001903e81903e81903e81903e88106"
    "86824164028244686172640482446469736b078242ff0a0882467370617273650982457a6572"
    "6f730a89021941ed00001903e81903e81903e81903e8810282824373756203824466696c6504"
    "89031941ed00001903e81903e81903e81903e881018182446c696e6b0589041989e907082419"
    "03e81903e81903e882070183000147636f6e74656e74890519a1ff00001903e81903e81903e8"
    "1903e881492e2e2f642f66696c65890719618000001903e81903e81903e81903e88119080189"
    "081981a400001903e81903e81903e81903e882000089091981a400001903e81903e81903e819"
    "03e88219a000018305014d0000000000000069736c616e64890a1981a400001903e81903e819"
    "03e81903e8821910050183000240815820c5e9159b4456e410e63d2c134119a8a84120ca1f61"
    "bd3d25e96a7cf086c62021"
)

HAND_MADE = image(
    directory(1, {b"d": 2, b"link": 4, b"fifo": 5, b"disk": 6, b"hard": 3}),
    directory(2, {b"file": 3}),
    regular(3, 3 * 4096, [0, 1, b"one"], [2, 1, b"three"]),
    symlink(4, b"d/file"),
    special(5, snapshots.FIFO),
    special(6, snapshots.BLOCK, 0x801),
)


def test_an_empty_filesystem_has_these_bytes(make_fs: MakeFs) -> None:
    fs = make_fs(clock=ManualClock())
    assert fs.dump() == EMPTY
    fs.mkdir("/d")
    fs.load(EMPTY)
    assert fs.dump() == EMPTY


def test_one_of_each_has_these_bytes(make_fs: MakeFs) -> None:
    fs = make_fs(clock=ManualClock(1_000), max_bytes=2**20, max_inodes=50)
    populate(fs)
    assert fs.dump() == POPULATED


def test_these_bytes_are_one_of_each(make_fs: MakeFs) -> None:
    expected = make_fs()
    populate(expected)
    fs = make_fs()
    fs.load(POPULATED)
    assert fs.dump() == POPULATED
    assert fs.tree_digest() == expected.tree_digest()
    assert fs.walk() == expected.walk()
    assert fs.read_bytes("/sparse")[5 * PAGE_SIZE + 7 :][:6] == b"island"


def test_a_snapshot_made_by_hand_after_the_description_is_loaded(fs: FsBase) -> None:
    fs.load(HAND_MADE)
    assert fs.dump() == HAND_MADE
    assert [name.decode() for name in names(fs)] == [
        "d",
        "link",
        "fifo",
        "disk",
        "hard",
    ]
    content = b"one" + bytes(2 * 4096 - 3) + b"three" + bytes(4096 - 5)
    assert fs.read_bytes("/link") == content
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
