"""The process that owns a filesystem and serves its mounts.

It runs in a fresh interpreter of its own, because a Python process must not use a
mount that it serves itself: whatever waits for the mount while it holds the GIL
waits for ever. It ends when its owner does: the control connection closes then.

Threads: the main one waits on the control connection, one serves each mount, and
each connection for calls has its own.
"""

import sys

if sys.platform != "linux":
    raise ImportError("only Linux has a mount driver")

import json
import logging
import os
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from threading import Lock, Thread
from typing import Any, NoReturn

from devdev_fs import Fs
from devdev_fs.testing import ManualClock
from devdev_fs.wire import Answerer

from devdev_mount._driver import DriverName, MountOptions
from devdev_mount._errors import MountError
from devdev_mount._host import ImportReport, import_tree
from devdev_mount._messages import (
    MountPlace,
    StartRequest,
    encode_failure,
    encode_report,
)
from devdev_mount._mount import Mount, mount
from devdev_mount._wire import Channel, ChannelClosed, Kind

logger = logging.getLogger(__name__)

SWITCH_INTERVAL = 0.0005
"""How long a busy thread keeps the interpreter while the mount has a request: a
tenth of CPython's default, since every request waits for it."""

SPIN = 0.00005
"""Seconds to poll for the next request before sleeping, since being woken up costs
more than most requests do."""


def main(control: int, lifeline: int) -> None:
    """Serve what the owner asks for on the `control` socket, until it ends.

    Args:
        control: the connected socket's descriptor.
        lifeline: the read end of a pipe that closes when the owner ends; it is for
            the watchers, in case this process hangs then.
    """
    logging.basicConfig(format="devdev server: %(levelname)s: %(message)s")
    sys.setswitchinterval(SWITCH_INTERVAL)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    channel = Channel(socket.socket(fileno=control))
    try:
        server = _start(channel, lifeline)
        if server is not None:
            try:
                server.wait_for_end()
            finally:
                server.unmount_all()
    except ChannelClosed:
        logger.debug("the owner ended")


def _end(number: int, frame: object) -> NoReturn:
    raise SystemExit(0)


def _start(channel: Channel, lifeline: int) -> "_Server | None":
    request, snapshot = StartRequest.decode(channel.receive().payload)
    try:
        server = _Server(channel, lifeline, _make_fs(request, snapshot))
        ready = server.mount(0, request.mountpoint, request.driver, request.options)
    except (OSError, ValueError, MountError) as error:
        channel.send(Kind.FAILED, encode_failure(error))
        return None
    channel.send(Kind.READY, ready)
    return server


def _make_fs(request: StartRequest, snapshot: bytes) -> Fs:
    fs = Fs(
        clock=None if request.clock is None else ManualClock(*request.clock),
        umask=request.umask,
        atime=request.atime,
        max_bytes=request.max_bytes,
        max_inodes=request.max_inodes,
    )
    if request.has_snapshot:
        fs.load(snapshot)
    return fs


class _Server:
    """A filesystem, its mounts and those of its forks, and who calls.

    `_lock` guards the mounts' numbers; it is not held while mounting.
    """

    def __init__(self, control: Channel, lifeline: int, fs: Fs) -> None:
        self._control = control
        self._lifeline = lifeline
        self._fs = fs
        self._answerer = Answerer(fs)
        self._lock = Lock()
        self._mounts: dict[int, Mount] = {}
        self._next = 0
        self._duties: dict[Kind, Callable[..., bytes]] = {
            Kind.ATTRIBUTE: self.attribute,
            Kind.REQUESTS: self.requests,
            Kind.PUSH: self.push,
            Kind.PULL: self.pull,
            Kind.MOUNT: self.mount,
            Kind.UNMOUNT: self.unmount,
        }

    def wait_for_end(self) -> None:
        """Take connections until the owner wants an end, or ends itself."""
        while (frame := self._control.receive()).kind == Kind.CONNECT:
            assert frame.descriptor is not None
            channel = Channel(socket.socket(fileno=frame.descriptor))
            Thread(target=self._serve_calls, args=(channel,), daemon=True).start()

    def unmount_all(self) -> None:
        """End every mount; the last one first."""
        with ExitStack() as ends:
            for mounted in [*self._mounts.values()]:
                ends.callback(_drop, mounted)

    # --- calls -------------------------------------------------------------------

    def _serve_calls(self, channel: Channel) -> None:
        """Answer one connection's calls, one at a time."""
        try:
            while True:
                frame = channel.receive()
                if frame.kind == Kind.CALL:
                    channel.send(Kind.REPLY, self._answerer.answer(frame.payload))
                elif frame.kind == Kind.IMPORT:
                    self._import(channel, json.loads(frame.payload))
                else:
                    self._do(channel, frame.kind, json.loads(frame.payload))
        except ChannelClosed:
            channel.close()

    def _import(self, channel: Channel, request: dict[str, Any]) -> None:
        def tell(report: ImportReport) -> None:
            channel.send(Kind.PROGRESS, encode_report(report))

        try:
            report = import_tree(self._fs, **request, progress=tell)
        except ChannelClosed:
            raise
        except OSError as error:
            channel.send(Kind.FAILED, encode_failure(error))
        else:
            channel.send(Kind.IMPORTED, encode_report(report))

    def _do(self, channel: Channel, kind: Kind, request: dict[str, Any]) -> None:
        try:
            answer = self._duties[kind](**request)
        except (OSError, ValueError, MountError) as error:
            channel.send(Kind.FAILED, encode_failure(error))
        else:
            channel.send(Kind.TOLD, answer)

    # --- mounts ------------------------------------------------------------------

    def mount(
        self,
        fs: int,
        mountpoint: str | None,
        driver: DriverName,
        options: dict[str, Any],
    ) -> bytes:
        """Mount the filesystem (0), or a fork of it; say where, and its number."""
        mounted = mount(
            self._filesystem(fs),
            mountpoint,
            options=MountOptions(**options),
            driver=driver,
            spin_s=SPIN,
            lifeline=self._lifeline,
        )
        with self._lock:
            number, self._next = self._next, self._next + 1
            self._mounts[number] = mounted
        place = MountPlace(
            number=number, path=os.fspath(mounted.path), driver=mounted.driver
        )
        return json.dumps(asdict(place)).encode()

    def _filesystem(self, number: int) -> Fs:
        fs = self._answerer.filesystem(number)
        assert isinstance(fs, Fs)
        return fs

    def unmount(self, number: int) -> bytes:
        """End a mount; again is nothing."""
        mounted = self._mounts.get(number)
        if mounted is not None:
            mounted.unmount()
            with self._lock:
                self._mounts.pop(number, None)
        return b"null"

    def _mount(self, number: int) -> Mount:
        mounted = self._mounts.get(number)
        if mounted is None:
            raise MountError("this mount is closed")
        return mounted

    def attribute(self, number: int, pid: int, span: int) -> bytes:
        """See `Mount.attribute`."""
        self._mount(number).attribute(pid, span)
        return b"null"

    def requests(self, number: int) -> bytes:
        """See `Mount.requests`."""
        return json.dumps(self._mount(number).requests).encode()

    def push(self, number: int) -> bytes:
        """See `Mount.push`."""
        return encode_report(self._mount(number).push())

    def pull(self, number: int, actor: str | None) -> bytes:
        """See `Mount.pull`."""
        return encode_report(self._mount(number).pull(actor))


def _drop(mounted: Mount) -> None:
    """End a mount together with the filesystem."""
    try:
        mounted.unmount()
    except (OSError, ValueError):
        # A copy that cannot be pulled: nobody could see any more what it would bring.
        mounted.unmount()
