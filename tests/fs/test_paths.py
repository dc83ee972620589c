"""The helpers by path: each one step, following links as POSIX does."""

from collections.abc import Callable

import pytest
from devdev_fs import ROOT_INO, Errno, FsBase, Kind, RenameFlags

from tests.fs.checks import ino_of, refused


@pytest.fixture
def tree(fs: FsBase) -> FsBase:
    fs.mkdir("/d/e", parents=True)
    fs.write_bytes("/d/f", b"content")
    fs.symlink("d", "/dirlink")
    fs.symlink("d/f", "/filelink")
    fs.symlink("d/new", "/dangling")
    fs.symlink("loop", "/loop")
    return fs


# --- content ---------------------------------------------------------------------


def test_bytes_and_text_come_back_as_they_were(fs: FsBase) -> None:
    fs.write_bytes("/b", b"\0\xff\r\n")
    assert fs.read_bytes("/b") == b"\0\xff\r\n"
    fs.write_text("/t", "sn\N{SNOWMAN}w\r\n")
    assert fs.read_text("/t") == "sn\N{SNOWMAN}w\r\n"
    assert fs.read_bytes("/t") == "sn\N{SNOWMAN}w\r\n".encode()
    fs.write_text("/u", "x\xe9", encoding="utf-16-le")
    assert fs.read_text("/u", "utf-16-le") == "x\xe9"


def test_text_of_another_encoding_says_so(fs: FsBase) -> None:
    fs.write_bytes("/b", b"\xff")
    with pytest.raises(UnicodeDecodeError):
        fs.read_text("/b")
    with pytest.raises(UnicodeEncodeError):
        fs.write_text("/b", "\N{SNOWMAN}", encoding="ascii")
    assert fs.read_bytes("/b") == b"\xff"


def test_writing_keeps_inode_mode_and_links(fs: FsBase) -> None:
    fs.write_bytes("/f", b"old and longer")
    fs.chmod("/f", 0o600)
    fs.link("/f", "/g")
    before = fs.stat("/f")
    fs.write_bytes("/f", b"new")
    after = fs.stat("/g")
    assert (after.ino, after.perm, after.nlink) == (before.ino, 0o600, 2)
    assert fs.read_bytes("/g") == b"new"


@pytest.mark.parametrize("write", ["write_bytes", "append"])
@pytest.mark.parametrize(
    ("path", "at"),
    [("/filelink", "/d/f"), ("/dirlink/f", "/d/f"), ("/dangling", "/d/new")],
)
def test_writing_follows_links_also_to_what_is_not_there_yet(
    tree: FsBase, write: str, path: str, at: str
) -> None:
    getattr(tree, write)(path, b"!")
    assert tree.read_bytes(at).endswith(b"!")
    assert tree.lstat(path).is_symlink or path == "/dirlink/f"


@pytest.mark.parametrize("write", ["write_bytes", "append"])
@pytest.mark.parametrize(
    ("path", "errno"),
    [
        ("/no/f", Errno.ENOENT),
        ("/d", Errno.EISDIR),
        ("/dirlink", Errno.EISDIR),
        ("/new/", Errno.EISDIR),
        ("/d/f/", Errno.ENOTDIR),
        ("/d/f/x", Errno.ENOTDIR),
        ("/loop", Errno.ELOOP),
        ("", Errno.ENOENT),
        ("/d/..", Errno.EISDIR),
        ("/dangling/x", Errno.ENOENT),
    ],
)
def test_what_cannot_be_written_is_refused(
    tree: FsBase, write: str, path: str, errno: Errno
) -> None:
    with refused(tree, errno):
        getattr(tree, write)(path, b"x")


def test_touching_makes_a_file_or_moves_its_times(tree: FsBase) -> None:
    tree.touch("/new")
    assert (tree.stat("/new").size, tree.stat("/new").perm) == (0, 0o644)
    tree.touch("/d")
    tree.touch("/dangling")
    assert tree.stat("/d/new").is_file
    before = tree.read_bytes("/d/f")
    tree.touch("/filelink")
    assert tree.read_bytes("/d/f") == before
    with refused(tree, Errno.EISDIR):
        tree.touch("/other/")
    with refused(tree, Errno.ENOENT):
        tree.touch("/no/f")


