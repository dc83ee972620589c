"""Archives on the command line: which format a name asks for, and files to read."""

import gzip
import io
import os
import sys
import zlib
from typing import BinaryIO, Literal, cast

from devdev_mount import Errno, FsBase, FsError

from devdev_exec._cli._counted import CountedSink, CountedSource, Note
from devdev_exec._cli._errors import CommandError, reason_of
from devdev_exec._cli._files import STANDARD

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


def write_archive(
    fs: FsBase, file: BinaryIO, format_: Format, path: str, note: Note
) -> None:
    """Write what is at `path` in `fs` as an archive.

    Args:
        fs: where from.
        file: where to.
        format_: of the archive.
        path: what.
        note: is told how many bytes of it there are by now, before gzip packs them, of
            about how many; of 0: nobody knows.

    Raises:
        ArchiveError: a zip has no place for it.
        FsError: ENOENT.
    """
    total = fs.bytes_used if path == "/" else 0
    if format_ == "zip":  # which packs the content itself
        fs.write_zip(CountedSink(file.write, note, 0), path)
    elif format_ == "tar":
        fs.write_tar(CountedSink(file.write, note, total), path)
    else:
        # Without a time and a name, so that the same tree gives the same bytes.
        with gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as packed:
            fs.write_tar(CountedSink(packed.write, note, total), path)


def read_archive(
    fs: FsBase,
    path: str,
    format_: Format,
    note: Note,
) -> int:
    """Unpack an archive at the root of `fs`, all of it or nothing.

    Args:
        fs: where to.
        path: a file, or "-" for standard input.
        format_: of the archive.
        note: is told how many bytes of how many have been read; of 0: nobody knows.

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


def _unpack(fs: FsBase, file: BinaryIO, format_: Format, note: Note) -> int:
    counted = io.BufferedReader(CountedSource(file, note))
    if format_ == "zip":
        return fs.read_zip(counted)
    if format_ == "tar":
        return fs.read_tar(counted)
    with gzip.GzipFile(fileobj=counted) as unpacked:
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
