"""The first open of a file, by which the kernel learns to open without asking.

It learns that from an answer of ENOSYS to its first OPEN, and until then sends a
RELEASE for each file that is made: one request in three or four of all that unpacking
an archive makes. So the mount itself opens a file as soon as it is there. The store
has none to offer, and is not to be changed by being shown; so what is opened is a name
that nobody can guess, that is in no listing, and that is there once.
"""

import sys

if sys.platform != "linux":
    raise ImportError("the fuse driver is for Linux")

import os
import stat
from contextlib import suppress
from secrets import token_hex

from devdev_mount._fuse import _abi
from devdev_mount._fuse._nodes import NO_INODE
from devdev_mount._fuse._request import Handler, Request
from devdev_mount._fuse._shown import FOREVER


class FirstOpen:
    """Answers the LOOKUP of the one name; of all others until then, `lookup` does."""

    def __init__(self, handlers: list[Handler | None], lookup: Handler) -> None:
        self._handlers = handlers
        self._lookup = lookup
        self._name = f".devdev-{token_hex(16)}".encode()
        owner = (os.geteuid(), os.getegid())
        attr = (NO_INODE, *[0] * 8, stat.S_IFREG | 0o444, 1, *owner, 0, 0)
        self._entry = _abi.ENTRY_OUT.pack(NO_INODE, 0, 0, FOREVER, 0, 0, *attr)
        handlers[_abi.Opcode.LOOKUP] = self.lookup

    def lookup(self, request: Request) -> bytes | list[bytes] | None:
        """Answer a LOOKUP."""
        if request.body[:-1] != self._name:
            return self._lookup(request)
        self.end()
        return self._entry

    def make(self, root_fd: int) -> None:
        """Open the file; that it cannot be opened only means more requests."""
        try:
            if self._handlers[_abi.Opcode.OPEN] is None:
                with suppress(OSError):
                    os.close(os.open(self._name, os.O_RDONLY, dir_fd=root_fd))
        finally:
            self.end()

    def end(self) -> None:
        """Be in the way of no LOOKUP any more."""
        self._handlers[_abi.Opcode.LOOKUP] = self._lookup
