"""Snapshots that are not what dump writes: refused, in bounded time, without effect."""

import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from devdev_fs import Fs, FsBase, SnapshotError
from hypothesis import given
from hypothesis import strategies as st

from tests.fs.checks import examples, used_inodes
from tests.fs.hostile import BODY, GOOD, HOSTILE, LONG_DATA, ROOT, one_entry
from tests.fs.snapshots import (
    DIRECTORY,
    FIFO,
    MAGIC,
    PAGE,
    REGULAR,
    directory,
    encode,
    image,
    regular,
    seal,
)


def refuse(fs: FsBase, snapshot: bytes, match: str = "byte") -> None:
    """Have it refused while a file is open; nothing may have changed."""
    fs.write_bytes("/precious", b"content")
    with fs.open("/precious", "r+") as file:
        before = fs.dump()
        with pytest.raises(SnapshotError, match=match) as caught:
            fs.load(snapshot)
        assert len(str(caught.value)) < 500
        assert fs.dump() == before
        file.write(b"C")
        assert file.stat().nlink == 1
    assert fs.read_bytes("/precious") == b"Content"
    fs.check_invariants()


def test_a_snapshot_of_this_making_is_good_where_it_does_not_lie(fs: FsBase) -> None:
    for good in (GOOD, image(ROOT), one_entry(b"a", 2)):
        fs.load(good)
        assert fs.dump() == good
        fs.check_invariants()


@pytest.mark.parametrize(("snapshot", "match"), HOSTILE.values(), ids=HOSTILE)
def test_a_snapshot_that_lies_is_refused_and_changes_nothing(
    fs: FsBase, snapshot: bytes, match: str
) -> None:
    refuse(fs, snapshot, match)


def test_a_snapshot_cut_off_anywhere_is_refused(fs: FsBase) -> None:
    before = fs.dump()
    for length in range(len(GOOD)):
        with pytest.raises(SnapshotError):
            fs.load(GOOD[:length])
    assert fs.dump() == before


def flipped(data: bytes) -> Iterator[bytes]:
    """Every way to have one bit wrong."""
    for at in range(len(data)):
        for bit in range(8):
            yield data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def test_a_snapshot_with_any_bit_wrong_is_refused(fs: FsBase) -> None:
    before = fs.dump()
    for wrong in flipped(GOOD):
        with pytest.raises(SnapshotError):
            fs.load(wrong)
    assert fs.dump() == before


def is_as_dumped(fs: FsBase, snapshot: bytes) -> bool:
    """Whether it is loaded; what is loaded must be what dump writes."""
    try:
        fs.load(snapshot)
    except SnapshotError:
        return False
    assert fs.dump() == snapshot
    fs.check_invariants()
    return True


def test_what_is_loaded_with_a_bit_wrong_and_a_right_checksum_is_as_dumped(
    fs: FsBase,
) -> None:
    loaded = sum(is_as_dumped(fs, seal(wrong)) for wrong in flipped(BODY))
    assert loaded > 100, "times, owners and names can be other ones"


items = st.recursive(
    st.one_of(
        st.integers(-2, 6),
        st.sampled_from([2**31, 2**62, 2**63, 2**64 - 1, DIRECTORY, REGULAR, FIFO]),
        st.binary(max_size=3),
        st.text(max_size=2),
        st.booleans(),
        st.none(),
        st.floats(),
    ),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=6,
)


@examples(150)
@given(data=st.data())
def test_whatever_is_put_in_place_of_an_item_is_refused_or_as_dumped(
    fs: FsBase, data: st.DataObject
) -> None:
    parts: list[Any] = [
        [3, 10, 100, 200, 4, 3, b"", 0, 4, [], 0],
        directory(1, {b"d": 2, b"f": 3}).head,
        directory(2, {b"g": 3, b"h": 6}).head,
        regular(3, 2 * PAGE, [0, 2, 0, b"x"]).head,
        regular(6, 3 * PAGE, [0, 1, 2, LONG_DATA]).head,
        LONG_DATA,
    ]
    for _ in range(data.draw(st.integers(1, 3))):
        part: Any = parts
        at = data.draw(st.integers(0, len(part) - 1))
        while isinstance(part[at], list) and part[at] and data.draw(st.booleans()):
            part = part[at]
            at = data.draw(st.integers(0, len(part) - 1))
        part[at] = data.draw(items)
    is_as_dumped(fs, seal(MAGIC + b"".join(map(encode, parts))))


@examples(150)
@given(tail=st.binary(max_size=60))
def test_whatever_bytes_follow_the_magic_are_refused(fs: FsBase, tail: bytes) -> None:
    with pytest.raises(SnapshotError):
        fs.load(MAGIC + tail)


@pytest.mark.parametrize(
    "name",
    [name for name in HOSTILE if "2^" in name or "deep" in name or "million" in name],
)
def test_a_lie_about_size_takes_no_memory(name: str) -> None:
    snapshot, _ = HOSTILE[name]
    fs = Fs()
    tracemalloc.start()
    try:
        with pytest.raises(SnapshotError):
            fs.load(snapshot)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**20 + 4 * len(snapshot)


def test_a_ceiling_is_looked_at_before_anything_is_made(fs: FsBase) -> None:
    large = with_holes(1_000, 64)
    fs.load(large, max_bytes=64_000 * PAGE, max_inodes=2)
    fs.load(GOOD)
    before = fs.dump()
    with pytest.raises(SnapshotError, match="262144000 bytes in pages, and at most"):
        fs.load(large, max_bytes=64_000 * PAGE - 1)
    with pytest.raises(SnapshotError, match="2 inodes, and at most 1 may be"):
        fs.load(large, max_inodes=1)
    assert fs.dump() == before


def with_holes(chunks: int, pages: int) -> bytes:
    """A snapshot of few bytes with a file of many pages of zeros."""
    zeros = (1 << pages) - 1
    extents = [[number, 0, zeros, b""] for number in range(chunks)]
    return image(
        directory(1, {b"f": 2}), regular(2, chunks * 64 * PAGE, *extents[:1_024])
    )


def test_pages_of_zeros_take_little_memory() -> None:
    """They count, but they are no bytes: the same nothing stands for all of them."""
    snapshot = with_holes(1_000, 64)
    fs = Fs()
    tracemalloc.start()
    try:
        fs.load(snapshot)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert fs.stat("/f").blocks == 64_000 * 8
    assert peak < 2**20


def test_a_deep_tree_is_loaded_and_has_digests(fs: FsBase) -> None:
    """Deeper than Python's stack: paths cannot lead there, inode numbers do."""
    depth = 3_000
    snapshot = image(
        *(directory(ino, {b"d": ino + 1}) for ino in range(1, depth)),
        directory(depth, {b"f": depth + 1, b"g": depth + 1}),
        regular(depth + 1, 1, [0, 1, 0, b"x"]),
        next_ino=depth + 2,
    )
    fs.load(snapshot)
    assert fs.dump() == snapshot
    assert fs.tree_digest() != fs.tree_digest("/d")
    fs.check_invariants()
    fs.load(image(ROOT))


def test_nothing_of_a_refused_snapshot_counts(fs: FsBase) -> None:
    used = used_inodes(fs), fs.bytes_used
    refuse(fs, GOOD[:-1])
    fs.remove("/precious")
    assert (used_inodes(fs), fs.bytes_used) == used
