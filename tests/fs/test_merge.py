"""merge: what two sides made of one, together."""

from collections.abc import Callable
from operator import methodcaller

import pytest
from devdev_fs import (
    PAGE_SIZE,
    ROOT_INO,
    Conflict,
    ConflictKind,
    Fs,
    FsBase,
    Kind,
    Merge,
    RenameFlags,
    SetAttr,
)
from devdev_fs.testing import ManualClock
from hypothesis import given

from tests.fs.checks import examples, ino_of
from tests.fs.edits import EDITS, START, Edit, apply_all
from tests.fs.looks import link_groups, look

Action = Callable[[FsBase], object]
do = methodcaller
LINES = "".join(f"{number}\n" for number in range(1, 10))


def make_tree(fs: FsBase) -> None:
    fs.mkdir("/d/sub/deep", parents=True)
    fs.mkdir("/e")
    fs.write_text("/d/f", LINES)
    fs.write_text("/d/sub/g", "other\n")
    fs.link("/d/sub/g", "/g")
    fs.write_bytes("/binary", b"\0" * PAGE_SIZE + b"x")
    fs.symlink("d/f", "/link")


def merge(
    fs: FsBase, ours: list[Action], theirs: list[Action], on_conflict: str = "data"
) -> Merge:
    """Make the tree, let the two sides act, and merge theirs into `fs`."""
    make_tree(fs)
    base = fs.checkpoint()
    with fs.fork() as fork:
        for act in theirs:
            act(fork)
        for act in ours:
            act(fs)
        merged = fs.merge(base, fork, on_conflict=on_conflict)  # type: ignore[arg-type]
    fs.check_invariants()
    return merged


def told(conflicts: list[Conflict]) -> list[tuple[str, str]]:
    return [(conflict.kind.name, conflict.path) for conflict in conflicts]


def text(old: str, new: str, path: str = "/d/f") -> Action:
    """Change a line of a file."""

    def act(fs: FsBase) -> None:
        content = fs.read_text(path)
        assert old in content
        fs.write_text(path, content.replace(old, new, 1))

    return act


def save(path: str, content: str) -> Action:
    """As editors do: to a new file, which then takes the place of the old one."""

    def act(fs: FsBase) -> None:
        fs.write_text("/tmp", content)
        fs.rename("/tmp", path)

    return act


def owner(path: str, **change: int) -> Action:
    return do("setattr", path, SetAttr(**change), follow=False)


def xattr(path: str, name: bytes, value: bytes | None) -> Action:
    def act(fs: FsBase) -> None:
        ino = ino_of(fs, path)
        if value is None:
            fs.inodes.removexattr(ino, name)
        else:
            fs.inodes.setxattr(ino, name, value)

    return act


def link_to(target: str) -> list[Action]:
    return [do("remove", "/link"), do("symlink", target, "/link")]


# --- what goes together --------------------------------------------------------------

