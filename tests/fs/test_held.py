"""What is held stays usable without a name: pins, and open files."""

from contextlib import suppress

import pytest
from devdev_fs import PAGE_SIZE, ROOT_INO, Errno, FsBase, FsError, Ino, Kind, SetAttr

from tests.fs.checks import ino_of, names, refused, used_inodes

MODES = ["r", "r+", "w", "w+", "a", "a+", "x", "x+"]


# --- pins ------------------------------------------------------------------------


def test_a_pinned_file_outlives_its_last_name(fs: FsBase) -> None:
    ino = fs.inodes.create(ROOT_INO, b"f").ino
    fs.inodes.pin(ino)
    fs.remove("/f")
    assert fs.inodes.getattr(ino).nlink == 0
    fs.inodes.write(ino, 0, b"still here")
    assert fs.inodes.read(ino, 0, 99) == b"still here"
    fs.inodes.setattr(ino, SetAttr(size=5, mode=0o600))
    assert fs.inodes.read(ino, 0, 99) == b"still"
    assert used_inodes(fs) == 2
    fs.inodes.unpin(ino)
    with refused(fs, Errno.ENOENT):
        fs.inodes.getattr(ino)
    assert (used_inodes(fs), fs.bytes_used) == (1, 0)


def test_pins_are_counted(fs: FsBase) -> None:
    ino = fs.inodes.create(ROOT_INO, b"f").ino
    fs.inodes.pin(ino, 3)
    fs.inodes.pin(ino, 0)
    fs.remove("/f")
    fs.inodes.unpin(ino, 2)
    fs.inodes.unpin(ino, 0)
    with refused(fs, Errno.EINVAL):
        fs.inodes.unpin(ino, 2)
    assert fs.inodes.getattr(ino).ino == ino
    fs.inodes.unpin(ino)
    with refused(fs, Errno.ENOENT):
        fs.inodes.unpin(ino)


def test_a_named_inode_stays_without_pins(fs: FsBase) -> None:
    ino = fs.inodes.create(ROOT_INO, b"f").ino
    fs.inodes.pin(ino)
    fs.inodes.unpin(ino)
    assert fs.inodes.getattr(ino).nlink == 1


@pytest.mark.parametrize("mode", [Kind.FIFO | 0o600, Kind.REGULAR | 0o600])
def test_a_replaced_inode_that_is_pinned_stays(fs: FsBase, mode: int) -> None:
    old = fs.inodes.mknod(ROOT_INO, b"old", mode).ino
    fs.inodes.pin(old)
    fs.write_bytes("/new", b"new")
    fs.rename("/new", "/old")
    assert fs.inodes.getattr(old).nlink == 0
    assert fs.read_bytes("/old") == b"new"
    fs.inodes.unpin(old)


def test_a_removed_directory_that_is_pinned_is_empty_and_dead(fs: FsBase) -> None:
    fs.mkdir("/a/b", parents=True)
    b = ino_of(fs, "/a/b")
    fs.inodes.pin(b)
    fs.remove_tree("/a")
    assert fs.inodes.getattr(b).nlink == 0
    assert names(fs, b) == []
    fs.inodes.setattr(b, SetAttr(mode=0o700))
    fs.inodes.unpin(b)


def test_a_symlink_that_is_pinned_still_leads_somewhere(fs: FsBase) -> None:
    ino = fs.inodes.symlink(ROOT_INO, b"l", b"target").ino
    fs.inodes.pin(ino)
    fs.remove("/l")
    assert fs.inodes.readlink(ino) == b"target"
    fs.inodes.unpin(ino)


def test_orphans_are_not_part_of_a_snapshot(fs: FsBase) -> None:
    with fs.open("/f", "w") as file:
        file.write(b"x" * 3 * PAGE_SIZE)
        fs.remove("/f")
        held = fs.dump()
    assert fs.dump() == held


