"""tree_digest: is it the same tree? image_digest: is it the same state?"""

from collections.abc import Callable

import pytest
from devdev_fs import PAGE_SIZE, ROOT_INO, Errno, FsBase, Kind, RenameFlags, SetAttr
from devdev_fs.testing import ManualClock

from tests.fs.checks import ino_of, refused

MakeFs = Callable[..., FsBase]
Call = Callable[[FsBase], object]


def populate(fs: FsBase) -> None:
    fs.mkdir("/d/e", parents=True)
    fs.write_bytes("/d/a", b"same")
    fs.write_bytes("/d/b", b"same")
    fs.write_bytes("/d/c", b"same")
    fs.symlink("a", "/d/link")
    fs.inodes.mknod(ROOT_INO, b"disk", Kind.BLOCK_DEVICE | 0o600, 5)


def replace_by_link(fs: FsBase, name: str, target: str) -> None:
    fs.remove(name)
    fs.link(target, name)


def replace_by_symlink(fs: FsBase, name: str, target: str) -> None:
    fs.remove(name)
    fs.symlink(target, name)


def replace_by_directory(fs: FsBase, name: str) -> None:
    fs.remove(name)
    fs.mkdir(name)


def replace_by_node(fs: FsBase, mode: int, device: int) -> None:
    fs.remove("/disk")
    fs.inodes.mknod(ROOT_INO, b"disk", mode, device)


def set_xattr(fs: FsBase, path: str, name: bytes, value: bytes) -> None:
    fs.inodes.setxattr(ino_of(fs, path), name, value)


def replace_by_twin(fs: FsBase) -> None:
    fs.copy("/d/a", "/new")
    fs.rename("/new", "/d/a")


def move_to_the_end(fs: FsBase) -> None:
    fs.rename("/d/a", "/x")
    fs.rename("/x", "/d/a")


SAME: dict[str, Call] = {
    "touching": lambda fs: fs.touch("/d/a"),
    "reading": lambda fs: fs.read_bytes("/d/a"),
    "chown": lambda fs: fs.setattr("/d/a", SetAttr(uid=5, gid=6)),
    "limits": lambda fs: fs.set_limits(max_bytes=2**40, max_inodes=99),
    "the same content again": lambda fs: fs.write_bytes("/d/a", b"same"),
    "another inode": replace_by_twin,
    "another order of names": move_to_the_end,
    "exchanged twins": lambda fs: fs.rename("/d/a", "/d/c", RenameFlags.EXCHANGE),
}
OTHER: dict[str, Call] = {
    "content": lambda fs: fs.write_bytes("/d/a", b"Same"),
    "a zero more": lambda fs: fs.append("/d/a", b"\0"),
    "a hole more": lambda fs: fs.truncate("/d/a", 6),
    "less": lambda fs: fs.truncate("/d/a", 3),
    "mode": lambda fs: fs.chmod("/d/a", 0o600),
    "mode of a directory": lambda fs: fs.chmod("/d/e", 0o700),
    "mode of the root": lambda fs: fs.chmod("/", 0o700),
    "name": lambda fs: fs.rename("/d/a", "/d/A"),
    "place": lambda fs: fs.rename("/d/c", "/d/e/c"),
    "a new name": lambda fs: fs.touch("/d/new"),
    "a new directory": lambda fs: fs.mkdir("/d/new"),
    "a name less": lambda fs: fs.remove("/d/a"),
    "target": lambda fs: replace_by_symlink(fs, "/d/link", "b"),
    "a link in place of a file": lambda fs: replace_by_symlink(fs, "/d/c", "b"),
    "a directory in place of a file": lambda fs: replace_by_directory(fs, "/d/c"),
    "a hard link to the name before": lambda fs: replace_by_link(fs, "/d/b", "/d/a"),
    "a hard link to another name": lambda fs: replace_by_link(fs, "/d/c", "/d/a"),
    "an attribute": lambda fs: set_xattr(fs, "/d/a", b"user.a", b"x"),
    "an attribute of a directory": lambda fs: set_xattr(fs, "/d", b"user.a", b"x"),
    "another value of it": lambda fs: set_xattr(fs, "/d", b"user.a", b"y"),
    "device": lambda fs: replace_by_node(fs, Kind.BLOCK_DEVICE | 0o600, 6),
    "kind of device": lambda fs: replace_by_node(fs, Kind.CHARACTER_DEVICE | 0o600, 5),
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_this_leaves_it_the_same_tree(fs: FsBase, change: Call) -> None:
    populate(fs)
    before = fs.tree_digest(), fs.image_digest()
    change(fs)
    assert fs.tree_digest() == before[0]
    assert fs.image_digest() != before[1]


@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER)
def test_this_makes_it_another_tree(fs: FsBase, change: Call) -> None:
    populate(fs)
    before = fs.tree_digest()
    change(fs)
    assert fs.tree_digest() != before


