"""Writes what a filesystem has to the host: names, content, modes, times, attributes.

What it writes is new and in a place of the writer's own: it overwrites nothing.
"""

import sys

if sys.platform == "win32":
    raise ImportError("the modes and links are those of POSIX")

import os
from collections.abc import Callable

from devdev_fs import Errno, FsBase, FsError, Ino, Kind, Stat, Whence

from devdev_mount import _hostxattrs

_CHUNK = 1024 * 1024
_KINDS = (Kind.REGULAR, Kind.SYMLINK, Kind.FIFO, Kind.DIRECTORY)


class HostWriter:
    """Writes inodes of a filesystem to names of the host.

    Args:
        fs: the filesystem; nobody changes it meanwhile.
        note: is told of bytes written.
    """

    def __init__(self, fs: FsBase, note: Callable[[int], object] | None = None) -> None:
        self._inodes = fs.inodes
        self._note = note
        self.unkept: list[tuple[str, str]] = []
        """Paths, and what of them the host does not take."""

    @staticmethod
    def can_write(kind: Kind) -> bool:
        """Whether a host has it: sockets and device nodes are left out."""
        return kind in _KINDS

    def make(self, info: Stat, path: str) -> None:
        """Make what an inode is at `path`, with all that belongs to it.

        A directory is empty, and its owner's to fill: `finish` it then.

        Raises:
            FileExistsError: there is something.
            OSError: the host refuses it.
        """
        if info.is_dir:
            os.mkdir(path, 0o700)
            return
        if info.is_symlink:
            os.symlink(os.fsdecode(self._inodes.readlink(info.ino)), path)
        elif info.is_file:
            self._make_file(info, path)
        else:
            os.mkfifo(path, 0o600)
        self.finish(info, path)

    def finish(self, info: Stat, path: str) -> None:
        """Give it the mode, times and attributes.

        Raises:
            OSError: the host refuses it.
        """
        if not info.is_symlink:
            wanted = _hostxattrs.read_fs(self._inodes, info.ino)
            # What is made may have inherited some.
            there, _ = _hostxattrs.read_host(path) if info.is_dir or wanted else ({}, 0)
            _, refused = _hostxattrs.write_host(path, there, wanted)
            if refused:
                text = f"extended attributes: {', '.join(refused)}"
                self.unkept.append((path, text))
            os.chmod(path, info.perm)
        times = (info.atime_ns, info.mtime_ns)
        os.utime(path, ns=times, follow_symlinks=False)

    def _make_file(self, info: Stat, path: str) -> None:
        with open(path, "xb", buffering=0, opener=_open_private) as file:
            offset = 0
            while (start := self._next(info.ino, offset, Whence.DATA)) is not None:
                end = self._next(info.ino, start, Whence.HOLE)
                assert end is not None  # the end of the file is one, too
                data = self._inodes.read(info.ino, start, min(end - start, _CHUNK))
                rest = memoryview(data)
                file.seek(start)
                while rest:
                    rest = rest[file.write(rest) :]
                offset = start + len(data)
                if self._note is not None:
                    self._note(len(data))
            file.truncate(info.size)

    def _next(self, ino: Ino, offset: int, whence: Whence) -> int | None:
        try:
            return self._inodes.lseek(ino, offset, whence)
        except FsError as exc:
            if exc.errno != Errno.ENXIO:
                raise
            return None


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
