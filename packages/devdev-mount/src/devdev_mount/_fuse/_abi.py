"""The kernel's FUSE protocol: numbers and layouts, under the names of linux/fuse.h.

A layout that is named `SETATTR_IN` here is `struct fuse_setattr_in`, in native byte
order. What nobody here reads or sets is padding: `x`.
"""

from enum import IntEnum
from struct import Struct

FUSE_KERNEL_VERSION = 7
FUSE_KERNEL_MINOR_VERSION = 45
FUSE_ROOT_ID = 1


class Opcode(IntEnum):
    """What a request asks for."""

    LOOKUP = 1
    FORGET = 2
    GETATTR = 3
    SETATTR = 4
    READLINK = 5
    SYMLINK = 6
    MKNOD = 8
    MKDIR = 9
    UNLINK = 10
    RMDIR = 11
    RENAME = 12
    LINK = 13
    OPEN = 14
    READ = 15
    WRITE = 16
    STATFS = 17
    RELEASE = 18
    FSYNC = 20
    SETXATTR = 21
    GETXATTR = 22
    LISTXATTR = 23
    REMOVEXATTR = 24
    FLUSH = 25
    INIT = 26
    OPENDIR = 27
    READDIR = 28
    RELEASEDIR = 29
    FSYNCDIR = 30
    GETLK = 31
    SETLK = 32
    SETLKW = 33
    ACCESS = 34
    CREATE = 35
    INTERRUPT = 36
    BMAP = 37
    DESTROY = 38
    IOCTL = 39
    POLL = 40
    NOTIFY_REPLY = 41
    BATCH_FORGET = 42
    FALLOCATE = 43
    READDIRPLUS = 44
    RENAME2 = 45
    LSEEK = 46
    COPY_FILE_RANGE = 47
    SETUPMAPPING = 48
    REMOVEMAPPING = 49
    SYNCFS = 50
    TMPFILE = 51
    STATX = 52
    COPY_FILE_RANGE_64 = 53


class NotifyCode(IntEnum):
    """What a message that the kernel did not ask for tells it."""

    INVAL_INODE = 2
    INVAL_ENTRY = 3
    STORE = 4
    DELETE = 6


# What the kernel and a filesystem tell each other in INIT; from bit 32 on in `flags2`.
FUSE_ASYNC_READ = 1 << 0
FUSE_EXPORT_SUPPORT = 1 << 4
FUSE_BIG_WRITES = 1 << 5
FUSE_DONT_MASK = 1 << 6
FUSE_DO_READDIRPLUS = 1 << 13
FUSE_READDIRPLUS_AUTO = 1 << 14
FUSE_NO_OPEN_SUPPORT = 1 << 17
FUSE_PARALLEL_DIROPS = 1 << 18
FUSE_POSIX_ACL = 1 << 20
FUSE_MAX_PAGES = 1 << 22
FUSE_CACHE_SYMLINKS = 1 << 23
FUSE_NO_OPENDIR_SUPPORT = 1 << 24
FUSE_EXPLICIT_INVAL_DATA = 1 << 25
FUSE_HANDLE_KILLPRIV_V2 = 1 << 28
FUSE_SETXATTR_EXT = 1 << 29
FUSE_INIT_EXT = 1 << 30
FUSE_REQUEST_TIMEOUT = 1 << 42

# Which fields of SETATTR_IN are meant.
FATTR_MODE = 1 << 0
FATTR_UID = 1 << 1
FATTR_GID = 1 << 2
FATTR_SIZE = 1 << 3
FATTR_ATIME = 1 << 4
FATTR_MTIME = 1 << 5
FATTR_ATIME_NOW = 1 << 7
FATTR_MTIME_NOW = 1 << 8
FATTR_KILL_SUIDGID = 1 << 11

# What OPEN_OUT promises.
FOPEN_DIRECT_IO = 1 << 0
FOPEN_KEEP_CACHE = 1 << 1
FOPEN_CACHE_DIR = 1 << 3

FUSE_WRITE_CACHE = 1 << 0
"""WRITE_IN: pages of a mapping are written back, not the data of a write(2)."""
FUSE_WRITE_KILL_SUIDGID = 1 << 2
"""WRITE_IN: the writer may not keep set-id bits."""
FUSE_SETXATTR_ACL_KILL_SGID = 1 << 0
"""SETXATTR_IN: who sets the ACL may not keep the set-group-ID bit."""

IN_HEADER = Struct("=IIQQIII4x")
OUT_HEADER = Struct("=IiQ")

INIT_IN = Struct("=IIII")
"""The part of it that every kernel sends."""
INIT_IN_EXT = Struct("=16xI")
"""`flags2`, which follows that where the flags have FUSE_INIT_EXT."""
INIT_OUT = Struct("=IIIIHHIIH2xI4xH22x")

ATTR = Struct("=QQQqqqIIIIIIIII4x")
ATTR_OUT = Struct("=QI4x" + ATTR.format[1:])
ENTRY_OUT = Struct("=QQQQII" + ATTR.format[1:])
SETATTR_IN = Struct("=I12xQ8xqq8xII4xI4xII4x")

STATX_OUT = Struct("=QI20x" + "IIQIIIH2xQQQQqI4xqI4xqI4xqI4xIIII112x")
"""It ends with a `fuse_statx`, whose times are in the order of their letters."""

MKNOD_IN = Struct("=III4x")
MKDIR_IN = Struct("=II")
CREATE_IN = Struct("=III4x")
LINK_IN = Struct("=Q")
RENAME_IN = Struct("=Q")
RENAME2_IN = Struct("=QI4x")

OPEN_OUT = Struct("=QI4x")
READ_IN = Struct("=8xQI12xI4x")
WRITE_IN = Struct("=8xQII8xI4x")
WRITE_OUT = Struct("=I4x")
DIRENT = Struct("=QQII")
"""A name follows, padded with zeros to a multiple of 8 bytes."""
DIRENTPLUS = Struct(ENTRY_OUT.format + DIRENT.format[1:])
"""A name follows, padded with zeros to a multiple of 8 bytes."""
KSTATFS = Struct("=QQQQQIII28x")

SETXATTR_IN = Struct("=III4x")
SETXATTR_IN_COMPAT = Struct("=II")
"""The form of it without FUSE_SETXATTR_EXT. Name and value follow."""
GETXATTR_IN = Struct("=I4x")
GETXATTR_OUT = Struct("=I4x")

ACCESS_IN = Struct("=I4x")
FALLOCATE_IN = Struct("=8xQQI4x")
LSEEK_IN = Struct("=8xQI4x")
LSEEK_OUT = Struct("=Q")
COPY_FILE_RANGE_IN = Struct("=8xQQ8xQQ8x")
COPY_FILE_RANGE_OUT = Struct("=Q")

FORGET_IN = Struct("=Q")
FORGET_ONE = Struct("=QQ")
BATCH_FORGET_IN = Struct("=I4x")

NOTIFY_INVAL_INODE_OUT = Struct("=Qqq")
NOTIFY_INVAL_ENTRY_OUT = Struct("=QI4x")
NOTIFY_DELETE_OUT = Struct("=QQI4x")
NOTIFY_STORE_OUT = Struct("=QQI4x")
