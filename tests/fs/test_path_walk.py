"""How a path leads to an inode: links, dots, slashes, limits, and in linear time."""

import pytest
from devdev_fs import PATH_MAX, ROOT_INO, Errno, Fs, FsBase

from tests.fs.checks import ino_of, refused

HOPS = 40


@pytest.fixture
def tree(fs: FsBase) -> FsBase:
    fs.mkdir("/d/e", parents=True)
    fs.write_bytes("/d/e/f", b"content")
    fs.symlink("d", "/rel")
    fs.symlink("/d/e", "/abs")
    fs.symlink("e/f", "/d/file")
    fs.symlink("../../d", "/d/e/up")
    fs.symlink("/d/e", "/d/e/root")
    fs.symlink("nowhere", "/dangling")
    fs.symlink("d/e/", "/slash")
    fs.symlink("d/e/f/", "/file-slash")
    fs.symlink("loop", "/loop")
    fs.symlink("/", "/top")
    return fs


@pytest.mark.parametrize(
    ("path", "real"),
    [
        ("/", "/"),
        ("//", "/"),
        ("/.", "/"),
        ("/..", "/"),
        ("/../..", "/"),
        (".", "/"),
        ("..", "/"),
        ("d", "/d"),
        ("d/e/f", "/d/e/f"),
        ("//d///e", "/d/e"),
        ("/d/", "/d"),
        ("/d/./e/.", "/d/e"),
        ("/d/e/..", "/d"),
        ("/d/e/../..", "/"),
        ("/d/../d/e/../e/f", "/d/e/f"),
        ("/rel", "/d"),
        ("/rel/", "/d"),
        ("/rel/e/f", "/d/e/f"),
        ("/abs", "/d/e"),
        ("/abs/..", "/d"),
        ("/d/file", "/d/e/f"),
        ("/rel/file", "/d/e/f"),
        ("/d/e/up", "/d"),
        ("/d/e/up/e/up/e/f", "/d/e/f"),
        ("/d/e/root", "/d/e"),
        ("/d/e/root/root/f", "/d/e/f"),
        ("/d/e/root/..", "/d"),
        ("/slash", "/d/e"),
        ("/slash/f", "/d/e/f"),
        ("/top", "/"),
        ("/top/top/top/d", "/d"),
        ("/top/../d", "/d"),
    ],
)
def test_a_path_leads_there(tree: FsBase, path: str, real: str) -> None:
    assert tree.realpath(path) == real
    assert tree.inodes.resolve(path) == tree.stat(path).ino == ino_of(tree, real)
    assert tree.stat(path.encode()) == tree.stat(path)


@pytest.mark.parametrize(
    ("path", "errno"),
    [
        ("", Errno.ENOENT),
        ("/missing", Errno.ENOENT),
        ("/missing/", Errno.ENOENT),
        ("/missing/..", Errno.ENOENT),
        ("/missing/.", Errno.ENOENT),
        ("/d/missing/f", Errno.ENOENT),
        ("/dangling", Errno.ENOENT),
        ("/dangling/x", Errno.ENOENT),
        ("/d/e/f/", Errno.ENOTDIR),
        ("/d/e/f//", Errno.ENOTDIR),
        ("/d/e/f/.", Errno.ENOTDIR),
        ("/d/e/f/..", Errno.ENOTDIR),
        ("/d/e/f/x", Errno.ENOTDIR),
        ("/d/file/", Errno.ENOTDIR),
        ("/d/file/..", Errno.ENOTDIR),
        ("/file-slash", Errno.ENOTDIR),
        ("/loop", Errno.ELOOP),
        ("/loop/x", Errno.ELOOP),
        ("/loop/..", Errno.ELOOP),
        ("/a\0b", Errno.EINVAL),
    ],
)
def test_a_path_leads_nowhere(tree: FsBase, path: str, errno: Errno) -> None:
    for call in (tree.stat, tree.realpath, tree.inodes.resolve):
        with refused(tree, errno):
            call(path)


@pytest.mark.parametrize("path", ["/rel", "/dangling", "/loop", "/d/file"])
def test_without_following_the_last_link_is_what_is_meant(
    tree: FsBase, path: str
) -> None:
    ino = tree.lstat(path).ino
    assert tree.lstat(path).is_symlink
    assert tree.inodes.resolve(path, follow=False) == ino


def test_a_slash_follows_the_last_link_all_the_same(tree: FsBase) -> None:
    """POSIX.1 section 4.16: a trailing slash stands for a `.` behind it."""
    assert tree.lstat("/rel/") == tree.lstat("/d")
    with refused(tree, Errno.ENOTDIR):
        tree.lstat("/d/file/")
    with refused(tree, Errno.ENOENT):
        tree.lstat("/dangling/")


def test_names_that_are_not_utf8_are_reached_by_str_and_bytes(fs: FsBase) -> None:
    fs.mkdir(b"/\xff")
    fs.write_bytes("/\udcff/\udcfe", b"x")
    assert fs.read_bytes(b"/\xff/\xfe") == b"x"
    assert fs.listdir("/") == ["\udcff"]
    assert fs.realpath(b"/\xff") == "/\udcff"
    fs.symlink(b"\xff", "/l")
    assert fs.readlink("/l") == "\udcff"


