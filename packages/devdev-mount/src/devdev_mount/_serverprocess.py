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
from threading import Lock, Thread

from devdev_mount import _forks
from devdev_mount._driver import DriverName
from devdev_mount._errors import MountError, ServerDied
from devdev_mount._host import ImportReport, Progress
from devdev_mount._messages import (
    MountPlace,
    decode_failure,
    decode_import,
    decode_pull,
    decode_push,
)
from devdev_mount._reports import PullReport, PushReport
from devdev_mount._wire import Channel, ChannelClosed, Kind

START_TIMEOUT = 30.0
"""For the server to start, load a snapshot and mount."""
CALL_TIMEOUT = 120.0
"""For a sign of life while an operation runs."""
COPY_TIMEOUT = 900.0
"""For a directory to be copied, in either direction: about a million files."""
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

    def __init__(self, start: bytes, driver: DriverName) -> None:
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
            self._start(start, COPY_TIMEOUT if driver == "copy" else START_TIMEOUT)
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
            raise self._died() from None
        if frame.kind == Kind.FAILED:
            raise decode_failure(frame.payload)
        self.place = MountPlace(**json.loads(frame.payload))

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
        """Have it read a host directory."""
        with self._connection() as channel:
            channel.send(Kind.IMPORT, json.dumps(request).encode())
            while (frame := channel.receive()).kind == Kind.PROGRESS:
                if progress is not None:
                    progress(decode_import(frame.payload))
        if frame.kind == Kind.FAILED:
            raise decode_failure(frame.payload)
        return decode_import(frame.payload)

    def mount(
        self,
        fs: int,
        mountpoint: str | None,
        driver: DriverName,
        options: Mapping[str, object],
    ) -> MountPlace:
        """Have a filesystem of it mounted."""
        answer = self._ask(
            Kind.MOUNT,
            COPY_TIMEOUT,
            fs=fs,
            mountpoint=mountpoint,
            driver=driver,
            options=options,
        )
        return MountPlace(**json.loads(answer))

    def unmount(self, number: int) -> None:
        """Have a mount ended."""
        self._ask(Kind.UNMOUNT, COPY_TIMEOUT, number=number)

    def attribute(self, number: int, pid: int, span: int) -> None:
        """Have what a process does on a mount belong to a span."""
        self._ask(Kind.ATTRIBUTE, number=number, pid=pid, span=span)

    def requests(self, number: int) -> dict[str, int]:
        """What the kernel asked a mount for so far."""
        return dict(json.loads(self._ask(Kind.REQUESTS, number=number)))

    def push(self, number: int) -> PushReport:
        """Have a mount show what changed."""
        return decode_push(self._ask(Kind.PUSH, COPY_TIMEOUT, number=number))

    def pull(self, number: int, actor: str | None) -> PullReport:
        """Have brought in what programs changed at a mount."""
        answer = self._ask(Kind.PULL, COPY_TIMEOUT, number=number, actor=actor)
        return decode_pull(answer)

    def _ask(
        self, kind: Kind, timeout: float = CALL_TIMEOUT, **request: object
    ) -> bytes:
        """Ask something of a mount."""
        with self._connection(timeout) as channel:
            channel.send(kind, json.dumps(request).encode())
            frame = channel.receive()
        if frame.kind == Kind.FAILED:
            raise decode_failure(frame.payload)
        return frame.payload

    @contextmanager
    def _connection(self, timeout: float = CALL_TIMEOUT) -> Iterator[Channel]:
        """A connection for one call; what went wrong is not used again."""
        channel = self._take()
        channel.settimeout(timeout)
        try:
            yield channel
        except TimeoutError:
            channel.close()
            raise MountError(
                f"the server (pid {self.pid}) did not answer in {timeout:.0f} s"
            ) from None
        except ChannelClosed:
            channel.close()
            raise self._died() from None
        except BaseException:
            channel.close()
            raise
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
        return Channel(ours)

    def _give_back(self, channel: Channel) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(channel)
                return
        channel.close()

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
