"""Nodeids: the numbers under which the kernel knows inodes, and how often.

A nodeid is the inode's number, so that a file handle (open_by_handle_at(2)) finds its
inode when the kernel has forgotten it. A restore of the store brings inode numbers
back: while the kernel knows another inode by the number, the new one gets a number
that no inode has; and afterwards the generation, from the time of birth, tells them
apart. Every method needs the store's lock.
"""

from collections.abc import Sequence

from devdev_fs import ROOT_INO, Errno, FsError, Ino, InodeOps, Stat

from devdev_mount._fuse._abi import FUSE_ROOT_ID

NO_INODE = 2**63
"""The node of what is in no store; nodeids above it are not inode numbers either."""
_GENERATIONS = 2**32 - 1


def generation(stat: Stat) -> int:
    """What tells inodes apart that have the same number one after the other."""
    return stat.btime_ns & _GENERATIONS if stat.ino != ROOT_INO else 0


class Nodes:
    """The inodes that the kernel knows.

    INVARIANT: a node is here iff its lookup count is above 0, and its inode then has
    one pin of ours. The root is always here and needs no pin: it cannot be removed.
    """

    def __init__(self, inodes: InodeOps) -> None:
        self._inodes = inodes
        self._next = NO_INODE + 1
        self._nlookup: dict[int, int] = {FUSE_ROOT_ID: 1}
        self._nodeids: dict[Ino, int] = {ROOT_INO: FUSE_ROOT_ID}
        self.inos: dict[int, Ino] = {FUSE_ROOT_ID: ROOT_INO}
        """The inode behind each nodeid."""

    def find(self, ino: Ino) -> int | None:
        """The nodeid of an inode, or None where the kernel does not know it."""
        return self._nodeids.get(ino)

    def reopen(self, nodeid: int) -> Stat:
        """The inode of a node that the kernel has forgotten, by a file handle.

        The word of that may still be under way, so one without a name, which was only
        held by the kernel, is gone.

        Raises:
            FsError: ENOENT.
        """
        ino = self.inos.get(nodeid)
        if ino is None and nodeid >= NO_INODE:
            raise FsError(Errno.ENOENT)
        stat = self._inodes.getattr(Ino(nodeid) if ino is None else ino)
        if not stat.nlink:
            raise FsError(Errno.ENOENT)
        return stat

    def look_up(self, ino: Ino) -> int:
        """The nodeid for an entry that is about to be answered; counts the lookup."""
        nodeid = self._nodeids.get(ino)
        if nodeid is not None:
            self._nlookup[nodeid] += 1
            return nodeid
        self._inodes.pin(ino)
        nodeid = ino
        if nodeid in self._nlookup:
            nodeid = self._next
            self._next += 1
        self._nodeids[ino] = nodeid
        self.inos[nodeid] = ino
        self._nlookup[nodeid] = 1
        return nodeid

    def forget(self, nodeid: int, nlookup: int) -> None:
        """Undo `nlookup` lookups; with the last one the inode is let go of."""
        if nodeid in (FUSE_ROOT_ID, NO_INODE):
            return
        left = self._nlookup[nodeid] - nlookup
        if left > 0:
            self._nlookup[nodeid] = left
            return
        del self._nlookup[nodeid]
        ino = self.inos.pop(nodeid)
        del self._nodeids[ino]
        self._inodes.unpin(ino)

    def forget_all(self) -> None:
        """Let go of every inode; the kernel does not say it when it unmounts."""
        for nodeid, nlookup in list(self._nlookup.items()):
            self.forget(nodeid, nlookup)

    def renumber(self, moves: Sequence[tuple[Ino, Ino]]) -> None:
        """Follow inodes that were given other numbers."""
        for old, new in moves:
            nodeid = self._nodeids.pop(old, None)
            if nodeid is not None:
                self._nodeids[new] = nodeid
                self.inos[nodeid] = new
