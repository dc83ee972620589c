"""Listing: cursors that stay right while entries come, go and change places."""

from collections.abc import Callable, Iterator
from time import perf_counter

import pytest
from devdev_fs import ROOT_INO, Dirent, Errno, FsBase, Ino, Kind, RenameFlags
from devdev_fs.testing import ManualClock

from tests.fs.checks import ino_of, names, refused


def make(fs: FsBase, count: int, directory: str = "/d") -> Ino:
    """A directory with files named 0, 1, 2 ..."""
    fs.mkdir(directory)
    ino = ino_of(fs, directory)
    for number in range(count):
        fs.inodes.create(ino, b"%d" % number)
    return ino


def listing(fs: FsBase, ino: Ino, page: int) -> Iterator[Dirent]:
    """A whole listing, page by page, without `.` and `..`."""
    cookie = 0
    while entries := fs.inodes.readdir(ino, cookie, page):
        assert len(entries) <= page
        for entry in entries:
            cookie = entry.cookie
            if entry.name not in (b".", b".."):
                yield entry


def listed(fs: FsBase, ino: Ino, page: int = 1) -> list[bytes]:
    return [entry.name for entry in listing(fs, ino, page)]


def test_itself_and_the_parent_come_first_then_names_in_the_order_of_adding(
    fs: FsBase,
) -> None:
    fs.mkdir("/d")
    d = ino_of(fs, "/d")
    fs.symlink("x", "/d/z")
    fs.write_bytes("/d/a", b"")
    fs.mkdir("/d/m")
    entries = fs.inodes.readdir(d)
    assert [entry[:3] for entry in entries] == [
        (b".", d, Kind.DIRECTORY),
        (b"..", ROOT_INO, Kind.DIRECTORY),
        (b"z", ino_of(fs, "/d/z"), Kind.SYMLINK),
        (b"a", ino_of(fs, "/d/a"), Kind.REGULAR),
        (b"m", ino_of(fs, "/d/m"), Kind.DIRECTORY),
    ]
    cookies = [entry.cookie for entry in entries]
    assert cookies == sorted(set(cookies))


@pytest.mark.parametrize("page", [1, 2, 3, 5, 7, 100])
def test_pages_join_to_the_whole(fs: FsBase, page: int) -> None:
    d = make(fs, 10)
    whole = fs.inodes.readdir(d)
    cookie, pages = 0, list[Dirent]()
    while entries := fs.inodes.readdir(d, cookie, page):
        pages += entries
        cookie = entries[-1].cookie
    assert pages == whole


def test_a_listing_goes_on_behind_every_cookie(fs: FsBase) -> None:
    d = make(fs, 10)
    whole = fs.inodes.readdir(d)
    for at, entry in enumerate(whole):
        assert fs.inodes.readdir(d, entry.cookie) == whole[at + 1 :]


def test_a_limit_of_nothing_gives_nothing(fs: FsBase) -> None:
    assert fs.inodes.readdir(ROOT_INO, 0, 0) == []


def test_behind_the_end_there_is_nothing(fs: FsBase) -> None:
    d = make(fs, 3)
    assert fs.inodes.readdir(d, 2**63) == []


@pytest.mark.parametrize("page", [1, 2, 10])
def test_what_is_removed_ahead_is_not_listed_and_nothing_else_is_missed(
    fs: FsBase, page: int
) -> None:
    d = make(fs, 20)
    seen = []
    for entry in listing(fs, d, page):
        seen.append(entry.name)
        if entry.name == b"4":
            for number in (2, 3, 4, 5, 15, 16):
                fs.remove(f"/d/{number}")
    gone = {b"15", b"16"} | ({b"5"} if page == 1 else set())
    assert set(seen) == {b"%d" % number for number in range(20)} - gone
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("page", [1, 3, 100])
def test_what_was_there_throughout_comes_once_while_others_are_added(
    fs: FsBase, page: int
) -> None:
    d = make(fs, 10)
    seen = []
    for number, entry in enumerate(listing(fs, d, page)):
        seen.append(entry.name)
        fs.inodes.create(d, b"new%d" % number)
    assert seen == [b"%d" % number for number in range(10)]
    assert len(listed(fs, d)) == 20


@pytest.mark.parametrize("page", [1, 3, 100])
def test_renaming_what_is_listed_comes_to_an_end(fs: FsBase, page: int) -> None:
    """Linux's commit 64a7ce76fb90: a renamed entry must not be met again."""
    d = make(fs, 50)
    for entry in listing(fs, d, page):
        fs.inodes.rename(d, entry.name, d, entry.name + b".bak")
    assert sorted(names(fs, d)) == sorted(b"%d.bak" % number for number in range(50))


