"""merge: what two sides made of one, together."""

import pytest
from devdev_fs import (
    Conflict,
    ConflictKind,
    Fs,
    FsBase,
    RenameFlags,
)
from devdev_fs.testing import ManualClock
from hypothesis import given

from tests.fs.actions import LINES, Action, do, do_all, replace, save
from tests.fs.checks import examples, ino_of
from tests.fs.edits import EDITS, START, Edit, apply_all
from tests.fs.looks import link_groups, look
from tests.fs.merging import link_to, make_tree, merge, owner, told, xattr

# --- what goes together --------------------------------------------------------------

TOGETHER: dict[str, tuple[list[Action], list[Action], list[Action]]] = {
    "lines of one file": (
        [replace("2\n", "two\n")],
        [replace("8\n", "eight\n")],
        [replace("2\n", "two\n"), replace("8\n", "eight\n")],
    ),
    "the same lines in the same way": (
        [replace("2\n", "two\n"), replace("4\n", "four\n")],
        [replace("2\n", "two\n"), replace("8\n", "eight\n")],
        [replace("2\n", "two\n"), replace("4\n", "four\n"), replace("8\n", "eight\n")],
    ),
    "lines of a file that was renamed": (
        [do("rename", "/d/f", "/moved")],
        [replace("2\n", "two\n")],
        [replace("2\n", "two\n"), do("rename", "/d/f", "/moved")],
    ),
    "lines of a file in a directory that was renamed": (
        [replace("2\n", "two\n")],
        [do("rename", "/d", "/moved"), replace("8\n", "eight\n", "/moved/f")],
        [
            replace("2\n", "two\n"),
            replace("8\n", "eight\n"),
            do("rename", "/d", "/moved"),
        ],
    ),
    "lines, saved by rename on one side": (
        [save("/d/f", LINES.replace("2\n", "two\n"))],
        [replace("8\n", "eight\n")],
        [replace("2\n", "two\n"), replace("8\n", "eight\n")],
    ),
    "lines, saved by rename on both sides": (
        [save("/d/f", LINES.replace("2\n", "two\n"))],
        [save("/d/f", LINES.replace("8\n", "eight\n"))],
        [replace("2\n", "two\n"), replace("8\n", "eight\n")],
    ),
    "lines, in a directory that was made again": (
        [do("remove_tree", "/d"), do("mkdir", "/d"), do("write_text", "/d/f", LINES)],
        [replace("8\n", "eight\n")],
        [do("remove_tree", "/d/sub"), replace("8\n", "eight\n")],
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
    do_all(expected, both)
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
