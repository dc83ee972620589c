"""What a tree looks like: everything of it by path, for comparing whole trees."""

from collections.abc import Iterator
from typing import NamedTuple

from devdev_fs import FsBase, Ino, Kind


class Look(NamedTuple):
    """What there is under one path; `ino` is not compared between filesystems."""

    kind: Kind
    body: str | bytes
    """Content, or where a link leads."""
    mode: int
    owner: tuple[int, int]
    xattrs: dict[bytes, bytes]
    mtime_ns: int
    ino: Ino


def look(fs: FsBase) -> dict[str, Look]:
    return {path: look_at(fs, path) for path in paths(fs)}


def paths(fs: FsBase) -> Iterator[str]:
    for top, _, others in fs.walk():
        yield top
        yield from (f"{top.rstrip('/')}/{name}" for name in others)


def look_at(fs: FsBase, path: str) -> Look:
    stat = fs.lstat(path)
    body: str | bytes = ""
    if stat.is_symlink:
        body = fs.readlink(path)
    elif stat.is_file:
        body = fs.read_bytes(path)
    names = fs.inodes.listxattr(stat.ino)
    return Look(
        stat.kind,
        body,
        stat.perm,
        (stat.uid, stat.gid),
        {name: fs.inodes.getxattr(stat.ino, name) for name in names},
        stat.mtime_ns,
        stat.ino,
    )


def link_groups(fs: FsBase) -> set[frozenset[str]]:
    """The paths of each inode that is no directory."""
    groups: dict[Ino, set[str]] = {}
    for path, seen in look(fs).items():
        if seen.kind != Kind.DIRECTORY:
            groups.setdefault(seen.ino, set()).add(path)
    return {frozenset(group) for group in groups.values()}
