"""Checkpoints, spans, the log, and what history costs and drops."""

from collections.abc import Callable

import pytest
from devdev_fs import (
    Difference,
    DifferenceKind,
    Errno,
    Fs,
    FsBase,
    FsError,
    SetAttr,
    Span,
)
from devdev_fs.testing import ManualClock

from tests.fs.checks import ino_of, refused

MakeFs = Callable[..., FsBase]


def told(span: Span) -> list[tuple[str, str]]:
    """A span's changes: the kind's name, and the path."""
    return [(change.kind.name, change.path) for change in span.changes]


def spans_of(fs: FsBase, actor: str) -> list[Span]:
    return [span for span in fs.log().spans if span.actor == actor]


# --- checkpoints -----------------------------------------------------------------


def test_a_restore_brings_back_everything_as_it_was(fs: FsBase) -> None:
    fs.mkdir("/d")
    fs.write_bytes("/d/f", b"before")
    fs.symlink("f", "/d/link")
    before = fs.tree_digest()
    stat = fs.lstat("/d/f")
    point = fs.checkpoint("start")

    fs.write_bytes("/d/f", b"after, and longer")
    fs.remove("/d/link")
    fs.rename("/d", "/e")
    fs.write_bytes("/new", b"x" * 10_000)
    assert fs.restore(point)

    assert fs.tree_digest() == before
    assert fs.lstat("/d/f") == stat, "times and the number too"
    assert fs.read_bytes("/d/f") == b"before"
    assert not fs.exists("/new")
    assert fs.bytes_used == 4096


def test_a_restore_of_what_has_come_back_by_itself_changes_nothing(
    make_fs: MakeFs,
) -> None:
    """Another version of the inode that is the same in all respects, times too."""
    fs = make_fs(clock=ManualClock(1))
    fs.write_bytes("/f", b"x")
    point = fs.checkpoint()
    fs.write_bytes("/f", b"y")
    fs.write_bytes("/f", b"x")
    assert fs.restore(point) == 0


def test_a_restore_of_what_is_there_changes_nothing(fs: FsBase) -> None:
    fs.write_bytes("/f", b"x")
    point = fs.checkpoint()
    before = fs.image_digest()
    assert fs.restore(point) == 0
    assert fs.image_digest() == before


def test_a_restore_can_be_undone_and_redone(fs: FsBase) -> None:
    fs.write_bytes("/f", b"one")
    point = fs.checkpoint()
    fs.write_bytes("/f", b"two")
    fs.write_bytes("/g", b"new")
    span = fs.restore(point)
    assert fs.read_bytes("/f") == b"one"

    assert fs.undo(span).conflicts == []
    assert fs.read_bytes("/f") == b"two"
    assert fs.read_bytes("/g") == b"new"

    assert fs.redo(span).conflicts == []
    assert fs.read_bytes("/f") == b"one"
    assert not fs.exists("/g")


def test_single_paths_can_be_restored(fs: FsBase) -> None:
    fs.mkdir("/d/sub", parents=True)
    fs.write_bytes("/d/f", b"f")
    fs.write_bytes("/d/sub/g", b"g")
    fs.write_bytes("/other", b"other")
    point = fs.checkpoint()
    fs.remove_tree("/d")
    fs.write_bytes("/other", b"changed")

    fs.restore(point, ["/d/sub"])

    assert fs.walk("/d") == [("/d", ["sub"], []), ("/d/sub", [], ["g"])]
    assert fs.read_bytes("/d/sub/g") == b"g"
    assert fs.read_bytes("/other") == b"changed"


def test_an_open_file_is_on_the_restored_inode(fs: FsBase) -> None:
    fs.write_bytes("/f", b"before")
    point = fs.checkpoint()
    with fs.open("/f", "r+") as file:
        file.write(b"AFTER.")
        fs.restore(point)
        file.seek(0)
        assert file.read() == b"before"
        file.seek(0)
        file.write(b"again!")
        assert fs.read_bytes("/f") == b"again!"


def test_a_file_made_after_the_point_stays_readable_while_open(fs: FsBase) -> None:
    point = fs.checkpoint()
    fs.write_bytes("/f", b"new")
    with fs.open("/f") as file:
        fs.restore(point)
        assert not fs.exists("/f")
        assert file.read() == b"new"
    assert fs.bytes_used == 0


