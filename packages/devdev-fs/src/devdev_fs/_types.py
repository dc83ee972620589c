"""The values that operations take and return; no behaviour, no state.

Numbers are Linux's on every host. What is returned often (`Stat`, `Dirent`) is a
named tuple, because a frozen dataclass takes five times as long to make.
"""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Literal, NamedTuple, NewType

Ino = NewType("Ino", int)
"""Inode number: monotonic from 1 (the root)."""

ROOT_INO = Ino(1)
"""The root directory."""
NAME_MAX = 255
"""Longest name, in bytes (limits.h NAME_MAX)."""
PATH_MAX = 4096
"""Longest path and symlink target, in bytes, its NUL included (limits.h PATH_MAX)."""
SYMLINK_HOPS_MAX = 40
"""Symbolic links followed in one walk before ELOOP (Linux's MAXSYMLINKS)."""
LINK_MAX = 65_000
"""Most names of an inode that is no directory (as ext4's EXT4_LINK_MAX); how many
directories one may hold, which link to it too, only the quota on inodes limits."""
XATTR_NAME_MAX = 255
"""Longest name of an extended attribute, in bytes (Linux's XATTR_NAME_MAX)."""
XATTR_SIZE_MAX = 65_536
"""Longest value of an extended attribute (Linux's XATTR_SIZE_MAX), and the most that
all values of an inode have together; so for their names, each with a NUL
(XATTR_LIST_MAX)."""
FILE_SIZE_MAX = 2**63 - 1
"""Largest size and offset of a file (Linux's loff_t)."""
READ_MAX = 0x7FFFF000
"""Most bytes that one read returns (Linux's MAX_RW_COUNT); a hole can be longer."""
ID_MAX = 2**32 - 1
"""Largest user and group number (Linux's uid_t, gid_t)."""
DEVICE_MAX = 2**64 - 1
TIME_MIN, TIME_MAX = -(2**63), 2**63 - 1
"""First and last time that is kept, in nanoseconds: the years 1677 and 2262."""
LIMIT_MAX = 2**63 - 1
"""Largest quota, in bytes or inodes."""
PAGE_SIZE = 4096
"""What space is counted in: a hole costs nothing, a page with one byte costs a page."""

R_OK = 4
"""To read (unistd.h)."""
W_OK = 2
"""To write; in a directory, to change names."""
X_OK = 1
"""To execute; in a directory, to look a name up."""

S_IFMT = 0o170000
S_ISUID = 0o4000
S_ISGID = 0o2000
S_ISVTX = 0o1000
S_IRWXG = 0o0070
S_IXUGO = 0o0111
S_IXGRP = 0o0010


class Kind(IntEnum):
    """What an inode is: the type bits of its mode, `mode & S_IFMT`."""

    FIFO = 0o010000
    CHARACTER_DEVICE = 0o020000
    DIRECTORY = 0o040000
    BLOCK_DEVICE = 0o060000
    REGULAR = 0o100000
    SYMLINK = 0o120000
    SOCKET = 0o140000


KINDS = {int(kind): kind for kind in Kind}
"""By type bits: to look one up is several times as fast as to call `Kind`."""


class RenameFlags(IntFlag):
    """renameat2(2)'s flags."""

    NONE = 0
    NOREPLACE = 1
    EXCHANGE = 2
    WHITEOUT = 4
    """Leave a character device 0:0 under the old name, which union filesystems take
    for the absence of what lies below."""


class XattrFlags(IntFlag):
    """setxattr(2)'s flags."""

    NONE = 0
    CREATE = 1
    """The attribute must not be there."""
    REPLACE = 2
    """The attribute must be there."""


class FallocateFlags(IntFlag):
    """fallocate(2)'s modes, with KEEP_SIZE beside ALLOCATE, PUNCH_HOLE, ZERO_RANGE."""

    ALLOCATE = 0
    """Fill holes with pages of zeros."""
    KEEP_SIZE = 1
    """Leave the size, even if pages are allocated behind the end."""
    PUNCH_HOLE = 2
    """Make a hole; only with KEEP_SIZE."""
    COLLAPSE_RANGE = 8
    """Take the range out; what is behind it moves up."""
    ZERO_RANGE = 16
    """Make it pages of zeros, whatever was there."""
    INSERT_RANGE = 32
    """Put a hole in; what is there and behind it moves back."""


class Whence(IntEnum):
    """Where lseek(2) seeks from, and what for."""

    SET = 0
    CUR = 1
    END = 2
    DATA = 3
    """The next byte at or behind the offset that is in no hole."""
    HOLE = 4
    """The next hole at or behind the offset; the end of the file is one."""


