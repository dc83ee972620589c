"""Putting an unpacked tree in place: checked as a whole, then done in one step."""

from devdev_fs import _namei
from devdev_fs._errno import Errno, FsError
from devdev_fs._image import is_same
from devdev_fs._inode import Directory, Inode
from devdev_fs._namei import find
from devdev_fs._table import InodeTable
from devdev_fs._types import LIMIT_MAX, Ino
from devdev_fs._unpack import Instant, Unpacking, describe


def begin_unpacking(
    table: InodeTable, path: str | bytes, devices: bool = False
) -> Unpacking:
    """Begin a tree for the directory at `path`.

    Raises:
        FsError: as a walk, ENOENT, ENOTDIR.
    """
    return Unpacking(
        table.freeze(),
        path,
        max_pages=table.max_pages - table.pages_used,
        max_inodes=table.max_inodes - table.inode_count,
        now_ns=table.clock.now_ns(),
        devices=devices,
    )


def put_in_place(table: InodeTable, unpacking: Unpacking) -> int:
    """Let the directory that a tree was unpacked for have it; returns its members.

    Directories that are there already are merged; any other thing of the same name
    is replaced by another inode. What changed since the unpacking began stays as
    far as the archive does not have it.

    Raises:
        FsError: as a walk, ENOENT, ENOTDIR (also a directory in place of another
            thing), EISDIR (another thing in place of a directory), ENOSPC; nothing
            was changed.
    """
    base = table.freeze()
    fork = InodeTable(
        clock=Instant(table.clock.now_ns()), umask=0, max_pages=0, max_inodes=0
    )
    fork.thaw(base)
    # The space is checked of the whole: on the way there may be more of it in use.
    fork.max_pages = fork.max_inodes = LIMIT_MAX
    _Overlay(fork, unpacking).run()
    target = {Ino(ino): new for ino, _, new in base.inodes.differences(fork.inodes)}
    _check_space(table, target)
    table.next_ino = fork.next_ino
    table.put(target)
    return unpacking.members


def _check_space(table: InodeTable, target: dict[Ino, Inode | None]) -> None:
    """Check that there is room for `target`; what is open stays beside it."""
    pages = inodes = 0
    for ino, new in target.items():
        old = table.inodes.get(ino)
        if new is not None:
            pages += new.pages
            inodes += 1
        if old is not None and (ino not in table.pins or is_same(old, new)):
            pages -= old.pages
            inodes -= 1
    table.check_pages(pages)
    if inodes > 0:
        table.check_inodes(inodes)


class _Overlay:
    """Puts one tree over another, name by name."""

    def __init__(self, table: InodeTable, unpacking: Unpacking) -> None:
        self._table = table
        self._unpacking = unpacking
        self._copies: dict[Ino, Ino] = {}

    def run(self) -> None:
        path = self._unpacking.path
        top = find(self._table, path)
        if not isinstance(top, Directory):
            raise FsError(Errno.ENOTDIR, path=path)
        todo = [(self._unpacking.table.root, top.ino, b"")]
        while todo:
            source, ino, prefix = todo.pop()
            for name, inode in self._unpacking.table.entries(source):
                path = prefix + name
                if isinstance(inode, Directory):
                    child = self._merge(inode, ino, name, path)
                    todo.append((inode, child, path + b"/"))
                else:
                    self._replace(inode, ino, name, path)
            # Behind the names, which move the directory's times.
            member = self._unpacking.directories.get(source.ino)
            if member is not None:
                directory = self._table.edit(self._table.directory(ino))
                describe(self._table, directory, member)
                directory.ctime_ns = self._table.clock.now_ns()

    def _merge(self, source: Directory, parent: Ino, name: bytes, path: bytes) -> Ino:
        directory = self._table.directory(parent)
        old = self._table.child(directory, name)
        if isinstance(old, Directory):
            return old.ino
        if old is not None:
            message = "in the archive it is a directory, here it is not"
            raise FsError(Errno.ENOTDIR, message, path)
        ino = self._table.take_number()
        now = self._table.clock.now_ns()
        twin = Directory(ino, source.mode, 0, 0, now, now, now, now, nlink=2)
        self._table.enter(self._table.edit(directory), name, twin)
        return ino

    def _replace(self, source: Inode, parent: Ino, name: bytes, path: bytes) -> None:
        table = self._table
        old = table.child(table.directory(parent), name)
        if isinstance(old, Directory):
            message = "here it is a directory, in the archive it is not"
            raise FsError(Errno.EISDIR, message, path)
        if old is not None:
            _namei.unlink(table, parent, name)
        if source.ino in self._copies:
            _namei.link(table, self._copies[source.ino], parent, name)
            return
        twin = source.copy()
        twin.ino = self._copies[source.ino] = table.take_number()
        twin.nlink, twin.others = 1, None
        twin.ctime_ns = twin.btime_ns = table.clock.now_ns()
        table.enter(table.edit(table.directory(parent)), name, twin)
        table.pages_used += twin.pages
