"""All that a tree keeps, in a store and in a directory of the host, to be compared.

Numbers of inodes, times of access and of change, and how much room files take, are
each side's own.
"""

import sys

if sys.platform != "linux":
    raise ImportError("the host's side is Linux's")

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from devdev_fs import Fs, Ino, Whence

_PIECE = 1 << 20


class Found(NamedTuple):
    """What there is at a path."""

    mode: int
    """With the kind."""
    owner: tuple[int, int]
    rdev: int
    size: int
    """0 but of files."""
    mtime_ns: int
    target: bytes
    content: str
    """A digest of what is not zeros, and where."""
    xattrs: Mapping[str, bytes]
    first_name: bytes
    """The first of the names of the same inode."""


Tree = dict[bytes, Found]


def tree_of_directory(top: str | os.PathLike[str]) -> Tree:
    """What is in a directory of the host, by paths in it."""
    tree: Tree = {}
    firsts: dict[object, bytes] = {}
    todo = [b""]
    while todo:
        path = todo.pop()
        full = os.fsencode(top) + path
        info = os.lstat(full)
        is_link, is_file = stat.S_ISLNK(info.st_mode), stat.S_ISREG(info.st_mode)
        if stat.S_ISDIR(info.st_mode):
            names = sorted(os.listdir(full), reverse=True)
            todo += [path + b"/" + name for name in names]
        tree[path] = Found(
            mode=info.st_mode,
            owner=(info.st_uid, info.st_gid),
            rdev=info.st_rdev,
            size=info.st_size if is_file else 0,
            mtime_ns=info.st_mtime_ns,
            target=os.readlink(full) if is_link else b"",
            content=_content_of_file(full) if is_file else "",
            xattrs={
                name: os.getxattr(full, name, follow_symlinks=False)
                for name in os.listxattr(full, follow_symlinks=False)
            },
            first_name=firsts.setdefault(info.st_ino, path),
        )
    return tree


def tree_of_store(fs: Fs) -> Tree:
    """What is in a store, by path."""
    tree: Tree = {}
    firsts: dict[object, bytes] = {}
    inodes = fs.inodes
    todo = [(b"", fs.lstat("/").ino)]
    while todo:
        path, ino = todo.pop()
        info = inodes.getattr(ino)
        if info.is_dir:
            entries = sorted(
                inodes.readdir(ino), key=lambda entry: entry.name, reverse=True
            )
            names = (each for each in entries if each.name not in (b".", b".."))
            todo += [(path + b"/" + each.name, each.ino) for each in names]
        tree[path] = Found(
            mode=info.mode,
            owner=(info.uid, info.gid),
            rdev=info.rdev,
            size=info.size if info.is_file else 0,
            mtime_ns=info.mtime_ns,
            target=inodes.readlink(ino) if info.is_symlink else b"",
            content=_content_of_inode(fs, ino) if info.is_file else "",
            xattrs={
                os.fsdecode(name): inodes.getxattr(ino, name)
                for name in inodes.listxattr(ino)
            },
            first_name=firsts.setdefault(ino, path),
        )
    return tree


def _content_of_file(path: bytes) -> str:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        return _digest(
            lambda at: os.lseek(fd, at, os.SEEK_DATA),
            lambda at: os.lseek(fd, at, os.SEEK_HOLE),
            lambda at, size: os.pread(fd, size, at),
        )
    finally:
        os.close(fd)


def _content_of_inode(fs: Fs, ino: Ino) -> str:
    inodes = fs.inodes
    return _digest(
        lambda at: inodes.lseek(ino, at, Whence.DATA),
        lambda at: inodes.lseek(ino, at, Whence.HOLE),
        lambda at, size: inodes.read(ino, at, size, noatime=True),
    )


def _digest(
    data: Callable[[int], int],
    hole: Callable[[int], int],
    read: Callable[[int, int], bytes],
) -> str:
    """A digest of all pieces that have more than zeros, each with its place."""
    digest = hashlib.sha256()
    for start, end in _ranges(data, hole):
        for at in range(start - start % _PIECE, end, _PIECE):
            piece = read(at, _PIECE)
            if piece.count(0) != len(piece):
                digest.update(b"%d:" % at + piece.rstrip(b"\0"))
    return digest.hexdigest()


def _ranges(
    data: Callable[[int], int], hole: Callable[[int], int]
) -> Iterator[tuple[int, int]]:
    """Where there is data; pieces of no range are in another."""
    at = 0
    while True:
        try:
            start = data(at)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        end = hole(start)
        at = end + -end % _PIECE
        yield start, at
