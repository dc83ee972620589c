"""Two errors at once: which one is told is part of an operation's documentation.

And whatever is told, nothing has changed.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import pytest
from devdev_fs import (
    ROOT_INO,
    Caller,
    Capability,
    Errno,
    FallocateFlags,
    FsBase,
    Ino,
    InodeOps,
    Kind,
    RenameFlags,
    SetAttr,
    Whence,
    XattrFlags,
)

from tests.fs.checks import ino_of, refused

MISSING = Ino(999)
BAD = b"a/b"
LONG = b"x" * 256
NOREPLACE, EXCHANGE = RenameFlags.NOREPLACE, RenameFlags.EXCHANGE
WHITEOUT = RenameFlags.WHITEOUT
INSERT, COLLAPSE = FallocateFlags.INSERT_RANGE, FallocateFlags.COLLAPSE_RANGE
USER = Caller(uid=1, gid=1)
ODD = Caller(uid=-1, capabilities=Capability.DAC_OVERRIDE)
"""One whose number does not fit, which is told last."""


@dataclass
class Tree:
    """A full filesystem (no byte and no inode is left) with one of each."""

    fs: FsBase
    inos: dict[str, Ino]

    @property
    def ops(self) -> InodeOps:
        return self.fs.inodes

    def __getattr__(self, name: str) -> Ino:
        return self.inos[name]


@pytest.fixture
def t(fs: FsBase) -> Iterator[Tree]:
    fs.write_bytes("/file", b"content")
    fs.symlink("file", "/link")
    fs.symlink("loop", "/loop")
    fs.inodes.mknod(ROOT_INO, b"fifo", Kind.FIFO)
    fs.inodes.mknod(ROOT_INO, b"socket", Kind.SOCKET | 0o666)
    fs.chmod("/socket", 0o666)
    fs.write_bytes("/largest", b"")
    fs.truncate("/largest", 2**63 - 1)
    fs.inodes.setxattr(ino_of(fs, "/file"), b"user.x", b"")
    fs.mkdir("/d/sub", parents=True)
    for name, mode in {
        "closed": 0o700,
        "shown": 0o755,
        "sticky": 0o1777,
        "open": 0o777,
    }.items():
        fs.mkdir(f"/{name}/full/below", parents=True)
        fs.write_bytes(f"/{name}/x", b"")
        fs.chmod(f"/{name}", mode)
    fs.mkdir("/sticky/mine/below", parents=True)
    fs.setattr("/sticky/mine", SetAttr(uid=USER.uid))
    fs.mkdir("/gone")
    fs.write_bytes("/orphan", b"")
    held = {name: ino_of(fs, f"/{name}") for name in ("gone", "orphan")}
    for ino in held.values():
        fs.inodes.pin(ino)
    fs.rmdir("/gone")
    fs.remove("/orphan")
    fs.set_limits(max_bytes=0, max_inodes=0)
    inos = {name: ino_of(fs, f"/{name}") for name in fs.listdir("/")}
    sub = ino_of(fs, "/d/sub")
    yield Tree(fs, {**inos, **held, "root": ROOT_INO, "sub": sub})
    for ino in held.values():
        fs.inodes.unpin(ino)


Call = Callable[[Tree], object]


class Row(NamedTuple):
    """A call, the error that is told, and whether there is room left for it."""

    errno: Errno
    call: Call
    has_room: bool = False


# In the order of each docstring: the error that is told, then the ones it hides.
TABLE: dict[str, list[Row]] = {
    "pin": [
        Row(Errno.ENOENT, lambda t: t.ops.pin(MISSING, -1)),
        Row(Errno.EINVAL, lambda t: t.ops.pin(t.file, -1)),
    ],
    "unpin": [
        Row(Errno.ENOENT, lambda t: t.ops.unpin(MISSING, -1)),
        Row(Errno.EINVAL, lambda t: t.ops.unpin(t.orphan, -1)),
        Row(Errno.EINVAL, lambda t: t.ops.unpin(t.orphan, 2)),
    ],
    "getattr": [Row(Errno.ENOENT, lambda t: t.ops.getattr(MISSING))],
    "setattr": [
        Row(Errno.ENOENT, lambda t: t.ops.setattr(MISSING, SetAttr(uid=-1))),
        Row(Errno.EINVAL, lambda t: t.ops.setattr(t.d, SetAttr(uid=-1, size=0))),
        Row(Errno.EISDIR, lambda t: t.ops.setattr(t.d, SetAttr(size=-1))),
        Row(Errno.EINVAL, lambda t: t.ops.setattr(t.fifo, SetAttr(size=2**63))),
        Row(Errno.EINVAL, lambda t: t.ops.setattr(t.link, SetAttr(size=1, mode=0))),
        Row(Errno.EINVAL, lambda t: t.ops.setattr(t.file, SetAttr(size=-1))),
        Row(Errno.EFBIG, lambda t: t.ops.setattr(t.file, SetAttr(size=2**63), USER)),
        Row(Errno.EOPNOTSUPP, lambda t: t.ops.setattr(t.link, SetAttr(mode=0), USER)),
        Row(
            Errno.EACCES,
            lambda t: t.ops.setattr(t.file, SetAttr(size=0, uid=1), USER),
        ),
        Row(
            Errno.EACCES,
            lambda t: t.ops.setattr(
                t.file, SetAttr(atime_ns="now", mtime_ns="now", uid=1), USER
            ),
        ),
        Row(Errno.EPERM, lambda t: t.ops.setattr(t.file, SetAttr(uid=1), USER)),
    ],
    "access": [
        Row(Errno.EINVAL, lambda t: t.ops.access(MISSING, 8)),
        Row(Errno.ENOENT, lambda t: t.ops.access(MISSING, 4, USER)),
        Row(Errno.EACCES, lambda t: t.ops.access(t.file, 2, USER)),
    ],
    "open_check": [
        Row(Errno.EINVAL, lambda t: t.ops.open_check(MISSING, 8)),
        Row(Errno.ENOENT, lambda t: t.ops.open_check(MISSING, 4, USER)),
        Row(Errno.ELOOP, lambda t: t.ops.open_check(t.link, 4, USER, True)),
        Row(Errno.EISDIR, lambda t: t.ops.open_check(t.d, 2, USER)),
        Row(Errno.EACCES, lambda t: t.ops.open_check(t.d, 1)),
        Row(Errno.EACCES, lambda t: t.ops.open_check(t.file, 2, USER, True)),
        Row(Errno.EPERM, lambda t: t.ops.open_check(t.socket, 6, USER, True)),
        Row(Errno.ENXIO, lambda t: t.ops.open_check(t.socket, 6, USER)),
    ],
    "statvfs": [],
    "set_limits": [Row(Errno.EINVAL, lambda t: t.ops.set_limits(-1, 0))],
    "setxattr": [
        Row(Errno.EINVAL, lambda t: t.ops.setxattr(MISSING, LONG, b"", 4)),
        Row(Errno.EINVAL, lambda t: t.ops.setxattr(MISSING, LONG + b"\0", b"")),
        Row(Errno.ERANGE, lambda t: t.ops.setxattr(MISSING, LONG, bytes(65537))),
        Row(Errno.ERANGE, lambda t: t.ops.setxattr(MISSING, b"", bytes(65537))),
        Row(Errno.E2BIG, lambda t: t.ops.setxattr(MISSING, b"x", bytes(65537))),
        Row(Errno.ENOENT, lambda t: t.ops.setxattr(MISSING, b"x", b"")),
        Row(Errno.EPERM, lambda t: t.ops.setxattr(t.file, b"trusted.", b"", 0, USER)),
        Row(Errno.EPERM, lambda t: t.ops.setxattr(t.fifo, b"user.", b"", 0, USER)),
        Row(Errno.EACCES, lambda t: t.ops.setxattr(t.file, b"x", b"", 0, USER)),
        Row(Errno.EACCES, lambda t: t.ops.setxattr(t.file, b"user.", b"", 0, USER)),
        Row(
            Errno.EOPNOTSUPP,
            lambda t: t.ops.setxattr(t.file, b"user", b"", XattrFlags.REPLACE),
        ),
        Row(
            Errno.EINVAL,
            lambda t: t.ops.setxattr(t.file, b"user.", b"", XattrFlags.REPLACE),
        ),
        Row(
            Errno.EEXIST,
            lambda t: t.ops.setxattr(t.file, b"user.x", bytes(5000), 3),
        ),
        Row(
            Errno.ENODATA,
            lambda t: t.ops.setxattr(t.file, b"user.y", bytes(5000), 3),
        ),
        Row(Errno.ENOSPC, lambda t: t.ops.setxattr(t.file, b"user.x", bytes(5000))),
    ],
    "getxattr": [
        Row(Errno.EINVAL, lambda t: t.ops.getxattr(MISSING, b"\0" + LONG)),
        Row(Errno.ERANGE, lambda t: t.ops.getxattr(MISSING, LONG)),
        Row(Errno.ENOENT, lambda t: t.ops.getxattr(MISSING, b"x")),
        Row(Errno.ENODATA, lambda t: t.ops.getxattr(t.file, b"trusted.", USER)),
        Row(Errno.ENODATA, lambda t: t.ops.getxattr(t.fifo, b"user.", USER)),
        Row(Errno.EACCES, lambda t: t.ops.getxattr(t.closed, b"user.", USER)),
        Row(Errno.EACCES, lambda t: t.ops.getxattr(t.closed, b"user", USER)),
        Row(Errno.EOPNOTSUPP, lambda t: t.ops.getxattr(t.file, b"user")),
        Row(Errno.EINVAL, lambda t: t.ops.getxattr(t.file, b"user.")),
        Row(Errno.ENODATA, lambda t: t.ops.getxattr(t.file, b"user.y")),
    ],
    "listxattr": [Row(Errno.ENOENT, lambda t: t.ops.listxattr(MISSING))],
    "removexattr": [
        Row(Errno.EINVAL, lambda t: t.ops.removexattr(MISSING, b"\0" + LONG)),
        Row(Errno.ERANGE, lambda t: t.ops.removexattr(MISSING, LONG)),
        Row(Errno.ENOENT, lambda t: t.ops.removexattr(MISSING, b"x")),
        Row(Errno.EPERM, lambda t: t.ops.removexattr(t.file, b"trusted.", USER)),
        Row(Errno.EACCES, lambda t: t.ops.removexattr(t.file, b"user", USER)),
        Row(Errno.EOPNOTSUPP, lambda t: t.ops.removexattr(t.file, b"user")),
        Row(Errno.EINVAL, lambda t: t.ops.removexattr(t.file, b"user.")),
        Row(Errno.ENODATA, lambda t: t.ops.removexattr(t.file, b"user.y")),
    ],
    "read": [
        Row(Errno.ENOENT, lambda t: t.ops.read(MISSING, -1, 1)),
        Row(Errno.EISDIR, lambda t: t.ops.read(t.d, -1, 1)),
        Row(Errno.EINVAL, lambda t: t.ops.read(t.link, 0, 1)),
        Row(Errno.EINVAL, lambda t: t.ops.read(t.file, -1, 1)),
        Row(Errno.EINVAL, lambda t: t.ops.read(t.file, 0, -1)),
    ],
    "read_chunks": [
        Row(Errno.ENOENT, lambda t: t.ops.read_chunks(MISSING, -1, 1)),
        Row(Errno.EISDIR, lambda t: t.ops.read_chunks(t.d, -1, 1)),
        Row(Errno.EINVAL, lambda t: t.ops.read_chunks(t.file, -1, 1)),
    ],
    "read_files": [
        Row(Errno.EINVAL, lambda t: t.ops.read_files([MISSING], -1, 1)),
    ],
    "write": [
        Row(Errno.ENOENT, lambda t: t.ops.write(MISSING, -1, b"x")),
        Row(Errno.EISDIR, lambda t: t.ops.write(t.d, -1, b"x")),
        Row(Errno.EINVAL, lambda t: t.ops.write(t.fifo, 2**63, b"x")),
        Row(Errno.EINVAL, lambda t: t.ops.write(t.file, -(2**70), b"x")),
        Row(Errno.EFBIG, lambda t: t.ops.write(t.file, 2**63 - 1, b"x")),
        Row(Errno.ENOSPC, lambda t: t.ops.write(t.file, 2**63 - 2, b"x")),
    ],
    "append": [
        Row(Errno.ENOENT, lambda t: t.ops.append(MISSING, b"x")),
        Row(Errno.EISDIR, lambda t: t.ops.append(t.d, b"x")),
        Row(Errno.EINVAL, lambda t: t.ops.append(t.link, b"x")),
        Row(Errno.EFBIG, lambda t: t.ops.append(t.largest, b"xy")),
        Row(Errno.ENOSPC, lambda t: t.ops.append(t.file, b"x" * 5000)),
    ],
    "fallocate": [
        Row(Errno.EINVAL, lambda t: t.ops.fallocate(MISSING, 99, -1, 1)),
        Row(Errno.EINVAL, lambda t: t.ops.fallocate(MISSING, 99, 0, 0)),
        Row(Errno.EOPNOTSUPP, lambda t: t.ops.fallocate(MISSING, 99, 0, 1)),
        Row(Errno.ENOENT, lambda t: t.ops.fallocate(MISSING, 0, 2**63, 1)),
        Row(Errno.EISDIR, lambda t: t.ops.fallocate(t.d, 0, 2**63, 1)),
        Row(Errno.ESPIPE, lambda t: t.ops.fallocate(t.fifo, 0, 2**63, 1)),
        Row(Errno.ENODEV, lambda t: t.ops.fallocate(t.link, 0, 2**63, 1)),
        Row(Errno.EFBIG, lambda t: t.ops.fallocate(t.file, INSERT, 2**63, 1)),
        Row(Errno.EINVAL, lambda t: t.ops.fallocate(t.file, INSERT, 2**62 + 1, 1)),
        Row(Errno.EINVAL, lambda t: t.ops.fallocate(t.file, COLLAPSE, 4096, 1)),
        Row(
            Errno.EFBIG,
            lambda t: t.ops.fallocate(t.largest, INSERT, 0, 4096),
        ),
        Row(Errno.EINVAL, lambda t: t.ops.fallocate(t.file, INSERT, 4096, 4096)),
        Row(Errno.EINVAL, lambda t: t.ops.fallocate(t.file, COLLAPSE, 0, 4096)),
        Row(Errno.ENOSPC, lambda t: t.ops.fallocate(t.file, 0, 4096, 1)),
    ],
    "lseek": [
        Row(Errno.EINVAL, lambda t: t.ops.lseek(MISSING, -1, 2)),
        Row(Errno.ENOENT, lambda t: t.ops.lseek(MISSING, -1, Whence.DATA)),
        Row(Errno.EISDIR, lambda t: t.ops.lseek(t.d, -1, Whence.DATA)),
        Row(Errno.EINVAL, lambda t: t.ops.lseek(t.fifo, -1, Whence.DATA)),
        Row(Errno.ENXIO, lambda t: t.ops.lseek(t.file, -1, Whence.DATA)),
    ],
    "copy_file_range": [
        Row(Errno.ENOENT, lambda t: t.ops.copy_file_range(t.d, -1, MISSING, 0, 1)),
        Row(Errno.EISDIR, lambda t: t.ops.copy_file_range(t.fifo, -1, t.d, 0, 1)),
        Row(Errno.EINVAL, lambda t: t.ops.copy_file_range(t.fifo, 0, t.file, 2**63, 1)),
        Row(
            Errno.EINVAL, lambda t: t.ops.copy_file_range(t.file, -1, t.file, 2**63, 1)
        ),
        Row(Errno.EFBIG, lambda t: t.ops.copy_file_range(t.file, 0, t.file, 2**63, 9)),
        Row(Errno.EINVAL, lambda t: t.ops.copy_file_range(t.file, 0, t.file, 6, 9)),
        Row(Errno.ENOSPC, lambda t: t.ops.copy_file_range(t.file, 0, t.file, 4096, 9)),
    ],
    "readlink": [
        Row(Errno.ENOENT, lambda t: t.ops.readlink(MISSING)),
        Row(Errno.EINVAL, lambda t: t.ops.readlink(t.d)),
    ],
    "readdir": [
        Row(Errno.ENOENT, lambda t: t.ops.readdir(MISSING, -1)),
        Row(Errno.ENOTDIR, lambda t: t.ops.readdir(t.file, -1)),
        Row(Errno.EINVAL, lambda t: t.ops.readdir(t.d, -1)),
        Row(Errno.EINVAL, lambda t: t.ops.readdir(t.d, 0, -1)),
    ],
    "lookup": [
        Row(Errno.ENOENT, lambda t: t.ops.lookup(MISSING, BAD)),
        Row(Errno.ENOTDIR, lambda t: t.ops.lookup(t.file, BAD, USER)),
        Row(Errno.EACCES, lambda t: t.ops.lookup(t.closed, BAD, USER)),
        Row(Errno.EINVAL, lambda t: t.ops.lookup(t.root, BAD * 100)),
        Row(Errno.ENAMETOOLONG, lambda t: t.ops.lookup(t.root, LONG)),
        Row(Errno.ENOENT, lambda t: t.ops.lookup(t.root, b"new")),
    ],
    "resolve": [
        Row(Errno.ENOENT, lambda t: t.ops.resolve("")),
        Row(Errno.EINVAL, lambda t: t.ops.resolve("/file/\0" + "x" * 5000)),
        Row(Errno.ENAMETOOLONG, lambda t: t.ops.resolve("/file/" + "x" * 5000)),
        Row(Errno.ENOTDIR, lambda t: t.ops.resolve("/file/" + "x" * 300, True, USER)),
        Row(Errno.EACCES, lambda t: t.ops.resolve("/closed/" + "x" * 300, True, USER)),
        Row(Errno.EACCES, lambda t: t.ops.resolve("/closed/..", True, USER)),
        Row(Errno.ENAMETOOLONG, lambda t: t.ops.resolve("/" + "x" * 300 + "/y")),
        Row(Errno.ENOENT, lambda t: t.ops.resolve("/new/" + "x" * 300)),
        Row(Errno.ELOOP, lambda t: t.ops.resolve("/loop/" + "x" * 300)),
    ],
    "mkdir": [
        Row(Errno.ENOENT, lambda t: t.ops.mkdir(MISSING, BAD)),
        Row(Errno.ENOTDIR, lambda t: t.ops.mkdir(t.file, BAD, 0, USER)),
        Row(Errno.EACCES, lambda t: t.ops.mkdir(t.closed, BAD, 0, USER)),
        Row(Errno.EINVAL, lambda t: t.ops.mkdir(t.gone, BAD)),
        Row(Errno.ENAMETOOLONG, lambda t: t.ops.mkdir(t.gone, LONG)),
        Row(Errno.EEXIST, lambda t: t.ops.mkdir(t.shown, b"x", 0, USER)),
        Row(Errno.ENOENT, lambda t: t.ops.mkdir(t.gone, b"new", 0, USER)),
        Row(Errno.EACCES, lambda t: t.ops.mkdir(t.shown, b"new", 0, USER)),
        Row(Errno.ENOSPC, lambda t: t.ops.mkdir(t.root, b"new", 0, ODD)),
        Row(Errno.EINVAL, lambda t: t.ops.mkdir(t.root, b"new", 0, ODD), True),
    ],
    "create": [
        Row(Errno.ENOENT, lambda t: t.ops.create(MISSING, BAD)),
        Row(Errno.ENOTDIR, lambda t: t.ops.create(t.link, BAD, 0, USER)),
        Row(Errno.EACCES, lambda t: t.ops.create(t.closed, BAD, 0, USER)),
        Row(Errno.EINVAL, lambda t: t.ops.create(t.gone, BAD)),
        Row(Errno.ENAMETOOLONG, lambda t: t.ops.create(t.gone, LONG)),
        Row(Errno.EEXIST, lambda t: t.ops.create(t.shown, b"x", 0, USER)),
        Row(Errno.ENOENT, lambda t: t.ops.create(t.gone, b"new", 0, USER)),
        Row(Errno.EACCES, lambda t: t.ops.create(t.shown, b"new", 0, USER)),
        Row(Errno.ENOSPC, lambda t: t.ops.create(t.root, b"new", 0, ODD)),
        Row(Errno.EINVAL, lambda t: t.ops.create(t.root, b"new", 0, ODD), True),
    ],
    "tmpfile": [
        Row(Errno.ENOENT, lambda t: t.ops.tmpfile(MISSING)),
        Row(Errno.ENOTDIR, lambda t: t.ops.tmpfile(t.file, 0, USER)),
        Row(Errno.EACCES, lambda t: t.ops.tmpfile(t.shown, 0, USER)),
        Row(Errno.ENOSPC, lambda t: t.ops.tmpfile(t.root, 0, ODD)),
        Row(Errno.EINVAL, lambda t: t.ops.tmpfile(t.root, 0, ODD), True),
    ],
    "mknod": [
        Row(Errno.EPERM, lambda t: t.ops.mknod(MISSING, BAD, Kind.DIRECTORY)),
        Row(Errno.EINVAL, lambda t: t.ops.mknod(MISSING, BAD, Kind.SYMLINK)),
        Row(Errno.EINVAL, lambda t: t.ops.mknod(MISSING, BAD, 0o070000)),
        Row(Errno.EINVAL, lambda t: t.ops.mknod(MISSING, LONG, Kind.BLOCK_DEVICE, -1)),
        Row(Errno.ENOENT, lambda t: t.ops.mknod(MISSING, BAD, Kind.FIFO)),
        Row(Errno.ENOTDIR, lambda t: t.ops.mknod(t.fifo, BAD, Kind.FIFO, 0, USER)),
        Row(Errno.EACCES, lambda t: t.ops.mknod(t.closed, BAD, Kind.FIFO, 0, USER)),
        Row(Errno.EINVAL, lambda t: t.ops.mknod(t.gone, BAD, Kind.FIFO)),
        Row(Errno.ENAMETOOLONG, lambda t: t.ops.mknod(t.gone, LONG, Kind.FIFO)),
        Row(Errno.EEXIST, lambda t: t.ops.mknod(t.shown, b"x", Kind.FIFO, 0, USER)),
        Row(Errno.ENOENT, lambda t: t.ops.mknod(t.gone, b"new", Kind.FIFO, 0, USER)),
        Row(
            Errno.EACCES,
            lambda t: t.ops.mknod(t.shown, b"new", Kind.BLOCK_DEVICE, 0, USER),
        ),
        Row(
            Errno.EPERM,
            lambda t: t.ops.mknod(t.open, b"new", Kind.CHARACTER_DEVICE, 0, USER),
        ),
        Row(Errno.ENOSPC, lambda t: t.ops.mknod(t.open, b"new", Kind.FIFO, 0, ODD)),
        Row(
            Errno.EINVAL, lambda t: t.ops.mknod(t.open, b"new", Kind.FIFO, 0, ODD), True
        ),
    ],
    "symlink": [
        Row(Errno.ENOENT, lambda t: t.ops.symlink(t.file, BAD, b"")),
        Row(Errno.EINVAL, lambda t: t.ops.symlink(t.file, b"x", b"\0" * 5000)),
        Row(Errno.ENAMETOOLONG, lambda t: t.ops.symlink(t.file, BAD, b"x" * 5000)),
        Row(Errno.ENOENT, lambda t: t.ops.symlink(MISSING, BAD, b"x")),
        Row(Errno.ENOTDIR, lambda t: t.ops.symlink(t.file, BAD, b"x", USER)),
        Row(Errno.EACCES, lambda t: t.ops.symlink(t.closed, BAD, b"x", USER)),
        Row(Errno.EINVAL, lambda t: t.ops.symlink(t.gone, BAD, b"x")),
        Row(Errno.ENAMETOOLONG, lambda t: t.ops.symlink(t.gone, LONG, b"x")),
        Row(Errno.EEXIST, lambda t: t.ops.symlink(t.shown, b"x", b"x", USER)),
        Row(Errno.ENOENT, lambda t: t.ops.symlink(t.gone, b"new", b"x", USER)),
        Row(Errno.EACCES, lambda t: t.ops.symlink(t.shown, b"new", b"x", USER)),
        Row(Errno.ENOSPC, lambda t: t.ops.symlink(t.root, b"new", b"x", ODD)),
        Row(Errno.EINVAL, lambda t: t.ops.symlink(t.root, b"new", b"x", ODD), True),
    ],
    "link": [
        Row(Errno.ENOENT, lambda t: t.ops.link(MISSING, t.file, BAD)),
        Row(Errno.ENOENT, lambda t: t.ops.link(t.d, MISSING, BAD)),
        Row(Errno.ENOTDIR, lambda t: t.ops.link(t.d, t.file, BAD, USER)),
        Row(Errno.EACCES, lambda t: t.ops.link(t.d, t.closed, BAD, USER)),
        Row(Errno.EINVAL, lambda t: t.ops.link(t.d, t.gone, BAD)),
        Row(Errno.ENAMETOOLONG, lambda t: t.ops.link(t.d, t.gone, LONG)),
        Row(Errno.EEXIST, lambda t: t.ops.link(t.d, t.shown, b"x", USER)),
        Row(Errno.ENOENT, lambda t: t.ops.link(t.d, t.gone, b"new", USER)),
        Row(Errno.EACCES, lambda t: t.ops.link(t.d, t.shown, b"new", USER)),
        Row(Errno.EPERM, lambda t: t.ops.link(t.gone, t.root, b"new")),
        Row(Errno.ENOENT, lambda t: t.ops.link(t.orphan, t.root, b"new")),
    ],
    "unlink": [
        Row(Errno.ENOENT, lambda t: t.ops.unlink(MISSING, BAD)),
        Row(Errno.ENOTDIR, lambda t: t.ops.unlink(t.file, BAD, USER)),
        Row(Errno.EACCES, lambda t: t.ops.unlink(t.closed, BAD, USER)),
        Row(Errno.EINVAL, lambda t: t.ops.unlink(t.gone, BAD)),
        Row(Errno.ENAMETOOLONG, lambda t: t.ops.unlink(t.gone, LONG)),
        Row(Errno.ENOENT, lambda t: t.ops.unlink(t.shown, b"new", USER)),
        Row(Errno.EACCES, lambda t: t.ops.unlink(t.shown, b"full", USER)),
        Row(Errno.EPERM, lambda t: t.ops.unlink(t.sticky, b"full", USER)),
        Row(Errno.EISDIR, lambda t: t.ops.unlink(t.open, b"full", USER)),
    ],
    "rmdir": [
        Row(Errno.ENOENT, lambda t: t.ops.rmdir(MISSING, BAD)),
        Row(Errno.ENOTDIR, lambda t: t.ops.rmdir(t.file, BAD, USER)),
        Row(Errno.EACCES, lambda t: t.ops.rmdir(t.closed, BAD, USER)),
        Row(Errno.EINVAL, lambda t: t.ops.rmdir(t.gone, BAD)),
        Row(Errno.ENAMETOOLONG, lambda t: t.ops.rmdir(t.gone, LONG)),
        Row(Errno.ENOENT, lambda t: t.ops.rmdir(t.shown, b"new", USER)),
        Row(Errno.EACCES, lambda t: t.ops.rmdir(t.shown, b"x", USER)),
        Row(Errno.EPERM, lambda t: t.ops.rmdir(t.sticky, b"x", USER)),
        Row(Errno.ENOTDIR, lambda t: t.ops.rmdir(t.open, b"x", USER)),
        Row(Errno.ENOTEMPTY, lambda t: t.ops.rmdir(t.open, b"full", USER)),
    ],
    "rename": [
        Row(
            Errno.EINVAL,
            lambda t: t.ops.rename(MISSING, b"x", t.file, b"y", NOREPLACE | EXCHANGE),
        ),
        Row(Errno.ENOENT, lambda t: t.ops.rename(MISSING, BAD, t.file, BAD)),
        Row(Errno.ENOTDIR, lambda t: t.ops.rename(t.file, BAD, MISSING, BAD)),
        Row(
            Errno.EACCES,
            lambda t: t.ops.rename(t.closed, BAD, MISSING, BAD, RenameFlags(0), USER),
        ),
        Row(Errno.ENOENT, lambda t: t.ops.rename(t.root, BAD, MISSING, BAD)),
        Row(Errno.ENOTDIR, lambda t: t.ops.rename(t.root, BAD, t.file, BAD)),
        Row(
            Errno.EACCES,
            lambda t: t.ops.rename(t.root, BAD, t.closed, BAD, RenameFlags(0), USER),
        ),
        Row(Errno.EINVAL, lambda t: t.ops.rename(t.root, BAD, t.root, LONG)),
        Row(Errno.ENAMETOOLONG, lambda t: t.ops.rename(t.root, LONG, t.root, BAD)),
        Row(
            Errno.ENOENT,
            lambda t: t.ops.rename(t.root, b"no", t.root, b"d", NOREPLACE),
        ),
        Row(
            Errno.EEXIST,
            lambda t: t.ops.rename(t.root, b"d", t.d, b"sub", NOREPLACE),
        ),
        Row(
            Errno.ENOENT,
            lambda t: t.ops.rename(t.root, b"d", t.sub, b"x", EXCHANGE),
        ),
        Row(Errno.EINVAL, lambda t: t.ops.rename(t.root, b"d", t.d, b"sub")),
        Row(Errno.ENOTEMPTY, lambda t: t.ops.rename(t.d, b"sub", t.root, b"d")),
        Row(Errno.EINVAL, lambda t: t.ops.rename(t.d, b"sub", t.root, b"d", EXCHANGE)),
        Row(Errno.EACCES, lambda t: rename_as_user(t, t.shown, b"x", t.gone, b"x")),
        Row(Errno.EPERM, lambda t: rename_as_user(t, t.sticky, b"x", t.gone, b"x")),
        Row(Errno.ENOENT, lambda t: rename_as_user(t, t.open, b"x", t.gone, b"x")),
        Row(Errno.EACCES, lambda t: rename_as_user(t, t.open, b"x", t.shown, b"full")),
        Row(Errno.EPERM, lambda t: rename_as_user(t, t.open, b"x", t.sticky, b"full")),
        Row(Errno.ENOTDIR, lambda t: t.ops.rename(t.root, b"d", t.root, b"fifo")),
        Row(Errno.EISDIR, lambda t: t.ops.rename(t.root, b"file", t.root, b"d")),
        Row(
            Errno.EACCES,
            lambda t: rename_as_user(t, t.open, b"full", t.sticky, b"mine"),
        ),
        Row(
            Errno.ENOTEMPTY,
            lambda t: t.ops.rename(t.d, b"sub", t.open, b"full", WHITEOUT),
        ),
        Row(
            Errno.ENOSPC, lambda t: t.ops.rename(t.d, b"sub", t.open, b"new", WHITEOUT)
        ),
    ],
    "check_invariants": [],
}
ELSEWHERE = {"link": ["EMLINK"]}
"""What takes 65,000 names, and so is a test of its own."""

BY_PATH = [
    Row(Errno.ENOTDIR, lambda t: t.fs.write_bytes("/file/x", b"x" * 5000)),
    Row(Errno.EISDIR, lambda t: t.fs.write_bytes("/d", b"x" * 5000)),
    Row(Errno.EISDIR, lambda t: t.fs.write_bytes("/new/", b"x" * 5000)),
    Row(Errno.EISDIR, lambda t: t.fs.append("/new/", b"x")),
    Row(Errno.EEXIST, lambda t: t.fs.mkdir("/d")),
    Row(Errno.EEXIST, lambda t: t.fs.mkdir("/file", exist_ok=True)),
    Row(Errno.ENAMETOOLONG, lambda t: t.fs.mkdir("/a/" + "x" * 256, parents=True)),
    Row(Errno.EINVAL, lambda t: t.fs.mkdir("/a/../b", parents=True)),
    Row(Errno.ENOSPC, lambda t: t.fs.mkdir("/a/b", parents=True)),
    Row(Errno.ENOENT, lambda t: t.fs.copy("/missing", "/file/x")),
    Row(Errno.ENOTDIR, lambda t: t.fs.copy("/fifo", "/file/x")),
    Row(Errno.EINVAL, lambda t: t.fs.copy("/fifo", "/d")),
    Row(Errno.EINVAL, lambda t: t.fs.copy("/link", "/file")),
    Row(Errno.EISDIR, lambda t: t.fs.copy("/file", "/d")),
    Row(Errno.EEXIST, lambda t: t.fs.copy("/d", "/d/sub")),
    Row(Errno.EINVAL, lambda t: t.fs.copy("/d", "/d/sub/new")),
    Row(Errno.ENOSPC, lambda t: t.fs.copy("/d", "/new")),
    Row(Errno.ENOSPC, lambda t: t.fs.copy("/file", "/new")),
    Row(Errno.EBUSY, lambda t: t.fs.rename("/", "/missing/x")),
    Row(Errno.EINVAL, lambda t: t.fs.rename("/d/.", "/file/x")),
    Row(Errno.ENOENT, lambda t: t.fs.rename("/missing", "/")),
    Row(Errno.EBUSY, lambda t: t.fs.rename("/d", "/")),
    Row(Errno.ENOTDIR, lambda t: t.fs.rename("/file", "/d/", NOREPLACE)),
    Row(Errno.EBUSY, lambda t: t.fs.remove("/")),
    Row(Errno.EBUSY, lambda t: t.fs.rmdir("/")),
    Row(Errno.EBUSY, lambda t: t.fs.remove_tree("/")),
    Row(Errno.EINVAL, lambda t: t.fs.remove_tree("/d/sub/..")),
    Row(Errno.EEXIST, lambda t: t.fs.link("/d", "/file")),
    Row(Errno.ENOENT, lambda t: t.fs.link("/d", "/new/")),
    Row(Errno.EPERM, lambda t: t.fs.link("/d", "/new")),
    Row(Errno.EEXIST, lambda t: t.fs.symlink("", "/file")),
    Row(Errno.ENOENT, lambda t: t.fs.symlink("", "/new")),
    Row(Errno.EEXIST, lambda t: t.fs.open("/d", "x")),
    Row(Errno.EISDIR, lambda t: t.fs.open("/d", "w")),
    Row(Errno.EINVAL, lambda t: t.fs.open("/fifo", "w")),
    Row(Errno.EISDIR, lambda t: t.fs.open("/new/", "x")),
    Row(Errno.ENOENT, lambda t: t.fs.open("/new", "r+")),
    Row(Errno.ENOSPC, lambda t: t.fs.open("/new", "x")),
    Row(Errno.EBUSY, lambda t: t.fs.rename("/file", "/", EXCHANGE)),
]


def rename_as_user(t: Tree, parent: Ino, name: bytes, to: Ino, new: bytes) -> None:
    t.ops.rename(parent, name, to, new, RenameFlags.NONE, USER)


ROWS = [
    pytest.param(row, id=f"{group}-{number}-{row.errno.name}")
    for group, rows in {**TABLE, "by path": BY_PATH}.items()
    for number, row in enumerate(rows)
]


@pytest.mark.parametrize("row", ROWS)
def test_the_first_error_is_told_and_nothing_changes(t: Tree, row: Row) -> None:
    if row.has_room:
        t.fs.set_limits(max_bytes=2**30, max_inodes=2**20)
    pinned = t.ops.getattr(t.orphan), t.ops.getattr(t.gone)
    with refused(t.fs, row.errno):
        row.call(t)
    assert (t.ops.getattr(t.orphan), t.ops.getattr(t.gone)) == pinned


def collapsed(names: list[str]) -> list[str]:
    return [name for name, _ in groupby(names)]


@pytest.mark.parametrize("operation", TABLE)
def test_the_errors_are_those_that_the_docstring_lists_in_its_order(
    operation: str,
) -> None:
    _, _, raises = (getattr(InodeOps, operation).__doc__ or "").partition("Raises:")
    names = re.findall(r"\bE[A-Z0-9]+\b", raises)
    told = [name for name in names if name in Errno.__members__]
    tested = [row.errno.name for row in TABLE[operation]]
    assert collapsed(tested + ELSEWHERE.get(operation, [])) == collapsed(told)


def test_every_operation_is_in_the_table() -> None:
    public = {name for name in dir(InodeOps) if not name.startswith("_")}
    assert set(TABLE) == public
