"""Finds what a test left behind: mounts, directories, processes, threads, descriptors.

Everything found belongs to this run of the tests: its mounts and directories lie
below `roots`, and its processes are children of this one or have its TMPDIR.
"""

import contextlib
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FSTYPE = "fuse.devdev"
PATIENCE = 3.0  # a watcher process has two seconds to clear away after its owner
POLL_INTERVAL = 0.02
TOOL_TIMEOUT = 5.0
RESOURCE_TARGETS = ("/dev/fuse", "/dev/pt", "socket:", "pipe:", "anon_inode:")


class Mount(NamedTuple):
    """One line of the mount table."""

    path: str
    connection: str
    """The number of its FUSE connection: the minor device number."""


def find_leftovers(roots: tuple[Path, ...]) -> set[str]:
    """What is there now, one line of text each."""
    return {
        *(f"mount {mount.path}" for mount in find_mounts(roots)),
        *(f"directory {path}" for root in roots for path in root.glob("devdev-*")),
        *(f"process {process}" for process in find_processes(roots)),
        *(f"thread {thread}" for thread in find_threads()),
        *(f"descriptor {descriptor}" for descriptor in find_descriptors()),
    }


def wait_for_none_beyond(before: set[str], roots: tuple[Path, ...]) -> set[str]:
    """What is left beyond `before` after giving it a moment to go away."""
    deadline = time.monotonic() + PATIENCE
    pause = threading.Event()
    while left := find_leftovers(roots) - before:
        if time.monotonic() > deadline:
            break
        pause.wait(POLL_INTERVAL)
    return left


def find_mounts(roots: tuple[Path, ...]) -> Iterator[Mount]:
    """The devdev mounts below `roots`; looks at none of them, so it cannot hang."""
    with contextlib.suppress(FileNotFoundError):  # not Linux
        for line in Path("/proc/self/mountinfo").read_bytes().splitlines():
            fields, _, options = line.partition(b" - ")
            _, _, device, _, escaped, *_ = fields.split()
            path = os.fsdecode(unescape(escaped))
            if options.split()[0].decode() == FSTYPE and any(
                Path(path).is_relative_to(root) for root in roots
            ):
                yield Mount(path, device.decode().partition(":")[2])


def unescape(path: bytes) -> bytes:
    r"""Undo the mount table's escapes: \040 for a space and the like."""
    head, *parts = path.split(b"\\")
    return head + b"".join(bytes([int(part[:3], 8)]) + part[3:] for part in parts)


def find_processes(roots: tuple[Path, ...]) -> Iterator[str]:
    """The children of this process, and what runs with a TMPDIR among `roots`."""
    markers = [b"TMPDIR=" + os.fsencode(root) for root in roots]
    for entry in Path("/proc").glob("[0-9]*"):
        if entry.name == str(os.getpid()):
            continue
        with contextlib.suppress(OSError):  # it has just ended
            stat = (entry / "stat").read_bytes()
            state, parent = stat[stat.rindex(b")") + 2 :].split()[:2]
            is_child = int(parent) == os.getpid()
            if is_child or has_environment(entry, markers):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                # Any other state changes from one look to the next.
                zombie = "(zombie) " if state == b"Z" else ""
                yield f"{entry.name} {zombie}{os.fsdecode(command)}"


def has_environment(entry: Path, markers: list[bytes]) -> bool:
    """Whether a process of ours was started with one of the variables `markers`."""
    with contextlib.suppress(PermissionError):  # somebody else's
        variables = (entry / "environ").read_bytes().split(b"\0")
        return any(marker in variables for marker in markers)
    return False


def find_threads() -> Iterator[str]:
    """The threads of this process, without the timers that bound each test."""
    for thread in threading.enumerate():
        if not thread.name.startswith("pytest_timeout "):
            yield f"{thread.name} {thread.ident}"


def find_descriptors() -> Iterator[str]:
    """The descriptors of this process that hold something of the kernel's."""
    with contextlib.suppress(FileNotFoundError):  # not Linux
        for fd in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):  # the one that lists
                target = os.readlink(f"/proc/self/fd/{fd}")
                if target.startswith(RESOURCE_TARGETS):
                    yield f"{fd} -> {target}"


def detach_mounts(roots: tuple[Path, ...]) -> None:
    """Abort and detach every devdev mount below `roots`, whatever state it is in.

    What is detached first can no longer be aborted by its path, so force comes first.
    """
    helper = shutil.which("fusermount3") or shutil.which("fusermount")
    commands = [["umount", "-f", "-l"], *([[helper, "-u", "-z"]] if helper else [])]
    for mount in list(find_mounts(roots)):
        with contextlib.suppress(OSError):  # gone already, or fusectl is not mounted
            Path(f"/sys/fs/fuse/connections/{mount.connection}/abort").write_text("1")
        for command in commands:
            subprocess.run(
                [*command, "--", mount.path],
                stderr=subprocess.DEVNULL,
                timeout=TOOL_TIMEOUT,
                check=False,
            )
