"""Open files and directories: what is behind the `fh` of libfuse's fuse_file_info."""

from collections.abc import Mapping
from itertools import count

from devdev_fs import Ino, InodeOps


class Handle:
    """One open file description."""

    __slots__ = ("ino", "may_write", "node", "span")

    def __init__(self, ino: Ino, node: int, may_write: bool, span: int) -> None:
        self.ino = ino
        self.node = node
        """The kernel's number of what was opened, by which it keeps pages; 0 as long
        as it is not known, which is from a CREATE to the first request after it."""
        self.may_write = may_write
        self.span = span
        """Whose it is; pages of a mapping are written back in its name."""


class Handles:
    """All that is open. Every method needs the store's lock.

    INVARIANT: each handle has one pin on its inode.
    """

    def __init__(self, inodes: InodeOps) -> None:
        self._inodes = inodes
        self._numbers = count(1)
        self._handles: dict[int, Handle] = {}
        self._of: dict[Ino, list[Handle]] = {}
        self.writable = 0
        """How many may write, and so map a file and make its pages dirty."""

    def __getitem__(self, fh: int) -> Handle:
        return self._handles[fh]

    def open(
        self, ino: Ino, node: int = 0, may_write: bool = False, span: int = 0
    ) -> int:
        """Hold an inode; returns the number to know it by."""
        self._inodes.pin(ino)
        fh = next(self._numbers)
        handle = self._handles[fh] = Handle(ino, node, may_write, span)
        self._of.setdefault(ino, []).append(handle)
        self.writable += may_write
        return fh

    def close(self, fh: int) -> Ino:
        """Let go of it; returns the inode."""
        handle = self._handles.pop(fh)
        others = self._of[handle.ino]
        others.remove(handle)
        if not others:
            del self._of[handle.ino]
        self.writable -= handle.may_write
        self._inodes.unpin(handle.ino)
        return handle.ino

    def is_open(self, ino: Ino) -> bool:
        """Whether anybody has the inode open."""
        return ino in self._of

    def is_shared(self, node: int, ino: Ino) -> bool:
        """Whether the kernel takes another inode that is open for the same file."""
        return any(
            handle.node == node and handle.ino != ino
            for handle in self._handles.values()
        )

    def opened(self, node: int) -> Ino | None:
        """What is open under a number of the kernel's; None if nothing is known."""
        handles = self._handles.values()
        return next((handle.ino for handle in handles if handle.node == node), None)

    def nodes(self, ino: Ino) -> set[int]:
        """Under which numbers the kernel may have pages of an inode."""
        return {handle.node for handle in self._of.get(ino, ()) if handle.node}

    def renumber(self, moves: Mapping[Ino, Ino]) -> None:
        """Follow inodes that were given other numbers."""
        moved = [handle for ino in moves for handle in self._of.pop(ino, ())]
        for handle in moved:
            handle.ino = moves[handle.ino]
            self._of.setdefault(handle.ino, []).append(handle)

    def close_all(self) -> None:
        """Let go of everything; libfuse does not say it at the end."""
        for fh in list(self._handles):
            self.close(fh)
