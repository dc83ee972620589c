"""Requests about extended attributes. The kernel has checked the caller's rights."""

import sys

if sys.platform != "linux":
    raise ImportError("the fuse driver is for Linux")

from devdev_fs import ROOT_CALLER, Caller, Errno, FsError

from devdev_mount._fuse import _abi
from devdev_mount._fuse._abi import Opcode
from devdev_mount._fuse._request import Handlers, Request
from devdev_mount._fuse._shown import Shown


class XattrOps:
    """GETXATTR and its kin."""

    def __init__(self, shown: Shown) -> None:
        self._inodes = shown.inodes
        self._inos = shown.nodes.inos
        self.setxattr_in = _abi.SETXATTR_IN_COMPAT
        """The form of a SETXATTR that INIT agreed on."""

    def handlers(self) -> Handlers:
        """What it answers."""
        return {
            Opcode.GETXATTR: self.getxattr,
            Opcode.LISTXATTR: self.listxattr,
            Opcode.SETXATTR: self.setxattr,
            Opcode.REMOVEXATTR: self.removexattr,
        }

    def getxattr(self, request: Request) -> bytes:
        """Read a value, or only how long it is."""
        (size,) = _abi.GETXATTR_IN.unpack_from(request.body)
        name = request.body[_abi.GETXATTR_IN.size : -1]
        return _sized(self._inodes.getxattr(self._inos[request.nodeid], name), size)

    def listxattr(self, request: Request) -> bytes:
        """List the names; those of `trusted.` are only for root."""
        (size,) = _abi.GETXATTR_IN.unpack_from(request.body)
        caller = Caller(uid=request.uid) if request.uid else ROOT_CALLER
        names = self._inodes.listxattr(self._inos[request.nodeid], caller)
        return _sized(b"".join(name + b"\0" for name in names), size)

    def setxattr(self, request: Request) -> bytes:
        """Set a value."""
        size, flags, *more = self.setxattr_in.unpack_from(request.body)
        name, _, rest = request.body[self.setxattr_in.size :].partition(b"\0")
        caller = ROOT_CALLER
        if more and more[0] & _abi.FUSE_SETXATTR_ACL_KILL_SGID:
            caller = request.without_fsetid()
        ino = self._inos[request.nodeid]
        self._inodes.setxattr(ino, name, rest[:size], flags, caller)
        return b""

    def removexattr(self, request: Request) -> bytes:
        """Remove an attribute."""
        self._inodes.removexattr(self._inos[request.nodeid], request.body[:-1])
        return b""


def _sized(value: bytes, size: int) -> bytes:
    """The value for a buffer of `size` bytes; 0 asks how long it is.

    Raises:
        FsError: ERANGE: it does not fit.
    """
    if not size:
        return _abi.GETXATTR_OUT.pack(len(value))
    if len(value) > size:
        raise FsError(Errno.ERANGE)
    return value
