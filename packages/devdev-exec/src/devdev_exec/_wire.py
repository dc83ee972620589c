"""Frames between the owner of a launcher and the supervisor of one command.

A frame is a byte of kind, a 32-bit big-endian length, and the payload. This module
is loaded by the helper too, so it imports little.
"""

import json
import select
import socket
import struct
import sys
import time
from enum import IntEnum, StrEnum

from devdev_exec._timeouts import LONGEST_WAIT

_HEADER = struct.Struct("!BI")
_READ_SIZE = 256 * 1024


class Kind(IntEnum):
    """What a frame says; who sends it, and what its payload is."""

    REQUEST = 1
    """Owner: what to run (`Request`)."""
    INPUT = 2
    """Owner: bytes for standard input."""
    INPUT_END = 3
    """Owner: standard input ends here; no payload."""
    RESIZE = 4
    """Owner: the terminal has `rows` and `columns`."""
    SIGNAL = 5
    """Owner: send the `signal` `to` whom it says (`Target`)."""
    CLOSE = 6
    """Owner: end the program, and tell how it ended; no payload."""
    ACCEPTED = 16
    """Supervisor: it runs and will answer (`pid`, its own)."""
    OUTPUT = 17
    """Supervisor: bytes of standard output, or of the terminal."""
    STDERR = 18
    """Supervisor: bytes of standard error."""
    FAILED = 19
    """Supervisor, last: the program was not started (`errno`, `message`)."""
    ENDED = 20
    """Supervisor, last: `cause`, `exit_code`, `signal`, `duration_s`, `cpu_s`,
    `max_rss`."""
    STARTED = 21
    """Supervisor, of what is interactive: the program runs (`pid`)."""
    TAKEN = 22
    """Supervisor, of what is interactive: so many `bytes` of input are no more here."""


class Cause(IntEnum):
    """Why a command ended."""

    EXIT = 1
    """Its program ended."""
    TIMEOUT = 2
    """Its time was over."""
    STOPPED = 3
    """The launcher was closed or its helper ended."""
    CLOSED = 4
    """Its owner sent CLOSE."""


class Target(StrEnum):
    """Who gets a signal."""

    PROCESS = "process"
    """The program."""
    GROUP = "group"
    """Its process group."""
    TREE = "tree"
    """It, and every process that descends from it."""


class Request:
    """What to run and how, with every value settled."""

    __slots__ = (
        "argv",
        "columns",
        "cwd",
        "deadline",
        "env",
        "has_input",
        "interactive",
        "pty",
        "rows",
        "shown",
        "umask",
    )

    def __init__(
        self,
        *,
        argv: list[str],
        cwd: str,
        env: dict[str, str],
        pty: bool,
        rows: int,
        columns: int,
        has_input: bool,  # it reads a pipe
        interactive: bool,  # its terminal, if it has one, is typed at by the owner
        umask: int,
        deadline: float,  # in time.monotonic(), one clock for all processes
        shown: tuple[str, str] | None = None,  # a directory, and where it is to be
    ) -> None:
        self.argv = argv
        self.cwd = cwd
        self.env = env
        self.pty = pty
        self.rows = rows
        self.columns = columns
        self.has_input = has_input
        self.interactive = interactive
        self.umask = umask
        self.deadline = deadline
        self.shown = shown

    def encode(self) -> bytes:
        """Return the payload of a REQUEST frame."""
        return encode({name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def decode(cls, payload: bytes) -> "Request":
        """Return the request in the payload of a REQUEST frame."""
        return cls(**json.loads(payload))


def encode(fields: dict[str, object]) -> bytes:
    """Return `fields` as JSON; undecodable bytes in names survive as surrogates."""
    return json.dumps(fields).encode("ascii")


class Channel:
    """Frames over a stream socket that never makes its user wait.

    What cannot be sent at once is kept and goes with a later `flush`. Once the
    other side is gone, what is sent is discarded.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self.at_end = False
        """The other side sends nothing more."""

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._sock.fileno()

    @property
    def backlog(self) -> int:
        """How many bytes wait to be sent."""
        return len(self._outgoing)

    def send(self, kind: Kind, payload: bytes = b"") -> None:
        """Add one frame to what is to be sent; `flush` sends it."""
        self._outgoing += _HEADER.pack(kind, len(payload))
        self._outgoing += payload

    def flush(self) -> None:
        """Send as much as the other side has room for."""
        while self._outgoing:
            try:
                sent = self._sock.send(self._outgoing)
            except BlockingIOError:
                return
            except (BrokenPipeError, ConnectionResetError):
                self._outgoing.clear()
                return
            del self._outgoing[:sent]

    def wait(self, deadline: float) -> bool:
        """Send until there is something to receive; False if time runs out first.

        Args:
            deadline: In time.monotonic().
        """
        if sys.platform == "win32":
            raise NotImplementedError("there is no poll(2)")
        poll = select.poll()
        while True:
            self.flush()
            events = select.POLLOUT if self._outgoing else 0
            poll.register(self._sock, select.POLLIN | events)
            remaining = max(deadline - time.monotonic(), 0.0)
            ready = poll.poll(min(remaining, LONGEST_WAIT) * 1000)
            if any(event & ~select.POLLOUT for _, event in ready):
                return True
            if not ready and remaining == 0.0:
                return False

    def receive(self, size: int = _READ_SIZE) -> list[tuple[Kind, bytes]]:
        """Return the frames that are complete after one read of `size` bytes."""
        try:
            data = self._sock.recv(size)
        except BlockingIOError:
            return []
        except ConnectionResetError:
            data = b""
        self.at_end = not data
        self._incoming += data
        return self._take_frames()

    def _take_frames(self) -> list[tuple[Kind, bytes]]:
        frames = []
        start = 0
        with memoryview(self._incoming) as view:
            while start + _HEADER.size <= len(view):
                kind, size = _HEADER.unpack_from(view, start)
                end = start + _HEADER.size + size
                if end > len(view):
                    break
                frames.append((Kind(kind), bytes(view[start + _HEADER.size : end])))
                start = end
        del self._incoming[:start]
        return frames
