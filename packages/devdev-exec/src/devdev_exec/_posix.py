"""Starts a program under a pseudo-terminal, or with pipes (Linux).

Nothing here touches the program or its directory but the child itself: they may
lie on a mount whose server is slow or hangs, and then only the child waits.
"""

import sys

if sys.platform != "linux":
    raise ImportError("only the helper loads this, and it runs on Linux only")

import contextlib
import errno
import fcntl
import os
import resource
import signal
from typing import TYPE_CHECKING

from ptyprocess import PtyProcess

from devdev_exec._execve import NotStarted, execute
from devdev_exec._namespace import show_at
from devdev_exec._processes import die_with_parent
from devdev_exec._program import Program
from devdev_exec._wire import Request, encode

if TYPE_CHECKING:
    from typing import NoReturn

_TIOCGPTPEER = 0x5441  # include/uapi/asm-generic/ioctls.h
_OOM_SCORE_STEP = 500  # half of what all of the memory counts
_OOM_SCORE_MAX = 1000
_DESCRIPTORS = 64  # more than this process ever has open


def limit_descriptors() -> tuple[int, int]:
    """Lower this process's limit of open files, and return what it was.

    Closing all descriptors takes one system call per possible one where Python
    was built without close_range(2), and a container's limit may be a billion.
    """
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_DESCRIPTORS, *limits), limits[1]))
    return limits


def spawn(request: Request, open_files: tuple[int, int]) -> Program:
    """Start a program; it may not have reached execve(2) when this returns.

    It gets descriptors 0, 1 and 2 only, default signal dispositions, an empty
    signal mask, a session of its own, and is killed if this process ends.

    Args:
        request: What to run.
        open_files: Its soft and hard RLIMIT_NOFILE.

    Raises:
        OSError: No process, terminal or pipe is to be had.
    """
    status, child_status = os.pipe()
    child_input, own_input = os.pipe() if request.has_input else (None, None)
    child = _Child(request, open_files, child_status, child_input)
    try:
        if request.pty:
            program = _spawn_in_terminal(child, status, own_input)
        else:
            program = _spawn_with_pipes(child, status, own_input)
    except BaseException:
        child.leave()
        raise
    finally:
        os.close(child_status)
        if child_input is not None:
            os.close(child_input)
    return program


def _spawn_in_terminal(child: "_Child", status: int, own_input: int | None) -> Program:
    # ptyprocess makes the terminal, the session and the child. It would look the
    # program up in this process and wait here until it is executed: so it is
    # given a program that is there, and `become_program` never returns to it.
    process = PtyProcess.spawn(
        [sys.executable],
        preexec_fn=child.become_program,
        dimensions=(child.request.rows, child.request.columns),
        pass_fds=child.descriptors,
    )
    output = os.dup(process.fd)
    is_typed = child.request.interactive
    process.fileobj.close()
    process.closed = True  # else its finalizer sleeps, and ends the program
    flags = os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC
    return Program(
        pid=process.pid,
        status=status,
        output=output,
        input=os.dup(output) if is_typed else own_input,
        is_typed=is_typed,
        terminal=fcntl.ioctl(output, _TIOCGPTPEER, flags),
    )


def _spawn_with_pipes(child: "_Child", status: int, own_input: int | None) -> Program:
    output, child_output = os.pipe()
    stderr, child_stderr = os.pipe()
    pid = os.fork()
    if pid == 0:
        child.run_with_pipes(child_output, child_stderr)
    os.close(child_output)
    os.close(child_stderr)
    return Program(
        pid=pid, status=status, output=output, stderr=stderr, input=own_input
    )


class _NoNamespace(NotStarted):
    """It is for want of a mount namespace."""


class _Child:
    """What the forked child does until it is the program."""

    def __init__(
        self,
        request: Request,
        open_files: tuple[int, int],
        status: int,
        input: int | None,
    ) -> None:
        self.request = request
        self._open_files = open_files
        self._status = status
        self._input = input
        self._parent = os.getpid()

    @property
    def descriptors(self) -> tuple[int, ...]:
        return (self._status,) if self._input is None else (self._status, self._input)

    def run_with_pipes(self, output: int, stderr: int) -> "NoReturn":
        try:
            os.setsid()
            os.dup2(output, 1)
            os.dup2(stderr, 2)
            if self._input is None:
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        finally:
            self.become_program()

    def become_program(self) -> "NoReturn":
        """Execute the program, or say on the status pipe why not, and end."""
        failure: dict[str, object] = {}
        try:
            self._prepare()
            if self.request.shown is not None:
                _show(*self.request.shown)
            _enter(self.request.cwd)
            execute(self.request.argv, self.request.env)
        except _NoNamespace as exc:
            failure = {"errno": exc.errno, "message": str(exc), "no_namespace": True}
        except NotStarted as exc:
            failure = {"errno": exc.errno, "message": str(exc)}
        except BaseException as exc:
            code = getattr(exc, "errno", None) or errno.EINVAL
            message = f"program {self.request.argv[0]!r} was not started: {exc}"
            failure = {"errno": code, "message": message}
        finally:
            try:
                os.write(self._status, encode(failure))
            finally:
                os._exit(127)

    def leave(self) -> None:
        """End this process if it is the child.

        Whatever happens, the parent's code does not go on in it.
        """
        if os.getpid() != self._parent:
            os._exit(127)

    def _prepare(self) -> None:
        if self._input is not None:
            os.dup2(self._input, 0)
        os.closerange(3, self._status)
        os.closerange(self._status + 1, _DESCRIPTORS)
        die_with_parent(self._parent)
        for number in signal.valid_signals():
            if signal.getsignal(number) is signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.umask(self.request.umask)
        _be_ended_first()
        resource.setrlimit(resource.RLIMIT_NOFILE, self._open_files)


def _be_ended_first() -> None:
    """Have the kernel end this rather than its owner where memory runs out.

    See proc_pid_oom_score_adj(5); who may not write it, as in some containers, is left
    as it is.
    """
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "r+b") as file:
        own = int(file.read())
        file.seek(0)
        file.write(b"%d" % min(own + _OOM_SCORE_STEP, _OOM_SCORE_MAX))


def _show(source: str, target: str) -> None:
    try:
        show_at(source, target)
    except OSError as exc:
        reason = "this host permits no mount namespace to it"
        message = f"{source!r} cannot be shown at {target!r}: {exc.strerror}; {reason}"
        raise _NoNamespace(exc.errno or errno.EPERM, message) from exc


def _enter(cwd: str) -> None:
    try:
        os.chdir(cwd)
    except OSError as exc:
        code = exc.errno or errno.EINVAL
        reason = {
            errno.ENOENT: "does not exist; create it first",
            errno.ENOTDIR: "is not a directory",
            errno.EACCES: "may not be entered: it lacks the execute permission",
        }.get(code, f"cannot be entered: {exc.strerror}")
        raise NotStarted(code, f"working directory {cwd!r} {reason}") from exc
