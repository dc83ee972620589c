"""Searches files, in the order of a walk, so that a search can go on at a line."""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice

from devdev_exec import Errno, FsBase, FsError, Ino, Kind

from devdev_mcp._etags import MAX_FILE_BYTES
from devdev_mcp._matcher import Matcher
from devdev_mcp._text import decode_text

_BATCH = 64
_BATCH_BYTES = 4 * 1024**2
"""So much is read at a time: each time is a round trip to the filesystem's process."""

Place = tuple[str, int]
"""A path, and the number of a line in it; 0 is before the first."""


@dataclass(frozen=True, slots=True)
class Found:
    """The lines of one file that match."""

    path: str
    lines: list[str]
    """All lines of the file."""
    numbers: list[int]
    """Which of them match, from 1."""


@dataclass(slots=True)
class Search:
    """What to search, and for what."""

    fs: FsBase
    top: str
    glob: str
    """Of names, or with a slash of paths; empty is all files."""
    matcher: Matcher
    skipped: list[str]
    """Is told what is too large."""

    def run(self, after: str = "") -> Iterator[Found]:
        """The files that have matching lines, from the path `after` on.

        Raises:
            FsError: as a walk.
        """
        files = (
            (path, ino)
            for path, ino in files_below(self.fs, self.top)
            if _order(path) >= _order(after) and self._is_wanted(path)
        )
        for path, data in self._contents(files):
            text = decode_text(data)
            if text is None:
                continue
            numbers = self.matcher.lines(text.content)
            if numbers:
                yield Found(path, text.content.split("\n"), numbers)

    def _is_wanted(self, path: str) -> bool:
        if not self.glob:
            return True
        subject = path if "/" in self.glob else path.rpartition("/")[2]
        return fnmatchcase(subject, self.glob)

    def _contents(
        self, files: Iterator[tuple[str, Ino]]
    ) -> Iterator[tuple[str, bytes]]:
        """What they hold, read many at a time; not what went meanwhile."""
        while batch := list(islice(files, _BATCH)):
            while batch:
                inos = [ino for _, ino in batch]
                size = MAX_FILE_BYTES + 1
                found = self.fs.inodes.read_files(inos, size, _BATCH_BYTES, True)
                for (path, _), data in zip(batch, found, strict=False):
                    if data is not None and len(data) > MAX_FILE_BYTES:
                        self.skipped.append(path)
                    elif data is not None:
                        yield path, data
                del batch[: len(found)]


def _order(path: str) -> list[str]:
    return path.split("/")


def files_below(fs: FsBase, top: str) -> Iterator[tuple[str, Ino]]:
    """Every regular file at or below a path; links are not followed.

    Raises:
        FsError: as a walk.
    """
    stat = fs.stat(top)
    if stat.is_file:
        yield top, stat.ino
    elif stat.is_dir:
        yield from _below(fs, top.rstrip("/"), stat.ino)


def _below(fs: FsBase, path: str, ino: Ino) -> Iterator[tuple[str, Ino]]:
    try:
        entries = fs.inodes.readdir(ino)
    except FsError as error:
        if error.errno in (Errno.ENOENT, Errno.ENOTDIR):  # it went meanwhile
            return
        raise
    named = sorted(
        (each.name.decode(errors="surrogateescape"), each) for each in entries
    )
    for name, entry in named:
        if name in (".", ".."):
            continue
        if entry.kind == Kind.DIRECTORY:
            yield from _below(fs, f"{path}/{name}", entry.ino)
        elif entry.kind == Kind.REGULAR:
            yield f"{path}/{name}", entry.ino
