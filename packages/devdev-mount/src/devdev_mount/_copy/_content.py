"""The content of files, from one side to the other: what differs, and no holes."""

import sys

if sys.platform == "win32":
    raise ImportError("for hosts with POSIX files")

import errno
import os
from collections.abc import Iterator

from devdev_fs import (
    PAGE_SIZE,
    Errno,
    FallocateFlags,
    FsError,
    Ino,
    InodeOps,
    SetAttr,
    Stat,
    Whence,
)

_PIECE = 1024 * 1024
_PUNCH = FallocateFlags.PUNCH_HOLE | FallocateFlags.KEEP_SIZE
_BLOCK = 512

Range = tuple[int, int]
"""The first byte, and the one behind the last."""


def push_content(inodes: InodeOps, info: Stat, fd: int, there: int) -> None:
    """Make the host's file, of `there` bytes, hold what the filesystem's does."""
    if there > info.size:
        os.ftruncate(fd, info.size)
        there = info.size
    done = 0
    for start, end in _data(inodes, info.ino, info.size, info.blocks):
        _push_zeros(fd, done, min(start, there))
        for at in range(start, end, _PIECE):
            data = inodes.read(info.ino, at, min(_PIECE, end - at), noatime=True)
            _write_all(fd, data, at, there)
        done = end
    _push_zeros(fd, done, there)
    if max(done, there) < info.size:
        os.ftruncate(fd, info.size)


def _write_all(fd: int, data: bytes, at: int, there: int) -> None:
    if at >= there:
        _pwrite(fd, data, at)
        return
    old = os.pread(fd, len(data), at)
    for start, end in _differing(old, data):
        _pwrite(fd, memoryview(data)[start:end], at + start)


def _pwrite(fd: int, data: bytes | memoryview, at: int) -> None:
    """Write all of it; what is written in part is an error sooner or later."""
    done = os.pwrite(fd, data, at)
    while done < len(data):
        done += os.pwrite(fd, memoryview(data)[done:], at + done)


def _push_zeros(fd: int, start: int, end: int) -> None:
    """Make a range zeros, that is a hole in the filesystem's file."""
    for first, last in _host_data(fd, start, end):
        for at in range(first, last, _PIECE):
            old = os.pread(fd, min(_PIECE, last - at), at)
            if old.count(0) != len(old):
                _pwrite(fd, bytes(len(old)), at)


def pull_content(inodes: InodeOps, ino: Ino, fd: int) -> None:
    """Make the filesystem's file hold what the host's does.

    Raises:
        FsError: ENOSPC, EFBIG.
    """
    host = os.fstat(fd)
    info = inodes.getattr(ino)
    if info.size != host.st_size:
        inodes.setattr(ino, SetAttr(size=host.st_size))
    done = 0
    is_whole = host.st_blocks * _BLOCK >= host.st_size
    whole = [(0, host.st_size)] if host.st_size else []
    for start, end in whole if is_whole else _host_data(fd, 0, host.st_size):
        _punch(inodes, ino, done, start)
        for at in range(start, end, _PIECE):
            data = os.pread(fd, min(_PIECE, end - at), at)
            old = inodes.read(ino, at, len(data), noatime=True)
            for first, last in _differing(old, data):
                inodes.write(ino, at + first, memoryview(data)[first:last])
        done = end
    _punch(inodes, ino, done, host.st_size)


def _punch(inodes: InodeOps, ino: Ino, start: int, end: int) -> None:
    """Make a range a hole that is one in the host's file."""
    if start < end:
        size = inodes.getattr(ino).size
        if any(_data(inodes, ino, size, 0, start, end)):
            inodes.fallocate(ino, _PUNCH, start, end - start)


def _differing(old: bytes, new: bytes) -> Iterator[Range]:
    """Where `new` is not what `old` is, by pages, adjacent ones together."""
    if old == new:
        return
    first = -1
    for at in range(0, len(new), PAGE_SIZE):
        is_same = old[at : at + PAGE_SIZE] == new[at : at + PAGE_SIZE]
        if is_same and first >= 0:
            yield first, at
            first = -1
        elif not is_same and first < 0:
            first = at
    if first >= 0:
        yield first, len(new)


def _data(
    inodes: InodeOps,
    ino: Ino,
    size: int,
    blocks: int,
    start: int = 0,
    stop: int | None = None,
) -> Iterator[Range]:
    """Where a file of the filesystem has data."""
    stop = size if stop is None else min(stop, size)
    if blocks * _BLOCK >= size:
        if start < stop:
            yield start, stop
        return
    while start < stop:
        try:
            start = inodes.lseek(ino, start, Whence.DATA)
        except FsError as exc:
            if exc.errno == Errno.ENXIO:
                return
            raise
        if start >= stop:
            return
        end = min(inodes.lseek(ino, start, Whence.HOLE), stop)
        yield start, end
        start = end


def _host_data(fd: int, start: int, stop: int) -> Iterator[Range]:
    """Where a file of the host has data in a range; all of it, if it cannot tell."""
    seek_data, seek_hole = getattr(os, "SEEK_DATA", None), getattr(os, "SEEK_HOLE", 0)
    while start < stop:
        end = stop
        if seek_data is not None:
            try:
                start = os.lseek(fd, start, seek_data)
                end = min(os.lseek(fd, start, seek_hole), stop)
            except OSError as exc:
                if exc.errno == errno.ENXIO:
                    return
                if exc.errno != errno.EINVAL:
                    raise
        if start >= stop:
            return
        yield start, end
        start = end
