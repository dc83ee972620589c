"""Running programs on a mount, bounded."""

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Self

TIMEOUT = 15


def run(*argv: str | Path, cwd: Path | None = None) -> str:
    """Run a program to its end and return what it wrote.

    Raises:
        AssertionError: it failed; with what it wrote.
    """
    # The shell enters the directory: before CPython 3.11.4 this process would wait
    # for itself if it did.
    enter = ["sh", "-c", 'cd "$0" && exec "$@"', os.fspath(cwd)] if cwd else []
    done = subprocess.run(
        [*enter, *argv], capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert done.returncode == 0, (
        f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
    )
    return done.stdout


def run_python(script: str, *arguments: str | Path, cwd: Path | None = None) -> str:
    """Run a Python script in another process; it fails by an exception."""
    return run(sys.executable, "-I", "-c", dedent(script), *arguments, cwd=cwd)


class Program:
    """A Python script that answers each line that it is sent with one."""

    def __init__(self, script: str, *arguments: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-u", "-c", dedent(script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, line: str = "") -> str:
        """Send a line and wait for the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the program ended"
        return answer.rstrip("\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        with self._process:
            self._process.kill()
