"""`Launcher`: runs programs through a helper process.

The owner never forks, and never looks at a program or a directory itself. Both may
lie on a mount, and whoever serves it must not be waited for with the interpreter
locked; a process with threads cannot be forked safely in any case.
"""

import contextlib
import errno
import importlib.util
import math
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO

from devdev_mount import Closing

from devdev_exec._call import Call, OutputHandler, StartHandler
from devdev_exec._cancellation import Cancellation
from devdev_exec._errors import ExecCancelled, ExecError, SpawnError
from devdev_exec._link import Link
from devdev_exec._multiplexer import Multiplexer
from devdev_exec._pty import WindowSize
from devdev_exec._result import ExecResult
from devdev_exec._timeouts import CLOSE_TIMEOUT, SUBMIT_TIMEOUT
from devdev_exec._wire import Request

DEFAULT_TIMEOUT = 120.0
"""Seconds a command may take unless the caller says otherwise."""

DEFAULT_MAX_OUTPUT = 16 * 1024 * 1024
"""Bytes of output that are kept of a command unless the caller says otherwise."""

DEFAULT_WINDOW_SIZE = WindowSize()
"""The terminal of a command unless the caller says otherwise."""

_INVALID = errno.EINVAL
_LAST_WORDS = 2000  # bytes of the helper's standard error in an error
_HERE = os.path.dirname(os.path.abspath(__file__))

# The helper loads its modules without the package's __init__, which would load all
# that the package is built upon.
_BOOTSTRAP = """\
import sys
control, owner, here, ptyprocess = sys.argv[1:]
package = sys.modules["devdev_exec"] = type(sys)("devdev_exec")
package.__path__ = [here]
sys.path.append(ptyprocess)
from devdev_exec._helper import main
main(int(control), int(owner))
"""

# Isolated and without site, it loads nothing that it is not told to.
_OPTIONS = ("-I", "-S", "-X", "utf8", "-c")