def test_a_directory_is_scanned_with_the_attributes_of_each_name(tree: FsBase) -> None:
    tree.write_bytes(b"/d/\xff", b"x")
    found = tree.scandir("/d")
    assert [name for name, _ in found] == tree.listdir("/d")
    assert [stat for _, stat in found] == [
        tree.lstat(f"/d/{name}") for name in tree.listdir("/d")
    ]
    with refused(tree, Errno.ENOTDIR):
        tree.scandir("/d/file")
    with refused(tree, Errno.ENOENT):
        tree.scandir("/nothing")


@pytest.mark.parametrize("call", ["stat", "exists", "glob", "listdir", "scandir"])
def test_a_surrogate_that_stands_for_no_byte_is_refused(fs: FsBase, call: str) -> None:
    with refused(fs, Errno.EINVAL):
        getattr(fs, call)("/\ud800")


# --- limits ----------------------------------------------------------------------


def test_a_path_may_have_4095_bytes(fs: FsBase) -> None:
    longest = "/" + "./" * ((PATH_MAX - 2) // 2)
    assert len(longest) == PATH_MAX - 1
    assert fs.inodes.resolve(longest) == ROOT_INO
    with refused(fs, Errno.ENAMETOOLONG):
        fs.inodes.resolve(longest + "/")


def test_a_name_in_a_path_may_have_255_bytes(fs: FsBase) -> None:
    fs.mkdir("/" + "x" * 255)
    assert fs.exists("/" + "x" * 255 + "/.")
    for path in ("/" + "x" * 256, "/" + "x" * 256 + "/y", "/" + "\xe9" * 128):
        with refused(fs, Errno.ENAMETOOLONG):
            fs.stat(path)


def test_a_chain_of_40_links_is_followed_and_one_of_41_is_not(fs: FsBase) -> None:
    fs.write_bytes("/0", b"end")
    for number in range(1, HOPS + 2):
        fs.symlink(str(number - 1), f"/{number}")
    assert fs.read_bytes(f"/{HOPS}") == b"end"
    with refused(fs, Errno.ELOOP):
        fs.read_bytes(f"/{HOPS + 1}")


@pytest.mark.parametrize("target", [".", "/", "..", "././"])
def test_40_links_side_by_side_are_followed_and_41_are_not(
    fs: FsBase, target: str
) -> None:
    """Linux counts all links of a walk, not how deep they are nested."""
    fs.symlink(target, "/l")
    assert fs.realpath("/l" * HOPS) == "/"
    with refused(fs, Errno.ELOOP):
        fs.realpath("/l" * (HOPS + 1))


def test_links_nested_and_side_by_side_count_together(fs: FsBase) -> None:
    fs.mkdir("/d")
    fs.symlink("d", "/one")
    fs.symlink("one", "/two")
    fs.symlink("../two", "/d/three")
    assert fs.realpath("/d" + "/three" * 13) == "/d"  # 39 links
    assert fs.realpath("/one" + "/three" * 13) == "/d"  # 40
    with refused(fs, Errno.ELOOP):
        fs.realpath("/two" + "/three" * 13)  # 41


def test_the_last_link_counts_only_when_followed(fs: FsBase) -> None:
    fs.symlink(".", "/l")
    path = "/l" * (HOPS + 1)
    assert fs.lstat(path).is_symlink
    with refused(fs, Errno.ELOOP):
        fs.stat(path)


# --- time: an exponential walk would run for years, and so into the test's limit --


def test_many_relative_links_in_one_path_take_linear_time(fs: FsBase) -> None:
    path = ""
    for number in range(HOPS):
        fs.mkdir(f"{path}/{number}")
        fs.symlink(f"{number}", f"{path}/l{number}")
        path += f"/{number}"
    assert fs.realpath("".join(f"/l{number}" for number in range(HOPS))) == path


def test_links_that_double_at_each_level_end_in_eloop(fs: FsBase) -> None:
    fs.mkdir("/0")
    fs.symlink("..", "/0/up")
    for number in range(1, 60):
        fs.symlink(f"{number - 1}/up/{number - 1}", f"/{number}")
    assert fs.realpath("/4") == "/0"  # 2**5 - 1 links and as many ups: 30 in all
    with refused(fs, Errno.ELOOP):
        fs.realpath("/59")


def test_the_longest_targets_through_40_links_take_bounded_time(fs: FsBase) -> None:
    dots = "./" * 2040
    for number in range(HOPS):
        fs.symlink(dots + (f"{number + 1}" if number < HOPS - 1 else "."), f"/{number}")
    assert fs.realpath("/0") == "/"


def test_a_very_deep_directory_is_reached_and_left(fs: FsBase) -> None:
    ino = ROOT_INO
    depth = 1_000
    for _ in range(depth):
        ino = fs.inodes.mkdir(ino, b"d").ino
    path = "/d" * depth
    assert fs.inodes.resolve(path) == ino
    assert fs.realpath(path + "/.." * 500) == "/d" * (depth - 500)
    assert fs.remove_tree("/d") == depth


def test_thousands_of_directories_are_found_each_by_its_path() -> None:
    fs = Fs()
    for number in range(5_000):
        fs.mkdir(f"/{number}")
        fs.mkdir(f"/{number}/d")
        assert fs.exists(f"/{number}/d")
    fs.rename("/7", "/seven")
    assert not fs.exists("/7/d")
    assert fs.exists("/seven/d")
