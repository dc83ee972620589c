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
        return self._below((), self.fs.scandir(self.path), after)

    def _below(
        self, trail: Trail, found: list[tuple[str, Stat]], after: Trail
    ) -> Iterator[Listed]:
        for name, stat in found:
            here = (*trail, _encode(name))
            if here[-1:] < after[:1] or self._ignores(here[-1]):
                continue
            is_passed = here[-1:] == after[:1]
            if not is_passed:
                yield Listed(
                    here, stat, self._target(here) if stat.is_symlink else None
                )
            if stat.is_dir and len(here) < self.depth:
                deeper = after[1:] if is_passed else ()
                yield from self._below(here, self._scan(here), deeper)

    def _ignores(self, name: bytes) -> bool:
        if not self.ignore:
            return False
        shown = show_name(name)
        return any(fnmatchcase(shown, pattern) for pattern in self.ignore)

    def _scan(self, trail: Trail) -> list[tuple[str, Stat]]:
        try:
            return self.fs.scandir(self._path(trail))
        except FsError as error:
            if error.errno in (Errno.ENOENT, Errno.ENOTDIR):  # it changed meanwhile
                return []
            raise

    def _target(self, trail: Trail) -> bytes | None:
        try:
            return _encode(self.fs.readlink(self._path(trail)))
        except FsError as error:
            if error.errno in (Errno.ENOENT, Errno.ENOTDIR, Errno.EINVAL):  # likewise
                return None
            raise

    def _path(self, trail: Trail) -> bytes:
        return posixpath.join(self.path, *trail)


def _encode(name: str) -> bytes:
    return name.encode(errors="surrogateescape")


def show_name(name: bytes) -> str:
    """A name as text; bytes that are no UTF-8 are shown as escapes."""
    return name.decode(errors="backslashreplace")
