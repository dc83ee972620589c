"""Host paths that a client may name: only those below roots that were allowed.

A path is opened one name at a time from its root, and a symbolic link on the way is
refused: so nobody can lead it elsewhere, not between a look and the use either.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from devdev_mcp._errors import ToolFailure


class HostRoots:
    """The directories of the host that a client may read and write."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = [root.resolve() for root in roots]

    @contextmanager
    def open(self, path: str) -> Iterator[int]:
        """A descriptor of what is there; a file for reading.

        Raises:
            ToolFailure: HOST_PATH_REFUSED, UNSUPPORTED.
            OSError: it cannot be opened.
        """
        root, names = self._split(path)
        if sys.platform == "win32":
            raise _unsupported()
        fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in names:
                fd = _step(fd, name, path)
            yield fd
        finally:
            os.close(fd)

    @contextmanager
    def open_above(self, path: str) -> Iterator[tuple[int, str]]:
        """A descriptor of the directory that `path` is to come into, and its name.

        Raises:
            ToolFailure, OSError: as `open`.
        """
        above, name = os.path.split(os.path.normpath(path))
        with self.open(above) as fd:
            yield fd, name

    def _split(self, path: str) -> tuple[Path, Sequence[str]]:
        given = Path(os.path.normpath(path))
        for root in self._roots:
            if given.is_relative_to(root):
                return root, given.relative_to(root).parts
        allowed = ", ".join(map(str, self._roots)) or "none"
        raise ToolFailure(
            "HOST_PATH_REFUSED",
            "this host path is not below an allowed directory",
            path=path,
            hint=f"Allowed are: {allowed}. The server's --allow-host adds one.",
        )


def host_path(fd: int, name: str = "") -> str:
    """A path of what a descriptor is open on, for other processes of this user too."""
    return os.path.join(f"/proc/{os.getpid()}/fd/{fd}", name).rstrip("/")


def _step(fd: int, name: str, path: str) -> int:
    """Go down one name; the descriptor above is closed if that succeeds."""
    if sys.platform == "win32":
        raise _unsupported()
    # Without O_NONBLOCK a FIFO would be waited for.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        deeper = os.open(name, flags, dir_fd=fd)
    except OSError as error:
        if os.path.islink(host_path(fd, name)):
            message = f"{name} is a symbolic link, which is not followed"
            hint = "Name what it leads to, if that is allowed."
            raise ToolFailure(
                "HOST_PATH_REFUSED", message, path=path, hint=hint
            ) from error
        raise OSError(error.errno, error.strerror, path) from None
    os.close(fd)
    return deeper


def _unsupported() -> ToolFailure:
    return ToolFailure("UNSUPPORTED", "host paths are only opened on POSIX systems")
