"""Answers requests: one handler per opcode, which asks the store.

Nothing here knows where requests come from. The caller holds the store's lock over
a whole request, so that what a nodeid means cannot change in between.
"""

import sys

if sys.platform != "linux":
    raise ImportError("the fuse driver is for Linux")

from typing import Literal

from devdev_fs import (
    ROOT_CALLER,
    Errno,
    FsError,
    Ino,
    InodeOps,
    NotFound,
    SetAttr,
)

from devdev_mount._driver import MountOptions
from devdev_mount._fuse import _abi
from devdev_mount._fuse._abi import Opcode
from devdev_mount._fuse._fileops import FileOps
from devdev_mount._fuse._firstopen import FirstOpen
from devdev_mount._fuse._init import negotiate
from devdev_mount._fuse._listing import ListingOps
from devdev_mount._fuse._nameops import NameOps
from devdev_mount._fuse._nodes import Nodes
from devdev_mount._fuse._request import CHANGES, Handler, Handlers, Request
from devdev_mount._fuse._shown import NANO, NO_ENTRY, Shown
from devdev_mount._fuse._xattrops import XattrOps

_FATTR_OWNER = _abi.FATTR_UID | _abi.FATTR_GID
_FATTR_ANY = (
    _FATTR_OWNER
    | _abi.FATTR_MODE
    | _abi.FATTR_SIZE
    | _abi.FATTR_ATIME
    | _abi.FATTR_MTIME
)


