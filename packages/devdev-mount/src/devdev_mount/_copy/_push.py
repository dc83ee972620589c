"""What changed in the filesystem, done to the directory.

First is looked, at the filesystem and then at the host, whether what is to be touched
is as it was left; only then is anything changed. The table follows every step, so that
after a failure it says what is there.
"""

import sys

if sys.platform == "win32":
    raise ImportError("for hosts with POSIX files")

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from devdev_fs import ROOT_INO, Errno, Fs, FsError, Ino, Kind, Stat

from devdev_mount import _hostxattrs as _xattrs
from devdev_mount._copy._content import push_content
from devdev_mount._copy._host import HostChanged, HostTree
from devdev_mount._copy._names import Listing, Plan, plan_names
from devdev_mount._copy._state import (
    Node,
    Table,
    mark_of,
    path_in,
    path_of,
)
from devdev_mount._driver import MountOptions
from devdev_mount._errors import MountError
from devdev_mount._reports import PushReport, Unkept

_DEVICES = (Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE)
_SET_ID = stat.S_ISUID | stat.S_ISGID
_CANNOT_BE = frozenset(
    {
        errno.EPERM,
        errno.EINVAL,
        errno.EILSEQ,
        errno.ENAMETOOLONG,
        errno.EOPNOTSUPP,
        errno.ENOSYS,
    }
)
"""What a host answers that cannot have such a name, or such a thing."""
_INTERFERENCE = frozenset(
    {
        errno.ENOENT,
        errno.EEXIST,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ENOTEMPTY,
        errno.ELOOP,
    }
)
"""What a host answers if something else is there than a moment ago."""


