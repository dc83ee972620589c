"""undo and redo: one span is taken back, and what came later stays."""

import pytest
from devdev_fs import Conflict, Fs, FsBase, SetAttr
from devdev_fs.testing import ManualClock
from hypothesis import given
from hypothesis import strategies as st

from tests.fs.actions import LINES, Action, do, do_all, replace, save
from tests.fs.checks import examples, ino_of
from tests.fs.edits import EDITS, START, Edit, apply_all
from tests.fs.looks import link_groups, look


def make_tree(fs: FsBase) -> None:
    fs.mkdir("/d/sub", parents=True)
    fs.write_text("/d/f", LINES)
    fs.write_text("/d/sub/g", "other\n")
    fs.link("/d/sub/g", "/g")
    fs.symlink("d/f", "/link")


def act_as(fs: FsBase, actor: str, actions: list[Action]) -> int:
    with fs.actor(actor) as span:
        do_all(fs, actions)
    return span


def told(conflicts: list[Conflict]) -> list[tuple[str, str]]:
    return [(conflict.kind.name, conflict.path) for conflict in conflicts]


# --- the last span -------------------------------------------------------------------

SPANS: dict[str, list[Action]] = {
    "content": [replace("2\n", "two\n")],
    "a new file": [do("touch", "/new")],
    "a new tree": [do("mkdir", "/n/m", parents=True), do("touch", "/n/m/f")],
    "a removed file": [do("remove", "/d/f")],
    "a removed tree": [do("remove_tree", "/d")],
    "a rename": [do("rename", "/d", "/e")],
    "a rename over another": [do("rename", "/d/f", "/link")],
    "a file saved by rename": [save("/d/f", "new")],
    "a tree made again": [
        do("remove_tree", "/d"),
        do("mkdir", "/d"),
        do("write_text", "/d/f", "new"),
    ],
    "attributes": [do("chmod", "/d", 0o700), do("setattr", "/g", SetAttr(uid=5))],
    "links": [do("link", "/g", "/h"), do("remove", "/g"), do("remove", "/link")],
    "times": [do("setattr", "/", SetAttr(mtime_ns=-1))],
}


@pytest.mark.parametrize("actions", SPANS.values(), ids=SPANS)
def test_an_undo_of_the_last_span_brings_everything_back_as_it_was(
    fs: FsBase, actions: list[Action]
) -> None:
    """Numbers and times too; and a redo makes it what the span had made of it."""
    make_tree(fs)
    before = look(fs)
    span = act_as(fs, "a", actions)
    after = look(fs)
    undone = fs.undo(span)
    assert undone.conflicts == []
    assert look(fs) == before
    redone = fs.redo(span)
    assert redone.conflicts == []
    assert look(fs) == after
    assert fs.log().spans[-1].undoes == undone.span


# --- an earlier one ------------------------------------------------------------------

KEPT: dict[str, tuple[list[Action], list[Action], list[Action]]] = {
    "what has the name of a new file that is gone": (
        [do("touch", "/new")],
        [do("remove", "/new"), do("touch", "/new")],
        [do("touch", "/new")],
    ),
    "a tree in the place of the one that was removed": (
        [do("remove_tree", "/d/sub"), do("remove", "/d/f")],
        [do("mkdir", "/d/sub"), do("touch", "/d/sub/later")],
        [do("touch", "/d/sub/later")],
    ),
    "other lines": (
        [replace("2\n", "two\n")],
        [replace("8\n", "eight\n")],
        [replace("8\n", "eight\n")],
    ),
    "other lines, both saved by rename": (
        [save("/d/f", LINES.replace("2", "two"))],
        [save("/d/f", LINES.replace("2", "two").replace("8", "eight"))],
        [replace("8\n", "eight\n")],
    ),
    "another name": (
        [replace("2\n", "two\n")],
        [do("rename", "/d", "/e")],
        [do("rename", "/d", "/e")],
    ),
    "another file of a new directory's parent": (
        [do("mkdir", "/d/new")],
        [do("touch", "/d/later")],
        [do("touch", "/d/later")],
    ),
    "another attribute": (
        [do("chmod", "/d/f", 0o600)],
        [do("append", "/d/f", b"10\n")],
        [do("append", "/d/f", b"10\n")],
    ),
    "the same, done again": (
        [do("chmod", "/d/f", 0o600)],
        [do("chmod", "/d/f", 0o644)],
        [],
    ),
    "what was removed, though its directory changed": (
        [do("remove", "/d/f")],
        [do("touch", "/d/later")],
        [do("touch", "/d/later")],
    ),
    "what was removed, though its directory moved": (
        [do("remove", "/d/f")],
        [do("rename", "/d", "/e")],
        [do("rename", "/d", "/e")],
    ),
    "a hard link": (
        [do("link", "/g", "/h")],
        [do("link", "/g", "/later")],
        [do("link", "/g", "/later")],
    ),
}


