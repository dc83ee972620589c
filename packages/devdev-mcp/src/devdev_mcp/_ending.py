"""The end of the server's process: prompt, whatever it is doing.

The SDK's own is not enough. SIGTERM ends a process at once, with its workspace
open. After an interrupt, or when the client takes no more answers, a thread that
reads or writes the client's pipes keeps the process waiting for ever.
"""

import os
import signal
import sys
from collections.abc import Callable
from threading import Lock, Thread, Timer
from types import FrameType

CLOSE_TIMEOUT = 1.2
"""For the workspace to be closed. Hosts wait two seconds before they kill; what is not
closed by then is cleared away by its own watchers, as after a kill."""

FLUSH_TIMEOUT = 0.3
"""For the last answers to be taken, once the workspace is closed."""


class Ending:
    """Closes what is open, and ends the process; once."""

    def __init__(self, close: Callable[[], None]) -> None:
        self._close = close
        self._lock = Lock()

    def install(self) -> None:
        """End on the signals that ask for it."""
        numbers = [signal.SIGINT, signal.SIGTERM]
        if sys.platform != "win32":
            numbers.append(signal.SIGHUP)
        for number in numbers:
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # The main thread may hold a lock that closing needs.
        Thread(target=self.leave, args=(128 + number,), daemon=True).start()

    def leave(self, status: int) -> None:
        """End the process; does not return."""
        with self._lock:  # the first to come decides on the status
            closing = Thread(target=self._close, daemon=True)
            closing.start()
            closing.join(CLOSE_TIMEOUT)
            sys.stderr.flush()
            os._exit(status)

    def expect(self) -> None:
        """End the process soon: it is on its way, but may get stuck."""
        timer = Timer(FLUSH_TIMEOUT, self.leave, (0,))
        timer.daemon = True
        timer.start()
