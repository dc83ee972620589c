"""The cases' system calls, as a program of Windows makes them.

It does what Cygwin does: a call of POSIX becomes requests of Windows, here of `nt.Nt`,
and so winfspy's callbacks. Paths are made straight before, as Win32 does. What no
request says raises `Inexpressible`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NoReturn

from devdev_fs import Fs
from devdev_fs.testing import ManualClock
from devdev_mount._winfsp._attributes import Attribute
from devdev_mount._winfsp._links import pack, target_shown, unpack
from devdev_mount._winfsp._names import shown, stored
from devdev_mount._winfsp._ntstatus import NtStatus
from devdev_mount._winfsp._times import from_filetime, to_filetime

from tests.posix.abi import (
    FILE_SIZE_MAX,
    NAME_MAX,
    O_ACCMODE,
    O_APPEND,
    O_CREAT,
    O_DIRECTORY,
    O_EXCL,
    O_NOFOLLOW,
    O_PATH,
    O_RDONLY,
    O_TMPFILE,
    O_TRUNC,
    O_WRONLY,
    PAGE,
    R_OK,
    S_IFDIR,
    S_IFLNK,
    S_IFMT,
    S_IFREG,
    SEEK_CUR,
    SEEK_END,
    SEEK_SET,
    X_OK,
    Errno,
)
from tests.posix.protocol import PLENTY, Attributes, Dirent, Space, Target, Time
from tests.windows.access import attributes_of, begin_with, kind_of, set_mode, set_owner
from tests.windows.nt import Disposition, Info, Nt, NtFailure, NtFile
from tests.windows.statuses import NOT_REPLACED, refusal
from tests.windows.unsayable import Reason, Unsayable, nothing_says

_DIRENT_SIZE = 19
"""Bytes of an entry of getdents64(2) before its name."""


class PosixNt(Nt):
    """A volume whose refusals are errors of POSIX."""

    def check(self, status: int) -> None:
        try:
            super().check(status)
        except NtFailure as failure:
            raise refusal(failure.status) from failure


def refuse(number: Errno, text: str) -> NoReturn:
    raise OSError(number, text)


@dataclass(slots=True)
class Open:
    """An open file, with what a C library keeps for it."""

    file: NtFile
    flags: int
    is_directory: bool
    offset: int = 0
    listed: list[str] = field(default_factory=list)
    """The names of a directory that were told, as the cookies count them."""

    @property
    def is_readable(self) -> bool:
        return self.flags & O_ACCMODE != O_WRONLY and not self.flags & O_PATH

    @property
    def is_writable(self) -> bool:
        return self.flags & O_ACCMODE != O_RDONLY and not self.flags & O_PATH


class WindowsPosix(Unsayable):
    """`protocol.Posix`, in a directory of a volume."""

    def __init__(self, nt: PosixNt, fs: Fs, clock: ManualClock, here: str) -> None:
        self._nt = nt
        self._fs = fs
        self._clock = clock
        self._here = here
        self._umask = 0
        self._files: dict[int, Open] = {}
        self._next_fd = 3

    # --- who and where -----------------------------------------------------------

    def umask(self, mask: int) -> int:
        before, self._umask = self._umask, mask & 0o777
        return before

    @contextmanager
    def at(self, fd: int) -> Iterator[None]:
        before, self._here = self._here, self._file(fd).file.path
        try:
            yield
        finally:
            self._here = before

    @contextmanager
    def leave(
        self, *, blocks: int | None = None, inodes: int | None = None
    ) -> Iterator[None]:
        now = self._fs.inodes.statvfs()
        self._fs.inodes.set_limits(
            None if blocks is None else (now.blocks - now.blocks_free + blocks) * PAGE,
            None if inodes is None else now.inodes - now.inodes_free + inodes,
        )
        try:
            yield
        finally:
            self._fs.inodes.set_limits(PLENTY * PAGE, PLENTY)

    def tick(self, since: int | None = None) -> None:
        """The clock steps by itself."""

    # --- paths -------------------------------------------------------------------

    def _path(self, path: str) -> str:
        """As Win32 makes it straight, without looking at what is there."""
        if not path:
            refuse(Errno.ENOENT, "an empty path")
        names = self._here.split("\\")
        for name in path.split("/"):
            if name == "..":
                del names[-1]
            elif name not in ("", "."):
                names.append(shown(name.encode("utf-8", "surrogateescape")))
        return "\\".join(names) or "\\"

    @contextmanager
    def _opened(self, target: Target, *, follow: bool = True) -> Iterator[NtFile]:
        if isinstance(target, int):
            yield self._file(target).file
            return
        # What has a slash behind it is to be a directory.
        if target.endswith("/"):
            file = self._nt.open(self._path(target), is_directory=True)
        else:
            file = self._nt.open(self._path(target), is_link=not follow)
        try:
            yield file
        finally:
            file.close()

    def _new_path(self, path: str) -> str:
        """Where something is to be made: in its directory, that links may lead to."""
        straight = self._path(path)
        above, _, name = straight.rpartition("\\")
        with self._nt.opened(above or "\\", is_directory=True) as directory:
            return directory.path.rstrip("\\") + "\\" + name

    # --- attributes --------------------------------------------------------------

    def stat(self, path: str) -> Attributes:
        with self._opened(path) as file:
            return attributes_of(file)

    def lstat(self, path: str) -> Attributes:
        with self._opened(path, follow=False) as file:
            return attributes_of(file)

    def fstat(self, fd: int) -> Attributes:
        return attributes_of(self._file(fd).file)

    def birth(self, path: str) -> int:
        with self._opened(path, follow=False) as file:
            return from_filetime(file.info().created)

    def access(self, path: str, mask: int = R_OK) -> None:
        """Windows' access(2): whether it is there, and is not read-only."""
        with self._opened(path) as file:
            if mask & X_OK and not file.info().attributes & Attribute.DIRECTORY:
                nothing_says(Reason.USERS)

    def chmod(self, target: Target, mode: int) -> None:
        with self._opened(target) as file:
            set_mode(file, mode)

    def chown(self, target: Target, uid: int, gid: int) -> None:
        with self._opened(target) as file:
            set_owner(file, uid, gid)

    def lchown(self, path: str, uid: int, gid: int) -> None:
        with self._opened(path, follow=False) as file:
            set_owner(file, uid, gid)

    def utimens(
        self, target: Target, atime: Time, mtime: Time, follow: bool = True
    ) -> None:
        with self._opened(target, follow=follow) as file:
            now = self._clock.now_ns()
            accessed, written = (_filetime(time, now) for time in (atime, mtime))
            file.set_basic(accessed=accessed, written=written)

    def truncate(self, target: Target, size: int) -> None:
        if isinstance(target, int):
            file = self._file(target)
            if not file.is_writable:
                refuse(Errno.EINVAL, "the file is not open for writing")
            _set_size(file.file, size)
            return
        if target.endswith("/"):
            self.stat(target)
            refuse(Errno.EISDIR, target)
        with self._nt.opened(self._path(target), is_directory=False) as opened:
            _set_size(opened, size)

    def statvfs(self, path: str) -> Space:
        with self._opened(path):
            total, free, _ = self._nt.space()
        now = self._fs.inodes.statvfs()
        counted = now.inodes, now.inodes_free
        return Space(PAGE, total // PAGE, free // PAGE, *counted, NAME_MAX)

    # --- names -------------------------------------------------------------------

    def mkdir(self, path: str, mode: int = 0o755) -> None:
        how = Disposition.CREATE
        made = self._nt.open(self._path(path), how, is_directory=True, is_link=True)
        begin_with(made, mode & ~self._umask)
        made.close()

    def mknod(self, path: str, mode: int, device: int = 0) -> None:
        if mode & S_IFMT not in (0, S_IFREG):
            nothing_says(Reason.NODES)
        self._create(path, mode & 0o7777).close()

    def _create(self, path: str, mode: int) -> NtFile:
        """Make a file, where nothing is."""
        if path.endswith("/"):
            self.stat(path)
            refuse(Errno.EEXIST, path)
        how = Disposition.CREATE
        made = self._nt.open(self._path(path), how, is_directory=False, is_link=True)
        begin_with(made, mode & ~self._umask)
        return made

    def symlink(self, content: str, path: str) -> None:
        if not content:
            refuse(Errno.ENOENT, "a link to nowhere")
        target = target_shown(content.encode("utf-8", "surrogateescape"))
        made = self._create(path, 0o777)
        try:
            made.set_reparse(pack(target))
        except OSError:
            made.delete()
            raise
        finally:
            made.close()

    def readlink(self, path: str) -> str:
        with self._opened(path, follow=False) as file:
            names = unpack(file.reparse()).split("\\")
        return "/".join(map(_as_stored, names))

    def unlink(self, path: str) -> None:
        with self._opened(path.rstrip("/"), follow=False) as file:
            info = file.info()
            if kind_of(info) == S_IFDIR:
                refuse(Errno.EISDIR, path)
            if path.endswith("/"):
                refuse(Errno.ENOTDIR, path)
            if info.attributes & Attribute.READONLY:
                file.set_basic(Attribute.NORMAL)
            file.delete()

    def rmdir(self, path: str) -> None:
        with self._opened(path.rstrip("/"), follow=False) as file:
            if kind_of(file.info()) != S_IFDIR:
                refuse(Errno.ENOTDIR, path)
            file.delete()

    def rename(self, old: str, new: str, flags: int = 0) -> None:
        if flags & ~1:
            nothing_says(Reason.FLAGS)
        with self._opened(old.rstrip("/"), follow=False) as file:
            has_slash = old.endswith("/") or new.endswith("/")
            if has_slash and kind_of(file.info()) != S_IFDIR:
                refuse(Errno.ENOTDIR, new)
            try:
                file.rename(self._new_path(new), replaces=not flags)
            except PermissionError as error:
                raise refusal(NtStatus.ACCESS_DENIED, NOT_REPLACED) from error

    # --- opening -----------------------------------------------------------------

    def open(self, path: str, flags: int = 0, mode: int = 0o644) -> int:
        if flags & O_TMPFILE == O_TMPFILE:
            nothing_says(Reason.UNNAMED)
        if flags & O_PATH:
            nothing_says(Reason.PLACES)
        if flags & O_CREAT:
            file = self._create_to_open(path, flags, mode)
            if file is not None:
                return self._add(file, flags)
        kind = None
        if flags & O_DIRECTORY or path.endswith("/"):
            kind = True
        elif flags & (O_ACCMODE | O_CREAT | O_TRUNC):
            kind = False
        if flags & O_NOFOLLOW and kind_of(self._info(path)) == S_IFLNK:
            refuse(Errno.ENOTDIR if kind else Errno.ELOOP, path)
        how = Disposition.OVERWRITE if flags & O_TRUNC else Disposition.OPEN
        return self._add(self._nt.open(self._path(path), how, is_directory=kind), flags)

    def _info(self, path: str) -> Info:
        with self._opened(path, follow=False) as file:
            return file.info()

    def _create_to_open(self, path: str, flags: int, mode: int) -> NtFile | None:
        """Make the file, through links that lead nowhere; None if it is there."""
        if path.endswith("/"):
            refuse(Errno.EISDIR, path)
        try:
            return self._create(path, mode)
        except FileExistsError:
            if flags & O_EXCL:
                raise
        if not flags & O_NOFOLLOW:
            try:
                self._nt.open(self._path(path)).close()
            except FileNotFoundError:
                return self._nt.open(self._path(path), Disposition.OPEN_IF)
        return None

    def _add(self, file: NtFile, flags: int) -> int:
        kind = kind_of(file.info())
        fd = self._next_fd
        self._next_fd += 1
        self._files[fd] = Open(file, flags, kind == S_IFDIR)
        return fd

    def _file(self, fd: int) -> Open:
        if fd not in self._files:
            refuse(Errno.EBADF, f"descriptor {fd}")
        return self._files[fd]

    def close(self, fd: int) -> None:
        self._file(fd).file.close()
        del self._files[fd]

    # --- content -----------------------------------------------------------------

    def read(self, fd: int, size: int) -> bytes:
        data = self.pread(fd, size, self._file(fd).offset)
        self._files[fd].offset += len(data)
        return data

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        file = self._file(fd)
        if not file.is_readable:
            refuse(Errno.EBADF, "the file is not open for reading")
        if file.is_directory:
            refuse(Errno.EISDIR, "a directory")
        _check_end(offset, size)
        if not size:
            return b""
        room = min(size, max(file.file.info().size - offset, 1))
        try:
            return file.file.read(room, offset)
        except OSError as error:
            if error.errno != Errno.ENODATA:
                raise
            return b""

    def write(self, fd: int, data: bytes) -> int:
        file = self._file(fd)
        length = self.pwrite(fd, data, file.offset)
        if file.flags & O_APPEND and length:
            file.offset = file.file.info().size
        else:
            file.offset += length
        return length

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        file = self._file(fd)
        if not file.is_writable:
            refuse(Errno.EBADF, "the file is not open for writing")
        _check_end(offset, len(data))
        if not data:
            return 0
        return file.file.write(data, offset, to_end=bool(file.flags & O_APPEND))

    def lseek(self, fd: int, offset: int, whence: int = SEEK_SET) -> int:
        file = self._file(fd)
        if whence not in (SEEK_SET, SEEK_CUR, SEEK_END):
            nothing_says(Reason.RANGES)
        begins = {SEEK_CUR: file.offset, SEEK_END: file.file.info().size}
        offset += begins.get(whence, 0)
        if not 0 <= offset <= FILE_SIZE_MAX:
            refuse(Errno.EINVAL, f"offset {offset}")
        file.offset = offset
        return offset

    def fsync(self, fd: int) -> None:
        self._file(fd).file.flush()

    def getdents(self, fd: int, size: int = 32768) -> list[Dirent]:
        """NtQueryDirectoryFile behind a name; a cookie counts what comes before."""
        file = self._file(fd)
        if not file.is_directory:
            refuse(Errno.ENOTDIR, "a directory is listed")
        entries: list[Dirent] = []
        marker = file.listed[file.offset - 1] if file.offset else None
        for number, (name, info) in enumerate(file.file.list(marker), file.offset):
            size -= -(-(_DIRENT_SIZE + len(name.encode()) + 1) // 8) * 8
            if size < 0:
                break
            entries.append(
                Dirent(_as_stored(name), info.ino, kind_of(info), number + 1)
            )
            file.listed[number:] = [name]
        file.offset += len(entries)
        return entries

    def close_all(self) -> None:
        """Close what the case left open, and check the whole store."""
        for fd in list(self._files):
            self.close(fd)
        self._fs.check_invariants()


def _filetime(time: Time, now: int) -> int:
    if time == "omit":
        return 0
    return to_filetime(now if time == "now" else time)


def _check_end(offset: int, size: int) -> None:
    if offset < 0 or offset + size > FILE_SIZE_MAX:
        refuse(Errno.EINVAL, "no offset can say where that ends")


def _set_size(file: NtFile, size: int) -> None:
    if size < 0:
        refuse(Errno.EINVAL, f"{size} bytes")
    file.set_size(size)


def _as_stored(name: str) -> str:
    if name in ("", ".", ".."):
        return name
    return stored(name).decode("utf-8", "surrogateescape")
