"""A sparse array that is copied in O(1): copies share chunks until one changes one.

It holds what versions of a filesystem share: the inodes by their numbers, and the
pages of a file. Between two arrays that come from the same one, what differs is
found by comparing the chunks' identities first.
"""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any, ClassVar, Generic, TypeVar

V = TypeVar("V")

_SHARED: frozenset[int] = frozenset()
"""What an array owns that has been copied, or is a copy: not even its outer table."""


_EMPTY: dict[int, Any] = {}
"""What every array begins with, so that those that stay empty take no space."""


class Chunk(list[V | None]):
    """Adjacent values; None is none, and the last one is a value.

    `digest` is for those who compute one of a chunk that does not change any more.
    `packed` is for arrays whose values can be cut from one piece: as long as a chunk
    holds that, the list is empty.
    """

    __slots__ = ("digest", "packed")

    digest: bytes
    packed: bytes | memoryview


class Sparse(Generic[V]):
    """Values by number, from 0; most numbers have none.

    INVARIANT: no chunk is empty or ends in None; a chunk whose number is not in
    `_own` may be part of other arrays and does not change.
    """

    __slots__ = ("_chunks", "_own", "count")

    BITS: ClassVar[int] = 8
    """A chunk holds `2**BITS` values."""
    MASK: ClassVar[int] = 255
    """What of a number is its place in the chunk: `2**BITS - 1`."""

    def __init__(self) -> None:
        self._chunks: dict[int, Chunk[V]] = _EMPTY
        self._own: set[int] | frozenset[int] | None = _SHARED
        """Numbers of the chunks that are no other's; None means all."""
        self.count = 0
        """How many values there are."""

    def copy_of(self, other: "Sparse[V]") -> None:
        """Become a copy of `other`: from now on each changes by itself."""
        other._own = self._own = _SHARED
        self._chunks = other._chunks
        self.count = other.count

    # --- one value ---------------------------------------------------------------

    def get(self, at: int) -> V | None:
        """The value at `at`, or None."""
        chunk = self._chunks.get(at >> self.BITS)
        if chunk is None:
            return None
        low = at & self.MASK
        return chunk[low] if low < len(chunk) else None

    def set(self, at: int, value: V) -> None:
        """Put a value at `at`."""
        chunk = self._writable(at >> self.BITS)
        low = at & self.MASK
        gap = low - len(chunk)
        if gap < 0:
            self.count += chunk[low] is None
            chunk[low] = value
            return
        if gap:
            chunk.extend([None] * gap)
        chunk.append(value)
        self.count += 1

    def remove(self, at: int) -> None:
        """Take away the value at `at`, which is there."""
        number = at >> self.BITS
        chunk = self._writable(number)
        chunk[at & self.MASK] = None
        self.count -= 1
        if chunk[-1] is None:
            self._trim(number, chunk)

    # --- adjacent values ---------------------------------------------------------

    def slice(self, start: int, stop: int) -> list[V | None]:
        """What is at `start`, and so on, up to before `stop`."""
        found: list[V | None] = []
        size = 1 << self.BITS
        while start < stop:
            number, low = start >> self.BITS, start & self.MASK
            length = min(size - low, stop - start)
            chunk = self._chunks.get(number, _NOTHING)
            part = self._listed(chunk)[low : low + length]
            found += part
            if len(part) < length:
                found += [None] * (length - len(part))
            start += length
        return found

    def put(self, start: int, values: Sequence[V]) -> None:
        """Put adjacent values at `start` and behind it."""
        size = 1 << self.BITS
        done = 0
        while done < len(values):
            number, low = start + done >> self.BITS, start + done & size - 1
            part = values[done : done + size - low]
            chunk = self._writable(number)
            if low > len(chunk):
                chunk.extend([None] * (low - len(chunk)))
            before = chunk[low : low + len(part)]
            chunk[low : low + len(part)] = part
            self.count += len(part) - len(before) + before.count(None)
            done += len(part)

    def clear(self, start: int, stop: int | None = None) -> None:
        """Take away what is at `start` and behind it, up to before `stop`."""
        size = 1 << self.BITS
        last = max(self._chunks, default=-1)
        end = last + 1 << self.BITS
        stop = end if stop is None else min(stop, end)
        first = start >> self.BITS
        if stop <= start:
            return
        numbers: Sequence[int] = range(first, (stop - 1 >> self.BITS) + 1)
        if len(numbers) > len(self._chunks):
            numbers = [number for number in self._chunks if number in numbers]
        for number in numbers:
            if number not in self._chunks:
                continue
            base = number << self.BITS
            low, high = max(start - base, 0), min(stop - base, size)
            self._clear_in(number, low, high)

    def _clear_in(self, number: int, low: int, high: int) -> None:
        if high - low > self.MASK:
            self.count -= self._held(self._chunks[number])
            self._own_table()
            del self._chunks[number]
            return
        chunk = self._writable(number)
        before = chunk[low:high]
        self.count -= len(before) - before.count(None)
        chunk[low:high] = [None] * len(before)
        self._trim(number, chunk)

    # --- all ---------------------------------------------------------------------

    def numbers(self) -> Iterator[int]:
        """The numbers that have a value, ascending."""
        for number in sorted(self._chunks):
            base = number << self.BITS
            for low, value in enumerate(self._values(self._chunks[number])):
                if value is not None:
                    yield base + low

    def values(self) -> Iterator[V]:
        """The values, ascending by their numbers."""
        for _, chunk in self.by_chunk():
            yield from (each for each in self._values(chunk) if each is not None)

    def by_chunk(self) -> list[tuple[int, Chunk[V]]]:
        """The chunks, ascending, each with its number."""
        return sorted(self._chunks.items())

    def differences(
        self, other: "Sparse[V]"
    ) -> Iterator[tuple[int, V | None, V | None]]:
        """Where the two hold not the same object, ascending, and what each holds.

        Costs as much as there are chunks, and values in those that differ.
        """
        if self._chunks is other._chunks:
            return
        mine, theirs = self._chunks, other._chunks
        for number in sorted(mine.keys() | theirs.keys()):
            a, b = mine.get(number, _NOTHING), theirs.get(number, _NOTHING)
            if a is b:
                continue
            pairs = zip_longest(self._values(a), other._values(b))
            for low, (value, twin) in enumerate(pairs):
                if value is not twin:
                    yield (number << self.BITS) + low, value, twin

    # --- chunks ------------------------------------------------------------------

    def _held(self, chunk: Chunk[V]) -> int:
        """How many values a chunk has."""
        return len(chunk) - chunk.count(None)

    def _values(self, chunk: Chunk[V]) -> list[V | None]:
        """The values of a chunk, to be looked at."""
        return chunk

    def _listed(self, chunk: Chunk[V]) -> Chunk[V]:
        """The chunk with its values in the list."""
        return chunk

    # --- ownership ---------------------------------------------------------------

    def _writable(self, number: int) -> Chunk[V]:
        """The chunk, made or copied if need be, to be changed."""
        own = self._own
        if own is not None and number not in own:
            return self._copy_up(number)
        chunk = self._chunks.get(number)
        if chunk is None:
            chunk = self._chunks[number] = Chunk()
            return chunk
        return self._listed(chunk)

    def _copy_up(self, number: int) -> Chunk[V]:
        chunk = self._chunks.get(number)
        twin = Chunk(() if chunk is None else self._listed(chunk))
        self._place(number, twin)
        return twin

    def _place(self, number: int, chunk: Chunk[V]) -> None:
        """Put a chunk that is no other's in the place of what was there."""
        self._own_table()
        if isinstance(self._own, set):
            self._own.add(number)
        self._chunks[number] = chunk

    def _own_table(self) -> None:
        """Let the outer table be no other's."""
        if self._own is _SHARED:
            self._own = set() if self._chunks else None
            self._chunks = self._chunks.copy()

    def _trim(self, number: int, chunk: Chunk[V]) -> None:
        while chunk and chunk[-1] is None:
            chunk.pop()
        if not chunk:
            del self._chunks[number]

    def check(self) -> None:
        """Assert the invariant."""
        for chunk in self._chunks.values():
            values = self._values(chunk)
            assert values
            assert values[-1] is not None
        assert self.count == sum(map(self._held, self._chunks.values()))
        assert self.count == sum(1 for _ in self.values())


_NOTHING: Chunk[Any] = Chunk()
_NOTHING.packed = b""
