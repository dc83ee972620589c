"""A tree made anew from what some inodes shall hold and be called.

Merging, undoing and restoring decide about single inodes; this makes whole ones of
the decisions: directories with their entries, and link counts.
"""

from collections import defaultdict
from collections.abc import Mapping, Set
from typing import NamedTuple

from devdev_fs._differences import Conflict
from devdev_fs._entries import Entries
from devdev_fs._image import Image
from devdev_fs._inode import COOKIE_MAX, FIRST_COOKIE, Directory, Inode, Link
from devdev_fs._types import ROOT_INO, Ino

_Edits = defaultdict[Ino, dict[bytes, Ino]]
"""What names come to mean, by directory; 0 is nothing."""


class Merged(NamedTuple):
    """What is to become of a filesystem."""

    target: dict[Ino, Inode | None]
    """The inodes that change, and how; what `InodeTable.put` takes."""
    conflicts: list[Conflict]
    next_ino: Ino
    """The next number that is free then."""


class Plan(NamedTuple):
    """What one inode shall be."""

    body: Inode
    """The version that has what it shall hold; whatever its number and names are."""
    links: Set[Link]
    """All its names; without any it is to go. The root has none and stays."""


def assemble(live: Image, plans: Mapping[Ino, Plan]) -> dict[Ino, Inode | None]:
    """The inodes of `live` that become others by the plans, by number.

    All plans together give a tree: each name is in a directory and means one thing.
    Directories have the entries that follow from the plans and, where no plan speaks
    of a name, those that they have in `live`. An inode of `live` keeps its birth.
    """
    edits = _edits(live, plans)
    target: dict[Ino, Inode | None] = {}
    for ino in sorted(plans.keys() | edits.keys()):
        there = live.inodes.get(ino)
        plan = plans.get(ino)
        if plan is None:
            assert there is not None
            plan = Plan(there, set(there.links()))
        if ino != ROOT_INO and not plan.links:
            if there is not None:
                target[ino] = None
            continue
        has_names = there is not None and plan.links == set(there.links())
        if plan.body is not there or ino in edits or not has_names:
            made = _make(ino, plan, there)
            if isinstance(made, Directory):
                _set_entries(made, there, live, plans, edits[ino])
            target[ino] = made
    return target


def _edits(live: Image, plans: Mapping[Ino, Plan]) -> _Edits:
    edits: _Edits = defaultdict(dict)
    for ino, plan in plans.items():
        there = live.inodes.get(ino)
        links = set() if there is None else set(there.links())
        for parent, name in links - plan.links:
            edits[parent].setdefault(name, Ino(0))
        for parent, name in plan.links - links:
            edits[parent][name] = ino
    return edits


def _make(ino: Ino, plan: Plan, there: Inode | None) -> Inode:
    """The inode without its entries."""
    made = plan.body.copy()
    made.ino = ino
    if there is not None:
        made.btime_ns = there.btime_ns
    made.nlink = len(plan.links)
    made.parent = ROOT_INO if ino == ROOT_INO else Ino(0)
    made.name, made.others = b"", None
    for parent, name in sorted(plan.links):
        made.add_link(parent, name)
    return made


def _set_entries(
    made: Directory,
    there: Inode | None,
    live: Image,
    plans: Mapping[Ino, Plan],
    edits: Mapping[bytes, Ino],
) -> None:
    """Give a directory those of `live`, edited; new ones in the order of its plan."""
    order = made.entries
    made.entries, made.next_cookie, made.nlink = Entries(), FIRST_COOKIE, 2
    if isinstance(there, Directory):
        made.entries = there.entries.copy()
        made.next_cookie, made.nlink = there.next_cookie, there.nlink
    for name in sorted(edits, key=lambda name: _place(order, name)):
        old, new = made.child(name), edits[name]
        if old is not None:
            made.nlink -= isinstance(live.inodes.get(old), Directory)
        if not new:
            made.remove(name)
            continue
        made.nlink += isinstance(plans[new].body, Directory)
        if old is None:
            made.add(name, new)
        else:
            made.replace(name, new)


def _place(order: Entries, name: bytes) -> tuple[int, bytes]:
    entry = order.get(name)
    return COOKIE_MAX if entry is None else entry[1], name
