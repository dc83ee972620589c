"""What the store that this one follows does wrong, each shown to be right here.

The numbers are those of its list of correctness defects; what shows only through a
mount or in a launched program is tested there.
"""

from collections.abc import Callable

import pytest
from devdev_fs import PAGE_SIZE, ROOT_INO, Errno, FsBase, SetAttr, SnapshotError
from devdev_fs.testing import ManualClock

from tests.fs.checks import ino_of, refused, used_inodes
from tests.fs.snapshots import directory, image, regular

MakeFs = Callable[..., FsBase]


@pytest.mark.parametrize("how", ["unlinked", "replaced"])
def test_defect_1_an_open_file_that_is_unlinked_or_replaced_is_lost(
    fs: FsBase, how: str
) -> None:
    with fs.open("/f", "w+") as file:
        file.write(b"content")
        if how == "unlinked":
            fs.remove("/f")
        else:
            fs.write_bytes("/g", b"other")
            fs.rename("/g", "/f")
        assert file.stat().nlink == 0
        file.write(b" and more")
        file.seek(0)
        assert file.read() == b"content and more"
        file.truncate(0)


def test_defect_2_renaming_between_two_names_of_a_file_leaks_it(fs: FsBase) -> None:
    fs.write_bytes("/a", b"x")
    fs.link("/a", "/b")
    fs.rename("/a", "/b")
    assert (fs.listdir(), fs.stat("/b").nlink) == (["a", "b"], 2)
    fs.remove("/a")
    fs.remove("/b")
    assert (used_inodes(fs), fs.bytes_used) == (1, 0)


def test_defect_3_writing_nothing_extends_a_file(fs: FsBase) -> None:
    fs.write_bytes("/f", b"x")
    before = fs.stat("/f")
    assert fs.inodes.write(before.ino, 100, b"") == 0
    assert fs.stat("/f") == before


@pytest.mark.parametrize("path", ["/d/e/f/..", "/d/e/f/.", "/d/e/f/"])
def test_defect_4_dots_and_slashes_behind_a_file_lead_somewhere(
    fs: FsBase, path: str
) -> None:
    fs.mkdir("/d/e", parents=True)
    fs.write_bytes("/d/e/f", b"")
    with refused(fs, Errno.ENOTDIR):
        fs.stat(path)


def test_defect_5_deleting_while_listing_skips_entries(fs: FsBase) -> None:
    for number in range(300):
        fs.touch(f"/{number}")
    cookie = 0
    while entries := fs.inodes.readdir(ROOT_INO, cookie, 16):
        cookie = entries[-1].cookie
        for entry in entries:
            if entry.name not in (b".", b".."):
                fs.inodes.unlink(ROOT_INO, entry.name)
    assert fs.listdir() == []


def test_defect_6_appending_after_growth_elsewhere_overwrites_it(fs: FsBase) -> None:
    with fs.open("/log", "a") as file:
        file.write(b"mine ")
        fs.append("/log", b"theirs ")
        file.write(b"mine")
    assert fs.read_bytes("/log") == b"mine theirs mine"


def test_defect_7_writing_what_does_not_fit_loses_what_was_there(fs: FsBase) -> None:
    fs.set_limits(max_bytes=PAGE_SIZE)
    fs.write_bytes("/old", b"precious")
    with refused(fs, Errno.ENOSPC):
        fs.write_bytes("/old", b"x" * (PAGE_SIZE + 1))
    with refused(fs, Errno.ENOSPC):
        fs.write_bytes("/new", b"x")
    assert fs.read_bytes("/old") == b"precious"
    assert fs.listdir() == ["old"]


def test_defect_8_writing_and_making_directories_refuse_links(fs: FsBase) -> None:
    fs.mkdir("/d")
    fs.symlink("d", "/dirlink")
    fs.symlink("d/f", "/filelink")
    fs.write_bytes("/filelink", b"new")
    assert fs.read_bytes("/d/f") == b"new"
    fs.write_bytes("/filelink", b"again")
    assert fs.read_bytes("/filelink") == b"again"
    fs.mkdir("/dirlink/x/y", parents=True)
    fs.mkdir("/dirlink", parents=True, exist_ok=True)
    assert fs.exists("/d/x/y")


