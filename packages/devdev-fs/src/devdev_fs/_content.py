"""The bytes of a regular file: immutable pages that versions share, and holes.

A page is a `bytes` of at most `PAGE_SIZE`; what it lacks up to that reads as
zeros, and so does a page that is absent (a hole). A change puts another `bytes`
in the page's place. Until pages of a chunk are wanted one by one, it can hold all of
them in one `bytes`: most files are written and read as a whole. Of what was loaded
it can be a view of the snapshot, which is never changed.

INVARIANT: no page holds a byte at or past `size`. Empty pages may lie behind it,
allocated for what will be written there.
"""

from collections.abc import Sequence
from typing import ClassVar

from devdev_fs._sparse import Chunk, Sparse
from devdev_fs._types import PAGE_SIZE

_ZEROS = bytes(PAGE_SIZE)
_BITS = 6
_HOLE = bytes(PAGE_SIZE << _BITS)
_PIECE = 2**20


Bytes = bytes | bytearray | memoryview


def as_view(data: Bytes) -> bytes | memoryview:
    """The bytes of `data`, whatever the items and the shape of its buffer are."""
    if type(data) is bytes:
        return data
    view = memoryview(data)
    if view.nbytes == len(view) and view.c_contiguous:
        return view
    return memoryview(view.tobytes())


def packed(block: bytes | memoryview) -> Chunk[bytes]:
    """A chunk of pages without a hole, in one piece."""
    chunk: Chunk[bytes] = Chunk()
    chunk.packed = block
    return chunk


def block_in(chunk: Chunk[bytes]) -> bytes | memoryview:
    """All pages of a chunk if it holds them in one piece, and otherwise nothing."""
    return b"" if chunk else chunk.packed


def cut(chunk: Chunk[bytes]) -> list[bytes | None]:
    """The pages of a chunk, however it holds them."""
    block = block_in(chunk)
    if not block:
        return chunk
    starts = range(0, len(block), PAGE_SIZE)
    return [bytes(block[at : at + PAGE_SIZE]) for at in starts]


def spread(chunk: Chunk[bytes]) -> Chunk[bytes]:
    """Let a chunk hold its pages one by one, for all who share it.

    Somebody else may look at it meanwhile, or do the same: so there is no moment at
    which it holds nothing. Pages that two have cut at once are equal, not the same.
    """
    block = block_in(chunk)
    if block:
        chunk[:] = cut(chunk)
        chunk.packed = b""
    return chunk


