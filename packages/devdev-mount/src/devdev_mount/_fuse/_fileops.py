"""Requests about the content of files and links."""

import sys

if sys.platform != "linux":
    raise ImportError("the fuse driver is for Linux")

import os
import re

from devdev_fs import ROOT_CALLER, Caller, Ino

from devdev_mount._fuse import _abi
from devdev_mount._fuse._abi import Opcode
from devdev_mount._fuse._request import Handlers, Request
from devdev_mount._fuse._shown import Shown

OPEN_FILE = _abi.OPEN_OUT.pack(0, _abi.FOPEN_KEEP_CACHE)
"""There is no state to an open file, and its cached pages stay good."""

_OPEN_PAST_CACHE = _abi.OPEN_OUT.pack(0, _abi.FOPEN_KEEP_CACHE | _abi.FOPEN_DIRECT_IO)
_COHERENT_PAST_CACHE = (6, 18, 10)
"""The first Linux, for certain, that drops the cached pages of what is written past
them before and after (fs/fuse/file.c:fuse_direct_io): one that others read meanwhile
would be kept otherwise."""


def is_coherent_past_cache(release: str) -> bool:
    """Whether a kernel of that release may be told to write past its page cache."""
    numbers = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", release)
    if numbers is None:
        return False
    major, minor, patch = (int(number or 0) for number in numbers.groups())
    return (major, minor, patch) >= _COHERENT_PAST_CACHE


_IS_COHERENT_PAST_CACHE = is_coherent_past_cache(os.uname().release)


def made_file(flags: int) -> bytes:
    """OPEN_OUT of a file that was made by an open(2) with these flags.

    Who can only write to it is let past the page cache: that saves the question for
    `security.capability` before the first WRITE, and a copy. There is nothing cached of
    it, it cannot be mapped by that descriptor, and everybody else has the page cache.
    """
    if _IS_COHERENT_PAST_CACHE and flags & os.O_ACCMODE == os.O_WRONLY:
        return _OPEN_PAST_CACHE
    return OPEN_FILE


class FileOps:
    """READ, WRITE and their kin."""

    def __init__(self, shown: Shown) -> None:
        self._inodes = shown.inodes
        self._inos = shown.nodes.inos
        self._is_read_only = shown.options.read_only
        self.appended: list[tuple[Ino, int]] = []
        """Appends that the store put elsewhere than the kernel: inode, its offset."""

    def handlers(self) -> Handlers:
        """What it answers."""
        return {
            Opcode.OPEN: self.open,
            Opcode.READ: self.read,
            Opcode.WRITE: self.write,
            Opcode.READLINK: self.readlink,
            Opcode.FALLOCATE: self.fallocate,
            Opcode.LSEEK: self.lseek,
            Opcode.COPY_FILE_RANGE: self.copy_file_range,
            Opcode.COPY_FILE_RANGE_64: self.copy_file_range_64,
        }

    def open(self, request: Request) -> bytes:
        """Open a file, for a kernel that cannot do without."""
        return OPEN_FILE

    def read(self, request: Request) -> list[bytes]:
        """Read a file."""
        offset, size, flags = _abi.READ_IN.unpack_from(request.body)
        ino = self._inos[request.nodeid]
        is_quiet = self._is_read_only or bool(flags & os.O_NOATIME)
        return self._inodes.read_chunks(ino, offset, size, noatime=is_quiet)

    def write(self, request: Request) -> bytes:
        """Write a file. What is written with O_APPEND goes to the store's real end.

        The kernel's own idea of the size does not follow what is appended elsewhere,
        and its offset would overwrite that.
        """
        offset, size, write_flags, flags = _abi.WRITE_IN.unpack_from(request.body)
        ino = self._inos[request.nodeid]
        data = request.payload[:size]
        caller = ROOT_CALLER
        if write_flags & _abi.FUSE_WRITE_KILL_SUIDGID:
            caller = request.without_fsetid()
        if flags & os.O_APPEND and not write_flags & _abi.FUSE_WRITE_CACHE:
            end = self._inodes.append(ino, data, caller, True)
            size = min(size, self._inodes.getattr(ino).size - end)
            if end != offset:
                self.appended.append((ino, offset))
        else:
            size = self._inodes.write(ino, offset, data, caller, True)
        return _abi.WRITE_OUT.pack(size)

    def readlink(self, request: Request) -> bytes:
        """Read the target of a symbolic link."""
        return self._inodes.readlink(self._inos[request.nodeid])

    def fallocate(self, request: Request) -> bytes:
        """Allocate space, or make holes and zeros."""
        offset, length, mode = _abi.FALLOCATE_IN.unpack_from(request.body)
        ino = self._inos[request.nodeid]
        self._inodes.fallocate(ino, mode, offset, length, _changer(request))
        return b""

    def lseek(self, request: Request) -> bytes:
        """Find data or a hole."""
        offset, whence = _abi.LSEEK_IN.unpack_from(request.body)
        found = self._inodes.lseek(self._inos[request.nodeid], offset, whence)
        return _abi.LSEEK_OUT.pack(found)

    def copy_file_range(self, request: Request) -> bytes:
        """Copy between two files; the store copies less at once than 32 bits say."""
        return _abi.WRITE_OUT.pack(self._copy(request))

    def copy_file_range_64(self, request: Request) -> bytes:
        """Copy between two files, for a kernel that takes a longer answer."""
        return _abi.COPY_FILE_RANGE_OUT.pack(self._copy(request))

    def _copy(self, request: Request) -> int:
        offset, target, target_offset, length = _abi.COPY_FILE_RANGE_IN.unpack_from(
            request.body
        )
        return self._inodes.copy_file_range(
            self._inos[request.nodeid],
            offset,
            self._inos[target],
            target_offset,
            length,
            _changer(request),
        )


def _changer(request: Request) -> Caller:
    """Who changes content by a request that does not say if set-id bits may stay."""
    return request.without_fsetid() if request.uid else ROOT_CALLER
