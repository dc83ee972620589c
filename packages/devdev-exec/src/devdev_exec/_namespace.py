"""A mount namespace of a program's own, in which a directory is another one.

The child that is about to be the program does this to itself. Root makes the
namespace; others make a user namespace first, in which only they themselves are
mapped, to the same numbers.
"""

import sys

if sys.platform != "linux":
    raise ImportError("only the helper loads this, and it runs on Linux only")

import ctypes
import errno
import os

from devdev_exec._processes import libc

_CLONE_NEWNS = 0x20000  # include/uapi/linux/sched.h
_CLONE_NEWUSER = 0x10000000
_MS_BIND = 1 << 12  # include/uapi/linux/mount.h
_MS_REC = 1 << 14
_MS_SLAVE = 1 << 19


def show_at(source: str, target: str) -> None:
    """Have `source` at `target`, for this process and all that it starts.

    Raises:
        OSError: that is not permitted here (EPERM), or one of them is no directory.
    """
    _unshare()
    # What is unmounted outside is unmounted here too, and nothing the other way.
    _call(libc.mount(None, b"/", None, ctypes.c_ulong(_MS_REC | _MS_SLAVE), None))
    ends = os.fsencode(source), os.fsencode(target)
    _call(libc.mount(*ends, None, ctypes.c_ulong(_MS_BIND | _MS_REC), None))


def _unshare() -> None:
    uid, gid = os.geteuid(), os.getegid()
    try:
        _call(libc.unshare(_CLONE_NEWNS))
    except OSError as error:
        if error.errno != errno.EPERM:
            raise
        _call(libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS))
        # user_namespaces(7): without this an ordinary user may not map a group.
        _write("setgroups", "deny")
        _write("uid_map", f"{uid} {uid} 1")
        _write("gid_map", f"{gid} {gid} 1")


def _call(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _write(name: str, text: str) -> None:
    with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
        file.write(text)
