"""What a kernel does above a filesystem, for the store: paths, descriptors, a caller.

Paths are cut into parent and last name, descriptors are numbers of open files. What is
found, and who may, is the store's business. Names below the working directory that
`at` sets are single ones, and its parent is the root: the store walks paths from there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from devdev_fs import ROOT_INO, Caller, Errno, Fs, FsError, Ino, Stat
from devdev_fs.testing import ManualClock

from tests.posix.abi import O_ACCMODE, O_PATH, O_RDONLY, O_WRONLY, PAGE, PATH_MAX
from tests.posix.protocol import PLENTY, ROOT, Space, Target, User


class Place(NamedTuple):
    """Where the last name of a path belongs."""

    parent: Ino
    name: bytes
    has_slash: bool
    """Whether a slash comes behind it, which asks for a directory."""

    @property
    def is_dots(self) -> bool:
        return self.name in (b".", b"..")


@dataclass(slots=True)
class Open:
    """An open file description; its inode is pinned."""

    ino: Ino
    flags: int
    offset: int = 0
    is_unlinkable: bool = False
    """Whether it is to stay without a name: O_TMPFILE with O_EXCL."""

    @property
    def is_readable(self) -> bool:
        return self.flags & O_ACCMODE != O_WRONLY

    @property
    def is_writable(self) -> bool:
        return self.flags & O_ACCMODE != O_RDONLY


class MemoryPaths:
    """A filesystem of its own, a caller, a working directory, and open files."""

    def __init__(self) -> None:
        # Each reading of the clock is another, so no stamp has to be waited for.
        clock = ManualClock(time_ns=10**18, step_ns=1)
        self._fs = Fs(clock=clock, umask=0)
        self.inodes = self._fs.inodes
        self.inodes.set_limits(PLENTY * PAGE, PLENTY)
        self._user = ROOT
        self._umask = 0
        self._here = ROOT_INO
        self._files: dict[int, Open] = {}
        self._next_fd = 3

    # --- who and where -----------------------------------------------------------

    @contextmanager
    def as_user(self, user: User) -> Iterator[None]:
        self._user = user
        try:
            yield
        finally:
            self._user = ROOT

    def umask(self, mask: int) -> int:
        before, self._umask = self._umask, mask & 0o777
        return before

    @contextmanager
    def at(self, fd: int) -> Iterator[None]:
        self._here = self.file(fd).ino
        try:
            yield
        finally:
            self._here = ROOT_INO

    @contextmanager
    def leave(
        self, *, blocks: int | None = None, inodes: int | None = None
    ) -> Iterator[None]:
        now = self.statvfs(".")
        self.inodes.set_limits(
            None if blocks is None else (now.blocks - now.blocks_free + blocks) * PAGE,
            None if inodes is None else now.inodes - now.inodes_free + inodes,
        )
        try:
            yield
        finally:
            self.inodes.set_limits(PLENTY * PAGE, PLENTY)

    def tick(self, since: int | None = None) -> None:
        """The clock steps by itself."""

    @property
    def caller(self) -> Caller:
        uid, gid, groups = self._user
        return Caller(uid=uid, gid=gid, groups=groups, umask=self._umask)

    # --- paths and descriptors ---------------------------------------------------

    def place(self, path: str) -> Place:
        raw = as_bytes(path)
        if not raw:
            raise FsError(Errno.ENOENT, "an empty path")
        if len(raw) >= PATH_MAX:
            raise FsError(Errno.ENAMETOOLONG, "a long path")
        head, _, name = raw.rstrip(b"/").rpartition(b"/")
        if self._here == ROOT_INO:
            # For the dot's sake a directory, which the caller may search.
            head = head + b"/." if head else b"."
        parent = self.resolve(head or b".")
        return Place(parent, name, raw.endswith(b"/"))

    def new_place(self, path: str) -> Place:
        """Where something other than a directory is to be made."""
        place = self.place(path)
        if place.is_dots:
            raise FsError(Errno.EEXIST, path=path)
        if place.has_slash:
            self.lookup(place)
            raise FsError(Errno.EEXIST, path=path)
        return place

    def lookup(self, place: Place) -> Stat:
        return self.inodes.lookup(place.parent, place.name, self.caller)

    def resolve(self, path: bytes, follow: bool = True) -> Ino:
        if self._here == ROOT_INO:
            return self.inodes.resolve(path, follow, self.caller)
        if path == b".":
            return self._here
        if path == b"..":
            return ROOT_INO
        return self.inodes.lookup(self._here, path, self.caller).ino

    def find(self, target: Target, follow: bool = True) -> Ino:
        """The inode of a path, or of a descriptor that is more than a place."""
        if isinstance(target, int):
            return self.opened(target).ino
        return self.resolve(as_bytes(target), follow)

    def file(self, fd: int) -> Open:
        if fd not in self._files:
            raise FsError(Errno.EBADF, f"descriptor {fd}")
        return self._files[fd]

    def opened(self, fd: int) -> Open:
        file = self.file(fd)
        if file.flags & O_PATH:
            raise FsError(Errno.EBADF, "the file is not open, only named")
        return file

    def add(self, file: Open) -> int:
        fd = self._next_fd
        self._next_fd += 1
        self._files[fd] = file
        return fd

    def close(self, fd: int) -> None:
        self.inodes.unpin(self.file(fd).ino)
        del self._files[fd]

    def statvfs(self, path: str) -> Space:
        self.find(path)
        return Space(*self.inodes.statvfs())

    def close_all(self) -> None:
        """Close what the case left open, and check the whole store."""
        for fd in list(self._files):
            self.close(fd)
        self._fs.check_invariants()


def as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def as_text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
