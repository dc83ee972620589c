"""The connection to the kernel: requests come in, each gets one answer."""

import sys

if sys.platform != "linux":
    raise ImportError("the fuse driver is for Linux")

import errno
import logging
import os
from functools import partial

from devdev_fs import Errno, FsError

from devdev_mount._fuse import _abi
from devdev_mount._fuse._abi import Opcode
from devdev_mount._fuse._actors import Actors
from devdev_mount._fuse._init import MAX_WRITE
from devdev_mount._fuse._listing import listed_nodes
from devdev_mount._fuse._mirror import KernelMirror
from devdev_mount._fuse._ops import Ops
from devdev_mount._fuse._request import CHANGES, Reply, Request
from devdev_mount._waiting import Waiting

logger = logging.getLogger(__name__)

# The longest headers are those of a WRITE: its data then begins the second buffer.
_HEADERS_SIZE = _abi.IN_HEADER.size + _abi.WRITE_IN.size
_UNANSWERED = frozenset({Opcode.FORGET, Opcode.BATCH_FORGET, Opcode.INTERRUPT})
_ENTRIES = frozenset(
    {
        *(Opcode.LOOKUP, Opcode.CREATE, Opcode.MKNOD, Opcode.MKDIR),
        *(Opcode.SYMLINK, Opcode.LINK, Opcode.TMPFILE),
    }
)


PENDING_MAX = 64
"""Requests that are answered, at most, before one is refused for want of space."""


class _EndedError(Exception):
    """The connection has ended."""


class Connection:
    """Reads requests from the device, and answers them out of `ops`.

    Args:
        fd: the device, mounted; it is set to non-blocking and stays the caller's.
        ops: what answers.
        mirror: what is told of what follows an answer.
        actors: who knows whose a request is.
        spin_s: how long to poll for the next request before sleeping.
    """

    def __init__(
        self, fd: int, ops: Ops, mirror: KernelMirror, actors: Actors, spin_s: float
    ) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._ops = ops
        self._mirror = mirror
        self._attachment = mirror.attachment
        self._actors = actors
        self._waiting = Waiting(fd, spin_s)
        self._counts = [0] * len(ops.handlers)
        payload = memoryview(bytearray(MAX_WRITE))
        self._request = Request(payload)
        self._head = bytearray(_HEADERS_SIZE)
        self._headers = memoryview(self._head)[_abi.IN_HEADER.size :]
        self._buffers: list[bytearray | memoryview] = [self._head, payload]

    @property
    def requests(self) -> dict[Opcode, int]:
        """How often each opcode was asked for so far."""
        counts = enumerate(self._counts)
        return {Opcode(opcode): count for opcode, count in counts if count}

    def end(self) -> None:
        """Make `serve` return, from another thread."""
        self._waiting.end()

    def close(self) -> None:
        """Release what it holds; `serve` must have returned."""
        self._waiting.close()

    def drop(self) -> None:
        """Release it in a forked child."""
        self._waiting.drop()

    def serve(self) -> None:
        """Answer requests until the connection ends or `end` is called."""
        while True:
            try:
                with self._mirror.serving:
                    is_received = self._receive()
                    if is_received:
                        self._handle()
            except _EndedError:
                return
            if not is_received and not self._waiting.wait():
                return

    def _receive(self) -> bool:
        """Take a request; False if there is none.

        Raises:
            _EndedError: there will be no more.
        """
        try:
            received = os.readv(self._fd, self._buffers)
        except BlockingIOError:
            return False
        except OSError as exc:
            if exc.errno == errno.ENODEV:
                raise _EndedError from None
            if exc.errno == errno.ENOENT:  # interrupted before it was read
                return self._receive()
            raise
        request = self._request
        request.set_header(_abi.IN_HEADER.unpack_from(self._head))
        if request.opcode < len(self._counts):
            self._counts[request.opcode] += 1
        if received <= _HEADERS_SIZE or request.opcode == Opcode.WRITE:
            request.body = bytes(self._headers[: received - _abi.IN_HEADER.size])
        else:
            rest = request.payload[: received - _HEADERS_SIZE]
            request.body = b"".join((self._headers, rest))
        return True

    def _handle(self) -> None:
        """Answer a request, exactly once; for want of space, after all that is pending.

        The kernel has told of what it forgot, which frees removed files, before who
        removed them could ask for more; but it hands that out later.
        """
        error, reply = self._ask(self._request)
        if error != -Errno.ENOSPC:
            self._finish(self._request, error, reply)
            return
        refused = [self._request.copy()]
        for _ in range(PENDING_MAX):
            if not self._receive():
                break
            error, reply = self._ask(self._request)
            if error == -Errno.ENOSPC:
                refused.append(self._request.copy())
            else:
                self._finish(self._request, error, reply)
        for request in refused:
            self._finish(request, *self._ask(request))

    def _finish(self, request: Request, error: int, reply: Reply) -> None:
        """Send the answer, and see to what follows it."""
        if request.opcode == Opcode.SETXATTR:
            # An access control list is the mode as well, which Linux goes on to have.
            self._mirror.forget_attributes(request.nodeid)
        if reply is not None and request.opcode not in _UNANSWERED:
            self._answer(request, error, reply)
        if appended := self._ops.take_appended():
            self._mirror.defer(partial(self._mirror.moved, appended))
        if self._attachment.has_unpublished:
            self._mirror.defer(self._attachment.publish)

    def _ask(self, request: Request) -> tuple[int, Reply]:
        """The one funnel: what was refused is an errno, anything else is a bug."""
        handlers = self._ops.handlers
        opcode = request.opcode
        handler = handlers[opcode] if opcode < len(handlers) else None
        if handler is None:
            return -Errno.ENOSYS, b""
        if opcode in CHANGES:
            self._attachment.span = self._actors.span_of(request)
        else:
            self._actors.see(request.pid)
        try:
            with self._attachment.lock:
                return 0, handler(request)
        except FsError as exc:
            return -(exc.errno or Errno.EIO), b""
        except Exception:
            logger.exception("a bug in the answer to opcode %d", opcode)
            return -Errno.EIO, b""

    def _answer(self, request: Request, error: int, reply: bytes | list[bytes]) -> None:
        length = len(reply) if isinstance(reply, bytes) else sum(map(len, reply))
        size = _abi.OUT_HEADER.size + length
        header = _abi.OUT_HEADER.pack(size, error, request.unique)
        try:
            if isinstance(reply, bytes):  # one buffer is taken faster than two
                os.write(self._fd, header + reply)
            else:
                os.writev(self._fd, [header, *reply])
        except OSError as exc:
            if exc.errno == errno.ENOENT:
                self._take_back(request, reply)
            elif exc.errno != errno.ENODEV:
                logger.exception("the kernel did not take an answer")

    def _take_back(self, request: Request, reply: bytes | list[bytes]) -> None:
        """Nobody waits for the answer any more, so the kernel holds no entry by it."""
        if not isinstance(reply, bytes) or not reply:
            return
        if request.opcode in _ENTRIES:
            nodes = [_abi.ENTRY_OUT.unpack_from(reply)[0]]
        elif request.opcode == Opcode.READDIRPLUS:
            nodes = list(listed_nodes(reply))
        else:
            return
        with self._attachment.lock:
            for nodeid in filter(None, nodes):  # 0 is no entry
                self._mirror.nodes.forget(nodeid, 1)
