"""Three-way merge of names: what is called what, and what is there at all.

Each thing is decided by itself first. Then what the decisions run into is settled:
two things under one name, things in directories that are gone, directories in
themselves. Who is in the way takes the names that it has on the side that wins, for
good; that side's names fit together, so this comes to an end.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping

from devdev_fs._compare import compare, is_same_thing
from devdev_fs._differences import ConflictKind
from devdev_fs._image import Image
from devdev_fs._inode import Directory, Link
from devdev_fs._mergenodes import Links, Node
from devdev_fs._types import ROOT_INO, Ino, Kind

Report = Callable[[Node | Link, ConflictKind, str], None]
"""Takes the thing or the name that the sides disagree on, how, and what each did."""


_KINDS = {
    Kind.FIFO: "FIFO",
    Kind.CHARACTER_DEVICE: "character device",
    Kind.DIRECTORY: "directory",
    Kind.BLOCK_DEVICE: "block device",
    Kind.REGULAR: "regular file",
    Kind.SYMLINK: "symbolic link",
    Kind.SOCKET: "socket",
}


class NameMerge:
    """The names of all things that a merge is about.

    Args:
        nodes: the things, by their numbers; it decides what their `links` are.
        ours: our side, which is whole.
        take_theirs: whether their side wins conflicts; then it must be whole as well.
        report: is told of conflicts.
    """

    def __init__(
        self,
        nodes: Mapping[Ino, Node],
        ours: Image,
        *,
        take_theirs: bool,
        report: Report,
    ) -> None:
        self._nodes = nodes
        self._ours = ours
        self._take_theirs = take_theirs
        self._report = report
        self._our_names: dict[Link, Node] = {}
        self._their_names: dict[Link, Node] = {}
        self._explained: set[Link] = set()
        """Names that things of two kinds have, which was reported."""
        self._disputed: set[Ino] = set()
        """Things that a side removed, which was reported."""

    def run(self) -> None:
        """Decide about all."""
        nodes = self._nodes.values()
        for node in nodes:
            self._our_names.update(dict.fromkeys(node.our_links, node))
            self._their_names.update(dict.fromkeys(node.their_links, node))
        self._keep_below([node.ino for node in nodes if self._decide(node)])
        self._keep_above()
        while self._settle_all():
            pass

    def _winning(self, node: Node) -> Links:
        return node.their_links if self._take_theirs else node.our_links

    # --- one by one --------------------------------------------------------------

    def _decide(self, node: Node) -> bool:
        """Decide about one; whether all that it holds stays with it."""
        mine, other = node.our_links, node.their_links
        if node.base is None and (node.ours is None or node.theirs is None):
            node.links = mine | other
        elif node.ours is None or node.theirs is None:
            return self._decide_removed(node)
        elif isinstance(node.ours, Directory):
            self._decide_directory(node)
        else:
            self._decide_links(node)
        return False

    def _decide_removed(self, node: Node) -> bool:
        """Decide about what a side removed."""
        here = node.ours is None
        version = node.theirs if here else node.ours
        if version is None:
            return False
        assert node.base is not None
        links = node.their_links if here else node.our_links
        if links == node.base_links and not compare(node.base, version):
            return False
        self._report_removed(node, here)
        self._disputed.add(node.ino)
        node.links = self._winning(node)
        return bool(node.links) and isinstance(version, Directory)

    def _report_removed(self, node: Node, here: bool) -> None:
        names = self._our_names if here else self._their_names
        sides = ("ours", "theirs") if here else ("theirs", "ours")
        for link in sorted(node.base_links):
            other = names.get(link)
            if other and not is_same_thing(other.version, node.version):
                detail = f"{sides[0]} made it a {_kind(other)}, {sides[1]} changed it"
                self._report(node, ConflictKind.KIND, detail)
                self._explained.add(link)
                return
        kind = ConflictKind.REMOVED_HERE if here else ConflictKind.REMOVED_THERE
        self._report(node, kind, f"{sides[0]} removed it, {sides[1]} changed it")

    def _decide_directory(self, node: Node) -> None:
        before, mine, other = node.base_links, node.our_links, node.their_links
        if other in (mine, before):
            node.links = mine
        elif mine == before:
            node.links = other
        else:
            self._decide_moved(node)

    def _decide_links(self, node: Node) -> None:
        """Decide about what can have many names; each side may add and remove some."""
        before, mine, other = node.base_links, node.our_links, node.their_links
        added, others = mine - before, other - before
        is_moved = before - mine - other if before else not mine & other
        if is_moved and not (added <= others or others <= added):
            self._decide_moved(node)
            return
        node.links = (before & mine & other) | added | others
        if not node.links:
            self._decide_nameless(node)

    def _decide_moved(self, node: Node) -> None:
        self._report(node, ConflictKind.MOVED, "each side moved it elsewhere")
        node.links = self._winning(node)

    def _decide_nameless(self, node: Node) -> None:
        """Decide about what each side took another name of: together they remove it."""
        assert node.base is not None
        for version, kind, sides in (
            (node.ours, ConflictKind.REMOVED_THERE, ("theirs", "ours")),
            (node.theirs, ConflictKind.REMOVED_HERE, ("ours", "theirs")),
        ):
            if version is not None and compare(node.base, version):
                detail = (
                    f"{sides[0]} removed the names that {sides[1]}, changing it, left"
                )
                self._report(node, kind, detail)
                node.links = self._winning(node)

    def _keep_below(self, todo: list[Ino]) -> None:
        """Keep, with directories, the names that went only because those went."""
        gone: defaultdict[Ino, list[tuple[Node, Link]]] = defaultdict(list)
        for node in self._nodes.values():
            winning = self._winning(node)
            # What got another name instead is there.
            if node.links <= winning:
                for link in winning - node.links:
                    gone[link[0]].append((node, link))
        while todo:
            for node, link in gone.pop(todo.pop(), ()):
                node.links |= {link}
                todo.append(node.ino)

    def _keep_above(self) -> None:
        """Keep directories that a side removed and something is in.

        It is reported of those that have more in them than others of them, and what
        was changed and removed.
        """
        is_reported: dict[Ino, bool] = {}
        todo = [node for node in self._nodes.values() if node.links]
        while todo:
            node = todo.pop()
            for ino, _ in node.links:
                parent = self._nodes.get(ino)
                if parent is None or ino == ROOT_INO:
                    continue
                if not parent.links:
                    parent.links = parent.our_links or parent.their_links
                    is_reported[ino] = False
                    todo.append(parent)
                if ino in is_reported and node.ino not in is_reported:
                    is_reported[ino] |= node.ino not in self._disputed
        for ino in is_reported:
            if is_reported[ino]:
                self._report_kept(self._nodes[ino])

    def _report_kept(self, directory: Node) -> None:
        here = directory.ours is None
        kind = ConflictKind.REMOVED_HERE if here else ConflictKind.REMOVED_THERE
        sides = ("ours", "theirs") if here else ("theirs", "ours")
        detail = f"{sides[0]} removed it, {sides[1]} put something into it"
        self._report(directory, kind, detail)

    # --- together ----------------------------------------------------------------

    def _settle_all(self) -> bool:
        """Settle what decisions run into; whether there was anything."""
        holders: dict[Link, Node] = {}
        found = False
        for node in self._nodes.values():
            for link in sorted(node.links):
                if not self._is_there(link[0]):
                    self._settle_parent(node, link[0])
                    found = True
                    break
                holder = holders.setdefault(link, node)
                if holder is not node and link in holder.links:
                    self._settle_name(link, holder, node)
                    found = True
                    break
                holders[link] = node
        for node in self._nodes.values():
            if isinstance(node.version, Directory) and node.links != node.our_links:
                found |= self._settle_cycle(node)
        return found

    def _settle(self, node: Node) -> None:
        assert not node.is_settled
        node.is_settled = True
        node.links = self._winning(node)

    def _is_there(self, directory: Ino) -> bool:
        node = self._nodes.get(directory)
        if node is None:
            return self._ours.inodes.get(directory) is not None
        return bool(node.links) or directory == ROOT_INO

    def _settle_parent(self, node: Node, directory: Ino) -> None:
        """Let what is in a directory that is gone go with it, or that be there."""
        parent = self._nodes.get(directory)
        if node.is_settled and parent is not None:
            self._settle(parent)
        else:
            self._settle(node)

    def _settle_name(self, link: Link, *nodes: Node) -> None:
        """Let one of two things have a name."""
        mine, other = nodes if link in nodes[0].our_links else reversed(nodes)
        if link not in self._explained:
            detail = f"ours: a {_kind(mine)}, theirs: a {_kind(other)}"
            self._report(link, ConflictKind.NAME, detail)
        for node in nodes:
            if link not in self._winning(node):
                self._settle(node)

    def _settle_cycle(self, node: Node) -> bool:
        """Take directories out of each other; whether there are any, from one up."""
        above: dict[Ino, Node | None] = {}
        ino = node.ino
        while ino != ROOT_INO and ino not in above:
            at = self._nodes.get(ino)
            above[ino] = at
            links = at.links if at else self._our_links(ino)
            if len(links) != 1:
                # Nothing is there; or what is no directory, if a history is not sound.
                return False
            ((ino, _),) = links
        if ino == ROOT_INO:
            return False
        inos = list(above)
        cycle = [above[ino] for ino in inos[inos.index(ino) :]]
        movable = [at for at in cycle if at and at.links != self._winning(at)]
        detail = "the sides moved directories into each other"
        self._report(min(movable, key=_number), ConflictKind.CYCLE, detail)
        for at in movable:
            self._settle(at)
        return True

    def _our_links(self, ino: Ino) -> list[Link]:
        inode = self._ours.inodes.get(ino)
        return [] if inode is None else inode.links()


def _kind(node: Node) -> str:
    return _KINDS[node.version.kind]


def _number(node: Node) -> Ino:
    return node.ino
