"""Processes below this one: who they are, and that none escapes (Linux).

A process that has called `adopt_orphans` is the parent of every descendant whose
own parent has ended, so that leaving a session or forking twice leads nowhere.
"""

import sys

if sys.platform != "linux":
    raise ImportError("only the helper loads this, and it runs on Linux only")

import contextlib
import ctypes
import os
import signal
from collections.abc import Iterable

# include/uapi/linux/prctl.h
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

libc = ctypes.CDLL(None, use_errno=True)


def adopt_orphans() -> None:
    """Make this process the child subreaper of its descendants; see prctl(2)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> None:
    """Have this process killed when `parent`, its parent, ends.

    It survives execve(2), but not that of a program that changes its identity.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the call
        os.kill(os.getpid(), signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if libc.prctl(option, value, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl({option}): {os.strerror(code)}")


def children(pid: int) -> list[int]:
    """Return the children of a process; none if it is gone.

    proc_pid_task_children(5) may miss some while processes come and go: who
    needs them all asks until waitpid(2) says that there is none.
    """
    found: list[int] = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found += map(int, file.read().split())
    return found


def descendants(pid: int) -> list[int]:
    """Return the children of a process and theirs, to the last."""
    found = children(pid)
    for each in found:  # grows as it goes
        found += children(each)
    return found


def send_signals(pids: Iterable[int], signals: Iterable[int]) -> None:
    """Send each signal to each process; those gone or out of reach are passed over."""
    for pid in pids:
        for number in signals:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)


class SignalPipe:
    """Signals as bytes on a descriptor that poll(2) can wait for.

    There is one at a time in a process: a later one takes the signals over.
    """

    def __init__(self, signals: Iterable[int]) -> None:
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in signals:
            # Only a signal with a handler is written to the descriptor.
            signal.signal(number, lambda number, frame: None)

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._reader

    def read(self) -> set[int]:
        """Return the signals that have come since the last call."""
        try:
            return set(os.read(self._reader, 4096))
        except BlockingIOError:
            return set()

    def close(self) -> None:
        """Free the descriptors; the handlers stay."""
        os.close(self._reader)
        os.close(self._writer)
