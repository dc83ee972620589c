"""A filesystem with one of each, whose inodes have labels."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from devdev_fs import FsBase, Ino, Stat

from tests.fs.checks import ino_of

LABELS = {
    "root": "/",
    "d": "/d",
    "file": "/d/file",
    "twin": "/d/twin",
    "link": "/d/link",
    "sub": "/d/sub",
    "e": "/e",
    "other": "/e/other",
    "empty": "/e/empty",
}


@dataclass
class Tree:
    """The filesystem and the numbers of its inodes, all held: they outlive removal."""

    fs: FsBase
    inos: dict[str, Ino]

    def __getitem__(self, label: str) -> Ino:
        return self.inos[label]

    def stats(self) -> dict[str, Stat]:
        return {label: self.fs.inodes.getattr(ino) for label, ino in self.inos.items()}

    def label(self, ino: Ino) -> str:
        """What an inode is called; one that was not there is new."""
        labels = {ino: label for label, ino in self.inos.items()}
        return labels.get(ino, "new")


@contextmanager
def labelled_tree(fs: FsBase) -> Iterator[Tree]:
    """Files of 7 and 4 bytes, a link, and directories, empty and not."""
    fs.mkdir("/d")
    fs.write_bytes("/d/file", b"content")
    fs.write_bytes("/d/twin", b"content")
    fs.symlink("file", "/d/link")
    fs.mkdir("/d/sub")
    fs.mkdir("/e")
    fs.write_bytes("/e/other", b"more")
    fs.mkdir("/e/empty")
    inos = {label: ino_of(fs, path) for label, path in LABELS.items()}
    for ino in inos.values():
        fs.inodes.pin(ino)
    yield Tree(fs, inos)
    for ino in inos.values():
        fs.inodes.unpin(ino)
