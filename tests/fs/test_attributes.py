"""setattr, getattr, statvfs and the limits."""

from collections.abc import Callable

import pytest
from devdev_fs import PAGE_SIZE, ROOT_INO, Errno, FsBase, Ino, Kind, SetAttr, Stat

from tests.fs.checks import ino_of, refused

MakeFs = Callable[..., FsBase]


def test_a_stat_reads_like_stat2(fs: FsBase) -> None:
    fs.write_bytes("/f", b"x" * 5000)
    stat = fs.stat("/f")
    assert stat == fs.inodes.getattr(stat.ino) == fs.inodes.lookup(ROOT_INO, b"f")
    assert (stat.mode, stat.perm, stat.kind) == (0o100644, 0o644, Kind.REGULAR)
    assert (stat.size, stat.blocks, stat.nlink, stat.rdev) == (5000, 16, 1, 0)
    assert (stat.is_file, stat.is_dir, stat.is_symlink) == (True, False, False)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [(kind | 0o640, kind) for kind in Kind],
)
def test_a_stat_knows_its_kind(mode: int, kind: Kind) -> None:
    stat = Stat(Ino(5), mode, *[0] * 10)
    assert stat.kind is kind
    assert stat.perm == 0o640
    assert stat.is_file == (kind is Kind.REGULAR)
    assert stat.is_dir == (kind is Kind.DIRECTORY)
    assert stat.is_symlink == (kind is Kind.SYMLINK)


def test_an_inode_that_is_not_there_has_no_attributes(fs: FsBase) -> None:
    with refused(fs, Errno.ENOENT):
        fs.inodes.getattr(Ino(99))
    with refused(fs, Errno.ENOENT):
        fs.inodes.setattr(Ino(99), SetAttr())


def test_several_attributes_change_in_one_step(fs: FsBase) -> None:
    fs.write_bytes("/f", b"content")
    change = SetAttr(mode=0o640, uid=1, gid=2, size=3, atime_ns=4, mtime_ns=5)
    stat = fs.setattr("/f", change)
    assert stat == fs.stat("/f")
    assert (stat.perm, stat.uid, stat.gid, stat.size) == (0o640, 1, 2, 3)
    assert (stat.atime_ns, stat.mtime_ns) == (4, 5)
    assert fs.read_bytes("/f") == b"con"


def test_what_is_not_named_stays(fs: FsBase) -> None:
    fs.write_bytes("/f", b"content")
    before = fs.setattr("/f", SetAttr(mode=0o751, uid=3, gid=4))
    after = fs.setattr("/f", SetAttr(gid=9))
    assert after == before._replace(gid=9, ctime_ns=after.ctime_ns)


@pytest.mark.parametrize("path", ["/f", "/d"])
def test_a_mode_is_twelve_bits_and_leaves_the_kind(fs: FsBase, path: str) -> None:
    fs.write_bytes("/f", b"")
    fs.mkdir("/d")
    kind = fs.stat(path).kind
    stat = fs.setattr(path, SetAttr(mode=Kind.SOCKET | 0o7654))
    assert stat.mode == kind | 0o7654


@pytest.mark.parametrize(
    ("mode", "after"),
    [
        (0o4755, 0o0755),
        (0o2755, 0o0755),
        (0o6775, 0o0775),
        (0o2644, 0o2644),  # without group execution the bit means mandatory locking
        (0o6640, 0o2640),
        (0o1777, 0o1777),
    ],
)
@pytest.mark.parametrize("change", [SetAttr(uid=1), SetAttr(gid=1), SetAttr(uid=0)])
def test_a_change_of_owner_takes_the_set_id_bits_off_a_file(
    fs: FsBase, mode: int, after: int, change: SetAttr
) -> None:
    """chown(2); Linux's fs/open.c:chown_common."""
    fs.write_bytes("/f", b"")
    fs.chmod("/f", mode)
    assert fs.setattr("/f", change).perm == after


def test_a_change_of_owner_leaves_the_set_id_bits_of_a_directory(fs: FsBase) -> None:
    fs.mkdir("/d")
    fs.chmod("/d", 0o6755)
    assert fs.setattr("/d", SetAttr(uid=1, gid=1)).perm == 0o6755


def test_a_mode_in_the_same_step_comes_after_the_owner(fs: FsBase) -> None:
    fs.write_bytes("/f", b"")
    assert fs.setattr("/f", SetAttr(uid=1, mode=0o4755)).perm == 0o4755


