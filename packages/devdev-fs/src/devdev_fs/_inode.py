"""Inodes and their kinds: what each holds, and the order of a directory's entries.

Versions of a filesystem share inodes. One that an earlier version has is not
changed any more: `InodeTable.edit` gives a copy of it to change.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from devdev_fs._content import Content
from devdev_fs._entries import Entries
from devdev_fs._types import KINDS, PAGE_SIZE, S_IFMT, Dirent, Ino, Kind, Stat

FIRST_COOKIE = 3
"""Cookies 1 and 2 stand for `.` and `..`, 0 for the beginning."""
COOKIE_MAX = 2**63 - 1

XATTR_INLINE_MAX = 256
"""So many bytes of extended attributes count as a part of the inode."""

Link = tuple[Ino, bytes]
"""A directory, and a name in it."""


def xattr_pages(xattrs: Mapping[bytes, bytes] | None) -> int:
    """Pages that extended attributes take: what is beyond `XATTR_INLINE_MAX`."""
    if not xattrs:
        return 0
    size = sum(len(name) + len(value) for name, value in xattrs.items())
    return max(-(-(size - XATTR_INLINE_MAX) // PAGE_SIZE), 0)


@dataclass(slots=True, eq=False)
class Inode:
    """A filesystem object, reachable or not."""

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
    parent: Ino = Ino(0)
    """The directory that has `name`; of the root itself, of an orphan none (0)."""
    name: bytes = b""
    """A name of it, empty for the root and orphans."""
    others: set[Link] | None = None
    """Its further names: hard links."""
    xattrs: dict[bytes, bytes] | None = None
    """Extended attributes by name; never changed in place, since copies share it."""
    token: int = 0
    """Whose it is to change as it is; see `InodeTable.edit`."""
    digest: bytes = b""
    """What `_digest` computed of it, if it did; not copied."""

    @property
    def kind(self) -> Kind:
        """The type bits."""
        return KINDS[self.mode & S_IFMT]

    @property
    def size(self) -> int:
        """What `st_size` shows."""
        return 0

    @property
    def pages(self) -> int:
        """Pages of content and extended attributes, which the byte quota counts."""
        return 0 if self.xattrs is None else xattr_pages(self.xattrs)

    @property
    def rdev(self) -> int:
        """What `st_rdev` shows."""
        return 0

    def copy(self) -> Self:
        """An inode with the same state, to be changed instead of this one."""
        twin = self.__new__(type(self))
        twin.ino = self.ino
        twin.mode = self.mode
        twin.uid = self.uid
        twin.gid = self.gid
        twin.atime_ns = self.atime_ns
        twin.mtime_ns = self.mtime_ns
        twin.ctime_ns = self.ctime_ns
        twin.btime_ns = self.btime_ns
        twin.nlink = self.nlink
        twin.parent = self.parent
        twin.name = self.name
        twin.others = self.others.copy() if self.others else None
        twin.xattrs = self.xattrs
        twin.token = 0
        twin.digest = b""
        twin.copy_body(self)
        return twin

    def copy_body(self, other: Self) -> None:
        """Take over what only inodes of this kind have."""

    def links(self) -> list[Link]:
        """All its names, sorted."""
        if not self.name:
            return []
        return sorted(((self.parent, self.name), *(self.others or ())))

    def add_link(self, parent: Ino, name: bytes) -> None:
        """Take note of a new name."""
        if not self.name:
            self.parent, self.name = parent, name
        elif self.others is None:
            self.others = {(parent, name)}
        else:
            self.others.add((parent, name))

    def remove_link(self, parent: Ino, name: bytes) -> None:
        """Take note that a name is gone."""
        if name != self.name or parent != self.parent:
            assert self.others is not None
            self.others.remove((parent, name))
        elif self.others:
            self.parent, self.name = self.others.pop()
        else:
            self.parent, self.name = Ino(0), b""

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
        """Pages of content and extended attributes; holes are not counted."""
        if self.xattrs is None:
            return self.content.count
        return self.content.count + xattr_pages(self.xattrs)

    def copy_body(self, other: Self) -> None:
        """Take over the content."""
        self.content = other.content.copy()


@dataclass(slots=True, eq=False)
class Symlink(Inode):
    """A symbolic link; `target` is stored as given and never validated."""

    target: bytes = b""

    @property
    def size(self) -> int:
        """Bytes of the target."""
        return len(self.target)

    def copy_body(self, other: Self) -> None:
        """Take over the target."""
        self.target = other.target


@dataclass(slots=True, eq=False)
class Special(Inode):
    """A FIFO, socket or device node: a name with attributes, nothing behind it."""

    device: int = 0

    @property
    def rdev(self) -> int:
        """The device number; 0 for FIFOs and sockets."""
        return self.device

    def copy_body(self, other: Self) -> None:
        """Take over the device number."""
        self.device = other.device


@dataclass(slots=True, eq=False)
class Directory(Inode):
    """A directory: its names, in the order in which they were added.

    Each entry has a cookie, ascending in that order and never used twice, so a
    listing that goes on after a cookie neither skips nor repeats an entry while
    others come and go. A name that comes to mean another inode keeps its cookie.
    """

    entries: Entries = field(default_factory=Entries)
    next_cookie: int = FIRST_COOKIE

    def copy_body(self, other: Self) -> None:
        """Take over the entries."""
        self.entries = other.entries.copy()
        self.next_cookie = other.next_cookie

    def add(self, name: bytes, ino: Ino) -> None:
        """Add `name`, which is not there."""
        self.entries.set(name, (ino, self.next_cookie))
        self.next_cookie += 1

    def replace(self, name: bytes, ino: Ino) -> None:
        """Let `name`, which is there, mean another inode."""
        entry = self.entries.get(name)
        assert entry is not None
        self.entries.set(name, (ino, entry[1]))

    def remove(self, name: bytes) -> None:
        """Remove `name`, which is there."""
        self.entries.remove(name)

    def child(self, name: bytes) -> Ino | None:
        """The inode that `name` means, or None."""
        entry = self.entries.get(name)
        return None if entry is None else entry[0]


def dirent(name: bytes, inode: Inode, cookie: int) -> Dirent:
    """One entry of a listing, as callers see it."""
    return Dirent(name, inode.ino, inode.kind, cookie)
