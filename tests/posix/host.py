"""The cases' system calls, made to the kernel that this process runs on."""

import sys

if sys.platform != "linux":
    raise ImportError("these are the system calls of Linux")

import contextlib
import ctypes
import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from tests.conftest import may_mount
from tests.posix import libc
from tests.posix.abi import O_DIRECTORY, O_PATH, R_OK, SEEK_SET
from tests.posix.protocol import ROOT, Attributes, Dirent, Space, Target, Time, User

TICK_TIMEOUT = 2.0

_DIRENT = struct.Struct("=QqHB")
"""struct linux_dirent64, up to the name."""


def why_not_any_user() -> str | None:
    """Why this process cannot mount and make calls as any user, or None."""
    if os.geteuid() != 0:
        return "only root can mount, and be any user"
    return None if may_mount() else "root without CAP_SYS_ADMIN cannot mount"


@dataclass(frozen=True, kw_only=True)
class HostMount:
    """A mounted filesystem that cases run on, one after the other."""

    root: int
    """Its root directory, as a descriptor."""
    elsewhere: int
    """A directory on another mount."""
    set_limits: Callable[[int | None, int | None], None]
    """Sets the quotas of blocks and inodes; None is plenty."""
    has_coarse_clock: bool
    """Whether its stamps are the kernel's, which stand still for some milliseconds."""


class HostPosix:
    """`protocol.Posix` in a directory of its own. The whole process is in there.

    Working directory, umask and credentials are the process's, so there is one at a
    time, for root, and nothing else may go on meanwhile.
    """

    def __init__(self, mount: HostMount, directory: int) -> None:
        self._mount = mount
        self._directory = directory
        self._open: set[int] = set()

    # --- who and where -----------------------------------------------------------

    @contextmanager
    def as_user(self, user: User) -> Iterator[None]:
        os.setgroups(user.groups)
        os.setresgid(user.gid, user.gid, user.gid)
        # That the saved user is root is what allows the way back.
        os.setresuid(user.uid, user.uid, 0)
        try:
            yield
        finally:
            os.setresuid(0, 0, 0)
            os.setresgid(0, 0, 0)
            os.setgroups(ROOT.groups)

    def umask(self, mask: int) -> int:
        return os.umask(mask)

    @contextmanager
    def at(self, fd: int) -> Iterator[None]:
        os.fchdir(fd)
        try:
            yield
        finally:
            os.fchdir(self._directory)

    @contextmanager
    def leave(
        self, *, blocks: int | None = None, inodes: int | None = None
    ) -> Iterator[None]:
        now = self.statvfs(".")
        self._mount.set_limits(
            None if blocks is None else now.blocks - now.blocks_free + blocks,
            None if inodes is None else now.inodes - now.inodes_free + inodes,
        )
        try:
            yield
        finally:
            self._mount.set_limits(None, None)

    def tick(self, since: int | None = None) -> None:
        if not self._mount.has_coarse_clock:
            return
        # A stamp can be ahead of the coarse clock (multigrain timestamps, Linux 6.13),
        # but not of the exact one.
        now = time.time_ns()
        before = now if since is None else min(since, now)
        deadline = time.monotonic() + TICK_TIMEOUT
        while time.clock_gettime_ns(libc.CLOCK_REALTIME_COARSE) <= before:
            assert time.monotonic() < deadline, "the kernel's clock stands still"

    # --- attributes --------------------------------------------------------------

    def stat(self, path: str) -> Attributes:
        return _attributes(os.stat(path))

    def lstat(self, path: str) -> Attributes:
        return _attributes(os.lstat(path))

    def fstat(self, fd: int) -> Attributes:
        return _attributes(os.fstat(fd))

    def birth(self, path: str) -> int:
        found = libc.Statx()
        libc.statx(
            libc.AT_FDCWD,
            os.fsencode(path),
            libc.AT_SYMLINK_NOFOLLOW,
            libc.STATX_BTIME,
            ctypes.byref(found),
        )
        assert found.mask & libc.STATX_BTIME, "no time of birth is told"
        return int(found.btime.seconds * 10**9 + found.btime.nanoseconds)

    def access(self, path: str, mask: int = R_OK) -> None:
        libc.access(os.fsencode(path), mask)

    def statvfs(self, path: str) -> Space:
        found = os.statvfs(path)
        return Space(
            found.f_frsize,
            found.f_blocks,
            found.f_bfree,
            found.f_files,
            found.f_ffree,
            found.f_namemax,
        )

    def chmod(self, target: Target, mode: int) -> None:
        os.chmod(target, mode)

    def chown(self, target: Target, uid: int, gid: int) -> None:
        os.chown(target, uid, gid)

    def lchown(self, path: str, uid: int, gid: int) -> None:
        os.lchown(path, uid, gid)

    def utimens(
        self, target: Target, atime: Time, mtime: Time, follow: bool = True
    ) -> None:
        times = (libc.Timespec * 2)(_timespec(atime), _timespec(mtime))
        if isinstance(target, int):
            libc.futimens(target, times)
        else:
            flags = 0 if follow else libc.AT_SYMLINK_NOFOLLOW
            libc.utimensat(libc.AT_FDCWD, os.fsencode(target), times, flags)

    def truncate(self, target: Target, size: int) -> None:
        os.truncate(target, size)

    # --- names -------------------------------------------------------------------

    def mkdir(self, path: str, mode: int = 0o755) -> None:
        os.mkdir(path, mode)

    def mknod(self, path: str, mode: int, device: int = 0) -> None:
        os.mknod(path, mode, device)

    def symlink(self, content: str, path: str) -> None:
        os.symlink(content, path)

    def readlink(self, path: str) -> str:
        return os.readlink(path)

    def link(self, old: str, new: str, follow: bool = False) -> None:
        # os.link() itself never follows on Linux, whatever it is told.
        flags = libc.AT_SYMLINK_FOLLOW if follow else 0
        source, target = os.fsencode(old), os.fsencode(new)
        libc.linkat(libc.AT_FDCWD, source, libc.AT_FDCWD, target, flags)

    def link_open(self, fd: int, new: str) -> None:
        libc.linkat(fd, b"", libc.AT_FDCWD, os.fsencode(new), libc.AT_EMPTY_PATH)

    def unlink(self, path: str) -> None:
        os.unlink(path)

    def rmdir(self, path: str) -> None:
        os.rmdir(path)

    def rename(self, old: str, new: str, flags: int = 0) -> None:
        source, target = os.fsencode(old), os.fsencode(new)
        libc.renameat2(libc.AT_FDCWD, source, libc.AT_FDCWD, target, flags)

    # --- descriptors -------------------------------------------------------------

    def open(self, path: str, flags: int = 0, mode: int = 0o644) -> int:
        fd = os.open(path, flags, mode)
        self._open.add(fd)
        return fd

    def close(self, fd: int) -> None:
        self._open.remove(fd)
        os.close(fd)

    def read(self, fd: int, size: int) -> bytes:
        return os.read(fd, size)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        return os.pread(fd, size, offset)

    def write(self, fd: int, data: bytes) -> int:
        return os.write(fd, data)

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        return os.pwrite(fd, data, offset)

    def lseek(self, fd: int, offset: int, whence: int = SEEK_SET) -> int:
        return os.lseek(fd, offset, whence)

    def fsync(self, fd: int) -> None:
        os.fsync(fd)

    def fallocate(self, fd: int, mode: int, offset: int, length: int) -> None:
        libc.fallocate(fd, mode, offset, length)

    def copy_file_range(
        self,
        source: int,
        target: int,
        length: int,
        offset: int | None = None,
        target_offset: int | None = None,
    ) -> int:
        return os.copy_file_range(source, target, length, offset, target_offset)

    def getdents(self, fd: int, size: int = 32768) -> list[Dirent]:
        buffer = ctypes.create_string_buffer(size)
        length = libc.getdents64(fd, buffer, size)
        return list(_dirents(buffer.raw[:length]))

    # --- extended attributes -----------------------------------------------------

    def setxattr(self, target: Target, name: str, value: bytes, flags: int = 0) -> None:
        os.setxattr(target, name, value, flags)

    def getxattr(self, target: Target, name: str) -> bytes:
        return os.getxattr(target, name)

    def listxattr(self, target: Target) -> list[str]:
        return os.listxattr(target)

    def xattr_sizes(self, path: str, name: str) -> tuple[int, int]:
        file, attribute = os.fsencode(path), os.fsencode(name)
        value = libc.getxattr(file, attribute, None, 0)
        return value, libc.listxattr(file, None, 0)

    def removexattr(self, target: Target, name: str) -> None:
        os.removexattr(target, name)

    def lsetxattr(self, path: str, name: str, value: bytes) -> None:
        os.setxattr(path, name, value, follow_symlinks=False)

    def lgetxattr(self, path: str, name: str) -> bytes:
        return os.getxattr(path, name, follow_symlinks=False)

    def llistxattr(self, path: str) -> list[str]:
        return os.listxattr(path, follow_symlinks=False)

    def lremovexattr(self, path: str, name: str) -> None:
        os.removexattr(path, name, follow_symlinks=False)

    # --- the end -----------------------------------------------------------------

    def close_all(self) -> None:
        """Close what the case left open."""
        while self._open:
            # A case may have let go of a descriptor in its own way.
            with contextlib.suppress(OSError):
                os.close(self._open.pop())


