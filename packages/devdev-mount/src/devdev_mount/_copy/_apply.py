"""What a look at the directory found, done to a fork of the filesystem.

Only what a program changed is done: what the host could not show, or shows in another
way, stays as it is.
"""

import sys

if sys.platform == "win32":
    raise ImportError("for hosts with POSIX files")

import os
import stat
from dataclasses import dataclass, field

from devdev_fs import ROOT_INO, Caller, Errno, Fs, FsError, Ino, Kind, SetAttr

from devdev_mount import _hostxattrs as _xattrs
from devdev_mount._copy._content import pull_content
from devdev_mount._copy._host import HostChanged, HostTree
from devdev_mount._copy._names import Entry, plan_names
from devdev_mount._copy._scan import Scan
from devdev_mount._copy._state import Mark, Node, mark_of, path_of
from devdev_mount._driver import MountOptions
from devdev_mount._reports import Unkept

READINGS = 4
"""Times that a file is read that is written meanwhile, before it is taken as it is."""

_CALLER = Caller(umask=0)
_LIMITS = (Errno.ENOSPC, Errno.EMLINK, Errno.ENAMETOOLONG)
"""How the filesystem refuses names for reasons of its own. It has no other reason to
refuse those of a tree."""


@dataclass(slots=True)
class Applied:
    """What came of it, to be remembered when the filesystem has it."""

    inos: dict[Node, Ino] = field(default_factory=dict)
    """The numbers of new inodes in the fork."""
    marks: dict[Node, Mark] = field(default_factory=dict)
    xattrs: dict[Node, dict[str, bytes]] = field(default_factory=dict)
    moved: set[Node] = field(default_factory=set)
    unkept: list[Unkept] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    placed: list[Entry] = field(default_factory=list)
    dropped: int = 0


def apply(scan: Scan, host: HostTree, fork: Fs, options: MountOptions) -> Applied:
    """Make a fork of what the directory showed into what it shows now.

    Raises:
        HostChanged: the look was at something in motion: the names that it found are
            no tree, or what has them is another inode now.
        FsError: ENOSPC, EFBIG and the like, with the path.
        OSError: something cannot be read.
    """
    application = _Application(scan, host, fork, options)
    try:
        application.run()
    except FsError as exc:
        raise FsError(exc.errno or Errno.EIO, exc.strerror, application.where) from exc
    return application.done


