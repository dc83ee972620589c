"""Two threads for any number of programs that go on.

One moves their bytes, and never waits for anything else. The other does what is to be
done at their ends, which may take a while.
"""

import contextlib
import math
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Lock, Thread

from devdev_exec._link import Link
from devdev_exec._timeouts import LONGEST_WAIT

_READ = selectors.EVENT_READ
_WRITE = selectors.EVENT_WRITE

OnEnd = Callable[[Link], object]
"""Is called when a link has come to its end."""


class Multiplexer:
    """Serves links until each has come to its end, or this is closed.

    Any thread may call any method.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._waker, self._woken = socket.socketpair()
        for end in (self._waker, self._woken):
            end.setblocking(False)
        self._selector.register(self._woken, _READ)
        self._lock = Lock()
        self._jobs: deque[Callable[[], None]] = deque()
        self._links: dict[Link, OnEnd] = {}
        self._stops_at = math.inf
        self._has_ended = False
        self._enders = ThreadPoolExecutor(1, "devdev-session-ends")
        self._thread = Thread(target=self._run, name="devdev-sessions", daemon=True)
        self._thread.start()

    def add(self, link: Link, on_end: OnEnd) -> None:
        """Serve one more."""
        link.wants_to_write = self._wants_to_write
        self._call(partial(self._add, link, on_end))

    def release(self, link: Link) -> None:
        """Close a link; if it has not come to its end, that is its end."""
        if not self._call(partial(self._release, link)):
            link.close()

    def close(self, timeout: float) -> None:
        """Serve on until all have come to their ends, or take them as ended."""
        self._call(partial(self._stop, time.monotonic() + timeout))
        self._thread.join()
        self._enders.shutdown()

    def _wants_to_write(self, link: Link) -> None:
        self._call(partial(self._watch, link, _READ | _WRITE))

    def _call(self, job: Callable[[], None]) -> bool:
        """Have something done in the thread; False if it has ended."""
        with self._lock:
            if self._has_ended:
                return False
            self._jobs.append(job)
            with contextlib.suppress(BlockingIOError):  # it is woken already
                self._waker.send(b"+")
            return True

    # --- in the thread -----------------------------------------------------------

    def _run(self) -> None:
        try:
            while self._links or self._stops_at == math.inf:
                remaining = self._stops_at - time.monotonic()
                if remaining <= 0:
                    break
                for key, events in self._selector.select(min(remaining, LONGEST_WAIT)):
                    if key.fileobj is self._woken:
                        self._do_jobs()
                    elif key.data in self._links:
                        self._serve(key.data, events)
        finally:
            with self._lock:
                self._has_ended = True
            self._do_jobs()
            for link in [*self._links]:
                self._remove(link)
            self._selector.close()
            self._waker.close()
            self._woken.close()

    def _do_jobs(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(4096)
        while self._jobs:
            self._jobs.popleft()()

    def _serve(self, link: Link, events: int) -> None:
        if events & _WRITE and not link.on_writable():
            self._watch(link, _READ)
        if events & _READ and not link.on_readable():
            self._remove(link)

    def _add(self, link: Link, on_end: OnEnd) -> None:
        self._links[link] = on_end
        self._selector.register(link.fileno(), _READ, link)

    def _watch(self, link: Link, events: int) -> None:
        if link in self._links:
            self._selector.modify(link.fileno(), events, link)

    def _remove(self, link: Link) -> None:
        on_end = self._links.pop(link, None)
        if on_end is not None:
            self._selector.unregister(link.fileno())
            self._enders.submit(on_end, link)

    def _release(self, link: Link) -> None:
        self._remove(link)
        link.close()

    def _stop(self, at: float) -> None:
        self._stops_at = at
