"""How much memory the processes below this one hold, looked at now and then (Linux)."""

import sys

if sys.platform != "linux":
    raise ImportError("only the helper loads this, and it runs on Linux only")

import os

from devdev_exec._processes import descendants

_FIRST = 0.05  # seconds; what ends before that is measured by getrusage(2) alone
_GROWTH = 1.25
_LONGEST = 5.0

_PAGE = os.sysconf("SC_PAGESIZE")


class PeakMemory:
    """The largest sum of resident sets that was seen, in bytes.

    The intervals between looks grow with the age of the tree, so that one that goes on
    for long costs nothing.
    """

    def __init__(self, now: float) -> None:
        self.peak = 0
        self._interval = _FIRST
        self._next = now + _FIRST

    def due_in(self, now: float) -> float:
        """Return in how many seconds to look again."""
        return self._next - now

    def look(self, now: float) -> None:
        """Look if that is due."""
        if now < self._next:
            return
        self.peak = max(self.peak, sum(map(_resident, descendants(os.getpid()))))
        self._interval = min(self._interval * _GROWTH, _LONGEST)
        self._next = now + self._interval


def _resident(pid: int) -> int:
    """Return the resident set of a process: second in proc_pid_statm(5)."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except OSError:  # it has just ended
        return 0
