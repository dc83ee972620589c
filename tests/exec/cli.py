"""Runs the real `devdev` command, to its end or in the background."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

DEVDEV = (sys.executable, "-m", "devdev_exec")
TIMEOUT = 15.0
START_TIMEOUT = 10.0


def devdev(
    *arguments: str | Path, timeout: float = TIMEOUT, **options: Any
) -> "subprocess.CompletedProcess[bytes]":
    """Run a command to its end, without standard input unless `input` is given."""
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(
        [*DEVDEV, *arguments],
        capture_output=True,
        timeout=timeout,
        check=False,
        **options,
    )


def error_line(result: "subprocess.CompletedProcess[bytes]") -> str:
    """The one line on standard error of a command that failed."""
    text = result.stderr.decode()
    assert text.startswith("devdev: error: "), text
    assert text.count("\n") == 1, text
    return text.removeprefix("devdev: error: ").rstrip("\n")


READY = b"unmounts it\n"
"""What ends the words of `devdev mount` when its directory can be used."""


class Background:
    """A command in the background; ended with the `with` block at the latest."""

    def __init__(
        self, *arguments: str | Path, variables: Mapping[str, str] | None = None
    ) -> None:
        self.process = subprocess.Popen(
            [*DEVDEV, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | (variables or {}),
        )
        self.output = b""
        """What of standard output has been read."""

    def wait_for(self, text: bytes) -> None:
        """Read standard output until `text` is in it."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + START_TIMEOUT
        while text not in self.output:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self.process.stdout], [], [], max(left, 0))
            assert ready, f"no {text!r} within {START_TIMEOUT} s, but {self.output!r}"
            data = os.read(self.process.stdout.fileno(), 65536)
            assert data, f"ended after {self.output!r}: {self.finish()}"
            self.output += data

    def end(self, number: int) -> tuple[int, bytes, bytes]:
        """Send it a signal; return how it ends: see `finish`."""
        self.process.send_signal(number)
        return self.finish()

    def finish(self) -> tuple[int, bytes, bytes]:
        """Wait for its end; return its status, and the rest of what it wrote."""
        output, errors = self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode, output, errors

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self.process:  # closes the pipes, even if it has ended by itself
            self.process.kill()
