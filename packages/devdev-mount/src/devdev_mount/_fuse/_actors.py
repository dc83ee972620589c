"""Whose a request is: the span of changes that the asking process belongs to.

The kernel names a thread. It belongs to a span if its process, or one that this one
descends from, is registered for the span; or if its environment has the span's mark,
which helps where a process's parent ended and ancestry leads elsewhere. What was
found is remembered, since parents end. What is not known belongs to no span.
"""

import sys

if sys.platform != "linux":
    raise ImportError("the fuse driver is for Linux")

import errno
import time
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from devdev_mount._driver import span_environment
from devdev_mount._fuse import _abi
from devdev_mount._fuse._abi import Opcode
from devdev_mount._fuse._request import Request

KNOWN_MAX = 4096
"""Threads that are remembered, the longest known being forgotten first."""
WRITERS_MAX = 4096
"""Files whose last writer is remembered."""
TRUST_S = 1.0
"""How long a thread's number is taken for the same thread's, in seconds: Linux gives
numbers in turn, and needs longer than that to come round."""
ANCESTORS_MAX = 100

_PROC = Path("/proc")


class _Known(NamedTuple):
    """A thread that was seen."""

    span: int
    started: int
    """When the thread was started, which tells it from another of its number."""
    seen: float


class _Root(NamedTuple):
    """A process that is registered."""

    span: int
    started: int


class Actors:
    """The processes that belong to spans.

    Args:
        mountpoint: tells the marks of this mount from those of others.
    """

    def __init__(self, mountpoint: str) -> None:
        self._mountpoint = mountpoint
        self._lock = Lock()
        self._roots: dict[int, _Root] = {}
        self._known: dict[int, _Known] = {}
        self._writers: dict[int, int] = {}

    def attribute(self, pid: int, span: int) -> None:
        """Register a process with all that descend from it; span 0 takes it back.

        Raises:
            ProcessLookupError: there is no such process.
        """
        started = _start_time(pid)
        if span and started is None:
            raise ProcessLookupError(errno.ESRCH, f"there is no process {pid}")
        with self._lock:
            gone = self._roots.pop(pid, None)
            self._known.pop(pid, None)
            if span and started is not None:
                self._roots[pid] = _Root(span, started)
            ended = {0} if gone is None else {0, gone.span}
            ended -= {root.span for root in self._roots.values()}
            for tid, known in [*self._known.items()]:
                if known.span in ended:
                    del self._known[tid]

    def environment(self, span: int) -> dict[str, str]:
        """What marks a program as the span's while any process is registered for it."""
        return span_environment(span, self._mountpoint)

    # --- requests ----------------------------------------------------------------

    def see(self, tid: int) -> int:
        """The span of a thread, remembered from its first request on; 0 for none."""
        if not self._roots or not tid:
            return 0
        known = self._known.get(tid)
        now = time.monotonic()
        if known is not None and now - known.seen < TRUST_S:
            return known.span
        with self._lock:
            return self._look_at(tid, now)

    def span_of(self, request: Request) -> int:
        """The span that a change belongs to.

        Pages of a mapping that are written back are the last known writer's.
        """
        if not self._roots:
            return 0
        if request.opcode == Opcode.WRITE:
            *_, flags, _ = _abi.WRITE_IN.unpack_from(request.body)
            if flags & _abi.FUSE_WRITE_CACHE:
                return self._last_writer(request.nodeid)
        span = self.see(request.pid)
        if _is_content_changed(request):
            self._remember_writer(request.nodeid, span)
        return span

    def _last_writer(self, nodeid: int) -> int:
        span = self._writers.get(nodeid, 0)
        is_active = any(root.span == span for root in self._roots.values())
        return span if is_active else 0

    def _remember_writer(self, nodeid: int, span: int) -> None:
        self._writers.pop(nodeid, None)
        if span:
            self._writers[nodeid] = span
            if len(self._writers) > WRITERS_MAX:
                del self._writers[next(iter(self._writers))]

    # --- processes ---------------------------------------------------------------

    def _look_at(self, tid: int, now: float) -> int:
        started = _start_time(tid)
        if started is None:  # it ended, or this process may not see it
            return 0
        known = self._known.pop(tid, None)
        if known is not None and known.started == started:
            span = known.span
        else:
            span = self._trace(tid)
        self._known[tid] = _Known(span, started, now)
        if len(self._known) > KNOWN_MAX:
            del self._known[next(iter(self._known))]
        return span

    def _trace(self, tid: int) -> int:
        """The span of the nearest ancestor that has one, otherwise by the mark."""
        family = _family(tid)
        if family is None:
            return 0
        process, parent = family
        pid = process
        for _ in range(ANCESTORS_MAX):
            span = self._span_of_process(pid)
            if span:
                return span
            family = _family(parent)
            if family is None:
                break
            pid, parent = family
        return self._span_by_mark(process)

    def _span_of_process(self, pid: int) -> int:
        """The span that a process itself was registered for or is known to have."""
        for found in (self._roots.get(pid), self._known.get(pid)):
            if found is not None and found.span and found.started == _start_time(pid):
                return found.span
        return 0

    def _span_by_mark(self, pid: int) -> int:
        try:
            environment = (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
        except OSError:
            return 0
        for span in {root.span for root in self._roots.values()}:
            ((name, value),) = self.environment(span).items()
            if f"{name}={value}".encode(errors="surrogateescape") in environment:
                return span
        return 0


def _is_content_changed(request: Request) -> bool:
    """Whether who asks is a file's writer from now on."""
    if request.opcode == Opcode.SETATTR:
        valid, *_ = _abi.SETATTR_IN.unpack_from(request.body)
        return bool(valid & _abi.FATTR_SIZE)
    return request.opcode in (Opcode.WRITE, Opcode.FALLOCATE)


def _start_time(tid: int) -> int | None:
    """When a thread was started, in ticks since boot; None if there is none (proc(5)).

    The program's name, which can be anything, is in parentheses.
    """
    try:
        stat = (_PROC / str(tid) / "stat").read_bytes()
    except OSError:
        return None
    return int(stat[stat.rindex(b")") + 2 :].split()[19])


def _family(tid: int) -> tuple[int, int] | None:
    """The process that a thread is of, and this one's parent; None without."""
    if not tid:
        return None
    try:
        status = (_PROC / str(tid) / "status").read_bytes()
    except OSError:
        return None
    fields = dict(
        line.split(b":\t", 1) for line in status.splitlines() if b":\t" in line
    )
    return int(fields[b"Tgid"]), int(fields[b"PPid"])
