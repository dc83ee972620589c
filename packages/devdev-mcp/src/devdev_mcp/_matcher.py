"""Finds the lines that match: a fixed string here, a regular expression elsewhere.

An expression can take longer than anybody lives, and nothing in this process could end
it. So it runs in a process of its own, which is killed when the time is over or the
call is; and should this process die first, the kernel ends it by its limit of processor
time.
"""

import json
import re
import subprocess
import sys
from contextlib import suppress
from threading import Timer
from typing import IO, Protocol

from devdev_exec import Closing

from devdev_mcp._errors import ToolFailure
from devdev_mcp._ownership import own

TIMEOUT = 10.0
"""Seconds, for all files of a call."""


class Matcher(Protocol):
    """Knows which lines match."""

    def lines(self, text: str) -> list[int]:
        """The numbers, from 1, of the lines of a text that match."""
        ...


class FixedString:
    """Matches lines that contain a string."""

    def __init__(self, pattern: str, ignore_case: bool) -> None:
        self._fold = str.casefold if ignore_case else str
        self._pattern = self._fold(pattern)

    def lines(self, text: str) -> list[int]:
        """The numbers of the lines that contain it."""
        text = self._fold(text)
        if self._pattern not in text:
            return []
        lines = text.split("\n")
        return [n for n, line in enumerate(lines, 1) if self._pattern in line]


class Expression(Closing):
    """Matches lines in which a regular expression is found. Close it, or `with`.

    Raises:
        ToolFailure: BAD_REGEX.
    """

    def __init__(self, pattern: str, ignore_case: bool) -> None:
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            hint = "It is Python's syntax. Without regex the pattern is a fixed string."
            raise ToolFailure("BAD_REGEX", str(error), hint=hint) from None
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        own(self._process)
        self._timer = Timer(TIMEOUT, self._process.kill)
        self._timer.daemon = True
        self._timer.start()
        self._send({"pattern": pattern, "ignore_case": ignore_case})

    def lines(self, text: str) -> list[int]:
        """The numbers of the lines in which it is found.

        Raises:
            ToolFailure: REGEX_TIMEOUT.
        """
        self._send(text)
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        if not answer:
            raise _too_long()
        lines: list[int] = json.loads(answer)
        return lines

    def _send(self, message: object) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise _too_long() from None

    def close(self) -> None:
        """End the process."""
        self._timer.cancel()
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()


def _too_long() -> ToolFailure:
    return ToolFailure(
        "REGEX_TIMEOUT",
        f"the expression was not done within {TIMEOUT:.0f} s",
        hint="Avoid nested repetitions such as (a+)+, search fewer files by path or "
        "glob, or search for a fixed string.",
    )


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """The other process: a line with the expression, then a text a line."""
    how = json.loads(requests.readline())
    flags = re.IGNORECASE if how["ignore_case"] else re.NOFLAG
    expression = re.compile(how["pattern"], flags)
    for request in requests:
        lines = json.loads(request).split("\n")
        found = [n for n, line in enumerate(lines, 1) if expression.search(line)]
        answers.write(json.dumps(found).encode() + b"\n")
        answers.flush()


def _bound_processor_time() -> None:
    if sys.platform == "win32":
        return
    import resource

    seconds = int(TIMEOUT) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


if __name__ == "__main__":
    _bound_processor_time()
    serve(sys.stdin.buffer, sys.stdout.buffer)
