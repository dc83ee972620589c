"""Reads what is to be imported from a descriptor: a directory, a tar or a zip file.

A directory is read as a tar archive too, which a thread makes while it is unpacked: so
all three come in one step or not at all, as one span of the history.
"""

import os
import stat
import tarfile
import zipfile
from threading import Thread

from devdev_exec import ArchiveError, FsBase

from devdev_mcp._errors import ToolFailure
from devdev_mcp._hostpaths import host_path


def import_descriptor(fs: FsBase, fd: int, destination: str) -> int:
    """Bring in what a descriptor is open on; returns how many entries there were.

    The destination is made if it is missing, also when nothing comes in.

    Raises:
        ToolFailure: BAD_ARCHIVE.
        OSError: something cannot be read.
        FsError: as `FsBase.read_tar`.
    """
    kind = os.fstat(fd).st_mode
    fs.mkdir(destination, parents=True, exist_ok=True)
    try:
        if stat.S_ISDIR(kind):
            return _Directory(fd).unpack(fs, destination)
        if not stat.S_ISREG(kind):
            raise ToolFailure("BAD_ARCHIVE", "neither a file nor a directory")
        return _unpack_archive(fs, fd, destination)
    except ArchiveError as error:
        raise ToolFailure("BAD_ARCHIVE", str(error)) from None


def _unpack_archive(fs: FsBase, fd: int, destination: str) -> int:
    with open(host_path(fd), "rb") as file:
        if zipfile.is_zipfile(file):
            return fs.read_zip(file, destination)
        file.seek(0)
        try:
            # tarfile knows the usual compressions; the store reads what it gives.
            with tarfile.open(fileobj=file) as archive:
                assert archive.fileobj is not None
                archive.fileobj.seek(0)
                return fs.read_tar(archive.fileobj, destination)
        except tarfile.TarError as error:
            raise ToolFailure("BAD_ARCHIVE", f"no tar or zip file: {error}") from None


class _Directory:
    """A host directory as a stream of tar."""

    def __init__(self, fd: int) -> None:
        self._path = host_path(fd)
        self._error: Exception | None = None

    def unpack(self, fs: FsBase, destination: str) -> int:
        """Have it unpacked while it is read."""
        out, into = os.pipe()
        thread = Thread(target=self._write, args=(into,), daemon=True)
        with open(out, "rb") as stream:
            thread.start()
            try:
                count = fs.read_tar(stream, destination)
            except ArchiveError:
                thread.join()
                if self._error is not None:
                    raise self._error from None
                raise
        thread.join()
        return count

    def _write(self, into: int) -> None:
        try:
            with (
                open(into, "wb") as stream,
                tarfile.open(
                    fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT
                ) as archive,
            ):
                for name in sorted(os.listdir(self._path)):
                    path = os.path.join(self._path, name)
                    archive.add(path, name, filter=_as_ours)
        except BrokenPipeError:  # it was refused, and why is known there
            pass
        except OSError as error:
            self._error = error


def _as_ours(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """A member as its importer's own; None leaves out what is no file."""
    if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