TOGETHER: dict[str, tuple[list[Action], list[Action], list[Action]]] = {
    "lines of one file": (
        [text("2\n", "two\n")],
        [text("8\n", "eight\n")],
        [text("2\n", "two\n"), text("8\n", "eight\n")],
    ),
    "the same lines in the same way": (
        [text("2\n", "two\n"), text("4\n", "four\n")],
        [text("2\n", "two\n"), text("8\n", "eight\n")],
        [text("2\n", "two\n"), text("4\n", "four\n"), text("8\n", "eight\n")],
    ),
    "lines of a file that was renamed": (
        [do("rename", "/d/f", "/moved")],
        [text("2\n", "two\n")],
        [text("2\n", "two\n"), do("rename", "/d/f", "/moved")],
    ),
    "lines of a file in a directory that was renamed": (
        [text("2\n", "two\n")],
        [do("rename", "/d", "/moved"), text("8\n", "eight\n", "/moved/f")],
        [text("2\n", "two\n"), text("8\n", "eight\n"), do("rename", "/d", "/moved")],
    ),
    "lines, saved by rename on one side": (
        [save("/d/f", LINES.replace("2\n", "two\n"))],
        [text("8\n", "eight\n")],
        [text("2\n", "two\n"), text("8\n", "eight\n")],
    ),
    "lines, saved by rename on both sides": (
        [save("/d/f", LINES.replace("2\n", "two\n"))],
        [save("/d/f", LINES.replace("8\n", "eight\n"))],
        [text("2\n", "two\n"), text("8\n", "eight\n")],
    ),
    "lines, in a directory that was made again": (
        [do("remove_tree", "/d"), do("mkdir", "/d"), do("write_text", "/d/f", LINES)],
        [text("8\n", "eight\n")],
        [do("remove_tree", "/d/sub"), text("8\n", "eight\n")],
    ),
    "content that only one side changed": (
        [do("append", "/binary", b"y")],
        [do("chmod", "/binary", 0o600), do("touch", "/binary")],
        [do("append", "/binary", b"y"), do("chmod", "/binary", 0o600)],
    ),
    "a mode and content": (
        [do("chmod", "/d/f", 0o755)],
        [do("truncate", "/d/f", 0)],
        [do("chmod", "/d/f", 0o755), do("truncate", "/d/f", 0)],
    ),
    "user and group": (
        [owner("/g", uid=1)],
        [owner("/g", gid=2)],
        [owner("/g", uid=1, gid=2)],
    ),
    "a target, and an owner": (
        link_to("d"),
        [owner("/link", uid=1)],
        [*link_to("d"), owner("/link", uid=1)],
    ),
    "extended attributes": (
        [xattr("/d", b"user.a", b"1"), xattr("/d", b"user.both", b"3")],
        [xattr("/d", b"user.b", b"2"), xattr("/d", b"user.both", b"3")],
        [
            xattr("/d", b"user.a", b"1"),
            xattr("/d", b"user.b", b"2"),
            xattr("/d", b"user.both", b"3"),
        ],
    ),
    "what each added": (
        [do("mkdir", "/n"), do("touch", "/n/ours"), do("touch", "/ours")],
        [do("mkdir", "/n"), do("touch", "/n/theirs"), do("touch", "/theirs")],
        [
            do("mkdir", "/n"),
            do("touch", "/n/ours"),
            do("touch", "/ours"),
            do("touch", "/n/theirs"),
            do("touch", "/theirs"),
        ],
    ),
    "the same file added": (
        [do("write_text", "/new", LINES)],
        [do("write_text", "/new", LINES)],
        [do("write_text", "/new", LINES)],
    ),
    "a file added, empty on one side": (
        [do("touch", "/new")],
        [do("write_text", "/new", LINES)],
        [do("write_text", "/new", LINES)],
    ),
    "the same removed": (
        [do("remove_tree", "/d")],
        [do("remove_tree", "/d")],
        [do("remove_tree", "/d")],
    ),
    "removed, and touched": (
        [do("touch", "/d/f")],
        [do("remove", "/d/f")],
        [do("remove", "/d/f")],
    ),
    "moved into what the other renamed": (
        [do("rename", "/e", "/d/e")],
        [do("rename", "/d", "/moved")],
        [do("rename", "/e", "/d/e"), do("rename", "/d", "/moved")],
    ),
    "moved to the same place": (
        [do("rename", "/d", "/moved")],
        [do("rename", "/d", "/moved"), do("touch", "/moved/new")],
        [do("rename", "/d", "/moved"), do("touch", "/moved/new")],
    ),
    "hard links": (
        [do("link", "/g", "/ours"), do("remove", "/d/sub/g")],
        [do("link", "/g", "/theirs"), do("append", "/g", b"x")],
        [
            do("link", "/g", "/ours"),
            do("remove", "/d/sub/g"),
            do("link", "/g", "/theirs"),
            do("append", "/g", b"x"),
        ],
    ),
    "each took another name of what did not change": (
        [do("remove", "/g")],
        [do("remove", "/d/sub/g")],
        [do("remove", "/g"), do("remove", "/d/sub/g")],
    ),
    "moved, and linked in the same place too": (
        [do("rename", "/g", "/h")],
        [do("rename", "/g", "/h"), do("link", "/h", "/i")],
        [do("rename", "/g", "/h"), do("link", "/h", "/i")],
    ),
    "exchanged": (
        [do("rename", "/d/f", "/g", RenameFlags.EXCHANGE)],
        [do("append", "/g", b"x")],
        [do("append", "/g", b"x"), do("rename", "/d/f", "/g", RenameFlags.EXCHANGE)],
    ),
    "another kind of thing": (
        [do("remove", "/link"), do("mkdir", "/link")],
        [do("chmod", "/d/f", 0o600)],
        [do("remove", "/link"), do("mkdir", "/link"), do("chmod", "/d/f", 0o600)],
    ),
    "a whole directory removed, and all else": (
        [do("remove_tree", "/d")],
        [do("append", "/g", b"x")],
        [do("remove_tree", "/d"), do("append", "/g", b"x")],
    ),
}


