"""The history in a snapshot: a copy knows, and can take back, what the original can."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import NamedTuple

import pytest
from devdev_fs import Errno, Fs, FsBase, FsError
from devdev_fs.testing import ManualClock
from hypothesis import given
from hypothesis import strategies as st

from tests.fs import reader
from tests.fs.checks import examples
from tests.fs.edits import EDITS, START, Edit, apply_all

MakeFs = Callable[..., FsBase]


class Scene(NamedTuple):
    """What somebody does before what comes next."""

    what: str
    edits: list[Edit]
    number: int


VERBS = (
    "span", "span", "nobody", "open", "close", "checkpoint", "drop",
    "restore", "undo", "redo", "load", "limit",
)  # fmt: skip
SCENES = st.lists(
    st.builds(Scene, st.sampled_from(VERBS), EDITS, st.integers(0, 9)),
    min_size=1,
    max_size=9,
)


def act(fs: Fs, scenes: Sequence[Scene], spans: ExitStack) -> None:
    """Play the scenes; `spans` has what is still open then."""
    for what, edits, number in scenes:
        points = fs.checkpoints()
        known = [span.id for span in fs.log().spans]
        with suppress(FsError):
            if what == "span":
                with fs.actor("one"):
                    apply_all(fs, edits)
            elif what == "nobody":
                apply_all(fs, edits)
            elif what == "open":
                spans.enter_context(fs.actor("two"))
                apply_all(fs, edits)
            elif what == "close":
                spans.close()
            elif what == "checkpoint":
                fs.checkpoint(f"{number}")
                apply_all(fs, edits)
            elif what == "drop" and points:
                fs.drop_checkpoint(points[number % len(points)])
            elif what == "restore" and points:
                fs.restore(points[number % len(points)])
            elif what == "undo" and known:
                fs.undo(known[number % len(known)])
            elif what == "redo" and known:
                fs.redo(known[number % len(known)])
            elif what == "load" and points:
                fs.load(fs.fork(points[number % len(points)]).dump())
            elif what == "limit":
                fs.set_history_limits(max_entries=number)
                fs.set_history_limits(max_entries=100)


def told(fs: FsBase) -> object:
    """The log and the checkpoints; spans that are open as if they had ended."""
    log = fs.log()
    spans = [span._replace(is_open=False) for span in log.spans]
    with fs.actor("next") as following:
        pass
    return spans, log.dropped, fs.checkpoints(), following


@examples(60)
@given(scenes=SCENES)
def test_a_copy_has_the_same_past_and_the_same_ways_back(scenes: list[Scene]) -> None:
    clock = ManualClock(1_000, 1)
    fs, spans = Fs(clock=clock), ExitStack()
    with spans:
        apply_all(fs, START)
        act(fs, scenes, spans)
        snapshot = fs.dump(history=True)
        copy = Fs(clock=ManualClock(9_000, 1))
        copy.load(snapshot)
        copy.check_invariants()
        assert copy.dump(history=True) == snapshot
        assert fs.dump(history=True) == snapshot
        assert told(copy) == told(fs)
    points = [each.id for each in fs.checkpoints()]
    for point in points:
        assert copy.diff(point) == fs.diff(point)
    for span in fs.log().spans:
        for way in (Fs.undo, Fs.redo):
            clock.step_ns, clock.time_ns = 0, clock.time_ns + 1
            twin = Fs(clock=ManualClock(clock.time_ns))
            twin.load(fs.dump(history=True))
            assert went(twin, way, span.id) == went(fs, way, span.id)
            assert twin.dump(history=True) == fs.dump(history=True)
            twin.check_invariants()


def went(fs: Fs, way: Callable[[Fs, int], object], span: int) -> object:
    try:
        return way(fs, span)
    except FsError as error:
        return error.errno, str(error)


def test_a_span_that_is_open_here_has_ended_in_the_copy(make_fs: MakeFs) -> None:
    fs, copy = make_fs(), make_fs()
    with fs.actor("a") as span:
        fs.write_text("/f", "one")
        copy.load(fs.dump(history=True))
        fs.write_text("/g", "two")
        assert [each.is_open for each in fs.log().spans] == [True]
    assert [each.is_open for each in copy.log().spans] == [False]
    assert copy.undo(span).conflicts == []
    assert copy.listdir() == []


def test_a_span_that_is_open_where_a_history_is_loaded_ends(make_fs: MakeFs) -> None:
    """What comes then is no actor's: the numbers mean other spans now."""
    fs, other = make_fs(), make_fs()
    with fs.actor("theirs"):
        fs.write_text("/f", "one")
    with other.actor("outer"), other.actor("inner") as inner:
        other.load(fs.dump(history=True))
        other.write_text("/g", "two")
    with other.actor("next") as following:
        other.write_text("/h", "three")
    assert following > inner
    assert [each.actor for each in other.log().spans] == ["theirs", "", "next"]


