"""Files that tell how much of them has been read or written."""

import io
import os
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO, cast

Note = Callable[[int, int], object]
"""Is told a number of bytes, and of how many in all; of 0 if nobody knows."""


class CountedSource(io.RawIOBase):
    """Reads from a file, and tells how much that is by now.

    Args:
        file: closed by whoever has opened it.
        note: is told.
    """

    def __init__(self, file: BinaryIO, note: Note) -> None:
        self._file = file
        self._note = note
        self._count = 0
        self._total = 0
        with suppress(OSError):  # it is in memory
            self._total = os.fstat(file.fileno()).st_size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._file.seekable()

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer))
        data = self._file.read(len(view))
        view[: len(data)] = data
        self._count += len(data)
        self._note(self._count, self._total)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)


class CountedSink:
    """Has pieces written, and tells how much that is by now.

    Args:
        write: takes all of a piece.
        note: is told.
        total: about how much it will be; 0: nobody knows.
    """

    def __init__(
        self, write: Callable[[bytes], object], note: Note, total: int
    ) -> None:
        self._write = write
        self._note = note
        self._total = total
        self.count = 0
        """Bytes so far."""

    def write(self, data: bytes) -> None:
        """Write a piece."""
        self._write(data)
        self.count += len(data)
        self._note(self.count, self._total)