@pytest.mark.parametrize("case", KEPT.values(), ids=KEPT)
def test_what_came_later_stays(
    fs: FsBase, case: tuple[list[Action], list[Action], list[Action]]
) -> None:
    actions, later, kept = case
    make_tree(fs)
    span = act_as(fs, "a", actions)
    act_as(fs, "b", later)
    assert fs.undo(span).conflicts == []
    fs.check_invariants()
    expected = Fs()
    make_tree(expected)
    do_all(expected, kept)
    assert fs.tree_digest() == expected.tree_digest()


CONFLICTS: dict[str, tuple[list[Action], list[Action], list[tuple[str, str]]]] = {
    "another file has the name": (
        [do("remove", "/d/f")],
        [do("write_text", "/d/f", "later")],
        [("CONTENT", "/d/f")],
    ),
    "another tree has the name": (
        [do("remove_tree", "/d")],
        [
            do("mkdir", "/d/sub", parents=True),
            do("write_text", "/d/f", "later"),
        ],
        [("CONTENT", "/d/f")],
    ),
    "the same line": (
        [replace("2\n", "two\n")],
        [replace("two\n", "zwei\n")],
        [("CONTENT", "/d/f")],
    ),
    "the same mode": (
        [do("chmod", "/d", 0o700)],
        [do("chmod", "/d", 0o500)],
        [("MODE", "/d")],
    ),
    "what is new was changed": (
        [do("touch", "/new")],
        [do("append", "/new", b"x")],
        [("REMOVED_THERE", "/new")],
    ),
    "something is in the new directory": (
        [do("mkdir", "/new")],
        [do("touch", "/new/x")],
        [("REMOVED_THERE", "/new")],
    ),
    "what it moved was moved on": (
        [do("rename", "/d", "/e")],
        [do("rename", "/e", "/f")],
        [("MOVED", "/f")],
    ),
    "what it changed was removed": (
        [replace("2\n", "two\n")],
        [do("remove", "/d/f")],
        [("REMOVED_HERE", "/d/f")],
    ),
    "something else has the name": (
        [do("remove", "/d/f")],
        [do("mkdir", "/d/f")],
        [("NAME", "/d/f")],
    ),
    "the directory of what was removed is gone": (
        [do("remove", "/d/f")],
        [do("remove_tree", "/d")],
        [("REMOVED_HERE", "/d")],
    ),
    "directories would be in each other": (
        [do("rename", "/d/sub", "/sub")],
        [do("rename", "/d", "/sub/d")],
        [("CYCLE", "/sub")],
    ),
    "what was above changed places with what it moved": (
        [do("rename", "/d/sub", "/sub"), do("rename", "/d", "/sub/d")],
        [do("rename", "/sub/d", "/d"), do("rename", "/sub", "/d/below")],
        [("MOVED", "/d/below")],
    ),
}


@pytest.mark.parametrize("case", CONFLICTS.values(), ids=CONFLICTS)
def test_what_was_changed_again_is_a_conflict_and_nothing_is_undone(
    fs: FsBase, case: tuple[list[Action], list[Action], list[tuple[str, str]]]
) -> None:
    actions, later, conflicts = case
    make_tree(fs)
    span = act_as(fs, "a", [*actions, do("write_text", "/a", "of the span")])
    act_as(fs, "b", later)
    before = fs.image_digest()
    undone = fs.undo(span)
    assert undone.span == 0
    assert told(undone.conflicts) == conflicts
    assert fs.image_digest() == before


def test_a_span_that_took_turns_with_another_is_undone_step_by_step(
    fs: FsBase,
) -> None:
    make_tree(fs)
    with fs.actor("a") as span:
        replace("2\n", "two\n")(fs)
        with fs.actor("b"):
            replace("5\n", "five\n")(fs)
        replace("8\n", "eight\n")(fs)
        fs.checkpoint()
        replace("9\n", "nine\n")(fs)
    assert fs.undo(span).conflicts == []
    assert fs.read_text("/d/f") == LINES.replace("5", "five")
    assert fs.redo(span).conflicts == []
    replace("1\n", "one\n")(fs)
    act_as(fs, "c", [replace("two\n", "zwei\n")])
    assert told(fs.undo(span).conflicts) == [("CONTENT", "/d/f")]
    assert "eight" in fs.read_text("/d/f")


def test_an_undo_of_a_removal_gives_the_same_inode_back(fs: FsBase) -> None:
    fs.write_text("/f", LINES)
    with fs.open("/f") as file:
        number = ino_of(fs, "/f")
        span = act_as(fs, "a", [do("remove", "/f")])
        fs.undo(span)
        assert ino_of(fs, "/f") == number
        assert file.stat() == fs.stat("/f")


def test_a_number_that_was_given_again_is_not_mistaken() -> None:
    """A snapshot from elsewhere brings another inode of the same number."""
    fs, other = Fs(clock=ManualClock(1)), Fs(clock=ManualClock(2))
    fs.write_text("/mine", "mine")
    other.write_text("/theirs", "theirs")
    span = act_as(fs, "a", [do("remove", "/mine")])
    fs.load(other.dump())
    assert fs.undo(span).conflicts == []
    fs.touch("/later")
    fs.check_invariants()
    assert fs.read_text("/mine") == "mine"
    assert fs.read_text("/theirs") == "theirs"


