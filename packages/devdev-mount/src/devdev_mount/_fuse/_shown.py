"""How an inode is shown to the kernel: its attributes, its owner, as an entry."""

import sys

if sys.platform != "linux":
    raise ImportError("the fuse driver is for Linux")

import os
from functools import lru_cache

from devdev_fs import PAGE_SIZE, Caller, InodeOps, Stat

from devdev_mount._driver import MountOptions
from devdev_mount._fuse import _abi
from devdev_mount._fuse._nodes import Nodes, generation
from devdev_mount._fuse._request import Request, maker

FOREVER = 10**9
"""Seconds that the kernel may keep what it was told; it is told what changes."""

NANO = 10**9

NO_ENTRY = _abi.ENTRY_OUT.pack(0, 0, FOREVER, 0, 0, 0, *([0] * 15))
"""The answer that there is no such name, which the kernel may keep as well."""

_DEVICE_MASK = 2**32 - 1  # the kernel has 12 bits of major and 20 of minor number
_STATX_BASIC_STATS = 0x7FF
_STATX_BTIME = 0x800

_cached_maker = lru_cache(maxsize=64)(maker)


class Shown:
    """The inodes of a store as a mount shows them.

    Args:
        inodes: the store.
        nodes: what the kernel knows of it.
        options: how it is shown.
    """

    def __init__(self, inodes: InodeOps, nodes: Nodes, options: MountOptions) -> None:
        self.inodes = inodes
        self.nodes = nodes
        self.options = options
        self.owner = (
            None if options.ownership == "exact" else (os.geteuid(), os.getegid())
        )
        """Who owns everything, or None where the store's numbers are shown."""

    def maker(self, request: Request, umask: int = 0) -> Caller:
        """Whose a new inode becomes."""
        if self.owner:
            return _cached_maker(0, 0, umask)
        return _cached_maker(request.uid, request.gid, umask)

    def entry(self, stat: Stat) -> bytes:
        """ENTRY_OUT, which the kernel then holds: the lookup is counted last."""
        attr = self._attr(stat)
        nodeid = self.nodes.look_up(stat.ino)
        return _abi.ENTRY_OUT.pack(
            nodeid, generation(stat), FOREVER, FOREVER, 0, 0, *attr
        )

    def attributes(self, stat: Stat) -> bytes:
        """ATTR_OUT."""
        return _abi.ATTR_OUT.pack(FOREVER, 0, *self._attr(stat))

    def statx(self, stat: Stat) -> bytes:
        """STATX_OUT, which has the time of birth too."""
        uid, gid = self.owner or (stat.uid, stat.gid)
        return _abi.STATX_OUT.pack(
            *(FOREVER, 0, _STATX_BASIC_STATS | _STATX_BTIME, PAGE_SIZE, 0),
            *(stat.nlink, uid, gid, stat.mode, stat.ino, stat.size, stat.blocks, 0),
            *divmod(stat.atime_ns, NANO),
            *divmod(stat.btime_ns, NANO),
            *divmod(stat.ctime_ns, NANO),
            *divmod(stat.mtime_ns, NANO),
            *(os.major(stat.rdev), os.minor(stat.rdev), 0, 0),
        )

    def _attr(self, stat: Stat) -> tuple[int, ...]:
        """The fields of ATTR. Times before 1970 keep their nanoseconds positive."""
        ino, mode, nlink, uid, gid, rdev, size, blocks, atime, mtime, ctime, _ = stat
        if self.owner:
            uid, gid = self.owner
        atime, atime_nsec = divmod(atime, NANO)
        mtime, mtime_nsec = divmod(mtime, NANO)
        ctime, ctime_nsec = divmod(ctime, NANO)
        return (
            *(ino, size, blocks, atime, mtime, ctime, atime_nsec, mtime_nsec),
            *(ctime_nsec, mode, nlink, uid, gid, rdev & _DEVICE_MASK, PAGE_SIZE),
        )
