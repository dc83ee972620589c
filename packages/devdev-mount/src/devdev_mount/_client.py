"""`serve()`: a filesystem and its mount in a process of their own, and its client.

The client has the interface of `Fs`: an operation is one frame there and one back.
Each thread that calls takes a connection from a pool, so calls do not wait for one
another here; a connection is only ever used by one thread at a time.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import Self

from devdev_fs import FsBase
from devdev_fs.testing import ManualClock
from devdev_fs.wire import RemoteFs

from devdev_mount import _forks
from devdev_mount._driver import MountOptions
from devdev_mount._errors import MountError
from devdev_mount._host import ImportReport, Progress
from devdev_mount._messages import StartRequest, decode_failure, decode_report
from devdev_mount._wire import Channel, ChannelClosed, Kind

START_TIMEOUT = 30.0
"""For the server to start, load a snapshot and mount."""
CALL_TIMEOUT = 120.0
"""For a sign of life while an operation runs."""
STOP_TIMEOUT = 5.0
"""For an orderly end of the server, before it is killed."""
CLEANUP_TIMEOUT = 5.0
"""For the watcher to undo the mount of a server that was killed."""

DEFAULT_MAX_BYTES = 2 * 1024**3
DEFAULT_MAX_INODES = 2**20

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from devdev_mount._server import main; main(*map(int, sys.argv[2:]))"
)


class ServerDied(MountError):
    """The process that owned the filesystem ended; what was in it is lost."""


def serve(
    mountpoint: str | os.PathLike[str] | None = None,
    *,
    snapshot: bytes | None = None,
    options: MountOptions | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
    max_inodes: int = DEFAULT_MAX_INODES,
    umask: int = 0o022,
    clock: ManualClock | None = None,
) -> "Served":
    """Make a filesystem in a process of its own, and mount it.

    This is the way to use a mount from the program that makes it: files mapped
    from it, programs started on it and modules imported from it all work, and a busy
    thread here does not slow it down. `mount` has none of that, and is for programs
    that do nothing else.

    Args:
        mountpoint: an empty directory; None makes a private one and removes it.
        snapshot: what `FsBase.dump` gave; None begins empty. Its quotas then count.
        options: how the filesystem is shown.
        max_bytes: quota on content.
        max_inodes: quota on inodes.
        umask: taken off the modes of what is made through the API.
        clock: where the server's clock starts and how it steps; None is the system's.

    Raises:
        DriverUnavailable: nothing can be mounted here; says what is missing.
        MountError: it was not mounted, or the server did not start in time.
        SnapshotError: `snapshot` is none.
    """
    request = StartRequest(
        mountpoint=None if mountpoint is None else os.path.abspath(mountpoint),
        options=asdict(MountOptions() if options is None else options),
        max_bytes=max_bytes,
        max_inodes=max_inodes,
        umask=umask,
        clock=None if clock is None else (clock.time_ns, clock.step_ns),
        has_snapshot=snapshot is not None,
    )
    return Served(_Server(request.encode(snapshot or b"")))


class Served:
    """A served filesystem: the client, and the mount. Close it, or use `with`.

    When this process ends, in whatever way, so do the server and the mount.
    """

    def __init__(self, server: "_Server") -> None:
        self._server = server
        self.fs: FsBase = RemoteFs(server.call)
        """The filesystem; usable from many threads."""
        self.path = server.path
        """Where it is mounted."""
        self.driver = server.driver

    @property
    def is_alive(self) -> bool:
        """Whether the server runs."""
        return self._server.is_alive

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._server.pid

    def import_tree(
        self,
        source: str | os.PathLike[str],
        destination: str = "/",
        *,
        exclude: Iterable[str] = (),
        progress: Progress | None = None,
    ) -> ImportReport:
        """Copy what is in a host directory into the filesystem; see `import_tree`.

        The server reads it. If `progress` raises, what was read is soon removed.

        Raises:
            OSError: `source` is no directory, or something in it cannot be read.
            FsError: EEXIST, ENOTDIR (`destination`), ENOSPC.
        """
        request = {
            "source": os.path.abspath(source),
            "destination": destination,
            "exclude": list(exclude),
        }
        return self._server.import_tree(request, progress)

    def close(self) -> None:
        """Unmount and end the server, within bounds; again is nothing.

        What was not dumped before is gone.
        """
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Server:
    """The server's process, and the connections to it.

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
        channel = self._take()
        try:
            channel.send(Kind.CALL, frame)
            reply = channel.receive()
        except BaseException as error:
            channel.close()
            raise self._explain(error) from None
        self._give_back(channel)
        return reply.payload

    def import_tree(
        self, request: Mapping[str, object], progress: Progress | None
    ) -> ImportReport:
        """Have the server read a host directory."""
        channel = self._take()
        try:
            channel.send(Kind.IMPORT, json.dumps(request).encode())
            while (frame := channel.receive()).kind == Kind.PROGRESS:
                if progress is not None:
                    progress(decode_report(frame.payload))
        except BaseException as error:
            channel.close()
            raise self._explain(error) from None
        self._give_back(channel)
        if frame.kind == Kind.FAILED:
            raise decode_failure(frame.payload)
        return decode_report(frame.payload)

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
