"""A program of Windows that runs: under a pseudo-console, or with pipes.

Both are read without waiting for an end of output: a console's never comes for sure
(pywinpty's issue 565), and a pipe's comes when the last process has let go of it.
"""

import sys

if sys.platform != "win32":
    raise ImportError("only Windows has consoles of this kind")

import contextlib
import os
import subprocess
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO, Any, Protocol

import winpty

from devdev_exec._pty import WindowSize
from devdev_exec._windows._commandline import arguments_of
from devdev_exec._windows._environment import block
from devdev_exec._windows._job import Job, resume

_CREATE_SUSPENDED = 0x4
_PIECE = 65_536
_END_OF_FILE = "\x1a\r"
"""What ends input that is typed at a console: Control-Z, and Enter."""

Pieces = tuple[bytes, bytes]
"""What came of standard output and of standard error."""


class Running(Protocol):
    """A program that was started."""

    pid: int

    def read(self) -> Pieces:
        """What it wrote since; it does not wait."""
        ...

    def poll(self) -> int | None:
        """Its exit code, if it has ended."""
        ...

    def close(self) -> None:
        """Let go of it; it has ended."""
        ...


class ConsoleProgram:
    """A program under a pseudo-console; `stdin` is typed, and then its end."""

    def __init__(
        self,
        job: Job,
        program: str,
        line: str,
        cwd: str,
        environment: Mapping[str, str],
        size: WindowSize,
        stdin: bytes,
    ) -> None:
        # It takes ConPTY where Windows has it, else its own program for it.
        self._pty = winpty.PTY(size.columns, size.rows)
        # pywinpty puts the program before the rest of the line.
        rest = f" {arguments_of(line)}"
        self._pty.spawn(program, cmdline=rest, cwd=cwd, env=block(environment))
        self.pid = int(self._pty.pid or 0)
        with contextlib.suppress(OSError):  # it has ended already
            job.add(self.pid)
        typed = stdin.decode("utf-8", "replace").replace("\n", "\r")
        self._pty.write(typed + _END_OF_FILE)

    def read(self) -> Pieces:
        try:
            return self._pty.read(blocking=False).encode(), b""
        except winpty.WinptyError:  # the console is gone
            return b"", b""

    def poll(self) -> int | None:
        code = None if self._pty.isalive() else self._pty.get_exitstatus()
        return None if code is None else int(code)

    def close(self) -> None:
        with contextlib.suppress(winpty.WinptyError):
            self._pty.cancel_io()


class PipedProgram:
    """A program with three pipes and no console."""

    def __init__(
        self,
        job: Job,
        program: str,
        line: str,
        cwd: str,
        environment: Mapping[str, str],
        stdin: bytes,
    ) -> None:
        self._process = subprocess.Popen(
            line,
            executable=program,
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # It joins the job before it can start anything.
            creationflags=_CREATE_SUSPENDED | subprocess.CREATE_NO_WINDOW,
        )
        self.pid = self._process.pid
        self._queues: tuple[SimpleQueue[bytes], SimpleQueue[bytes]]
        self._queues = SimpleQueue(), SimpleQueue()
        assert self._process.stdout
        assert self._process.stderr
        assert self._process.stdin
        job.add(self.pid)
        for stream, queue in zip(
            (self._process.stdout, self._process.stderr), self._queues, strict=True
        ):
            _begin(_pass_on, stream, queue)
        _begin(_feed, self._process.stdin, stdin)
        process: Any = self._process
        resume(int(process._handle))

    def read(self) -> Pieces:
        output, errors = (_drained(queue) for queue in self._queues)
        return output, errors

    def poll(self) -> int | None:
        return self._process.poll()

    def close(self) -> None:
        self._process.wait()


def _begin(function: Callable[..., None], *args: object) -> None:
    Thread(target=function, args=args, daemon=True).start()


def _pass_on(stream: IO[bytes], queue: SimpleQueue[bytes]) -> None:
    with stream:
        while piece := os.read(stream.fileno(), _PIECE):
            queue.put(piece)


def _feed(stream: IO[bytes], data: bytes) -> None:
    with contextlib.suppress(OSError), stream:  # it may end without reading all
        stream.write(data)


def _drained(queue: SimpleQueue[bytes]) -> bytes:
    pieces = []
    with contextlib.suppress(Empty):
        while True:
            pieces.append(queue.get_nowait())
    return b"".join(pieces)