def test_a_number_is_not_given_again_after_a_restore(fs: FsBase) -> None:
    point = fs.checkpoint()
    fs.write_bytes("/f", b"")
    first = ino_of(fs, "/f")
    fs.restore(point)
    fs.write_bytes("/f", b"")
    assert ino_of(fs, "/f") > first


def test_checkpoints_are_listed_with_their_labels(make_fs: MakeFs) -> None:
    fs = make_fs(clock=ManualClock(time_ns=500))
    first = fs.checkpoint("first")
    fs.write_bytes("/f", b"")
    second = fs.checkpoint()
    assert fs.checkpoints() == [first, second]
    assert (first.label, first.time_ns, second.label) == ("first", 500, "")
    assert first.id < second.id

    fs.drop_checkpoint(first)
    assert fs.checkpoints() == [second]
    with refused(fs, Errno.ESTALE):
        fs.restore(first)
    with refused(fs, Errno.ESTALE):
        fs.drop_checkpoint(first)
    with refused(fs, Errno.ENOENT):
        fs.restore(second.id + 100)


def test_a_span_is_no_checkpoint_and_a_checkpoint_no_span(fs: FsBase) -> None:
    point = fs.checkpoint()
    with fs.actor("a") as span:
        fs.write_bytes("/f", b"")
    with refused(fs, Errno.ENOENT):
        fs.restore(span)
    with refused(fs, Errno.ENOENT):
        fs.undo(point.id)


# --- spans -----------------------------------------------------------------------


def test_the_log_says_who_changed_what(fs: FsBase) -> None:
    with fs.actor("alice") as first:
        fs.mkdir("/d")
        fs.write_bytes("/d/f", b"1")
    with fs.actor("bob") as second:
        fs.write_bytes("/d/f", b"22")
        fs.rename("/d/f", "/d/g")
        fs.setattr("/d", SetAttr(mode=0o700))
    fs.write_bytes("/mine", b"")

    spans = fs.log(after=first - 1).spans
    assert [(span.id, span.actor) for span in spans[:2]] == [
        (first, "alice"),
        (second, "bob"),
    ]
    assert told(spans[0]) == [("ADDED", "/d"), ("ADDED", "/d/f")]
    assert told(spans[1]) == [
        ("MODE", "/d"),
        ("MODIFIED", "/d/g"),
        ("RENAMED", "/d/g"),
    ]
    assert spans[2].actor == ""
    assert told(spans[2]) == [("ADDED", "/mine")]


def test_the_log_can_be_asked_for_its_end(fs: FsBase) -> None:
    numbers = []
    for name in "abc":
        with fs.actor(name) as span:
            fs.write_bytes(f"/{name}", b"")
        numbers.append(span)
    assert [span.id for span in fs.log(limit=2).spans] == numbers[1:]
    assert [span.id for span in fs.log(after=numbers[1]).spans] == numbers[2:]


def test_a_span_without_changes_is_not_in_the_log(fs: FsBase) -> None:
    fs.write_bytes("/f", b"x")
    with fs.actor("reader") as span:
        fs.read_bytes("/f")
        fs.stat("/f")
        with pytest.raises(FileExistsError):
            fs.mkdir("/f")
    assert span not in [each.id for each in fs.log().spans]


def test_spans_may_be_within_spans(fs: FsBase) -> None:
    with fs.actor("outer"):
        fs.write_bytes("/a", b"")
        with fs.actor("inner"):
            fs.write_bytes("/b", b"")
        fs.write_bytes("/c", b"")
    (outer,), (inner,) = spans_of(fs, "outer"), spans_of(fs, "inner")
    assert told(outer) == [("ADDED", "/a"), ("ADDED", "/c")]
    assert told(inner) == [("ADDED", "/b")]


def test_another_thread_can_act_for_an_open_span(fs: FsBase) -> None:
    with fs.actor("one") as span:
        pass
    with fs.actor("two") as other:
        with fs.acting_for(span):
            fs.write_bytes("/nobodys", b"")
        with fs.acting_for(other):
            fs.write_bytes("/twos", b"")
    assert told(*spans_of(fs, "two")) == [("ADDED", "/twos")]
    assert spans_of(fs, "one") == []


def test_an_open_span_is_told_as_such_and_cannot_be_undone(fs: FsBase) -> None:
    with fs.actor("a") as span:
        fs.write_bytes("/f", b"")
        (entry,) = spans_of(fs, "a")
        assert entry.is_open
        with refused(fs, Errno.EBUSY):
            fs.undo(span)
    (entry,) = spans_of(fs, "a")
    assert not entry.is_open


