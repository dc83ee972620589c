"""Finding FUSE mounts and ending them, whatever state their server is in.

A mount is found in the mount table by its source, which is unique; the mount
itself is never looked at, since that can wait for its server for ever. Only the
standard library is used: the watcher process loads this module by itself.
"""

import sys

if sys.platform != "linux":
    raise ImportError("FUSE mounts are for Linux")

import contextlib
import ctypes
import errno
import os
import subprocess
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

FSTYPE = "fuse.devdev"

BUSY_TIMEOUT = 0.5  # for programs that are just letting go of the mount
BUSY_INTERVAL = 0.01
CALL_TIMEOUT = 2.0  # for one unmount: it writes dirty pages back, through the server

MNT_FORCE = 1
MNT_DETACH = 2
UMOUNT_NOFOLLOW = 8

_MOUNT_TABLE = "/proc/self/mountinfo"
_ABORT = "/sys/fs/fuse/connections/{}/abort"


class MountEntry(NamedTuple):
    """One line of the mount table."""

    number: int
    parent: int
    """The number of the mount that this one lies in."""
    mountpoint: str
    source: str
    fstype: str
    connection: int
    """The number of a FUSE mount's connection: the minor number of its device."""


def mount_table() -> list[MountEntry]:
    """What is mounted in this mount namespace, in the order of mounting."""
    with open(_MOUNT_TABLE, "rb") as table:
        return [_parse(line) for line in table]


def _parse(line: bytes) -> MountEntry:
    """Read one line of proc(5)'s mountinfo."""
    place, _, what = line.partition(b" - ")
    number, parent, device, _, mountpoint, *_ = place.split(b" ")
    fstype, source, *_ = what.split(b" ")
    return MountEntry(
        int(number),
        int(parent),
        os.fsdecode(_unescape(mountpoint)),
        os.fsdecode(_unescape(source)),
        fstype.decode(),
        int(device.partition(b":")[2]),
    )


def _unescape(field: bytes) -> bytes:
    r"""Undo the table's escapes: \040 for a space, \011, \012, \134."""
    head, *parts = field.split(b"\\")
    return head + b"".join(bytes([int(part[:3], 8)]) + part[3:] for part in parts)


def find_mounts(source: str) -> list[MountEntry]:
    """The mounts of `source`: one, or more where it was bound to other places."""
    return [mount for mount in mount_table() if mount.source == source]


def run_bounded(function: Callable[[], object], timeout: float) -> bool:
    """Run what may hang in the kernel on a thread; whether it ended in time.

    That it failed is no matter here: the caller looks at the outcome.
    """

    def run() -> None:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            function()

    thread = threading.Thread(target=run, name="devdev-bounded", daemon=True)
    thread.start()
    thread.join(timeout)
    return not thread.is_alive()


def unmount(source: str, helper: str | None) -> bool:
    """Take `source` out of the tree as soon as nobody uses it; whether it is out.

    Gives up when it is still in use after `BUSY_TIMEOUT`, or its server hangs.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT
    while find_mounts(source):
        if not _unmount_each(source, 0, helper) or time.monotonic() > deadline:
            return not find_mounts(source)
        if find_mounts(source):
            time.sleep(BUSY_INTERVAL)
    return True


def force_unmount(source: str, helper: str | None) -> None:
    """Abort the connection of `source` and detach it lazily.

    Whoever still uses it gets ENOTCONN. MNT_FORCE aborts too, but takes a right that
    root of a user namespace has not (Linux's fs/namespace.c:can_umount).
    """
    for mount in find_mounts(source):
        path = _ABORT.format(mount.connection)
        # It is not there where fusectl is not mounted.
        with contextlib.suppress(OSError), open(path, "w") as file:
            file.write("1")
    for flags in (MNT_FORCE | MNT_DETACH, MNT_DETACH):
        _unmount_each(source, flags, helper)


def _unmount_each(source: str, flags: int, helper: str | None) -> bool:
    """Try to unmount each mount of `source`; False if one attempt hangs.

    What another mount covers is left alone: its path now means the other.
    """
    covered = {(mount.parent, mount.mountpoint) for mount in mount_table()}
    return all(
        run_bounded(partial(_unmount, mount.mountpoint, flags, helper), CALL_TIMEOUT)
        for mount in reversed(find_mounts(source))
        if (mount.number, mount.mountpoint) not in covered
    )


def _unmount(mountpoint: str, flags: int, helper: str | None) -> None:
    """Unmount by umount2(2), or by the helper for whom that is not permitted."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.umount2(os.fsencode(mountpoint), flags | UMOUNT_NOFOLLOW) == 0:
        return
    error = ctypes.get_errno()
    if error != errno.EPERM or helper is None:
        raise OSError(error, os.strerror(error), mountpoint)
    lazy = ["-z"] if flags & MNT_DETACH else []
    subprocess.run(
        [helper, "-u", *lazy, "--", mountpoint],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=CALL_TIMEOUT,
        check=False,
    )
