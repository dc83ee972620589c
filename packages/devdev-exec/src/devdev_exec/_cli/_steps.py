"""Steps of a long job, as a person follows them: title, time, and what came of it."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from devdev_exec._cli._errors import EXPECTED, explain
from devdev_exec._cli._progress import Activity
from devdev_exec._cli._style import Style
from devdev_exec._result import ExecResult

_WIDTH = 22  # of the titles
_SHOWN_LINES = 20  # of the output of a step that failed


class StepFailed(Exception):
    """A step did not do what it has to; `str()` says what it did."""

    def __init__(self, message: str, output: bytes = b"") -> None:
        super().__init__(message)
        self.output = output


class Step:
    """One step while it is done."""

    def __init__(self, activity: Activity) -> None:
        self.activity = activity
        self.detail = ""
        """What came of it, in a few words."""

    def note_output(self, data: bytes) -> None:
        """Show the last line that its program has written."""
        lines = [line.strip() for line in data.decode("utf-8", "replace").splitlines()]
        self.activity.note(next(filter(None, reversed(lines)), ""))


class Steps:
    """Prints steps as they are done, on standard output."""

    def __init__(self) -> None:
        self._style = Style(sys.stdout)
        self._start = time.perf_counter()
        self.done = 0
        self.skipped = 0

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.perf_counter() - self._start

    def heading(self, text: str) -> None:
        """Begin a group of steps."""
        print(f"\n{self._style('bold', text)}", flush=True)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Do one step: show that it goes on, then its time and what came of it.

        Raises:
            StepFailed: it failed; that and its output's end have been shown.
        """
        start = time.perf_counter()
        shown = f"  {title:<{_WIDTH}}"
        try:
            with Activity(sys.stdout, shown) as activity:
                step = Step(activity)
                yield step
        except StepFailed as failure:
            self._print_failure(shown, start, str(failure), failure.output)
            raise
        except EXPECTED as error:
            message, _ = explain(error)
            self._print_failure(shown, start, message, b"")
            raise StepFailed(message) from error
        self.done += 1
        self._print_end(shown, start, step.detail)

    def skip(self, title: str, reason: str) -> None:
        """Say that a step is not done, and why."""
        self.skipped += 1
        word = self._style("yellow", f"{'skipped':>9}")
        print(f"  {title:<{_WIDTH}}{word}   {reason}", flush=True)

    def _print_end(self, shown: str, start: float, detail: str) -> None:
        seconds = f"{time.perf_counter() - start:7.2f} s"
        print(f"{shown}{self._style('dim', seconds)}   {detail}".rstrip(), flush=True)

    def _print_failure(
        self, shown: str, start: float, message: str, output: bytes
    ) -> None:
        self._print_end(shown, start, self._style("red", f"FAILED: {message}"))
        lines = output.decode("utf-8", "replace").splitlines()
        if len(lines) > _SHOWN_LINES:
            print(f"    ... {len(lines) - _SHOWN_LINES:,} lines before")
        for line in lines[-_SHOWN_LINES:]:
            print(f"    {line}")


def succeeded(result: ExecResult) -> ExecResult:
    """The result, if the program succeeded.

    Raises:
        StepFailed: it did not.
    """
    if result.ok:
        return result
    raise StepFailed(f"{result.argv[0]} {result.ending}", result.output)
