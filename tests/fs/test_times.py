"""Which times move: one table, for every operation, of what POSIX has them mark."""

from collections.abc import Callable, Iterator

import pytest
from devdev_fs import ROOT_INO, FsBase, RenameFlags, SetAttr, Stat
from devdev_fs.testing import ManualClock

from tests.fs.labelled import Tree, labelled_tree


@pytest.fixture
def tree(fs: FsBase) -> Iterator[Tree]:
    with labelled_tree(fs) as tree:
        yield tree


Call = Callable[[Tree], object]

# What the operation does, and for each inode it touches which of atime, mtime and
# ctime it moves; every time that is not named stays.
MOVES: list[tuple[str, Call, dict[str, str]]] = [
    # reading
    ("getattr", lambda t: t.fs.inodes.getattr(t["file"]), {}),
    ("lookup", lambda t: t.fs.inodes.lookup(t["d"], b"file"), {}),
    ("resolve", lambda t: t.fs.inodes.resolve("/d/link"), {}),
    ("stat", lambda t: t.fs.stat("/d/link"), {}),
    ("read", lambda t: t.fs.inodes.read(t["file"], 0, 4), {"file": "a"}),
    ("read chunks", lambda t: t.fs.inodes.read_chunks(t["file"], 0, 4), {"file": "a"}),
    ("read at the end", lambda t: t.fs.inodes.read(t["file"], 99, 4), {"file": "a"}),
    ("read nothing", lambda t: t.fs.inodes.read(t["file"], 0, 0), {}),
    ("read noatime", lambda t: t.fs.inodes.read(t["file"], 0, 4, True), {}),
    (
        "read chunks noatime",
        lambda t: t.fs.inodes.read_chunks(t["file"], 0, 4, True),
        {},
    ),
    ("read_bytes", lambda t: t.fs.read_bytes("/d/link"), {"file": "a"}),
    ("readlink", lambda t: t.fs.inodes.readlink(t["link"]), {"link": "a"}),
    ("readdir", lambda t: t.fs.inodes.readdir(t["d"]), {"d": "a"}),
    ("listdir", lambda t: t.fs.listdir("/d"), {"d": "a"}),
    ("scandir", lambda t: t.fs.scandir("/d"), {"d": "a"}),
    ("walk", lambda t: t.fs.walk("/"), {}),
    ("glob", lambda t: t.fs.glob("/**"), {}),
    ("dump", lambda t: t.fs.dump(), {}),
    ("digest", lambda t: t.fs.tree_digest(), {}),
    ("statvfs", lambda t: t.fs.inodes.statvfs(), {}),
    # content
    ("write", lambda t: t.fs.inodes.write(t["file"], 2, b"x"), {"file": "mc"}),
    ("write nothing", lambda t: t.fs.inodes.write(t["file"], 99, b""), {}),
    ("append", lambda t: t.fs.inodes.append(t["file"], b"x"), {"file": "mc"}),
    ("append nothing", lambda t: t.fs.inodes.append(t["file"], b""), {}),
    ("write_bytes", lambda t: t.fs.write_bytes("/d/link", b"x"), {"file": "mc"}),
    ("cut", lambda t: t.fs.truncate("/d/file", 3), {"file": "mc"}),
    ("extend", lambda t: t.fs.truncate("/d/file", 99), {"file": "mc"}),
    (
        "truncate to the same size",
        lambda t: t.fs.truncate("/d/file", 7),
        {"file": "mc"},
    ),
    (
        "open for writing",
        lambda t: t.fs.open("/d/file", "w").close(),
        {"file": "mc"},
    ),
    ("open for reading", lambda t: t.fs.open("/d/file").close(), {}),
    ("copy over", lambda t: t.fs.copy("/d/file", "/e/other"), {"other": "mc"}),
    # attributes
    ("chmod", lambda t: t.fs.chmod("/d/file", 0o600), {"file": "c"}),
    (
        "chown",
        lambda t: t.fs.inodes.setattr(t["file"], SetAttr(uid=1, gid=2)),
        {"file": "c"},
    ),
    (
        "utimens atime",
        lambda t: t.fs.inodes.setattr(t["file"], SetAttr(atime_ns="now")),
        {"file": "ac"},
    ),
    (
        "utimens both",
        lambda t: t.fs.inodes.setattr(t["file"], SetAttr(atime_ns=5, mtime_ns=6)),
        {"file": "amc"},
    ),
    ("touch", lambda t: t.fs.touch("/d/link"), {"file": "amc"}),
    ("empty setattr", lambda t: t.fs.inodes.setattr(t["file"], SetAttr()), {}),
    ("pin", lambda t: t.fs.inodes.pin(t["file"], 0), {}),
    # names
    ("create", lambda t: t.fs.inodes.create(t["d"], b"new"), {"d": "mc"}),
    ("mkdir", lambda t: t.fs.inodes.mkdir(t["d"], b"new"), {"d": "mc"}),
    ("mknod", lambda t: t.fs.inodes.mknod(t["d"], b"new", 0o010600), {"d": "mc"}),
    ("symlink", lambda t: t.fs.inodes.symlink(t["d"], b"new", b"x"), {"d": "mc"}),
    ("mkdir exist_ok", lambda t: t.fs.mkdir("/d", exist_ok=True), {}),
    ("touch a new file", lambda t: t.fs.touch("/d/new"), {"d": "mc"}),
    (
        "link",
        lambda t: t.fs.inodes.link(t["file"], t["e"], b"new"),
        {"file": "c", "e": "mc"},
    ),
    (
        "unlink",
        lambda t: t.fs.inodes.unlink(t["d"], b"file"),
        {"d": "mc", "file": "c"},
    ),
    (
        "rmdir",
        lambda t: t.fs.inodes.rmdir(t["e"], b"empty"),
        {"e": "mc", "empty": "c"},
    ),
    (
        "remove_tree",
        lambda t: t.fs.remove_tree("/e"),
        {"root": "mc", "e": "mc", "other": "c", "empty": "c"},
    ),
    (
        "rename within a directory",
        lambda t: t.fs.rename("/d/file", "/d/new"),
        {"d": "mc", "file": "c"},
    ),
    (
        "rename across",
        lambda t: t.fs.rename("/d/file", "/e/new"),
        {"d": "mc", "e": "mc", "file": "c"},
    ),
    (
        "rename over",
        lambda t: t.fs.rename("/d/file", "/e/other"),
        {"d": "mc", "e": "mc", "file": "c", "other": "c"},
    ),
    (
        "rename a directory over another",
        lambda t: t.fs.rename("/d/sub", "/e/empty"),
        {"d": "mc", "e": "mc", "sub": "c", "empty": "c"},
    ),
    (
        "exchange",
        lambda t: t.fs.rename("/d/file", "/e/empty", RenameFlags.EXCHANGE),
        {"d": "mc", "e": "mc", "file": "c", "empty": "c"},
    ),
    ("rename to itself", lambda t: t.fs.rename("/d/file", "/d/file"), {}),
]


