"""Archives on the command line: which format a name asks for, and files to read."""

import gzip
import io
import os
import sys
import zlib
from collections.abc import Callable
from typing import BinaryIO, Literal, cast

from devdev_mount import Errno, FsBase, FsError

from devdev_exec._cli._errors import CommandError, reason_of
from devdev_exec._cli._files import STANDARD
from devdev_exec._cli._style import size_text

Format = Literal["dir", "tar", "tar.gz", "zip"]
FORMATS: tuple[Format, ...] = ("dir", "tar", "tar.gz", "zip")

_SUFFIXES: dict[str, Format] = {
    ".tar": "tar",
    ".tar.gz": "tar.gz",
    ".tgz": "tar.gz",
    ".zip": "zip",
}
_GZIP_LEVEL = 6


def format_of(path: str, asked: str | None) -> Format:
    """The format of what `path` names, unless one is asked for: "-" is tar."""
    if asked is not None:
        return cast(Format, asked)
    if path == STANDARD:
        return "tar"
    if not os.path.isdir(path):
        for suffix, format_ in _SUFFIXES.items():
            if path.lower().endswith(suffix):
                return format_
    return "dir"


def write_archive(fs: FsBase, file: BinaryIO, format_: Format, path: str) -> None:
    """Write what is at `path` in `fs` as an archive.

    Raises:
        ArchiveError: a zip has no place for it.
        FsError: ENOENT.
    """
    if format_ == "zip":
        fs.write_zip(file, path)
    elif format_ == "tar":
        fs.write_tar(file, path)
    else:
        # Without a time and a name, so that the same tree gives the same bytes.
        with gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as packed:
            fs.write_tar(packed, path)


class _Counting(io.RawIOBase):
    """A file that tells how much of it has been read."""

    def __init__(self, file: BinaryIO, note: Callable[[int], object]) -> None:
        self._file = file
        self._note = note
        self._count = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._file.seekable()

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer))
        data = self._file.read(len(view))
        view[: len(data)] = data
        self._count += len(data)
        self._note(self._count)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)


def read_archive(
    fs: FsBase,
    path: str,
    format_: Format,
    note: Callable[[int, int, str], object],
) -> int:
    """Unpack an archive at the root of `fs`, all of it or nothing.

    Args:
        fs: where to.
        path: a file, or "-" for standard input.
        format_: of the archive.
        note: is told how many bytes of how many have been read, and that in words.

    Returns:
        How many members it has.

    Raises:
        ArchiveError: it is none, or not good.
        CommandError: it cannot be read.
        FsError: ENOSPC.
    """
    try:
        if path != STANDARD:
            with open(path, "rb") as file:
                return _unpack(fs, file, format_, note)
        if format_ == "zip":  # says at its end what it has
            return _unpack(fs, io.BytesIO(sys.stdin.buffer.read()), format_, note)
        return _unpack(fs, sys.stdin.buffer, format_, note)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CommandError(f"cannot read {path!r}: no gzip file: {error}") from error


def _unpack(
    fs: FsBase,
    file: BinaryIO,
    format_: Format,
    note: Callable[[int, int, str], object],
) -> int:
    try:
        total = os.fstat(file.fileno()).st_size
    except OSError:
        total = 0

    def tell(count: int) -> None:
        note(count, total, size_text(count))

    counting = io.BufferedReader(_Counting(file, tell))
    if format_ == "zip":
        return fs.read_zip(counting)
    if format_ == "tar":
        return fs.read_tar(counting)
    with gzip.GzipFile(fileobj=counting) as unpacked:
        return fs.read_tar(unpacked)


def cannot(verb: str, path: str, error: Exception) -> CommandError:
    """The error of what could not be read or written."""
    if isinstance(error, FsError):
        reason = f"{path!r}: {error.strerror}"
        if error.errno == Errno.ENOSPC:
            reason += "; a new filesystem can be given more by --max-bytes"
    elif isinstance(error, OSError):
        reason = reason_of(error)
    else:
        reason = f"{path!r}: {error}"
    return CommandError(f"cannot {verb} {reason}")
