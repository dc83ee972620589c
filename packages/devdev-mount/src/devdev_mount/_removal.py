"""Removing what is in a private directory, also what its owner may not change.

It is loaded without the rest of the package too. No link is followed, whatever
programs that are still there do meanwhile.
"""

import sys

if sys.platform == "win32":
    raise ImportError("Windows has no descriptors of directories")

import os
import stat
from contextlib import suppress

ATTEMPTS = 5
"""Tries, while programs that did not notice the end go on making files."""

_DEPTH = 64
"""Directories open at once; what is deeper is first moved up."""
_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove(path: str) -> None:
    """Remove a directory with all that is in it.

    Raises:
        OSError: it is still there.
    """
    late = f"{path}.late"
    with suppress(FileNotFoundError):
        os.rename(path, late)  # nobody finds it by its name any more
    for attempt in range(1, ATTEMPTS + 1):
        try:
            empty(late)
            os.rmdir(late)
        except FileNotFoundError:
            return
        except OSError:
            if attempt == ATTEMPTS:
                raise
        else:
            return


def empty(path: str) -> None:
    """Remove what is in a directory; the directory stays. One that is gone is empty.

    Raises:
        OSError: something cannot be removed.
    """
    try:
        fd = os.open(path, _FLAGS)
    except FileNotFoundError:
        return
    try:
        os.fchmod(fd, stat.S_IMODE(os.fstat(fd).st_mode) | stat.S_IRWXU)
        removal = _Removal(fd)
        removal.empty(fd, 0)
        while removal.moved_up:
            removal.remove(removal.moved_up.pop(), fd, 0)
    finally:
        os.close(fd)


class _Removal:
    """The removal of what is in one directory."""

    def __init__(self, top: int) -> None:
        self._top = top
        self._number = 0
        self.moved_up: list[str] = []

    def empty(self, fd: int, depth: int) -> None:
        with os.scandir(fd) as entries:
            found = [
                (entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries
            ]
        for name, is_directory in found:
            with suppress(FileNotFoundError):
                if not is_directory:
                    os.unlink(name, dir_fd=fd)
                elif depth < _DEPTH:
                    self.remove(name, fd, depth)
                else:
                    self._move_up(name, fd)

    def remove(self, name: str, fd: int, depth: int) -> None:
        child = self._open(name, fd)
        try:
            os.fchmod(child, stat.S_IRWXU)
            self.empty(child, depth + 1)
        finally:
            os.close(child)
        os.rmdir(name, dir_fd=fd)

    def _open(self, name: str, fd: int) -> int:
        try:
            return os.open(name, _FLAGS, dir_fd=fd)
        except PermissionError:
            open_up(name, fd)
            return os.open(name, _FLAGS, dir_fd=fd)

    def _move_up(self, name: str, fd: int) -> None:
        self._number += 1
        target = f".devdev-{os.getpid()}-{self._number}"
        os.rename(name, target, src_dir_fd=fd, dst_dir_fd=self._top)
        self.moved_up.append(target)


def open_up(name: str, fd: int) -> None:
    """Give its owner all permissions on a directory; a link is left alone."""
    if sys.platform != "linux":
        os.chmod(name, stat.S_IRWXU, dir_fd=fd, follow_symlinks=False)
        return
    handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
    try:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            os.chmod(f"/proc/self/fd/{handle}", stat.S_IRWXU)
    finally:
        os.close(handle)
