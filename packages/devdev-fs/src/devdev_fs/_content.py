"""The bytes of a regular file: immutable pages that versions share, and holes.

A page is a `bytes` of at most `PAGE_SIZE`; what it lacks up to that reads as
zeros, and so does a page that is absent (a hole). A change puts another `bytes`
in the page's place.

INVARIANT: no page holds a byte at or past `size`.
"""

from collections.abc import Iterator
from typing import ClassVar, NamedTuple

from devdev_fs._sparse import Sparse
from devdev_fs._types import PAGE_SIZE

_ZEROS = bytes(PAGE_SIZE)
RUN_PAGES = 256
"""The most pages in a run."""


Bytes = bytes | bytearray | memoryview


def as_view(data: Bytes) -> memoryview:
    """The bytes of `data`, whatever the items and the shape of its buffer are."""
    view = memoryview(data)
    if view.nbytes == len(view) and view.c_contiguous:
        return view
    return memoryview(view.tobytes())


class Run(NamedTuple):
    """Adjacent pages: `data` begins at page `first`; zeros at its end are left out."""

    first: int
    pages: int
    data: bytes


class Content(Sparse[bytes]):
    """Bytes addressed by offset; sparse. Its values are pages, by their numbers."""

    __slots__ = ("size",)

    BITS: ClassVar[int] = 6

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

    def pages_to_add(self, offset: int, length: int) -> int:
        """How many pages a write at `offset` would fill from holes."""
        if not length:
            return 0
        first = offset // PAGE_SIZE
        last = (offset + length - 1) // PAGE_SIZE
        if first == last:
            return self.get(first) is None
        return self.slice(first, last + 1).count(None)

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
        """Cut to `size`, or extend to it with a hole."""
        if size < self.size:
            keep = -(-size // PAGE_SIZE)
            self.clear(keep)
            tail = size % PAGE_SIZE
            last = (self.get(keep - 1) or b"") if tail else b""
            if len(last) > tail:
                self.set(keep - 1, last[:tail])
        self.size = size

    def spans(self) -> Iterator[range]:
        """The numbers of the pages, ascending: adjacent ones, up to `RUN_PAGES`."""
        numbers = list(self.numbers())
        at = 0
        while at < len(numbers):
            first = numbers[at]
            count = 1
            limit = min(len(numbers) - at, RUN_PAGES)
            while count < limit and numbers[at + count] == first + count:
                count += 1
            yield range(first, first + count)
            at += count

    def runs(self) -> Iterator[Run]:
        """The content in canonical form: ascending, each run as long as it can be.

        A run is at most 1 MiB, so that memory stays bounded by it.
        """
        for span in self.spans():
            data = b"".join(
                page if len(page) == PAGE_SIZE else page + _ZEROS[len(page) :]
                for page in self.slice(span.start, span.stop)
                if page is not None
            )
            yield Run(span.start, len(span), data.rstrip(b"\0"))

    def add_run(self, run: Run) -> None:
        """Put back what `runs` gave; the size is set by the caller beforehand."""
        for at in range(run.pages):
            page = run.data[at * PAGE_SIZE : (at + 1) * PAGE_SIZE]
            self.set(run.first + at, page)

    def check(self) -> None:
        """Assert the invariant."""
        super().check()
        for number in self.numbers():
            page = self.get(number)
            assert page is not None
            assert len(page) <= PAGE_SIZE, (number, len(page))
            assert number * PAGE_SIZE < self.size, (number, self.size)
            assert number * PAGE_SIZE + len(page) <= self.size, (number, self.size)
