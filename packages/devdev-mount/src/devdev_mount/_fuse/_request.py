"""One request of the kernel, and what answers it."""

from collections.abc import Callable

from devdev_fs import Caller, Capability

from devdev_mount._fuse._abi import WRITE_IN, Opcode

CHANGES = frozenset(
    {
        *(Opcode.SETATTR, Opcode.SYMLINK, Opcode.MKNOD, Opcode.MKDIR, Opcode.UNLINK),
        *(Opcode.RMDIR, Opcode.RENAME, Opcode.RENAME2, Opcode.LINK, Opcode.WRITE),
        *(Opcode.CREATE, Opcode.TMPFILE, Opcode.FALLOCATE, Opcode.COPY_FILE_RANGE),
        *(Opcode.COPY_FILE_RANGE_64, Opcode.SETXATTR, Opcode.REMOVEXATTR),
    }
)
"""What a read-only mount refuses, and what belongs to somebody."""

_ALL = sum(Capability)
_MAY_NOT_KEEP_SET_ID = _ALL & ~Capability.FSETID


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
        """The thread that asks; 0 when pages of a mapping are written back, and for
        one that this process cannot see."""
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

    def copy(self) -> "Request":
        """The same with a payload of its own: this one can be used again."""
        size = 0
        if self.opcode == Opcode.WRITE:
            _, size, _, _ = WRITE_IN.unpack_from(self.body)
        copied = Request(memoryview(bytes(self.payload[:size])))
        header = (self.opcode, self.unique, self.nodeid, self.uid, self.gid, self.pid)
        copied.set_header((0, *header))
        copied.body = self.body
        return copied

    def without_fsetid(self) -> Caller:
        """Who asks, and may not leave set-id bits on what is changed.

        The kernel has checked all else, with the groups, which are not told.
        """
        return Caller(uid=self.uid, gid=self.gid, capabilities=_MAY_NOT_KEEP_SET_ID)


def maker(uid: int, gid: int, umask: int) -> Caller:
    """Whose a new inode becomes; that it may be made is checked by the kernel."""
    return Caller(uid=uid, gid=gid, umask=umask, capabilities=_ALL)


Reply = bytes | list[bytes] | None
"""What follows the header of the answer; None means that there is no answer."""

Handler = Callable[[Request], Reply]
Handlers = dict[Opcode, Handler]
