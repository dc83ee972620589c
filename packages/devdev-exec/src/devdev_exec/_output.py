"""Bounded capture of a program's output: its beginning and its end."""


class BoundedOutput:
    """The first and the last bytes of a stream, with the number lost between them.

    Half of `limit` is for the beginning.

    INVARIANT: `len(value()) + dropped` is the number of bytes appended, and
    `len(value())` is at most `limit`.
    """

    def __init__(self, limit: int) -> None:
        self.dropped = 0
        self._head = bytearray()
        self._tail = bytearray()
        self._head_limit = limit // 2
        self._tail_limit = limit - limit // 2

    def append(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        room = self._head_limit - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        excess = len(self._tail) - self._tail_limit
        if excess > 0:
            del self._tail[:excess]
            self.dropped += excess

    def value(self) -> bytes:
        """Return what was kept, the end directly after the beginning."""
        return bytes(self._head + self._tail)