class Launcher(Closing):
    """Runs programs, each with its whole tree of processes, and ends them all.

    Any thread may call any method; commands run side by side. A forked child of
    the process that made it must not use it.

    Whatever ends (the launcher by `close`, its process, the helper, the process
    that stands over a command), the commands concerned are ended too: no process
    is left. The one exception is a process that may not be signalled by this user,
    such as one that a set-user-ID program started.

    Programs run as this user with all of the host in view: this contains nothing.
    """

    def __init__(self) -> None:
        """Start the helper, without waiting until it is ready.

        Raises:
            ExecError: It cannot be started, or not on this platform.
        """
        self._lock = threading.Lock()
        self._is_closed = False
        self._helper = _HelperProcess()
        self._multiplexer: Multiplexer | None = None

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
        shown: tuple[str, str] | None = None,
        on_start: StartHandler | None = None,
        on_output: OutputHandler | None = None,
        on_stderr: OutputHandler | None = None,
        cancellation: Cancellation | None = None,
    ) -> ExecResult:
        """Run a program to its end, and the end of everything it started.

        What the program leaves running when it ends gets a moment to finish, then
        SIGTERM, then SIGKILL. The same happens, without the moment, when its time
        is over, and when this call is left by an exception.

        Under a PTY without `stdin`, all three standard streams are the terminal,
        and whoever reads it finds end of file, each time; who reads single keys
        finds Control-D, and shows it if it left echo on. With `stdin` the program
        reads that from a pipe, as behind `|` in a shell: byte for byte, without
        echo, and without the 4095 characters that a line typed at a terminal can
        have; its terminal is then /dev/tty, standard output and standard error.

        Args:
            argv: The program and its arguments. A name without a slash is looked up
                in the PATH of `env`; a relative path starts at `cwd`.
            cwd: The directory to run in, an absolute path.
            env: The whole environment; nothing is inherited.
            pty: Run under a pseudo-terminal, of which `size` is the size; else with
                pipes, standard output and standard error apart, no terminal, and
                /dev/null to read without `stdin`.
            size: The size of the terminal.
            stdin: What the program reads from its standard input.
            timeout: Seconds for the whole call. A program that ignores SIGTERM
                takes 0.25 s more; one that waits in the kernel and cannot even be
                killed takes 2.25 s more, and ends when the kernel lets it.
            deadline: In time.monotonic(), in place of `timeout`.
            umask: Its file mode creation mask.
            max_output: How many bytes to keep of each stream: the first half and
                the last half of what was written.
            shown: A directory, and another one in whose place the program is to find
                it; nobody else does. `cwd` is entered then.
            on_start: Is told the process that all of it will descend from, in this
                thread, before the program starts.
            on_output: Is called with each piece of the output, in this thread; the
                program waits if this is slow.
            on_stderr: The same for standard error, without a PTY.
            cancellation: Lets another thread end the program, as the timeout would.

        Raises:
            SpawnError: The program was not started: it, its interpreter or `cwd`
                is missing or unfit, or an argument cannot be passed to a program.
            ExecError: The launcher is closed, or became so, or one of its processes
                died.
            ExecCancelled: `cancellation` ended it; what it wrote is lost.
        """
        cancellation = cancellation or Cancellation()
        request = Request(
            argv=checked_argv(argv),
            cwd=_checked_cwd(cwd),
            env=dict(env),
            pty=pty,
            rows=size.rows,
            columns=size.columns,
            has_input=bool(stdin),
            interactive=False,
            umask=umask & 0o777,
            deadline=(
                time.monotonic() + checked_timeout(timeout)
                if deadline is None
                else deadline
            ),
            shown=shown,
        )
        for _ in range(2):  # a helper may die before it has taken the request
            with self._submit() as sock, cancellation.covering(sock):
                call = Call(
                    sock,
                    request,
                    stdin,
                    on_start=on_start,
                    on_output=on_output,
                    on_stderr=on_stderr,
                    max_output=max(max_output, 0),
                )
                result = _wait_result(call, cancellation)
            if result is not None:
                return result
        raise self._helper_ends(request)

    def start(
        self,
        argv: Sequence[str | bytes],
        *,
        cwd: str,
        env: Mapping[str, str],
        pty: bool = True,
        size: WindowSize = DEFAULT_WINDOW_SIZE,
        deadline: float = math.inf,
        umask: int = 0o022,
        max_output: int = DEFAULT_MAX_OUTPUT,
        draws: bool = True,
        on_start: StartHandler = lambda pid: None,
        on_end: Callable[[Link], object] = Link.finish,
    ) -> Link:
        """Start a program that goes on, with input that stays open.

        Arguments are those of `run`, but of each stream the last `max_output` bytes
        are kept, and `draws` says whether its screen is drawn. `on_end` is called once
        it is over, in a thread that is for such calls only, and calls `Link.finish`.

        Raises:
            SpawnError, ExecError: As `run`.
        """
        request = Request(
            argv=checked_argv(argv),
            cwd=_checked_cwd(cwd),
            env=dict(env),
            pty=pty,
            rows=size.rows,
            columns=size.columns,
            has_input=not pty,
            interactive=True,
            umask=umask & 0o777,
            deadline=deadline,
        )
        for _ in range(2):
            link = Link(self._submit(), request, max_output, draws=draws)
            try:
                is_started = link.open(on_start)
                if is_started:
                    self._serve(link, on_end)
                    return link
            except BaseException:
                link.abandon()
                raise
            link.close()
        raise self._helper_ends(request)

    def release(self, link: Link) -> None:
        """Free what `start` gave; the program is ended if it has not."""
        assert self._multiplexer is not None
        if link.is_over:  # nobody else has it any more
            link.close()
        else:
            self._multiplexer.release(link)

    def _serve(self, link: Link, on_end: Callable[[Link], object]) -> None:
        with self._lock:
            if self._is_closed:
                raise ExecError("the launcher is closed")
            if self._multiplexer is None:
                self._multiplexer = Multiplexer()
            self._multiplexer.add(link, on_end)

    def _helper_ends(self, request: Request) -> ExecError:
        return ExecError(
            f"{request.argv[0]!r} was not run: the launcher's helper process ends as "
            f"soon as it starts\n{self._helper.last_words()}"
        )

    def close(self) -> None:
        """End all commands and the helper. A second call does nothing.

        Calls of `run` that this ends raise ExecError; so does what waits for a link.
        """
        with self._lock:
            self._is_closed = True
            self._helper.close()
            if self._multiplexer is not None:
                self._multiplexer.close(CLOSE_TIMEOUT)

    def _submit(self) -> socket.socket:
        """Give the helper one end of a new socket for a command; return the other."""
        with self._lock:
            if self._is_closed:
                raise ExecError("the launcher is closed")
            try:
                ours, theirs = socket.socketpair()
            except OSError as exc:
                raise ExecError(f"no socket for another command: {exc}") from exc
            try:
                with theirs:
                    if not self._helper.submit(theirs):
                        self._helper.close()
                        self._helper = _HelperProcess()
                        self._helper.submit(theirs)
            except BaseException:
                ours.close()
                raise
            return ours


