"""Waiting for a program that goes on: what for, and what happened."""

import re
import time
from dataclasses import dataclass
from typing import Literal, Protocol

from devdev_exec._display import Display
from devdev_exec._link import Link
from devdev_exec._log import OutputLog

Pattern = str | bytes | re.Pattern[str] | re.Pattern[bytes]
"""Text is looked for as it is."""

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

    def block(self) -> Waited:
        """Wait, in this thread."""
        link = self._link
        while True:
            seen = link.version
            happened = self.check()
            if happened is not None:
                return happened
            with link.changed:
                if link.version == seen:
                    link.changed.wait(self.due_in())


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