def test_what_the_limits_have_no_room_for_is_dropped(make_fs: MakeFs) -> None:
    fs, copy = make_fs(), make_fs()
    for number in range(5):
        with fs.actor("a"):
            fs.write_text("/f", f"{number}")
    copy.set_history_limits(max_entries=2)
    copy.load(fs.dump(history=True))
    assert copy.log() == (fs.log().spans[3:], 3)


def test_an_old_span_that_did_not_come_along_is_told_so() -> None:
    fs, copy = Fs(), Fs()
    with fs.actor("a") as span:
        fs.write_text("/f", "one")
    copy.load(fs.dump())
    with pytest.raises(FsError, match="known if dump wrote the history") as caught:
        copy.undo(span)
    assert caught.value.errno == Errno.ENOENT


def test_a_change_can_bring_all_of_the_history(make_fs: MakeFs) -> None:
    fs, copy = make_fs(), make_fs()
    fs.mkdir("/large")
    for number in range(600):
        fs.write_bytes(f"/large/{number}", b"")
    fs.write_bytes("/f", b"x" * 99)
    with fs.fork() as before:
        copy.load(before.dump())
        with fs.actor("a") as span:
            fs.write_bytes("/f", b"y" * 99)
            fs.remove("/large/7")
        with fs.actor("b"):
            fs.write_bytes("/f", b"x" * 99)
            fs.write_bytes("/large/7", b"")
        snapshot = fs.dump(since=before, history=True)
    copy.load(snapshot)
    assert copy.dump(history=True) == fs.dump(history=True)
    assert copy.log() == fs.log()
    assert copy.undo(span)._replace(span=0) == fs.undo(span)._replace(span=0)


def test_a_name_in_a_large_directory_costs_a_bucket() -> None:
    fs = Fs()
    fs.mkdir("/large")
    for number in range(9_000):
        fs.symlink("x", f"/large/some-file-{number}")
    whole = len(fs.dump())
    for number in range(4):
        with fs.actor("a"):
            fs.symlink("x", f"/large/another-{number}")
        fs.checkpoint()
    snapshot = fs.dump(history=True)
    assert len(snapshot) < whole + 8 * (9_000 // 256 * 40 + 256 * 34 + 1_000)
    copy = Fs()
    copy.load(snapshot)
    assert copy.dump(history=True) == snapshot
    read = reader.read(snapshot)
    assert [step.fields[0] for step in read[0].steps if len(step.fields) == 1]
    (before, *_) = (step.before for step in read[0].steps if step.before)
    assert len(before.names) == 9_000


def test_undoing_many_times_in_a_row_ends(fs: FsBase) -> None:
    with fs.actor("a") as span:
        fs.write_text("/f", "one")
    for _ in range(1_200):
        span = fs.undo(span).span
    with pytest.raises(FsError, match="is not undone"):
        fs.redo(span)
