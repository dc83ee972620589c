"""Tools for tests of programs that use a filesystem."""


class ManualClock:
    """A clock that stands still until it is told to move.

    Args:
        now_ns: the first reading, in nanoseconds since 1970.
        step_ns: how far each reading moves it on; 0 keeps it still.
    """

    def __init__(self, now_ns: int = 0, *, step_ns: int = 0) -> None:
        self._now_ns = now_ns
        self._step_ns = step_ns

    def now_ns(self) -> int:
        """The present reading; then moves on by the step."""
        now = self._now_ns
        self._now_ns += self._step_ns
        return now

    def advance(self, ns: int) -> None:
        """Move the clock by `ns` nanoseconds, backwards if negative."""
        self._now_ns += ns


__all__ = ("ManualClock",)
