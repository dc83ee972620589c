"""The process that serves a filesystem, from its owner's side: calls, and its end."""

import sys

if sys.platform != "linux":
    raise ImportError("only Linux has a mount driver")

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock, Thread

from devdev_mount import _forks
from devdev_mount._errors import MountError, ServerDied
from devdev_mount._host import ImportReport, Progress
from devdev_mount._messages import decode_failure, decode_report
from devdev_mount._wire import Channel, ChannelClosed, Kind

START_TIMEOUT = 30.0
"""For the server to start, load a snapshot and mount."""
CALL_TIMEOUT = 120.0
"""For a sign of life while an operation runs."""
STOP_TIMEOUT = 5.0
"""For an orderly end of the server, before it is killed."""

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from devdev_mount._server import main; main(*map(int, sys.argv[2:]))"
)


class ServerProcess:
    """The server's process, and the connections to it.

    Each thread that calls takes a connection from a pool, so calls do not wait for
    one another here; a connection is only ever used by one thread at a time.

    `_lock` guards the pool and the control connection; it is never held while
    waiting for a call.
    """

    def __init__(self, start: bytes) -> None:
        self._lock = Lock()
        self._idle: list[Channel] = []
        self._closed = False
        ours, theirs = socket.socketpair()
        watched, lifeline = os.pipe()
        self._lifeline = os.fdopen(lifeline, "wb", buffering=0)
        self._control = Channel(ours)
        try:
            self._process = _spawn(theirs, watched)
        except BaseException:
            ours.close()
            self._lifeline.close()
            raise
        finally:
            theirs.close()
            os.close(watched)
        _forks.register(self._forget)
        # Reaps the process when it ends, so that it is no zombie until it is asked for.
        self._reaper = Thread(target=self._process.wait, daemon=True)
        self._reaper.start()
        try:
            self._start(start)
        except BaseException:
            self.close()
            raise

    def _start(self, start: bytes) -> None:
        self._control.settimeout(START_TIMEOUT)
        try:
            self._control.send(Kind.START, start)
            frame = self._control.receive()
        except TimeoutError:
            message = f"the server did not start within {START_TIMEOUT:.0f} s"
            raise MountError(message) from None
        except ChannelClosed:
            raise self._died() from None
        if frame.kind == Kind.FAILED:
            raise decode_failure(frame.payload)
        ready = json.loads(frame.payload)
        self.path = Path(ready["path"])
        self.driver: str = ready["driver"]

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    # --- calls -------------------------------------------------------------------

    def call(self, frame: bytes) -> bytes:
        """One operation, there and back."""
        with self._connection() as channel:
            channel.send(Kind.CALL, frame)
            return channel.receive().payload

    def import_tree(
        self, request: Mapping[str, object], progress: Progress | None
    ) -> ImportReport:
        """Have the server read a host directory."""
        with self._connection() as channel:
            channel.send(Kind.IMPORT, json.dumps(request).encode())
            while (frame := channel.receive()).kind == Kind.PROGRESS:
                if progress is not None:
                    progress(decode_report(frame.payload))
        if frame.kind == Kind.FAILED:
            raise decode_failure(frame.payload)
        return decode_report(frame.payload)

    def attribute(self, pid: int, span: int) -> None:
        """Have what a process does belong to a span."""
        request = json.dumps({"pid": pid, "span": span}).encode()
        self._ask(Kind.ATTRIBUTE, request)

    def requests(self) -> dict[str, int]:
        """What the kernel asked for so far."""
        return dict(json.loads(self._ask(Kind.REQUESTS)))

    def _ask(self, kind: Kind, payload: bytes = b"") -> bytes:
        """Ask about the mount."""
        with self._connection() as channel:
            channel.send(kind, payload)
            frame = channel.receive()
        if frame.kind == Kind.FAILED:
            raise decode_failure(frame.payload)
        return frame.payload

    @contextmanager
    def _connection(self) -> Iterator[Channel]:
        """A connection for one call; what went wrong is not used again."""
        channel = self._take()
        try:
            yield channel
        except BaseException as error:
            channel.close()
            raise self._explain(error) from None
        self._give_back(channel)

    def _take(self) -> Channel:
        with self._lock:
            if self._closed:
                raise MountError("the served filesystem is closed")
            if self._idle:
                return self._idle.pop()
            ours, theirs = socket.socketpair()
            try:
                self._control.send(Kind.CONNECT, fd=theirs.fileno())
            except ChannelClosed:
                ours.close()
                raise self._died() from None
            finally:
                theirs.close()
        channel = Channel(ours)
        channel.settimeout(CALL_TIMEOUT)
        return channel

    def _give_back(self, channel: Channel) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(channel)
                return
        channel.close()

    def _explain(self, error: BaseException) -> BaseException:
        if isinstance(error, ChannelClosed):
            return self._died()
        if isinstance(error, TimeoutError):
            waited = f"{CALL_TIMEOUT:.0f} s"
            return MountError(f"the server (pid {self.pid}) did not answer in {waited}")
        return error

    def _died(self) -> MountError:
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
        with self._lock:
            if self._closed:
                return
            self._closed = True
            idle, self._idle = self._idle, []
        with suppress(ChannelClosed, TimeoutError):
            self._control.settimeout(STOP_TIMEOUT)
            self._control.send(Kind.STOP)
        for channel in idle:
            channel.close()
        self._reaper.join(STOP_TIMEOUT)
        if self._reaper.is_alive():
            self._process.kill()
            self._reaper.join(STOP_TIMEOUT)
        self._control.close()
        self._lifeline.close()
        _forks.unregister(self._forget)

    def _forget(self) -> None:
        """In a forked child, which is no owner: let go of what keeps the server up."""
        self._closed = True
        self._lifeline.close()
        for channel in (self._control, *self._idle):
            channel.close()


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
