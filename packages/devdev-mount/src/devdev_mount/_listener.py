"""Lets other processes of the user attach to a server, within limits.

A client is a connection that says HELLO, and is gone when that one ends. For calls
it makes further ones, which say whose they are. Each connection has a thread, and
each step of it a limit of time, so none waits for another.
"""

import sys

if sys.platform != "linux":
    raise ImportError("only Linux has a mount driver")

import json
import logging
import os
import secrets
import socket
import time
from contextlib import nullcontext
from threading import Event, Lock, Thread

from devdev_mount._callers import Caller
from devdev_mount._errors import MountError
from devdev_mount._messages import Welcome, encode_failure, encode_status
from devdev_mount._registry import peer_of, trusted_users
from devdev_mount._serving import Serving
from devdev_mount._status import ClientStatus
from devdev_mount._wire import Channel, ChannelClosed, Frame, Kind

logger = logging.getLogger(__name__)

CLIENTS_MAX = 64
CALLS_MAX = 8
"""The most connections for calls of one client."""
STALL_TIMEOUT = 30.0
"""Seconds without a byte, in the middle of a call or an answer, that end it."""
FULL_PAUSE = 0.1
"""Between two tries to accept where descriptors have run out."""

_CONNECTIONS_MAX = CLIENTS_MAX * (CALLS_MAX + 1) + 32


class Listener:
    """The socket where clients attach, and the clients.

    `_lock` guards the tables.
    """

    def __init__(self, listening: socket.socket, serving: Serving) -> None:
        self._socket = listening
        self._serving = serving
        self._lock = Lock()
        self._closing = Event()
        self._clients: dict[str, tuple[Caller, ClientStatus]] = {}
        self._connections = 0
        serving.clients = self.clients
        Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more, and end those that are there."""
        self._closing.set()
        self._socket.shutdown(socket.SHUT_RDWR)  # which wakes who accepts
        with self._lock:
            callers = [caller for caller, _ in self._clients.values()]
        for caller in callers:
            caller.leave()

    def clients(self) -> tuple[ClientStatus, ...]:
        """Who is attached."""
        with self._lock:
            return tuple(status for _, status in self._clients.values())

    def _accept(self) -> None:
        with self._socket:
            while not self._closing.is_set():
                try:
                    sock, _ = self._socket.accept()
                except OSError as error:
                    # The end; or there are no descriptors left, which may pass.
                    if not self._closing.wait(FULL_PAUSE):
                        logger.debug("cannot accept: %s", error)
                    continue
                try:
                    Thread(target=self._serve, args=(sock,), daemon=True).start()
                except RuntimeError as error:  # no thread is left, likewise
                    logger.warning("a client was refused: %s", error)
                    sock.close()

    def _serve(self, sock: socket.socket) -> None:
        """See a connection through from its first frame to its end."""
        sock.settimeout(STALL_TIMEOUT)
        channel = Channel(sock)
        with self._lock:
            self._connections += 1
            is_full = self._connections > _CONNECTIONS_MAX
        try:
            pid, user = peer_of(sock)
            if user not in trusted_users():
                raise MountError("this filesystem is another user's")
            if is_full:
                raise MountError(f"the server has {_CONNECTIONS_MAX} connections")
            self._greet(channel, pid, channel.receive())
        except (ChannelClosed, TimeoutError) as error:
            logger.debug("a connection ended: %s", error)
        except (MountError, OSError) as error:
            _refuse(channel, error)
        except Exception as error:
            logger.warning("a client's connection was ended: %r", error)
        finally:
            channel.close()
            with self._lock:
                self._connections -= 1

    def _greet(self, channel: Channel, pid: int, frame: Frame) -> None:
        if frame.descriptor is not None:
            os.close(frame.descriptor)
        request = json.loads(frame.payload)
        if not secrets.compare_digest(str(request.pop("key")), self._serving.key):
            raise ChannelClosed("it does not know the key")
        if frame.kind == Kind.HELLO:
            self._serve_client(channel, pid, **request)
        elif frame.kind == Kind.JOIN:
            self._serve_calls(channel, **request)
        elif frame.kind == Kind.STATUS:
            channel.send(Kind.TOLD, encode_status(self._serving.status()))

    def _serve_client(
        self, channel: Channel, pid: int, mount: int, actor: str | None
    ) -> None:
        """Attach a client until its connection ends."""
        mounted, place = self._serving.at(mount)
        token = secrets.token_hex(16)
        status = ClientStatus(pid=pid, actor=actor, since=time.time())
        with nullcontext(0) if actor is None else mounted.fs.actor(actor) as span:
            caller = Caller(self._serving, mounted.fs, span)
            with self._lock:
                if len(self._clients) >= CLIENTS_MAX:
                    raise MountError(f"{CLIENTS_MAX} clients are attached already")
                self._clients[token] = caller, status
            try:
                welcome = Welcome(
                    place=place,
                    pid=os.getpid(),
                    token=token,
                    span=span,
                    is_kept=self._serving.keeps(mounted.fs),
                )
                channel.send(Kind.TOLD, welcome.encode())
                channel.wait()
            finally:
                caller.leave()
                with self._lock:
                    del self._clients[token]

    def _serve_calls(self, channel: Channel, token: str) -> None:
        """Answer calls of a client that is attached."""
        with self._lock:
            caller, _ = self._clients.get(token, (None, None))
        if caller is None:
            raise MountError("this client is not attached any more")
        if not caller.take(channel, CALLS_MAX):
            raise MountError(f"a client may make {CALLS_MAX} calls at a time")
        channel.send(Kind.TOLD)
        caller.serve(channel)


def _refuse(channel: Channel, error: MountError | OSError) -> None:
    """Say why, to who may have gone."""
    try:
        channel.send(Kind.FAILED, encode_failure(error))
    except OSError as gone:
        logger.debug("a connection was refused and has ended: %s", gone)