def test_spans_that_interleave_keep_their_own_changes(fs: FsBase) -> None:
    fs.write_bytes("/shared", b"0")
    with fs.actor("a") as a:
        fs.write_bytes("/shared", b"a")
        with fs.actor("b") as b:
            fs.write_bytes("/bs", b"b")
            with fs.acting_for(a):
                fs.write_bytes("/as", b"a")
            fs.write_bytes("/bs", b"bb")
    assert fs.undo(a).conflicts == []
    assert fs.read_bytes("/shared") == b"0"
    assert not fs.exists("/as")
    assert fs.read_bytes("/bs") == b"bb"
    assert fs.undo(b).conflicts == []
    assert fs.listdir() == ["shared"]


# --- undo ------------------------------------------------------------------------


def test_an_undo_takes_back_one_span_and_keeps_later_ones(fs: FsBase) -> None:
    fs.write_bytes("/f", b"1")
    with fs.actor("a") as a:
        fs.write_bytes("/f", b"2")
        fs.write_bytes("/new", b"")
    with fs.actor("b"):
        fs.write_bytes("/later", b"")
    done = fs.undo(a)
    assert done.conflicts == []
    assert fs.read_bytes("/f") == b"1"
    assert fs.listdir() == ["f", "later"]
    assert fs.log().spans[-1].undoes == a
    assert fs.log().spans[-1].id == done.span


def test_a_conflict_is_data_and_nothing_is_half_done(fs: FsBase) -> None:
    fs.write_bytes("/f", b"1\n")
    fs.write_bytes("/g", b"1\n")
    with fs.actor("a") as a:
        fs.write_bytes("/f", b"2\n")
        fs.write_bytes("/g", b"2\n")
    with fs.actor("b"):
        fs.write_bytes("/f", b"3\n")
    before = fs.image_digest()
    done = fs.undo(a)
    assert done.span == 0
    assert [conflict.path for conflict in done.conflicts] == ["/f"]
    assert fs.image_digest() == before


def test_undone_is_not_undone_again_nor_redone_twice(fs: FsBase) -> None:
    with fs.actor("a") as a:
        fs.write_bytes("/f", b"x")
    with refused(fs, Errno.EINVAL):
        fs.redo(a)
    fs.undo(a)
    assert not fs.exists("/f")
    with refused(fs, Errno.EINVAL):
        fs.undo(a)
    fs.redo(a)
    assert fs.read_bytes("/f") == b"x"
    with refused(fs, Errno.EINVAL):
        fs.redo(a)
    fs.undo(a)
    assert not fs.exists("/f")


def test_an_undo_belongs_to_the_actor_that_asks_for_it(fs: FsBase) -> None:
    with fs.actor("a") as a:
        fs.write_bytes("/f", b"x")
    with fs.actor("b"):
        done = fs.undo(a)
    assert [span.actor for span in fs.log().spans if span.id == done.span] == ["b"]


def test_what_was_removed_while_open_is_back_for_whoever_has_it_open(
    fs: FsBase,
) -> None:
    fs.write_bytes("/f", b"x")
    with fs.open("/f", "r+") as file:
        with fs.actor("a") as a:
            fs.remove("/f")
        fs.undo(a)
        file.write(b"y")
        assert fs.read_bytes("/f") == b"y"


def test_loading_a_snapshot_can_be_undone(fs: FsBase, make_fs: MakeFs) -> None:
    other = make_fs()
    other.write_bytes("/theirs", b"")
    fs.write_bytes("/mine", b"x")
    point = fs.checkpoint()
    fs.load(other.dump())
    assert fs.listdir() == ["theirs"]
    fs.undo(fs.log().spans[-1].id)
    assert fs.listdir() == ["mine"]
    fs.load(other.dump())
    fs.restore(point)
    assert fs.read_bytes("/mine") == b"x"


# --- bounds ----------------------------------------------------------------------


def test_history_is_dropped_oldest_first_and_says_so(fs: FsBase) -> None:
    fs.write_bytes("/f", b"0")
    dropped = fs.log().dropped
    fs.set_history_limits(max_entries=3)
    numbers = []
    for content in (b"1", b"2", b"3", b"4", b"5"):
        with fs.actor("a") as span:
            fs.write_bytes("/f", content)
        numbers.append(span)
    log = fs.log()
    assert [span.id for span in log.spans] == numbers[-3:]
    assert log.dropped >= dropped + 2
    with refused(fs, Errno.ESTALE):
        fs.undo(numbers[0])
    fs.undo(numbers[-1])
    assert fs.read_bytes("/f") == b"4"