def test_each_of_these_changes_makes_a_tree_of_its_own(fs: FsBase) -> None:
    populate(fs)
    snapshot = fs.dump()
    digests = {fs.tree_digest()}
    for change in OTHER.values():
        fs.load(snapshot)
        change(fs)
        digests.add(fs.tree_digest())
    assert len(digests) == len(OTHER) + 1


def test_which_names_are_one_file_matters(fs: FsBase) -> None:
    """Four names of two files can be paired in three ways."""
    digests = set()
    for other in ("/b", "/c", "/d"):
        rest = [name for name in ("/b", "/c", "/d") if name != other]
        for name in fs.listdir():
            fs.remove(name)
        fs.write_bytes("/a", b"")
        fs.link("/a", other)
        fs.write_bytes(rest[0], b"")
        fs.link(rest[0], rest[1])
        digests.add(fs.tree_digest())
    assert len(digests) == 3


def test_links_count_where_they_meet_and_nowhere_below(fs: FsBase) -> None:
    for path in ("/a/b", "/a/c", "/d"):
        fs.mkdir(path, parents=True)
    for path in ("/a/b/x", "/a/c/x", "/d/x"):
        fs.write_bytes(path, b"same")
    below = fs.tree_digest("/a/b"), fs.tree_digest("/a/c"), fs.tree_digest("/d")
    apart, above = fs.tree_digest("/a"), fs.tree_digest("/")
    replace_by_link(fs, "/d/x", "/a/b/x")
    assert fs.tree_digest("/a") == apart
    assert fs.tree_digest("/") != above
    replace_by_link(fs, "/a/c/x", "/a/b/x")
    assert fs.tree_digest("/a") != apart
    now = fs.tree_digest("/a/b"), fs.tree_digest("/a/c"), fs.tree_digest("/d")
    assert now == below


def test_a_tree_can_be_moved_out_of_its_links(fs: FsBase) -> None:
    """What it is linked to is no part of it."""
    fs.mkdir("/a/b", parents=True)
    fs.write_bytes("/a/b/x", b"")
    alone = fs.tree_digest("/a")
    fs.link("/a/b/x", "/y")
    assert fs.tree_digest("/a") == alone
    fs.mkdir("/far")
    fs.rename("/a", "/far/b")
    assert fs.tree_digest("/far/b") == alone


@pytest.mark.parametrize("size", [0, 1, PAGE_SIZE, 3 * PAGE_SIZE, 3 * PAGE_SIZE + 1])
def test_a_hole_is_the_same_as_zeros(fs: FsBase, size: int) -> None:
    fs.write_bytes("/f", bytes(size))
    written = fs.tree_digest()
    fs.write_bytes("/f", b"")
    fs.truncate("/f", size)
    assert fs.tree_digest() == written


def test_it_does_not_matter_where_a_page_lies_among_holes(fs: FsBase) -> None:
    fs.write_bytes("/f", bytes(300 * PAGE_SIZE) + b"x")
    written = fs.tree_digest()
    fs.write_bytes("/f", b"")
    fs.inodes.write(ino_of(fs, "/f"), 300 * PAGE_SIZE, b"x")
    assert fs.tree_digest() == written


def test_a_subtree_is_the_same_wherever_it_is(fs: FsBase) -> None:
    populate(fs)
    digest = fs.tree_digest("/d")
    fs.mkdir("/far/away", parents=True)
    fs.rename("/d", "/far/away/d2")
    fs.symlink("far/away/d2", "/way")
    assert fs.tree_digest("/far/away/d2") == fs.tree_digest("/way") == digest
    with refused(fs, Errno.ENOENT):
        fs.tree_digest("/d")


def test_a_single_file_has_a_digest(fs: FsBase) -> None:
    populate(fs)
    assert fs.tree_digest("/d/a") == fs.tree_digest("/d/b") == fs.tree_digest("/d/link")
    assert fs.tree_digest("/d/a") != fs.tree_digest("/disk")


def test_two_filesystems_with_the_same_tree_agree(make_fs: MakeFs) -> None:
    one, other = make_fs(), make_fs(clock=ManualClock(5), max_bytes=2**20)
    populate(other)
    other.mkdir("/scratch")
    other.rmdir("/scratch")
    populate(one)
    assert one.tree_digest() == other.tree_digest()
    assert one.image_digest() != other.image_digest()
