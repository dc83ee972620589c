"""Waiting for a program that goes on: what for, and what happened.

asyncio is imported in its tasks only, where it is there already: to everybody else it
would be an eighth of the time to start.
"""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Event
from typing import Literal, ParamSpec, Protocol, TypeVar

from devdev_exec._display import Display
from devdev_exec._errors import ExecError
from devdev_exec._link import Link
from devdev_exec._log import OutputLog
from devdev_exec._timeouts import LONGEST_WAIT

Pattern = str | bytes | re.Pattern[str] | re.Pattern[bytes]
"""Text is looked for as it is."""

T = TypeVar("T", covariant=True)
P = ParamSpec("P")
R = TypeVar("R")

_INPUT_SIZE = 64 * 1024  # of one frame
_OVERLAP = 64 * 1024  # bytes that are looked at again: a match may have begun there
_STEP = 1024 * 1024  # bytes that are looked at at a time


@dataclass(frozen=True, slots=True)
class Waited:
    """What ended a wait."""

    happened: Literal["match", "quiet", "exit", "timeout"]

    match: re.Match[bytes] | None
    """Of "match": the groups are the bytes of the output."""

    cursor: int
    """Where the match ends in the output; otherwise how much output there was."""


class Search(Protocol):
    """Something to be found."""

    cursor: int
    """Where in the output to go on once it was found."""

    def next(self) -> re.Match[bytes] | None:
        """Look for it, whenever something has changed."""
        ...


class Waiting(Protocol[T]):
    """Something that is waited for: in a thread by `block`, or in a task."""

    def check(self) -> T | None:
        """What it came to; None if it is not there yet. Called after each change."""
        ...

    def due_in(self) -> float:
        """In how many seconds to check again though nothing has changed."""
        ...


class Wait:
    """Waits for one of several things."""

    def __init__(
        self,
        link: Link,
        *,
        timeout: float,
        search: Search | None = None,
        quiet: float | None = None,
    ) -> None:
        self._link = link
        self._begin = time.monotonic()
        self._deadline = self._begin + timeout
        self._search = search
        self._quiet = quiet

    def check(self) -> Waited | None:
        """What has happened, if anything has."""
        link = self._link
        is_over = link.is_over  # before the search: then all output is there
        if self._search is not None and (match := self._search.next()):
            return Waited("match", match, self._search.cursor)
        if is_over:
            return Waited("exit", None, link.output.end)
        now = time.monotonic()
        if self._quiet is not None and now >= self._quiet_from():
            return Waited("quiet", None, link.output.end)
        if now >= self._deadline:
            return Waited("timeout", None, link.output.end)
        return None

    def due_in(self) -> float:
        """In how many seconds to check again though nothing has changed."""
        due = self._deadline
        if self._quiet is not None:
            due = min(due, self._quiet_from())
        return max(due - time.monotonic(), 0.0)

    def _quiet_from(self) -> float:
        assert self._quiet is not None
        return max(self._begin, self._link.last_output) + self._quiet


class Sending:
    """Waits until all of some input is sent."""

    def __init__(self, link: Link, data: bytes, timeout: float) -> None:
        self._link = link
        self._data = data
        self._sent = 0
        self._deadline = time.monotonic() + timeout

    def check(self) -> int | None:
        """How much was sent, if that is all.

        Raises:
            ExecError: the program has ended, or did not read in time.
        """
        while self._sent < len(self._data):
            piece = self._data[self._sent : self._sent + _INPUT_SIZE]
            if not self._link.send_input(piece):
                if time.monotonic() >= self._deadline:
                    raise ExecError(
                        f"{self._link.request.argv[0]!r} does not read: of "
                        f"{len(self._data)} bytes it was sent {self._sent}, and has "
                        "not taken all of them"
                    )
                return None
            self._sent += len(piece)
        return self._sent

    def due_in(self) -> float:
        """In how many seconds to check again though nothing has changed."""
        return max(self._deadline - time.monotonic(), 0.0)


def block(link: Link, waiting: Waiting[T]) -> T:
    """Wait in this thread."""
    while True:
        seen = link.version
        result = waiting.check()
        if result is not None:
            return result
        with link.changed:
            if link.version == seen:
                link.changed.wait(min(waiting.due_in(), LONGEST_WAIT))


async def in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call what may wait, in a thread, and let other tasks run meanwhile."""
    import asyncio

    return await asyncio.to_thread(function, *args, **kwargs)


async def made_in_thread(make: Callable[[], R], undo: Callable[[R], object]) -> R:
    """Make something in a thread; who is cancelled meanwhile leaves nothing of it."""
    made: list[R] = []
    is_cancelled = Event()

    def make_or_undo() -> None:
        made.append(make())
        if is_cancelled.is_set():
            undo(made[0])

    try:
        await in_thread(make_or_undo)
    except BaseException:
        is_cancelled.set()
        if made:
            await in_thread(undo, made[0])
        raise
    return made[0]


async def block_task(link: Link, waiting: Waiting[T]) -> T:
    """Wait in this task, and let others run meanwhile."""
    import asyncio

    loop = asyncio.get_running_loop()
    changed = asyncio.Event()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop was closed over this wait
            loop.call_soon_threadsafe(changed.set)

    with link.listening(wake):
        while True:
            changed.clear()
            result = waiting.check()
            if result is not None:
                return result
            with suppress(TimeoutError):
                due_in = min(waiting.due_in(), LONGEST_WAIT)
                await asyncio.wait_for(changed.wait(), due_in)


class OutputSearch:
    """The search for a pattern in output that grows."""

    def __init__(self, log: OutputLog, pattern: Pattern, start: int) -> None:
        self._log = log
        self._pattern = compiled(pattern)
        self._start = start
        self._searched = start
        self.cursor = start

    def next(self) -> re.Match[bytes] | None:
        """Look at what has come."""
        while self._searched < self._log.end:
            begin = max(self._start, self._searched - _OVERLAP)
            piece = self._log.read(begin, _OVERLAP + _STEP)
            match = self._pattern.search(piece.data)
            if match is not None:
                self.cursor = piece.cursor + match.end()
                return match
            self._searched = piece.next
        return None


class ScreenSearch:
    """The search for a pattern in what a screen shows."""

    def __init__(self, display: Display, log: OutputLog, pattern: Pattern) -> None:
        self._display = display
        self._log = log
        self._pattern = compiled(pattern)
        self.cursor = 0

    def next(self) -> re.Match[bytes] | None:
        """Look at the screen as it is."""
        self.cursor = self._log.end
        return self._pattern.search(self._display.screen().text.encode())


def compiled(pattern: Pattern) -> re.Pattern[bytes]:
    """The pattern of bytes that is meant."""
    match pattern:
        case str():
            return re.compile(re.escape(pattern.encode()))
        case bytes():
            return re.compile(re.escape(pattern))
    if isinstance(pattern.pattern, str):
        return re.compile(pattern.pattern.encode(), pattern.flags & ~re.UNICODE)
    return pattern
