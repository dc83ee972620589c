"""rename: every kind over every kind, with every flag, within and across."""

from collections.abc import Callable, Iterator

import pytest
from devdev_fs import ROOT_INO, Errno, FsBase, Ino, Kind, RenameFlags

from tests.fs.checks import ino_of, names, parent_of, refused, used_inodes

NONE, NOREPLACE, EXCHANGE, WHITEOUT = (
    RenameFlags.NONE,
    RenameFlags.NOREPLACE,
    RenameFlags.EXCHANGE,
    RenameFlags.WHITEOUT,
)
FLAGS = {
    "NONE": NONE,
    "NOREPLACE": NOREPLACE,
    "EXCHANGE": EXCHANGE,
    "WHITEOUT": WHITEOUT,
    "WHITEOUT-NOREPLACE": WHITEOUT | NOREPLACE,
}
ABSENT, FILE, LINK, FIFO, EMPTY, FULL = (
    "absent",
    "file",
    "link",
    "fifo",
    "empty",
    "full",
)
KINDS = [ABSENT, FILE, LINK, FIFO, EMPTY, FULL]


def make(fs: FsBase, path: str, kind: str) -> None:
    if kind == FILE:
        fs.write_bytes(path, b"content")
    elif kind == LINK:
        fs.symlink("target", path)
    elif kind == FIFO:
        parent, _, name = path.rpartition("/")
        fs.inodes.mknod(fs.stat(parent or "/").ino, name.encode(), Kind.FIFO)
    elif kind in (EMPTY, FULL):
        fs.mkdir(path)
    if kind == FULL:
        fs.mkdir(path + "/inner")


def outcome(source: str, target: str, flags: RenameFlags) -> Errno | None:
    """What renameat2(2) says; None is success."""
    if source == ABSENT:
        return Errno.ENOENT
    if flags & NOREPLACE:
        return None if target == ABSENT else Errno.EEXIST
    if flags == EXCHANGE:
        return Errno.ENOENT if target == ABSENT else None
    if target == ABSENT:
        return None
    if source in (EMPTY, FULL):
        return {EMPTY: None, FULL: Errno.ENOTEMPTY}.get(target, Errno.ENOTDIR)
    return Errno.EISDIR if target in (EMPTY, FULL) else None


@pytest.mark.parametrize("across", [False, True], ids=["within", "across"])
@pytest.mark.parametrize("flags", FLAGS.values(), ids=FLAGS)
@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("source", KINDS)
def test_the_whole_matrix(
    fs: FsBase, source: str, target: str, flags: RenameFlags, across: bool
) -> None:
    fs.mkdir("/from")
    fs.mkdir("/to")
    old, new = "/from/old", "/to/new" if across else "/from/new"
    make(fs, old, source)
    make(fs, new, target)
    errno = outcome(source, target, flags)
    if errno is not None:
        with refused(fs, errno):
            fs.rename(old, new, flags)
        return
    moved = fs.lstat(old)
    replaced = fs.lstat(new) if target != ABSENT else None
    digest = None if source == LINK else fs.tree_digest(old)
    used = used_inodes(fs)

    fs.rename(old, new, flags)

    assert fs.lstat(new).ino == moved.ino
    assert fs.lstat(new).nlink == moved.nlink
    if digest is not None:
        assert fs.tree_digest(new) == digest
    if flags == EXCHANGE:
        assert replaced is not None
        assert fs.lstat(old).ino == replaced.ino
        assert fs.lstat(old).nlink == replaced.nlink
    elif flags & WHITEOUT:
        left = fs.lstat(old)
        assert (left.mode, left.rdev) == (Kind.CHARACTER_DEVICE, 0)
    else:
        assert b"old" not in names(fs, ino_of(fs, "/from"))
    freed = replaced is not None and flags != EXCHANGE
    assert used_inodes(fs) == used - freed + bool(flags & WHITEOUT)
    for path in ("/from", "/to"):
        directory = fs.stat(path)
        below = [fs.lstat(f"{path}/{name}") for name in fs.listdir(path)]
        assert directory.nlink == 2 + sum(stat.is_dir for stat in below)
        for stat in below:
            if stat.is_dir:
                assert parent_of(fs, stat.ino) == directory.ino


@pytest.mark.parametrize("flags", [NONE, EXCHANGE])
def test_two_names_of_one_inode_both_stay(fs: FsBase, flags: RenameFlags) -> None:
    """POSIX rename(): if both resolve to the same file, it does nothing."""
    fs.write_bytes("/a", b"x")
    fs.link("/a", "/b")
    before = fs.image_digest()
    fs.rename("/a", "/b", flags)
    assert fs.image_digest() == before
    assert fs.stat("/a").nlink == 2


def test_two_names_of_one_inode_are_not_replaced_by_noreplace(fs: FsBase) -> None:
    fs.write_bytes("/a", b"x")
    fs.link("/a", "/b")
    with refused(fs, Errno.EEXIST):
        fs.rename("/a", "/b", NOREPLACE)


@pytest.mark.parametrize("kind", [FILE, FULL])
def test_a_name_renamed_to_itself_is_left_alone(fs: FsBase, kind: str) -> None:
    make(fs, "/a", kind)
    before = fs.image_digest()
    fs.rename("/a", "/a")
    assert fs.image_digest() == before


