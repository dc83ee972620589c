"""A tmpfs that has a path for a moment, for what can only be told of by a path."""

import sys

if sys.platform != "linux":
    raise ImportError("only Linux has a tmpfs")

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.posix.libc import AT_FDCWD, syscall
from tests.posix.tmpfs import Tmpfs

SYS_UMOUNT2, SYS_MOVE_MOUNT = 166, 429
MNT_DETACH = 2
MOVE_MOUNT_F_EMPTY_PATH = 4


@contextmanager
def attached(tmpfs: Tmpfs, path: str | os.PathLike[str]) -> Iterator[None]:
    """Have it at a path. Who opens it then can use it afterwards, too."""
    place = ctypes.c_char_p(os.fsencode(path))
    flags = MOVE_MOUNT_F_EMPTY_PATH
    syscall(SYS_MOVE_MOUNT, tmpfs.root, b"", AT_FDCWD, place, flags)
    try:
        yield
    finally:
        syscall(SYS_UMOUNT2, place, MNT_DETACH)
