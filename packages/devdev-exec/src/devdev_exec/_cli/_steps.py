"""Steps of a long job, as a person follows them: title, time, and what came of it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from devdev_exec._cli._errors import EXPECTED, explain
from devdev_exec._cli._progress import Activity
from devdev_exec._cli._style import Style

_WIDTH = 22  # of the titles
_SHOWN_LINES = 20  # of the output of a step that failed


class StepFailed(Exception):
    """A step did not do what it has to; `str()` says what it did."""


class Step:
    """One step while it is done."""

    def __init__(self, activity: Activity) -> None:
        self.activity = activity
        self.detail = ""
        """What came of it, in a few words."""
        self.transcript: list[str] = []
        """What it ran and what that wrote, as lines."""

    def note_output(self, data: bytes) -> None:
        """Show the last line that its program has written."""
        lines = [line.strip() for line in data.decode("utf-8", "replace").splitlines()]
        self.activity.note(next(filter(None, reversed(lines)), ""))


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """A step that is over."""

    title: str
    seconds: float
    detail: str
    has_failed: bool = False


class Steps:
    """Prints steps as they are done.

    Args:
        verbose: print what they run and what that writes, too.
        stream: where to.
    """

    def __init__(self, *, verbose: bool, stream: TextIO) -> None:
        self.stream = stream
        self.style = Style(stream)
        self.all_done: list[Done] = []
        self.done = 0
        self.skipped = 0
        self._verbose = verbose
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.perf_counter() - self._start

    def heading(self, text: str) -> None:
        """Begin a group of steps."""
        self.print(f"\n{self.style('bold', text)}")

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Do one step: show that it goes on, then its time and what came of it.

        Raises:
            StepFailed: it failed; that and its output's end have been shown.
        """
        start = time.perf_counter()
        shown = f"  {title:<{_WIDTH}}"
        if not self.style.is_live:
            self.print(shown, end="")
        with Activity(self.stream, shown) as activity:
            step = Step(activity)
            failure = None
            try:
                yield step
            except StepFailed as error:
                failure = str(error)
            except EXPECTED as error:
                failure, _ = explain(error)
        done = Done(
            title=title,
            seconds=time.perf_counter() - start,
            detail=step.detail if failure is None else failure,
            has_failed=failure is not None,
        )
        self.all_done.append(done)
        if failure is not None:
            step.detail = self.style("red", f"FAILED: {failure}")
        if self.style.is_live:
            self.print(shown, end="")
        seconds = self.style("dim", f"{done.seconds:7.2f} s")
        self.print(f"{seconds}   {step.detail}".rstrip())
        self._print_transcript(step.transcript, failure is not None)
        if failure is not None:
            raise StepFailed(failure)
        self.done += 1

    def skip(self, title: str, reason: str) -> None:
        """Say that a step is not done, and why."""
        self.skipped += 1
        word = self.style("yellow", f"{'skipped':>9}")
        self.print(f"  {title:<{_WIDTH}}{word}   {reason}")

    def print(self, text: str, end: str = "\n") -> None:
        """Show it at once."""
        print(text, end=end, file=self.stream, flush=True)

    def _print_transcript(self, lines: list[str], has_failed: bool) -> None:
        if not self._verbose:
            lines = lines[-_SHOWN_LINES:] if has_failed else []
        for line in lines:
            self.print(f"    {line}")
