"""restore in place: what is held goes on as itself, or as an orphan."""

from collections.abc import Callable

import pytest
from devdev_fs import PAGE_SIZE, ROOT_INO, Errno, FsBase, Ino, Kind
from devdev_fs.testing import ManualClock

from tests.fs.checks import ino_of, names, refused, used_inodes

MakeFs = Callable[..., FsBase]
FIRST_ORPHAN = Ino(2**62)


def test_an_open_file_goes_on_with_the_restored_content(fs: FsBase) -> None:
    fs.write_bytes("/f", b"restored")
    snapshot = fs.dump()
    with fs.open("/f", "r+") as file:
        file.write(b"changed")
        fs.rename("/f", "/moved")
        fs.load(snapshot)
        file.seek(0)
        assert file.read() == b"restored"
        file.write(b"!")
        assert fs.read_bytes("/f") == b"restored!"
        assert file.stat() == fs.stat("/f")
        fs.check_invariants()


def test_an_open_file_that_was_removed_comes_back_to_life(fs: FsBase) -> None:
    fs.write_bytes("/f", b"restored")
    snapshot = fs.dump()
    with fs.open("/f", "r+") as file:
        fs.remove("/f")
        file.truncate(0)
        fs.load(snapshot)
        assert file.read() == b"restored"
        assert file.stat().nlink == 1
    assert fs.stat("/f").nlink == 1


def test_an_open_file_that_the_snapshot_lacks_goes_on_as_an_orphan(fs: FsBase) -> None:
    empty = fs.dump()
    with fs.open("/f", "w+") as file:
        file.write(b"x" * PAGE_SIZE)
        fs.load(empty)
        assert fs.listdir() == []
        assert file.stat().nlink == 0
        file.write(b"more")
        file.seek(PAGE_SIZE - 1)
        assert file.read() == b"xmore"
        file.truncate(3)
        assert (used_inodes(fs), fs.bytes_used) == (2, PAGE_SIZE)
        fs.check_invariants()
        fs.write_bytes("/new", b"has the number that the file had")
        file.seek(0)
        assert file.read() == b"xxx"
        fs.load(empty)
        file.seek(0)
        assert file.read() == b"xxx"
    assert (used_inodes(fs), fs.bytes_used) == (1, 0)


def test_a_number_that_means_another_inode_in_the_snapshot_is_not_mistaken(
    make_fs: MakeFs,
) -> None:
    """The same number and kind, but another birth."""
    other = make_fs(clock=ManualClock(5_000_000))
    other.write_bytes("/other", b"other")
    fs = make_fs(clock=ManualClock(1))
    with fs.open("/mine", "w+") as file:
        file.write(b"mine")
        fs.load(other.dump())
        assert ino_of(fs, "/other") == 2
        file.seek(0)
        assert file.read() == b"mine"
        file.write(b"!")
    assert fs.read_bytes("/other") == b"other"


def test_the_root_is_the_root_whoever_made_it(make_fs: MakeFs) -> None:
    other = make_fs(clock=ManualClock(5_000_000))
    other.write_bytes("/f", b"")
    fs = make_fs(clock=ManualClock(1))
    fs.inodes.pin(ROOT_INO)
    fs.load(other.dump())
    assert names(fs) == [b"f"]
    fs.inodes.unpin(ROOT_INO)
    with refused(fs, Errno.EINVAL):
        fs.inodes.unpin(ROOT_INO)


def test_pins_of_what_stays_are_kept(fs: FsBase) -> None:
    fs.write_bytes("/f", b"")
    ino = ino_of(fs, "/f")
    fs.inodes.pin(ino, 2)
    fs.load(fs.dump())
    fs.remove("/f")
    fs.inodes.unpin(ino)
    assert fs.inodes.getattr(ino).nlink == 0
    fs.inodes.unpin(ino)
    with refused(fs, Errno.ENOENT):
        fs.inodes.getattr(ino)


@pytest.mark.parametrize(
    ("held", "made"), [(Kind.REGULAR, Kind.DIRECTORY), (Kind.SOCKET, Kind.FIFO)]
)
def test_what_is_of_another_kind_in_the_snapshot_becomes_an_orphan(
    make_fs: MakeFs, held: Kind, made: Kind
) -> None:
    """The same number and birth, as two filesystems that began alike can have."""
    other = make_fs(clock=ManualClock())
    if made == Kind.DIRECTORY:
        other.mkdir("/x")
    else:
        other.inodes.mknod(ROOT_INO, b"x", made)
    fs = make_fs(clock=ManualClock())
    fs.inodes.pin(fs.inodes.mknod(ROOT_INO, b"x", held).ino)
    fs.load(other.dump())
    assert fs.stat("/x").kind == made
    assert fs.inodes.getattr(FIRST_ORPHAN).kind == held
    fs.check_invariants()
    fs.inodes.unpin(FIRST_ORPHAN)
    assert used_inodes(fs) == 2


def test_an_orphaned_directory_is_empty_dead_and_its_own_parent(
    make_fs: MakeFs,
) -> None:
    fs = make_fs(clock=ManualClock())
    empty = fs.dump()
    fs.mkdir("/a/b/c", parents=True)
    fs.inodes.pin(ino_of(fs, "/a/b"))
    fs.load(empty)
    assert [entry.ino for entry in fs.inodes.readdir(FIRST_ORPHAN)] == [
        FIRST_ORPHAN
    ] * 2
    with refused(fs, Errno.ENOENT):
        fs.inodes.create(FIRST_ORPHAN, b"x")
    fs.mkdir("/a")
    with refused(fs, Errno.ENOENT):
        fs.inodes.rename(ROOT_INO, b"a", FIRST_ORPHAN, b"x")
    fs.inodes.unpin(FIRST_ORPHAN)
    assert used_inodes(fs) == 2


def test_the_quotas_of_the_snapshot_hold(fs: FsBase) -> None:
    fs.set_limits(max_bytes=PAGE_SIZE, max_inodes=3)
    snapshot = fs.dump()
    fs.set_limits(max_bytes=2**30, max_inodes=100)
    with fs.open("/f", "w") as file:
        file.write(b"x" * 3 * PAGE_SIZE)
        fs.load(snapshot)
        assert fs.bytes_used == 3 * PAGE_SIZE
        with refused(fs, Errno.ENOSPC):
            fs.write_bytes("/g", b"x")
    fs.write_bytes("/g", b"x")


def test_restoring_over_and_over_leaks_nothing(fs: FsBase) -> None:
    fs.mkdir("/d/e", parents=True)
    fs.write_bytes("/d/f", b"x")
    snapshot = fs.dump()
    for _ in range(5):
        with fs.open("/extra", "w"):
            fs.load(snapshot)
        assert fs.dump() == snapshot
        assert used_inodes(fs) == 4
        fs.check_invariants()


def test_each_of_several_open_files_stays_on_its_own(fs: FsBase) -> None:
    empty = fs.dump()
    fs.write_bytes("/f", b"f")
    fs.write_bytes("/g", b"g")
    with fs.open("/f") as f, fs.open("/g") as g:
        fs.load(empty)
        assert (f.read(), g.read()) == (b"f", b"g")


def test_letting_go_of_nothing_is_nothing(fs: FsBase) -> None:
    fs.inodes.unpin(ROOT_INO, 0)
    assert used_inodes(fs) == 1