@pytest.mark.parametrize("sides", ["ours and theirs", "theirs and ours"])
@pytest.mark.parametrize("case", TOGETHER.values(), ids=TOGETHER)
def test_changes_of_different_things_go_together(
    fs: FsBase, case: tuple[list[Action], list[Action], list[Action]], sides: str
) -> None:
    ours, theirs, both = case
    if sides == "theirs and ours":
        ours, theirs = theirs, ours
    merged = merge(fs, ours, theirs, "fail")
    assert merged.conflicts == []
    expected = Fs()
    make_tree(expected)
    for act in both:
        act(expected)
    assert {path: seen[:5] for path, seen in look(fs).items()} == {
        path: seen[:5] for path, seen in look(expected).items()
    }
    assert link_groups(fs) == link_groups(expected)


def test_the_later_time_holds(fs: FsBase) -> None:
    merge(
        fs,
        [owner("/g", mtime_ns=5), owner("/d", mtime_ns=9)],
        [owner("/g", mtime_ns=7), owner("/e", mtime_ns=3)],
    )
    assert [fs.stat(path).mtime_ns for path in ("/g", "/d", "/e")] == [7, 9, 3]


def test_what_is_open_goes_on_with_the_merged_content(fs: FsBase) -> None:
    make_tree(fs)
    base = fs.checkpoint()
    with fs.open("/d/f", "r+") as file, fs.fork() as fork:
        fork.write_text("/d/f", LINES + "10\n")
        fork.write_text("/new", "")
        fs.rename("/d/f", "/moved")
        fs.merge(base, fork)
        assert file.read() == (LINES + "10\n").encode()
        assert ino_of(fs, "/new") not in (ino_of(fs, "/moved"), ino_of(fs, "/d"))


def test_what_both_made_gets_a_number_of_ours(fs: FsBase) -> None:
    merge(
        fs,
        [do("touch", "/ours"), do("touch", "/both")],
        [do("touch", "/1"), do("touch", "/2"), do("touch", "/both")],
    )
    inos = [ino_of(fs, path) for path in ("/ours", "/both", "/1", "/2")]
    assert inos == sorted(set(inos))
    fs.touch("/later")
    assert ino_of(fs, "/later") > inos[-1]


def test_merging_twice_brings_in_what_came_in_between(fs: FsBase) -> None:
    """What the other side made has another number here; it is known by its place."""
    base = fs.checkpoint()
    with fs.fork() as fork:
        fork.mkdir("/new")
        fork.write_text("/new/f", LINES)
        fs.write_text("/mine", "")
        fs.merge(base, fork)
        base = fork.checkpoint()
        fork.write_text("/new/f", LINES.replace("2", "two"))
        fs.write_text("/new/f", LINES.replace("8", "eight"))
        with fork.fork(base) as before:
            assert fs.merge(before, fork).conflicts == []
    assert fs.read_text("/new/f") == LINES.replace("2", "two").replace("8", "eight")