# --- directories -----------------------------------------------------------------


def test_mkdir_makes_one_directory_with_its_mode(fs: FsBase) -> None:
    fs.mkdir("/d", 0o750)
    assert fs.stat("/d").perm == 0o750
    fs.mkdir("/d/with-slash/")
    fs.mkdir("relative")
    assert fs.listdir("/d") == ["with-slash"]
    assert fs.exists("/relative")


def test_parents_are_made_with_the_default_mode(fs: FsBase) -> None:
    fs.mkdir("/a/b//./c", 0o700, parents=True)
    assert [fs.stat(path).perm for path in ("/a", "/a/b", "/a/b/c")] == [
        0o755,
        0o755,
        0o700,
    ]


@pytest.mark.parametrize(
    ("path", "made"),
    [
        ("/dirlink/x/y", "/d/x/y"),
        ("/d/../p/q", "/p/q"),
        ("/d/e/new/.", "/d/e/new"),
        ("/dangling/x", "/d/new/x"),
        ("rel/x/", "/rel/x"),
    ],
)
def test_parents_are_made_where_the_path_leads(
    tree: FsBase, path: str, made: str
) -> None:
    tree.mkdir(path, parents=True)
    assert tree.stat(made).is_dir
    assert tree.realpath(path) == made


@pytest.mark.parametrize(
    ("path", "errno"),
    [
        ("/d/f/x", Errno.ENOTDIR),
        ("/d/f/x/y", Errno.ENOTDIR),
        ("/new/../d/f/x", Errno.EINVAL),
        ("/new/../d/x", Errno.EINVAL),
        ("/new/a\0b/x", Errno.EINVAL),
        ("/new/" + "x" * 256 + "/y", Errno.ENAMETOOLONG),
        ("/new/" + "/".join(["y" * 200] * 21), Errno.ENAMETOOLONG),
        ("/loop/x", Errno.ELOOP),
        ("/loop", Errno.EEXIST),
        ("/dangling", Errno.EEXIST),
        ("/dangling/", Errno.EEXIST),
        ("/d/f", Errno.EEXIST),
        ("/filelink", Errno.EEXIST),
        ("", Errno.ENOENT),
    ],
)
def test_parents_that_cannot_all_be_made_are_not_begun(
    tree: FsBase, path: str, errno: Errno
) -> None:
    with refused(tree, errno):
        tree.mkdir(path, parents=True)


def test_a_thousand_parents_are_made_in_one_step(fs: FsBase) -> None:
    path = "/d" * 1_000
    fs.mkdir(path, parents=True)
    assert fs.realpath(path) == path


@pytest.mark.parametrize("path", ["/d", "/d/", "/dirlink", "/dirlink/", "/", "/d/."])
@pytest.mark.parametrize("parents", [False, True])
def test_a_directory_that_is_there_is_fine_only_if_that_was_said(
    tree: FsBase, path: str, parents: bool
) -> None:
    before = tree.image_digest()
    tree.mkdir(path, parents=parents, exist_ok=True)
    assert tree.image_digest() == before
    with refused(tree, Errno.EEXIST):
        tree.mkdir(path, parents=parents)


@pytest.mark.parametrize("path", ["/d/f", "/filelink", "/dangling"])
def test_exist_ok_is_for_directories_only(tree: FsBase, path: str) -> None:
    with refused(tree, Errno.EEXIST):
        tree.mkdir(path, exist_ok=True)


def test_listdir_sorts_by_bytes(fs: FsBase) -> None:
    for name in (b"b", b"\xff", b"a", b"B", "\N{SNOWMAN}".encode()):
        fs.inodes.create(ROOT_INO, name)
    assert fs.listdir() == ["B", "a", "b", "\N{SNOWMAN}", "\udcff"]
    with refused(fs, Errno.ENOTDIR):
        fs.listdir("/a")


