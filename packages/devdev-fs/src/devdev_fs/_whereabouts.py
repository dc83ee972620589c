"""From paths to inodes and back, without following links, in whatever image.

Undoing looks at images in which single inodes are as they once were. What is above
them can be missing there, or be within itself.
"""

from collections.abc import Iterable

from devdev_fs._image import Image, Tree
from devdev_fs._inode import Directory, Inode
from devdev_fs._types import ROOT_INO, Ino


def directory_path(image: Image, ino: Ino) -> bytes:
    """The path of a directory, with a slash at its end, as far up as the image goes."""
    names = [b""]
    seen = {ROOT_INO}
    while ino not in seen:
        seen.add(ino)
        inode = image.inodes.get(ino)
        if inode is not None:
            names.append(inode.name)
            ino = inode.parent
    return b"/" + b"/".join(reversed(names))


def first_path(image: Image, inode: Inode) -> bytes:
    """The path of the first of an inode's names, as far up as the image goes."""
    if inode.ino == ROOT_INO:
        return b"/"
    parent, name = min(inode.links())
    return directory_path(image, parent) + name


def child_of(image: Image, directory: Ino | None, name: bytes) -> Inode | None:
    """What a name means in the directory of that number, if there is one."""
    inode = None if directory is None else image.inodes.get(directory)
    return image.child(inode, name) if isinstance(inode, Directory) else None


def find_below_root(tree: Tree, names: Iterable[bytes]) -> Inode | None:
    """What is where one name after another leads."""
    inode: Inode | None = tree.root
    for name in names:
        inode = tree.child(inode, name) if isinstance(inode, Directory) else None
    return inode
