"""The process that owns a filesystem and serves its mount.

It runs in a fresh interpreter of its own, because a Python process must not use a
mount that it serves itself: whatever waits for the mount while it holds the GIL
waits for ever. It ends when its owner does: the control connection closes then.

Threads: the main one waits on the control connection, one serves the mount, and
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
from functools import partial
from threading import Thread
from typing import NoReturn

from devdev_fs import Fs
from devdev_fs.testing import ManualClock
from devdev_fs.wire import Answerer

from devdev_mount._driver import MountOptions
from devdev_mount._errors import MountError
from devdev_mount._host import ImportReport, import_tree
from devdev_mount._messages import StartRequest, encode_failure, encode_report
from devdev_mount._mount import Mount, mount
from devdev_mount._wire import Channel, ChannelClosed, Frame, Kind

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
            the watcher, in case this process hangs then.
    """
    logging.basicConfig(format="devdev server: %(levelname)s: %(message)s")
    sys.setswitchinterval(SWITCH_INTERVAL)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    channel = Channel(socket.socket(fileno=control))
    try:
        started = _start(channel, lifeline)
        if started is not None:
            fs, mounted = started
            with mounted:
                _wait_for_end(channel, fs, mounted)
    except ChannelClosed:
        logger.debug("the owner ended")


def _end(number: int, frame: object) -> NoReturn:
    raise SystemExit(0)


def _start(channel: Channel, lifeline: int) -> tuple[Fs, Mount] | None:
    request, snapshot = StartRequest.decode(channel.receive().payload)
    try:
        fs = _make_fs(request, snapshot)
        mounted = mount(
            fs,
            request.mountpoint,
            options=MountOptions(**request.options),
            spin_s=SPIN,
            lifeline=lifeline,
        )
    except (OSError, ValueError, MountError) as error:
        channel.send(Kind.FAILED, encode_failure(error))
        return None
    finally:
        os.close(lifeline)
    ready = {"path": os.fspath(mounted.path), "driver": mounted.driver}
    channel.send(Kind.READY, json.dumps(ready).encode())
    return fs, mounted


def _make_fs(request: StartRequest, snapshot: bytes) -> Fs:
    fs = Fs(
        clock=None if request.clock is None else ManualClock(*request.clock),
        umask=request.umask,
        max_bytes=request.max_bytes,
        max_inodes=request.max_inodes,
    )
    if request.has_snapshot:
        fs.load(snapshot)
    return fs


def _wait_for_end(control: Channel, fs: Fs, mounted: Mount) -> None:
    answerer = Answerer(fs)
    while (frame := control.receive()).kind == Kind.CONNECT:
        assert frame.descriptor is not None
        channel = Channel(socket.socket(fileno=frame.descriptor))
        arguments = (channel, fs, mounted, answerer)
        Thread(target=_serve_calls, args=arguments, daemon=True).start()


# --- calls -----------------------------------------------------------------------


def _serve_calls(
    channel: Channel, fs: Fs, mounted: Mount, answerer: Answerer
) -> None:
    """Answer one connection's calls, one at a time."""

    def call(frame: Frame) -> None:
        channel.send(Kind.REPLY, answerer.answer(frame.payload))

    handlers: dict[Kind, Callable[[Frame], None]] = {
        Kind.CALL: call,
        Kind.IMPORT: partial(_import, channel, fs),
        Kind.ATTRIBUTE: partial(_attribute, channel, mounted),
        Kind.REQUESTS: partial(_requests, channel, mounted),
    }
    try:
        while True:
            frame = channel.receive()
            handlers[frame.kind](frame)
    except ChannelClosed:
        channel.close()


def _import(channel: Channel, fs: Fs, frame: Frame) -> None:
    def tell(report: ImportReport) -> None:
        channel.send(Kind.PROGRESS, encode_report(report))

    request = json.loads(frame.payload)
    try:
        report = import_tree(fs, **request, progress=tell)
    except ChannelClosed:
        raise
    except OSError as error:
        channel.send(Kind.FAILED, encode_failure(error))
    else:
        channel.send(Kind.IMPORTED, encode_report(report))


def _attribute(channel: Channel, mounted: Mount, frame: Frame) -> None:
    try:
        mounted.attribute(**json.loads(frame.payload))
    except ProcessLookupError as error:
        channel.send(Kind.FAILED, encode_failure(error))
    else:
        channel.send(Kind.TOLD, b"null")


def _requests(channel: Channel, mounted: Mount, frame: Frame) -> None:
    channel.send(Kind.TOLD, json.dumps(mounted.requests).encode())