class _HelperProcess:
    """The helper, seen from its owner, and the socket that controls it."""

    _control: socket.socket
    _process: subprocess.Popen[bytes]
    _log: IO[bytes]
    """Its standard error, in a file without a name."""

    def __init__(self) -> None:
        if sys.platform != "linux":
            raise ExecError(f"programs can be run on Linux only, not on {sys.platform}")
        if not sys.executable:
            raise ExecError("sys.executable names no Python to run the helper with")
        ptyprocess = _find_ptyprocess()
        with contextlib.ExitStack() as stack:
            try:
                self._log = stack.enter_context(tempfile.TemporaryFile("a+b"))
                ours, theirs = map(stack.enter_context, socket.socketpair())
                arguments = (theirs.fileno(), os.getpid(), _HERE, ptyprocess)
                self._process = subprocess.Popen(
                    [sys.executable, *_OPTIONS, _BOOTSTRAP, *map(str, arguments)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._log,
                    pass_fds=[theirs.fileno()],
                    # What is typed at the owner's terminal is for the owner.
                    start_new_session=True,
                )
            except OSError as exc:
                raise ExecError(f"the launcher's helper cannot start: {exc}") from exc
            theirs.close()
            self._control = ours
            self._control.settimeout(SUBMIT_TIMEOUT)
            stack.pop_all()

    def submit(self, sock: socket.socket) -> bool:
        """Pass it the socket of a command; False if it is dead."""
        if sys.platform == "win32":
            raise NotImplementedError("there is no SCM_RIGHTS")
        if self._process.poll() is not None:
            return False
        try:
            socket.send_fds(self._control, [b"+"], [sock.fileno()])
        except (BrokenPipeError, ConnectionResetError):
            return False
        except OSError as exc:
            raise ExecError(f"the launcher's helper takes no command: {exc}") from exc
        return True

    def last_words(self) -> str:
        """Return the end of what it has written to standard error."""
        if self._log.closed:
            return ""
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(size - _LAST_WORDS, 0))
        return self._log.read().decode(errors="replace")

    def close(self) -> None:
        """Have it end everything, and wait for it; kill it if that takes too long."""
        with contextlib.suppress(OSError):  # it is gone
            # Closing is not enough where a forked child holds the socket too.
            self._control.shutdown(socket.SHUT_RDWR)
        self._control.close()
        try:
            self._process.wait(CLOSE_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


def _wait_result(call: Call, cancellation: Cancellation) -> ExecResult | None:
    try:
        return call.wait_result()
    except ExecError as exc:
        if cancellation.is_cancelled:
            raise ExecCancelled("the call was cancelled") from exc
        raise


def _find_ptyprocess() -> str:
    spec = importlib.util.find_spec("ptyprocess")
    if spec is None or spec.origin is None:
        raise ExecError("ptyprocess is not installed; pip install devdev-exec")
    return os.path.dirname(os.path.dirname(os.path.abspath(spec.origin)))


def checked_argv(argv: Sequence[str | bytes]) -> list[str]:
    """Program and arguments as text.

    Raises:
        SpawnError: They cannot be passed to a program.
    """
    if isinstance(argv, str | bytes):
        hint = "for a shell's syntax, ['/bin/sh', '-c', ...]"
        raise SpawnError(f"argv is a list, not one string: {argv!r}; {hint}", _INVALID)
    if not argv or not argv[0]:
        raise SpawnError(f"argv names no program: {argv!r}", _INVALID)
    return [_text(argument) for argument in argv]


def _text(argument: str | bytes) -> str:
    """Return an argument as the helper encodes it again, bytes for bytes."""
    if isinstance(argument, bytes):
        return argument.decode("utf-8", "surrogateescape")
    if not isinstance(argument, str):
        raise SpawnError(f"{argument!r} in argv is no string", _INVALID)
    return argument


def _checked_cwd(cwd: str) -> str:
    if not os.path.isabs(cwd):
        raise SpawnError(f"cwd must be an absolute path, not {cwd!r}", _INVALID)
    return cwd


def checked_timeout(timeout: float) -> float:
    """The timeout.

    Raises:
        ExecError: It is no number of seconds above 0.
    """
    if not 0 < timeout < math.inf:
        raise ExecError(f"timeout is a number of seconds above 0, not {timeout!r}")
    return timeout