class Stat(NamedTuple):
    """One reading of an inode, as stat(2) and statx(2)."""

    ino: Ino
    mode: int
    """Type and permission bits together."""
    nlink: int
    uid: int
    gid: int
    rdev: int
    """Device number of a device node, as makedev(3) packs it; otherwise 0."""
    size: int
    """Bytes of a file, of a symlink's target; 0 for the others."""
    blocks: int
    """Units of 512 bytes that hold content: holes are not among them."""
    atime_ns: int
    mtime_ns: int
    ctime_ns: int
    btime_ns: int

    @property
    def kind(self) -> Kind:
        """What the inode is."""
        return Kind(self.mode & S_IFMT)

    @property
    def perm(self) -> int:
        """The permission bits, set-id and sticky ones included."""
        return self.mode & 0o7777

    @property
    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return self.mode & S_IFMT == Kind.DIRECTORY

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return self.mode & S_IFMT == Kind.REGULAR

    @property
    def is_symlink(self) -> bool:
        """Whether it is a symbolic link."""
        return self.mode & S_IFMT == Kind.SYMLINK


AtimePolicy = Literal["strict", "relative", "never"]
"""Which accesses move the time of access: each one, as POSIX has it; the first one
since a change, and one a day after the last that did (Linux's relatime); none."""


class Dirent(NamedTuple):
    """One entry of a listing."""

    name: bytes
    ino: Ino
    kind: Kind
    cookie: int
    """Where to go on listing after this entry; stays right while others come and go."""


class StatVfs(NamedTuple):
    """Space and inodes, as statvfs(3); `block_size` is also the fragment size."""

    block_size: int
    blocks: int
    blocks_free: int
    inodes: int
    inodes_free: int
    name_max: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SetAttr:
    """What to change of an inode; None leaves a field as it is."""

    mode: int | None = None
    """New permission bits; type bits are ignored, as chmod(2) does."""
    uid: int | None = None
    gid: int | None = None
    size: int | None = None
    atime_ns: int | Literal["now"] | None = None
    """Nanoseconds since 1970, negative before; "now" reads the filesystem's clock.
    What is beyond 64 bits becomes the nearest that is not, as Linux does."""
    mtime_ns: int | Literal["now"] | None = None


class Capability(IntFlag):
    """What of capabilities(7) a filesystem looks at; the bits have Linux's numbers."""

    CHOWN = 1 << 0
    """Change owners and groups as one likes."""
    DAC_OVERRIDE = 1 << 1
    """Pass checks of permissions, but to execute what nobody may execute."""
    DAC_READ_SEARCH = 1 << 2
    """Pass checks of permissions to read, and to search directories."""
    FOWNER = 1 << 3
    """Pass for the owner of everything."""
    FSETID = 1 << 4
    """Write without clearing set-id bits; set the set-group-ID bit for any group."""
    SYS_ADMIN = 1 << 21
    """Use the attributes `trusted.` and change those of `security.`."""
    MKNOD = 1 << 27
    """Make device nodes."""
    SETFCAP = 1 << 31
    """Change the attribute `security.capability`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """On whose behalf an operation runs: what it may do, and what a new inode gets."""

    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()
    """Supplementary groups."""
    umask: int | None = None
    """Permissions to take from a new inode's mode; None means the filesystem's own."""
    capabilities: int | None = None
    """A set of `Capability`; None means all for user 0, and none for others."""

    def has(self, capability: Capability) -> bool:
        """Whether the caller holds that capability."""
        held = self.capabilities
        return not self.uid if held is None else bool(held & capability.value)

    def is_in(self, gid: int) -> bool:
        """Whether the caller is a member of that group."""
        return gid == self.gid or gid in self.groups


ROOT_CALLER = Caller()
"""Who may do everything; nothing is checked."""


class ChangeKind(IntEnum):
    """What kind of thing a mutation changed."""

    ATTRIBUTES = 1
    """An inode's metadata."""
    CONTENT = 2
    """Bytes or size of a regular file (and so its metadata)."""
    ENTRY = 3
    """A name in a directory: added, removed or now meaning another inode."""
    ACCESS = 4
    """The time of the last access, which is nobody's change."""


class Change(NamedTuple):
    """One thing that a mutation changed, as told to whoever mirrors the store."""

    kind: ChangeKind
    ino: Ino
    """The inode; for ENTRY its directory."""
    name: bytes = b""
    """ENTRY: the name."""
    old: Ino = Ino(0)
    """ENTRY: the inode that the name meant before and does not mean now, or 0."""
    offset: int = 0
    """CONTENT: the first byte that changed."""
    end: int = -1
    """CONTENT: the byte after the last one that changed; -1 is to the end."""
    grown_to: int = -1
    """CONTENT: the new size if the file grew, otherwise -1."""
