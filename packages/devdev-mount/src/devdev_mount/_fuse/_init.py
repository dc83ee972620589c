"""INIT: what the kernel and this driver agree on. Only what both have is used."""

from mmap import PAGESIZE
from typing import NamedTuple

from devdev_fs import Errno, FsError

from devdev_mount._fuse import _abi

OLDEST_MINOR = 23
"""Since then (Linux 3.15) the layouts of `_abi` are those of the kernel."""

MAX_WRITE = 1024 * 1024
MAX_PAGES = MAX_WRITE // PAGESIZE
MAX_BACKGROUND = 2**16 - 1
"""Reads ahead and write-backs at the same time: none is to wait within the kernel,
since `KernelMirror.flush` could not tell."""

# FUSE_ATOMIC_O_TRUNC must never be among them: with OPEN answered ENOSYS the kernel
# would take every O_TRUNC for done. Without the writeback cache the store has what
# was written as soon as write(2) returns. Without FUSE_POSIX_LOCKS and
# FUSE_FLOCK_LOCKS locks are the kernel's own.
WANTED = (
    _abi.FUSE_ASYNC_READ
    | _abi.FUSE_EXPORT_SUPPORT
    | _abi.FUSE_BIG_WRITES
    | _abi.FUSE_DONT_MASK
    | _abi.FUSE_DO_READDIRPLUS
    | _abi.FUSE_READDIRPLUS_AUTO
    | _abi.FUSE_NO_OPEN_SUPPORT
    | _abi.FUSE_PARALLEL_DIROPS
    | _abi.FUSE_POSIX_ACL
    | _abi.FUSE_MAX_PAGES
    | _abi.FUSE_CACHE_SYMLINKS
    | _abi.FUSE_NO_OPENDIR_SUPPORT
    | _abi.FUSE_EXPLICIT_INVAL_DATA
    | _abi.FUSE_HANDLE_KILLPRIV_V2
    | _abi.FUSE_SETXATTR_EXT
    | _abi.FUSE_INIT_EXT
)


class Agreement(NamedTuple):
    """The outcome of INIT."""

    reply: bytes
    flags: int
    """What both have; 0 if the kernel has to ask again."""


def negotiate(
    body: bytes, request_timeout: int = 0, *, checks_permissions: bool = True
) -> Agreement:
    """Answer INIT.

    Args:
        body: what the kernel offers.
        request_timeout: seconds after which it is to give up what is not answered; 0
            is never.
        checks_permissions: whether the kernel is to check them; with FUSE_POSIX_ACL it
            always does.

    Raises:
        FsError: EOPNOTSUPP: a kernel that is too old.
    """
    major, minor, max_readahead, offered = _abi.INIT_IN.unpack_from(body)
    if (major, minor) < (_abi.FUSE_KERNEL_VERSION, OLDEST_MINOR):
        raise FsError(
            Errno.EOPNOTSUPP,
            f"this kernel speaks FUSE {major}.{minor}; "
            f"{_abi.FUSE_KERNEL_VERSION}.{OLDEST_MINOR} is needed (Linux 3.15)",
        )
    if major > _abi.FUSE_KERNEL_VERSION:
        # It then asks again in the version that it is told.
        return Agreement(_reply(0, 0, 0), 0)
    if offered & _abi.FUSE_INIT_EXT:
        (more,) = _abi.INIT_IN_EXT.unpack_from(body)
        offered |= more << 32
    wanted = WANTED | (_abi.FUSE_REQUEST_TIMEOUT if request_timeout else 0)
    if not checks_permissions:
        wanted &= ~_abi.FUSE_POSIX_ACL
    flags = offered & wanted
    return Agreement(_reply(max_readahead, flags, request_timeout), flags)


def _reply(max_readahead: int, flags: int, request_timeout: int) -> bytes:
    return _abi.INIT_OUT.pack(
        _abi.FUSE_KERNEL_VERSION,
        _abi.FUSE_KERNEL_MINOR_VERSION,
        max_readahead,
        flags & 0xFFFFFFFF,
        MAX_BACKGROUND,
        MAX_BACKGROUND,
        MAX_WRITE,
        1,  # time_gran: stamps are exact to the nanosecond
        MAX_PAGES,
        flags >> 32,
        request_timeout if flags & _abi.FUSE_REQUEST_TIMEOUT else 0,
    )
