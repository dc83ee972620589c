"""The request that callbacks are part of: what libfuse does not pass on to them."""

from enum import IntEnum
from struct import Struct

_IN_HEADER = Struct("=IIQQIIIxxxx")
"""struct fuse_in_header of linux/fuse.h, which macFUSE has as well."""
_RENAME_IN = Struct("=Q")


class Opcode(IntEnum):
    """The opcodes that somebody here looks for (linux/fuse.h)."""

    GETATTR = 3
    UNLINK = 10
    RENAME = 12
    RELEASE = 18
    DESTROY = 38


class Request:
    """The request that is being answered; used again and again.

    Args:
        buffer: where requests are read to.
    """

    __slots__ = ("_buffer", "_size", "gid", "nodeid", "opcode", "pid", "uid")

    def __init__(self, buffer: memoryview) -> None:
        self._buffer = buffer
        self._size = 0
        self.opcode = 0
        self.nodeid = 0
        self.uid = 0
        self.gid = 0
        self.pid = 0
        """The thread that asks; 0 for the kernel itself."""

    def arrived(self, size: int) -> None:
        """Take over the header of a request of that size."""
        self._size = size
        _, self.opcode, _, self.nodeid, self.uid, self.gid, self.pid = (
            _IN_HEADER.unpack_from(self._buffer)
        )

    def ended(self) -> None:
        """What callbacks come from now on are no request's."""
        self.opcode = Opcode.DESTROY

    def is_hiding(self, new: bytes) -> bool:
        """Within a callback to rename to `new`: whether libfuse only hides a file.

        It does so when what is open loses a name, by a removal or because another is
        renamed to it.
        """
        if self.opcode != Opcode.RENAME:
            return True
        begin = _IN_HEADER.size + _RENAME_IN.size
        _, wanted, *_ = bytes(self._buffer[begin : self._size]).split(b"\0")
        return new.rpartition(b"/")[2] != wanted
