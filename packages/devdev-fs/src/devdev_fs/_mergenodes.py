"""The things that a merge is about, each in its three versions.

A thing is an inode and what stands for it on the other sides: the same inode, or what
came in its place. It has one number in the result: ours, if our side has it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from devdev_fs._compare import compare
from devdev_fs._image import Image, is_same
from devdev_fs._inode import Directory, Inode, Link
from devdev_fs._pairing import pair_by_path
from devdev_fs._types import ROOT_INO, Ino

Links = frozenset[Link]

_NO_LINKS: Links = frozenset()


@dataclass(slots=True, eq=False)
class Node:
    """One thing; a version is None where it is not there.

    The directories in the names have the numbers of the result.
    """

    ino: Ino
    base: Inode | None
    ours: Inode | None
    theirs: Inode | None
    base_links: Links = _NO_LINKS
    our_links: Links = _NO_LINKS
    their_links: Links = _NO_LINKS
    links: Links = _NO_LINKS
    """Its names in the result, as far as that is decided; without any it is gone."""
    is_settled: bool = False
    """Whether its names are for good those of the side that wins conflicts."""

    @property
    def version(self) -> Inode:
        """Any of its versions: what kind of thing it is."""
        version = self.ours or self.theirs or self.base
        assert version is not None
        return version


class Nodes:
    """All things that any side changed, and what those changes may run into.

    The images need not be whole: names are told by the inodes that have them, not by
    the entries of directories.
    """

    def __init__(self, base: Image, ours: Image, theirs: Image) -> None:
        self._base = base
        self._ours = ours
        self._theirs = theirs
        self.next_ino = max(ours.next_ino, base.next_ino)
        """The next number that is free."""
        self.by_number: dict[Ino, Node] = {}
        """In the order of their numbers in the result."""
        mine, other = _Changes(base, ours), _Changes(base, theirs)
        self._our_changes, self._their_changes = mine, other
        self._restored = {
            ino
            for ino in mine.fresh & other.fresh
            if ino < base.next_ino
            and is_same(ours.inodes.get(ino), theirs.inodes.get(ino))
        }
        """Inodes that `base` lacks, and both sides brought back."""
        mine.fresh -= self._restored
        other.fresh -= self._restored
        self._to_ours = mine.pair(other)
        self._to_theirs = other.pair(mine)
        self._taken: set[Ino] = set()
        self._base_numbers: dict[Ino, Ino] = {}
        self._their_numbers: dict[Ino, Ino] = {}
        self._set_numbers()
        for find in (self._known, self._fresh, self._bystanders):
            found = {node.ino: self._with_links(node) for node in find()}
            self.by_number.update(found)
        self.by_number = dict(sorted(self.by_number.items()))

    # --- numbers -----------------------------------------------------------------

    def _set_numbers(self) -> None:
        """Decide which numbers the things have that our side has not as they are."""
        for ino in sorted(self._our_changes.lost):
            self._base_numbers[ino] = self._to_ours.get(ino) or self._take(ino)
        for ino, twin in self._to_theirs.items():
            self._their_numbers[twin] = self._base_number(ino)
        fresh = self._their_changes.fresh
        added = pair_by_path(
            self._theirs,
            self._ours,
            fresh,
            self._our_changes.fresh,
            self._their_number,
        )
        self._their_numbers.update(added)
        for ino in sorted(fresh - added.keys()):
            self._their_numbers[ino] = self._take(ino)

    def _take(self, ino: Ino) -> Ino:
        """That number, if it was given before the sides parted and is free now."""
        is_old = ino < min(self._base.next_ino, self._ours.next_ino)
        if is_old and ino not in self._taken and self._ours.inodes.get(ino) is None:
            self._taken.add(ino)
            return ino
        self.next_ino = Ino(self.next_ino + 1)
        return Ino(self.next_ino - 1)

    def _base_number(self, ino: Ino) -> Ino:
        return self._base_numbers.get(ino, ino)

    def _their_number(self, ino: Ino) -> Ino:
        number = self._their_numbers.get(ino)
        return self._base_number(ino) if number is None else number

    # --- things ------------------------------------------------------------------

    def _known(self) -> Iterator[Node]:
        """What was there before the sides parted."""
        mine, other = self._our_changes, self._their_changes
        for ino in sorted(mine.known | other.known):
            here = self._to_ours.get(ino) if ino in mine.lost else ino
            there = self._to_theirs.get(ino) if ino in other.lost else ino
            yield Node(
                self._base_number(ino),
                self._base.inodes.get(ino),
                None if here is None else self._ours.inodes.get(here),
                None if there is None else self._theirs.inodes.get(there),
            )

    def _fresh(self) -> Iterator[Node]:
        """What a side made, or both."""
        there = {ino: ino for ino in self._restored}
        there |= {self._their_number(ino): ino for ino in self._their_changes.fresh}
        for ino in self._our_changes.fresh | there.keys():
            other = there.get(ino)
            theirs = None if other is None else self._theirs.inodes.get(other)
            yield Node(ino, None, self._ours.inodes.get(ino), theirs)

    def _bystanders(self) -> Iterator[Node]:
        """What no side changed, where something goes or its directory goes."""
        for node in self.by_number.values():
            numbers = []
            for parent, name in node.their_links - node.our_links:
                directory = self._ours.inodes.get(parent)
                if isinstance(directory, Directory):
                    numbers.append(directory.child(name))
            if isinstance(node.ours, Directory) and node.theirs is None:
                numbers += node.ours.entries.inos()
            for ino in numbers:
                if ino is not None and ino not in self.by_number:
                    inode = self._ours.inodes.get(ino)
                    yield Node(ino, inode, inode, inode)

    def _with_links(self, node: Node) -> Node:
        node.base_links = _links(node.base, self._base_number)
        node.our_links = _links(node.ours, Ino)
        node.their_links = _links(node.theirs, self._their_number)
        return node


def _links(inode: Inode | None, number: Callable[[Ino], Ino]) -> Links:
    if inode is None:
        return _NO_LINKS
    return frozenset((number(parent), name) for parent, name in inode.links())


class _Changes:
    """What one side changed, by numbers before and after."""

    def __init__(self, base: Image, side: Image) -> None:
        self._base = base
        self._side = side
        self.known: set[Ino] = set()
        """What it has in another version, or lost."""
        self.lost: set[Ino] = set()
        self.fresh: set[Ino] = set()
        """What came, and stands for nothing of `base` so far."""
        self._stirred: set[Ino] = {ROOT_INO}
        """What it has not as it was, times aside, and the directories above."""
        for number, old, new in base.inodes.differences(side.inodes):
            ino = Ino(number)
            is_kept = is_same(old, new)
            if old is not None:
                self.known.add(ino)
                if not is_kept:
                    self.lost.add(ino)
            if new is not None and not is_kept:
                self.fresh.add(ino)
            self._stir(old, new)

    def _stir(self, old: Inode | None, new: Inode | None) -> None:
        if old and new and old.links() == new.links() and not compare(old, new):
            return
        if old is not None:
            self._stirred.add(old.ino)
            self._stir_above(self._base, old)
        if new is not None:
            self._stir_above(self._side, new)

    def _stir_above(self, image: Image, inode: Inode) -> None:
        for ino, _ in inode.links():
            directory = image.inodes.get(ino)
            while ino not in self._stirred and directory is not None:
                self._stirred.add(ino)
                ino = directory.parent
                directory = image.inodes.get(ino)

    def pair(self, other: "_Changes") -> dict[Ino, Ino]:
        """What came in the place of what was lost, where the other side cares.

        Where it does not, what was lost is lost, and what came is new.
        """
        gone = self.lost & other._stirred
        return pair_by_path(self._base, self._side, gone, self.fresh, Ino)