def test_a_name_that_means_another_inode_keeps_its_place(fs: FsBase) -> None:
    d = make(fs, 4)
    first = fs.inodes.readdir(d, 0, 3)
    fs.write_bytes("/other", b"")
    fs.rename("/other", "/d/2")
    fs.rename("/d/1", "/d/3", RenameFlags.EXCHANGE)
    rest = fs.inodes.readdir(d, first[-1].cookie)
    assert [entry.name for entry in rest] == [b"1", b"2", b"3"]
    assert [entry.ino for entry in rest] == [
        ino_of(fs, f"/d/{number}") for number in (1, 2, 3)
    ]


def test_a_name_removed_and_made_again_is_a_new_entry(fs: FsBase) -> None:
    d = make(fs, 3)
    before = fs.inodes.readdir(d)[2]
    fs.remove("/d/0")
    fs.write_bytes("/d/0", b"")
    assert names(fs, d) == [b"1", b"2", b"0"]
    assert fs.inodes.readdir(d)[-1].cookie > before.cookie


def test_several_listings_of_one_directory_do_not_disturb_each_other(
    fs: FsBase,
) -> None:
    d = make(fs, 30)
    first, second = listing(fs, d, 2), listing(fs, d, 3)
    seen: tuple[list[bytes], list[bytes]] = ([], [])
    for number in range(10):
        seen[0].append(next(first).name)
        seen[1].append(next(second).name)
        fs.remove(f"/d/{29 - number}")
        fs.touch(f"/d/new{number}")
    third = listed(fs, d, 5)
    seen[0].extend(entry.name for entry in first)
    seen[1].extend(entry.name for entry in second)
    stable = [b"%d" % number for number in range(20)]
    for names_seen in seen:
        assert [name for name in names_seen if name in stable] == stable
        assert len(names_seen) == len(set(names_seen))
    assert third[:20] == stable
    assert len(third) == 30


def test_a_listing_goes_on_after_a_restore(fs: FsBase) -> None:
    d = make(fs, 10)
    entries = fs.inodes.readdir(d, 0, 5)
    fs.inodes.pin(d)
    fs.load(fs.dump())
    fs.touch("/d/new")
    rest = fs.inodes.readdir(d, entries[-1].cookie)
    assert [entry.name for entry in rest] == [
        *(b"%d" % n for n in range(3, 10)),
        b"new",
    ]
    fs.inodes.unpin(d)


def test_what_is_no_directory_has_no_entries(fs: FsBase) -> None:
    fs.write_bytes("/f", b"")
    with refused(fs, Errno.ENOTDIR):
        fs.inodes.readdir(ino_of(fs, "/f"))
    with refused(fs, Errno.ENOENT):
        fs.inodes.readdir(Ino(99))


def test_the_listing_of_a_removed_directory_has_no_foreign_parent(
    make_fs: Callable[..., FsBase],
) -> None:
    """Numbers are given again after a restore: `..` must not mean what has it now."""
    fs = make_fs(clock=ManualClock())
    empty = fs.dump()
    fs.mkdir("/a/b", parents=True)
    fs.inodes.pin(ino_of(fs, "/a/b"))
    fs.remove_tree("/a")
    fs.load(empty)
    fs.write_bytes("/has-the-number-of-a", b"")
    held = Ino(2**62)
    assert {entry.ino for entry in fs.inodes.readdir(held)} == {held}
    fs.inodes.unpin(held)


# --- time ------------------------------------------------------------------------


def seconds_to_list(fs: FsBase, count: int) -> float:
    d = make(fs, count, f"/{count}")
    start = perf_counter()
    assert len(listed(fs, d)) == count
    return perf_counter() - start


def test_listing_one_at_a_time_takes_linear_time(fs: FsBase) -> None:
    small = min(seconds_to_list(fs, 500 + extra) for extra in range(3))
    large = min(seconds_to_list(fs, 4_000 + extra) for extra in range(3))
    assert large < 8 * 5 * small, f"{small:.4f} s for 500, {large:.4f} s for 4,000"


def test_3000_entries_can_be_deleted_while_they_are_listed(fs: FsBase) -> None:
    d = make(fs, 3_000)
    for entry in listing(fs, d, 64):
        fs.inodes.unlink(d, entry.name)
    assert names(fs, d) == []
    fs.rmdir("/d")