def test_walk_goes_top_down_sorted_and_follows_no_links(tree: FsBase) -> None:
    tree.write_bytes("/d/e/g", b"")
    tree.mkdir("/a")
    top = ("/", ["a", "d"], ["dangling", "dirlink", "filelink", "loop"])
    assert tree.walk() == [
        top,
        ("/a", [], []),
        ("/d", ["e"], ["f"]),
        ("/d/e", [], ["g"]),
    ]
    assert tree.walk("/d/e") == [("/d/e", [], ["g"])]
    assert tree.walk("/d/e//") == [("/d/e", [], ["g"])]
    assert tree.walk("/dirlink")[0] == ("/dirlink", ["e"], ["f"])
    assert tree.walk("d")[1] == ("d/e", [], ["g"])
    assert tree.walk(".")[1] == ("./a", [], [])
    for path, errno in [("/d/f", Errno.ENOTDIR), ("/no", Errno.ENOENT)]:
        with refused(tree, errno):
            tree.walk(path)


# --- removing --------------------------------------------------------------------


def test_remove_takes_the_link_not_what_it_leads_to(tree: FsBase) -> None:
    for path in ("/filelink", "/dirlink", "/dangling", "/loop"):
        tree.remove(path)
    tree.remove("/d/f")
    assert tree.listdir("/") == ["d"]
    assert tree.listdir("/d") == ["e"]


Call = Callable[[FsBase, str], object]
REMOVERS: dict[str, Call] = {
    "remove": lambda fs, path: fs.remove(path),
    "rmdir": lambda fs, path: fs.rmdir(path),
    "remove_tree": lambda fs, path: fs.remove_tree(path),
    "rename": lambda fs, path: fs.rename(path, "/new"),
}
removers = pytest.mark.parametrize("call", REMOVERS.values(), ids=REMOVERS)


@removers
@pytest.mark.parametrize("path", ["/dirlink/", "/filelink/", "/dangling/", "/loop/"])
def test_a_slash_behind_a_link_changes_nothing_behind_it(
    tree: FsBase, call: Call, path: str
) -> None:
    """As Linux does: unlink, rmdir and rename of `link/` are ENOTDIR."""
    with refused(tree, Errno.ENOTDIR):
        call(tree, path)


@removers
@pytest.mark.parametrize(
    ("path", "errno"),
    [
        ("/", Errno.EBUSY),
        ("/..", Errno.EBUSY),
        ("/d/..", Errno.EBUSY),
        ("/d/.", Errno.EINVAL),
        ("/d/e/..", Errno.EINVAL),
        ("/d/f/", Errno.ENOTDIR),
        ("/no", Errno.ENOENT),
        ("/no/", Errno.ENOENT),
        ("/no/x", Errno.ENOENT),
        ("/d/f/x", Errno.ENOTDIR),
    ],
)
def test_what_has_no_name_to_take_away_stays(
    tree: FsBase, call: Call, path: str, errno: Errno
) -> None:
    with refused(tree, errno):
        call(tree, path)


def test_remove_and_rmdir_mind_the_kind(tree: FsBase) -> None:
    for path in ("/d", "/d/"):
        with refused(tree, Errno.EISDIR):
            tree.remove(path)
        with refused(tree, Errno.ENOTEMPTY):
            tree.rmdir(path)
    for path in ("/d/f", "/dirlink"):
        with refused(tree, Errno.ENOTDIR):
            tree.rmdir(path)
    tree.rmdir("/d/e/")
    assert tree.listdir("/d") == ["f"]


def test_a_tree_is_removed_with_all_below_and_its_names_counted(tree: FsBase) -> None:
    tree.link("/d/f", "/kept")
    tree.symlink("../../kept", "/d/e/link")
    tree.inodes.mknod(ino_of(tree, "/d/e"), b"fifo", Kind.FIFO)
    tree.mkdir("/d/x/y/z", parents=True)
    assert tree.remove_tree("/d") == 8
    assert tree.read_bytes("/kept") == b"content"
    assert tree.stat("/kept").nlink == 1
    assert tree.remove_tree("/dirlink") == 1
    assert tree.remove_tree("/kept") == 1


# --- links and renaming ----------------------------------------------------------


@pytest.mark.parametrize("target", ["x", b"x", "../\udcff", b"../\xff"])
def test_a_link_keeps_its_target(fs: FsBase, target: str | bytes) -> None:
    fs.symlink(target, "/l")
    raw = (
        target
        if isinstance(target, bytes)
        else target.encode("utf-8", "surrogateescape")
    )
    assert fs.inodes.readlink(ino_of(fs, "/l")) == raw
    assert fs.readlink("/l") == raw.decode("utf-8", "surrogateescape")


