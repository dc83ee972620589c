"""What tar and zip have in common: members on their way out, and reading on demand.

Archives are made of an image, so that nobody waits meanwhile. They are read by
generators that ask for bytes and are sent them: whoever has the file, in this
process or in another one, drives them (`drive`). Either way memory is bounded by
`PIECE` and what a member has to say of itself, not by the archive.
"""

from collections.abc import Callable, Generator, Iterator
from operator import itemgetter
from typing import NamedTuple, Protocol, TypeVar

from devdev_fs._content import Content
from devdev_fs._image import Tree
from devdev_fs._inode import Directory, Inode
from devdev_fs._namei import find, walk
from devdev_fs._types import PAGE_SIZE, Ino

PIECE = 2**20
"""About how many bytes are held, asked for and handed out at a time."""
_PAGES_AT_ONCE = 64

T = TypeVar("T")


class ArchiveError(ValueError):
    """An archive cannot be read, or a tree cannot be written as one.

    Nothing was changed. `member` is the name in the archive and `offset` the byte
    of it where that was noticed; None if it is not about one.
    """

    def __init__(
        self, message: str, member: bytes | None = None, offset: int | None = None
    ) -> None:
        super().__init__(message, member, offset)
        self.message = message
        self.member = member
        self.offset = offset

    def __str__(self) -> str:
        where = "" if self.offset is None else f"byte {self.offset}: "
        # A name may be as long as an archive.
        member = "" if self.member is None else f"{self.member[:128]!r}: "
        return where + member + self.message


# --- out -------------------------------------------------------------------------


class Entry(NamedTuple):
    """A name in a tree, and what it means."""

    name: bytes
    """The path from the top; the top directory's own is empty."""
    inode: Inode
    first: bytes | None
    """The name of the same inode that came before, if one did."""


def entries(tree: Tree, path: str | bytes) -> Iterator[Entry]:
    """What is at `path` and all below it: parents first, names in their bytes' order.

    Of something that is no directory the name is the last one of the path.

    Raises:
        FsError: as a walk, ENOENT.
    """
    inode = find(tree, path)
    top = b"" if isinstance(inode, Directory) else walk(tree, path).name
    seen: dict[Ino, bytes] = {}
    todo = [(top, inode)]
    while todo:
        name, inode = todo.pop()
        yield Entry(name, inode, seen.get(inode.ino))
        if inode.others:
            seen.setdefault(inode.ino, name)
        if isinstance(inode, Directory):
            prefix = name + b"/" if name else b""
            below = sorted(tree.entries(inode), key=itemgetter(0), reverse=True)
            todo += [(prefix + child, twin) for child, twin in below]


def extents(content: Content) -> Iterator[tuple[int, int]]:
    """Where a file has content: offset and length of each part between holes."""
    start = end = 0
    for number in content.numbers():
        at = number * PAGE_SIZE
        if at != end and start < end:
            yield start, end - start
        if at != end:
            start = at
        end = at + PAGE_SIZE
    if start < end:
        yield start, min(end, content.size) - start


def data(content: Content, offset: int, length: int) -> Iterator[bytes]:
    """The bytes of a part of a file, in pieces."""
    step = _PAGES_AT_ONCE * PAGE_SIZE
    end = offset + length
    for at in range(offset, end, step):
        yield content.read(at, min(step, end - at))


def pieces(parts: Iterator[bytes]) -> Generator[bytes, None, None]:
    """The same bytes in pieces of about `PIECE`; only the last one can be empty."""
    held: list[bytes] = []
    size = 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size >= PIECE:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


# --- in --------------------------------------------------------------------------


class Want(NamedTuple):
    """A request for bytes of an archive. Fewer are an answer only at its end."""

    offset: int
    size: int


Reading = Generator[Want, bytes, T]
"""Asks for bytes, is sent them, and in the end has a result."""


class ByteSource(Protocol):
    """A file to read archives from; a raw or a buffered one."""

    def read(self, size: int, /) -> bytes | None:
        """Up to `size` bytes; none at the end."""
        ...


class SeekableSource(ByteSource, Protocol):
    """One in which any place can be gone to."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place, counted from the beginning or (2) the end; returns it."""
        ...


class ByteSink(Protocol):
    """A file to write archives to."""

    def write(self, data: bytes, /) -> object:
        """Take all of `data`."""
        ...


def drive(reading: Reading[T], source: ByteSource) -> T:
    """Read an archive that asks for its bytes in their order, as tar does."""
    return _drive(reading, lambda want: _read(source, want.size))


def drive_anywhere(reading: Reading[T], source: SeekableSource) -> T:
    """Read an archive that goes to and fro, as zip does."""

    def fetch(want: Want) -> bytes:
        source.seek(want.offset)
        return _read(source, want.size)

    return _drive(reading, fetch)


def _drive(reading: Reading[T], fetch: Callable[[Want], bytes]) -> T:
    try:
        want = next(reading)
        while True:
            want = reading.send(fetch(want))
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        reading.close()


def _read(source: ByteSource, size: int) -> bytes:
    """Up to `size` bytes; fewer only at the end, as a pipe does not promise."""
    parts: list[bytes] = []
    while size:
        part = source.read(size)
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


class Window:
    """The bytes of an archive that were asked for last."""

    def __init__(self) -> None:
        self._start = 0
        self._data = b""

    def take(self, offset: int, size: int) -> Reading[bytes]:
        """These bytes, few; short of `size` where the archive ends."""
        skip = offset - self._start
        if not 0 <= skip <= len(self._data) - size:
            head = self._data[skip:] if skip >= 0 else b""
            more = max(size - len(head), PIECE)
            self._data = head + (yield Want(offset + len(head), more))
            self._start, skip = offset, 0
        return self._data[skip : skip + size]

    def some(self, offset: int, most: int) -> Reading[memoryview]:
        """As many of these bytes as come without waiting; none at the end."""
        skip = offset - self._start
        if not 0 <= skip < len(self._data):
            self._data = yield Want(offset, PIECE)
            self._start, skip = offset, 0
        return memoryview(self._data)[skip : skip + most]
