"""Files without a name (O_TMPFILE), linking them in, and the most names there are."""

from contextlib import suppress

import pytest
from devdev_fs import (
    LINK_MAX,
    PAGE_SIZE,
    ROOT_INO,
    Caller,
    Errno,
    Fs,
    FsBase,
    FsError,
    Ino,
    Kind,
)

from tests.fs.checks import names, refused, used_inodes


def test_it_is_a_file_that_no_directory_has(fs: FsBase) -> None:
    before = fs.stat("/")
    made = fs.inodes.tmpfile(ROOT_INO, 0o640, Caller(uid=0, gid=7, umask=0))
    assert (made.kind.name, made.perm, made.nlink) == ("REGULAR", 0o640, 0)
    assert (made.size, made.uid, made.gid) == (0, 0, 7)
    assert fs.stat("/") == before
    assert names(fs) == []
    fs.inodes.write(made.ino, 0, b"content")
    assert fs.inodes.read(made.ino, 0, 99) == b"content"
    assert (used_inodes(fs), fs.bytes_used) == (2, PAGE_SIZE)
    fs.inodes.unpin(made.ino)
    assert (used_inodes(fs), fs.bytes_used) == (1, 0)


def test_it_is_pinned_once(fs: FsBase) -> None:
    made = fs.inodes.tmpfile(ROOT_INO)
    with refused(fs, Errno.EINVAL):
        fs.inodes.unpin(made.ino, 2)
    fs.inodes.unpin(made.ino)
    with refused(fs, Errno.ENOENT):
        fs.inodes.getattr(made.ino)


def test_it_can_be_given_a_name(fs: FsBase) -> None:
    fs.mkdir("/d")
    made = fs.inodes.tmpfile(ROOT_INO)
    fs.inodes.write(made.ino, 0, b"content")
    linked = fs.inodes.link(made.ino, fs.stat("/d").ino, b"f")
    assert (linked.ino, linked.nlink) == (made.ino, 1)
    assert fs.stat("/d").mtime_ns == linked.ctime_ns
    fs.inodes.unpin(made.ino)
    assert fs.read_bytes("/d/f") == b"content"
    fs.link("/d/f", "/again")
    fs.remove("/d/f")
    fs.remove("/again")
    assert used_inodes(fs) == 2


def test_once_it_had_a_name_it_gets_none_again(fs: FsBase) -> None:
    """Linux's fs/namei.c:vfs_link clears I_LINKABLE."""
    made = fs.inodes.tmpfile(ROOT_INO)
    fs.inodes.link(made.ino, ROOT_INO, b"f")
    fs.remove("/f")
    with refused(fs, Errno.ENOENT):
        fs.inodes.link(made.ino, ROOT_INO, b"f")
    fs.inodes.unpin(made.ino)


def moved_number(fs: FsBase) -> Ino:
    """The number of the one orphan that a load moved out of the way."""
    for number in range(2**62, 2**62 + 1000):
        with suppress(FsError):
            return fs.inodes.getattr(Ino(number)).ino
    raise AssertionError("no orphan was moved")


def test_it_is_no_part_of_a_snapshot_and_outlives_a_load(fs: FsBase) -> None:
    fs.write_bytes("/f", b"")
    snapshot = fs.dump()
    made = fs.inodes.tmpfile(ROOT_INO)
    fs.inodes.write(made.ino, 0, b"content")
    fs.load(snapshot)
    assert names(fs) == [b"f"]
    ino = moved_number(fs)
    assert fs.inodes.read(ino, 0, 99) == b"content"
    fs.inodes.link(ino, ROOT_INO, b"g")
    assert fs.read_bytes("/g") == b"content"
    fs.inodes.unpin(ino)


def test_a_load_that_has_its_number_moves_it_out_of_the_way(fs: FsBase) -> None:
    empty = fs.dump()
    fs.mkdir("/d")
    snapshot = fs.dump()
    taken = fs.stat("/d").ino
    fs.load(empty)
    made = fs.inodes.tmpfile(ROOT_INO)
    assert made.ino == taken
    fs.inodes.write(made.ino, 0, b"content")
    fs.load(snapshot)
    assert fs.stat("/d").ino == taken
    ino = moved_number(fs)
    fs.inodes.link(ino, ROOT_INO, b"f")
    assert fs.read_bytes("/f") == b"content"
    fs.inodes.unpin(ino)


def test_a_link_is_undone_with_its_span(fs: FsBase) -> None:
    made = fs.inodes.tmpfile(ROOT_INO)
    fs.inodes.write(made.ino, 0, b"content")
    point = fs.checkpoint("before")
    fs.inodes.link(made.ino, ROOT_INO, b"f")
    fs.inodes.unpin(made.ino)
    fs.restore(point)
    assert names(fs) == []
    assert used_inodes(fs) == 1


@pytest.mark.parametrize("kind", [Kind.REGULAR, Kind.FIFO])
def test_an_inode_has_as_many_names_as_on_ext4(kind: Kind) -> None:
    fs = Fs()
    ino = fs.inodes.mknod(ROOT_INO, b"0", kind).ino
    for number in range(1, LINK_MAX):
        fs.inodes.link(ino, ROOT_INO, b"%d" % number)
    assert fs.inodes.getattr(ino).nlink == LINK_MAX == 65_000
    with refused(fs, Errno.EMLINK):
        fs.inodes.link(ino, ROOT_INO, b"one more")
    fs.inodes.unlink(ROOT_INO, b"0")
    fs.inodes.link(ino, ROOT_INO, b"one more")