def test_what_both_sides_brought_back_is_one(fs: FsBase) -> None:
    make_tree(fs)
    number = ino_of(fs, "/d/f")
    with fs.fork() as before:
        fs.remove("/d/f")
        base = fs.checkpoint()
        with fs.fork() as fork, fs.fork() as now:
            for each in (fs, fork):
                each.merge(now, before)
            fork.rename("/d/f", "/e/f")
            merged = fs.merge(base, fork, on_conflict="theirs")
    assert told(merged.conflicts) == [("MOVED", "/d/f")]
    assert ino_of(fs, "/e/f") == number
    assert not fs.exists("/d/f")
    fs.check_invariants()


# --- what does not -------------------------------------------------------------------

Told = list[tuple[str, str]]
Result = dict[str, str | None]
"""What is at a path: content, target, a mode, or nothing."""


def results(fs: FsBase, paths: Result) -> Result:
    found: Result = {}
    for path in paths:
        bare, _, aspect = path.partition("?")
        if not fs.exists(bare) and not bare.startswith("/link"):
            found[path] = None
        elif aspect == "mode":
            found[path] = f"{fs.stat(bare).perm:o}"
        elif aspect == "owner":
            found[path] = f"{fs.stat(bare).uid}:{fs.stat(bare).gid}"
        elif aspect == "xattr":
            ino = ino_of(fs, bare)
            names = fs.inodes.listxattr(ino)
            found[path] = " ".join(
                fs.inodes.getxattr(ino, name).decode() for name in names
            )
        elif fs.lstat(bare).is_symlink:
            found[path] = fs.readlink(bare)
        elif fs.stat(bare).is_file:
            found[path] = fs.read_bytes(bare).decode("latin-1")
        else:
            found[path] = "/"
    return found


MARKED = "1\n<<<<<<< ours\ntwo\n=======\nzwei\n>>>>>>> theirs\n" + LINES[4:]

