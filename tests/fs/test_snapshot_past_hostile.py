"""Histories in snapshots that are not what dump writes: refused, without effect."""

from hashlib import sha256
from typing import Any

import pytest
from devdev_fs import ConflictKind, Errno, Fs, FsBase, FsError, SnapshotError
from hypothesis import given
from hypothesis import strategies as st

from tests.fs.checks import examples
from tests.fs.snapshots import FIFO, Record, directory, encode, image, regular, special
from tests.fs.test_snapshot_hostile import items

F, G, ROOT = regular(2, 9, [0, 1, 0, b"now"]), regular(3), directory(1, {b"f": 2})
WAS = regular(2, 9, [0, 1, 0, b"before"])
LONG = regular(2, 99, [0, 1, 0, b"long ago" * 9])
AT = [1, b"f"]

Told = list[Any]
"""A step and what is behind it: further items of names, and a record."""


def span(number: Any = 1, actor: Any = b"a", time: Any = 5, *rest: Any) -> Told:
    return [[number, actor, time, *(rest or (0, 0))]]


def touch(
    record: Record | None, *, of: Any = 1, ino: Any = 2, links: Any = AT, **more: Any
) -> Told:
    """That a span touched an inode that was this."""
    digest = b"" if record is None else record.digest()
    digest = more.get("digest", digest)
    behind = [] if record is None or more.get("is_known") else [record]
    return [[of, ino, digest, [] if record is None and links is AT else links], *behind]


def past(*steps: Told, count: Any = None, **about: Any) -> bytes:
    """A sealed snapshot of a file with such a history."""
    numbers = [about.get("next_number", 50), about.get("dropped", 0)]
    counted = len(steps) if count is None else count
    body = image(ROOT, F, about=[*numbers, counted])
    told = sha256()
    for step in steps:
        for part in step:
            if isinstance(part, Record):
                body += part.encoded()
            else:
                told.update(encode(part))
                body += encode(part)
    return body + encode([told.digest()])


GOOD = [
    span(),
    touch(WAS),
    span(3, b"", -7, 1, 1),
    touch(LONG, of=3),
    touch(WAS, of=1, links=[1, b"f", 1, b"g"], is_known=True),
    touch(None, of=3, ino=7),
    touch(F, of=0, is_known=True),
]
HOSTILE: dict[str, tuple[bytes, str]] = {
    "a step that is a number": (past([7]), "not a step: an array"),
    "a step of two": (past([[1, 2]]), "not a step: 1 fields"),
    "a checkpoint that is none": (past([[1]]), "checkpoint that is not the next"),
    "fewer steps": (past(*GOOD, count=8), "not a step: 1 fields|checkpoint that is"),
    "more steps": (past(*GOOD, count=6), "the digest is not that of the history"),
    "another end": (past(*GOOD)[:-1] + b"x", "the digest is not that of the history"),
    "bytes behind": (past(*GOOD) + b"x", "follow the end"),
    "span 0": (past(span(0), touch(WAS, of=0)), "not an integer from 1"),
    "a span to come": (past(span(50), touch(WAS, of=50)), "integer from 1 to 49"),
    "a span twice": (past(span(), touch(WAS), span(), touch(WAS)), "number 1 twice"),
    "an actor in text": (past(span(1, "a"), touch(WAS)), "byte string of up to 1024"),
    "a long actor": (past(span(1, b"x" * 1025), touch(WAS)), "up to 1024"),
    "a time beyond 64 bits": (past(span(1, b"", 2**63), touch(WAS)), "integer from -"),
    "a span that is half partial": (past(span(1, b"", 5, 2, 0)), "from 0 to 1"),
    "a span that undoes itself": (past(span(1, b"", 5, 0, 1)), "from 0 to 0"),
    "a span that only begins": (past(span()), "the history ends too early"),
    "a span before another": (past(span(), span(2)), "span 1 begins without a change"),
    "a span that another begins": (
        past(span(), touch(WAS), span(2), touch(WAS, is_known=True)),
        "span 2 begins without a change",
    ),
    "a span that did not begin": (past(touch(WAS)), "span 1 has not begun"),
    "nobody to know": (past(touch(WAS, of=0)), "nothing is to know what became"),
    "inode 0": (past(span(), touch(WAS, ino=0)), "not an integer from 1"),
    "a long digest": (past(span(), touch(WAS, digest=b"x" * 33)), "up to 32"),
    "a digest in text": (past(span(), touch(WAS, digest="x")), "byte string"),
    "another version": (
        past(span(), touch(WAS, digest=b"x" * 32)),
        "not what inode 2 was",
    ),
    "another inode": (past(span(), touch(G)), "not what inode 2 was"),
    "a known version of another inode": (
        past(span(), touch(WAS), touch(WAS, ino=3, is_known=True)),
        "what inode 3 was, of inode 2",
    ),
    "a known version once more": (past(span(), touch(F)), "not a|the digest"),
    "no version": (past(span(), touch(WAS, is_known=True)), "not an inode"),
    "the root was made": (past(span(), touch(None, ino=1)), "made, and there before"),
    "what was made has a name": (
        past(span(), touch(None, links=[1, b"f"])),
        "made, and there before",
    ),
    "a file without a name": (past(span(), touch(WAS, links=[])), "with 0 names"),
    "the root with a name": (
        past(span(), touch(ROOT, ino=1, is_known=True)),
        "inode 1 with 1 names",
    ),
    "a root that is a pipe": (
        past(span(), touch(special(1, FIFO), ino=1, links=[])),
        "inode 1 with 0 names",
    ),
    "a directory with two names": (
        past(span(), touch(directory(4, {}), ino=4, links=[1, b"a", 1, b"b"])),
        "directory 4 with 2 names",
    ),
    "names that are a number": (past(span(), touch(WAS, links=1)), "an array is"),
    "half a name": (past(span(), touch(WAS, links=[1])), "an array of 1"),
    "a name in directory 0": (past(span(), touch(WAS, links=[0, b"f"])), "from 1 to"),
    "no name": (past(span(), touch(WAS, links=[1, b""])), "not a name"),
    "a name with a slash": (past(span(), touch(WAS, links=[1, b"a/b"])), "not a name"),
    "names out of order": (
        past(span(), touch(WAS, links=[1, b"f", 1, b"e"])),
        "names of inode 2 out of order",
    ),
    "more than 1024 names in an item": (
        past(span(), touch(WAS, links=[x for n in range(1025) for x in (n + 1, b"f")])),
        "an array of 2050",
    ),
    "too many names": (
        past(
            span(),
            [
                [1, 2, WAS.digest(), [x for n in range(1024) for x in (n + 1, b"f")]],
                *(
                    [x for n in range(1024) for x in (at * 1024 + n + 1, b"f")]
                    for at in range(1, 64)
                ),
                WAS,
            ],
        ),
        "inode 2 with 65536 names",
    ),
}
HOSTILE["no names behind many"] = (
    past(
        span(),
        [
            [1, 2, WAS.digest(), [x for n in range(1024) for x in (n + 1, b"f")]],
            WAS,
        ],
    ),
    "byte string of up to|an array of",
)


