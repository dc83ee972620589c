"""Tools for tests of programs that use a filesystem."""

from dataclasses import dataclass


@dataclass(slots=True)
class ManualClock:
    """A clock that stands still, or moves by a step with each reading."""

    time_ns: int = 0
    """The next reading, in nanoseconds since 1970."""
    step_ns: int = 0
    """How far each reading moves it on."""

    def now_ns(self) -> int:
        """The present reading; then moves on by the step."""
        now = self.time_ns
        self.time_ns += self.step_ns
        return now

    def advance(self, ns: int) -> None:
        """Move the clock by `ns` nanoseconds, backwards if negative."""
        self.time_ns += ns


__all__ = ("ManualClock",)