def _length(chunk: Chunk[bytes]) -> int:
    """How many pages and holes a chunk has, up to its last page."""
    return -(-len(block_in(chunk)) // PAGE_SIZE) or len(chunk)


def _reach(chunk: Chunk[bytes]) -> int:
    """How many bytes a chunk may have, from its beginning on."""
    return len(block_in(chunk)) or len(chunk) * PAGE_SIZE


def _pages_of(chunk: Chunk[bytes], low: int, high: int) -> list[bytes]:
    """The bytes from `low` to `high` of a chunk that holds its pages one by one."""
    first, skip = divmod(low, PAGE_SIZE)
    last = (high - 1) // PAGE_SIZE
    found = [page or b"" for page in chunk[first : last + 1]]
    found += [b""] * (last + 1 - first - len(found))
    for at, page in enumerate(found):
        if len(page) < PAGE_SIZE:
            found[at] = page + _ZEROS[len(page) :]
    found[-1] = found[-1][: high - last * PAGE_SIZE]
    found[0] = found[0][skip:]
    return found


class Content(Sparse[bytes]):
    """Bytes addressed by offset; sparse. Its values are pages, by their numbers."""

    __slots__ = ("size",)

    BITS: ClassVar[int] = _BITS
    MASK: ClassVar[int] = 63
    CHUNK_SIZE: ClassVar[int] = len(_HOLE)
    """The most bytes in a chunk."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0

    @classmethod
    def of(cls, chunks: dict[int, Chunk[bytes]], count: int, size: int) -> "Content":
        """Chunks, which others may have too, with so many pages in all."""
        content = cls()
        content._chunks, content.count, content.size = chunks, count, size
        return content

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

        What is read as it is held, a page or a whole chunk, comes without a copy; but
        for a view, which would keep more than what was read.
        """
        end = min(offset + size, self.size)
        found: list[bytes] = []
        while offset < end:
            number, low = divmod(offset, self.CHUNK_SIZE)
            length = min(self.CHUNK_SIZE - low, end - offset)
            chunk = self._chunks.get(number)
            block = b"" if chunk is None else block_in(chunk)
            if block:
                found.append(bytes(block[low : low + length]).ljust(length, b"\0"))
            elif chunk:
                found += _pages_of(chunk, low, low + length)
            else:
                found.append(_HOLE[:length])
            offset += length
        return found

    def get(self, at: int) -> bytes | None:
        """The page at `at`, or None."""
        chunk = self._chunks.get(at >> self.BITS)
        if chunk is None:
            return None
        low = at & self.MASK
        block = block_in(chunk)
        if block:
            return bytes(block[low * PAGE_SIZE : (low + 1) * PAGE_SIZE]) or None
        return chunk[low] if low < len(chunk) else None

    def read(self, offset: int, size: int) -> bytes:
        """The bytes of `[offset, offset + size)`, cut at the end of the file."""
        end = min(offset + size, self.size)
        length = end - offset
        number, low = divmod(offset, self.CHUNK_SIZE)
        chunk = self._chunks.get(number)
        if chunk is None or length <= 0 or low + length > self.CHUNK_SIZE:
            return b"".join(self.chunks(offset, size))
        block = block_in(chunk)
        if not block:
            first, low = divmod(low, PAGE_SIZE)
            if low + length > PAGE_SIZE:
                return b"".join(self.chunks(offset, length))
            block = (chunk[first] if first < len(chunk) else None) or b""
        # All of a block is the block itself.
        return bytes(block[low : low + length]).ljust(length, b"\0")

    def pages_to_add(self, offset: int, length: int) -> int:
        """How many pages a write at `offset` would fill from holes."""
        if not length:
            return 0
        first = offset // PAGE_SIZE
        stop = (offset + length - 1) // PAGE_SIZE + 1
        if stop - first == 1:
            return self.get(first) is None
        return stop - first - self.pages_in(first, stop)

    def fitting(self, offset: int, length: int, room: int) -> int:
        """How many bytes of a write fit if it may fill so many holes with pages."""
        if self.pages_to_add(offset, length) <= room:
            return length
        first, stop = offset // PAGE_SIZE, -(-(offset + length) // PAGE_SIZE)
        holes = [number for number in range(first, stop) if self.get(number) is None]
        return max(holes[room] * PAGE_SIZE - offset, 0)

    def write(self, offset: int, data: Bytes) -> None:
        """Put `data` at `offset`; what lies between the old end and it is a hole."""
        view = as_view(data)
        length = len(view)
        done = 0
        page, skip = divmod(offset, PAGE_SIZE)
        if (
            skip + length <= PAGE_SIZE
            and length
            and self._chunks.get(page >> self.BITS)
        ):
            self._patch(page, skip, view)
            done = length
        while done < length:
            number, low = divmod(offset + done, self.CHUNK_SIZE)
            part = view[done : done + self.CHUNK_SIZE - low]
            chunk = self._chunks.get(number)
            if not low and (chunk is None or len(part) >= _reach(chunk)):
                fresh = packed(bytes(part))
                self.count += self._held(fresh)
                self.count -= 0 if chunk is None else self._held(chunk)
                self._place(number, fresh)
            else:
                self._write_pages(offset + done, part)
            done += len(part)
        if length:
            self.size = max(self.size, offset + length)

    def _write_pages(self, offset: int, data: bytes | memoryview) -> None:
        """Put `data` at `offset`, page by page."""
        length = len(data)
        number, skip = divmod(offset, PAGE_SIZE)
        done = 0
        if skip:
            done = min(PAGE_SIZE - skip, length)
            self._patch(number, skip, data[:done])
            number += 1
        whole = (length - done) // PAGE_SIZE
        stop = done + whole * PAGE_SIZE
        if whole:
            starts = range(done, stop, PAGE_SIZE)
            self.put(number, [bytes(data[at : at + PAGE_SIZE]) for at in starts])
        if stop < length:
            self._patch(number + whole, 0, data[stop:])

    def _patch(self, number: int, skip: int, data: bytes | memoryview) -> None:
        """Replace a part of one page, which may be a hole, or all of it."""
        if len(data) == PAGE_SIZE:
            self.set(number, bytes(data))
            return
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
        numbers: Sequence[int] = range(first >> self.BITS, (stop - 1 >> self.BITS) + 1)
        if len(numbers) > len(self._chunks):
            numbers = [number for number in self._chunks if number in numbers]
        found = 0
        for number in numbers:
            chunk = self._chunks.get(number)
            if chunk is None:
                continue
            base = number << self.BITS
            low, high = max(first - base, 0), stop - base
            if block_in(chunk):
                found += max(min(_length(chunk), high) - low, 0)
            else:
                part = chunk[low:high]
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
        if chunk is None or low >= _length(chunk):
            number = min((each for each in self._chunks if each > number), default=-1)
            if number < 0:
                return None
            chunk, low = self._chunks[number], 0
        while not block_in(chunk) and chunk[low] is None:  # the last one is a page
            low += 1
        at = max(offset, ((number << self.BITS) + low) * PAGE_SIZE)
        return at if at < self.size else None

    def hole_from(self, offset: int) -> int:
        """Where the first hole at or behind `offset` begins or goes on; or the end."""
        first = offset // PAGE_SIZE
        number, low = first >> self.BITS, first & self.MASK
        while (low := self._hole_in(number, low)) > self.MASK:
            number, low = number + 1, 0
        at = ((number << self.BITS) + low) * PAGE_SIZE
        return min(max(offset, at), self.size)

    def _hole_in(self, number: int, low: int) -> int:
        """The place of the first hole in a chunk at or behind `low`."""
        chunk = self._chunks.get(number)
        if chunk is None:
            return low
        if block_in(chunk):
            return max(low, _length(chunk))
        part = chunk[low:]
        return low + (part.index(None) if None in part else len(part))

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

    # --- chunks ------------------------------------------------------------------

    def _held(self, chunk: Chunk[bytes]) -> int:
        return _length(chunk) - chunk.count(None)

    def _values(self, chunk: Chunk[bytes]) -> list[bytes | None]:
        return cut(chunk)

    def _listed(self, chunk: Chunk[bytes]) -> Chunk[bytes]:
        return spread(chunk)

    def check(self) -> None:
        """Assert the invariant."""
        super().check()
        for number, chunk in self.by_chunk():
            block = block_in(chunk)
            assert bool(block) != bool(chunk), number
            assert len(block) <= self.CHUNK_SIZE, (number, len(block))
            for at, page in enumerate(cut(chunk), number << self.BITS):
                length = len(page or b"")
                assert length <= PAGE_SIZE, (at, length)
                assert not length or at * PAGE_SIZE + length <= self.size, at