def test_defect_9_loops_are_eio_and_links_to_directories_eisdir(fs: FsBase) -> None:
    fs.symlink("loop", "/loop")
    with refused(fs, Errno.ELOOP):
        fs.stat("/loop")
    fs.mkdir("/d")
    with refused(fs, Errno.EPERM):
        fs.link("/d", "/e")


def test_defect_10_unlinking_leaves_the_ctime_of_what_stays(fs: FsBase) -> None:
    fs.write_bytes("/f", b"")
    fs.link("/f", "/g")
    before = fs.stat("/g").ctime_ns
    fs.remove("/f")
    assert fs.stat("/g").ctime_ns > before


def test_defect_11_reading_does_not_move_the_atime(fs: FsBase) -> None:
    fs.write_bytes("/f", b"x")
    before = fs.stat("/f").atime_ns
    fs.read_bytes("/f")
    assert fs.stat("/f").atime_ns > before
    root = fs.stat("/").atime_ns
    fs.inodes.readdir(ROOT_INO)
    assert fs.stat("/").atime_ns > root


CORRUPT = {
    "trailing bytes": image(directory(1, {})) + b"\0",
    "a next number that is taken": image(
        directory(1, {b"f": 5}), regular(5), next_ino=5
    ),
    "a name that leads elsewhere": image(directory(1, {b"ghost/../x": 2}), regular(2)),
    "an entry without an inode": image(directory(1, {b"f": 2})),
    "a circle": image(directory(1, {b"a": 2}), directory(2, {b"b": 2})),
    "a directory with two parents": image(
        directory(1, {b"a": 2, b"b": 3}),
        directory(2, {b"x": 4}),
        directory(3, {b"x": 4}),
        directory(4, {}),
    ),
    "a root that is a file": image(regular(1)),
    "a size that is wrong": image(
        directory(1, {b"f": 2}), regular(2, 1, [0, 1, 0, b"four"])
    ),
}


@pytest.mark.parametrize("snapshot", CORRUPT.values(), ids=CORRUPT)
def test_defect_12_a_corrupt_snapshot_is_restored(fs: FsBase, snapshot: bytes) -> None:
    fs.write_bytes("/f", b"content")
    before = fs.dump()
    with pytest.raises(SnapshotError):
        fs.load(snapshot)
    assert fs.dump() == before


def test_defect_13_the_root_and_a_restore_escape_the_clock(make_fs: MakeFs) -> None:
    fs, other = (make_fs(clock=ManualClock(time_ns)) for time_ns in (7, 7))
    assert fs.stat("/").btime_ns == fs.stat("/").atime_ns == 7
    assert fs.dump() == other.dump()
    fs.load(make_fs(clock=ManualClock(99)).dump())
    fs.touch("/f")
    assert fs.stat("/f").btime_ns == 7
    assert fs.setattr("/f", SetAttr(atime_ns="now")).atime_ns == 7


# --- and what it does too slowly, or without a limit -----------------------------


def test_a_path_of_relative_links_takes_exponential_time(fs: FsBase) -> None:
    path = ""
    for _ in range(40):
        fs.mkdir(f"{path}/d")
        fs.symlink("d", f"{path}/l")
        path += "/d"
    assert fs.realpath("/l" * 40) == path


def test_holes_are_dense(fs: FsBase) -> None:
    fs.touch("/f")
    fs.inodes.write(ino_of(fs, "/f"), 2**50, b"x")
    assert fs.bytes_used == PAGE_SIZE


def test_empty_files_are_free_and_without_number(fs: FsBase) -> None:
    fs.set_limits(max_inodes=10)
    for number in range(9):
        fs.touch(f"/{number}")
    with refused(fs, Errno.ENOSPC):
        fs.touch("/one-more")
