"""What tmux shows for the same bytes."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.processes import wait_until

_END = "the end of the bytes"
_STYLE = re.compile("\x1b\\[[0-9;:]*m")
_LINES = re.compile("\x0e(.*?)(?:\x0f|\\Z)", re.DOTALL)
_LINE_CHARACTERS = str.maketrans(
    "`ajklmnqtuvwx",
    "\u25c6\u2592\u2518\u2510\u250c\u2514\u253c\u2500\u251c\u2524\u2534\u252c\u2502",
)


class Shown(NamedTuple):
    """What is on a screen."""

    rows: list[str]
    cursor: tuple[int, int]
    is_alternate: bool


class Tmux:
    """A server of its own, with one pane; `close` ends it."""

    def __init__(self, directory: Path, rows: int, columns: int) -> None:
        self._directory = directory
        self._run("new-session", "-d", "-x", str(columns), "-y", str(rows), "sleep 999")
        self._run("set-option", "-g", "status", "off")
        self._run("set-option", "-g", "remain-on-exit", "on")
        self._run("resize-window", "-x", str(columns), "-y", str(rows))

    def show(self, data: bytes) -> Shown:
        """Feed the bytes to a new pane, and tell what it shows."""
        path = self._directory / "bytes"
        path.write_bytes(data + f"\x1b]2;{_END}\x1b\\".encode())
        script = f"stty raw -echo; cat {shlex.quote(str(path))}; exec sleep 999"
        self._run("respawn-pane", "-k", "-t", "0", script)
        self._run("clear-history", "-t", "0")
        wait_until(lambda: self._tell("#{pane_title}") == _END, "tmux to show it")
        text = self._run("capture-pane", "-e", "-p", "-t", "0")
        x, y, is_alternate = self._tell(
            "#{cursor_x} #{cursor_y} #{alternate_on}"
        ).split()
        self._run("select-pane", "-t", "0", "-T", "")
        rows = _plain(text)
        return Shown(rows, (int(y), int(x)), is_alternate == "1")

    def close(self) -> None:
        self._run("kill-server")

    def _tell(self, what: str) -> str:
        return self._run("display-message", "-p", "-t", "0", what).strip("\n")

    def _run(self, *arguments: str) -> str:
        environment = {
            "PATH": os.environ["PATH"],
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
            "SHELL": "/bin/sh",
        }
        socket = str(self._directory / "socket")
        command = ["tmux", "-u", "-f", "/dev/null", "-S", socket, *arguments]
        return subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            check=True,
            capture_output=True,
            encoding="utf-8",
            timeout=10,
        ).stdout


def _plain(text: str) -> list[str]:
    """Captured rows without colours, and with their lines drawn."""
    text = _STYLE.sub("", text)
    text = _LINES.sub(lambda match: match[1].translate(_LINE_CHARACTERS), text)
    return [row.rstrip(" ") for row in text.split("\n")[:-1]]
