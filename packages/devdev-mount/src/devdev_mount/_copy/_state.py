"""What a directory of the host shows of a filesystem, as it was when last in step."""

import sys

if sys.platform == "win32":
    raise ImportError("for hosts with POSIX files")

import os
from dataclasses import dataclass, field
from typing import NamedTuple

from devdev_fs import Ino, Kind

HostId = tuple[int, int]
"""`st_dev` and `st_ino`: what an inode of the host is known by."""


class Mark(NamedTuple):
    """What lstat(2) tells; any change of an inode moves at least its ctime."""

    dev: int
    ino: int
    mode: int
    uid: int
    gid: int
    rdev: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @property
    def host(self) -> HostId:
        """Which inode it is."""
        return self.dev, self.ino


def mark_of(info: os.stat_result) -> Mark:
    """The part of a stat that is kept."""
    return Mark(
        info.st_dev,
        info.st_ino,
        info.st_mode,
        info.st_uid,
        info.st_gid,
        info.st_rdev,
        info.st_size,
        info.st_mtime_ns,
        info.st_ctime_ns,
    )


@dataclass(slots=True, eq=False)
class Node:
    """One inode, on both sides.

    INVARIANT: a directory has one name, but for the root, which has none; `names` and
    the directories' `children` say the same.
    """

    kind: Kind
    ino: Ino = Ino(0)
    """Its number in the filesystem; 0 if it has none there."""
    btime_ns: int = 0
    """The filesystem's; it tells whether a number means the same inode."""
    host: HostId | None = None
    """Its number on the host; None if it cannot be shown there."""
    mark: Mark | None = None
    """What the host told of it when it was last in step."""
    is_torn: bool = False
    """Whether a push failed while writing it: the host's content is no one's."""
    target: bytes = b""
    """Where a symbolic link leads."""
    rdev: int = 0
    names: list["tuple[Node, bytes]"] = field(default_factory=list)
    children: "dict[bytes, Node]" = field(default_factory=dict)
    xattrs: dict[str, bytes] = field(default_factory=dict)
    """Those that the host has."""

    def differs(self, info: os.stat_result) -> bool:
        """Whether lstat(2) tells anything else than when it was last in step.

        What it does not compare cannot change without the ctime.
        """
        mark = self.mark
        return (
            mark is None
            or info.st_ctime_ns != mark.ctime_ns
            or info.st_ino != mark.ino
            or info.st_mtime_ns != mark.mtime_ns
            or info.st_size != mark.size
            or info.st_mode != mark.mode
            or info.st_dev != mark.dev
        )

    @property
    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return self.kind == Kind.DIRECTORY


class Table:
    """All nodes, by their numbers on either side."""

    def __init__(self, root: Node) -> None:
        self.root = root
        self.by_ino: dict[Ino, Node] = {}
        self.by_host: dict[HostId, Node] = {}
        self.add(root)

    def add(self, node: Node) -> None:
        """Take a node in, or take note of numbers that it was given."""
        if node.ino:
            self.by_ino[node.ino] = node
        if node.host is not None:
            self.by_host[node.host] = node

    def remove(self, node: Node) -> None:
        """Let go of a node without names."""
        if self.by_ino.get(node.ino) is node:
            del self.by_ino[node.ino]
        if node.host is not None and self.by_host.get(node.host) is node:
            del self.by_host[node.host]

    def link(self, directory: Node, name: bytes, node: Node) -> None:
        """Give a node a name."""
        directory.children[name] = node
        node.names.append((directory, name))

    def unlink(self, directory: Node, name: bytes) -> None:
        """Take a name away, and the node with its last one."""
        node = directory.children.pop(name)
        node.names.remove((directory, name))
        if not node.names:
            self.remove(node)


def path_of(node: Node) -> str:
    """Where a node is, for people; the first of its names."""
    names: list[bytes] = []
    while node.names:
        node, name = node.names[0]
        names.append(name)
    return os.fsdecode(b"/" + b"/".join(reversed(names)))


def path_in(directory: Node, name: bytes) -> str:
    """The path of a name, for people."""
    return path_of(directory).rstrip("/") + "/" + os.fsdecode(name)


def beside(name: bytes, number: int) -> bytes:
    """A name for what would have `name` as well."""
    suffix = b"~devdev-%d" % number
    return name[: 255 - len(suffix)] + suffix
