"""What libfuse asks, as operations of the store: one method per callback.

The caller holds the store's lock over a whole request, so that what a path means
cannot change in between. `default_permissions` has the kernel check rights.
"""

import sys

if sys.platform == "win32":
    raise ImportError("the libfuse driver is for POSIX hosts")

import ctypes
import os
from functools import lru_cache
from typing import Any, Literal

from devdev_fs import (
    PAGE_SIZE,
    ROOT_CALLER,
    AlreadyExists,
    Attachment,
    Caller,
    Capability,
    Errno,
    FsError,
    Ino,
    NotFound,
    SetAttr,
    Stat,
)

from devdev_mount._driver import MountOptions
from devdev_mount._libfuse._binding import Callback, Library, agree
from devdev_mount._libfuse._handles import Handles
from devdev_mount._libfuse._places import Places
from devdev_mount._libfuse._request import Opcode, Request

NANO = 10**9
UTIME_NOW = 2**30 - 1
UTIME_OMIT = 2**30 - 2
"""In place of nanoseconds (linux/stat.h)."""

_NOBODY = 2**32 - 1
"""A user or group that a chown leaves as it is."""
_DEVICE_MASK = 2**32 - 1  # the kernel has 12 bits of major and 20 of minor number
_LISTED = 64  # entries that are asked for at a time: about a page of names
_O_NOATIME = getattr(os, "O_NOATIME", 0)
_ALL = sum(Capability)

Pointer = Any
"""A ctypes pointer: the types behind it depend on the platform."""


@lru_cache(maxsize=64)
def maker(uid: int, gid: int, umask: int) -> Caller:
    """Whose a new inode becomes; that it may be made is checked by the kernel."""
    return Caller(uid=uid, gid=gid, umask=umask, capabilities=_ALL)


