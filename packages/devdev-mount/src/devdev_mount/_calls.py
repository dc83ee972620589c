"""Calls to the process that serves a filesystem, over a pool of connections."""

import sys

if sys.platform != "linux":
    raise ImportError("only Linux has a mount driver")

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from threading import Lock

from devdev_mount import _forks
from devdev_mount._driver import DriverName
from devdev_mount._errors import MountError
from devdev_mount._host import ImportReport, Progress
from devdev_mount._messages import (
    MountPlace,
    decode_failure,
    decode_import,
    decode_pull,
    decode_push,
    decode_saved,
    decode_status,
)
from devdev_mount._reports import PullReport, PushReport
from devdev_mount._status import SavedState, ServedStatus
from devdev_mount._wire import Channel, ChannelClosed, Kind

CALL_TIMEOUT = 120.0
"""For a sign of life while an operation runs."""
COPY_TIMEOUT = 900.0
"""For a directory to be copied, in either direction: about a million files."""


class Calls(ABC):
    """What can be asked of a server.

    Each thread that calls takes a connection from a pool, so calls do not wait for
    one another here; a connection is only ever used by one thread at a time. What
    inherits from this says how a connection is made, and what it means if one ends;
    and registers `_forget` when it holds something.

    `_lock` guards the pool; it is never held while waiting for anything.

    Args:
        connections: the most connections at a time; who wants another then waits.
    """

    def __init__(self, connections: int) -> None:
        self._lock = Lock()
        self._idle: list[Channel] = []
        self._closed = False
        # Not a semaphore: an exception of a signal handler would leave that locked.
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(connections):
            self._free.put(None)

    @property
    @abstractmethod
    def pid(self) -> int:
        """The server's process."""

    @abstractmethod
    def _connect(self) -> Channel:
        """One more connection for calls."""

    @abstractmethod
    def _lost(self) -> MountError:
        """The error to raise when a connection has ended."""

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

    def status(self) -> ServedStatus:
        """What it does at the moment."""
        return decode_status(self._ask(Kind.STATUS))

    def save(self, actor: str, history: bool) -> SavedState:
        """Have the state saved."""
        saved = decode_saved(self._ask(Kind.SAVE, actor=actor, history=history))
        assert saved is not None
        return saved

    def saved(self) -> SavedState | None:
        """What is saved; None if no state is kept."""
        return decode_saved(self._ask(Kind.SAVED))

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

    # --- connections -------------------------------------------------------------

    @contextmanager
    def _connection(self, timeout: float = CALL_TIMEOUT) -> Iterator[Channel]:
        """A connection for one call; what went wrong is not used again."""
        try:
            self._free.get(timeout=timeout)
        except Empty:
            message = f"all connections were busy for {timeout:.0f} s"
            raise MountError(message) from None
        try:
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
                raise self._lost() from None
            except BaseException:
                channel.close()
                raise
            self._give_back(channel)
        finally:
            self._free.put(None)

    def _take(self) -> Channel:
        with self._lock:
            if self._closed:
                raise MountError("the served filesystem is closed")
            if self._idle:
                return self._idle.pop()
        try:
            return self._connect()
        except ChannelClosed:
            raise self._lost() from None

    def _give_back(self, channel: Channel) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(channel)
                return
        channel.close()

    def _close_pool(self) -> bool:
        """Close the connections that are idle, and have no more; False if it was so."""
        with self._lock:
            if self._closed:
                return False
            self._closed = True
            idle, self._idle = self._idle, []
        for channel in idle:
            channel.close()
        _forks.unregister(self._forget)
        return True

    def _forget(self) -> None:
        """In a forked child, which is no client: let go of the connections."""
        self._closed = True
        for channel in self._idle:
            channel.close()
