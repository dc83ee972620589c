"""Running programs on a mount, bounded."""

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

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


def start_python(script: str, *arguments: str | Path) -> "subprocess.Popen[str]":
    """Start a Python script that reads lines and answers with lines."""
    return subprocess.Popen(
        [sys.executable, "-I", "-u", "-c", dedent(script), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
