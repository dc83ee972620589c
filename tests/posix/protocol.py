"""The system calls that the cases are written in, and the values that go with them.

A path is relative to the directory that a case gets for itself, or to that of `at`.
It is text as `os.fsdecode` gives it. What is refused raises `OSError` with Linux's
errno. A descriptor that a case leaves open is closed after it.
"""

import mmap
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Literal, NamedTuple, Protocol

from tests.posix.abi import R_OK, S_IFMT

Time = int | Literal["now", "omit"]
"""Nanoseconds since 1970, UTIME_NOW or UTIME_OMIT."""

Target = str | int
"""What to act on: a path, or a descriptor."""


PLENTY = 1 << 20
"""Blocks, and inodes, that a backend has when nothing else is said."""


class Feature(StrEnum):
    """What a case may need and not every backend has."""

    MAPPING = "files mapped into memory"
    LOCKS = "locks"
    PROGRAMS = "programs that are run from the tree"
    ENDPOINTS = "what is behind the name of a pipe, a socket or a device"
    FILE_SIZE_LIMIT = "the limit that a process has on the size of files"
    MOUNTS = "a read-only view, and another mount beside it"
    HANDLES = "files that are opened by a handle"
    DESCRIPTOR_CALLS = "ioctl(2) and poll(2)"
    ZEROED_RANGES = "fallocate(2) that makes a range zeros"
    MOVED_RANGES = "fallocate(2) that takes a range out or puts one in"


