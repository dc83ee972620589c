"""Frames between the clients of a served filesystem and the process that serves it.

A frame is a byte of kind, a 64-bit big-endian length, and the payload. A
descriptor can come with it (SCM_RIGHTS).
"""

import sys

if sys.platform != "linux":
    raise ImportError("only Linux has a mount driver")

import array
import os
import select
import socket
import struct
from contextlib import suppress
from enum import IntEnum
from typing import NamedTuple

_HEADER = struct.Struct("!BQ")
_CHUNK = 1024 * 1024

FRAME_MAX = 8 * 1024**3
"""The longest payload, in bytes: more than any filesystem is likely to have."""


class Kind(IntEnum):
    """What a frame says; who sends it, and what its payload is.

    What the owner says on its connections for calls, other clients may say too.
    """

    START = 1
    """Owner, first: `StartRequest` as JSON, its length in front, then a snapshot."""
    CONNECT = 2
    """Owner: the descriptor is one more connection for calls; no payload."""
    STOP = 3
    """Owner: end in order; no payload."""
    CALL = 4
    """Owner: an operation (`devdev_fs.wire`)."""
    IMPORT = 5
    """Owner: read a host directory in; JSON."""
    ATTRIBUTE = 6
    """Owner: a process belongs to a span; JSON."""
    REQUESTS = 7
    """Owner: what the kernel asked for so far; JSON."""
    PUSH = 8
    """Owner: show what changed; JSON."""
    PULL = 9
    """Owner: bring in what programs changed; JSON."""
    MOUNT = 10
    """Owner: one more mount; JSON."""
    UNMOUNT = 11
    """Owner: end such a mount; JSON."""
    HELLO = 12
    """Client that attaches, first: who it is, and to which mount; JSON."""
    JOIN = 13
    """The same: this is one more connection, for calls; JSON."""
    STATUS = 14
    """Client: what is mounted, and who uses it; JSON."""
    END = 15
    """Client that attached: end the mount; JSON."""
    READY = 16
    """Server: it serves; JSON."""
    FAILED = 17
    """Server: not done, and why; JSON."""
    REPLY = 18
    """Server: what a call returned or raised (`devdev_fs.wire`)."""
    PROGRESS = 19
    """Server: how far an import is; JSON."""
    IMPORTED = 20
    """Server: what an import did; JSON."""
    TOLD = 21
    """Server: what became of something asked of a mount; JSON."""
    SAVE = 22
    """Client: save what changed; JSON."""
    SAVED = 23
    """Client: what is saved? JSON."""


_KINDS = frozenset(Kind)


class Frame(NamedTuple):
    """One message."""

    kind: Kind
    payload: bytes
    descriptor: int | None = None


class ChannelClosed(ConnectionError):
    """The other side ended, in the middle of a frame or between two."""


class Channel:
    """Frames over a connected stream socket, one at a time; not thread-safe."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def settimeout(self, seconds: float | None) -> None:
        """Bound the time for which a send or receive can stand still."""
        self._sock.settimeout(seconds)

    def send(self, kind: Kind, payload: bytes = b"", fd: int | None = None) -> None:
        """Send a frame.

        Raises:
            ChannelClosed: the other side ended.
            TimeoutError: it does not read.
        """
        body = memoryview(payload)
        header = _HEADER.pack(kind, body.nbytes)
        rights = []
        if fd is not None:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        try:
            # A stream socket may take a part of it; what is left has no descriptor.
            sent = self._sock.sendmsg([header, body[:_CHUNK]], rights)
            self._send_all(memoryview(header)[sent:])
            self._send_all(body[max(sent - len(header), 0) :])
        except (BrokenPipeError, ConnectionResetError) as error:
            raise ChannelClosed("the other side ended") from error

    def _send_all(self, data: memoryview) -> None:
        # Not `sendall`, whose timeout is for the whole, however well it goes on.
        while data:
            data = data[self._sock.send(data) :]

    def wait(self) -> None:
        """Wait for a frame or the other side's end, for as long as it takes."""
        if self._sock.gettimeout() is None:
            return  # `receive` does
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        poll.poll()

    def receive(self) -> Frame:
        """Receive a frame.

        Raises:
            ChannelClosed: the other side ended, or sends something else.
            TimeoutError: nothing came for the time set.
        """
        header, descriptor = self._receive_header()
        kind, length = _HEADER.unpack(header)
        if kind not in _KINDS or length > FRAME_MAX:
            if descriptor is not None:
                os.close(descriptor)
            raise ChannelClosed("the other side sends something that is no frame")
        return Frame(Kind(kind), self._receive_exactly(length), descriptor)

    def _receive_header(self) -> tuple[bytes, int | None]:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._sock, _HEADER.size, 1)
        except ConnectionResetError as error:
            raise ChannelClosed("the other side ended") from error
        if not data:
            raise ChannelClosed("the other side ended")
        rest = self._receive_exactly(_HEADER.size - len(data))
        return data + rest, descriptors[0] if descriptors else None

    def _receive_exactly(self, length: int) -> bytes:
        # Room is made for what has come, not for what a header promises.
        data = bytearray()
        while len(data) < length:
            filled = len(data)
            data.extend(bytes(min(length - filled, max(filled, _CHUNK))))
            with memoryview(data) as view:
                self._fill(view[filled:])
        return bytes(data)

    def _fill(self, view: memoryview) -> None:
        while view:
            try:
                count = self._sock.recv_into(view)
            except ConnectionResetError as error:
                raise ChannelClosed("the other side ended") from error
            if not count:
                raise ChannelClosed("the other side ended in the middle of a frame")
            view = view[count:]

    def is_closed(self) -> bool:
        """Whether the other side has ended, and nothing of it is left to receive."""
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        if not poll.poll(0):
            return False
        try:
            return not self._sock.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def shut(self) -> None:
        """End the connection while another thread may be using it."""
        with suppress(OSError):  # it is ended, or closed, already
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket, which the other side sees as the end."""
        self._sock.close()
