"""Processes that a call has in a thread: they end with it, also when it is abandoned.

A thread cannot be interrupted while it waits for a process, so whoever gives the call
up kills the process, and the thread finds it dead.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock


class _Owned:
    def __init__(self) -> None:
        self._lock = Lock()
        self._is_over = False
        self._processes: list[subprocess.Popen[bytes]] = []

    def add(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._processes.append(process)
            if self._is_over:
                process.kill()

    def kill(self) -> None:
        with self._lock:
            self._is_over = True
            for process in self._processes:
                process.kill()  # nothing, if its end has been waited for


_OWNED: ContextVar[_Owned] = ContextVar("devdev_owned")


@contextmanager
def owning() -> Iterator[None]:
    """Kill what is given to `own` inside, also in threads that go on behind the end."""
    owned = _Owned()
    token = _OWNED.set(owned)
    try:
        yield
    finally:
        _OWNED.reset(token)
        owned.kill()


def own(process: subprocess.Popen[bytes]) -> None:
    """Have the call around kill a process at its end; at once, if it has ended."""
    _OWNED.get().add(process)
