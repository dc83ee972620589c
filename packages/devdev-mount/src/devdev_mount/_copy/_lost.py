"""A directory that programs changed where a push that has to be is about to."""

import sys

if sys.platform == "win32":
    raise ImportError("for hosts with POSIX files")

from collections.abc import Iterable

from devdev_fs import Ino

from devdev_mount._copy._host import HostTree
from devdev_mount._copy._state import Node, Table, mark_of


def set_aside(host: HostTree, table: Table, inos: Iterable[Ino]) -> None:
    """Move aside those of some inodes, directories but, that programs changed."""
    for node in filter(None, map(table.by_ino.get, inos)):
        if node.is_dir or node.host is None:
            continue
        for directory, name in node.names:
            info = host.lstat(directory, name)
            if info is not None and mark_of(info) != node.mark:
                host.make_way(directory, name)


def forget_lost(host: HostTree, table: Table) -> set[Ino]:
    """Take out of the table what is not on the host where it should be.

    What programs put there instead stays, and is not in the table: a push moves it
    aside if it is in the way, and a pull finds it.

    Returns:
        What has to be shown anew: directories that lack something, and what it was.
    """
    lost: set[Ino] = set()
    todo = [table.root]
    while todo:
        directory = todo.pop()
        for name, node in [*directory.children.items()]:
            if host.has(directory, name, node):
                todo += [node] if node.is_dir else []
            else:
                lost.add(directory.ino)
                lost |= _forget(host, table, directory, name)
    return lost


def _forget(host: HostTree, table: Table, directory: Node, name: bytes) -> set[Ino]:
    """Forget a name, and all that is below it; what that was."""
    lost: set[Ino] = set()
    todo = [(directory, name)]
    while todo:
        directory, name = todo[-1]
        node = directory.children[name]
        if node.children:
            todo += [(node, below) for below in node.children]
            continue
        todo.pop()
        lost.add(node.ino)
        host.forget(node)
        table.unlink(directory, name)
    return lost
