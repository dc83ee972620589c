"""An image: the whole state of a filesystem at one moment, as a value that stays.

Checkpoints, forks, dumps, differences and digests are all made of images. An image
shares everything with its filesystem, and with the others, until a change.
"""

from dataclasses import dataclass

from devdev_fs._inode import Directory, Inode
from devdev_fs._sparse import Sparse
from devdev_fs._types import ROOT_INO, Ino


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """What has a name, and the limits; no orphans, no pins, no open files."""

    inodes: Sparse[Inode]
    """By number. Neither it nor what it holds changes any more."""
    next_ino: Ino
    max_pages: int
    max_inodes: int
    pages: int
    """Pages of content in all."""

    @property
    def root(self) -> Directory:
        """The root directory."""
        root = self.inodes.get(ROOT_INO)
        assert isinstance(root, Directory)
        return root

    def get(self, ino: Ino) -> Inode:
        """The inode of that number, which is there."""
        inode = self.inodes.get(ino)
        assert inode is not None
        return inode


def is_same(a: Inode | None, b: Inode | None) -> bool:
    """Whether two versions are of one inode: a number may have been given twice.

    It is, when a snapshot from elsewhere is loaded. The root is always the root.
    """
    if a is None or b is None or a.ino != b.ino:
        return False
    return a.ino == ROOT_INO or (a.kind == b.kind and a.btime_ns == b.btime_ns)