class User(NamedTuple):
    """On whose behalf calls are made."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()


ROOT = User(0, 0)


class Attributes(NamedTuple):
    """What stat(2) tells."""

    ino: int
    mode: int
    nlink: int
    uid: int
    gid: int
    rdev: int
    size: int
    blocks: int
    atime: int
    mtime: int
    ctime: int

    @property
    def kind(self) -> int:
        return self.mode & S_IFMT

    @property
    def perm(self) -> int:
        return self.mode & 0o7777

    @property
    def owner(self) -> tuple[int, int]:
        return self.uid, self.gid


class Dirent(NamedTuple):
    """One entry of getdents64(2)."""

    name: str
    ino: int
    kind: int
    """As S_IFMT of the mode."""
    cookie: int
    """Where the next entry begins: an offset for lseek(2)."""


class Space(NamedTuple):
    """What statvfs(3) tells."""

    block_size: int
    blocks: int
    blocks_free: int
    inodes: int
    inodes_free: int
    name_max: int


class Posix(Protocol):
    """What every backend can do."""

    # --- who and where -----------------------------------------------------------

    def as_user(self, user: User) -> AbstractContextManager[None]:
        """Make calls as an ordinary user, without capabilities; not nested."""
        ...

    def umask(self, mask: int) -> int:
        """umask(2). A case begins with 0."""
        ...

    def at(self, fd: int) -> AbstractContextManager[None]:
        """Take paths from this directory, as fchdir(2); only single names there."""
        ...

    def leave(
        self, *, blocks: int | None = None, inodes: int | None = None
    ) -> AbstractContextManager[None]:
        """Have no more than that many blocks of `PAGE` bytes, or inodes, free."""
        ...

    def tick(self, since: int | None = None) -> None:
        """Go on when a stamp would be later than `since`, or than one made now.

        For a time in the future, that is: later than one made now.
        """
        ...

    # --- attributes --------------------------------------------------------------

    def stat(self, path: str) -> Attributes: ...
    def lstat(self, path: str) -> Attributes: ...
    def fstat(self, fd: int) -> Attributes: ...

    def birth(self, path: str) -> int:
        """The time of birth that statx(2) tells, of a link itself."""
        ...

    def access(self, path: str, mask: int = R_OK) -> None: ...
    def statvfs(self, path: str) -> Space: ...
    def chmod(self, target: Target, mode: int) -> None: ...

    def chown(self, target: Target, uid: int, gid: int) -> None:
        """chown(2) or fchown(2); -1 leaves a number as it is."""
        ...

    def lchown(self, path: str, uid: int, gid: int) -> None: ...

    def utimens(
        self, target: Target, atime: Time, mtime: Time, follow: bool = True
    ) -> None:
        """utimensat(2) or futimens(3)."""
        ...

    def truncate(self, target: Target, size: int) -> None: ...

    # --- names -------------------------------------------------------------------

    def mkdir(self, path: str, mode: int = 0o755) -> None: ...
    def mknod(self, path: str, mode: int, device: int = 0) -> None: ...
    def symlink(self, content: str, path: str) -> None: ...
    def readlink(self, path: str) -> str: ...
    def link(self, old: str, new: str, follow: bool = False) -> None: ...

    def link_open(self, fd: int, new: str) -> None:
        """linkat(2) with AT_EMPTY_PATH."""
        ...

    def unlink(self, path: str) -> None: ...
    def rmdir(self, path: str) -> None: ...

    def rename(self, old: str, new: str, flags: int = 0) -> None:
        """renameat2(2)."""
        ...

    # --- descriptors -------------------------------------------------------------

    def open(self, path: str, flags: int = 0, mode: int = 0o644) -> int: ...
    def close(self, fd: int) -> None: ...
    def read(self, fd: int, size: int) -> bytes: ...
    def pread(self, fd: int, size: int, offset: int) -> bytes: ...
    def write(self, fd: int, data: bytes) -> int: ...
    def pwrite(self, fd: int, data: bytes, offset: int) -> int: ...
    def lseek(self, fd: int, offset: int, whence: int = 0) -> int: ...
    def fsync(self, fd: int) -> None: ...
    def fallocate(self, fd: int, mode: int, offset: int, length: int) -> None: ...

    def copy_file_range(
        self,
        source: int,
        target: int,
        length: int,
        offset: int | None = None,
        target_offset: int | None = None,
    ) -> int:
        """copy_file_range(2); without an offset that of the descriptor moves on."""
        ...

    def getdents(self, fd: int, size: int = 32768) -> list[Dirent]:
        """Entries that fit into `size` bytes; none at the end."""
        ...

    # --- extended attributes -----------------------------------------------------

    def setxattr(
        self, target: Target, name: str, value: bytes, flags: int = 0
    ) -> None: ...
    def getxattr(self, target: Target, name: str) -> bytes: ...
    def listxattr(self, target: Target) -> list[str]: ...

    def xattr_sizes(self, path: str, name: str) -> tuple[int, int]:
        """What is told without a buffer: bytes of a value, and of all names."""
        ...

    def removexattr(self, target: Target, name: str) -> None: ...
    def lsetxattr(self, path: str, name: str, value: bytes) -> None: ...
    def lgetxattr(self, path: str, name: str) -> bytes: ...
    def llistxattr(self, path: str) -> list[str]: ...
    def lremovexattr(self, path: str, name: str) -> None: ...


class Kernel(Posix, Protocol):
    """What only a kernel does; a case that uses it names the feature it needs."""

    elsewhere: str
    """The path of a directory on another mount."""

    def read_only(self) -> AbstractContextManager[None]:
        """Have the mount read-only."""
        ...

    def file_size_limit(self, size: int) -> AbstractContextManager[None]:
        """Have the limit RLIMIT_FSIZE."""
        ...

    def running(self, path: str) -> AbstractContextManager[None]:
        """Have `path`, which is made as a program, run meanwhile."""
        ...

    def execute(self, path: str) -> None:
        """Run a program to its end, as execve(2): refused with its errno."""
        ...

    def bind(self, path: str) -> AbstractContextManager[None]:
        """Listen on a new socket at `path`."""
        ...

    def connect(self, path: str) -> None:
        """Connect to the socket at `path`, and disconnect."""
        ...

    def handle(self, path: str) -> bytes:
        """name_to_handle_at(2)."""
        ...

    def open_handle(self, handle: bytes, flags: int = 0) -> int:
        """open_by_handle_at(2)."""
        ...

    def ioctl(self, fd: int, request: int) -> int: ...

    def poll(self, fd: int) -> tuple[bool, bool]:
        """Whether poll(2) says that it can be read, and that it can be written."""
        ...

    def mmap(self, fd: int, length: int, *, shared: bool = True) -> mmap.mmap:
        """Map the beginning of a file for reading and writing; unmapped afterwards."""
        ...

    def flock(self, fd: int, operation: Literal["sh", "ex", "un"]) -> None:
        """flock(2), without waiting."""
        ...

    def lock(
        self, fd: int, kind: Literal["r", "w", "un"], begin: int, length: int
    ) -> None:
        """A record lock of an open file description (F_OFD_SETLK)."""
        ...

    def lock_elsewhere(self, path: str, begin: int, length: int) -> None:
        """Have another process take a record lock (F_SETLK) for writing, and end."""
        ...

    def lock_process(self, fd: int, begin: int, length: int) -> None:
        """A record lock of this process (F_SETLK) for writing."""
        ...
