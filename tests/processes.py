"""Finds processes, and waits for them and for conditions, with a deadline."""

import contextlib
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from threading import Event

from tests.leaks import has_environment

POLL_INTERVAL = 0.01
END_TIMEOUT = 2.0
"""What is promised: so long after whatever ended, nothing of it is left."""


def wait_until(condition: Callable[[], bool], what: str, timeout: float = 5.0) -> None:
    """Poll until `condition` holds.

    Raises:
        AssertionError: it does not in time.
    """
    deadline = time.monotonic() + timeout
    pause = Event()
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout} s for {what}"
        pause.wait(POLL_INTERVAL)


def is_listed(path: Path) -> bool:
    """Whether there is such a name; what it names is not looked at, and may hang."""
    return path.name in os.listdir(path.parent)


class Mark:
    """A variable for the environment of programs that are to be found again.

    No fork and no new session takes it away.
    """

    def __init__(self) -> None:
        self._value = uuid.uuid4().hex
        self.variables = {"DEVDEV_TEST_MARK": self._value}

    def pids(self) -> list[int]:
        """The live processes that carry it."""
        return pids_with("DEVDEV_TEST_MARK", self._value)

    def wait_for(self, count: int) -> list[int]:
        """Wait until that many live processes carry it."""
        wait_until(lambda: len(self.pids()) >= count, f"{count} marked processes")
        return self.pids()

    def wait_for_none(self) -> None:
        """Wait until no live process carries it."""
        wait_until(lambda: not self.pids(), "the end of what is marked", END_TIMEOUT)


def all_pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def pids_with(name: str, value: str) -> list[int]:
    """The live processes that have a variable in their environment."""
    variable = f"{name}={value}".encode()
    found = []
    for pid in all_pids():
        with contextlib.suppress(OSError):  # it has just ended
            if has_environment(Path(f"/proc/{pid}"), [variable]):
                found.append(pid)
    return found


def command_of(pid: int) -> str:
    """The program of a process and its arguments; empty once it has ended."""
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
        return words.replace("\0", " ")
    return ""


def status_of(pid: int) -> list[str]:
    """What proc(5) says of a process from its state on; empty if there is none."""
    with contextlib.suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        return stat.rpartition(")")[2].split()
    return []


def is_gone(pid: int) -> bool:
    """Whether the process ended; one that waits to be reaped has."""
    status = status_of(pid)
    return not status or status[0] in "ZX"


def children(pid: int) -> list[int]:
    return [each for each in all_pids() if status_of(each)[1:2] == [str(pid)]]


def helper_of(owner: int) -> int:
    """The helper of the one launcher that a process has, as soon as there is one.

    One that was started is not a helper before it is another program, and one that was
    killed may still be there.
    """

    def helpers() -> list[int]:
        is_helper = "devdev_exec._helper"
        return [pid for pid in children(owner) if is_helper in command_of(pid)]

    wait_until(lambda: len(helpers()) == 1, "the one helper of the launcher")
    (helper,) = helpers()
    return helper


def open_descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))
