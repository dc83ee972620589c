"""Ends every process below this one, in bounded steps.

A step has a time and signals. It sends them when it begins, to every descendant;
the last but one sends SIGKILL again and again, because processes may be forked
while others are looked for.
"""

import sys

if sys.platform != "linux":
    raise ImportError("only the helper loads this, and it runs on Linux only")

import math
import os
import signal
from enum import IntEnum

from devdev_exec._processes import descendants, send_signals
from devdev_exec._timeouts import KILL_TIMEOUT, SETTLE_TIMEOUT, TERMINATE_TIMEOUT

_KILL_INTERVAL = 0.01


class Step(IntEnum):
    """How far the end has come."""

    NONE = 0
    SETTLE = 1
    TERMINATE = 2
    KILL = 3
    GIVE_UP = 4


_STEPS: dict[Step, tuple[float, tuple[int, ...]]] = {
    Step.NONE: (math.inf, ()),
    Step.SETTLE: (SETTLE_TIMEOUT, ()),
    # A stopped process handles SIGTERM once it is continued.
    Step.TERMINATE: (TERMINATE_TIMEOUT, (signal.SIGTERM, signal.SIGCONT)),
    Step.KILL: (KILL_TIMEOUT, (signal.SIGKILL,)),
    Step.GIVE_UP: (math.inf, ()),
}


class Teardown:
    """The way from a running tree of processes to none; it only goes forward."""

    def __init__(self) -> None:
        self.step = Step.NONE
        self._step_end = math.inf

    def begin(self, step: Step, now: float) -> None:
        """Enter `step`, unless the end has come as far already."""
        if step <= self.step:
            return
        seconds, signals = _STEPS[step]
        self.step = step
        self._step_end = now + seconds
        if signals:
            send_signals(descendants(os.getpid()), signals)

    def advance(self, now: float) -> None:
        """Do what is due."""
        if now >= self._step_end:
            self.begin(Step(self.step + 1), now)
        elif self.step is Step.KILL:
            send_signals(descendants(os.getpid()), (signal.SIGKILL,))

    def due_in(self, now: float) -> float:
        """Return in how many seconds `advance` has something to do."""
        if self.step is Step.KILL:
            return _KILL_INTERVAL
        return self._step_end - now
