"""copy: files and trees; content is shared, later changes are not."""

import pytest
from devdev_fs import PAGE_SIZE, ROOT_INO, Errno, FsBase, Kind, SetAttr

from tests.fs.checks import ino_of, names, refused


def test_a_copied_file_is_a_file_of_its_own(fs: FsBase) -> None:
    fs.write_bytes("/a", b"x" * 5000)
    fs.setattr("/a", SetAttr(mode=0o4751, uid=7, gid=8))
    fs.copy("/a", "/b")
    a, b = fs.stat("/a"), fs.stat("/b")
    assert a.ino != b.ino
    assert (b.perm, b.uid, b.gid, b.nlink, b.size) == (0o4751 & 0o7777, 0, 0, 1, 5000)
    fs.inodes.write(a.ino, 0, b"A")
    fs.append("/b", b"B")
    assert fs.read_bytes("/a") == b"A" + b"x" * 4999
    assert fs.read_bytes("/b") == b"x" * 5000 + b"B"


def test_a_file_that_is_there_keeps_all_but_its_content(fs: FsBase) -> None:
    fs.write_bytes("/a", b"new")
    fs.chmod("/a", 0o777)
    fs.write_bytes("/b", b"old and longer")
    fs.chmod("/b", 0o600)
    fs.link("/b", "/c")
    before = fs.stat("/b").ino
    fs.copy("/a", "/b")
    assert fs.read_bytes("/c") == b"new"
    assert (fs.stat("/b").perm, fs.stat("/b").ino) == (0o600, before)


def test_holes_stay_holes(fs: FsBase) -> None:
    fs.write_bytes("/a", b"")
    fs.truncate("/a", 2**40)
    fs.inodes.write(ino_of(fs, "/a"), 2**39, b"x")
    fs.copy("/a", "/b")
    assert (fs.stat("/b").size, fs.stat("/b").blocks) == (2**40, 8)
    assert fs.bytes_used == 2 * PAGE_SIZE


def test_links_at_both_ends_are_followed(fs: FsBase) -> None:
    fs.write_bytes("/a", b"content")
    fs.symlink("a", "/from")
    fs.symlink("made", "/to")
    fs.copy("/from", "/to")
    assert fs.read_bytes("/made") == b"content"
    assert fs.lstat("/to").is_symlink


@pytest.fixture
def tree(fs: FsBase) -> FsBase:
    fs.mkdir("/t/z/deep", parents=True)
    fs.mkdir("/t/a", 0o700)
    fs.write_bytes("/t/z/f", b"content")
    fs.link("/t/z/f", "/t/a/hard")
    fs.link("/t/z/f", "/outside")
    fs.symlink("../z/f", "/t/a/soft")
    fs.inodes.mknod(ino_of(fs, "/t"), b"dev", Kind.BLOCK_DEVICE | 0o600, 0x801)
    fs.setattr("/t/z", SetAttr(mode=0o1777))
    return fs


def test_a_copied_tree_is_the_same_tree(tree: FsBase) -> None:
    digest = tree.tree_digest("/t")
    tree.copy("/t", "/u")
    assert tree.tree_digest("/u") == tree.tree_digest("/t") == digest
    assert names(tree, ino_of(tree, "/u")) == names(tree, ino_of(tree, "/t"))
    assert tree.stat("/t/z/f").nlink == 3


def test_hard_links_within_a_tree_become_links_among_the_copies(tree: FsBase) -> None:
    tree.copy("/t", "/u")
    copied = tree.stat("/u/z/f")
    assert copied == tree.stat("/u/a/hard")
    assert copied.nlink == 2
    assert copied.ino != ino_of(tree, "/t/z/f")
    tree.write_bytes("/u/a/hard", b"changed")
    assert tree.read_bytes("/outside") == b"content"


def test_a_tree_goes_where_a_new_name_leads(tree: FsBase) -> None:
    tree.symlink("/t/z/deep", "/l")
    tree.copy("/t/a", "/l/copy/")
    assert tree.listdir("/t/z/deep/copy") == ["hard", "soft"]
    tree.symlink("fresh", "/dangling")
    tree.copy("/t/a", "/dangling")
    assert tree.listdir("/fresh") == ["hard", "soft"]


def test_a_setgid_directory_gives_its_group_to_a_copied_tree(tree: FsBase) -> None:
    tree.mkdir("/shared")
    tree.setattr("/shared", SetAttr(mode=0o2755, gid=7))
    tree.copy("/t", "/shared/t")
    for path in ("/shared/t", "/shared/t/z"):
        stat = tree.stat(path)
        assert (stat.gid, bool(stat.mode & 0o2000)) == (7, True)
    assert tree.stat("/shared/t/z/f").gid == 7


@pytest.mark.parametrize(
    ("source", "destination", "errno"),
    [
        ("/t", "/t/new", Errno.EINVAL),
        ("/t", "/t/z/deep/new", Errno.EINVAL),
        ("/", "/new", Errno.EINVAL),
        ("/t", "/t", Errno.EEXIST),
        ("/t", "/outside", Errno.EEXIST),
        ("/t", "/", Errno.EEXIST),
        ("/t/z/f", "/t/z/f", Errno.EINVAL),
        ("/t/z/f", "/outside", Errno.EINVAL),
        ("/t/z/f", "/t/a", Errno.EISDIR),
        ("/t/z/f", "/new/", Errno.EISDIR),
        ("/t/z/f", "/t/dev", Errno.EINVAL),
        ("/t/dev", "/new", Errno.EINVAL),
        ("/t/z/f", "/no/new", Errno.ENOENT),
        ("/no", "/new", Errno.ENOENT),
        ("/t/z/f/", "/new", Errno.ENOTDIR),
    ],
)
def test_what_cannot_be_copied_is_refused(
    tree: FsBase, source: str, destination: str, errno: Errno
) -> None:
    with refused(tree, errno):
        tree.copy(source, destination)


def test_a_very_deep_tree_is_copied(fs: FsBase) -> None:
    ino = fs.inodes.mkdir(ROOT_INO, b"t").ino
    for _ in range(1_500):
        ino = fs.inodes.mkdir(ino, b"d").ino
    fs.copy("/t", "/u")
    assert fs.tree_digest("/t") == fs.tree_digest("/u")