@pytest.mark.parametrize(
    "change", [SetAttr(uid=-1), SetAttr(gid=-1), SetAttr(uid=2**32), SetAttr(gid=2**32)]
)
def test_owners_that_do_not_fit_are_refused(fs: FsBase, change: SetAttr) -> None:
    fs.write_bytes("/f", b"")
    with refused(fs, Errno.EINVAL):
        fs.setattr("/f", change)


def test_attributes_of_a_link_itself_are_changed_without_following(fs: FsBase) -> None:
    fs.write_bytes("/f", b"")
    fs.symlink("f", "/l")
    fs.setattr("/l", SetAttr(uid=5), follow=False)
    assert (fs.lstat("/l").uid, fs.stat("/f").uid) == (5, 0)
    fs.setattr("/l", SetAttr(uid=6))
    assert (fs.lstat("/l").uid, fs.stat("/f").uid) == (5, 6)


@pytest.mark.parametrize(
    ("path", "size", "errno"),
    [
        ("/d", 0, Errno.EISDIR),
        ("/p", 0, Errno.EINVAL),
        ("/f", -1, Errno.EINVAL),
        ("/f", 2**63, Errno.EFBIG),
    ],
)
def test_sizes_that_cannot_be_are_refused(
    fs: FsBase, path: str, size: int, errno: Errno
) -> None:
    fs.mkdir("/d")
    fs.inodes.mknod(ROOT_INO, b"p", Kind.FIFO)
    fs.write_bytes("/f", b"x")
    with refused(fs, errno):
        fs.truncate(path, size)


def test_a_symlink_has_no_size_to_set(fs: FsBase) -> None:
    fs.symlink("f", "/l")
    with refused(fs, Errno.EINVAL):
        fs.setattr("/l", SetAttr(size=0), follow=False)


def test_the_space_counts_pages_and_inodes(make_fs: MakeFs) -> None:
    fs = make_fs(max_bytes=10 * PAGE_SIZE + 5, max_inodes=7)
    fs.write_bytes("/f", b"x" * (PAGE_SIZE + 1))
    fs.symlink("f", "/l")
    space = fs.inodes.statvfs()
    assert space.block_size == PAGE_SIZE
    assert (space.blocks, space.blocks_free) == (10, 8)
    assert (space.inodes, space.inodes_free) == (7, 4)
    assert space.name_max == 255
    assert fs.bytes_used == 2 * PAGE_SIZE


def test_without_limits_given_there_are_2_gib_and_a_million_inodes(fs: FsBase) -> None:
    space = fs.inodes.statvfs()
    assert space.blocks * space.block_size == 2 * 1024**3
    assert space.inodes == 2**20


def test_limits_can_be_set_one_at_a_time(fs: FsBase) -> None:
    fs.set_limits(max_bytes=PAGE_SIZE)
    fs.set_limits(max_inodes=5)
    space = fs.inodes.statvfs()
    assert (space.blocks, space.inodes) == (1, 5)


def test_a_limit_below_what_is_used_takes_nothing_away(fs: FsBase) -> None:
    fs.write_bytes("/f", b"x" * 3 * PAGE_SIZE)
    fs.set_limits(max_bytes=PAGE_SIZE, max_inodes=1)
    space = fs.inodes.statvfs()
    assert (space.blocks_free, space.inodes_free) == (0, 0)
    assert fs.bytes_used == 3 * PAGE_SIZE
    with refused(fs, Errno.ENOSPC):
        fs.append("/f", b"x")
    with refused(fs, Errno.ENOSPC):
        fs.mkdir("/d")
    fs.inodes.write(ino_of(fs, "/f"), 0, b"y" * 3 * PAGE_SIZE)
    assert fs.read_bytes("/f") == b"y" * 3 * PAGE_SIZE


@pytest.mark.parametrize("value", [-1, 2**63])
@pytest.mark.parametrize("limit", ["max_bytes", "max_inodes"])
def test_limits_that_cannot_be_are_refused(
    fs: FsBase, make_fs: MakeFs, limit: str, value: int
) -> None:
    with refused(fs, Errno.EINVAL):
        fs.set_limits(**{limit: value})
    with refused(fs, Errno.EINVAL):
        make_fs(**{limit: value})


def test_the_largest_limits_are_kept_by_a_snapshot(fs: FsBase) -> None:
    fs.set_limits(max_bytes=2**63 - 1, max_inodes=2**63 - 1)
    before = fs.inodes.statvfs()
    fs.load(fs.dump())
    assert fs.inodes.statvfs() == before