# --- open files ------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_a_mode_opens_truncates_and_makes_as_open3_does(fs: FsBase, mode: str) -> None:
    if mode[0] == "r":
        with refused(fs, Errno.ENOENT):
            fs.open("/f", mode)
    else:
        fs.open("/f", mode).close()
        assert fs.stat("/f").perm == 0o644
    fs.write_bytes("/f", b"there")
    if mode[0] == "x":
        with refused(fs, Errno.EEXIST):
            fs.open("/f", mode)
        return
    with fs.open("/f", mode) as file:
        assert file.tell() == 0
        assert fs.read_bytes("/f") == (b"" if mode[0] == "w" else b"there")
        reads, writes = mode[0] == "r" or "+" in mode, mode != "r"
        if reads:
            file.read()
        else:
            with refused(fs, Errno.EBADF):
                file.read()
        if writes:
            assert file.write(b"!") == 1
            file.truncate()
        else:
            with refused(fs, Errno.EBADF):
                file.write(b"!")
            with refused(fs, Errno.EBADF):
                file.truncate(0)


@pytest.mark.parametrize("mode", MODES)
def test_files_are_bytes_whether_the_mode_says_so_or_not(fs: FsBase, mode: str) -> None:
    if mode[0] == "r":
        fs.write_bytes("/f", b"")
    fs.open("/f", mode[0] + "b" + mode[1:]).close()


@pytest.mark.parametrize("mode", ["", "b", "rw", "t", "rt", "w++", "+", "wx", "R"])
def test_another_mode_is_no_mode(fs: FsBase, mode: str) -> None:
    with pytest.raises(ValueError, match="mode"):
        fs.open("/f", mode)
    assert not fs.exists("/f")


def test_writing_goes_on_where_it_was(fs: FsBase) -> None:
    with fs.open("/f", "w+") as file:
        file.write(b"hello ")
        file.write(b"world")
        assert file.tell() == 11
        assert file.read() == b""
        assert file.seek(6) == 6
        assert file.read(3) == b"wor"
        assert file.read() == b"ld"
        file.seek(0)
        file.write(b"J")
        assert file.read(99) == b"ello world"


def test_seeking_from_the_start_from_here_and_from_the_end(fs: FsBase) -> None:
    fs.write_bytes("/f", b"0123456789")
    with fs.open("/f") as file:
        assert file.seek(4) == 4
        assert file.seek(3, 1) == 7
        assert file.seek(-2, 1) == 5
        assert file.seek(-1, 2) == 9
        assert file.read() == b"9"
        assert file.seek(100) == 100
        assert file.read() == b""
        for offset, whence in [(-1, 0), (-11, 2), (-101, 1), (0, 5), (0, -1)]:
            with refused(fs, Errno.EINVAL):
                file.seek(offset, whence)
        assert file.tell() == 100


def test_writing_behind_the_end_leaves_a_hole(fs: FsBase) -> None:
    with fs.open("/f", "w") as file:
        file.seek(10 * PAGE_SIZE)
        file.write(b"x")
    assert (fs.stat("/f").size, fs.bytes_used) == (10 * PAGE_SIZE + 1, PAGE_SIZE)


@pytest.mark.parametrize("mode", ["a", "a+"])
def test_appending_goes_to_the_end_wherever_that_is_then(fs: FsBase, mode: str) -> None:
    with fs.open("/f", mode) as file:
        file.write(b"one ")
        fs.append("/f", b"two ")
        file.seek(0)
        file.write(b"three")
        assert file.tell() == 13
    assert fs.read_bytes("/f") == b"one two three"


def test_two_opens_of_a_file_have_an_offset_each(fs: FsBase) -> None:
    fs.write_bytes("/f", b"0123456789")
    with fs.open("/f") as one, fs.open("/f", "r+") as other:
        assert one.read(3) == b"012"
        other.write(b"abcdef")
        assert one.read(3) == b"def"


def test_truncating_is_to_a_size_or_to_the_offset(fs: FsBase) -> None:
    with fs.open("/f", "w+") as file:
        file.write(b"0123456789")
        file.seek(4)
        assert file.truncate() == 4
        assert fs.read_bytes("/f") == b"0123"
        assert file.truncate(6) == 6
        assert file.tell() == 4
        assert file.stat().size == 6
        with refused(fs, Errno.EINVAL):
            file.truncate(-1)
    assert fs.read_bytes("/f") == b"0123\0\0"


