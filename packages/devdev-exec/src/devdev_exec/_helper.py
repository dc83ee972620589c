"""The launcher's helper: a small process that forks one supervisor per command.

It runs in a fresh interpreter, so that what is forked is single-threaded and small
whatever its owner is. It stands over the supervisors as they stand over commands:
what a supervisor leaves behind when it is killed falls to the helper, which ends
it. If the helper is killed, every supervisor finds the end of the lifeline, and
ends its command.
"""

import sys

if sys.platform != "linux":
    raise ImportError("only the helper loads this, and it runs on Linux only")

import contextlib
import gc
import os
import select
import signal
import socket
import time
from typing import TYPE_CHECKING

from devdev_exec._posix import limit_descriptors
from devdev_exec._processes import (
    SignalPipe,
    adopt_orphans,
    children,
    descendants,
    send_signals,
)
from devdev_exec._supervisor import Supervisor
from devdev_exec._timeouts import END_TIMEOUT, REAP_TIMEOUT
from devdev_exec._wire import Channel, Kind, encode

if TYPE_CHECKING:
    from typing import NoReturn

_SIGNALS = (signal.SIGCHLD, signal.SIGTERM)
_POLL_INTERVAL = 10  # milliseconds; SIGCHLD usually comes first


def main(control: int, owner: int) -> None:
    """Serve the process `owner` until it closes its end of `control` or ends."""
    os.chdir("/")  # and keep no directory or mount busy
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # Descriptors become small numbers, below the limit that is set later.
    sock = socket.socket(fileno=os.dup(control))
    os.close(control)
    with contextlib.suppress(ProcessLookupError):
        pidfd = os.pidfd_open(owner)
        if os.getppid() == owner:
            gc.freeze()  # or each fork would copy what the collector touches
            gc.disable()
            Helper(sock, pidfd).run()


class Helper:
    """Forks supervisors, and ends what outlives them."""

    def __init__(self, control: socket.socket, owner: int) -> None:
        """Take over both descriptors.

        Args:
            control: Brings the socket of each command, and ends with the launcher.
            owner: A pidfd. A child that the owner forked may hold the other end of
                `control` open for longer than the owner lives.
        """
        self._control = control
        self._owner = owner
        self._lifeline, self._lifeline_end = os.pipe()
        self._signals = SignalPipe(_SIGNALS)
        self._open_files = limit_descriptors()
        self._supervisors: set[int] = set()
        self._is_stopping = False

    def run(self) -> None:
        """Serve until the launcher is closed or its owner is gone; then end all."""
        adopt_orphans()
        poll = select.poll()
        for fd in (self._control.fileno(), self._owner, self._signals.fileno()):
            poll.register(fd, select.POLLIN)
        while not self._is_stopping:
            for fd, _ in poll.poll():
                if fd == self._owner:
                    self._is_stopping = True
                elif fd == self._control.fileno():
                    self._accept()
                else:
                    self._take_signals()
        self._stop()

    def _accept(self) -> None:
        try:
            data, fds, _, _ = socket.recv_fds(self._control, 1, 1)
        except ConnectionResetError:
            data, fds = b"", []
        self._is_stopping |= not data
        for fd in fds:
            with socket.socket(fileno=fd) as owner:
                self._fork(owner)

    def _fork(self, owner: socket.socket) -> None:
        # A signal between the fork and the supervisor's own pipe would be lost, or
        # come out of this process's pipe.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            pid = os.fork()
            if pid == 0:
                self._supervise(owner)
            self._supervisors.add(pid)
        except OSError as exc:
            message = f"no process for another command: {exc}"
            channel = Channel(owner)
            channel.send(Kind.FAILED, encode({"errno": exc.errno, "message": message}))
            channel.flush()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    def _supervise(self, owner: socket.socket) -> "NoReturn":
        try:
            self._control.close()
            os.close(self._owner)
            os.close(self._lifeline_end)
            self._signals.close()
            supervisor = Supervisor(owner, self._lifeline, self._open_files)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            supervisor.run()
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(0)

    def _take_signals(self) -> None:
        self._is_stopping |= signal.SIGTERM in self._signals.read()
        self._reap()

    def _reap(self) -> bool:
        """Reap who has ended and kill who was left; return whether any is there.

        A process that was forked while others were killed comes to the helper no
        later than the SIGCHLD of its parent, so nobody is missed.
        """
        try:
            while pid := os.waitpid(-1, os.WNOHANG)[0]:
                self._supervisors.discard(pid)
        except ChildProcessError:
            return False
        for stray in set(children(os.getpid())) - self._supervisors:
            send_signals([stray, *descendants(stray)], (signal.SIGKILL,))
        return True

    def _stop(self) -> None:
        """Let the supervisors end their commands; end what is left then."""
        os.close(self._lifeline_end)
        give_up = time.monotonic() + END_TIMEOUT
        while self._reap() and self._supervisors and time.monotonic() < give_up:
            self._pause()
        self._supervisors.clear()
        give_up = time.monotonic() + REAP_TIMEOUT
        while self._reap() and time.monotonic() < give_up:
            self._pause()

    def _pause(self) -> None:
        poll = select.poll()
        poll.register(self._signals.fileno(), select.POLLIN)
        poll.poll(_POLL_INTERVAL)
        self._signals.read()
