"""Open files and directories: what is behind WinFsp's file contexts."""

from collections.abc import Mapping

from devdev_fs import Ino, InodeOps


class Handle:
    """One open file or directory.

    Args:
        ino: what it is of.
    """

    __slots__ = ("ino", "listing")

    def __init__(self, ino: Ino) -> None:
        self.ino = ino
        self.listing: list[tuple[str, bytes]] = []
        """What a listing that was begun goes on with: names as they are shown, in
        their order, and as the store has them."""


class Handles:
    """All that is open. Every method needs the store's lock.

    INVARIANT: each handle has one pin on its inode.
    """

    def __init__(self, inodes: InodeOps) -> None:
        self._inodes = inodes
        self._handles: set[Handle] = set()

    def open(self, ino: Ino) -> Handle:
        """Hold an inode."""
        self._inodes.pin(ino)
        handle = Handle(ino)
        self._handles.add(handle)
        return handle

    def become(self, handle: Handle, ino: Ino) -> None:
        """Let a handle be of another inode."""
        self._inodes.pin(ino)
        self._inodes.unpin(handle.ino)
        handle.ino = ino

    def close(self, handle: Handle) -> None:
        """Let go of it."""
        self._handles.remove(handle)
        self._inodes.unpin(handle.ino)

    def renumber(self, moves: Mapping[Ino, Ino]) -> None:
        """Follow inodes that were given other numbers."""
        for handle in self._handles:
            handle.ino = moves.get(handle.ino, handle.ino)

    def close_all(self) -> None:
        """Let go of everything."""
        for handle in list(self._handles):
            self.close(handle)
