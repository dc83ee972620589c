"""The process that serves a filesystem, from its owner's side: calls, and its end."""

import sys

if sys.platform != "linux":
    raise ImportError("only Linux has a mount driver")

import json
import os
import signal
import socket
import subprocess
from contextlib import suppress
from threading import Lock, Thread

from devdev_mount import _forks
from devdev_mount._calls import Calls
from devdev_mount._errors import MountError, ServerDied
from devdev_mount._messages import Ready, decode_failure
from devdev_mount._private import remove_directory
from devdev_mount._wire import Channel, ChannelClosed, Kind

STOP_TIMEOUT = 5.0
"""For an orderly end of the server, before it is killed."""
CONNECTIONS = 1000
"""The most calls at a time."""

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from devdev_mount._server import main; main(*map(int, sys.argv[2:]))"
)


class ServerProcess(Calls):
    """The server's process, and the connections to it.

    `_control_lock` guards the control connection.
    """

    address: str | None = None
    """Where others find it; None if nowhere."""

    def __init__(self, start: bytes, timeout: float) -> None:
        super().__init__(CONNECTIONS)
        self._control_lock = Lock()
        ours, theirs = socket.socketpair()
        watched, lifeline = os.pipe()
        self._lifeline = os.fdopen(lifeline, "wb", buffering=0)
        self._control = Channel(ours)
        try:
            self._process = _spawn(theirs, watched)
        except BaseException:
            self._forget()
            raise
        finally:
            theirs.close()
            os.close(watched)
        _forks.register(self._forget)
        # Reaps the process when it ends, so that it is no zombie until it is asked for.
        self._reaper = Thread(target=self._reap, daemon=True)
        self._reaper.start()
        try:
            self._start(start, timeout)
        except BaseException:
            self.close()
            raise

    def _start(self, start: bytes, timeout: float) -> None:
        self._control.settimeout(timeout)
        try:
            self._control.send(Kind.START, start)
            frame = self._control.receive()
        except TimeoutError:
            message = f"the server did not start within {timeout:.0f} s"
            raise MountError(message) from None
        except ChannelClosed:
            raise self._lost() from None
        if frame.kind == Kind.FAILED:
            raise decode_failure(frame.payload)
        ready = Ready.decode(frame.payload)
        self.place, self.address = ready.place, ready.address
        self.is_kept = ready.is_kept

    def _reap(self) -> None:
        """Wait for the process, and remove what one that was killed left."""
        self._process.wait()
        if self._process.returncode and self.address is not None:
            with suppress(OSError):  # somebody else was quicker
                remove_directory(self.address)

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def _connect(self) -> Channel:
        ours, theirs = socket.socketpair()
        try:
            with self._control_lock:
                if self._closed:
                    raise ChannelClosed("closed here")
                self._control.send(Kind.CONNECT, fd=theirs.fileno())
        except ChannelClosed:
            ours.close()
            raise
        finally:
            theirs.close()
        return Channel(ours)

    def _lost(self) -> MountError:
        """The error to raise when a connection has ended."""
        if self._closed:
            return MountError("the served filesystem was closed meanwhile")
        self._reaper.join(STOP_TIMEOUT)
        code = self._process.returncode
        if code is None:
            how = "closed its connection"
        elif code < 0:
            how = f"was killed by {signal.Signals(-code).name}"
        else:
            how = f"ended with exit code {code}"
        return ServerDied(f"the filesystem's server (pid {self.pid}) {how}")

    # --- the end -----------------------------------------------------------------

    def close(self) -> None:
        """End the process, in order if it can, and see that the mount is gone."""
        if not self._close_pool():
            return
        with suppress(ChannelClosed, TimeoutError), self._control_lock:
            self._control.settimeout(STOP_TIMEOUT)
            self._control.send(Kind.STOP)
        self._reaper.join(STOP_TIMEOUT)
        if self._reaper.is_alive():
            self._process.kill()
            self._reaper.join(STOP_TIMEOUT)
        with self._control_lock:
            self._control.close()
        self._lifeline.close()

    def _forget(self) -> None:
        """In a forked child, which is no owner: let go of what keeps the server up."""
        super()._forget()
        self._lifeline.close()
        self._control.close()


def _spawn(control: socket.socket, lifeline: int) -> "subprocess.Popen[bytes]":
    """Start the server in a fresh interpreter that finds the same modules."""
    if not sys.executable:
        raise MountError("sys.executable is empty: there is no Python to serve with")
    arguments = [str(control.fileno()), str(lifeline)]
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _BOOT, json.dumps(sys.path), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=(control.fileno(), lifeline),
        start_new_session=True,
    )