class Push:
    """One push.

    Args:
        host: the directory.
        table: what it shows; it is brought up to date.
        image: the filesystem as it is to be shown; nobody else's.
        dirty: the inodes that may not be what they were.
        options: how to show it.
        is_private: whether nobody else can reach the directory.
    """

    def __init__(
        self,
        host: HostTree,
        table: Table,
        image: Fs,
        dirty: Iterable[Ino],
        options: MountOptions,
        *,
        is_private: bool,
    ) -> None:
        self._host = host
        self._table = table
        self._inodes = image.inodes
        self._dirty = set(dirty)
        self._options = options
        self._is_exact = options.ownership == "exact" and os.geteuid() == 0
        self._hides_set_id = not (options.suid or is_private)
        self._stats: dict[Node, Stat] = {}
        """What the inodes are to be: those that change, new ones too."""
        self._fresh: dict[Ino, Node] = {}
        self._listings: dict[Node, Listing] = {}
        self._touched: dict[Node, None] = {}
        """Nodes whose marks have to be taken anew."""
        self._unkept: list[Unkept] = []
        self._removed = 0
        self.has_begun = False
        """Whether anything was changed on the host."""

    def run(self, *, verify: bool = True) -> PushReport:
        """Do it.

        Args:
            verify: whether to look first if programs changed what is to be touched.

        Raises:
            HostChanged: they did; unless it `has_begun`, nothing was done.
            MountError: the host refused something; it says what, where and why.
        """
        self._host.places.clear()
        self._collect()
        plan = plan_names(self._listings)
        if not self._stats and not self._listings:
            return PushReport()
        self._host.open_up()
        if verify:
            self._verify(plan)
        self.has_begun = True
        fresh = len(self._fresh)
        self._move_names(plan)
        self._fill()
        self._take_marks()
        return PushReport(
            made=fresh,
            removed=self._removed,
            updated=len(self._stats) - fresh,
            unkept=tuple(self._unkept),
        )

    @property
    def unfinished(self) -> set[Ino]:
        """What the next push has to see to, if this one fails."""
        return {ROOT_INO, *self._dirty, *self._fresh}

    # --- looking at the filesystem -----------------------------------------------

    def _collect(self) -> None:
        directories: dict[Node, None] = {}
        for ino in sorted(self._dirty):
            node = self._table.by_ino.get(ino)
            if node is None:
                continue
            info = self._stat(ino)
            if info is None or not self._is_same(node, info):
                directories.update(dict.fromkeys(at for at, _ in node.names))
                continue
            self._stats[node] = info
            if node.is_dir:
                directories[node] = None
        todo = [node for node in directories if self._is_there(node)]
        while todo:
            node = todo.pop()
            listing = Listing(node.children, self._names(node))
            if listing.before == listing.after or node in self._listings:
                continue
            self._listings[node] = listing
            todo += [each for _, each in listing.come() if each.is_dir]
            self._add_gone(listing)

    def _stat(self, ino: Ino) -> Stat | None:
        try:
            return self._inodes.getattr(ino)
        except FsError as exc:
            if exc.errno == Errno.ENOENT:
                return None
            raise

    def _is_there(self, node: Node) -> bool:
        info = self._stat(node.ino) if node.host is not None else None
        return info is not None and self._is_same(node, info)

    def _is_same(self, node: Node, info: Stat) -> bool:
        """Whether a number means what the node stands for, not something later."""
        if node is self._table.root:
            return True
        return (node.kind, node.btime_ns, node.rdev) == (
            info.kind,
            info.btime_ns,
            info.rdev,
        ) and (node.kind != Kind.SYMLINK or node.target == self._target(info.ino))

    def _target(self, ino: Ino) -> bytes:
        return self._inodes.readlink(ino)

    def _names(self, node: Node) -> dict[bytes, Node]:
        entries = self._inodes.readdir(node.ino)
        return {
            entry.name: self._node(entry.ino)
            for entry in entries
            if entry.name not in (b".", b"..")
        }

    def _node(self, ino: Ino) -> Node:
        node = self._table.by_ino.get(ino)
        if node is not None and node.host is None:
            node = None  # perhaps it can be shown now
        if node is not None and ino not in self._dirty:
            return node
        if ino in self._fresh:
            return self._fresh[ino]
        info = self._inodes.getattr(ino)
        if node is not None and self._is_same(node, info):
            return node
        target = self._target(ino) if info.kind == Kind.SYMLINK else b""
        fresh = Node(info.kind, ino, info.btime_ns, target=target, rdev=info.rdev)
        self._fresh[ino] = fresh
        self._stats[fresh] = info
        return fresh

    def _add_gone(self, listing: Listing) -> None:
        """Add the listings of directories that are gone, with all that was in them."""
        todo = [listing]
        while todo:
            for _, node in todo.pop().gone():
                if not node.is_dir or node in self._listings or self._is_there(node):
                    continue
                self._listings[node] = Listing(node.children, {})
                todo.append(self._listings[node])

    # --- looking at the host -----------------------------------------------------

    def _verify(self, plan: Plan) -> None:
        """Refuse if a program changed what is to be touched."""
        touched = dict.fromkeys(self._stats)
        for directory, _, _ in (*plan.stashed, *plan.dropped, *plan.placed):
            touched[directory] = None
        if plan.stashed:
            touched[self._table.root] = None
        for node in touched:
            if node.mark is not None and self._host.mark(node) != node.mark:
                raise HostChanged(f"{path_of(node)} was changed by a program")
        for directory, name, node in (*plan.stashed, *plan.dropped):
            info = self._host.lstat(directory, name)
            if node.host is not None and (info is None or mark_of(info) != node.mark):
                raise HostChanged(f"{path_of(node)} was changed by a program")
        for directory, name, _ in plan.placed:
            if directory.host is None or name in directory.children:
                continue
            if self._host.lstat(directory, name) is not None:
                where = path_in(directory, name)
                raise HostChanged(f"{where} was made by a program")

    # --- changing the host -------------------------------------------------------

    def _move_names(self, plan: Plan) -> None:
        host, root = self._host, self._table.root
        stash: dict[Node, bytes] = {}
        for directory, name, node in plan.stashed:
            stash[node] = host.stage_name()
            with _explained(path_in(directory, name)):
                self._stash(directory, name, node, stash[node])
            self._table.link(root, stash[node], node)
            self._table.unlink(directory, name)
            self._touch(directory, node, root)
        for directory, name, node in plan.dropped:
            self._drop(directory, name, node)
        for directory, name, node in plan.placed:
            with _explained(path_in(directory, name)):
                self._place(directory, name, node, stash)
        self._removed = len(plan.stashed) + len(plan.dropped)

    def _stash(self, directory: Node, name: bytes, node: Node, stage: bytes) -> None:
        host, root = self._host, self._table.root
        at = host.directory(directory)
        os.rename(name, stage, src_dir_fd=at, dst_dir_fd=host.fd)
        if not host.has(root, stage, node):
            self._host.make_way(directory, name)
            at = host.directory(directory)
            os.rename(stage, name, src_dir_fd=host.fd, dst_dir_fd=at)
            raise HostChanged(f"{path_in(directory, name)} was replaced by a program")

    def _touch(self, *nodes: Node) -> None:
        self._touched.update(dict.fromkeys(nodes))

    def _drop(self, directory: Node, name: bytes, node: Node) -> None:
        if node.host is not None:
            fd = self._host.directory(directory)
            with _explained(path_in(directory, name)), suppress(FileNotFoundError):
                if node.is_dir:
                    self._host.forget(node)
                    # What a program just put into it stays: the next pull finds it.
                    try:
                        os.rmdir(name, dir_fd=fd)
                    except OSError as exc:
                        if exc.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                            raise
                else:
                    os.unlink(name, dir_fd=fd)
        self._table.unlink(directory, name)
        self._touch(directory, node)

    def _place(
        self, directory: Node, name: bytes, node: Node, stash: dict[Node, bytes]
    ) -> None:
        host, table = self._host, self._table
        if node in stash:
            old = stash.pop(node)
            self._host.make_way(directory, name)
            at = host.directory(directory)
            os.rename(old, name, src_dir_fd=host.fd, dst_dir_fd=at)
            table.link(directory, name, node)
            table.unlink(table.root, old)
        elif node.host is not None:
            self._host.make_way(directory, name)
            self._link(directory, name, node)
            table.link(directory, name, node)
        else:
            table.link(directory, name, node)
            self._make(directory, name, node)
            table.add(node)
        self._touch(directory, node)

    def _link(self, directory: Node, name: bytes, node: Node) -> None:
        at, old_name = node.names[0]
        source = self._host.directory(at)
        target = self._host.directory(directory)
        try:
            os.link(
                old_name,
                name,
                src_dir_fd=source,
                dst_dir_fd=target,
                follow_symlinks=False,
            )
        except PermissionError as exc:  # what is no directory can have links
            if self._host.has(at, old_name, node):
                raise
            raise HostChanged(f"{path_of(node)} was replaced by a program") from exc
        if not self._host.has(directory, name, node):
            os.unlink(name, dir_fd=self._host.directory(directory))
            raise HostChanged(f"{path_of(node)} was replaced by a program")

    def _make(self, directory: Node, name: bytes, node: Node) -> None:
        if directory.host is None:
            return
        if node.kind in _DEVICES and not self._options.dev:
            self._pass_over(node, "a device node, which only options.dev shows")
            return
        try:
            self._make_at(self._host.directory(directory), name, node)
        except FileExistsError:
            self._host.make_way(directory, name)
            self._make_at(self._host.directory(directory), name, node)
        except OSError as exc:
            if exc.errno not in _CANNOT_BE:
                raise
            self._pass_over(node, f"the host cannot have it: {exc.strerror}")
            return
        info = self._host.lstat(directory, name)
        assert info is not None
        node.mark = mark_of(info)
        node.host = node.mark.host
        if _xattrs.are_inherited(directory.xattrs) and node.kind != Kind.SYMLINK:
            with self._host.reached(directory, name, node) as path:
                node.xattrs, _ = _xattrs.read_host(path)

    def _pass_over(self, node: Node, reason: str) -> None:
        self._unkept.append(Unkept(path_of(node), reason))

    def _make_at(self, at: int, name: bytes, node: Node) -> None:
        if node.kind == Kind.DIRECTORY:
            os.mkdir(name, 0o700, dir_fd=at)
        elif node.kind == Kind.SYMLINK:
            os.symlink(node.target, name, dir_fd=at)
        elif node.kind == Kind.REGULAR:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            os.close(os.open(name, flags, 0o600, dir_fd=at))
        elif node.kind == Kind.FIFO:
            os.mkfifo(name, 0o600, dir_fd=at)
        else:
            os.mknod(name, node.kind.value | 0o600, node.rdev, dir_fd=at)

    # --- what inodes hold --------------------------------------------------------

    def _fill(self) -> None:
        """Content and attributes; those of a directory when nothing is put in it."""
        late: list[Node] = []
        for node, info in self._stats.items():
            if node.host is None or not (node.names or node is self._table.root):
                continue
            if node.is_dir:
                late.append(node)
                continue
            with _explained(path_of(node)):
                self._fill_one(node, info)
        for node in late:
            with _explained(path_of(node)):
                self._fill_directory(node, self._stats[node])
        for node in [*self._touched]:
            if node.is_dir and node not in self._stats and self._is_shown(node):
                fd = self._host.directory(node)
                info = self._inodes.getattr(node.ino)
                os.utime(fd, ns=(info.atime_ns, info.mtime_ns))

    def _is_shown(self, node: Node) -> bool:
        is_named = bool(node.names) or node is self._table.root
        return is_named and node.host is not None

    def _fill_one(self, node: Node, info: Stat) -> None:
        directory, name = node.names[0]
        self._touch(node)
        if node.kind == Kind.REGULAR:
            node.is_torn = True
            with self._host.file(directory, name, node.host, os.O_RDWR) as fd:
                push_content(self._inodes, info, fd, os.fstat(fd).st_size)
                self._set_xattrs(node, fd)
                self._own(info, fd)
                os.fchmod(fd, self._mode(info))
                os.utime(fd, ns=(info.atime_ns, info.mtime_ns))
            node.is_torn = False
            return
        at = self._host.directory(directory)
        if self._is_exact:
            os.chown(name, info.uid, info.gid, dir_fd=at, follow_symlinks=False)
        with self._host.reached(directory, name, node) as path:
            self._set_xattrs(node, path)
        if node.kind != Kind.SYMLINK:
            self._host.chmod_at(at, name, self._mode(info))
        times = (info.atime_ns, info.mtime_ns)
        os.utime(name, ns=times, dir_fd=at, follow_symlinks=False)

    def _fill_directory(self, node: Node, info: Stat) -> None:
        fd = self._host.directory(node)
        self._touch(node)
        self._set_xattrs(node, fd)
        self._own(info, fd)
        mode = self._mode(info)
        if not self._host.lend(node, mode):
            os.fchmod(fd, mode)
        os.utime(fd, ns=(info.atime_ns, info.mtime_ns))

    def _own(self, info: Stat, fd: int) -> None:
        if self._is_exact:
            os.fchown(fd, info.uid, info.gid)

    def _mode(self, info: Stat) -> int:
        """The permissions to show."""
        if info.is_file and self._hides_set_id:
            return info.perm & ~_SET_ID
        return info.perm

    def _set_xattrs(self, node: Node, file: _xattrs.Target) -> None:
        wanted = _xattrs.read_fs(self._inodes, node.ino)
        if not wanted and not node.xattrs:
            return
        node.xattrs, refused = _xattrs.write_host(file, node.xattrs, wanted)
        for name in refused:
            self._pass_over(node, f"the host cannot have the attribute {name}")

    def _take_marks(self) -> None:
        for node in self._touched:
            if self._is_shown(node):
                mark = self._host.mark(node)
                if mark is None or mark.host != node.host:
                    raise HostChanged(f"{path_of(node)} was replaced by a program")
                node.mark = mark
        for node, mark in self._host.give_back().items():
            node.mark = mark


@contextmanager
def _explained(path: str) -> Iterator[None]:
    """Make an error of the host one that says where, and what to do.

    Raises:
        HostChanged: it is that something else is there than a moment ago.
        MountError: it is another.
    """
    try:
        yield
    except FsError:
        raise
    except OSError as exc:
        if exc.errno in _INTERFERENCE:
            raise HostChanged(f"{path}: {exc.strerror}") from exc
        advice = ""
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            advice = "; make room on the host, the next push goes on"
        raise MountError(f"cannot show {path}: {exc.strerror}{advice}") from exc
