"""An image: the whole state of a filesystem at one moment, as a value that stays.

Checkpoints, forks, dumps, differences and digests are all made of images. An image
shares everything with its filesystem, and with the others, until a change.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from devdev_fs._inode import Directory, Inode
from devdev_fs._sparse import Sparse
from devdev_fs._types import ROOT_INO, Ino


class Tree:
    """Inodes and the names among them: what can be walked."""

    __slots__ = ()

    inodes: Sparse[Inode]
    """Those that have a name, by number."""
    heads: dict[str | bytes, Ino] | None = None
    """Directories by paths that lead to them, for `_namei.walk`; None if not kept."""

    @property
    def root(self) -> Directory:
        """The root directory."""
        root = self.inodes.get(ROOT_INO)
        assert isinstance(root, Directory)
        return root

    def child(self, directory: Directory, name: bytes) -> Inode | None:
        """What `name` means in the directory, or None."""
        ino = directory.child(name)
        return None if ino is None else self.inodes.get(ino)

    def entries(self, directory: Directory) -> Iterator[tuple[bytes, Inode]]:
        """The names in a directory and what they mean, in its order."""
        for name, (ino, _) in directory.entries:
            inode = self.inodes.get(ino)
            assert inode is not None
            yield name, inode

    def parent(self, directory: Directory) -> Directory:
        """The directory above; itself for the root and for one that was removed."""
        parent = self.inodes.get(directory.parent)
        return parent if isinstance(parent, Directory) else directory

    def path(self, ino: Ino) -> bytes | None:
        """The absolute path of the first of an inode's names; None if it has none."""
        parts: list[bytes] = []
        inode = self.inodes.get(ino)
        while inode is not None and inode.ino != ROOT_INO:
            parent, name = inode.links()[0]
            parts.append(name)
            inode = self.inodes.get(parent)
        return None if inode is None else b"/" + b"/".join(reversed(parts))


class Memo:
    """What the tree digests of the last image were, for the next one's."""

    __slots__ = ("trees",)

    def __init__(self, trees: object = None) -> None:
        self.trees = trees
        """Whatever those who compute them keep; it never changes once it is here."""


@dataclass(frozen=True, slots=True, eq=False)
class Image(Tree):
    """What has a name, and the limits; no orphans, no pins, no open files.

    Nothing in it changes any more.
    """

    inodes: Sparse[Inode]
    next_ino: Ino
    max_pages: int
    max_inodes: int
    pages: int
    """Pages of content in all."""
    memo: Memo


def is_same(a: Inode | None, b: Inode | None) -> bool:
    """Whether two versions are of one inode: a number may have been given twice.

    It is, when a snapshot from elsewhere is loaded. The root is always the root.
    """
    if a is None or b is None or a.ino != b.ino:
        return False
    return a.ino == ROOT_INO or (a.kind == b.kind and a.btime_ns == b.btime_ns)
