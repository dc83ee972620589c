"""A tmpfs that is mounted nowhere: it is there as long as its descriptor is open.

So nobody else sees it, and nothing of it is left however this process ends.
"""

import sys

if sys.platform != "linux":
    raise ImportError("only Linux has a tmpfs")

import ctypes
import os
from types import TracebackType
from typing import Self

from tests.posix.abi import PAGE
from tests.posix.libc import (
    SYS_FSCONFIG,
    SYS_FSMOUNT,
    SYS_FSOPEN,
    SYS_FSPICK,
    syscall,
)
from tests.posix.protocol import PLENTY

FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC, FSPICK_CLOEXEC = 1, 1, 1
FSPICK_EMPTY_PATH = 8
FSCONFIG_SET_STRING, FSCONFIG_CMD_CREATE, FSCONFIG_CMD_RECONFIGURE = 1, 6, 7
MOUNT_ATTR_STRICTATIME = 0x20


class Tmpfs:
    """A private tmpfs in which every read updates atime. For root only.

    Raises:
        OSError: it cannot be mounted; ENOSYS before Linux 5.2, EPERM without
            CAP_SYS_ADMIN.
    """

    def __init__(self) -> None:
        context = syscall(SYS_FSOPEN, b"tmpfs", FSOPEN_CLOEXEC)
        try:
            _configure(context, mode="755", size=str(PLENTY * PAGE))
            _command(context, FSCONFIG_CMD_CREATE)
            self.root = syscall(
                SYS_FSMOUNT, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_STRICTATIME
            )
        finally:
            os.close(context)

    def set_limits(self, blocks: int | None, inodes: int | None) -> None:
        """Set the quotas, in blocks of `PAGE` bytes and in inodes; None is plenty."""
        context = syscall(
            SYS_FSPICK, self.root, b"", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH
        )
        try:
            # A size of 0 would mean no limit.
            size = PLENTY if blocks is None else max(blocks, 1)
            _configure(
                context,
                size=str(size * PAGE),
                nr_inodes=str(PLENTY if inodes is None else max(inodes, 1)),
            )
            _command(context, FSCONFIG_CMD_RECONFIGURE)
        finally:
            os.close(context)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self.root)


def _configure(context: int, **options: str) -> None:
    for key, value in options.items():
        text = ctypes.c_char_p(value.encode())
        syscall(SYS_FSCONFIG, context, FSCONFIG_SET_STRING, key.encode(), text, 0)


def _command(context: int, command: int) -> None:
    syscall(SYS_FSCONFIG, context, command, None, None, 0)
