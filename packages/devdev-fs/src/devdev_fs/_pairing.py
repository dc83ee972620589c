"""Which inodes of two images stand for the same thing though they are not the same.

Many programs save to a new file that they rename over the old one, and trees are
removed and made anew. What has come in the place of something of its kind is then
taken for it: a change of the other can be followed.
"""

from collections.abc import Callable

from devdev_fs._compare import is_same_thing
from devdev_fs._image import Image
from devdev_fs._inode import Directory
from devdev_fs._types import Ino
from devdev_fs._whereabouts import child_of

Lookup = Callable[[Ino], Ino | None]
"""From the number of a directory in the one image to that in the other."""


def pair_by_path(
    x: Image, y: Image, gone: set[Ino], fresh: set[Ino], across: Lookup
) -> dict[Ino, Ino]:
    """For inodes of `x` that `y` lacks, those of `y` that came in their places.

    Directories are paired before what is in them. `gone` and `fresh` are the inodes
    of `x` and of `y` that have no other half; those of `fresh` that get one are taken
    out. `across` tells which directory of `y` is one of `x` that is not gone.
    """
    pairs: dict[Ino, Ino] = {}
    todo = sorted(gone, reverse=True)
    while todo:
        ino = todo.pop()
        inode = x.inodes.get(ino)
        if ino in pairs or inode is None:
            continue
        for parent, name in inode.links():
            there = pairs.get(parent) if parent in gone else across(parent)
            twin = child_of(y, there, name)
            if twin is not None and twin.ino in fresh and is_same_thing(inode, twin):
                pairs[ino] = twin.ino
                fresh.remove(twin.ino)
                break
        if ino in pairs and isinstance(inode, Directory):
            todo += sorted(gone.intersection(inode.entries.inos()), reverse=True)
    return pairs
