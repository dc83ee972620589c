"""One server at a time mounts at a place: the second then finds the first's mount."""

import sys

if sys.platform != "linux":
    raise ImportError("FUSE mounts are for Linux")

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from devdev_mount._detach import mount_table
from devdev_mount._errors import MountError

TIMEOUT = 20.0
INTERVAL = 0.02


@contextmanager
def turn_at(mountpoint: str | None) -> Iterator[None]:
    """Keep others from mounting there meanwhile, if it is a directory that is given.

    Raises:
        MountError: another takes too long.
    """
    fd = None if mountpoint is None else _open(mountpoint)
    if fd is None:
        yield
        return
    try:
        _lock(fd, mountpoint)
        yield
    finally:
        os.close(fd)


def _open(mountpoint: str) -> int | None:
    """The directory; None if it cannot be used, which mounting then says."""
    path = os.path.realpath(os.path.dirname(mountpoint))
    path = os.path.join(path, os.path.basename(mountpoint))
    # To open a mount can take for ever.
    if any(mount.mountpoint == path for mount in mount_table()):
        return None
    try:
        return os.open(mountpoint, os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK)
    except OSError:
        return None


def _lock(fd: int, mountpoint: str | None) -> None:
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                message = f"another process has been mounting at {mountpoint}"
                raise MountError(f"{message} for {TIMEOUT:.0f} s") from None
            time.sleep(INTERVAL)
        except OSError:  # a filesystem without locks
            return None