@pytest.mark.parametrize("how", ["removed", "replaced", "renamed", "tree"])
@pytest.mark.parametrize("mode", ["r+", "w+", "a+"])
def test_an_open_file_stays_usable_whatever_becomes_of_its_name(
    fs: FsBase, mode: str, how: str
) -> None:
    fs.mkdir("/d")
    fs.write_bytes("/d/f", b"")
    with fs.open("/d/f", mode) as file:
        file.write(b"before ")
        if how == "removed":
            fs.remove("/d/f")
        elif how == "replaced":
            fs.write_bytes("/new", b"new")
            fs.rename("/new", "/d/f")
        elif how == "renamed":
            fs.rename("/d", "/e")
        else:
            fs.remove_tree("/d")
        file.write(b"after")
        file.seek(0)
        assert file.read() == b"before after"
        assert file.stat().nlink == (how == "renamed")
        file.truncate(2)
        assert file.stat().size == 2
    if how == "replaced":
        assert fs.read_bytes("/d/f") == b"new"
    elif how != "renamed":
        assert (used_inodes(fs), fs.bytes_used) == (1 + fs.exists("/d"), 0)


def test_closing_lets_go_once(fs: FsBase) -> None:
    with fs.open("/f", "w") as one, fs.open("/f") as other:
        fs.remove("/f")
        one.close()
        one.close()
        assert one.closed
        assert not other.closed
        assert other.stat().nlink == 0
    assert used_inodes(fs) == 1


def test_a_closed_file_is_no_file(fs: FsBase) -> None:
    file = fs.open("/f", "w+")
    file.close()
    for call in (
        file.read,
        file.stat,
        file.truncate,
        lambda: file.write(b"x"),
        lambda: file.seek(0),
    ):
        with refused(fs, Errno.EBADF):
            call()


def test_an_exception_closes_the_file_too(fs: FsBase) -> None:
    with suppress(RuntimeError), fs.open("/f", "w"):
        fs.remove("/f")
        raise RuntimeError
    assert used_inodes(fs) == 1


def test_a_refused_write_does_not_move_the_offset(fs: FsBase) -> None:
    fs.set_limits(max_bytes=PAGE_SIZE)
    with fs.open("/f", "w+") as file:
        file.write(b"x" * PAGE_SIZE)
        with refused(fs, Errno.ENOSPC):
            file.write(b"y")
        assert file.tell() == PAGE_SIZE


@pytest.mark.parametrize("mode", ["r", "w", "a"])
def test_links_are_followed_to_a_file_that_is_there_or_made(
    fs: FsBase, mode: str
) -> None:
    fs.symlink("f", "/l")
    if mode == "r":
        with refused(fs, Errno.ENOENT):
            fs.open("/l", mode)
        fs.write_bytes("/f", b"")
    fs.open("/l", mode).close()
    assert fs.listdir("/") == ["f", "l"]


@pytest.mark.parametrize("target", ["f", "nowhere", "l"])
def test_exclusive_opening_follows_no_link(fs: FsBase, target: str) -> None:
    """POSIX open(): O_EXCL with O_CREAT fails if the path names a symbolic link."""
    fs.write_bytes("/f", b"content")
    fs.symlink(target, "/l")
    with refused(fs, Errno.EEXIST):
        fs.open("/l", "x")


@pytest.mark.parametrize("path", ["/d", "/d/", "/"])
@pytest.mark.parametrize("mode", ["r", "r+", "w", "a"])
def test_directories_are_not_opened(fs: FsBase, path: str, mode: str) -> None:
    fs.mkdir("/d")
    with refused(fs, Errno.EISDIR):
        fs.open(path, mode)


@pytest.mark.parametrize("mode", ["r", "w"])
def test_fifos_are_not_opened(fs: FsBase, mode: str) -> None:
    fs.inodes.mknod(ROOT_INO, b"p", Kind.FIFO | 0o600)
    with refused(fs, Errno.EINVAL):
        fs.open("/p", mode)


def test_a_file_that_was_never_open_cannot_be_unpinned_by_its_user(fs: FsBase) -> None:
    fs.write_bytes("/f", b"")
    with pytest.raises(FsError) as caught:
        fs.inodes.unpin(ino_of(fs, "/f"))
    assert caught.value.errno == Errno.EINVAL
    with pytest.raises(FsError):
        fs.inodes.unpin(Ino(2**62))
