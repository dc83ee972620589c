"""The process that owns a filesystem and serves its mounts.

It runs in a fresh interpreter of its own, because a Python process must not use a
mount that it serves itself: whatever waits for the mount while it holds the GIL
waits for ever. It ends when its owner does: the control connection closes then.

Threads: the main one waits on the control connection, one serves each mount, one
takes clients that attach, and each connection for calls has its own.
"""

import sys

if sys.platform != "linux":
    raise ImportError("only Linux has a mount driver")

import logging
import os
import signal
import socket
from contextlib import ExitStack
from threading import Thread
from typing import NoReturn

from devdev_fs import Fs
from devdev_fs.testing import ManualClock

from devdev_mount import _watcher
from devdev_mount._callers import Caller
from devdev_mount._errors import MountError, StateError
from devdev_mount._listener import Listener
from devdev_mount._messages import Ready, StartRequest, encode_failure
from devdev_mount._registry import Registration
from devdev_mount._serving import Serving
from devdev_mount._state import Keeper, StateOptions
from devdev_mount._wire import Channel, ChannelClosed, Kind

logger = logging.getLogger(__name__)

SWITCH_INTERVAL = 0.0005
"""How long a busy thread keeps the interpreter while the mount has a request: a
tenth of CPython's default, since every request waits for it."""


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
        with ExitStack() as ends:
            owner = _start(channel, lifeline, ends)
            if owner is not None:
                _wait_for_end(channel, owner)
    except ChannelClosed:
        logger.debug("the owner ended")


def _end(number: int, frame: object) -> NoReturn:
    raise SystemExit(0)


def _start(channel: Channel, lifeline: int, ends: ExitStack) -> Caller | None:
    """Serve what the owner asks for; the owner as a client, or None if it failed."""
    request, snapshot = StartRequest.decode(channel.receive().payload)
    registration = Registration()
    _watcher.leave(registration.path)
    try:
        fs = _make_fs(request, snapshot)
        keeper = _keep(request, fs, ends)
        if keeper is not None:
            fs = keeper.fs
        serving = Serving(fs, lifeline, registration, keeper)
        place = serving.mount(fs, request.mountpoint, request.driver, request.options)
    except (OSError, ValueError, MountError, StateError) as error:
        channel.send(Kind.FAILED, encode_failure(error))
        return None
    ends.callback(serving.unmount_all)
    address = _publish(registration, serving, ends)
    ready = Ready(place=place, address=address, is_kept=keeper is not None)
    channel.send(Kind.READY, ready.encode())
    return Caller(serving, fs)


def _keep(request: StartRequest, fs: Fs, ends: ExitStack) -> Keeper | None:
    """Keep the filesystem's state, or go on with the one that is there."""
    if request.state is None:
        return None
    keeper = Keeper(StateOptions(**request.state), fs, owner=os.getppid())
    ends.callback(_end_keeping, keeper)
    return keeper


def _end_keeping(keeper: Keeper) -> None:
    try:
        keeper.close()
    except StateError as error:
        # The owner, if it was to know, has asked for a save before.
        logger.warning("%s; what is not saved is lost", error)
        keeper.close()


def _publish(
    registration: Registration, serving: Serving, ends: ExitStack
) -> str | None:
    """Let others attach; where, or None if there is no place for that."""
    try:
        listening = registration.publish(serving.record())
    except OSError as error:
        logger.warning("nobody can attach: %s", error)
        return None
    ends.callback(Listener(listening, serving).close)
    ends.callback(registration.withdraw)
    return registration.path


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


def _wait_for_end(control: Channel, owner: Caller) -> None:
    """Take the owner's connections until it wants an end, or ends itself."""
    while (frame := control.receive()).kind == Kind.CONNECT:
        assert frame.descriptor is not None
        channel = Channel(socket.socket(fileno=frame.descriptor))
        owner.take(channel)
        Thread(target=owner.serve, args=(channel,), daemon=True).start()