class _Application:
    """One run."""

    def __init__(
        self, scan: Scan, host: HostTree, fork: Fs, options: MountOptions
    ) -> None:
        self.done = Applied()
        self._at: tuple[Node, bytes] | None = None
        """What it is about just now; None is the root."""
        self._scan = scan
        self._host = host
        self._inodes = fork.inodes
        self._is_exact = options.ownership == "exact"
        self._times: dict[Node, int] = {}
        """The mtimes that the fork's inodes had, of those that it stamped itself."""
        self._found_at: dict[Node, tuple[Node, bytes]] = {}

    @property
    def where(self) -> str:
        """What it is about just now, for error messages."""
        return "/" if self._at is None else self._host.path_in(*self._at)

    def run(self) -> None:
        try:
            self._move_names()
        except FsError as exc:
            if exc.errno in _LIMITS:
                raise
            problem = f"{self.where} was moved while it was looked at"
            raise HostChanged(problem) from exc
        for node, mark in self._scan.changed.items():
            self._at = None if node.ino == ROOT_INO else self._place(node)
            if node.kind == Kind.REGULAR:
                self._read_file(node, mark)
            else:
                self._read_other(node, mark)
        for node, mtime_ns in self._times.items():
            if node not in self._scan.changed:
                self._inodes.setattr(self._ino(node), SetAttr(mtime_ns=mtime_ns))

    def _ino(self, node: Node) -> Ino:
        if not node.ino and node not in self.done.inos:
            raise HostChanged(f"{self.where} is in a directory that was moved")
        return node.ino or self.done.inos[node]

    # --- names -------------------------------------------------------------------

    def _move_names(self) -> None:
        inodes = self._inodes
        plan = plan_names(self._scan.listings)
        self.done.placed = plan.placed
        self.done.dropped = len(plan.dropped) + len(plan.stashed)
        gone = {node for _, _, node in plan.dropped if node.is_dir}
        for node in self._scan.listings.keys() - gone:
            if node.ino:
                self._times[node] = inodes.getattr(node.ino).mtime_ns
        root_mtime_ns = inodes.getattr(ROOT_INO).mtime_ns
        stash: dict[Node, bytes] = {}
        for directory, name, node in plan.stashed:
            self._at = directory, name
            stash[node] = self._host.stage_name()
            inodes.rename(directory.ino, name, ROOT_INO, stash[node])
        for directory, name, node in plan.dropped:
            self._at = directory, name
            remove = inodes.rmdir if node.is_dir else inodes.unlink
            remove(directory.ino, name)
        for directory, name, node in plan.placed:
            self._at = directory, name
            self._found_at.setdefault(node, (directory, name))
            if node in stash:
                old = stash.pop(node)
                inodes.rename(ROOT_INO, old, self._ino(directory), name)
            elif node.ino or node in self.done.inos:
                inodes.link(self._ino(node), self._ino(directory), name)
            else:
                self._make(directory, name, node)
        if plan.stashed:
            inodes.setattr(ROOT_INO, SetAttr(mtime_ns=root_mtime_ns))

    def _make(self, directory: Node, name: bytes, node: Node) -> None:
        inodes, parent = self._inodes, self._ino(directory)
        if node.kind == Kind.DIRECTORY:
            made = inodes.mkdir(parent, name, 0o700, _CALLER)
        elif node.kind == Kind.SYMLINK:
            made = inodes.symlink(parent, name, node.target, _CALLER)
        else:
            mode = node.kind.value | 0o600
            made = inodes.mknod(parent, name, mode, node.rdev, _CALLER)
        self.done.inos[node] = made.ino
        if _xattrs.are_inherited(directory.xattrs):
            node.xattrs = _xattrs.read_fs(inodes, made.ino)

    # --- what inodes hold --------------------------------------------------------

    def _place(self, node: Node) -> tuple[Node, bytes]:
        """A name that it has now."""
        if node in self._found_at:
            return self._found_at[node]
        for directory, name in node.names:
            listing = self._scan.listings.get(directory)
            if listing is None or listing.after.get(name) is node:
                return directory, name
        raise HostChanged(f"{path_of(node)} was removed while it was looked at")

    def _read_file(self, node: Node, mark: Mark) -> None:
        """Read a file, again if it was written meanwhile."""
        if node.is_torn:
            return
        directory, name = self._place(node)
        mtime_ns = self._inodes.getattr(self._ino(node)).mtime_ns
        with self._host.file(directory, name, mark.host, os.O_RDONLY) as fd:
            before = mark_of(os.fstat(fd))
            for _ in range(READINGS):
                pull_content(self._inodes, self._ino(node), fd)
                after = mark_of(os.fstat(fd))
                if after == before:
                    break
                before = after
            else:
                self.done.unsettled.append(self.where)
                after = after._replace(ctime_ns=-1)  # to be read next time
            self._read_xattrs(node, fd)
            info = os.fstat(fd)
        if self._inodes.getattr(self._ino(node)).mtime_ns != mtime_ns:
            self._times[node] = mtime_ns  # unless the host's moved, too
        self._set_attributes(node, after, info.st_atime_ns)

    def _read_other(self, node: Node, mark: Mark) -> None:
        atime_ns = None
        if node.is_dir:
            fd = self._host.directory(node)
            atime_ns = os.fstat(fd).st_atime_ns
            self._read_xattrs(node, fd)
        else:
            with self._host.reached(*self._place(node), node) as path:
                self._read_xattrs(node, path)
        self._set_attributes(node, mark, atime_ns)

    def _read_xattrs(self, node: Node, file: _xattrs.Target) -> None:
        found, others = _xattrs.read_host(file)
        if found != node.xattrs:
            _xattrs.write_fs(self._inodes, self._ino(node), node.xattrs, found)
        self.done.xattrs[node] = found
        for name in others:
            reason = f"the attribute {name} is not of those that are kept"
            self.done.unkept.append(Unkept(self.where, reason))

    def _set_attributes(self, node: Node, mark: Mark, atime_ns: int | None) -> None:
        """Set what the host changed of the mode, the owner and the times."""
        self.done.marks[node] = mark
        old = node.mark if node.ino else None
        mode = uid = gid = None
        mtime_ns = self._times.get(node)
        if node.kind != Kind.SYMLINK and (old is None or mark.mode != old.mode):
            mode = stat.S_IMODE(mark.mode)
        if self._is_exact and (
            old is None or (mark.uid, mark.gid) != (old.uid, old.gid)
        ):
            uid, gid = mark.uid, mark.gid
        if old is None or mark.mtime_ns != old.mtime_ns:
            mtime_ns = mark.mtime_ns
        if mode is uid is mtime_ns is None:
            return
        change = SetAttr(
            mode=mode, uid=uid, gid=gid, atime_ns=atime_ns, mtime_ns=mtime_ns
        )
        self._inodes.setattr(self._ino(node), change)
