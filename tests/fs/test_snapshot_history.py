"""dump(history=True): the checkpoints come along, as changes of each other."""

from collections.abc import Callable
from contextlib import suppress
from itertools import islice

import pytest
from devdev_fs import Fs, FsBase, SnapshotError
from devdev_fs.testing import ManualClock
from hypothesis import given

from tests.fs import reader
from tests.fs.checks import examples
from tests.fs.edits import EDITS, START, Edit, apply_all
from tests.fs.snapshots import END_SIZE, MAGIC, encode

MakeFs = Callable[..., FsBase]


def with_history(make_fs: MakeFs) -> FsBase:
    """A filesystem that has come a way, with three checkpoints."""
    fs = make_fs()
    fs.write_bytes("/f", b"one" * 99)
    fs.checkpoint("one")
    fs.mkdir("/d")
    fs.rename("/f", "/d/f")
    fs.checkpoint("two \udcff")
    fs.append("/d/f", b"more")
    fs.checkpoint("")
    fs.remove("/d/f")
    return fs


def states(fs: FsBase) -> list[tuple[str, int, bytes]]:
    """The checkpoints, and what each holds."""
    found = []
    for kept in fs.checkpoints():
        with fs.fork(kept) as fork:
            fork.check_invariants()
            found.append((kept.label, kept.time_ns, fork.dump()))
    return found


def test_checkpoints_come_back_with_what_they_hold(make_fs: MakeFs) -> None:
    fs = with_history(make_fs)
    before = states(fs)
    assert [label for label, _, _ in before] == ["one", "two \udcff", ""]
    copy = make_fs()
    copy.load(fs.dump(history=True))
    assert copy.dump() == fs.dump()
    assert states(copy) == before
    assert copy.checkpoints() == fs.checkpoints()
    assert copy.dump(history=True) == fs.dump(history=True)


def test_without_history_nothing_is_said_of_it(make_fs: MakeFs) -> None:
    fs = with_history(make_fs)
    copy = make_fs()
    copy.load(fs.dump())
    assert copy.checkpoints() == []


def test_a_history_takes_the_place_of_what_was_there(make_fs: MakeFs) -> None:
    fs, other = with_history(make_fs), make_fs()
    for number in range(9):
        other.checkpoint(f"own {number}")
    with fs.actor("this ends what no actor claims"):
        other.load(fs.dump(history=True))
    assert other.checkpoints() == fs.checkpoints()
    assert other.log() == fs.log()
    other.restore(other.checkpoints()[0])
    assert other.read_bytes("/f") == b"one" * 99


def test_history_is_small_where_little_changed(fs: FsBase) -> None:
    fs.write_bytes("/large", bytes(range(256)) * 8_000)
    for number in range(20):
        fs.checkpoint("")
        fs.write_bytes("/small", b"%d" % number)
    assert len(fs.dump(history=True)) < len(fs.dump()) + 20 * 500


def test_a_change_can_have_a_history_too(make_fs: MakeFs) -> None:
    fs = with_history(make_fs)
    copy = make_fs()
    with fs.fork() as before:
        copy.load(before.dump())
        fs.mkdir("/later")
        fs.checkpoint("later")
        copy.load(fs.dump(since=before, history=True))
    assert copy.dump() == fs.dump()
    assert [kept.label for kept in copy.checkpoints()][-1] == "later"
    assert [state for *_, state in states(copy)] == [state for *_, state in states(fs)]


@examples(40)
@given(one=EDITS, two=EDITS, three=EDITS)
def test_whatever_happened_comes_back(
    one: list[Edit], two: list[Edit], three: list[Edit]
) -> None:
    with Fs(clock=ManualClock(1_000, 1)) as fs, fs.fork() as first, fs.fork() as copy:
        apply_all(first, [*START, *one])
        first.checkpoint("first")
        apply_all(first, two)
        first.checkpoint("second")
        apply_all(first, three)
        snapshot = first.dump(history=True)
        copy.load(snapshot)
        copy.check_invariants()
        assert copy.dump(history=True) == snapshot
        found = reader.read(snapshot)
        with first.fork(first.checkpoints()[0]) as oldest:
            assert found[-1].digest().hex() == oldest.image_digest()


# --- hostile ---------------------------------------------------------------------


def refuse(fs: FsBase, snapshot: bytes, match: str) -> None:
    before = fs.dump(), fs.checkpoints()
    with pytest.raises(SnapshotError, match=match):
        fs.load(snapshot)
    assert (fs.dump(), fs.checkpoints()) == before


def test_every_bit_of_a_history_counts(make_fs: MakeFs) -> None:
    """The labels and times too, which are in no image."""
    fs = with_history(make_fs)
    snapshot = fs.dump(history=True)
    for at in range(len(fs.dump()) - END_SIZE, len(snapshot)):
        wrong = snapshot[:at] + bytes([snapshot[at] ^ 1 << at % 8]) + snapshot[at + 1 :]
        refuse(fs, wrong, "byte")


def test_a_history_that_is_cut_off_anywhere_is_refused(make_fs: MakeFs) -> None:
    fs = with_history(make_fs)
    snapshot = fs.dump(history=True)
    for length in range(len(fs.dump()), len(snapshot), 3):
        refuse(fs, snapshot[:length], "byte")


def rewritten(snapshot: bytes, section: int, field: int, value: object) -> bytes:
    """A history with something else in one header, and the digests that follow."""
    stream = reader.Stream(snapshot)
    body = stream.take(len(MAGIC))
    for number in range(3):
        header = stream.item()
        if number == section:
            header[field] = value
        records = [stream.raw_item()[1] for _ in range(header[8])]
        body += encode(header) + b"".join(records)
        _, end = stream.raw_item()
        # What is wrong already in its header needs no right end.
        with suppress(reader.Wrong, StopIteration):
            sections = reader.sections(body + end, check=False)
            end = next(islice(sections, number, None)).end()
        body += end
    return body + stream.data[stream.at :]


# name: (number of the section, of the field, what to put there, what the error says)
LIES: dict[str, tuple[int, int, object, str]] = {
    "no checkpoint": (1, 9, [], "not what is said of a checkpoint"),
    "checkpoint 0": (1, 9, [0, b"", 5], "not an integer from 1"),
    "a label in text": (1, 9, [1, "", 5], "byte string of up to 1024"),
    "a label of 1025 bytes": (1, 9, [1, b"x" * 1025, 5], "byte string of up to 1024"),
    "a number to come": (1, 9, [9, b"two", 5], "a checkpoint with a number from"),
    "fewer behind it": (1, 10, 0, "not a checkpoint with 1 behind it"),
    "numbers that ascend": (1, 9, [1, b"", 5], "checkpoints out of order"),
    "another base": (1, 6, bytes(32), "does not go on from what is there"),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_history_that_lies_is_refused(
    fs: FsBase, lie: tuple[int, int, object, str]
) -> None:
    fs.mkdir("/d")
    fs.checkpoint("one")
    fs.checkpoint("two")
    snapshot = fs.dump(history=True)
    section, field, value, match = lie
    assert rewritten(snapshot, 0, 0, 3) == snapshot
    refuse(fs, rewritten(snapshot, section, field, value), match)