class Ops:
    """Answers requests out of the store: the connection, lookups and attributes here.

    Args:
        inodes: the store.
        nodes: what the kernel knows of it.
        options: how it is shown.
        checks_permissions: whether the kernel is to check them.
    """

    def __init__(
        self,
        inodes: InodeOps,
        nodes: Nodes,
        options: MountOptions,
        *,
        checks_permissions: bool = True,
    ) -> None:
        self._inodes = inodes
        self._nodes = nodes
        self._inos = nodes.inos
        self._options = options
        self._checks_permissions = checks_permissions
        self._shown = Shown(inodes, nodes, options)
        self._files = FileOps(self._shown)
        self._xattrs = XattrOps(self._shown)
        self.refusal = ""
        """Why INIT was refused, if it was."""
        self.handlers: list[Handler | None] = [None] * (max(Opcode) + 1)
        """By opcode; what is None is answered ENOSYS.

        That is how FLUSH, FSYNC, POLL and, where the kernel offers it, OPEN and
        OPENDIR are done away with: the kernel does not ask again, and goes on
        without. IOCTL it turns into ENOTTY.
        """
        self._install()
        self.first_open = FirstOpen(self.handlers, self.lookup)

    def _install(self) -> None:
        handlers: Handlers = {
            Opcode.INIT: self.init,
            Opcode.DESTROY: self.nothing,
            Opcode.INTERRUPT: self.no_answer,
            Opcode.FORGET: self.forget,
            Opcode.BATCH_FORGET: self.batch_forget,
            Opcode.LOOKUP: self.lookup,
            Opcode.GETATTR: self.getattr,
            Opcode.STATX: self.statx,
            Opcode.SETATTR: self.setattr,
            Opcode.ACCESS: self.access,
            Opcode.STATFS: self.statfs,
            Opcode.SYNCFS: self.nothing,
            Opcode.RELEASE: self.nothing,
            Opcode.RELEASEDIR: self.nothing,
            **self._files.handlers(),
            **self._xattrs.handlers(),
            **NameOps(self._shown).handlers(),
            **ListingOps(self._shown).handlers(),
        }
        for opcode, handler in handlers.items():
            refused = self._options.read_only and opcode in CHANGES
            self.handlers[opcode] = self.refuse if refused else handler

    def take_appended(self) -> list[tuple[Ino, int]]:
        """Appends that the store put elsewhere than the kernel, since the last time."""
        appended = self._files.appended
        if appended:
            self._files.appended = []
        return appended

    # --- the connection ----------------------------------------------------------

    def init(self, request: Request) -> bytes:
        """Agree on what both sides have."""
        try:
            agreement = negotiate(
                request.body,
                self._options.request_timeout,
                checks_permissions=self._checks_permissions,
            )
        except FsError as exc:
            self.refusal = exc.strerror or str(exc)
            raise
        if agreement.flags & _abi.FUSE_NO_OPEN_SUPPORT:
            self.handlers[Opcode.OPEN] = None
        if agreement.flags & _abi.FUSE_NO_OPENDIR_SUPPORT:
            self.handlers[Opcode.OPENDIR] = None
        if agreement.flags & _abi.FUSE_SETXATTR_EXT:
            self._xattrs.setxattr_in = _abi.SETXATTR_IN
        return agreement.reply

    def nothing(self, request: Request) -> bytes:
        """Succeed: there is nothing to do."""
        return b""

    def no_answer(self, request: Request) -> None:
        """Pass over an interrupt: what it is about was answered before it was read."""

    def refuse(self, request: Request) -> bytes:
        """Refuse a change: the mount is read-only."""
        raise FsError(Errno.EROFS, "the mount is read-only")

    # --- lookups -----------------------------------------------------------------

    def lookup(self, request: Request) -> bytes:
        """Find a name; that there is none is kept by the kernel as well.

        `.` and `..` are asked for by open_by_handle_at(2), of nodes that the kernel
        may have forgotten.
        """
        name = request.body[:-1]
        if name in (b".", b".."):
            return self._reopen(request.nodeid, name)
        parent = self._inos[request.nodeid]
        try:
            stat = self._inodes.lookup(parent, name)
        except NotFound:
            return NO_ENTRY
        return self._shown.entry(stat)

    def _reopen(self, nodeid: int, name: bytes) -> bytes:
        try:
            stat = self._nodes.reopen(nodeid)
            if name == b"..":
                _, parent = self._inodes.readdir(stat.ino, 0, 2)
                stat = self._inodes.getattr(parent.ino)
        except NotFound:
            raise FsError(Errno.ESTALE) from None
        return self._shown.entry(stat)

    def forget(self, request: Request) -> None:
        """Undo lookups of one node."""
        (nlookup,) = _abi.FORGET_IN.unpack_from(request.body)
        self._nodes.forget(request.nodeid, nlookup)

    def batch_forget(self, request: Request) -> None:
        """Undo lookups of many nodes."""
        (count,) = _abi.BATCH_FORGET_IN.unpack_from(request.body)
        begin = _abi.BATCH_FORGET_IN.size
        end = begin + count * _abi.FORGET_ONE.size
        forgets = memoryview(request.body)[begin:end]
        for nodeid, nlookup in _abi.FORGET_ONE.iter_unpack(forgets):
            self._nodes.forget(nodeid, nlookup)

    # --- attributes --------------------------------------------------------------

    def getattr(self, request: Request) -> bytes:
        """Read the attributes."""
        stat = self._inodes.getattr(self._inos[request.nodeid])
        return self._shown.attributes(stat)

    def statx(self, request: Request) -> bytes:
        """Read the attributes, with the time of birth."""
        return self._shown.statx(self._inodes.getattr(self._inos[request.nodeid]))

    def setattr(self, request: Request) -> bytes:
        """Change attributes; a ctime that the kernel gives is the store's business."""
        valid, size, atime, mtime, atime_nsec, mtime_nsec, mode, uid, gid = (
            _abi.SETATTR_IN.unpack_from(request.body)
        )
        ino = self._inos[request.nodeid]
        is_chown = not valid & _FATTR_ANY or valid & _FATTR_OWNER
        if is_chown and (self._shown.owner or not valid & _FATTR_OWNER):
            # The kernel has let the caller do it, or there is no owner in it. The
            # owner stays what it is, but it is a chown all the same: ctime, set-id
            # bits.
            stored = self._inodes.getattr(ino)
            uid, gid, valid = stored.uid, stored.gid, valid | _FATTR_OWNER
        change = SetAttr(
            mode=mode if valid & _abi.FATTR_MODE else None,
            uid=uid if valid & _abi.FATTR_UID else None,
            gid=gid if valid & _abi.FATTR_GID else None,
            size=size if valid & _abi.FATTR_SIZE else None,
            atime_ns=_time(
                valid, _abi.FATTR_ATIME, _abi.FATTR_ATIME_NOW, atime, atime_nsec
            ),
            mtime_ns=_time(
                valid, _abi.FATTR_MTIME, _abi.FATTR_MTIME_NOW, mtime, mtime_nsec
            ),
        )
        caller = ROOT_CALLER
        if valid & _abi.FATTR_KILL_SUIDGID and valid & _abi.FATTR_SIZE:
            # With a chown it says nothing about who it is.
            caller = request.without_fsetid()
        return self._shown.attributes(self._inodes.setattr(ino, change, caller))

    def access(self, request: Request) -> bytes:
        """Check what access(2) and chdir(2) ask where the kernel does not.

        That is only where root asks, who lacks nothing but a permission to execute
        that nobody has.
        """
        (mask,) = _abi.ACCESS_IN.unpack_from(request.body)
        self._inodes.access(self._inos[request.nodeid], mask)
        return b""

    def statfs(self, request: Request) -> bytes:
        """Space and inodes."""
        vfs = self._inodes.statvfs()
        return _abi.KSTATFS.pack(
            *(vfs.blocks, vfs.blocks_free, vfs.blocks_free),
            *(vfs.inodes, vfs.inodes_free),
            *(vfs.block_size, vfs.name_max, vfs.block_size),
        )


def _time(
    valid: int, given: int, now: int, seconds: int, nanoseconds: int
) -> int | Literal["now"] | None:
    """A time of SETATTR; "now" is read from the store's clock, not the kernel's."""
    if valid & now:
        return "now"
    return seconds * NANO + nanoseconds if valid & given else None