# --- whatever spans did --------------------------------------------------------------

STEPS = st.lists(EDITS, min_size=1, max_size=4)


@examples(100)
@given(STEPS, st.integers(0, 3), st.booleans())
def test_any_span_can_be_undone_or_says_why_not(
    steps: list[list[Edit]], which: int, with_checkpoints: bool
) -> None:
    fs = Fs(clock=ManualClock(step_ns=1))
    apply_all(fs, START)
    spans, states = [], [(look(fs), link_groups(fs))]
    for edits in steps:
        with fs.actor("a") as span:
            for edit in edits:
                apply_all(fs, [edit])
                if with_checkpoints:
                    fs.checkpoint()
        spans.append(span)
        states.append((look(fs), link_groups(fs)))
    changed = {span.id for span in fs.log().spans}
    if spans[-1] in changed:
        assert fs.undo(spans[-1]).conflicts == []
        fs.check_invariants()
        assert (look(fs), link_groups(fs)) == states[-2]
        fs.redo(spans[-1])
        assert (look(fs), link_groups(fs)) == states[-1]
    span = spans[which % len(spans)]
    if span in changed:
        undone = fs.undo(span)
        fs.check_invariants()
        if undone.span:
            assert fs.redo(span).conflicts == []
        assert (look(fs), link_groups(fs)) == states[-1]


@examples(60)
@given(STEPS, STEPS)
def test_what_two_actors_did_in_places_of_their_own_is_undone_of_one_alone(
    mine: list[list[Edit]], others: list[list[Edit]]
) -> None:
    """Whatever the order: as if the one had never been."""
    fs, alone = Fs(), Fs()
    for each in (fs, alone):
        each.mkdir("/mine")
        each.mkdir("/others")
        apply_all(each, START)
    spans = []
    for index in range(max(len(mine), len(others))):
        if index < len(mine):
            with fs.actor("mine") as span:
                apply_all(fs, [within("/mine", edit) for edit in mine[index]])
            spans.append(span)
        if index < len(others):
            theirs = [within("/others", edit) for edit in others[index]]
            with fs.actor("others"):
                apply_all(fs, theirs)
            apply_all(alone, theirs)
    changed = {span.id for span in fs.log().spans}
    for span in reversed(spans):
        if span in changed:
            assert fs.undo(span).conflicts == []
    fs.check_invariants()
    assert fs.tree_digest() == alone.tree_digest()


def within(top: str, edit: Edit) -> Edit:
    return edit._replace(path=top + edit.path, other=top + edit.other)


@examples(60)
@given(STEPS)
def test_the_log_tells_what_a_diff_would(steps: list[list[Edit]]) -> None:
    fs = Fs(clock=ManualClock(step_ns=1))
    apply_all(fs, START)
    for edits in steps:
        point = fs.checkpoint()
        with fs.actor("a") as span:
            apply_all(fs, edits)
        changes = [each.changes for each in fs.log().spans if each.id == span]
        assert (changes or [[]]) == [fs.diff(point)]
    fs.log()


def test_the_log_tells_of_what_another_put_into_a_new_directory(fs: FsBase) -> None:
    fs.touch("/f")
    with fs.actor("a") as span:
        fs.mkdir("/new")
        with fs.actor("b"):
            fs.rename("/f", "/new/f")
        fs.append("/new/f", b"x")
    (changes,) = (each.changes for each in fs.log().spans if each.id == span)
    kinds = [(change.kind.name, change.path) for change in changes]
    assert kinds == [("ADDED", "/new"), ("MODIFIED", "/new/f")]


def test_the_log_ends_where_directories_were_moved_into_each_other(
    fs: FsBase,
) -> None:
    """Seen with the span's versions, each of the two is below the other."""
    fs.mkdir("/a")
    fs.mkdir("/b")
    span = act_as(fs, "a", [do("rename", "/a", "/b/a"), do("touch", "/b/a/f")])
    act_as(fs, "b", [do("rename", "/b/a", "/a"), do("rename", "/b", "/a/b")])
    (told_span,) = (each for each in fs.log().spans if each.id == span)
    assert len(told_span.changes) == 2
    assert fs.undo(span).conflicts == []
    assert [path for path, _, _ in fs.walk()] == ["/", "/a", "/a/b"]


def test_the_log_names_what_lay_in_directories_that_are_gone(fs: FsBase) -> None:
    make_tree(fs)
    span = act_as(fs, "a", [do("append", "/d/sub/g", b"x"), do("touch", "/d/sub/h")])
    act_as(fs, "b", [do("remove_tree", "/d")])
    (told_span,) = (each for each in fs.log().spans if each.id == span)
    assert [change.path for change in told_span.changes] == [
        "/d/sub/g",
        "/d/sub/h",
        "/g",
    ]
