"""What a finished command leaves: status, output, time."""

import signal
from dataclasses import dataclass
from typing import Self

from devdev_mount import Conflict, Unkept

from devdev_exec._errors import ExecError
from devdev_exec._levels import Level

_SHOWN_OUTPUT = 2000  # bytes of output quoted in an error


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecResult:
    """How a command ended, and what it wrote."""

    argv: tuple[str, ...]
    """The command as it was given."""

    exit_code: int | None
    """What it exited with; None if a signal ended it or nothing is known."""

    signal: int | None
    """The number of the signal that ended it, else None."""

    timed_out: bool
    """It was ended because its time was over, whatever its exit code then was."""

    output: bytes
    """Standard output; under a PTY standard error too, with `\\n` as `\\r\\n`.

    Where bytes were dropped, they are missing after the first half of
    `max_output`.
    """

    stderr: bytes
    """Standard error; empty under a PTY."""

    dropped_bytes: int
    """How many bytes of both streams were not kept."""

    duration_s: float
    """Seconds from the start of the program to its end."""

    cpu_s: float = 0.0
    """Seconds of processor time, user and system, of the program and of all it started
    and that was waited for, as getrusage(2) counts them."""

    max_rss: int = 0
    """Peak memory in bytes: the largest resident set that any one of these processes
    reached, as getrusage(2) has it, or a larger sum of all that was seen when looking
    now and then: after 0.05 s, and up to every 5 s. What processes share counts for
    each. It is no less than the launcher's own, some 15 MiB."""

    span: int = 0
    """The span of the history that has what it changed, to be looked at or undone; 0
    if it changed nothing."""

    containment: Level = "none"
    """The level of containment that it ran at."""

    changed: tuple[str, ...] = ()
    """The paths of the workspace that it changed, sorted; of what it moved, both. A
    directory is one of them if it came, went, or got other attributes than times."""

    is_changed_partial: bool = False
    """History had no room for all that it changed: `changed` may lack paths, and
    `span` cannot be undone."""

    unsaved: str = ""
    """Why what it changed is not in the workspace's state yet; empty if it is, or if
    there is none. The next save tries again."""

    conflicts: tuple[Conflict, ...] = ()
    """What others changed differently in the meantime; theirs is in place. This and
    what follows occur with the copy driver only."""

    kept_beside: tuple[str, ...] = ()
    """Where this program's versions of that are."""

    unkept: tuple[Unkept, ...] = ()
    """What the host cannot show, and what the workspace cannot have, with reasons."""

    @property
    def output_bytes(self) -> int:
        """How many bytes it wrote to both streams, kept or not."""
        return len(self.output) + len(self.stderr) + self.dropped_bytes

    @property
    def ok(self) -> bool:
        """Whether it ended by itself with exit code 0."""
        return self.exit_code == 0 and not self.timed_out

    def check(self) -> Self:
        """Return this result if it is `ok`.

        Raises:
            ExecError: It is not; the message quotes the end of the output.
        """
        if self.ok:
            return self
        shown = (self.stderr or self.output)[-_SHOWN_OUTPUT:]
        text = shown.decode("utf-8", "replace").strip()
        quoted = f"; the end of its output:\n{text}" if text else " without output"
        raise ExecError(f"{self.argv[0]!r} {self.ending}{quoted}")

    @property
    def ending(self) -> str:
        """How it ended, in words that follow the name of the program."""
        if self.timed_out:
            return f"was ended after {self.duration_s:.1f} s because its time was over"
        if self.signal is not None:
            return f"was ended by {signal_name(self.signal)}"
        if self.exit_code == 0:
            return "succeeded"
        return f"failed with exit code {self.exit_code}"


def signal_name(number: int) -> str:
    """Return what a signal is called."""
    try:
        return signal.Signals(number).name
    except ValueError:  # a realtime signal has no name
        return f"signal {number}"
