"""One look at the whole directory: which names and inodes are not what they were.

Nothing is opened but directories. What lstat(2) tells the same of as before, ctime
included, is the same; unless its ctime is not older than the moment it was last
looked at, since a clock ticks only so often: then it has to be read.
"""

import sys

if sys.platform == "win32":
    raise ImportError("for hosts with POSIX directories")

import errno
import os
import stat
from dataclasses import dataclass, field

from devdev_fs import Kind

from devdev_mount._copy._host import HostChanged, HostTree
from devdev_mount._copy._names import Listing
from devdev_mount._copy._state import (
    HostId,
    Mark,
    Node,
    Table,
    mark_of,
)
from devdev_mount._reports import Unkept

_ENCODING, _ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()

ATTEMPTS = 3
"""Looks at a directory that programs change meanwhile, before it is taken as it is."""


@dataclass(slots=True)
class Scan:
    """What a look at the directory found."""

    listings: dict[Node, Listing] = field(default_factory=dict)
    """The directories whose names differ; new ones, and those that are gone, too."""
    changed: dict[Node, Mark] = field(default_factory=dict)
    """The inodes, new ones too, that are not or may not be what they were."""
    unkept: list[Unkept] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    """Directories that changed all the time."""


def scan(host: HostTree, table: Table, stamp: int) -> Scan:
    """Look at everything in the directory; neither it nor the table is changed.

    Args:
        host: the directory.
        table: what it showed before.
        stamp: the host's clock when what the table says was written down. What has a
            ctime as late as that may have changed without a trace.
    """
    for _ in range(ATTEMPTS):
        look = _Look(host, table, stamp)
        look.run()
        if not look.found.unsettled:
            break
        host.give_back()
    return look.found


class _InMotion(Exception):
    """What a name stands for changed, or had two names, while it was looked at."""


def _read_link(name: bytes, fd: int) -> bytes:
    try:
        return os.readlink(name, dir_fd=fd)
    except OSError as exc:
        if exc.errno in (errno.ENOENT, errno.EINVAL):  # gone, or no link any more
            raise _InMotion from exc
        raise


class _Look:
    """One pass."""

    def __init__(self, host: HostTree, table: Table, stamp: int) -> None:
        self.found = Scan()
        self._host = host
        self._table = table
        self._stamp = stamp
        self._fresh: dict[HostId, Node] = {}
        self._visited: dict[Node, int] = {}
        """The directories, and the mtime that each had before it was listed."""
        self._after: dict[Node, Node] = {}
        """Directories that are there, and where."""

    def run(self) -> None:
        host, root = self._host, self._table.root
        host.places.clear()
        mark = host.mark(root)
        assert mark is not None
        host.open_up()
        if mark != root.mark:
            self.found.changed[root] = mark
        self._visited[root] = mark.mtime_ns
        todo = [root]
        while todo:
            directory = todo.pop()
            try:
                todo += self._list(directory)
            except (HostChanged, FileNotFoundError):
                self.found.unsettled.append(self._host.path_to(directory))
        self._add_gone()
        if self.found.listings or self.found.changed:
            self._check_settled()

    def _list(self, directory: Node) -> list[Node]:
        """Compare a directory's names; the directories in it."""
        fd = self._host.directory(directory)
        children = directory.children
        stamp, changed = self._stamp, self.found.changed
        names: dict[bytes, Node] = {}
        below: list[Node] = []
        with os.scandir(fd) as entries:
            for entry in entries:
                name = entry.name.encode(_ENCODING, _ERRORS)  # os.fsencode, but faster
                node = children.get(name)
                try:
                    info = entry.stat(follow_symlinks=False)
                    if node is None or info.st_ctime_ns >= stamp or node.differs(info):
                        mark = mark_of(info)
                        node = self._identify(directory, name, mark, fd)
                        if node is None:
                            continue
                        changed[node] = mark
                    if stat.S_ISDIR(info.st_mode):
                        below += self._enter(directory, name, node, mark_of(info))
                except (FileNotFoundError, _InMotion):
                    self.found.unsettled.append(self._host.path_in(directory, name))
                    continue
                names[name] = node
        if names != children:
            for name, node in children.items():
                if node.host is None:
                    names.setdefault(name, node)
            if names != children:
                self.found.listings[directory] = Listing(children, names)
        return below

    def _enter(
        self, directory: Node, name: bytes, node: Node, mark: Mark
    ) -> list[Node]:
        """Take note of a directory; itself, if it is to be looked into.

        INVARIANT: none has two names, so that what was found is a tree.
        """
        if node in self._visited:
            raise _InMotion
        if mark.dev != self._host.device:
            reason = "another filesystem is mounted on it, which is not looked into"
            self.found.unkept.append(
                Unkept(self._host.path_in(directory, name), reason)
            )
            return []
        self._visited[node] = mark.mtime_ns
        if not node.names or node.names[0] != (directory, name):
            self._host.places[node] = directory, name
        return [node]

    def _identify(
        self, directory: Node, name: bytes, mark: Mark, fd: int
    ) -> Node | None:
        """Which inode it is: one that was there before, or a new one."""
        if directory is self._table.root and self._host.is_staged(name):
            return None
        kind = Kind(stat.S_IFMT(mark.mode))
        target = b""
        if kind == Kind.SYMLINK:
            target = _read_link(name, fd)
        for nodes in (self._fresh, self._table.by_host):
            # A host gives numbers again, so the number alone does not tell.
            known = nodes.get(mark.host)
            if known is not None and (known.kind, known.rdev, known.target) == (
                kind,
                mark.rdev,
                target,
            ):
                return known
        fresh = Node(kind, host=mark.host, target=target, rdev=mark.rdev)
        self._fresh[mark.host] = fresh
        return fresh

    def _add_gone(self) -> None:
        """Add the listings of directories that are gone, with all that was in them."""
        listings, visited = self.found.listings, self._visited
        todo = list(listings.values())
        while todo:
            for _, node in todo.pop().gone():
                if node.is_dir and node not in visited and node not in listings:
                    listings[node] = Listing(node.children, {})
                    todo.append(listings[node])

    def _check_settled(self) -> None:
        """Look again at the directories: what moved meanwhile may have been missed."""
        for node, mtime_ns in self._visited.items():
            try:
                mark = self._host.mark(node)
            except HostChanged:
                mark = None
            if mark is None or mark.mtime_ns != mtime_ns:
                self.found.unsettled.append(self._host.path_to(node))
