"""What the thread that answers requests must not do itself, done by another."""

import logging
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

logger = logging.getLogger(__name__)

Job = Callable[[], None]


class Deferred:
    """Jobs that follow answers, run one after the other; the thread begins with one.

    Args:
        name: the thread's.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread: Thread | None = None

    def add(self, job: Job) -> None:
        """Have `job` run; only one thread may add any."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._jobs.put(job)

    def _run(self) -> None:
        while job := self._jobs.get():
            try:
                job()
            except Exception:
                logger.exception("a bug in what follows an answer")

    def close(self, timeout: float) -> None:
        """Wait until what was added has run, so many seconds at most."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join(timeout)
