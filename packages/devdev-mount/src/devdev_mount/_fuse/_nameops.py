"""Requests about names: what is made, linked, moved and removed."""

import sys

if sys.platform != "linux":
    raise ImportError("the fuse driver is for Linux")

import os

from devdev_fs import AlreadyExists, Errno, FsError, Ino, RenameFlags

from devdev_mount._fuse import _abi
from devdev_mount._fuse._abi import Opcode
from devdev_mount._fuse._fileops import made_file
from devdev_mount._fuse._request import Handlers, Request
from devdev_mount._fuse._shown import Shown


class NameOps:
    """MKNOD, CREATE, RENAME and their kin."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._inodes = shown.inodes
        self._inos = shown.nodes.inos

    def handlers(self) -> Handlers:
        """What it answers."""
        return {
            Opcode.MKNOD: self.mknod,
            Opcode.MKDIR: self.mkdir,
            Opcode.CREATE: self.create,
            Opcode.TMPFILE: self.tmpfile,
            Opcode.SYMLINK: self.symlink,
            Opcode.LINK: self.link,
            Opcode.UNLINK: self.unlink,
            Opcode.RMDIR: self.rmdir,
            Opcode.RENAME: self.rename,
            Opcode.RENAME2: self.rename2,
        }

    def mknod(self, request: Request) -> bytes:
        """Make a file, FIFO, socket or device node."""
        mode, device, umask = _abi.MKNOD_IN.unpack_from(request.body)
        parent, name = self._new_name(request, _abi.MKNOD_IN.size)
        caller = self._shown.maker(request, umask)
        return self._shown.entry(self._inodes.mknod(parent, name, mode, device, caller))

    def mkdir(self, request: Request) -> bytes:
        """Make a directory."""
        mode, umask = _abi.MKDIR_IN.unpack_from(request.body)
        parent, name = self._new_name(request, _abi.MKDIR_IN.size)
        caller = self._shown.maker(request, umask)
        return self._shown.entry(self._inodes.mkdir(parent, name, mode, caller))

    def create(self, request: Request) -> bytes:
        """Make a file that is then open.

        The kernel asks this where it believes that there is no such file. If one has
        just come and O_EXCL does not forbid it, ESTALE makes the kernel look again.
        """
        flags, mode, umask = _abi.CREATE_IN.unpack_from(request.body)
        parent, name = self._new_name(request, _abi.CREATE_IN.size)
        caller = self._shown.maker(request, umask)
        try:
            stat = self._inodes.create(parent, name, mode, caller)
        except AlreadyExists:
            if flags & os.O_EXCL:
                raise
            raise FsError(Errno.ESTALE, path=name) from None
        return self._shown.entry(stat) + made_file(flags)

    def tmpfile(self, request: Request) -> bytes:
        """Make a file without a name, which the kernel then holds."""
        flags, mode, umask = _abi.CREATE_IN.unpack_from(request.body)
        caller = self._shown.maker(request, umask)
        stat = self._inodes.tmpfile(self._inos[request.nodeid], mode, caller)
        entry = self._shown.entry(stat)
        self._inodes.unpin(stat.ino)
        return entry + made_file(flags)

    def symlink(self, request: Request) -> bytes:
        """Make a symbolic link."""
        name, target, _ = request.body.split(b"\0")
        parent = self._inos[request.nodeid]
        caller = self._shown.maker(request)
        return self._shown.entry(self._inodes.symlink(parent, name, target, caller))

    def link(self, request: Request) -> bytes:
        """Give an inode another name."""
        (old,) = _abi.LINK_IN.unpack_from(request.body)
        parent, name = self._new_name(request, _abi.LINK_IN.size)
        return self._shown.entry(self._inodes.link(self._inos[old], parent, name))

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
            self._shown.maker(request),
        )
        return b""

    def _new_name(self, request: Request, offset: int) -> tuple[Ino, bytes]:
        return self._inos[request.nodeid], request.body[offset:-1]