def test_what_is_no_link_has_no_target(tree: FsBase) -> None:
    for path in ("/d", "/d/f", "/dirlink/"):
        with refused(tree, Errno.EINVAL):
            tree.readlink(path)


@pytest.mark.parametrize(
    "call",
    [
        lambda fs, path: fs.symlink("target", path),
        lambda fs, path: fs.link("/d/f", path),
    ],
    ids=["symlink", "link"],
)
@pytest.mark.parametrize(
    ("path", "errno"),
    [
        ("/d", Errno.EEXIST),
        ("/d/f", Errno.EEXIST),
        ("/dangling", Errno.EEXIST),
        ("/dangling/", Errno.EEXIST),
        ("/loop", Errno.EEXIST),
        ("/", Errno.EEXIST),
        ("/d/.", Errno.EEXIST),
        ("/new/", Errno.ENOENT),
        ("/no/new", Errno.ENOENT),
        ("/d/f/new", Errno.ENOTDIR),
        ("", Errno.ENOENT),
    ],
)
def test_a_new_name_must_be_free_and_no_directory(
    tree: FsBase, call: Call, path: str, errno: Errno
) -> None:
    with refused(tree, errno):
        call(tree, path)


def test_a_link_to_a_link_is_to_the_link_itself(tree: FsBase) -> None:
    tree.link("/filelink", "/again")
    assert tree.lstat("/again") == tree.lstat("/filelink")
    assert tree.lstat("/again").nlink == 2
    with refused(tree, Errno.EPERM):
        tree.link("/d", "/e")


def test_renaming_takes_the_link_itself_and_replaces_one(tree: FsBase) -> None:
    tree.rename("/filelink", "/moved")
    assert tree.readlink("/moved") == "d/f"
    tree.write_bytes("/plain", b"x")
    tree.rename("/plain", "/dirlink")
    assert tree.read_bytes("/dirlink") == b"x"
    assert tree.listdir("/d") == ["e", "f"]


@pytest.mark.parametrize("flags", [RenameFlags.NONE, RenameFlags.NOREPLACE])
def test_a_slash_behind_a_new_name_is_for_directories(
    tree: FsBase, flags: RenameFlags
) -> None:
    with refused(tree, Errno.ENOTDIR):
        tree.rename("/d/f", "/new/", flags)
    tree.rename("/d/", "/new/", flags)
    assert tree.listdir("/new") == ["e", "f"]


def test_a_file_and_a_directory_with_a_slash_can_be_exchanged(tree: FsBase) -> None:
    """Linux asks for a directory behind a slash, and it is one."""
    tree.rename("/filelink", "/d/e/", RenameFlags.EXCHANGE)
    assert tree.stat("/filelink").is_dir
    assert tree.lstat("/d/e").is_symlink


# --- asking ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/", True),
        ("/d/f", True),
        ("/filelink", True),
        ("/dangling", False),
        ("/loop", False),
        ("/d/f/x", False),
        ("/d/f/", False),
        ("/no/x", False),
        ("", False),
    ],
)
def test_exists_is_whether_a_path_leads_to_something(
    tree: FsBase, path: str, there: bool
) -> None:
    assert tree.exists(path) is there


@pytest.mark.parametrize(
    ("path", "errno"), [("a\0b", Errno.EINVAL), ("/" + "x" * 256, Errno.ENAMETOOLONG)]
)
def test_what_is_no_path_is_refused_rather_than_missing(
    fs: FsBase, path: str, errno: Errno
) -> None:
    with refused(fs, errno):
        fs.exists(path)


def test_stat_follows_and_lstat_does_not(tree: FsBase) -> None:
    assert tree.stat("/filelink").ino == ino_of(tree, "/d/f")
    assert tree.lstat("/filelink").is_symlink
    tree.chmod("/filelink", 0o4711)
    assert tree.stat("/d/f").perm == 0o4711
    tree.truncate("/filelink", 2)
    assert tree.read_bytes("/d/f") == b"co"
