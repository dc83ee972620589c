"""Waiting for processes and conditions, with a deadline."""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event


def is_gone(pid: int) -> bool:
    """Whether the process ended; one that waits to be reaped has."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        stat = Path(f"/proc/{pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "Z"
    return True


def wait_until(condition: Callable[[], bool], what: str, timeout: float = 5.0) -> None:
    """Poll until `condition` holds.

    Raises:
        AssertionError: it does not in time.
    """
    deadline = time.monotonic() + timeout
    pause = Event()
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout} s for {what}"
        pause.wait(0.01)


def is_listed(path: Path) -> bool:
    """Whether there is such a name; what it names is not looked at, and may hang."""
    return path.name in os.listdir(path.parent)
