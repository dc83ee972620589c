"""diff: what differs between two states, by what became of each inode."""

import pytest
from devdev_fs import (
    PAGE_SIZE,
    ROOT_INO,
    Difference,
    DifferenceKind,
    Fs,
    FsBase,
    Ino,
    Kind,
    RenameFlags,
    SetAttr,
)
from devdev_fs.testing import ManualClock
from hypothesis import given

from tests.fs.actions import Action, do, do_all, save
from tests.fs.checks import examples, ino_of
from tests.fs.edits import EDITS, START, Edit, apply_all
from tests.fs.looks import Look, look

Told = list[tuple[str, str]]


def told(differences: list[Difference]) -> Told:
    """The kinds and the paths; of a rename, both paths."""
    return [
        (each.kind.name, f"{each.old_path} {each.path}".lstrip())
        for each in differences
    ]


def make_tree(fs: FsBase) -> None:
    fs.mkdir("/d/sub", parents=True)
    fs.write_text("/d/f", "content\n")
    fs.write_text("/d/sub/g", "other\n")
    fs.link("/d/sub/g", "/g")
    fs.symlink("d/f", "/link")


def set_xattr(fs: FsBase) -> None:
    fs.inodes.setxattr(ino_of(fs, "/d/f"), b"user.x", b"value")


def make_again(fs: FsBase) -> None:
    fs.remove_tree("/d")
    fs.mkdir("/d/sub", parents=True)
    fs.write_text("/d/f", "content\n")
    fs.link("/g", "/d/sub/g")


