"""System calls that Python has no function for (Linux).

It is loaded by the process that contains a program, which has to start quickly.
"""

import sys

if sys.platform != "linux":
    raise ImportError("containment is for Linux only")

import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)

Argument = int | ctypes.c_void_p | ctypes.Array[ctypes.c_char] | None


def syscall(what: str, number: int, *arguments: Argument) -> int:
    """Make a system call, by number.

    Raises:
        OSError: it failed; `what` says at what.
    """
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(what, _libc.syscall(ctypes.c_long(number), *wide))


def prctl(what: str, option: int, *arguments: int) -> int:
    """Call prctl(2).

    Raises:
        OSError: it failed; `what` says at what.
    """
    padded = (*arguments, 0, 0, 0, 0)[:4]
    return _checked(what, _libc.prctl(option, *padded))


def capset(header: bytes, data: bytes) -> None:
    """Call capset(2).

    Raises:
        OSError: it failed.
    """
    _checked("dropping capabilities", _libc.capset(header, data))


def _checked(what: str, result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result
