"""What must be done to names, and in which order, to make one tree another.

Both directions use it: what moves goes out of the way first, then goes what is to go,
then come the others from the top down. So no order of renames can stand in the way.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from devdev_mount._copy._state import Node

Entry = tuple[Node, bytes, Node]
"""A directory, a name in it, and what the name means."""


@dataclass(slots=True)
class Listing:
    """What a directory had, and what it is to have."""

    before: Mapping[bytes, Node]
    after: Mapping[bytes, Node]

    def gone(self) -> Iterator[tuple[bytes, Node]]:
        """The names that go, or come to mean something else, and what they meant."""
        for name, node in self.before.items():
            if self.after.get(name) is not node:
                yield name, node

    def come(self) -> Iterator[tuple[bytes, Node]]:
        """The names that are new, or come to mean something else, sorted."""
        for name, node in sorted(self.after.items(), key=lambda item: item[0]):
            if self.before.get(name) is not node:
                yield name, node


@dataclass(slots=True)
class Plan:
    """The steps, each kind in the order of its list."""

    stashed: list[Entry] = field(default_factory=list)
    """To be moved out of the way, as they will be placed again."""
    dropped: list[Entry] = field(default_factory=list)
    """To be removed; directories are empty when it is their turn."""
    placed: list[Entry] = field(default_factory=list)
    """To be put there: moved back, or linked, or made."""


def plan_names(listings: Mapping[Node, Listing]) -> Plan:
    """The steps from what the listings say was to what they say is to be.

    They include all directories whose names change, those that come and go too.
    """
    gone = [
        (at, *entry) for at, listing in listings.items() for entry in listing.gone()
    ]
    come = [
        (at, *entry) for at, listing in listings.items() for entry in listing.come()
    ]
    stays = {node for _, _, node in come}
    plan = Plan()
    stashed: set[Node] = set()
    for entry in gone:
        node = entry[2]
        if node in stays and node not in stashed:
            stashed.add(node)
            plan.stashed.append(entry)
        else:
            plan.dropped.append(entry)
    depths = _Depths({node: at for at, _, node in gone if node.is_dir})
    plan.dropped.sort(key=lambda entry: (entry[2].is_dir, -depths.of(entry[0])))
    depths = _Depths({node: at for at, _, node in come if node.is_dir})
    plan.placed = sorted(come, key=lambda entry: depths.of(entry[0]))
    return plan


class _Depths:
    """How deep directories are below what does not move."""

    def __init__(self, above: Mapping[Node, Node]) -> None:
        self._above = above
        self._known: dict[Node, int] = {}

    def of(self, node: Node) -> int:
        """How many directories that come or go are above, itself included."""
        chain: list[Node] = []
        at: Node | None = node
        while at is not None and at not in self._known:
            chain.append(at)
            at = self._above.get(at)
        depth = 0 if at is None else self._known[at] + 1
        for each in reversed(chain):
            self._known[each] = depth
            depth += 1
        return self._known[node]
