"""Errors: Linux errno numbers on every host, and the exception that carries them."""

from enum import IntEnum


class Errno(IntEnum):
    """Linux's errno numbers (asm-generic/errno.h), whatever the host's are."""

    EPERM = 1
    ENOENT = 2
    EIO = 5
    ENXIO = 6
    E2BIG = 7
    EBADF = 9
    EACCES = 13
    EBUSY = 16
    EEXIST = 17
    EXDEV = 18
    ENODEV = 19
    ENOTDIR = 20
    EISDIR = 21
    EINVAL = 22
    ETXTBSY = 26
    EFBIG = 27
    ENOSPC = 28
    ESPIPE = 29
    EROFS = 30
    EMLINK = 31
    ERANGE = 34
    ENAMETOOLONG = 36
    ENOSYS = 38
    ENOTEMPTY = 39
    ELOOP = 40
    ENODATA = 61
    EOPNOTSUPP = 95
    ESTALE = 116


_MESSAGES = {
    Errno.EPERM: "operation not permitted",
    Errno.ENOENT: "no such file or directory",
    Errno.EIO: "input/output error",
    Errno.ENXIO: "no such device or address",
    Errno.E2BIG: "argument list too long",
    Errno.EBADF: "bad file descriptor",
    Errno.EACCES: "permission denied",
    Errno.EBUSY: "device or resource busy",
    Errno.EEXIST: "file exists",
    Errno.EXDEV: "cross-device link",
    Errno.ENODEV: "no such device",
    Errno.ENOTDIR: "not a directory",
    Errno.EISDIR: "is a directory",
    Errno.EINVAL: "invalid argument",
    Errno.ETXTBSY: "text file busy",
    Errno.EFBIG: "file too large",
    Errno.ENOSPC: "no space left on device",
    Errno.ESPIPE: "illegal seek",
    Errno.EROFS: "read-only file system",
    Errno.EMLINK: "too many links",
    Errno.ERANGE: "numerical result out of range",
    Errno.ENAMETOOLONG: "file name too long",
    Errno.ENOSYS: "function not implemented",
    Errno.ENOTEMPTY: "directory not empty",
    Errno.ELOOP: "too many levels of symbolic links",
    Errno.ENODATA: "no data available",
    Errno.EOPNOTSUPP: "operation not supported",
    Errno.ESTALE: "stale file handle",
}


class FsError(OSError):
    """A filesystem operation was refused. `errno` is Linux's number on every host.

    Raising `FsError(Errno.ENOENT)` gives the subclass that the builtin of that
    errno would be caught by: `except FileNotFoundError` works.

    Args:
        errno: which error.
        message: what was wrong, if the errno's own text does not say enough.
        path: the name or path that the error is about.
    """

    def __new__(
        cls, errno: int, message: str | None = None, path: bytes | str | None = None
    ) -> "FsError":
        number = Errno(errno)
        if cls is FsError:
            cls = _SUBCLASSES.get(number, FsError)
        text = _MESSAGES[number] if message is None else message
        if path is None:
            return super().__new__(cls, number, text)
        return super().__new__(cls, number, text, path)


class NotFound(FsError, FileNotFoundError):
    """ENOENT: also catchable as the builtin."""


class AlreadyExists(FsError, FileExistsError):
    """EEXIST: also catchable as the builtin."""


class IsADirectory(FsError, IsADirectoryError):
    """EISDIR: also catchable as the builtin."""


class NotADirectory(FsError, NotADirectoryError):
    """ENOTDIR: also catchable as the builtin."""


class NotPermitted(FsError, PermissionError):
    """EPERM and EACCES: also catchable as the builtin."""


_SUBCLASSES: dict[Errno, type[FsError]] = {
    Errno.ENOENT: NotFound,
    Errno.EEXIST: AlreadyExists,
    Errno.EISDIR: IsADirectory,
    Errno.ENOTDIR: NotADirectory,
    Errno.EPERM: NotPermitted,
    Errno.EACCES: NotPermitted,
}


class SnapshotError(ValueError):
    """Bytes are not a snapshot that this version can load. Nothing was loaded."""