def test_a_history_of_this_making_is_good_where_it_does_not_lie(fs: FsBase) -> None:
    for good in (past(), past(*GOOD), past(dropped=7, next_number=1)):
        fs.load(good)
        assert fs.dump(history=True) == good
        fs.log()


@pytest.mark.parametrize(("snapshot", "match"), HOSTILE.values(), ids=HOSTILE)
def test_a_history_that_lies_is_refused(snapshot: bytes, match: str) -> None:
    fs = Fs()
    with fs.actor("own"):
        fs.write_text("/precious", "content")
    before = fs.dump(history=True), fs.log()
    with pytest.raises(SnapshotError, match=match) as caught:
        fs.load(snapshot)
    assert len(str(caught.value)) < 500
    assert (fs.dump(history=True), fs.log()) == before
    fs.check_invariants()


def test_every_bit_of_the_steps_counts() -> None:
    fs, snapshot = Fs(), past(*GOOD)
    for at in range(len(image(ROOT, F)), len(snapshot)):
        wrong = snapshot[:at] + bytes([snapshot[at] ^ 1 << at % 8]) + snapshot[at + 1 :]
        with pytest.raises(SnapshotError):
            fs.load(wrong)
        with pytest.raises(SnapshotError):
            fs.load(snapshot[:at])
    assert fs.log().spans == []


def test_names_that_fill_an_item_are_followed_by_another() -> None:
    fs = Fs()
    fs.write_bytes("/0", b"x")
    for number in range(1, 1_024):
        fs.link("/0", f"/{number}")
    with fs.actor("a") as one:
        fs.link("/0", "/d")
    with fs.actor("b"):
        fs.append("/0", b"y")
    copy = Fs()
    copy.load(fs.dump(history=True))
    assert copy.dump(history=True) == fs.dump(history=True)
    assert copy.log() == fs.log()
    assert copy.undo(one).conflicts == []
    copy.check_invariants()


@examples(300)
@given(data=st.data())
def test_whatever_is_put_into_a_step_is_refused_or_as_dumped(
    data: st.DataObject,
) -> None:
    """And if it is taken, nothing that is undone breaks the tree."""
    steps: list[Told] = [[step[0].copy(), *step[1:]] for step in GOOD]
    for _ in range(data.draw(st.integers(1, 3))):
        part: Any = steps[data.draw(st.integers(0, len(steps) - 1))][0]
        part[data.draw(st.integers(0, len(part) - 1))] = data.draw(
            items | st.sampled_from([[7, b"x"], [2, b"f"], [1, b"f", 2, b"x"], []])
        )
    snapshot = past(*steps)
    fs = Fs()
    try:
        fs.load(snapshot)
    except SnapshotError:
        assert fs.log().spans == []
        return
    assert fs.dump(history=True) == snapshot
    for span in fs.log().spans:
        try:
            fs.undo(span.id)
        except FsError:
            continue
        fs.check_invariants()


@pytest.mark.parametrize(
    "was",
    [
        touch(directory(4, {}), ino=4, links=[2, b"below a file"]),
        touch(regular(4), ino=4, links=[2, b"below a file"]),
    ],
    ids=["directory", "file"],
)
def test_what_never_was_a_tree_is_not_gone_back_to(was: Told) -> None:
    fs = Fs()
    fs.load(past(span(), was))
    before = fs.dump(history=True)
    with pytest.raises(FsError, match="leads nowhere: inode 4 has no name") as caught:
        fs.undo(1)
    assert caught.value.errno == Errno.EIO
    assert fs.dump(history=True) == before
    fs.check_invariants()


def test_what_was_in_itself_is_a_conflict() -> None:
    fs = Fs()
    fs.load(past(span(), touch(directory(4, {}), ino=4, links=[4, b"itself"])))
    assert [each.kind for each in fs.undo(1).conflicts] == [ConflictKind.CYCLE]