CONFLICTS: dict[
    str, tuple[list[Action], list[Action], Told, Result, Result, Result | None]
] = {
    "lines": (
        [text("2\n", "two\n")],
        [text("2\n", "zwei\n"), text("9\n", "neun\n")],
        [("CONTENT", "/d/f")],
        {"/d/f": LINES.replace("2", "two").replace("9", "neun")},
        {"/d/f": LINES.replace("2", "zwei").replace("9", "neun")},
        {"/d/f": MARKED.replace("9", "neun")},
    ),
    "the end, not closed": (
        [do("append", "/d/f", b"10")],
        [do("append", "/d/f", b"ten\r\n")],
        [("CONTENT", "/d/f")],
        {"/d/f": LINES + "10"},
        {"/d/f": LINES + "ten\r\n"},
        {"/d/f": f"{LINES}<<<<<<< ours\n10\n=======\nten\r\n>>>>>>> theirs\n"},
    ),
    "text with CRLF that both added": (
        [do("write_text", "/new", "same\r\nours\r\n")],
        [do("write_text", "/new", "same\r\ntheirs\r\n")],
        [("CONTENT", "/new")],
        {"/new": "same\r\nours\r\n"},
        {"/new": "same\r\ntheirs\r\n"},
        {
            "/new": "same\r\n<<<<<<< ours\r\nours\r\n=======\r\ntheirs\r\n"
            ">>>>>>> theirs\r\n"
        },
    ),
    "binary content": (
        [do("append", "/binary", b"y")],
        [do("append", "/binary", b"z")],
        [("CONTENT", "/binary")],
        {"/binary": "\0" * PAGE_SIZE + "xy"},
        {"/binary": "\0" * PAGE_SIZE + "xz"},
        None,
    ),
    "mode": (
        [do("chmod", "/d/f", 0o600)],
        [do("chmod", "/d/f", 0o755)],
        [("MODE", "/d/f")],
        {"/d/f?mode": "600"},
        {"/d/f?mode": "755"},
        None,
    ),
    "mode of what both added": (
        [do("mkdir", "/new", 0o700)],
        [do("mkdir", "/new", 0o755)],
        [("MODE", "/new")],
        {"/new?mode": "700"},
        {"/new?mode": "755"},
        None,
    ),
    "owner": (
        [owner("/e", uid=1, gid=1)],
        [owner("/e", uid=2, gid=2)],
        [("OWNER", "/e"), ("OWNER", "/e")],
        {"/e?owner": "1:1"},
        {"/e?owner": "2:2"},
        None,
    ),
    "an extended attribute": (
        [xattr("/", b"user.a", b"1")],
        [xattr("/", b"user.a", b"2")],
        [("XATTR", "/")],
        {"/?xattr": "1"},
        {"/?xattr": "2"},
        None,
    ),
    "target": (
        link_to("ours"),
        link_to("theirs"),
        [("TARGET", "/link")],
        {"/link": "ours"},
        {"/link": "theirs"},
        None,
    ),
    "removed here": (
        [do("remove", "/d/f")],
        [text("2\n", "two\n")],
        [("REMOVED_HERE", "/d/f")],
        {"/d/f": None},
        {"/d/f": LINES.replace("2", "two")},
        None,
    ),
    "removed there": (
        [do("rename", "/d/f", "/d/moved")],
        [do("remove", "/d/f")],
        [("REMOVED_THERE", "/d/moved")],
        {"/d/moved": LINES, "/d/f": None},
        {"/d/moved": None, "/d/f": None},
        None,
    ),
    "a directory removed here that got something": (
        [do("remove_tree", "/d")],
        [do("write_text", "/d/sub/new", "new")],
        [("REMOVED_HERE", "/d/sub")],
        {"/d/sub/new": "new", "/d/f": None},
        {"/d/sub/new": "new", "/d/f": None},
        None,
    ),
    "a directory removed there that got something": (
        [do("rename", "/g", "/d/sub/new")],
        [do("remove_tree", "/d")],
        [("REMOVED_THERE", "/d/sub")],
        {"/d/sub/new": "other\n", "/d/f": None},
        {"/d/sub/new": "other\n", "/d/f": None},
        None,
    ),
    "a directory removed there whose file changed": (
        [text("2\n", "two\n")],
        [do("remove_tree", "/d")],
        [("REMOVED_THERE", "/d/f")],
        {"/d/f": LINES.replace("2", "two"), "/d/sub": None},
        {"/d": None},
        None,
    ),
    "a directory removed there that was moved": (
        [do("rename", "/d", "/moved")],
        [do("remove_tree", "/d")],
        [("REMOVED_THERE", "/moved")],
        {"/moved/f": LINES, "/moved/sub/g": "other\n"},
        {"/moved": None, "/d": None, "/g": "other\n"},
        None,
    ),
    "the other names of what one side changed": (
        [do("remove", "/g"), text("other", "changed", "/d/sub/g")],
        [do("remove", "/d/sub/g")],
        [("REMOVED_THERE", "/d/sub/g")],
        {"/d/sub/g": "changed\n", "/g": None},
        {"/d/sub/g": None, "/g": "changed\n"},
        None,
    ),
    "the other names of what their side changed": (
        [do("remove", "/g")],
        [text("other", "changed", "/g"), do("remove", "/d/sub/g")],
        [("REMOVED_HERE", "/d/sub/g")],
        {"/d/sub/g": "changed\n", "/g": None},
        {"/d/sub/g": None, "/g": "changed\n"},
        None,
    ),
    "moved elsewhere": (
        [do("rename", "/d/f", "/ours")],
        [do("rename", "/d/f", "/theirs"), do("append", "/theirs", b"x")],
        [("MOVED", "/ours")],
        {"/ours": LINES + "x", "/theirs": None, "/d/f": None},
        {"/ours": None, "/theirs": LINES + "x", "/d/f": None},
        None,
    ),
    "a directory moved elsewhere": (
        [do("rename", "/d", "/ours")],
        [do("rename", "/d", "/theirs")],
        [("MOVED", "/ours")],
        {"/ours/f": LINES, "/theirs": None},
        {"/ours": None, "/theirs/f": LINES},
        None,
    ),
    "different things added": (
        [do("mkdir", "/new"), do("write_text", "/new/f", "x")],
        [do("write_text", "/new", "theirs")],
        [("NAME", "/new")],
        {"/new/f": "x"},
        {"/new": "theirs"},
        None,
    ),
    "different things moved to one place": (
        [do("rename", "/d/f", "/new")],
        [do("rename", "/binary", "/new")],
        [("NAME", "/new")],
        {"/new": LINES, "/binary": "\0" * PAGE_SIZE + "x"},
        {"/new": "\0" * PAGE_SIZE + "x", "/d/f": LINES},
        None,
    ),
    "a file in place of a directory that got something": (
        [do("remove_tree", "/e"), do("write_text", "/e", "ours")],
        [do("write_text", "/e/new", "theirs")],
        [("NAME", "/e"), ("REMOVED_HERE", "/e")],
        {"/e": "ours"},
        {"/e/new": "theirs"},
        None,
    ),
    "another kind here": (
        [do("remove", "/g"), do("remove", "/d/sub/g"), do("mkdir", "/g")],
        [text("other", "changed", "/g")],
        [("KIND", "/g")],
        {"/g": "/", "/d/sub/g": None},
        {"/g": "changed\n", "/d/sub/g": "changed\n"},
        None,
    ),
    "another kind there": (
        [do("chmod", "/binary", 0o600)],
        [do("remove", "/binary"), do("symlink", "x", "/binary")],
        [("KIND", "/binary")],
        {"/binary": "\0" * PAGE_SIZE + "x"},
        {"/link": "d/f", "/d/f": LINES},
        None,
    ),
    "moved out of what was removed, to where there is something": (
        [do("write_text", "/new", "ours")],
        [do("rename", "/d/f", "/new"), do("remove_tree", "/d")],
        [("NAME", "/new")],
        {"/new": "ours", "/d/f": LINES, "/d/sub": None},
        {"/new": LINES, "/d": None},
        None,
    ),
    "more extended attributes than there can be": (
        [xattr("/e", b"user.ours", b"1" * 40_000)],
        [xattr("/e", b"user.theirs", b"2" * 40_000)],
        [("XATTR", "/e")],
        {"/e?xattr": "1" * 40_000},
        {"/e?xattr": "2" * 40_000},
        None,
    ),
    "moved into each other": (
        [do("rename", "/d", "/e/d")],
        [do("rename", "/e", "/d/sub/deep/e")],
        [("CYCLE", "/e")],
        {"/e/d/sub/g": "other\n"},
        {"/d/sub/deep/e": "/"},
        None,
    ),
}


