"""ENOSPC: what does not fit is refused as a whole, and nothing is lost."""

from collections.abc import Callable

import pytest
from devdev_fs import PAGE_SIZE, ROOT_INO, Errno, FsBase, FsError, Kind

from tests.fs.checks import ino_of, refused, used_inodes

MakeFs = Callable[..., FsBase]


@pytest.fixture
def full(fs: FsBase) -> FsBase:
    """Two pages allowed, both of them used."""
    fs.set_limits(max_bytes=2 * PAGE_SIZE)
    fs.write_bytes("/one", b"1" * PAGE_SIZE)
    fs.write_bytes("/part", b"2")
    return fs


@pytest.mark.parametrize(
    "call",
    [
        lambda fs: fs.inodes.write(ino_of(fs, "/one"), PAGE_SIZE, b"x"),
        lambda fs: fs.inodes.write(ino_of(fs, "/one"), PAGE_SIZE - 1, b"xx"),
        lambda fs: fs.inodes.append(ino_of(fs, "/one"), b"x"),
        lambda fs: fs.append("/one", b"x"),
        lambda fs: fs.append("/new", b"x"),
        lambda fs: fs.write_bytes("/one", b"x" * (PAGE_SIZE + 1)),
        lambda fs: fs.write_bytes("/new", b"x"),
        lambda fs: fs.write_text("/new", "x"),
        lambda fs: fs.copy("/one", "/new"),
        lambda fs: fs.copy("/dir", "/new"),
    ],
    ids=[
        "write behind",
        "write across",
        "append",
        "append path",
        "append new",
        "write_bytes over",
        "write_bytes new",
        "write_text new",
        "copy",
        "copy tree",
    ],
)
def test_what_does_not_fit_changes_nothing(
    full: FsBase, call: Callable[[FsBase], object]
) -> None:
    full.mkdir("/dir")
    full.link("/one", "/dir/one")
    with refused(full, Errno.ENOSPC):
        call(full)
    assert full.read_bytes("/one") == b"1" * PAGE_SIZE


def test_what_needs_no_new_page_fits_into_a_full_filesystem(full: FsBase) -> None:
    full.inodes.write(ino_of(full, "/one"), 10, b"x" * 100)
    full.append("/part", b"x" * (PAGE_SIZE - 1))
    full.write_bytes("/one", b"y" * PAGE_SIZE)
    full.write_bytes("/empty", b"")
    full.append("/empty", b"")
    full.copy("/one", "/part")
    full.copy("/empty", "/another")
    full.truncate("/empty", 2**40)
    assert full.bytes_used == 2 * PAGE_SIZE


def test_a_file_can_be_replaced_by_one_that_takes_its_pages(full: FsBase) -> None:
    full.remove("/part")
    full.write_bytes("/one", b"z" * 2 * PAGE_SIZE)
    assert full.read_bytes("/one") == b"z" * 2 * PAGE_SIZE


def test_freed_pages_can_be_used_again(full: FsBase) -> None:
    full.truncate("/one", 0)
    full.append("/part", b"x" * PAGE_SIZE)
    full.remove("/part")
    full.append("/one", b"x" * 2 * PAGE_SIZE)
    assert full.bytes_used == 2 * PAGE_SIZE


def test_an_unlinked_file_holds_its_pages_while_it_is_open(full: FsBase) -> None:
    with full.open("/one") as file:
        full.remove("/one")
        with refused(full, Errno.ENOSPC):
            full.write_bytes("/new", b"x")
        assert file.read() == b"1" * PAGE_SIZE
    full.write_bytes("/new", b"x")


@pytest.mark.parametrize(
    "call",
    [
        lambda fs: fs.inodes.create(ROOT_INO, b"new"),
        lambda fs: fs.inodes.mkdir(ROOT_INO, b"new"),
        lambda fs: fs.inodes.mknod(ROOT_INO, b"new", Kind.FIFO),
        lambda fs: fs.inodes.symlink(ROOT_INO, b"new", b"x"),
        lambda fs: fs.write_bytes("/new", b""),
        lambda fs: fs.append("/new", b""),
        lambda fs: fs.touch("/new"),
        lambda fs: fs.open("/new", "w"),
        lambda fs: fs.copy("/f", "/new"),
        lambda fs: fs.copy("/d", "/new"),
        lambda fs: fs.mkdir("/a/b/c", parents=True),
    ],
    ids=[
        "create",
        "mkdir",
        "mknod",
        "symlink",
        "write_bytes",
        "append",
        "touch",
        "open",
        "copy",
        "copy tree",
        "mkdir parents",
    ],
)
def test_without_an_inode_left_nothing_is_made(
    fs: FsBase, call: Callable[[FsBase], object]
) -> None:
    fs.write_bytes("/f", b"x")
    fs.mkdir("/d/sub", parents=True)
    fs.set_limits(max_inodes=used_inodes(fs))
    with refused(fs, Errno.ENOSPC):
        call(fs)


def test_a_tree_for_which_the_inodes_do_not_suffice_is_not_begun(fs: FsBase) -> None:
    fs.mkdir("/d/sub", parents=True)
    fs.write_bytes("/d/f", b"")
    fs.set_limits(max_inodes=used_inodes(fs) + 2)
    with refused(fs, Errno.ENOSPC):
        fs.copy("/d", "/e")
    with refused(fs, Errno.ENOSPC):
        fs.mkdir("/x/y/z", parents=True)
    fs.mkdir("/x/y", parents=True)


def test_a_hard_link_takes_no_inode_and_an_orphan_keeps_one(fs: FsBase) -> None:
    fs.write_bytes("/f", b"x")
    fs.set_limits(max_inodes=used_inodes(fs))
    fs.link("/f", "/g")
    with fs.open("/f"):
        fs.remove("/f")
        fs.remove("/g")
        with refused(fs, Errno.ENOSPC):
            fs.mkdir("/d")
    fs.mkdir("/d")


def test_renaming_over_frees_what_was_there(fs: FsBase) -> None:
    fs.write_bytes("/a", b"x" * PAGE_SIZE)
    fs.write_bytes("/b", b"x" * 3 * PAGE_SIZE)
    fs.rename("/a", "/b")
    assert fs.bytes_used == PAGE_SIZE


def test_a_quota_is_exact_to_the_page(make_fs: MakeFs) -> None:
    fs = make_fs(max_bytes=3 * PAGE_SIZE + PAGE_SIZE - 1)
    fs.write_bytes("/f", b"x" * 3 * PAGE_SIZE)
    with pytest.raises(FsError, match="12288 bytes"):
        fs.append("/f", b"x")


def test_a_filesystem_may_have_room_for_nothing(make_fs: MakeFs) -> None:
    fs = make_fs(max_bytes=0, max_inodes=0)
    with refused(fs, Errno.ENOSPC):
        fs.touch("/f")
    assert fs.listdir("/") == []
