"""Three-way merge of images: what two sides made of one, together.

Things are known by inode identity, so what one side edits and the other renames is
both; see `_mergenodes` for what takes the place of what.
"""

from devdev_fs._assemble import Merged, Plan, assemble
from devdev_fs._differences import Conflict, ConflictKind, OnConflict
from devdev_fs._image import Image
from devdev_fs._inode import Inode, Link
from devdev_fs._mergeinode import merge_inode
from devdev_fs._mergenames import NameMerge
from devdev_fs._mergenodes import Node, Nodes
from devdev_fs._paths import as_str
from devdev_fs._types import ROOT_INO
from devdev_fs._whereabouts import directory_path, first_path


def merge(base: Image, ours: Image, theirs: Image, policy: OnConflict) -> Merged:
    """What becomes of `ours` if what `theirs` changed of `base` is changed there too.

    Names, kinds, content (by lines, if it is text), modes, owners, link targets and
    extended attributes (one by one) are merged. Where the sides did the same, or one
    did nothing, there is no conflict; times alone never make one. A directory that
    one side removed stays if the other put something into it, whoever wins. What the
    other side made gets numbers of our side's.

    With FAIL and DATA nothing changes if there is any conflict. With the others they
    are solved, and returned all the same. Whether what comes out is within the limits
    is not looked at.

    `base` and `theirs` need not be whole, if ours wins conflicts; see `_undo`.
    """
    return _Merge(base, ours, theirs, policy).run()


class _Merge:
    """One merge."""

    def __init__(
        self, base: Image, ours: Image, theirs: Image, policy: OnConflict
    ) -> None:
        self._ours = ours
        self._theirs = theirs
        self._policy = policy
        self._nodes = Nodes(base, ours, theirs)
        self._conflicts: set[Conflict] = set()

    def run(self) -> Merged:
        names = NameMerge(
            self._nodes.by_number,
            self._ours,
            take_theirs=self._policy == OnConflict.THEIRS,
            report=self._report,
        )
        names.run()
        plans = {
            ino: Plan(self._merge_body(node), node.links)
            for ino, node in self._nodes.by_number.items()
        }
        conflicts = sorted(self._conflicts, key=_by_path)
        if conflicts and self._policy in (OnConflict.FAIL, OnConflict.DATA):
            return Merged({}, conflicts, self._ours.next_ino)
        return Merged(assemble(self._ours, plans), conflicts, self._nodes.next_ino)

    def _merge_body(self, node: Node) -> Inode:
        """What a thing shall hold."""
        is_there = node.links or node.ino == ROOT_INO
        if not is_there or node.ours is None or node.theirs is None:
            return node.version
        merged = merge_inode(node.base, node.ours, node.theirs, self._policy)
        for kind, detail in merged.disagreements:
            self._report(node, kind, detail)
        return merged.inode

    def _report(self, where: Node | Link, kind: ConflictKind, detail: str) -> None:
        if isinstance(where, Node):
            path = self._path(where)
        else:
            # One of the two that would have a name is ours, and so is the directory.
            path = directory_path(self._ours, where[0]) + where[1]
        self._conflicts.add(Conflict(kind, as_str(path), detail))

    def _path(self, node: Node) -> bytes:
        image = self._theirs if node.ours is None else self._ours
        return first_path(image, node.version)


def _by_path(conflict: Conflict) -> tuple[str, int, str]:
    return conflict.path, conflict.kind, conflict.detail
