"""Runs the real `devdev` command on a terminal."""

import sys

import pytest

if sys.platform == "win32":
    pytest.skip("there is no pseudo-terminal", allow_module_level=True)

import contextlib
import os
import subprocess
import termios
from collections.abc import Mapping

from tests.exec.cli import DEVDEV, TIMEOUT


def devdev_on_terminal(
    *arguments: str,
    size: tuple[int, int] = (24, 80),
    variables: Mapping[str, str] | None = None,
) -> bytes:
    """What a command writes to a terminal of `size` (rows, columns) that it has."""
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, size)
    with open(master, "rb", buffering=0) as reader:
        with open(slave, "wb", buffering=0) as terminal:
            process = subprocess.Popen(
                [*DEVDEV, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=terminal,
                env={**os.environ, "TERM": "xterm", **(variables or {})},
            )
        written = b""
        with contextlib.suppress(OSError):  # EIO: nobody has the terminal any more
            while data := reader.read(65536):
                written += data
    assert process.wait(TIMEOUT) == 0, written
    return written
