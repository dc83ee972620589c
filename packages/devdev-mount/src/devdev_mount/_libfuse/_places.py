"""Where libfuse's paths lead: through the store's directories, or to a hidden file.

libfuse knows a file by its path alone. So that one can still be asked about when its
last name goes while it is open, libfuse renames it to `.fuse_hidden...` and unlinks
that when it is closed. Here such a name is an alias, only for who asks by path: the
store's name goes at once, no directory lists the alias, and no snapshot has it.
"""

from collections.abc import Mapping

from devdev_fs import ROOT_INO, Errno, FsError, Ino, InodeOps, Stat


class Places:
    """Finds inodes by path. Every method needs the store's lock.

    INVARIANT: what has an alias is open, and so pinned (see `Handles`).
    """

    def __init__(self, inodes: InodeOps) -> None:
        self._inodes = inodes
        self._aliases: dict[tuple[Ino, bytes], Ino] = {}

    def parent(self, path: bytes) -> tuple[Ino, bytes]:
        """The directory that a path's last name is in, and that name."""
        first, *between, name = path.split(b"/")
        if first or not name:
            raise FsError(Errno.EINVAL, "not a path below the root", path)
        parent = ROOT_INO
        for directory in between:
            parent = self._inodes.lookup(parent, directory).ino
        return parent, name

    def stat(self, path: bytes) -> Stat:
        """The attributes of what a path leads to; links are not followed.

        Raises:
            FsError: as `InodeOps.lookup`.
        """
        if path == b"/":
            return self._inodes.getattr(ROOT_INO)
        place = self.parent(path)
        if self._aliases and place in self._aliases:
            return self._inodes.getattr(self._aliases[place])
        return self._inodes.lookup(*place)

    def ino(self, path: bytes) -> Ino:
        """The inode that a path leads to."""
        return self.stat(path).ino

    # --- aliases -----------------------------------------------------------------

    def hide(self, path: bytes, alias: bytes) -> None:
        """From now on `alias` leads to what `path` leads to, which is open."""
        self._aliases[self.parent(alias)] = self.ino(path)

    def is_hidden(self, ino: Ino) -> bool:
        """Whether the inode has an alias."""
        return ino in self._aliases.values()

    def forget(self, ino: Ino) -> None:
        """Drop the aliases of an inode that nobody has open any more.

        libfuse says nothing more of one whose directory was removed.
        """
        self._aliases = {at: of for at, of in self._aliases.items() if of != ino}

    def renumber(self, moves: Mapping[Ino, Ino]) -> None:
        """Follow inodes that were given other numbers."""
        self._aliases = {at: moves.get(of, of) for at, of in self._aliases.items()}