@pytest.mark.parametrize("flags", [NONE, NOREPLACE])
@pytest.mark.parametrize("below", ["/d/new", "/d/e/new"])
def test_a_directory_does_not_move_below_itself(
    fs: FsBase, below: str, flags: RenameFlags
) -> None:
    fs.mkdir("/d/e", parents=True)
    with refused(fs, Errno.EINVAL):
        fs.rename("/d", below, flags)


def test_a_directory_does_not_replace_what_lies_below_it(fs: FsBase) -> None:
    fs.mkdir("/d/e", parents=True)
    for flags in (NONE, EXCHANGE):
        with refused(fs, Errno.EINVAL):
            fs.rename("/d", "/d/e", flags)


@pytest.mark.parametrize("source", ["/d/e", "/d/e/f", "/d/e/dir"])
def test_nothing_replaces_a_directory_it_lies_in(fs: FsBase, source: str) -> None:
    fs.mkdir("/d/e/dir", parents=True)
    fs.write_bytes("/d/e/f", b"")
    with refused(fs, Errno.ENOTEMPTY):
        fs.rename(source, "/d")
    with refused(fs, Errno.EINVAL):
        fs.rename(source, "/d", EXCHANGE)


def test_a_sibling_with_a_longer_name_is_not_below(fs: FsBase) -> None:
    fs.mkdir("/ab")
    fs.mkdir("/a")
    fs.rename("/a", "/ab/a")
    assert fs.listdir("/ab") == ["a"]


@pytest.mark.parametrize("flags", [6, 3, 7, -1, 8])
def test_other_flags_are_refused(fs: FsBase, flags: int) -> None:
    fs.write_bytes("/a", b"")
    with refused(fs, Errno.EINVAL):
        fs.inodes.rename(ROOT_INO, b"a", ROOT_INO, b"b", RenameFlags(flags))


@pytest.fixture
def gone(fs: FsBase) -> Iterator[Ino]:
    """A directory that was removed and is still held."""
    fs.mkdir("/gone")
    ino = ino_of(fs, "/gone")
    fs.inodes.pin(ino)
    fs.rmdir("/gone")
    yield ino
    fs.inodes.unpin(ino)


def test_nothing_moves_into_or_out_of_a_removed_directory(
    fs: FsBase, gone: Ino
) -> None:
    fs.write_bytes("/f", b"")
    fs.mkdir("/d")
    for name in (b"f", b"d"):
        with refused(fs, Errno.ENOENT):
            fs.inodes.rename(ROOT_INO, name, gone, b"x")
    with refused(fs, Errno.ENOENT):
        fs.inodes.rename(gone, b"x", ROOT_INO, b"y")


def test_a_removed_directory_lists_only_itself(fs: FsBase, gone: Ino) -> None:
    entries = fs.inodes.readdir(gone)
    assert [entry.name for entry in entries] == [b".", b".."]


@pytest.mark.parametrize(
    "call",
    [
        lambda fs, missing: fs.inodes.rename(missing, b"a", ROOT_INO, b"b"),
        lambda fs, missing: fs.inodes.rename(ROOT_INO, b"a", missing, b"b"),
    ],
)
def test_the_directories_must_be_there(
    fs: FsBase, call: Callable[[FsBase, Ino], None]
) -> None:
    fs.write_bytes("/a", b"")
    with refused(fs, Errno.ENOENT):
        call(fs, Ino(99))
    with refused(fs, Errno.ENOTDIR):
        call(fs, ino_of(fs, "/a"))


def test_a_replaced_file_loses_one_of_its_names_only(fs: FsBase) -> None:
    fs.write_bytes("/a", b"new")
    fs.write_bytes("/b", b"old")
    fs.link("/b", "/c")
    fs.rename("/a", "/b")
    assert fs.read_bytes("/b") == b"new"
    assert (fs.read_bytes("/c"), fs.stat("/c").nlink) == (b"old", 1)


def test_a_deep_directory_moves_with_all_below(fs: FsBase) -> None:
    fs.mkdir("/a/b/c", parents=True)
    fs.write_bytes("/a/b/c/f", b"deep")
    fs.mkdir("/x")
    fs.rename("/a/b", "/x/y")
    assert fs.read_bytes("/x/y/c/f") == b"deep"
    assert fs.realpath("/x/y/c/..") == "/x/y"
    assert (fs.stat("/a").nlink, fs.stat("/x").nlink) == (2, 3)


def test_exchanged_directories_swap_parents(fs: FsBase) -> None:
    fs.mkdir("/a/d/in-d", parents=True)
    fs.mkdir("/b/e/in-e", parents=True)
    fs.rename("/a/d", "/b/e", EXCHANGE)
    assert fs.listdir("/a/d") == ["in-e"]
    assert fs.listdir("/b/e") == ["in-d"]
    assert fs.realpath("/a/d/in-e/../..") == "/a"


def test_a_directory_and_a_file_exchange_their_links(fs: FsBase) -> None:
    fs.mkdir("/a/d", parents=True)
    fs.mkdir("/b")
    fs.write_bytes("/b/f", b"x")
    fs.rename("/b/f", "/a/d", EXCHANGE)
    assert (fs.stat("/a").nlink, fs.stat("/b").nlink) == (2, 3)
    assert fs.read_bytes("/a/d") == b"x"
