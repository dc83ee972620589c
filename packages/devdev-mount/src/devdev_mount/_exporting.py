"""The work of `export_tree`: prepares a tree beside its place and renames it."""

import sys

if sys.platform == "win32":
    raise ImportError("the modes and links are those of POSIX")

import ctypes
import errno
import os
from collections.abc import Iterator

from devdev_fs import FsBase, Ino, Stat

from devdev_mount._errors import MountError
from devdev_mount._hostwrite import HostWriter
from devdev_mount._reports import ExportProgress, ExportReport
from devdev_mount._staging import staging

_PREFIX = ".devdev-export-"
_TOLD_FILES = 200
_TOLD_BYTES = 16 * 1024 * 1024
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def export(
    fs: FsBase,
    place: str,
    source: str,
    replace: bool,
    progress: ExportProgress | None,
) -> ExportReport:
    """Write what is at `source` to the host; see `export_tree`."""
    parent, name = os.path.split(place)
    if not name:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), place)
    with fs.fork() as still, staging(parent, _PREFIX) as directory:
        if not replace:
            _check_free(place)
        prepared = os.path.join(directory, "new")
        export = _Export(still, source, prepared, progress)
        export.run()
        _put(prepared, place, replace)
        return export.report()


def _check_free(place: str) -> None:
    """Find out at once whether there is something.

    Raises:
        FileExistsError: there is.
    """
    if os.path.lexists(place):
        is_directory = os.path.isdir(place) and not os.path.islink(place)
        if not is_directory or os.listdir(place):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), place)


def _put(prepared: str, place: str, replace: bool) -> None:
    """Rename it to its place; what was there is then where it was prepared."""
    is_directory = os.path.isdir(prepared) and not os.path.islink(prepared)
    if replace and os.path.lexists(place):
        _exchange(prepared, place)
        return
    try:
        if is_directory:
            os.rename(prepared, place)  # takes the place of an empty directory only
        else:
            os.link(prepared, place, follow_symlinks=False)
    except OSError as exc:
        if exc.errno in (errno.ENOTEMPTY, errno.ENOTDIR, errno.EEXIST):
            message = os.strerror(errno.EEXIST)
            raise FileExistsError(errno.EEXIST, message, place) from None
        raise


def _exchange(one: str, other: str) -> None:
    """Let two names change places, in one step.

    Raises:
        OSError: as renameat2(2).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    names = (os.fsencode(one), os.fsencode(other))
    if not hasattr(libc, "renameat2"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), other)
    if libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), other)


class _Export:
    """One export: what has been written, and where each inode went."""

    def __init__(
        self,
        fs: FsBase,
        source: str,
        prepared: str,
        progress: ExportProgress | None,
    ) -> None:
        self._fs = fs
        self._inodes = fs.inodes
        self._progress = progress
        self._writer = HostWriter(fs, self._note)
        self._written: dict[Ino, str] = {}
        self._skipped: list[str] = []
        self._files = self._directories = self._symlinks = self._bytes = 0
        self._told_files = self._told_bytes = 0
        self._prepared = prepared
        self._top = fs.lstat(source)
        self._source = source.rstrip("/")
        self._entries = list(self._survey()) if self._top.is_dir else []
        self._total = sum(info.is_file for _, info in self._entries)

    def report(self) -> ExportReport:
        """What has been written so far."""
        return ExportReport(
            files=self._files,
            directories=self._directories,
            symlinks=self._symlinks,
            bytes=self._bytes,
            total_files=self._total,
            skipped=tuple(self._skipped),
            unkept=tuple(self._unkept()),
        )

    def run(self) -> None:
        """Write all of it; a directory's times are set when it is full."""
        prepared = self._prepared
        if not self._writer.can_write(self._top.kind):
            raise MountError(
                f"{self._source!r} in the workspace is no file, directory or link"
            )
        self._writer.make(self._top, prepared)
        self._files += self._top.is_file
        made = [(self._top, prepared)]
        for below, info in self._entries:
            path = prepared + os.fsdecode(below)
            if info.is_dir:
                made.append((info, path))
            self._write(info, os.fsdecode(below), path)
        if self._top.is_dir:
            for info, path in reversed(made):
                self._writer.finish(info, path)
        self._tell()

    def _unkept(self) -> Iterator[tuple[str, str]]:
        for path, what in self._writer.unkept:
            yield self._source + path.removeprefix(self._prepared), what

    def _survey(self) -> Iterator[tuple[bytes, Stat]]:
        """What is below, parents first: the path from the top, with a slash."""
        todo = [(b"", self._top.ino)]
        while todo:
            path, ino = todo.pop()
            for entry in self._inodes.readdir(ino)[2:]:
                below = path + b"/" + entry.name
                info = self._inodes.getattr(entry.ino)
                yield below, info
                if info.is_dir:
                    todo.append((below, entry.ino))

    def _write(self, info: Stat, below: str, path: str) -> None:
        if info.ino in self._written:
            os.link(self._written[info.ino], path, follow_symlinks=False)
            return
        if not self._writer.can_write(info.kind):
            self._skipped.append(self._source + below)
            return
        self._writer.make(info, path)
        if info.nlink > 1 and not info.is_dir:
            self._written[info.ino] = path
        self._files += info.is_file
        self._directories += info.is_dir
        self._symlinks += info.is_symlink
        if self._files - self._told_files >= _TOLD_FILES:
            self._tell()

    def _note(self, count: int) -> None:
        self._bytes += count
        if self._bytes - self._told_bytes >= _TOLD_BYTES:
            self._tell()

    def _tell(self) -> None:
        self._told_files, self._told_bytes = self._files, self._bytes
        if self._progress is not None:
            self._progress(self.report())
