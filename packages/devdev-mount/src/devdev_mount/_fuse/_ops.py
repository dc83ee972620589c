"""One method per opcode: decode the request, ask the store, encode the answer.

Nothing here knows where requests come from. The caller holds the store's lock over
a whole request, so that what a nodeid means cannot change in between.
"""

import sys

if sys.platform != "linux":
    raise ImportError("the fuse driver is for Linux")

import os
from collections.abc import Callable
from typing import Literal

from devdev_fs import (
    PAGE_SIZE,
    AlreadyExists,
    Caller,
    Errno,
    FsError,
    Ino,
    InodeOps,
    NotFound,
    RenameFlags,
    SetAttr,
    Stat,
)

from devdev_mount._driver import MountOptions
from devdev_mount._fuse import _abi
from devdev_mount._fuse._abi import Opcode
from devdev_mount._fuse._init import negotiate
from devdev_mount._fuse._nodes import Nodes

FOREVER = 10**9
"""Seconds that the kernel may keep what it was told; it is told what changes."""

NANO = 10**9

_DIRENT_SIZE_MIN = _abi.DIRENT.size + 8


class Request:
    """One request, decoded as far as all have the same form; used again and again."""

    __slots__ = ("body", "gid", "nodeid", "opcode", "payload", "pid", "uid", "unique")

    def __init__(self, payload: memoryview) -> None:
        self.opcode = 0
        self.unique = 0
        self.nodeid = 0
        self.uid = 0
        self.gid = 0
        self.pid = 0
        """The thread that asks; 0 when pages of a mapping are written back."""
        self.body = b""
        """What follows the header; without the data of a WRITE."""
        self.payload = payload
        """A buffer that begins with the data of a WRITE; only good until the next."""

    def set_header(self, header: tuple[int, ...]) -> None:
        """Take over the fields of IN_HEADER."""
        (
            _,
            self.opcode,
            self.unique,
            self.nodeid,
            self.uid,
            self.gid,
            self.pid,
        ) = header


Reply = bytes | list[bytes] | None
"""What follows the header of the answer; None means that there is no answer."""

Handler = Callable[[Request], Reply]

_CHANGES = frozenset(
    {
        *(Opcode.SETATTR, Opcode.SYMLINK, Opcode.MKNOD, Opcode.MKDIR, Opcode.UNLINK),
        *(Opcode.RMDIR, Opcode.RENAME, Opcode.RENAME2, Opcode.LINK, Opcode.WRITE),
        *(Opcode.CREATE,),
    }
)