CASES: dict[str, tuple[list[Action], Told]] = {
    "added": ([do("write_text", "/new", "")], [("ADDED", "/new")]),
    "a whole directory added": (
        [do("mkdir", "/n/m", parents=True), do("touch", "/n/m/f")],
        [("ADDED", "/n"), ("ADDED", "/n/m"), ("ADDED", "/n/m/f")],
    ),
    "a hard link added": ([do("link", "/d/f", "/f")], [("ADDED", "/f")]),
    "removed": ([do("remove", "/link")], [("REMOVED", "/link")]),
    "one of two names removed": ([do("remove", "/g")], [("REMOVED", "/g")]),
    "a whole directory removed": (
        [do("remove_tree", "/d")],
        [
            ("REMOVED", "/d"),
            ("REMOVED", "/d/f"),
            ("REMOVED", "/d/sub"),
            ("REMOVED", "/d/sub/g"),
        ],
    ),
    "modified": ([do("append", "/d/f", b"x")], [("MODIFIED", "/d/f")]),
    "modified under two names": (
        [do("append", "/g", b"x")],
        [("MODIFIED", "/d/sub/g"), ("MODIFIED", "/g")],
    ),
    "renamed": ([do("rename", "/d/f", "/f")], [("RENAMED", "/d/f /f")]),
    "a directory renamed": ([do("rename", "/d", "/e")], [("RENAMED", "/d /e")]),
    "renamed with what is above": (
        [do("rename", "/d/f", "/d/f2"), do("rename", "/d", "/e")],
        [("RENAMED", "/d /e"), ("RENAMED", "/d/f /e/f2")],
    ),
    "removed from what was renamed": (
        [do("rename", "/d", "/e"), do("remove", "/e/f")],
        [("REMOVED", "/d/f"), ("RENAMED", "/d /e")],
    ),
    "renamed and modified": (
        [do("rename", "/d/f", "/f"), do("append", "/f", b"x")],
        [("MODIFIED", "/f"), ("RENAMED", "/d/f /f")],
    ),
    "renamed over another": (
        [do("rename", "/d/f", "/link")],
        [("REMOVED", "/link"), ("RENAMED", "/d/f /link")],
    ),
    "one of two names renamed": (
        [do("rename", "/g", "/h")],
        [("RENAMED", "/g /h")],
    ),
    "exchanged": (
        [do("rename", "/d/f", "/g", RenameFlags.EXCHANGE)],
        [("RENAMED", "/g /d/f"), ("RENAMED", "/d/f /g")],
    ),
    "mode": ([do("chmod", "/d", 0o700)], [("MODE", "/d")]),
    "owner": ([do("setattr", "/", SetAttr(gid=7))], [("OWNER", "/")]),
    "xattr": ([set_xattr], [("XATTR", "/d/f")]),
    "another target": (
        [do("remove", "/link"), do("symlink", "d", "/link")],
        [("TARGET", "/link")],
    ),
    "another kind": (
        [do("remove", "/link"), do("mkdir", "/link"), do("touch", "/link/x")],
        [("KIND", "/link"), ("ADDED", "/link/x")],
    ),
    "a directory made a file": (
        [do("remove_tree", "/d/sub"), do("touch", "/d/sub")],
        [("KIND", "/d/sub"), ("REMOVED", "/d/sub/g")],
    ),
    "saved by rename": (
        [save("/d/f", "new\n")],
        [("MODIFIED", "/d/f")],
    ),
    "saved by rename, as it was": ([save("/d/f", "content\n")], []),
    "saved by rename in a renamed directory": (
        [do("rename", "/d", "/e"), save("/e/f", "new\n")],
        [("RENAMED", "/d /e"), ("MODIFIED", "/e/f")],
    ),
    "saved by rename in what was made again and moved": (
        [make_again, do("rename", "/d", "/e"), do("remove", "/e/f")],
        [
            ("REMOVED", "/d"),
            ("REMOVED", "/d/f"),
            ("REMOVED", "/d/sub"),
            ("ADDED", "/e"),
            ("ADDED", "/e/sub"),
            ("RENAMED", "/d/sub/g /e/sub/g"),
        ],
    ),
    "made again within what was renamed": (
        [
            do("rename", "/d", "/e"),
            do("remove_tree", "/e/sub"),
            do("mkdir", "/e/sub"),
            do("write_text", "/e/sub/g", "new\n"),
        ],
        [("RENAMED", "/d /e"), ("MODIFIED", "/e/sub/g")],
    ),
    "no longer a hard link": (
        [save("/g", "other\n")],
        [("ADDED", "/g"), ("REMOVED", "/g")],
    ),
    "no longer a hard link, and modified": (
        [save("/g", "new\n")],
        [("MODIFIED", "/g")],
    ),
    "all made again": ([make_again], []),
    "times": ([do("touch", "/d/f")], []),
    "nothing": ([do("read_bytes", "/d/f")], []),
    "there and back": (
        [do("rename", "/d", "/e"), do("rename", "/e", "/d")],
        [],
    ),
    "written as it was": ([do("write_text", "/d/f", "content\n")], []),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_differs_is_told(fs: FsBase, case: tuple[list[Action], Told]) -> None:
    actions, expected = case
    make_tree(fs)
    point = fs.checkpoint()
    do_all(fs, actions)
    assert told(fs.diff(point)) == expected
    assert fs.diff(None) == []


def test_a_record_has_the_number_of_what_the_name_means(fs: FsBase) -> None:
    fs.write_text("/f", "one")
    old = ino_of(fs, "/f")
    point = fs.checkpoint()
    save("/f", "two")(fs)
    new = ino_of(fs, "/f")
    assert fs.diff(point) == [Difference(DifferenceKind.MODIFIED, "/f", "", new)]
    fs.remove("/f")
    assert fs.diff(point) == [Difference(DifferenceKind.REMOVED, "/f", "", old)]


def test_paths_that_are_not_utf_8_are_told_in_the_order_of_their_bytes(
    fs: FsBase,
) -> None:
    point = fs.checkpoint()
    for name in (b"/\xff", b"/\xc3\xa4", b"/a"):
        fs.write_bytes(name, b"")
    assert told(fs.diff(point)) == [
        ("ADDED", "/a"),
        ("ADDED", "/\xe4"),
        ("ADDED", "/\udcff"),
    ]


def test_holes_are_zeros(fs: FsBase) -> None:
    fs.write_bytes("/f", bytes(PAGE_SIZE) + b"x\0\0")
    point = fs.checkpoint()
    fs.truncate("/f", 0)
    with fs.open("/f", "r+") as file:
        file.seek(PAGE_SIZE)
        file.write(b"x")
    fs.truncate("/f", PAGE_SIZE + 3)
    assert fs.diff(point) == []
    fs.truncate("/f", PAGE_SIZE + 4)
    assert told(fs.diff(point)) == [("MODIFIED", "/f")]


def test_a_device_node_of_another_number_is_another_kind(fs: FsBase) -> None:
    fs.inodes.mknod(ROOT_INO, b"null", Kind.CHARACTER_DEVICE, device=0x103)
    point = fs.checkpoint()
    fs.remove("/null")
    fs.inodes.mknod(ROOT_INO, b"null", Kind.CHARACTER_DEVICE, device=0x105)
    assert told(fs.diff(point)) == [("KIND", "/null")]


def test_filesystems_that_have_nothing_in_common_are_compared_by_path() -> None:
    fs, other = Fs(clock=ManualClock(1)), Fs(clock=ManualClock(7))
    other.mkdir("/takes a number")
    other.rmdir("/takes a number")
    make_tree(fs)
    make_tree(other)
    assert fs.diff(fs, other) == []
    other.append("/d/f", b"x")
    other.remove("/link")
    assert told(fs.diff(None, other)) == [("MODIFIED", "/d/f"), ("REMOVED", "/link")]


# --- what the records say is all that changed ----------------------------------------

ASPECTS = {
    DifferenceKind.MODIFIED: "body",
    DifferenceKind.TARGET: "body",
    DifferenceKind.MODE: "mode",
    DifferenceKind.OWNER: "owner",
    DifferenceKind.XATTR: "xattrs",
}


def replay(
    before: dict[str, Look], after: dict[str, Look], differences: list[Difference]
) -> dict[str, Look]:
    """Change a tree as the records say; what they say is new comes from `after`."""
    renamed = {
        each.old_path: each.path
        for each in differences
        if each.kind == DifferenceKind.RENAMED
    }
    removed = {each.path for each in differences if each.kind == DifferenceKind.REMOVED}

    def now(path: str) -> str:
        if path == "/" or path in renamed:
            return renamed.get(path, path)
        above, _, name = path.rpartition("/")
        return f"{now(above or '/').rstrip('/')}/{name}"

    tree = {now(path): seen for path, seen in before.items() if path not in removed}
    for kind, path, _, ino in differences:
        there = before if kind == DifferenceKind.REMOVED else after
        assert there[path].ino == ino
        if kind == DifferenceKind.ADDED:
            assert path not in tree
        if kind in (DifferenceKind.ADDED, DifferenceKind.KIND):
            tree[path] = after[path]
        elif kind in ASPECTS:
            aspect = ASPECTS[kind]
            value = getattr(after[path], aspect)
            assert getattr(tree[path], aspect) != value
            tree[path] = tree[path]._replace(**{aspect: value})
    return tree


@examples(200)
@given(EDITS, EDITS)
def test_the_records_make_the_one_tree_of_the_other(
    first: list[Edit], then: list[Edit]
) -> None:
    fs = Fs(clock=ManualClock(step_ns=1))
    apply_all(fs, START + first)
    before, point = look(fs), fs.checkpoint()
    apply_all(fs, then)
    after, differences = look(fs), fs.diff(point)
    keys = [(each.path, each.kind, each.old_path) for each in differences]
    assert len(set(keys)) == len(keys)
    tree = replay(before, after, differences)
    assert bare(tree) == bare(after)
    assert told(fs.diff(None, point)) or not differences


def bare(tree: dict[str, Look]) -> dict[str, Look]:
    """Without what is no difference."""
    return {path: seen._replace(ino=Ino(0), mtime_ns=0) for path, seen in tree.items()}


def test_what_is_shared_is_not_read(fs: FsBase) -> None:
    """A file of 4 EiB, in which a byte changes: to read it would take for ever."""
    fs.touch("/f")
    fs.truncate("/f", 2**62)
    point = fs.checkpoint()
    with fs.open("/f", "r+") as file:
        file.seek(2**61)
        file.write(b"x")
    assert told(fs.diff(point)) == [("MODIFIED", "/f")]