class Operations:
    """Answers libfuse out of the store.

    Args:
        library: libfuse.
        attachment: the store.
        places: where paths lead.
        handles: what is open.
        request: which request it is.
        options: how the store is shown.
    """

    def __init__(
        self,
        library: Library,
        attachment: Attachment,
        places: Places,
        handles: Handles,
        request: Request,
        options: MountOptions,
    ) -> None:
        self._library = library
        self._attachment = attachment
        self._inodes = attachment.inodes
        self._places = places
        self._handles = handles
        self._request = request
        self._is_read_only = options.read_only
        self._owner = (
            None if options.ownership == "exact" else (os.geteuid(), os.getegid())
        )
        self.stale: set[int] = set()
        """Nodes whose cached pages are to be dropped after the answer: those of other
        names of what was changed, and where the store put an append elsewhere."""

    def callbacks(self) -> dict[str, Callback]:
        """All, by libfuse's names.

        Without flush, fsync, access, lock, ioctl and bmap: the kernel does without
        by itself.
        """
        changes: dict[str, Callback] = {
            "mknod": self.mknod,
            "mkdir": self.mkdir,
            "unlink": self.unlink,
            "rmdir": self.rmdir,
            "symlink": self.symlink,
            "rename": self.rename,
            "link": self.link,
            "chmod": self.chmod,
            "chown": self.chown,
            "truncate": self.truncate,
            "ftruncate": self.ftruncate,
            "utimens": self.utimens,
            "create": self.create,
            "write": self.write,
            "setxattr": self.setxattr,
            "removexattr": self.removexattr,
            "fallocate": self.fallocate,
        }
        if self._is_read_only:
            changes = dict.fromkeys(changes, self.refuse)
        return changes | {
            "init": self.init,
            "getattr": self.getattr,
            "fgetattr": self.fgetattr,
            "readlink": self.readlink,
            "open": self.open,
            "read": self.read,
            "release": self.release,
            "statfs": self.statfs,
            "getxattr": self.getxattr,
            "listxattr": self.listxattr,
            "opendir": self.opendir,
            "readdir": self.readdir,
            "releasedir": self.releasedir,
        }

    def init(self, connection: int) -> int:
        """Agree with the kernel; what is returned is nobody's."""
        agree(connection)
        return 0

    def refuse(self, *_: object) -> int:
        """Refuse a change: the mount is read-only."""
        raise FsError(Errno.EROFS, "the mount is read-only")

    # --- attributes --------------------------------------------------------------

    def getattr(self, path: bytes, buffer: Pointer) -> int:
        """Read the attributes; of what the API took the name of, if it is open."""
        try:
            stat = self._places.stat(path)
        except NotFound:
            if self._request.opcode != Opcode.GETATTR:
                raise
            ino = self._handles.opened(self._request.nodeid)
            if ino is None:
                raise
            stat = self._inodes.getattr(ino)
        return self._show(stat, buffer.contents)

    def fgetattr(self, _: bytes | None, buffer: Pointer, info: Pointer) -> int:
        """Read the attributes of an open file."""
        handle = self._handles[info.contents.fh]
        return self._show(self._inodes.getattr(handle.ino), buffer.contents)

    def _show(self, stat: Stat, shown: Any) -> int:
        shown.st_ino = stat.ino
        shown.st_mode = stat.mode
        shown.st_nlink = stat.nlink
        shown.st_uid, shown.st_gid = self._owner or (stat.uid, stat.gid)
        shown.st_rdev = stat.rdev & _DEVICE_MASK
        shown.st_size = stat.size
        shown.st_blocks = stat.blocks
        shown.st_blksize = PAGE_SIZE
        _set_time(shown.st_atimespec, stat.atime_ns)
        _set_time(shown.st_mtimespec, stat.mtime_ns)
        _set_time(shown.st_ctimespec, stat.ctime_ns)
        return 0

    def chmod(self, path: bytes, mode: int) -> int:
        """Change permissions."""
        return self._change(self._places.ino(path), SetAttr(mode=mode & 0o7777))

    def chown(self, path: bytes, uid: int, gid: int) -> int:
        """Change the owner; where owners are mapped it is only stamped."""
        stat = self._places.stat(path)
        if self._owner:
            uid, gid = stat.uid, stat.gid
        change = SetAttr(
            uid=None if uid == _NOBODY else uid, gid=None if gid == _NOBODY else gid
        )
        return self._change(stat.ino, change)

    def truncate(self, path: bytes, size: int) -> int:
        """Change the size."""
        return self._resize(self._places.ino(path), size)

    def ftruncate(self, _: bytes | None, size: int, info: Pointer) -> int:
        """Change the size of an open file."""
        return self._resize(self._handles[info.contents.fh].ino, size)

    def _resize(self, ino: Ino, size: int) -> int:
        self._note_content(ino)
        self._inodes.setattr(ino, SetAttr(size=size), self._changer(), is_open=True)
        return 0

    def utimens(self, path: bytes, times: Pointer) -> int:
        """Set times."""
        given = times.contents
        change = SetAttr(atime_ns=_time(given.actime), mtime_ns=_time(given.modtime))
        return self._change(self._places.ino(path), change)

    def _change(self, ino: Ino, change: SetAttr) -> int:
        self._inodes.setattr(ino, change)
        return 0

    def statfs(self, path: bytes, buffer: Pointer) -> int:
        """Space and inodes."""
        vfs = self._inodes.statvfs()
        shown = buffer.contents
        shown.f_bsize = shown.f_frsize = vfs.block_size
        shown.f_blocks = vfs.blocks
        shown.f_bfree = shown.f_bavail = vfs.blocks_free
        shown.f_files = vfs.inodes
        shown.f_ffree = shown.f_favail = vfs.inodes_free
        shown.f_namemax = vfs.name_max
        return 0

    def _changer(self) -> Caller:
        """Who changes a file, and whether set-id bits may stay on it.

        That is not said; they may for root, and that of a group for its members, but
        supplementary groups are not said either.
        """
        uid = self._request.uid
        return _without_fsetid(uid, self._request.gid) if uid else ROOT_CALLER

    # --- names -------------------------------------------------------------------

    def _maker(self) -> Caller:
        if self._owner:
            return maker(0, 0, self._library.umask())
        return maker(self._request.uid, self._request.gid, self._library.umask())

    def mknod(self, path: bytes, mode: int, device: int) -> int:
        """Make a file, FIFO, socket or device node."""
        parent, name = self._places.parent(path)
        self._inodes.mknod(parent, name, mode, device, self._maker())
        return 0

    def mkdir(self, path: bytes, mode: int) -> int:
        """Make a directory."""
        parent, name = self._places.parent(path)
        self._inodes.mkdir(parent, name, mode, self._maker())
        return 0

    def symlink(self, target: bytes, path: bytes) -> int:
        """Make a symbolic link."""
        parent, name = self._places.parent(path)
        self._inodes.symlink(parent, name, target, self._maker())
        return 0

    def link(self, old: bytes, new: bytes) -> int:
        """Give an inode another name."""
        self._inodes.link(self._places.ino(old), *self._places.parent(new))
        return 0

    def unlink(self, path: bytes) -> int:
        """Remove a name. At the end of an open file it was an alias of ours."""
        if self._request.opcode == Opcode.UNLINK:
            self._inodes.unlink(*self._places.parent(path))
        return 0

    def rmdir(self, path: bytes) -> int:
        """Remove an empty directory."""
        self._inodes.rmdir(*self._places.parent(path))
        return 0

    def rename(self, old: bytes, new: bytes) -> int:
        """Move a name; or hide what is about to lose its name and is open.

        When another takes its name, that is still to come, in one step.
        """
        if self._request.is_hiding(new):
            self._places.hide(old, new)
            return self.unlink(old)
        self._inodes.rename(*self._places.parent(old), *self._places.parent(new))
        return 0

    def readlink(self, path: bytes, buffer: Pointer, size: int) -> int:
        """Read the target of a symbolic link, which ends with a NUL."""
        target = self._inodes.readlink(self._places.ino(path))[: size - 1] + b"\0"
        ctypes.memmove(buffer, target, len(target))
        return 0

    # --- files -------------------------------------------------------------------

    def create(self, path: bytes, mode: int, info: Pointer) -> int:
        """Make a file that is then open.

        The kernel asks this where it believes that there is no such file. If one has
        just come and O_EXCL does not forbid it, ESTALE makes the kernel look again.
        """
        parent, name = self._places.parent(path)
        try:
            stat = self._inodes.create(parent, name, mode, self._maker())
        except AlreadyExists:
            if info.contents.flags & os.O_EXCL:
                raise
            raise FsError(Errno.ESTALE, path=name) from None
        self._open(stat.ino, 0, info.contents)
        return 0

    def open(self, path: bytes, info: Pointer) -> int:
        """Open a file. Its cached pages are dropped: they may be another's.

        Pages are kept by path. If another file that had this path is still open, the
        new one goes past the cache.
        """
        ino, node = self._places.ino(path), self._request.nodeid
        if self._handles.is_shared(node, ino):
            info.contents.direct_io = 1
        self._open(ino, node, info.contents)
        return 0

    def _open(self, ino: Ino, node: int, info: Any) -> None:
        may_write = info.flags & os.O_ACCMODE != os.O_RDONLY
        info.fh = self._handles.open(ino, node, may_write, self._attachment.span)

    def release(self, _: bytes | None, info: Pointer) -> int:
        """Close a file; with the last one goes what it was hidden under."""
        ino = self._handles.close(info.contents.fh)
        if self._places.is_hidden(ino) and not self._handles.is_open(ino):
            self._places.forget(ino)
        return 0

    def read(
        self, _: bytes | None, buffer: Pointer, size: int, offset: int, info: Pointer
    ) -> int:
        """Read a file."""
        handle = self._handles[info.contents.fh]
        handle.node = self._request.nodeid
        is_quiet = self._is_read_only or bool(info.contents.flags & _O_NOATIME)
        data = self._inodes.read(handle.ino, offset, size, noatime=is_quiet)
        ctypes.memmove(buffer, data, len(data))
        return len(data)

    def write(
        self, _: bytes | None, data: Pointer, size: int, offset: int, info: Pointer
    ) -> int:
        """Write a file. What is written with O_APPEND goes to the store's real end."""
        given = info.contents
        handle = self._handles[given.fh]
        ino, node = handle.ino, self._request.nodeid
        handle.node = node
        if given.writepage:
            self._attachment.span = handle.span
        content = ctypes.string_at(data, size)
        caller = self._changer()
        if given.flags & os.O_APPEND and not given.writepage:
            end = self._inodes.append(ino, content, caller, partial=True)
            size = self._inodes.getattr(ino).size - end
            if end != offset:
                self.stale.add(node)
        else:
            # Of pages that are written back, the kernel takes a part for the whole.
            is_partial = not given.writepage
            size = self._inodes.write(ino, offset, content, caller, is_partial)
        self._note_content(ino)
        return size

    def _note_content(self, ino: Ino) -> None:
        """The kernel knows each name of an inode as a file of its own."""
        self.stale |= self._handles.nodes(ino) - {self._request.nodeid}

    def fallocate(
        self, _: bytes | None, mode: int, offset: int, length: int, info: Pointer
    ) -> int:
        """Allocate space, or make holes and zeros."""
        ino = self._handles[info.contents.fh].ino
        self._inodes.fallocate(ino, mode, offset, length, self._changer())
        self._note_content(ino)
        return 0

    # --- directories -------------------------------------------------------------

    def opendir(self, path: bytes, info: Pointer) -> int:
        """Open a directory."""
        info.contents.fh = self._handles.open(self._places.ino(path))
        return 0

    def releasedir(self, _: bytes | None, info: Pointer) -> int:
        """Close a directory."""
        self._handles.close(info.contents.fh)
        return 0

    def readdir(
        self,
        _: bytes | None,
        buffer: int,
        add: Callback,
        offset: int,
        info: Pointer,
    ) -> int:
        """List a directory behind the entry whose cookie is `offset`."""
        ino = self._handles[info.contents.fh].ino
        shown = self._library.Stat()
        while entries := self._inodes.readdir(ino, offset, _LISTED):
            for name, entry, kind, cookie in entries:
                shown.st_ino, shown.st_mode = entry, kind
                if add(buffer, name, ctypes.byref(shown), cookie):
                    return 0
                offset = cookie
        return 0

    # --- extended attributes -----------------------------------------------------

    def setxattr(
        self,
        path: bytes,
        name: bytes,
        value: Pointer,
        size: int,
        flags: int,
        *_: int,
    ) -> int:
        """Set a value."""
        content = ctypes.string_at(value, size)
        ino = self._places.ino(path)
        self._inodes.setxattr(ino, name, content, flags, self._changer())
        return 0

    def getxattr(
        self, path: bytes, name: bytes, buffer: Pointer, size: int, *_: int
    ) -> int:
        """Read a value, or only how long it is."""
        value = self._inodes.getxattr(self._places.ino(path), name)
        return _put(value, buffer, size)

    def listxattr(self, path: bytes, buffer: Pointer, size: int) -> int:
        """List the names; those of `trusted.` are only for root."""
        uid = self._request.uid
        caller = Caller(uid=uid) if uid else ROOT_CALLER
        names = self._inodes.listxattr(self._places.ino(path), caller)
        return _put(b"".join(name + b"\0" for name in names), buffer, size)

    def removexattr(self, path: bytes, name: bytes) -> int:
        """Remove an attribute."""
        self._inodes.removexattr(self._places.ino(path), name)
        return 0


@lru_cache(maxsize=64)
def _without_fsetid(uid: int, gid: int) -> Caller:
    """Who may do everything but leave set-id bits on what is changed."""
    return Caller(uid=uid, gid=gid, capabilities=_ALL & ~Capability.FSETID)


def _put(value: bytes, buffer: Pointer, size: int) -> int:
    """Give a value for a buffer of `size` bytes; 0 asks how long it is.

    Raises:
        FsError: ERANGE: it does not fit.
    """
    if size:
        if len(value) > size:
            raise FsError(Errno.ERANGE)
        ctypes.memmove(buffer, value, len(value))
    return len(value)


def _set_time(shown: Any, nanoseconds: int) -> None:
    """Set a struct timespec; before 1970 its nanoseconds stay positive."""
    shown.tv_sec, shown.tv_nsec = divmod(nanoseconds, NANO)


def _time(given: Any) -> int | Literal["now"] | None:
    """A time to set; "now" is read from the store's clock, not the kernel's."""
    if given.tv_nsec == UTIME_NOW:
        return "now"
    if given.tv_nsec == UTIME_OMIT:
        return None
    return int(given.tv_sec) * NANO + int(given.tv_nsec)
