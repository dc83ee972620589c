"""Listings of directories that are under way, as a large one is read in many calls."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from devdev_fs._entries import Columns
from devdev_fs._inode import COOKIE_MAX, FIRST_COOKIE, Directory
from devdev_fs._types import Ino


@dataclass(slots=True)
class _Listing:
    end: int
    """The cookie before which it ends."""
    columns: Columns | None = None
    """The entries as they were, as long as there are more to list."""
    version: int = 0
    """That of the directory's entries then."""


class Listings:
    """The listings of each directory since it was last listed from the beginning."""

    __slots__ = ("_begun",)

    def __init__(self) -> None:
        self._begun: dict[Ino, _Listing] = {}

    def forget(self, ino: Ino) -> None:
        """Let go of those of a directory that goes, or becomes another."""
        self._begun.pop(ino, None)

    def clear(self) -> None:
        """Let go of all."""
        self._begun.clear()

    def part(
        self, directory: Directory, cookie: int, limit: int | None = None
    ) -> Columns:
        """The entries behind `cookie`, in order; a listing begins before the first.

        What is added after a listing began is not part of it: otherwise a program
        that renames what it lists would never come to the end. Entries that went are
        passed over.
        """
        if limit == 0:
            return Columns([], [], [])
        listing = self._begun.get(directory.ino)
        if listing is None or cookie < FIRST_COOKIE:
            is_whole = cookie < FIRST_COOKIE
            listing = _Listing(directory.next_cookie if is_whole else COOKIE_MAX)
            self._begun[directory.ino] = listing
        if cookie >= listing.end - 1:  # asked for once more behind the last one
            listing.columns = None
            return Columns([], [], [])
        if listing.columns is None:
            listing.columns = directory.entries.columns()
            listing.version = directory.entries.version
        columns = listing.columns
        start = bisect_right(columns.cookies, cookie)
        stop = bisect_left(columns.cookies, listing.end)
        if listing.version == directory.entries.version:
            stop = stop if limit is None else min(start + limit, stop)
            part = columns.part(start, stop)
        else:
            part = _left(directory, columns, range(start, stop), limit)
        if limit is None or len(part.cookies) < limit:
            listing.columns = None
        return part


def _left(
    directory: Directory, columns: Columns, places: range, limit: int | None
) -> Columns:
    """Of the entries at these places, the first that are still there."""
    left = Columns([], [], [])
    find = directory.entries.get
    for at in places:
        name, cookie = columns.names[at], columns.cookies[at]
        entry = find(name)
        if entry is not None and entry[1] == cookie:
            left.names.append(name)
            left.inos.append(entry[0])
            left.cookies.append(cookie)
            if len(left.cookies) == limit:
                break
    return left
