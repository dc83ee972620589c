"""The connection to the kernel: requests come in, each gets one answer."""

import sys

if sys.platform != "linux":
    raise ImportError("the fuse driver is for Linux")

import contextlib
import errno
import logging
import os
import select
import time
from functools import partial

from devdev_fs import Errno, FsError

from devdev_mount._fuse import _abi
from devdev_mount._fuse._abi import Opcode
from devdev_mount._fuse._init import MAX_WRITE
from devdev_mount._fuse._mirror import KernelMirror
from devdev_mount._fuse._ops import Ops, Reply, Request

logger = logging.getLogger(__name__)

# The longest headers are those of a WRITE: its data then begins the second buffer.
_HEADERS_SIZE = _abi.IN_HEADER.size + _abi.WRITE_IN.size
_UNANSWERED = frozenset({Opcode.FORGET, Opcode.BATCH_FORGET, Opcode.INTERRUPT})
_ENTRIES = frozenset(
    {
        *(Opcode.LOOKUP, Opcode.CREATE, Opcode.MKNOD, Opcode.MKDIR),
        *(Opcode.SYMLINK, Opcode.LINK),
    }
)


class Connection:
    """Reads requests from the device, and answers them out of `ops`.

    Args:
        fd: the device, mounted; it is set to non-blocking and stays the caller's.
        ops: what answers.
        mirror: what is told of what follows an answer.
        spin_s: how long to poll for the next request before sleeping.
    """

    def __init__(self, fd: int, ops: Ops, mirror: KernelMirror, spin_s: float) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._ops = ops
        self._mirror = mirror
        self._attachment = mirror.attachment
        self._spin_s = spin_s
        self._wake = os.eventfd(0)
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)

    def end(self) -> None:
        """Make `serve` return, from another thread."""
        with contextlib.suppress(OSError):  # closed already
            os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """Release what it holds; `serve` must have returned."""
        os.close(self._wake)

    def serve(self) -> None:
        """Answer requests until the connection ends or `end` is called."""
        head = bytearray(_HEADERS_SIZE)
        headers = memoryview(head)[_abi.IN_HEADER.size :]
        payload = memoryview(bytearray(MAX_WRITE))
        buffers: list[bytearray | memoryview] = [head, payload]
        request = Request(payload)
        while True:
            with self._mirror.serving:
                try:
                    received = os.readv(self._fd, buffers)
                except BlockingIOError:
                    received = 0
                except OSError as exc:
                    if exc.errno == errno.ENODEV:
                        return
                    if exc.errno == errno.ENOENT:  # interrupted before it was read
                        continue
                    raise
                if received:
                    request.set_header(_abi.IN_HEADER.unpack_from(head))
                    if received <= _HEADERS_SIZE or request.opcode == Opcode.WRITE:
                        request.body = bytes(headers[: received - _abi.IN_HEADER.size])
                    else:
                        rest = payload[: received - _HEADERS_SIZE]
                        request.body = b"".join((headers, rest))
                    self._handle(request)
            if not received and not self._wait():
                return

    def _wait(self) -> bool:
        """Wait for a request, at first without sleeping; False when told to end.

        Being woken up takes longer than most requests do.
        """
        ready = self._poll.poll(0)
        if not ready and self._spin_s:
            deadline = time.perf_counter() + self._spin_s
            while not ready and time.perf_counter() < deadline:
                ready = self._poll.poll(0)
        if not ready:
            ready = self._poll.poll()
        return all(fd != self._wake for fd, _ in ready)

    def _handle(self, request: Request) -> None:
        """Answer one request, exactly once, and see to what follows it."""
        error, reply = self._ask(request)
        if reply is not None and request.opcode not in _UNANSWERED:
            self._answer(request, error, reply)
        if self._ops.appended:
            appended, self._ops.appended = self._ops.appended, []
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
        try:
            with self._attachment.lock:
                return 0, handler(request)
        except FsError as exc:
            return -(exc.errno or Errno.EIO), b""
        except Exception:
            logger.exception("a bug in the answer to opcode %d", opcode)
            return -Errno.EIO, b""

    def _answer(self, request: Request, error: int, reply: bytes | list[bytes]) -> None:
        chunks = [reply] if isinstance(reply, bytes) else reply
        size = _abi.OUT_HEADER.size + sum(map(len, chunks))
        header = _abi.OUT_HEADER.pack(size, error, request.unique)
        try:
            os.writev(self._fd, [header, *chunks])
        except OSError as exc:
            if exc.errno == errno.ENOENT:
                self._take_back(request, reply)
            elif exc.errno != errno.ENODEV:
                logger.exception("the kernel did not take an answer")

    def _take_back(self, request: Request, reply: bytes | list[bytes]) -> None:
        """Nobody waits for the answer any more, so the kernel holds no entry by it."""
        if isinstance(reply, bytes) and reply and request.opcode in _ENTRIES:
            nodeid, *_ = _abi.ENTRY_OUT.unpack_from(reply)
            if nodeid:
                with self._attachment.lock:
                    self._mirror.nodes.forget(nodeid, 1)