def _attributes(found: os.stat_result) -> Attributes:
    return Attributes(
        ino=found.st_ino,
        mode=found.st_mode,
        nlink=found.st_nlink,
        uid=found.st_uid,
        gid=found.st_gid,
        rdev=found.st_rdev,
        size=found.st_size,
        blocks=found.st_blocks,
        atime=found.st_atime_ns,
        mtime=found.st_mtime_ns,
        ctime=found.st_ctime_ns,
    )


def _timespec(when: Time) -> libc.Timespec:
    if when == "now":
        return libc.Timespec(0, libc.UTIME_NOW)
    if when == "omit":
        return libc.Timespec(0, libc.UTIME_OMIT)
    return libc.Timespec(*divmod(when, 10**9))


def _dirents(listing: bytes) -> Iterator[Dirent]:
    at = 0
    while at < len(listing):
        ino, cookie, length, kind = _DIRENT.unpack_from(listing, at)
        name = listing[at + _DIRENT.size : at + length].split(b"\0", 1)[0]
        yield Dirent(os.fsdecode(name), ino, kind << 12, cookie)
        at += length


_numbers = count(1)


def enter_new_directory(mount: HostMount) -> int:
    """Make a directory on the mount, and be in it; returns its descriptor."""
    name = f"case-{next(_numbers)}"
    os.mkdir(name, 0o755, dir_fd=mount.root)
    fd = os.open(name, O_DIRECTORY | O_PATH, dir_fd=mount.root)
    os.fchdir(fd)
    return fd
