"""The bytes of a regular file: immutable pages that versions share, and holes.

A page is a `bytes` of at most `PAGE_SIZE`; what it lacks up to that reads as
zeros, and so does a page that is absent (a hole). A change puts another `bytes`
in the page's place.

INVARIANT: no page holds a byte at or past `size`. Empty pages may lie behind it,
allocated for what will be written there.
"""

from typing import ClassVar

from devdev_fs._sparse import Sparse
from devdev_fs._types import PAGE_SIZE

_ZEROS = bytes(PAGE_SIZE)
_PIECE = 2**20


Bytes = bytes | bytearray | memoryview


def as_view(data: Bytes) -> memoryview:
    """The bytes of `data`, whatever the items and the shape of its buffer are."""
    view = memoryview(data)
    if view.nbytes == len(view) and view.c_contiguous:
        return view
    return memoryview(view.tobytes())


class Content(Sparse[bytes]):
    """Bytes addressed by offset; sparse. Its values are pages, by their numbers."""

    __slots__ = ("size",)

    BITS: ClassVar[int] = 6
    MASK: ClassVar[int] = 63

    def __init__(self) -> None:
        super().__init__()
        self.size = 0

    @property
    def page_count(self) -> int:
        """How many pages hold content; holes are not counted."""
        return self.count

    def copy(self) -> "Content":
        """An independent copy that shares the pages, in O(1)."""
        twin = Content()
        twin.copy_of(self)
        twin.size = self.size
        return twin

    def chunks(self, offset: int, size: int) -> list[bytes]:
        """The buffers that hold `[offset, offset + size)`, cut at the end of the file.

        Whole pages come as they are held, without a copy.
        """
        end = min(offset + size, self.size)
        if offset >= end:
            return []
        first, skip = divmod(offset, PAGE_SIZE)
        last = (end - 1) // PAGE_SIZE
        found = [page or b"" for page in self.slice(first, last + 1)]
        if last > first:
            for at, page in enumerate(found):
                if len(page) < PAGE_SIZE:
                    found[at] = page + _ZEROS[len(page) :]
        tail = end - last * PAGE_SIZE
        page = found[-1]
        if len(page) != tail:
            found[-1] = page[:tail] + _ZEROS[: max(tail - len(page), 0)]
        if skip:
            found[0] = found[0][skip:]
        return found

    def read(self, offset: int, size: int) -> bytes:
        """The bytes of `[offset, offset + size)`, cut at the end of the file."""
        end = min(offset + size, self.size)
        number, skip = divmod(offset, PAGE_SIZE)
        if end <= offset or end - offset > PAGE_SIZE - skip:
            return b"".join(self.chunks(offset, size))
        # Most reads are within one page.
        length = end - offset
        page = self.get(number) or b""
        if skip or len(page) != length:
            page = page[skip : skip + length]
            if len(page) < length:
                page += _ZEROS[: length - len(page)]
        return page

    def pages_to_add(self, offset: int, length: int) -> int:
        """How many pages a write at `offset` would fill from holes."""
        if not length:
            return 0
        first = offset // PAGE_SIZE
        last = (offset + length - 1) // PAGE_SIZE
        if first == last:
            return self.get(first) is None
        return self.slice(first, last + 1).count(None)

    def fitting(self, offset: int, length: int, room: int) -> int:
        """How many bytes of a write fit if it may fill so many holes with pages."""
        if self.pages_to_add(offset, length) <= room:
            return length
        first, stop = offset // PAGE_SIZE, -(-(offset + length) // PAGE_SIZE)
        pages = enumerate(self.slice(first, stop), first)
        holes = [number for number, page in pages if page is None]
        return max(holes[room] * PAGE_SIZE - offset, 0)

    def write(self, offset: int, data: Bytes) -> None:
        """Put `data` at `offset`; what lies between the old end and it is a hole."""
        view = as_view(data)
        length = len(view)
        if not length:
            return
        end = offset + length
        number, skip = divmod(offset, PAGE_SIZE)
        done = 0
        if skip or length < PAGE_SIZE:
            done = min(PAGE_SIZE - skip, length)
            self._patch(number, skip, view[:done])
            number += 1
        whole = (length - done) // PAGE_SIZE
        stop = done + whole * PAGE_SIZE
        pages = [
            bytes(view[at : at + PAGE_SIZE]) for at in range(done, stop, PAGE_SIZE)
        ]
        self.put(number, pages)
        if stop < length:
            self._patch(number + whole, 0, view[stop:])
        self.size = max(self.size, end)

    def _patch(self, number: int, skip: int, data: memoryview) -> None:
        """Replace a part of one page, which may be a hole."""
        old = self.get(number) or b""
        head = old[:skip]
        gap = _ZEROS[: skip - len(head)]
        self.set(number, b"".join((head, gap, data, old[skip + len(data) :])))

    def truncate(self, size: int) -> None:
        """Cut to `size`, or extend to it; with a hole, or what was allocated there.

        Not to extend frees what is allocated behind the end.
        """
        if size <= self.size:
            keep = -(-size // PAGE_SIZE)
            self.clear(keep)
            tail = size % PAGE_SIZE
            last = (self.get(keep - 1) or b"") if tail else b""
            if len(last) > tail:
                self.set(keep - 1, last[:tail])
        self.size = size

    # --- space -------------------------------------------------------------------

    def pages_in(self, first: int, stop: int) -> int:
        """How many pages there are from number `first` up to before `stop`."""
        found = 0
        for number, chunk in self._chunks.items():
            base = number << self.BITS
            part = chunk[max(first - base, 0) : max(stop - base, 0)]
            found += len(part) - part.count(None)
        return found

    def allocate(self, offset: int, end: int) -> None:
        """Fill the holes of the pages that `[offset, end)` touches with empty pages."""
        first, stop = offset // PAGE_SIZE, -(-end // PAGE_SIZE)
        self.put(first, [page or b"" for page in self.slice(first, stop)])

    def punch(self, offset: int, end: int) -> None:
        """Make `[offset, end)` a hole: its whole pages go, the rest becomes zeros."""
        first, stop = -(-offset // PAGE_SIZE), end // PAGE_SIZE
        if first > stop:
            self._zero(stop, offset % PAGE_SIZE, end % PAGE_SIZE)
            return
        self.clear(first, stop)
        if offset % PAGE_SIZE:
            self._zero(first - 1, offset % PAGE_SIZE, PAGE_SIZE)
        if end % PAGE_SIZE:
            self._zero(stop, 0, end % PAGE_SIZE)

    def _zero(self, number: int, low: int, high: int) -> None:
        """Make a part of one page zeros, unless it is a hole."""
        old = self.get(number) or b""
        if len(old) > high:
            self.set(number, old[:low] + _ZEROS[: high - low] + old[high:])
        elif len(old) > low:
            self.set(number, old[:low])

    def collapse(self, offset: int, length: int) -> None:
        """Take a range of whole pages out; what is behind it moves up."""
        self._move(offset + length, offset)
        self.size -= length

    def insert(self, offset: int, length: int) -> None:
        """Put a hole of whole pages in; what is there and behind it moves back."""
        self._move(offset, offset + length)
        self.size += length

    def _move(self, source: int, target: int) -> None:
        """Move all pages from offset `source` on, and drop what is between."""
        first = source // PAGE_SIZE
        shift = target // PAGE_SIZE - first
        numbers = [number for number in self.numbers() if number >= first]
        moved = [(number + shift, self.get(number) or b"") for number in numbers]
        self.clear(min(first, first + shift))
        for number, page in moved:
            self.set(number, page)

    def data_from(self, offset: int) -> int | None:
        """Where the first page at or behind `offset` begins or goes on.

        None if there is none before the end of the file.
        """
        first = offset // PAGE_SIZE
        number = first >> self.BITS
        chunk = self._chunks.get(number)
        low = first & self.MASK
        if chunk is None or low >= len(chunk):
            number = min((each for each in self._chunks if each > number), default=-1)
            if number < 0:
                return None
            chunk, low = self._chunks[number], 0
        while chunk[low] is None:  # the last one is a page
            low += 1
        at = max(offset, ((number << self.BITS) + low) * PAGE_SIZE)
        return at if at < self.size else None

    def hole_from(self, offset: int) -> int:
        """Where the first hole at or behind `offset` begins or goes on; or the end."""
        first, length = offset // PAGE_SIZE, 1 << self.BITS
        while None not in (window := self.slice(first, first + length)):
            first += length
        at = (first + window.index(None)) * PAGE_SIZE
        return min(max(offset, at), self.size)

    def copy_range(
        self, source: "Content", offset: int, target: int, length: int
    ) -> None:
        """Put what `source`, another, has in a range at `target`; its holes too.

        Pages are shared if both offsets are at the same place within a page.
        """
        end = offset + length
        self.punch(target, target + length)
        self.size = max(self.size, target + length)
        at = source.data_from(offset)
        while at is not None and at < end:
            stop = min(source.hole_from(at), end)
            self._copy_data(source, at, stop, target - offset)
            at = source.data_from(stop)

    def _copy_data(self, source: "Content", at: int, stop: int, shift: int) -> None:
        """Copy a range without holes to an offset that is `shift` further."""
        first, last = -(-at // PAGE_SIZE), stop // PAGE_SIZE
        if shift % PAGE_SIZE or first >= last:
            self._copy_bytes(source, at, stop, shift)
            return
        pages = [page or b"" for page in source.slice(first, last)]
        self._copy_bytes(source, at, first * PAGE_SIZE, shift)
        self.put(first + shift // PAGE_SIZE, pages)
        self._copy_bytes(source, last * PAGE_SIZE, stop, shift)

    def _copy_bytes(self, source: "Content", at: int, stop: int, shift: int) -> None:
        for offset in range(at, stop, _PIECE):
            chunks = source.chunks(offset, min(_PIECE, stop - offset))
            self.write(offset + shift, b"".join(chunks))

    def check(self) -> None:
        """Assert the invariant."""
        super().check()
        for number in self.numbers():
            page = self.get(number)
            assert page is not None
            assert len(page) <= PAGE_SIZE, (number, len(page))
            end = number * PAGE_SIZE + len(page)
            assert not page or end <= self.size, (number, self.size)
