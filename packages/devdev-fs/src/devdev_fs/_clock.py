"""Where a filesystem's time comes from; the only reader of the host's clock."""

import time
from typing import Protocol


class Clock(Protocol):
    """The one source of time stamps of a filesystem, its root's included."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970-01-01 UTC, negative before it."""
        ...


class SystemClock:
    """The host's real-time clock."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970-01-01 UTC."""
        return time.time_ns()
