"""Looks at the process table: who belongs to a command, and whether all are gone.

The programs of a test are found by a variable in their environment, which no fork
and no new session takes away.
"""

import contextlib
import os
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

PATIENCE = 2.0
POLL_INTERVAL = 0.01


class Mark:
    """A variable for the environment of programs that are to be found again."""

    def __init__(self) -> None:
        self.variables = {"DEVDEV_TEST_MARK": uuid.uuid4().hex}
        ((name, value),) = self.variables.items()
        self._entry = f"{name}={value}".encode()

    def pids(self) -> list[int]:
        """The live processes that carry it."""
        return [pid for pid in all_pids() if self._entry in environment(pid)]

    def wait_for(self, count: int) -> list[int]:
        """Wait until that many live processes carry it."""
        wait_until(lambda: len(self.pids()) >= count, f"{count} marked processes")
        return self.pids()


def all_pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def environment(pid: int) -> list[bytes]:
    """The environment of a process; empty once it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return []


def parent(pid: int) -> int:
    with contextlib.suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        return int(stat[stat.rindex(b")") + 2 :].split()[1])
    return 0


def children(pid: int) -> list[int]:
    return [each for each in all_pids() if parent(each) == pid]


def is_alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    with contextlib.suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        return stat[stat.rindex(b")") + 2 :][:1] not in (b"Z", b"X")
    return False


def helper_of(owner: int) -> int:
    """The helper process of the one launcher that a process has."""
    (helper,) = (
        pid
        for pid in children(owner)
        if b"devdev_exec._helper" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
    return helper


def open_descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def wait_until(
    condition: Callable[[], bool], what: str, patience: float = PATIENCE
) -> None:
    """Poll a condition; fail if it does not come true in time."""
    deadline = time.monotonic() + patience
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"not within {patience} s: {what}"
        pause.wait(POLL_INTERVAL)
