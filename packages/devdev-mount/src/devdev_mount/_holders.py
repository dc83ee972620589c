"""Who uses a mount: what of it processes hold, as far as /proc tells this user."""

import sys

if sys.platform != "linux":
    raise ImportError("FUSE mounts are for Linux")

import contextlib
import os
from collections.abc import Container, Iterator

from devdev_mount._detach import run_bounded
from devdev_mount._status import Holder

SCAN_TIMEOUT = 3.0
"""For all processes; what the kernel tells of one that hangs can hang too."""


def scan(mountpoint: str, left_out: Container[int]) -> list[Holder]:
    """One thing that each process holds there; the mount itself is not looked at."""
    found: list[Holder] = []

    def look() -> None:
        for name in os.listdir("/proc"):
            if name.isdecimal() and int(name) not in left_out:
                found.extend(_holder(int(name), mountpoint))

    run_bounded(look, SCAN_TIMEOUT)
    return [*found]


def _holder(pid: int, mountpoint: str) -> Iterator[Holder]:
    with contextlib.suppress(OSError):  # it has ended, or is another user's
        for path in _held(f"/proc/{pid}"):
            if path == mountpoint or path.startswith(f"{mountpoint}/"):
                with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                    program = file.read().rstrip("\n")
                yield Holder(pid=pid, program=program, path=path)
                return


def _held(process: str) -> Iterator[str]:
    """The directories, files and programs that a process holds."""
    for name in ("cwd", "root", "exe"):
        with contextlib.suppress(FileNotFoundError):  # a kernel thread has none
            yield os.readlink(f"{process}/{name}")
    for fd in os.listdir(f"{process}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            yield os.readlink(f"{process}/fd/{fd}")
    with open(f"{process}/maps", encoding="utf-8", errors="surrogateescape") as maps:
        for line in maps:
            _, slash, path = line.rstrip("\n").partition("/")
            yield slash + path.replace("\\012", "\n")
