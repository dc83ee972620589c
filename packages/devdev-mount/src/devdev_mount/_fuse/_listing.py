"""READDIR and READDIRPLUS: the entries of a directory, as many as fit."""

import sys

if sys.platform != "linux":
    raise ImportError("the fuse driver is for Linux")

from collections.abc import Iterator

from devdev_fs import Dirent

from devdev_mount._fuse import _abi
from devdev_mount._fuse._abi import Opcode
from devdev_mount._fuse._request import Handlers, Request
from devdev_mount._fuse._shown import NO_ENTRY, Shown

OPEN_DIRECTORY = _abi.OPEN_OUT.pack(0, _abi.FOPEN_KEEP_CACHE | _abi.FOPEN_CACHE_DIR)
"""There is no state to an open directory, and its cached listing stays good."""

_ALIGNMENT = 8
_NO_NODE = (b".", b"..")


class ListingOps:
    """OPENDIR, READDIR and READDIRPLUS."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._inodes = shown.inodes
        self._inos = shown.nodes.inos

    def handlers(self) -> Handlers:
        """What it answers."""
        return {
            Opcode.OPENDIR: self.opendir,
            Opcode.READDIR: self.readdir,
            Opcode.READDIRPLUS: self.readdirplus,
        }

    def opendir(self, request: Request) -> bytes:
        """Open a directory, for a kernel that cannot do without."""
        return OPEN_DIRECTORY

    def readdir(self, request: Request) -> bytes:
        """List names."""
        listing = bytearray()
        for entry, padded in self._fitting(request, _abi.DIRENT.size):
            listing += _dirent(entry)
            listing += entry.name.ljust(padded, b"\0")
        return bytes(listing)

    def readdirplus(self, request: Request) -> bytes:
        """List names with what a LOOKUP of each would answer, and counts as one."""
        listing = bytearray()
        for entry, padded in self._fitting(request, _abi.DIRENTPLUS.size):
            if entry.name in _NO_NODE:
                listing += NO_ENTRY
            else:
                listing += self._shown.entry(self._inodes.getattr(entry.ino))
            listing += _dirent(entry)
            listing += entry.name.ljust(padded, b"\0")
        return bytes(listing)

    def _fitting(self, request: Request, fixed: int) -> Iterator[tuple[Dirent, int]]:
        """The next entries that fit, and the length that each name is padded to."""
        cookie, size, _ = _abi.READ_IN.unpack_from(request.body)
        most = size // (fixed + _ALIGNMENT)
        for entry in self._inodes.readdir(self._inos[request.nodeid], cookie, most):
            padded = -(-len(entry.name) // _ALIGNMENT) * _ALIGNMENT
            size -= fixed + padded
            if size < 0:
                return
            yield entry, padded


def _dirent(entry: Dirent) -> bytes:
    name, ino, kind, cookie = entry
    return _abi.DIRENT.pack(ino, cookie, len(name), kind >> 12)


def listed_nodes(listing: bytes) -> Iterator[int]:
    """The nodes that the answer to a READDIRPLUS counts a lookup of."""
    at = 0
    while at < len(listing):
        nodeid, *_ = _abi.ENTRY_OUT.unpack_from(listing, at)
        if nodeid:
            yield nodeid
        _, _, length, _ = _abi.DIRENT.unpack_from(listing, at + _abi.ENTRY_OUT.size)
        at += _abi.DIRENTPLUS.size + -(-length // _ALIGNMENT) * _ALIGNMENT
