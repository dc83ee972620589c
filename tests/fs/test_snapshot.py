"""dump and restore: the same state is the same bytes, and comes back from them."""

from collections.abc import Callable

import pytest
from devdev_fs import PAGE_SIZE, ROOT_INO, FallocateFlags, Fs, FsBase, Kind
from devdev_fs.testing import ManualClock

from tests.fs.checks import ino_of, names, used_inodes
from tests.fs.vectors import populate

MakeFs = Callable[..., FsBase]


def populated(make_fs: MakeFs) -> FsBase:
    fs = make_fs()
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
    """Pages written one by one or at once, in whatever order, are one block."""
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


@pytest.mark.parametrize("count", [511, 512, 513, 1_025, 8_193])
def test_a_large_directory_comes_back_in_its_order(count: int) -> None:
    fs = Fs()
    fs.inodes.create(ROOT_INO, b"first")
    for number in range(count - 1):
        name = b"%d" % (number * 7919 % count)
        fs.inodes.link(ino_of(fs, "/first"), ROOT_INO, name)
    listed, before = names(fs), fs.dump()
    fs.load(before)
    assert fs.dump() == before
    assert names(fs) == listed
    assert fs.inodes.readdir(ROOT_INO, 2, 3) == fs.inodes.readdir(ROOT_INO)[2:5]
    for name in listed:
        fs.remove(f"/{name.decode()}")
    assert fs.listdir() == []


def test_a_directory_that_was_large_is_as_one_that_never_was(make_fs: MakeFs) -> None:
    one, other = make_fs(clock=ManualClock()), make_fs(clock=ManualClock())
    for fs, count in ((one, 600), (other, 100)):
        for number in range(count):
            fs.inodes.mknod(ROOT_INO, b"%d" % number, Kind.SOCKET)
    for number in range(100, 600):
        one.remove(f"/{number}")
    for _ in range(500):
        other.inodes.mknod(ROOT_INO, b"x", Kind.SOCKET)
        other.remove("/x")
    assert one.dump() == other.dump()
    assert one.tree_digest() == other.tree_digest()


def test_a_listing_goes_on_after_a_load_where_it_was(fs: FsBase) -> None:
    for name in "abcdef":
        fs.write_bytes(f"/{name}", b"")
    fs.remove("/b")
    *_, last = fs.inodes.readdir(ROOT_INO, 0, 4)
    assert last.name == b"c"
    fs.load(fs.dump())
    rest = fs.inodes.readdir(ROOT_INO, last.cookie)
    assert [entry.name for entry in rest] == [b"d", b"e", b"f"]
    fs.write_bytes("/g", b"")
    assert fs.inodes.readdir(ROOT_INO)[-1].cookie > rest[-1].cookie


@pytest.mark.parametrize("pages", [63, 64, 65, 600])
@pytest.mark.parametrize("byte", [b"x", b"\0"])
def test_a_large_file_comes_back_in_blocks(fs: FsBase, pages: int, byte: bytes) -> None:
    content = byte * (pages * PAGE_SIZE - 1)
    fs.write_bytes("/f", content)
    snapshot = fs.dump()
    fs.load(snapshot)
    assert fs.dump() == snapshot
    assert fs.read_bytes("/f") == content
    assert fs.bytes_used == pages * PAGE_SIZE


def test_what_is_written_after_a_load_changes_one_file_only(fs: FsBase) -> None:
    """Files with the same content share it, from the load on."""
    for name in "abc":
        fs.write_bytes(f"/{name}", b"x" * 300_000)
    fs.load(fs.dump())
    fs.inodes.write(ino_of(fs, "/b"), 1_000, b"y")
    fs.truncate("/c", 5)
    assert fs.read_bytes("/a") == b"x" * 300_000
    assert fs.read_bytes("/b") == b"x" * 1_000 + b"y" + b"x" * 298_999
    assert fs.read_bytes("/c") == b"xxxxx"


def test_content_is_in_a_snapshot_once(fs: FsBase) -> None:
    data = bytes(range(256)) * 2_000
    fs.write_bytes("/f", data)
    once = len(fs.dump())
    for number in range(20):
        fs.write_bytes(f"/{number}", data)
    assert len(fs.dump()) < once + 20 * 300


def test_pages_that_were_allocated_come_back(fs: FsBase) -> None:
    """Behind the end too: fallocate(2) with FALLOC_FL_KEEP_SIZE."""
    fs.write_bytes("/f", b"x")
    ino = ino_of(fs, "/f")
    fs.inodes.fallocate(ino, FallocateFlags.KEEP_SIZE, 0, 100 * PAGE_SIZE)
    before = fs.stat("/f"), fs.dump()
    assert before[0].blocks == 800
    fs.load(before[1])
    assert (fs.stat("/f"), fs.dump()) == before
    fs.inodes.write(ino, 99 * PAGE_SIZE, b"y")
    assert fs.stat("/f").blocks == 800


def test_extended_attributes_and_access_lists_come_back(fs: FsBase) -> None:
    fs.mkdir("/d")
    ino = ino_of(fs, "/d")
    entries = ((1, 7), (2, 5), (4, 5), (16, 5), (32, 0))
    acl = b"\2\0\0\0" + b"".join(
        tag.to_bytes(2, "little")
        + perm.to_bytes(2, "little")
        + (7 if tag == 2 else 2**32 - 1).to_bytes(4, "little")
        for tag, perm in entries
    )
    there = {
        b"system.posix_acl_access": acl,
        b"system.posix_acl_default": acl,
        b"trusted.t": b"",
        b"user.long": bytes(range(256)) * 200,
    }
    for name, value in there.items():
        fs.inodes.setxattr(ino, name, value)
    used = fs.inodes.statvfs()
    fs.load(fs.dump())
    names = fs.inodes.listxattr(ino)
    assert {name: fs.inodes.getxattr(ino, name) for name in names} == there
    assert fs.inodes.statvfs() == used


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


def test_a_path_means_what_it_means_in_what_was_loaded(fs: FsBase) -> None:
    """The number of the directory is another one's then."""
    with fs.fork() as other:
        other.mkdir("/other")
        other.write_bytes("/other/f", b"other")
        fs.mkdir("/d")
        fs.write_bytes("/d/f", b"mine")
        assert fs.read_bytes("/d/f") == b"mine"
        fs.load(other.dump())
        assert not fs.exists("/d/f")
        assert fs.read_bytes("/other/f") == b"other"
