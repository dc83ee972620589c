"""A directory in which something is prepared beside the place that it is to have.

Whoever makes one holds a lock on it, which ends with the process, however that ends:
so one that was left behind is told apart, and the next that prepares something there
clears it away.
"""

import sys

if sys.platform == "win32":
    raise ImportError("Windows has no locks on directories")

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from devdev_mount import _removal

_ATTEMPTS = 10
"""Times that another process, which clears up, may take a new one for abandoned."""


@contextmanager
def staging(parent: str, prefix: str) -> Iterator[str]:
    """A new directory in `parent`, which is gone at the end, with all that is in it.

    Args:
        parent: where.
        prefix: what its name begins with.

    Raises:
        OSError: it cannot be made there.
    """
    for abandoned in abandoned_in(parent, prefix):
        # Another user's may be left.
        with suppress(OSError):
            _removal.remove(abandoned)
    path, fd = _make(parent, prefix)
    try:
        yield path
    finally:
        # The lock goes last, or another would help to clear up.
        try:
            _removal.remove(path)
        finally:
            os.close(fd)


def abandoned_in(parent: str, prefix: str) -> Iterator[str]:
    """Those of `staging` whose owner has ended without clearing up.

    Each is this process's until the next is asked for.

    Raises:
        OSError: `parent` cannot be read.
    """
    for name in sorted(os.listdir(parent)):
        path = os.path.join(parent, name)
        if not name.startswith(prefix):
            continue
        with suppress(OSError):  # it has just gone, is another's, or no directory
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield path
            finally:
                os.close(fd)


def _make(parent: str, prefix: str) -> tuple[str, int]:
    """The directory and what locks it."""
    attempt = 0
    while True:
        attempt += 1
        path = tempfile.mkdtemp(prefix=prefix, dir=parent)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            if attempt == _ATTEMPTS:
                raise
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            if attempt == _ATTEMPTS:
                raise
            continue
        return path, fd
