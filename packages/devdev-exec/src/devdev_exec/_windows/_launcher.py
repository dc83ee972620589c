"""`WindowsLauncher`: runs a program to its end, with all that it starts."""

import sys

from devdev_mount import Closing

if sys.platform != "win32":
    raise ImportError("this is for Windows; other platforms have `_launcher`")

import errno
import os
import select
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager

from devdev_exec._call import OutputHandler, StartHandler
from devdev_exec._cancellation import Cancellation
from devdev_exec._errors import ExecCancelled, ExecError, SpawnError
from devdev_exec._launcher import (
    DEFAULT_MAX_OUTPUT,
    DEFAULT_TIMEOUT,
    DEFAULT_WINDOW_SIZE,
    checked_argv,
    checked_timeout,
)
from devdev_exec._output import BoundedOutput
from devdev_exec._pty import WindowSize
from devdev_exec._result import ExecResult
from devdev_exec._timeouts import KILL_TIMEOUT, SETTLE_TIMEOUT
from devdev_exec._windows._commandline import candidates, command_line
from devdev_exec._windows._environment import complete
from devdev_exec._windows._job import Job
from devdev_exec._windows._programs import ConsoleProgram, PipedProgram, Running

_PAUSE = 0.005  # between two looks at a program
_DRAIN_TIMEOUT = 1.0  # for output that is on its way when a program has ended


class WindowsLauncher(Closing):
    """Runs programs, each with its whole tree of processes, and ends them all.

    Any thread may call any method; commands run side by side. Each has a job, which
    ends with this process. Under a pseudo-console, what a program starts in its first
    moment, before it is in the job, is not part of that.
    """

    def __init__(self) -> None:
        self._is_closed = False

    def close(self) -> None:
        """End all commands; calls of `run` that this ends raise ExecError."""
        self._is_closed = True

    def run(
        self,
        argv: Sequence[str | bytes],
        *,
        cwd: str,
        env: Mapping[str, str],
        pty: bool = True,
        size: WindowSize = DEFAULT_WINDOW_SIZE,
        stdin: bytes = b"",
        timeout: float = DEFAULT_TIMEOUT,
        deadline: float | None = None,
        umask: int = 0o022,
        max_output: int = DEFAULT_MAX_OUTPUT,
        on_start: StartHandler | None = None,
        on_output: OutputHandler | None = None,
        on_stderr: OutputHandler | None = None,
        cancellation: Cancellation | None = None,
    ) -> ExecResult:
        """Run a program to its end; see `Launcher.run`.

        `env` is completed by what programs of Windows need. A console's input is
        typed, `stdin` and then its end; `umask` has no meaning. What the program
        leaves running gets a moment to finish, and is then ended. `on_start` is told
        the program itself, which runs already.

        Raises:
            SpawnError, ExecError, ExecCancelled: as `Launcher.run`.
        """
        given = checked_argv(argv)
        if not os.path.isdir(cwd):
            raise SpawnError(f"cwd {cwd!r} is no directory", errno.ENOENT)
        environment = complete(env, os.environ)
        program = _find(given[0], cwd, environment)
        line = command_line(program, given)
        if deadline is None:
            deadline = time.monotonic() + checked_timeout(timeout)
        streams = BoundedOutput(max_output), BoundedOutput(max_output)
        handlers = on_output, on_stderr

        def take(running: Running) -> bool:
            pieces = running.read()
            for piece, stream, handler in zip(pieces, streams, handlers, strict=True):
                stream.append(piece)
                if piece and handler:
                    handler(piece)
            return any(pieces)

        with _cancelling(cancellation or Cancellation()) as is_cancelled, Job() as job:
            begin = time.monotonic()
            try:
                running: Running
                if pty:
                    running = ConsoleProgram(
                        job, program, line, cwd, environment, size, stdin
                    )
                else:
                    running = PipedProgram(job, program, line, cwd, environment, stdin)
            except Exception as exc:
                number = getattr(exc, "errno", None) or errno.EIO
                raise SpawnError(f"{program} cannot be started: {exc}", number) from exc
            with closing(running):
                try:
                    if on_start is not None:
                        on_start(running.pid)
                    code, timed_out = self._watch(running, take, is_cancelled, deadline)
                finally:
                    job.end()
                _drain(running, take)
                if code is None:
                    code = _wait_end(running)
                duration = time.monotonic() - begin
        return ExecResult(
            argv=tuple(given),
            exit_code=code,
            signal=None,
            timed_out=timed_out,
            output=streams[0].value(),
            stderr=streams[1].value(),
            dropped_bytes=sum(stream.dropped for stream in streams),
            duration_s=duration,
        )

    def _watch(
        self,
        running: Running,
        take: Callable[[Running], bool],
        is_cancelled: Callable[[], bool],
        deadline: float,
    ) -> tuple[int | None, bool]:
        """Its exit code, and whether its time was over instead.

        Raises:
            ExecError, ExecCancelled: it is to be ended for another reason.
        """
        while True:
            code = running.poll()
            is_quiet = not take(running)
            if code is not None:
                return code, False
            if time.monotonic() >= deadline:
                return None, True
            if is_cancelled():
                raise ExecCancelled("the call was cancelled")
            if self._is_closed:
                raise ExecError("the launcher is closed")
            if is_quiet:
                time.sleep(_PAUSE)


def _drain(running: Running, take: Callable[[Running], bool]) -> None:
    """Take what is on its way, until nothing came for a moment."""
    end = time.monotonic() + _DRAIN_TIMEOUT
    quiet_at = time.monotonic() + SETTLE_TIMEOUT
    while time.monotonic() < min(end, quiet_at):
        if take(running):
            quiet_at = time.monotonic() + SETTLE_TIMEOUT
        else:
            time.sleep(_PAUSE)


def _wait_end(running: Running) -> int | None:
    end = time.monotonic() + KILL_TIMEOUT
    while (code := running.poll()) is None and time.monotonic() < end:
        time.sleep(_PAUSE)
    return code


def _find(name: str, cwd: str, environment: Mapping[str, str]) -> str:
    for path in candidates(name, cwd, environment):
        if os.path.isfile(path):
            return path
    raise SpawnError(f"{name!r} is not found in the PATH of `env`", errno.ENOENT)


@contextmanager
def _cancelling(cancellation: Cancellation) -> Iterator[Callable[[], bool]]:
    """What tells whether the call was cancelled."""
    ours, theirs = socket.socketpair()
    with ours, theirs, cancellation.covering(ours):
        yield lambda: bool(select.select([theirs], [], [], 0)[0])
