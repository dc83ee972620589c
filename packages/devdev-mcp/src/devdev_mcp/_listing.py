"""Pages of a directory listing, several levels deep.

The order is that of a walk with the names of each directory sorted, so a cursor is
the path of the last entry: what comes after it is found whatever came and went.
"""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from devdev_exec import Errno, FsBase, FsError, Stat

from devdev_mcp._cursors import Trail


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry, and what it is."""

    trail: Trail
    stat: Stat
    target: bytes | None
    """Where a symbolic link leads."""


@dataclass(frozen=True, slots=True)
class Walk:
    """What to list."""

    fs: FsBase
    path: bytes
    depth: int
    ignore: tuple[str, ...]
    """Patterns of names to leave out, with all below them."""

    def entries(self, after: Trail = ()) -> Iterator[Listed]:
        """The entries that come after the one with the trail `after`.

        Raises:
            FsError: as a walk, ENOTDIR.
        """
        return self._below((), self.fs.listdir(self.path), after)

    def _below(self, trail: Trail, names: list[str], after: Trail) -> Iterator[Listed]:
        for name in names:
            here = (*trail, _encode(name))
            if here[-1:] < after[:1] or self._ignores(here[-1]):
                continue
            is_passed = here[-1:] == after[:1]
            listed = self._look(here)
            if listed is None:
                continue
            if not is_passed:
                yield listed
            if listed.stat.is_dir and len(here) < self.depth:
                deeper = after[1:] if is_passed else ()
                yield from self._below(here, self._list(here), deeper)

    def _ignores(self, name: bytes) -> bool:
        return any(fnmatchcase(show_name(name), pattern) for pattern in self.ignore)

    def _list(self, trail: Trail) -> list[str]:
        try:
            return self.fs.listdir(self._path(trail))
        except FsError as error:
            if error.errno in (Errno.ENOENT, Errno.ENOTDIR):  # it changed meanwhile
                return []
            raise

    def _look(self, trail: Trail) -> Listed | None:
        path = self._path(trail)
        try:
            stat = self.fs.lstat(path)
            target = _encode(self.fs.readlink(path)) if stat.is_symlink else None
        except FsError as error:
            if error.errno in (Errno.ENOENT, Errno.EINVAL):  # it changed meanwhile
                return None
            raise
        return Listed(trail, stat, target)

    def _path(self, trail: Trail) -> bytes:
        return posixpath.join(self.path, *trail)


def _encode(name: str) -> bytes:
    return name.encode(errors="surrogateescape")


def show_name(name: bytes) -> str:
    """A name as text; bytes that are no UTF-8 are shown as escapes."""
    return name.decode(errors="backslashreplace")
