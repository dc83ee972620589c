"""The system calls of Linux that the `os` module does not have."""

import sys

if sys.platform != "linux":
    raise ImportError("the C library's calls are Linux's")

import ctypes
import os
from collections.abc import Callable

AT_FDCWD = -100
AT_SYMLINK_NOFOLLOW = 0x100
AT_SYMLINK_FOLLOW = 0x400
AT_EMPTY_PATH = 0x1000
UTIME_NOW, UTIME_OMIT = 2**30 - 1, 2**30 - 2
STATX_BTIME = 0x800
CLOCK_REALTIME_COARSE = 5

# One number on all architectures (asm-generic/unistd.h).
SYS_FSOPEN, SYS_FSCONFIG, SYS_FSMOUNT, SYS_FSPICK = 430, 431, 432, 433
SYS_MOUNT_SETATTR = 442

_libc = ctypes.CDLL(None, use_errno=True)


class Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class StatxTime(ctypes.Structure):
    _fields_ = (
        ("seconds", ctypes.c_int64),
        ("nanoseconds", ctypes.c_uint32),
        ("reserved", ctypes.c_int32),
    )


class Statx(ctypes.Structure):
    """struct statx of linux/stat.h, up to the time of birth."""

    _fields_ = (
        ("mask", ctypes.c_uint32),
        ("blksize", ctypes.c_uint32),
        ("attributes", ctypes.c_uint64),
        ("nlink", ctypes.c_uint32),
        ("uid", ctypes.c_uint32),
        ("gid", ctypes.c_uint32),
        ("mode", ctypes.c_uint16),
        ("spare", ctypes.c_uint16),
        ("ino", ctypes.c_uint64),
        ("size", ctypes.c_uint64),
        ("blocks", ctypes.c_uint64),
        ("attributes_mask", ctypes.c_uint64),
        ("atime", StatxTime),
        ("btime", StatxTime),
        ("rest", ctypes.c_uint8 * 160),
    )


def _function(name: str, *types: object, result: object = None) -> Callable[..., int]:
    """A function of the C library whose result of -1 raises the errno."""
    function = getattr(_libc, name)
    if types:  # otherwise what it takes differs from call to call
        function.argtypes = types
    function.restype = result or ctypes.c_int

    def call(*arguments: object) -> int:
        value: int = function(*arguments)
        if value == -1:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return value

    return call


_int, _text, _pointer = ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p

access = _function("access", _text, _int)
linkat = _function("linkat", _int, _text, _int, _text, _int)
renameat2 = _function("renameat2", _int, _text, _int, _text, ctypes.c_uint)
fallocate = _function("fallocate", _int, _int, ctypes.c_int64, ctypes.c_int64)
utimensat = _function("utimensat", _int, _text, ctypes.POINTER(Timespec * 2), _int)
futimens = _function("futimens", _int, ctypes.POINTER(Timespec * 2))
statx = _function("statx", _int, _text, _int, ctypes.c_uint, ctypes.POINTER(Statx))
getdents64 = _function(
    "getdents64", _int, _pointer, ctypes.c_size_t, result=ctypes.c_ssize_t
)
getxattr = _function(
    "getxattr", _text, _text, _pointer, ctypes.c_size_t, result=ctypes.c_ssize_t
)
listxattr = _function(
    "listxattr", _text, _pointer, ctypes.c_size_t, result=ctypes.c_ssize_t
)
name_to_handle_at = _function(
    "name_to_handle_at", _int, _text, _pointer, _pointer, _int
)
open_by_handle_at = _function("open_by_handle_at", _int, _text, _int)
syscall = _function("syscall", result=ctypes.c_long)