@pytest.mark.parametrize("on_conflict", ["data", "ours", "theirs", "markers"])
@pytest.mark.parametrize("case", CONFLICTS.values(), ids=CONFLICTS)
def test_a_conflict_is_told_and_solved_as_was_asked(
    fs: FsBase,
    case: tuple[list[Action], list[Action], Told, Result, Result, Result | None],
    on_conflict: str,
) -> None:
    ours, theirs, conflicts, our_result, their_result, marked = case
    merged = merge(fs, ours, theirs, on_conflict)
    if on_conflict != "theirs":
        assert told(merged.conflicts) == conflicts
    assert merged.conflicts
    assert all(conflict.detail for conflict in merged.conflicts)
    if on_conflict == "data":
        assert merged.span == 0
        with Fs() as expected:
            make_tree(expected)
            for act in ours:
                act(expected)
            assert fs.tree_digest() == expected.tree_digest()
        return
    expected_result = {
        "ours": our_result,
        "theirs": their_result,
        "markers": our_result if marked is None else marked,
    }[on_conflict]
    assert results(fs, expected_result) == expected_result


def test_a_conflict_says_what_each_side_did(fs: FsBase) -> None:
    merged = merge(
        fs,
        [do("chmod", "/d/f", 0o600), text("2\n", "two\n"), xattr("/", b"user.a", b"1")],
        [
            do("chmod", "/d/f", 0o755),
            text("2\n", "2nd\n"),
            xattr("/", b"user.a", b"12"),
        ],
    )
    details = ["ours: b'user.a' of 1 bytes, theirs: b'user.a' of 2 bytes"]
    assert merged.conflicts == [
        Conflict(ConflictKind.XATTR, "/", *details),
        Conflict(ConflictKind.CONTENT, "/d/f", "in 1 place"),
        Conflict(ConflictKind.MODE, "/d/f", "ours: 0600, theirs: 0755"),
    ]