def test_history_is_bounded_by_what_it_holds(fs: FsBase) -> None:
    fs.set_history_limits(max_bytes=1024 * 1024)
    point = fs.checkpoint()
    for round_ in range(40):
        with fs.actor("a"):
            fs.write_bytes("/f", bytes([round_ + 1]) * 100_000)
    log = fs.log()
    assert 2 <= len(log.spans) < 12
    assert log.dropped > 0
    with refused(fs, Errno.ESTALE):
        fs.restore(point)


def test_history_never_makes_a_write_fail(make_fs: MakeFs) -> None:
    fs = make_fs(max_bytes=64 * 4096)
    fs.checkpoint()
    for round_ in range(20):
        with fs.actor("a"):
            fs.write_bytes("/f", bytes([round_ + 1]) * 64 * 4096)
    assert fs.bytes_used == 64 * 4096


def test_a_span_that_lost_its_beginning_says_so(fs: FsBase) -> None:
    fs.write_bytes("/f", b"0")
    with fs.actor("long") as span:
        fs.write_bytes("/f", b"1")
        fs.set_history_limits(max_bytes=0)
        fs.set_history_limits(max_bytes=10**6)
        fs.write_bytes("/g", b"2")
    entry = spans_of(fs, "long")[-1]
    assert entry.is_partial
    assert told(entry) == [("ADDED", "/g")]
    with refused(fs, Errno.ESTALE):
        fs.undo(span)


@pytest.mark.parametrize("limit", [-1, 2**63])
def test_a_limit_that_is_none_is_refused(fs: FsBase, limit: int) -> None:
    with refused(fs, Errno.EINVAL):
        fs.set_history_limits(max_bytes=limit)
    with refused(fs, Errno.EINVAL):
        fs.set_history_limits(max_entries=limit)


def test_without_history_nothing_is_kept(fs: FsBase) -> None:
    fs.set_history_limits(max_entries=0)
    with fs.actor("a") as span:
        fs.write_bytes("/f", b"")
    assert fs.log().spans == []
    with pytest.raises(FsError):
        fs.undo(span)


def test_a_checkpoint_does_not_copy() -> None:
    """What is kept is shared: 200 checkpoints of 64 MiB take no 64 MiB."""
    import tracemalloc

    fs = Fs()
    fs.write_bytes("/big", b"x" * 64 * 1024**2)
    tracemalloc.start()
    for number in range(200):
        fs.checkpoint(str(number))
        fs.write_bytes("/small", str(number).encode())
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 8 * 1024**2


def test_differences_between_checkpoints(fs: FsBase) -> None:
    fs.write_bytes("/f", b"1")
    first = fs.checkpoint()
    fs.write_bytes("/f", b"2")
    second = fs.checkpoint()
    fs.remove("/f")
    f = fs.diff(first, second)[0].ino
    assert fs.diff(first, second) == [
        Difference(DifferenceKind.MODIFIED, "/f", "", f),
    ]
    assert fs.diff(second) == [Difference(DifferenceKind.REMOVED, "/f", "", f)]
    assert fs.diff(None, first) == [Difference(DifferenceKind.ADDED, "/f", "", f)]


def test_a_label_and_a_name_are_short(fs: FsBase) -> None:
    fs.checkpoint("x" * 1024)
    with refused(fs, Errno.EINVAL):
        fs.checkpoint("x" * 1025)
    with refused(fs, Errno.EINVAL), fs.actor("\u00e9" * 513):
        raise AssertionError("never")


def test_acting_for_a_span_that_never_was_is_acting_for_nobody() -> None:
    fs = Fs()
    with fs.acting_for(99):
        fs.mkdir("/d")
    assert fs.log().spans == []


def test_the_log_tells_of_a_file_whose_directory_came_and_went(fs: FsBase) -> None:
    with fs.actor("a") as a, fs.actor("b"):
        fs.mkdir("/d")
        fs.write_bytes("/d/f", b"")
        with fs.acting_for(a):
            fs.chmod("/d/f", 0o600)
        fs.remove_tree("/d")
    (entry,) = spans_of(fs, "a")
    assert [change.kind for change in entry.changes] == [DifferenceKind.MODE]
    assert entry.changes[0].path.endswith("/f")
