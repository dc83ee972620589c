"""The numbers of Linux's system calls, on every host.

Flags of open(2) differ between machine architectures: the host's own are taken where
it has them. `devdev_fs.Errno` is not used, since the cases judge it as well.
"""

import os
from enum import IntEnum


class Errno(IntEnum):
    """asm-generic/errno.h, as far as cases name it."""

    EPERM = 1
    ENOENT = 2
    ENXIO = 6
    E2BIG = 7
    EBADF = 9
    EAGAIN = 11
    EACCES = 13
    EBUSY = 16
    EEXIST = 17
    EXDEV = 18
    ENODEV = 19
    ENOTDIR = 20
    EISDIR = 21
    EINVAL = 22
    ENOTTY = 25
    ETXTBSY = 26
    EFBIG = 27
    ENOSPC = 28
    ESPIPE = 29
    EROFS = 30
    ERANGE = 34
    ENAMETOOLONG = 36
    ENOTEMPTY = 39
    ELOOP = 40
    ENODATA = 61
    EOPNOTSUPP = 95
    ESTALE = 116


def _host(name: str, otherwise: int) -> int:
    value = getattr(os, name, otherwise)
    assert isinstance(value, int)
    return value


O_RDONLY, O_WRONLY, O_RDWR, O_ACCMODE = 0, 1, 2, 3
O_CREAT = _host("O_CREAT", 0o100)
O_EXCL = _host("O_EXCL", 0o200)
O_TRUNC = _host("O_TRUNC", 0o1000)
O_APPEND = _host("O_APPEND", 0o2000)
O_DSYNC = _host("O_DSYNC", 0o10000)
O_DIRECT = _host("O_DIRECT", 0o40000)
O_SYNC = _host("O_SYNC", 0o4010000)
O_NONBLOCK = _host("O_NONBLOCK", 0o4000)
O_DIRECTORY = _host("O_DIRECTORY", 0o200000)
O_NOFOLLOW = _host("O_NOFOLLOW", 0o400000)
O_NOATIME = _host("O_NOATIME", 0o1000000)
O_PATH = _host("O_PATH", 0o10000000)
O_TMPFILE = _host("O_TMPFILE", 0o20200000)

S_IFMT = 0o170000
S_IFIFO = 0o010000
S_IFCHR = 0o020000
S_IFDIR = 0o040000
S_IFBLK = 0o060000
S_IFREG = 0o100000
S_IFLNK = 0o120000
S_IFSOCK = 0o140000
S_ISUID, S_ISGID, S_ISVTX = 0o4000, 0o2000, 0o1000

F_OK, X_OK, W_OK, R_OK = 0, 1, 2, 4

SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE = range(5)

RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT = 1, 2, 4

XATTR_CREATE, XATTR_REPLACE = 1, 2
XATTR_NAME_MAX = 255
XATTR_SIZE_MAX = 65536

FALLOC_FL_KEEP_SIZE = 0x01
FALLOC_FL_PUNCH_HOLE = 0x02
FALLOC_FL_COLLAPSE_RANGE = 0x08
FALLOC_FL_ZERO_RANGE = 0x10
FALLOC_FL_INSERT_RANGE = 0x20

NAME_MAX = 255
PATH_MAX = 4096
SYMLINKS_MAX = 40
FILE_SIZE_MAX = 2**63 - 1
PAGE = 4096
"""The block size that cases align to; every backend counts space in it."""


def device(major: int, minor: int) -> int:
    """A device number as makedev(3) packs it."""
    return (
        (minor & 0xFF)
        | (major & 0xFFF) << 8
        | (minor & 0xFFFFFF00) << 12
        | (major & 0xFFFFF000) << 32
    )
