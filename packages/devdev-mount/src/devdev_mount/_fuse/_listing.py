"""READDIR and READDIRPLUS: the entries of a directory, as many as fit."""

import sys

if sys.platform != "linux":
    raise ImportError("the fuse driver is for Linux")

from collections.abc import Iterator
from struct import Struct

from devdev_fs import Dirent, Ino

from devdev_mount._fuse import _abi
from devdev_mount._fuse._abi import Opcode
from devdev_mount._fuse._request import Handlers, Request
from devdev_mount._fuse._shown import NO_ENTRY, Shown

OPEN_DIRECTORY = _abi.OPEN_OUT.pack(0, _abi.FOPEN_KEEP_CACHE | _abi.FOPEN_CACHE_DIR)
"""There is no state to an open directory, and its cached listing stays good."""

PART = 128
"""Entries that the store is asked for at a time: there is no need for more than fit,
nor for the garbage collector to look at them."""

KNOWN_FIRST = 8
"""Attributes of nodes that the kernel knows, at most, in a listing's first answer."""

_ALIGNMENT = 8
_NO_NODE = (b".", b"..")
_DIRENTS = [
    Struct(f"{_abi.DIRENT.format}{-(-length // _ALIGNMENT) * _ALIGNMENT}s")
    for length in range(256)
]
"""DIRENT with the name and its padding, by the length of the name."""


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
        fitting = self._fitting(request, _abi.DIRENT.size)
        return b"".join([dirent for _, dirent in fitting])

    def readdirplus(self, request: Request) -> bytes:
        """List names with what a LOOKUP of each would answer, and counts as one.

        The kernel always begins with this, to see whether attributes are used. Of
        nodes that it knows they are seldom, so a few are enough for that.
        """
        entry, getattr_ = self._shown.entry, self._inodes.getattr
        find_node = self._shown.nodes.find
        cookie, _, _ = _abi.READ_IN.unpack_from(request.body)
        known_left = sys.maxsize if cookie else KNOWN_FIRST
        listing = []
        for found, dirent in self._fitting(request, _abi.DIRENTPLUS.size):
            is_node = found.name not in _NO_NODE
            known_left -= is_node and find_node(found.ino) is not None
            if known_left < 0:
                break
            listing.append(entry(getattr_(found.ino)) if is_node else NO_ENTRY)
            listing.append(dirent)
        return b"".join(listing)

    def _fitting(self, request: Request, fixed: int) -> Iterator[tuple[Dirent, bytes]]:
        """The next entries that fit, each with its DIRENT, which ends with the name."""
        cookie, size, _ = _abi.READ_IN.unpack_from(request.body)
        beside = fixed - _abi.DIRENT.size
        for found in self._behind(self._inos[request.nodeid], cookie):
            name, ino, kind, cookie = found
            length = len(name)
            dirent = _DIRENTS[length].pack(ino, cookie, length, kind >> 12, name)
            size -= beside + len(dirent)
            if size < 0:
                return
            yield found, dirent

    def _behind(self, ino: Ino, cookie: int) -> Iterator[Dirent]:
        """The entries behind a cookie, asked for as they are needed."""
        part = self._inodes.readdir(ino, cookie, PART)
        yield from part
        while len(part) == PART:
            part = self._inodes.readdir(ino, part[-1].cookie, PART)
            yield from part


def listed_nodes(listing: bytes) -> Iterator[int]:
    """The nodes that the answer to a READDIRPLUS counts a lookup of."""
    at = 0
    while at < len(listing):
        nodeid, *_ = _abi.ENTRY_OUT.unpack_from(listing, at)
        if nodeid:
            yield nodeid
        _, _, length, _ = _abi.DIRENT.unpack_from(listing, at + _abi.ENTRY_OUT.size)
        at += _abi.DIRENTPLUS.size + -(-length // _ALIGNMENT) * _ALIGNMENT
