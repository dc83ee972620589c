"""Waiting for the next request: at first without sleeping, where that pays."""

import sys

if sys.platform == "win32":
    raise ImportError("mounts are for POSIX hosts")

import os
import select
import time
from threading import Lock

from devdev_mount._awake import Awake

SLEEPS_MAX = 16
"""Waits that sleep at once, at most, before the next one that polls at first."""


class Waiting:
    """Waits until a descriptor can be read, or until it is told to end.

    Args:
        fd: the descriptor.
        spin_s: how long to poll before sleeping.
    """

    def __init__(self, fd: int, spin_s: float) -> None:
        self._wake, self._waker = os.pipe()
        os.set_blocking(self._waker, False)
        self._closing = Lock()
        self._is_open = True
        # On one processor it would be taken from who is to ask next.
        self._spin_s = spin_s if _processors() > 1 else 0.0
        self._awake = Awake() if self._spin_s else None
        self._sleeps = 0
        self._sleeps_next = 1
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)

    def wait(self) -> bool:
        """Wait; False when told to end.

        Being woken up takes longer than most requests do. But after polling in vain
        the next waits are sleeps, and the more of them the more often it was.
        """
        ready = [] if self._sleeps or not self._spin_s else self._spin()
        if self._awake is not None:
            self._awake.wish(bool(ready))
        if not ready:
            self._sleeps = max(self._sleeps - 1, 0)
            ready = self._poll.poll()
        return all(fd != self._wake for fd, _ in ready)

    def _spin(self) -> list[tuple[int, int]]:
        """Poll for as long as that may pay; what is ready."""
        deadline = time.perf_counter() + self._spin_s
        ready = self._poll.poll(0)
        while not ready and time.perf_counter() < deadline:
            ready = self._poll.poll(0)
        self._sleeps_next = 1 if ready else min(2 * self._sleeps_next, SLEEPS_MAX)
        self._sleeps = 0 if ready else self._sleeps_next
        return ready

    def end(self) -> None:
        """Make `wait` return False, from another thread; closed, it does nothing."""
        with self._closing:
            if self._is_open:
                os.write(self._waker, b".")

    def close(self) -> None:
        """Release what it holds."""
        with self._closing:
            self.drop()

    def drop(self) -> None:
        """Release it in a forked child, where whoever had the lock is not."""
        self._is_open = False
        if self._awake is not None:
            self._awake.close()
        os.close(self._wake)
        os.close(self._waker)


def _processors() -> int:
    """How many processors this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