class Ops:
    """Answers requests out of the store.

    Args:
        inodes: the store.
        nodes: what the kernel knows of it.
        options: how it is shown.
    """

    def __init__(self, inodes: InodeOps, nodes: Nodes, options: MountOptions) -> None:
        self._inodes = inodes
        self._nodes = nodes
        self._inos = nodes.inos
        self._options = options
        self._shown_owner = (
            None if options.ownership == "exact" else (os.geteuid(), os.getegid())
        )
        self.appended: list[tuple[Ino, int]] = []
        """Appends that the store put elsewhere than the kernel: inode, its offset."""
        self.refusal = ""
        """Why INIT was refused, if it was."""
        self.handlers: list[Handler | None] = [None] * (max(Opcode) + 1)
        """By opcode; what is None is answered ENOSYS.

        That is how FLUSH, FSYNC and, where the kernel offers it, OPEN and OPENDIR are
        done away with: the kernel does not ask again, and goes on without.
        """
        self._install()

    def _install(self) -> None:
        handlers: dict[Opcode, Handler] = {
            Opcode.INIT: self.init,
            Opcode.DESTROY: self.nothing,
            Opcode.INTERRUPT: self.no_answer,
            Opcode.FORGET: self.forget,
            Opcode.BATCH_FORGET: self.batch_forget,
            Opcode.LOOKUP: self.lookup,
            Opcode.GETATTR: self.getattr,
            Opcode.SETATTR: self.setattr,
            Opcode.STATFS: self.statfs,
            Opcode.READLINK: self.readlink,
            Opcode.SYMLINK: self.symlink,
            Opcode.MKNOD: self.mknod,
            Opcode.MKDIR: self.mkdir,
            Opcode.CREATE: self.create,
            Opcode.LINK: self.link,
            Opcode.UNLINK: self.unlink,
            Opcode.RMDIR: self.rmdir,
            Opcode.RENAME: self.rename,
            Opcode.RENAME2: self.rename2,
            Opcode.READ: self.read,
            Opcode.WRITE: self.write,
            Opcode.RELEASE: self.nothing,
            Opcode.OPENDIR: self.opendir,
            Opcode.READDIR: self.readdir,
            Opcode.RELEASEDIR: self.nothing,
            Opcode.OPEN: self.open,
        }
        for opcode, handler in handlers.items():
            refused = self._options.read_only and opcode in _CHANGES
            self.handlers[opcode] = self.refuse if refused else handler

    # --- the connection ----------------------------------------------------------

    def init(self, request: Request) -> bytes:
        """Agree on what both sides have."""
        try:
            agreement = negotiate(request.body)
        except FsError as exc:
            self.refusal = exc.strerror or str(exc)
            raise
        if agreement.flags & _abi.FUSE_NO_OPEN_SUPPORT:
            self.handlers[Opcode.OPEN] = None
        if agreement.flags & _abi.FUSE_NO_OPENDIR_SUPPORT:
            self.handlers[Opcode.OPENDIR] = None
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
        """Find a name; that there is none is kept by the kernel as well."""
        parent = self._inos[request.nodeid]
        try:
            stat = self._inodes.lookup(parent, request.body[:-1])
        except NotFound:
            return _NO_ENTRY
        return self._entry(stat)

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

    def _entry(self, stat: Stat) -> bytes:
        """Answer with an entry, which the kernel then holds: count it last."""
        attr = self._attr(stat)
        nodeid = self._nodes.look_up(stat.ino)
        return _abi.ENTRY_OUT.pack(nodeid, 0, FOREVER, FOREVER, 0, 0, *attr)

    # --- attributes --------------------------------------------------------------

    def getattr(self, request: Request) -> bytes:
        """Read the attributes."""
        stat = self._inodes.getattr(self._inos[request.nodeid])
        return _abi.ATTR_OUT.pack(FOREVER, 0, *self._attr(stat))

    def setattr(self, request: Request) -> bytes:
        """Change attributes; a ctime that the kernel gives is the store's business."""
        valid, size, atime, mtime, atime_nsec, mtime_nsec, mode, uid, gid = (
            _abi.SETATTR_IN.unpack_from(request.body)
        )
        ino = self._inos[request.nodeid]
        if self._shown_owner and valid & (_abi.FATTR_UID | _abi.FATTR_GID):
            # The kernel has let the caller do it. The owner stays what it is, but
            # it is a chown all the same: ctime, set-id bits.
            stored = self._inodes.getattr(ino)
            uid, gid = stored.uid, stored.gid
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
        stat = self._inodes.setattr(ino, change)
        return _abi.ATTR_OUT.pack(FOREVER, 0, *self._attr(stat))

    def statfs(self, request: Request) -> bytes:
        """Space and inodes."""
        vfs = self._inodes.statvfs()
        return _abi.KSTATFS.pack(
            *(vfs.blocks, vfs.blocks_free, vfs.blocks_free),
            *(vfs.inodes, vfs.inodes_free),
            *(vfs.block_size, vfs.name_max, vfs.block_size),
        )

    def _attr(self, stat: Stat) -> tuple[int, ...]:
        """The fields of ATTR. Times before 1970 keep their nanoseconds positive."""
        ino, mode, nlink, uid, gid, rdev, size, blocks, atime, mtime, ctime, _ = stat
        if self._shown_owner:
            uid, gid = self._shown_owner
        atime, atime_nsec = divmod(atime, NANO)
        mtime, mtime_nsec = divmod(mtime, NANO)
        ctime, ctime_nsec = divmod(ctime, NANO)
        return (
            *(ino, size, blocks, atime, mtime, ctime, atime_nsec, mtime_nsec),
            *(ctime_nsec, mode, nlink, uid, gid, rdev, PAGE_SIZE),
        )

    # --- names -------------------------------------------------------------------

    def mknod(self, request: Request) -> bytes:
        """Make a file, FIFO, socket or device node."""
        mode, device = _abi.MKNOD_IN.unpack_from(request.body)
        parent, name = self._new_name(request, _abi.MKNOD_IN.size)
        caller = self._caller(request)
        return self._entry(self._inodes.mknod(parent, name, mode, device, caller))

    def mkdir(self, request: Request) -> bytes:
        """Make a directory."""
        (mode,) = _abi.MKDIR_IN.unpack_from(request.body)
        parent, name = self._new_name(request, _abi.MKDIR_IN.size)
        caller = self._caller(request)
        return self._entry(self._inodes.mkdir(parent, name, mode, caller))

    def create(self, request: Request) -> bytes:
        """Make a file that is then open.

        The kernel asks this where it believes that there is no such file. If one has
        just come and O_EXCL does not forbid it, ESTALE makes the kernel look again.
        """
        flags, mode = _abi.CREATE_IN.unpack_from(request.body)
        parent, name = self._new_name(request, _abi.CREATE_IN.size)
        try:
            stat = self._inodes.create(parent, name, mode, self._caller(request))
        except AlreadyExists:
            if flags & os.O_EXCL:
                raise
            raise FsError(Errno.ESTALE, path=name) from None
        return self._entry(stat) + _OPEN_FILE

    def symlink(self, request: Request) -> bytes:
        """Make a symbolic link."""
        name, target, _ = request.body.split(b"\0")
        parent = self._inos[request.nodeid]
        caller = self._caller(request)
        return self._entry(self._inodes.symlink(parent, name, target, caller))

    def link(self, request: Request) -> bytes:
        """Give an inode another name."""
        (old,) = _abi.LINK_IN.unpack_from(request.body)
        parent, name = self._new_name(request, _abi.LINK_IN.size)
        return self._entry(self._inodes.link(self._inos[old], parent, name))

    def unlink(self, request: Request) -> bytes:
        """Remove a name; the inode stays while the kernel holds it."""
        self._inodes.unlink(self._inos[request.nodeid], request.body[:-1])
        return b""

    def rmdir(self, request: Request) -> bytes:
        """Remove an empty directory."""
        self._inodes.rmdir(self._inos[request.nodeid], request.body[:-1])
        return b""

    def rename(self, request: Request) -> bytes:
        """Move a name."""
        (new_parent,) = _abi.RENAME_IN.unpack_from(request.body)
        return self._rename(request, new_parent, _abi.RENAME_IN.size, 0)

    def rename2(self, request: Request) -> bytes:
        """Move a name, with flags."""
        new_parent, flags = _abi.RENAME2_IN.unpack_from(request.body)
        return self._rename(request, new_parent, _abi.RENAME2_IN.size, flags)

    def _rename(
        self, request: Request, new_parent: int, offset: int, flags: int
    ) -> bytes:
        name, new_name, _ = request.body[offset:].split(b"\0")
        self._inodes.rename(
            self._inos[request.nodeid],
            name,
            self._inos[new_parent],
            new_name,
            RenameFlags(flags),
        )
        return b""

    def _new_name(self, request: Request, offset: int) -> tuple[Ino, bytes]:
        return self._inos[request.nodeid], request.body[offset:-1]

    def _caller(self, request: Request) -> Caller:
        """Whose a new inode becomes; the kernel has applied the umask already."""
        if self._shown_owner:
            return _MAPPED_CALLER
        return Caller(uid=request.uid, gid=request.gid, umask=0)

    # --- content -----------------------------------------------------------------

    def open(self, request: Request) -> bytes:
        """Open a file: there is no state to it, and its cached pages stay good."""
        return _OPEN_FILE

    def read(self, request: Request) -> list[bytes]:
        """Read a file."""
        offset, size = _abi.READ_IN.unpack_from(request.body)
        ino = self._inos[request.nodeid]
        is_read_only = self._options.read_only
        return self._inodes.read_chunks(ino, offset, size, noatime=is_read_only)

    def write(self, request: Request) -> bytes:
        """Write a file. What is written with O_APPEND goes to the store's real end.

        The kernel's own idea of the size does not follow what is appended elsewhere,
        and its offset would overwrite that.
        """
        offset, size, write_flags, flags = _abi.WRITE_IN.unpack_from(request.body)
        ino = self._inos[request.nodeid]
        data = request.payload[:size]
        if flags & os.O_APPEND and not write_flags & _abi.FUSE_WRITE_CACHE:
            if self._inodes.append(ino, data) != offset:
                self.appended.append((ino, offset))
        else:
            self._inodes.write(ino, offset, data)
        return _abi.WRITE_OUT.pack(size)

    def readlink(self, request: Request) -> bytes:
        """Read the target of a symbolic link."""
        return self._inodes.readlink(self._inos[request.nodeid])

    # --- directories -------------------------------------------------------------

    def opendir(self, request: Request) -> bytes:
        """Open a directory: its cached listing stays good."""
        return _OPEN_DIRECTORY

    def readdir(self, request: Request) -> bytes:
        """List a directory: as many entries as fit."""
        cookie, size = _abi.READ_IN.unpack_from(request.body)
        entries = self._inodes.readdir(
            self._inos[request.nodeid], cookie, size // _DIRENT_SIZE_MIN
        )
        listing = bytearray()
        for name, ino, kind, at in entries:
            length = len(name)
            padded = -(-length // 8) * 8
            if len(listing) + _abi.DIRENT.size + padded > size:
                break
            listing += _abi.DIRENT.pack(ino, at, length, kind >> 12)
            listing += name.ljust(padded, b"\0")
        return bytes(listing)


def _time(
    valid: int, given: int, now: int, seconds: int, nanoseconds: int
) -> int | Literal["now"] | None:
    """A time of SETATTR; "now" is read from the store's clock, not the kernel's."""
    if valid & now:
        return "now"
    return seconds * NANO + nanoseconds if valid & given else None


_MAPPED_CALLER = Caller(umask=0)
_NO_ENTRY = _abi.ENTRY_OUT.pack(0, 0, FOREVER, 0, 0, 0, *([0] * 15))
_OPEN_FILE = _abi.OPEN_OUT.pack(0, _abi.FOPEN_KEEP_CACHE)
_OPEN_DIRECTORY = _abi.OPEN_OUT.pack(0, _abi.FOPEN_KEEP_CACHE | _abi.FOPEN_CACHE_DIR)
