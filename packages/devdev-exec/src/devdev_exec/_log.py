"""The output of a running program, kept in a file without a name.

Every byte has a number, its place in all of the output, that never changes. The last
bytes up to a limit are kept; what came before is dropped, and said to be.
"""

import tempfile
from dataclasses import dataclass
from threading import Lock
from typing import IO


@dataclass(frozen=True, slots=True)
class Output:
    """A piece of a program's output."""

    data: bytes

    cursor: int
    """The number of its first byte."""

    next: int
    """Where to read on: the number after its last byte."""

    dropped: int
    """How many bytes before it were asked for and are not kept any more."""


class OutputLog:
    """The last `limit` bytes of a stream.

    The file is a ring: byte number n is at n modulo the limit. Any thread may call any
    method.

    INVARIANT: bytes `start` to `end` are in the file.
    """

    def __init__(self, limit: int) -> None:
        self.limit = max(limit, 0)
        """How many bytes are kept."""
        self._lock = Lock()
        self._file: IO[bytes] | None = None
        self.start = 0
        """The number of the first byte that is kept."""
        self.end = 0
        """How many bytes there were."""

    def append(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        with self._lock:
            try:
                if self.limit:
                    self._write(data[-self.limit :], self.end + len(data))
            except OSError:  # no room on the disk
                self.start = self.end + len(data)
            self.end += len(data)
            self.start = max(self.start, self.end - self.limit)

    def _write(self, data: bytes, end: int) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        view = memoryview(data)
        while view:
            offset = (end - len(view)) % self.limit
            self._file.seek(offset)
            written = self._file.write(view[: self.limit - offset])
            view = view[written:]

    def read(self, cursor: int, limit: int | None = None) -> Output:
        """What is kept from a byte on, `limit` bytes at most.

        A negative `cursor` counts from the end. One beyond the end is the end.
        """
        with self._lock:
            asked = max(cursor + self.end, 0) if cursor < 0 else min(cursor, self.end)
            start = max(asked, self.start)
            size = self.end - start if limit is None else max(limit, 0)
            data = self._read(start, min(size, self.end - start))
        dropped = start - asked if cursor >= 0 else 0
        return Output(data, start, start + len(data), dropped)

    def _read(self, start: int, size: int) -> bytes:
        pieces = []
        while size and self._file is not None:
            offset = start % self.limit
            self._file.seek(offset)
            piece = self._file.read(min(size, self.limit - offset))
            pieces.append(piece)
            start += len(piece)
            size -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Delete what is kept."""
        with self._lock:
            self.start = self.end
            if self._file is not None:
                self._file.close()
                self._file = None