def test_an_extended_attribute_can_be_removed_on_one_side(fs: FsBase) -> None:
    make_tree(fs)
    xattr("/d", b"user.a", b"1")(fs)
    xattr("/d", b"user.b", b"1")(fs)
    base = fs.checkpoint()
    with fs.fork() as fork:
        xattr("/d", b"user.a", None)(fork)
        xattr("/d", b"user.b", None)(fork)
        xattr("/d", b"user.b", b"2")(fs)
        merged = fs.merge(base, fork, on_conflict="theirs")
    assert told(merged.conflicts) == [("XATTR", "/d")]
    assert "theirs: b'user.b' removed" in merged.conflicts[0].detail
    assert fs.inodes.listxattr(ino_of(fs, "/d")) == []


def test_device_nodes_of_other_numbers_are_different_things(fs: FsBase) -> None:
    base = fs.checkpoint()
    with fs.fork() as fork:
        fs.inodes.mknod(ROOT_INO, b"null", Kind.CHARACTER_DEVICE, 0x103)
        fork.inodes.mknod(ROOT_INO, b"null", Kind.CHARACTER_DEVICE, 0x105)
        merged = fs.merge(base, fork, on_conflict="theirs")
    assert told(merged.conflicts) == [("NAME", "/null")]
    assert fs.stat("/null").rdev == 0x105


# --- whatever the two sides did ------------------------------------------------------

MIRRORED = {
    ConflictKind.REMOVED_HERE: ConflictKind.REMOVED_THERE,
    ConflictKind.REMOVED_THERE: ConflictKind.REMOVED_HERE,
}


def mirrored(conflicts: list[Conflict]) -> list[ConflictKind]:
    return sorted(MIRRORED.get(each.kind, each.kind) for each in conflicts)


@examples(150)
@given(EDITS, EDITS, EDITS)
def test_whatever_two_sides_did_can_be_merged_from_either_of_them(
    before: list[Edit], mine: list[Edit], others: list[Edit]
) -> None:
    fs = Fs(clock=ManualClock(step_ns=1))
    apply_all(fs, START + before)
    ours, theirs = fs.fork(), fs.fork()
    # The numbers of what each makes are not the same things.
    theirs.touch("/takes a number")
    theirs.remove("/takes a number")
    apply_all(ours, mine)
    apply_all(theirs, others)
    merged = ours.fork().merge(fs, theirs, on_conflict="data")
    for on_conflict, swapped in (("ours", "theirs"), ("theirs", "ours")):
        here, there = ours.fork(), theirs.fork()
        told_here = here.merge(fs, theirs, on_conflict=on_conflict)  # type: ignore[arg-type]
        told_there = there.merge(fs, ours, on_conflict=swapped)  # type: ignore[arg-type]
        here.check_invariants()
        there.check_invariants()
        assert here.tree_digest() == there.tree_digest()
        kinds = sorted(each.kind for each in told_here.conflicts)
        assert mirrored(told_there.conflicts) == kinds
        assert bool(kinds) == bool(merged.conflicts)
    with_markers = ours.fork()
    with_markers.merge(fs, theirs, on_conflict="markers")
    with_markers.check_invariants()


@examples(100)
@given(EDITS, EDITS)
def test_what_only_one_side_did_is_the_result(
    before: list[Edit], edits: list[Edit]
) -> None:
    fs = Fs(clock=ManualClock(step_ns=1))
    apply_all(fs, START + before)
    changed = fs.fork()
    apply_all(changed, edits)
    expected = {path: seen[:5] for path, seen in look(changed).items()}
    for ours, theirs in ((fs, changed), (changed, fs), (changed, changed)):
        result = ours.fork()
        assert result.merge(fs, theirs).conflicts == []
        result.check_invariants()
        assert {path: seen[:5] for path, seen in look(result).items()} == expected
        assert link_groups(result) == link_groups(changed)