@pytest.mark.parametrize(
    ("call", "moves"), [row[1:] for row in MOVES], ids=[row[0] for row in MOVES]
)
def test_an_operation_moves_these_times_and_no_other(
    tree: Tree, call: Call, moves: dict[str, str]
) -> None:
    before = tree.stats()
    call(tree)
    after = tree.stats()
    for label, old in before.items():
        new = after[label]
        moved = "".join(
            letter
            for letter, was, now in [
                ("a", old.atime_ns, new.atime_ns),
                ("m", old.mtime_ns, new.mtime_ns),
                ("c", old.ctime_ns, new.ctime_ns),
            ]
            if was != now
        )
        assert moved == moves.get(label, ""), label
        assert new.btime_ns == old.btime_ns


def test_a_rename_between_two_links_of_an_inode_moves_nothing(tree: Tree) -> None:
    tree.fs.link("/d/file", "/e/again")
    before = tree.stats()
    tree.fs.rename("/d/file", "/e/again")
    assert tree.stats() == before


@pytest.mark.parametrize(
    "make",
    [
        lambda fs: fs.inodes.create(ROOT_INO, b"new"),
        lambda fs: fs.inodes.mkdir(ROOT_INO, b"new"),
        lambda fs: fs.inodes.mknod(ROOT_INO, b"new", 0o140600),
        lambda fs: fs.inodes.symlink(ROOT_INO, b"new", b"target"),
    ],
    ids=["create", "mkdir", "mknod", "symlink"],
)
def test_a_new_inode_has_one_time_four_times_and_so_does_its_directory(
    fs: FsBase, make: Callable[[FsBase], Stat]
) -> None:
    new = make(fs)
    times = {new.atime_ns, new.mtime_ns, new.ctime_ns, new.btime_ns}
    root = fs.stat("/")
    assert times == {root.mtime_ns} == {root.ctime_ns}


def test_utimens_sets_the_given_times_and_stamps_ctime(fs: FsBase) -> None:
    fs.write_bytes("/f", b"")
    before = fs.stat("/f")
    after = fs.setattr("/f", SetAttr(atime_ns=-5, mtime_ns=2**62))
    assert (after.atime_ns, after.mtime_ns) == (-5, 2**62)
    assert after.ctime_ns > before.ctime_ns


def test_a_size_stamps_mtime_unless_a_time_comes_with_it(fs: FsBase) -> None:
    fs.write_bytes("/f", b"")
    assert fs.setattr("/f", SetAttr(size=5, mtime_ns=77)).mtime_ns == 77


@pytest.mark.parametrize(
    ("asked", "kept"), [(10**30, 2**63 - 1), (-(10**30), -(2**63))]
)
def test_a_time_beyond_64_bits_becomes_the_nearest(
    fs: FsBase, asked: int, kept: int
) -> None:
    """Linux's fs/inode.c:timestamp_truncate does the same."""
    fs.write_bytes("/f", b"")
    stat = fs.setattr("/f", SetAttr(atime_ns=asked, mtime_ns=asked))
    assert (stat.atime_ns, stat.mtime_ns) == (kept, kept)
    fs.load(fs.dump())
    assert fs.stat("/f").mtime_ns == kept


def test_times_come_from_the_clock_that_was_given(
    make_fs: Callable[..., FsBase],
) -> None:
    fs = make_fs(clock=ManualClock(time_ns=-7))
    fs.mkdir("/d")
    for path in ("/", "/d"):
        stat = fs.stat(path)
        times = {stat.atime_ns, stat.mtime_ns, stat.ctime_ns, stat.btime_ns}
        assert times == {-7}
