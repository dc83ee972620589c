"""merge: what two sides disagree on, and what becomes of it."""

import pytest
from devdev_fs import (
    PAGE_SIZE,
    ROOT_INO,
    Conflict,
    ConflictKind,
    Fs,
    FsBase,
    Kind,
)

from tests.fs.actions import LINES, Action, do, do_all, replace
from tests.fs.checks import ino_of
from tests.fs.looks import look
from tests.fs.merging import link_to, make_tree, merge, owner, told, xattr

Told = list[tuple[str, str]]
Result = dict[str, str | None]
"""What is at a path: content, target, a mode, or nothing."""


def results(fs: FsBase, paths: Result) -> Result:
    tree, found = look(fs), Result()
    for path in paths:
        bare, _, aspect = path.partition("?")
        there = tree.get(bare)
        if there is None:
            found[path] = None
        elif aspect == "mode":
            found[path] = f"{there.mode:o}"
        elif aspect == "owner":
            found[path] = "{}:{}".format(*there.owner)
        elif aspect == "xattr":
            found[path] = b" ".join(there.xattrs.values()).decode()
        elif there.kind == Kind.DIRECTORY:
            found[path] = "/"
        else:
            body = there.body
            found[path] = body if isinstance(body, str) else body.decode()
    return found


MARKED = "1\n<<<<<<< ours\ntwo\n=======\nzwei\n>>>>>>> theirs\n" + LINES[4:]

CONFLICTS: dict[
    str, tuple[list[Action], list[Action], Told, Result, Result, Result | None]
] = {
    "lines": (
        [replace("2\n", "two\n")],
        [replace("2\n", "zwei\n"), replace("9\n", "neun\n")],
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
        [replace("2\n", "two\n")],
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
        [replace("2\n", "two\n")],
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
        [do("remove", "/g"), replace("other", "changed", "/d/sub/g")],
        [do("remove", "/d/sub/g")],
        [("REMOVED_THERE", "/d/sub/g")],
        {"/d/sub/g": "changed\n", "/g": None},
        {"/d/sub/g": None, "/g": "changed\n"},
        None,
    ),
    "the other names of what their side changed": (
        [do("remove", "/g")],
        [replace("other", "changed", "/g"), do("remove", "/d/sub/g")],
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
        [replace("other", "changed", "/g")],
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
    "other things in the place of each name of what changed": (
        [do("append", "/g", b"x")],
        [do("rename", "/d/f", "/g"), do("rename", "/binary", "/d/sub/g")],
        [("NAME", "/d/sub/g"), ("NAME", "/g"), ("REMOVED_THERE", "/g")],
        {"/g": "other\nx", "/d/sub/g": "other\nx", "/d/f": LINES},
        {"/g": LINES, "/d/sub/g": "\0" * PAGE_SIZE + "x", "/d/f": None},
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
            do_all(expected, ours)
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
        [
            do("chmod", "/d/f", 0o600),
            replace("2\n", "two\n"),
            xattr("/", b"user.a", b"1"),
        ],
        [
            do("chmod", "/d/f", 0o755),
            replace("2\n", "2nd\n"),
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
