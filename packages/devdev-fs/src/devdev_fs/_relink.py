"""Names and link counts of inodes, from what directories hold; and that it is a tree.

Costs in proportion to the names that changed, and to the depth of the directories
that moved.
"""

from collections import Counter
from collections.abc import Mapping

from devdev_fs._entries import Entries
from devdev_fs._inode import Directory, Inode, Link
from devdev_fs._sparse import Sparse
from devdev_fs._types import LINK_MAX, ROOT_INO, Ino

_NONE = Entries()

Touched = Mapping[Ino, tuple[Inode | None, Inode | None]]
"""Inodes as they were and as they are, by number; None is none."""


class BrokenTree(Exception):
    """The names do not make one tree of all inodes."""


def relink(before: Sparse[Inode], after: Sparse[Inode], touched: Touched) -> None:
    """Set the names and link counts in `after` to what its directories say.

    Args:
        before: a tree whose names and link counts are right; it does not change.
        after: the same but for what was touched. Further inodes are replaced by
            copies where their names or link counts change.
        touched: what was and what is, by number. What is new has no names yet, and no
            link count.

    Raises:
        BrokenTree: says which inode, and what is wrong with it.
    """
    _Relinking(before, after, touched).run()


class _Relinking:
    def __init__(
        self, before: Sparse[Inode], after: Sparse[Inode], touched: Touched
    ) -> None:
        self._before = before
        self._after = after
        self._touched = touched
        self._copied: set[Ino] = set()
        """The numbers of further inodes that were replaced."""
        self._lost: dict[Ino, list[Link]] = {}
        self._gained: dict[Ino, list[Link]] = {}
        self._moved: list[Directory] = []
        self._sound = {ROOT_INO}
        """Directories that are certain to be below the root."""
        self._directories: Counter[Ino] = Counter()
        """How many more directories there are in a directory."""

    def run(self) -> None:
        if not isinstance(self._after.get(ROOT_INO), Directory):
            raise BrokenTree("the root is missing or no directory")
        for ino, (old, new) in self._touched.items():
            if isinstance(old, Directory) or isinstance(new, Directory):
                self._compare(ino, _entries(old), _entries(new))
        for ino, (old, new) in self._touched.items():
            self._set_names(ino, old, new)
        for ino in {**self._gained, **self._lost}:
            if ino not in self._touched:
                self._set_names(ino, self._before.get(ino), self._after.get(ino))
        for directory in self._moved:
            self._check_circles(directory)
        self._count_directories()

    def _compare(self, ino: Ino, old: Entries, new: Entries) -> None:
        """Take note of the names that a directory lost and gained."""
        if not old:
            for name, (child, _) in new:
                self._gained.setdefault(child, []).append((ino, name))
            return
        for name in old.differences(new):
            for entries, links in ((old, self._lost), (new, self._gained)):
                entry = entries.get(name)
                if entry is not None:
                    links.setdefault(entry[0], []).append((ino, name))

    def _set_names(self, ino: Ino, old: Inode | None, new: Inode | None) -> None:
        links = self._links(ino, old, new)
        if new is None:
            if links:
                parent, name = links[0]
                where = f"{name!r} in directory {parent}"
                raise BrokenTree(f"{where} means inode {ino}, which is missing")
        elif ino == ROOT_INO:
            new.parent = ROOT_INO
        else:
            _check_number(new, links)
            inode = self._writable(new)
            inode.parent, inode.name = links[0]
            inode.others = set(links[1:]) or None
            if isinstance(inode, Directory):
                if ino in self._gained:
                    self._moved.append(inode)
            else:
                inode.nlink = len(links)

    def _links(self, ino: Ino, old: Inode | None, new: Inode | None) -> list[Link]:
        """The names of an inode, of which its old directories are told."""
        gained = self._gained.get(ino, [])
        is_directory = isinstance(new, Directory)
        if is_directory:
            for parent, _ in gained:
                self._directories[parent] += 1
        if old is None:
            return sorted(gained)
        lost = set(self._lost.get(ino, ()))
        kept = [link for link in old.links() if link not in lost]
        if isinstance(old, Directory):
            for parent, _ in lost:
                self._directories[parent] -= 1
        for parent, _ in kept:
            self._directories[parent] += is_directory - isinstance(old, Directory)
        return sorted(kept + gained)

    def _writable(self, inode: Inode) -> Inode:
        """The inode, copied if need be, to be changed."""
        if inode.ino in self._touched or inode.ino in self._copied:
            return inode
        self._copied.add(inode.ino)
        twin = inode.copy()
        # Its record does not tell of names and link counts.
        twin.digest = inode.digest
        self._after.set(inode.ino, twin)
        return twin

    def _check_circles(self, directory: Directory) -> None:
        """Check that a directory that has come somewhere is below the root."""
        seen: set[Ino] = set()
        above: Inode | None = directory
        while isinstance(above, Directory) and above.ino not in self._sound:
            if above.ino in seen:
                raise BrokenTree(f"directory {above.ino} is below itself")
            seen.add(above.ino)
            above = self._after.get(above.parent)
        self._sound |= seen

    def _count_directories(self) -> None:
        for old, new in self._touched.values():
            if isinstance(new, Directory):
                new.nlink = old.nlink if isinstance(old, Directory) else 2
        for ino, more in self._directories.items():
            directory = self._after.get(ino)
            if more and isinstance(directory, Directory):
                self._writable(directory).nlink += more


def _entries(inode: Inode | None) -> Entries:
    return inode.entries if isinstance(inode, Directory) else _NONE


def _check_number(inode: Inode, links: list[Link]) -> None:
    if not links:
        raise BrokenTree(f"inode {inode.ino} has no name below the root")
    most = 1 if isinstance(inode, Directory) else LINK_MAX
    if len(links) > most:
        what = "directory" if most == 1 else "inode"
        raise BrokenTree(f"{what} {inode.ino} has {len(links)} names")
