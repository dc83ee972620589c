"""Inodes and their kinds: what each holds, and the order of a directory's entries."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter

from devdev_fs._content import Content
from devdev_fs._types import PAGE_SIZE, S_IFMT, Dirent, Ino, Kind, Stat

FIRST_COOKIE = 3
"""Cookies 1 and 2 stand for `.` and `..`, 0 for the beginning."""
COOKIE_MAX = 2**63 - 1


@dataclass(slots=True, eq=False)
class Inode:
    """A filesystem object, reachable or not.

    INVARIANT: it is in the table iff `nlink > 0` or `pins > 0`.
    """

    ino: Ino
    mode: int
    """Type and permission bits."""
    uid: int
    gid: int
    atime_ns: int
    mtime_ns: int
    ctime_ns: int
    btime_ns: int
    nlink: int = 1
    pins: int = 0
    """References other than dentries: kernel lookups and open files."""

    @property
    def kind(self) -> Kind:
        """The type bits."""
        return Kind(self.mode & S_IFMT)

    @property
    def size(self) -> int:
        """What `st_size` shows."""
        return 0

    @property
    def pages(self) -> int:
        """Pages of content, which the byte quota counts."""
        return 0

    @property
    def rdev(self) -> int:
        """What `st_rdev` shows."""
        return 0

    def stat(self) -> Stat:
        """The present attributes."""
        return Stat(
            self.ino,
            self.mode,
            self.nlink,
            self.uid,
            self.gid,
            self.rdev,
            self.size,
            self.pages * (PAGE_SIZE // 512),
            self.atime_ns,
            self.mtime_ns,
            self.ctime_ns,
            self.btime_ns,
        )


@dataclass(slots=True, eq=False)
class RegularFile(Inode):
    """A regular file."""

    content: Content = field(default_factory=Content)

    @property
    def size(self) -> int:
        """Bytes, holes included."""
        return self.content.size

    @property
    def pages(self) -> int:
        """Pages of content; holes are not counted."""
        return self.content.page_count


@dataclass(slots=True, eq=False)
class Symlink(Inode):
    """A symbolic link; `target` is stored as given and never validated."""

    target: bytes = b""

    @property
    def size(self) -> int:
        """Bytes of the target."""
        return len(self.target)


@dataclass(slots=True, eq=False)
class Special(Inode):
    """A FIFO, socket or device node: a name with attributes, nothing behind it."""

    device: int = 0

    @property
    def rdev(self) -> int:
        """The device number; 0 for FIFOs and sockets."""
        return self.device


@dataclass(slots=True, eq=False)
class Directory(Inode):
    """A directory: its names, in the order in which they were added.

    Each entry has a cookie, ascending in that order and never used twice, so a
    listing that goes on after a cookie neither skips nor repeats an entry while
    others come and go. A name that comes to mean another inode keeps its cookie.

    What is added after a listing began is not part of it: otherwise a program that
    renames what it lists would never come to the end.
    """

    parent: Ino = Ino(0)
    entries: dict[bytes, tuple[Ino, int]] = field(default_factory=dict)
    next_cookie: int = FIRST_COOKIE
    _end: int = COOKIE_MAX
    """The first cookie that was not yet given when a listing last began."""
    _listing: list[tuple[int, bytes]] | None = None
    """Cookies and names as of then, to continue from by bisection."""

    def add(self, name: bytes, ino: Ino) -> None:
        """Add `name`, which is not there."""
        self.entries[name] = (ino, self.next_cookie)
        self.next_cookie += 1

    def replace(self, name: bytes, ino: Ino) -> None:
        """Let `name`, which is there, mean another inode."""
        self.entries[name] = (ino, self.entries[name][1])

    def remove(self, name: bytes) -> None:
        """Remove `name`, which is there."""
        del self.entries[name]

    def child(self, name: bytes) -> Ino | None:
        """The inode that `name` means, or None."""
        entry = self.entries.get(name)
        return None if entry is None else entry[0]

    def after(self, cookie: int) -> Iterator[tuple[bytes, Ino, int]]:
        """The entries behind `cookie`, in order; a listing begins before the first.

        The list of names is kept from one call to the next, since a large
        directory is read in many; entries that went are passed over.
        """
        if cookie < FIRST_COOKIE:
            self._end, self._listing = self.next_cookie, None
        listing = self._listing
        if listing is None:
            listing = [
                (at, name) for name, (_, at) in self.entries.items() if at < self._end
            ]
            self._listing = listing
        start = bisect_right(listing, cookie, key=itemgetter(0))
        for index in range(start, len(listing)):
            at, name = listing[index]
            entry = self.entries.get(name)
            if entry is not None and entry[1] == at:
                yield name, entry[0], at
        self._listing = None


def dirent(name: bytes, inode: Inode, cookie: int) -> Dirent:
    """One entry of a listing, as callers see it."""
    return Dirent(name, inode.ino, inode.kind, cookie)
