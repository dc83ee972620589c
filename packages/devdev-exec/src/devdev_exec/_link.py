"""A program that goes on after it was started, seen from its owner.

Its frames are taken in by the multiplexer's thread. Whoever waits for something looks
again after each change.
"""

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from threading import Condition

from devdev_exec._display import Display
from devdev_exec._ending import decode_ending, supervisor_died
from devdev_exec._errors import ExecError, SpawnError
from devdev_exec._log import OutputLog
from devdev_exec._pty import WindowSize
from devdev_exec._result import ExecResult
from devdev_exec._timeouts import END_TIMEOUT, START_TIMEOUT
from devdev_exec._wire import Channel, Kind, Request, encode

Complete = Callable[[ExecResult | None], ExecResult | None]
"""Is given a result without output, or None if there is none, and adds to it."""

_TURN_SIZE = 64 * 1024  # bytes that are taken in, and drawn, before others have a turn
_WINDOW = 128 * 1024  # bytes the program has not taken, before no more are sent


class Link:
    """The connection to the supervisor of one program, and what came over it.

    `changed` guards all of it but the logs, which guard themselves.
    """

    def __init__(
        self,
        sock: socket.socket,
        request: Request,
        max_output: int,
        *,
        draws: bool = True,
    ) -> None:
        self._sock = sock
        self._channel = Channel(sock)
        self._is_accepted = False
        self._is_closed = False
        self._in_flight = 0
        self._draws = draws
        self._listeners: set[Callable[[], None]] = set()
        self.request = request
        self.pid = 0
        """The program's process."""
        self.changed = Condition()
        self.version = 0
        """How often something has changed."""
        self.output = OutputLog(max_output)
        self.stderr = OutputLog(max_output)
        self.display: Display | None = None
        """Its screen; None if it has no terminal."""
        if request.pty:
            size = WindowSize(request.rows, request.columns)
            self.display = Display(self.output, size)
        self.last_output = time.monotonic()
        """When there was output the last time, or when it was started."""
        self.is_over = False
        """Nothing more will come: there is a result, or a failure."""
        self.result: ExecResult | None = None
        self.failure: Exception | None = None
        self.wants_to_write: Callable[[Link], object] = lambda link: None
        """Is called when there is something left for `on_writable`."""

    @contextlib.contextmanager
    def listening(self, listener: Callable[[], None]) -> Iterator[None]:
        """Have `listener` called after each change; it must not wait."""
        with self.changed:
            self._listeners.add(listener)
        try:
            yield
        finally:
            with self.changed:
                self._listeners.discard(listener)

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        with self.changed:
            yield
            self.version += 1
            self.changed.notify_all()
            for listener in self._listeners:
                listener()

    # --- the beginning -----------------------------------------------------------

    def open(self, on_start: Callable[[int], object]) -> bool:
        """Have the program started; False if nobody took the request.

        Raises:
            SpawnError: It was not started.
            ExecError: There is no answer.
        """
        give_up = time.monotonic() + START_TIMEOUT
        give_up = min(give_up, self.request.deadline + END_TIMEOUT)
        while not self._channel.at_end and not self.pid:
            if not self._channel.wait(give_up):
                raise ExecError(
                    f"{self.request.argv[0]!r} was not started in time: it or its "
                    "directory cannot be reached"
                )
            for kind, payload in self._channel.receive():
                if kind is Kind.ACCEPTED:
                    self._is_accepted = True
                    on_start(json.loads(payload)["pid"])
                    self._channel.send(Kind.REQUEST, self.request.encode())
                else:
                    self._take(kind, payload)
        if self._is_accepted and not self.pid:
            if self.result is not None:
                raise ExecError(f"{self.request.argv[0]!r} {self.result.ending}")
            raise self.failure or supervisor_died(self.request.argv)
        return self._is_accepted

    # --- frames ------------------------------------------------------------------

    def fileno(self) -> int:
        """The socket."""
        return self._channel.fileno()

    def on_readable(self) -> bool:
        """Take in what has come; False at the end."""
        frames = self._channel.receive(_TURN_SIZE)
        with self._changing():
            for kind, payload in frames:
                self._take(kind, payload)
        return not self._channel.at_end

    def on_writable(self) -> bool:
        """Send what is to be sent; False when that was all."""
        with self.changed:
            self._channel.flush()
            return self._channel.backlog > 0

    def _take(self, kind: Kind, payload: bytes) -> None:
        match kind:
            case Kind.STARTED:
                self.pid = json.loads(payload)["pid"]
            case Kind.OUTPUT:
                display = self.display if self._draws else None
                answer = display.advance(payload) if display else b""
                self.output.append(payload)
                self.last_output = time.monotonic()
                self._answer(answer)
            case Kind.STDERR:
                self.stderr.append(payload)
                self.last_output = time.monotonic()
            case Kind.TAKEN:
                self._in_flight -= json.loads(payload)["bytes"]
            case Kind.FAILED:
                self.failure = SpawnError(**json.loads(payload))
            case Kind.ENDED:
                try:
                    self.result = decode_ending(self.request.argv, payload)
                except ExecError as exc:
                    self.failure = exc

    def _answer(self, data: bytes) -> None:
        """Type what the terminal answers."""
        if data:
            self._in_flight += len(data)
            self.send(Kind.INPUT, data)

    def resize(self, size: WindowSize) -> None:
        """Give the terminal another size."""
        assert self.display is not None
        self.display.resize(size)
        self.send(Kind.RESIZE, encode({"rows": size.rows, "columns": size.columns}))

    def send(self, kind: Kind, payload: bytes = b"") -> None:
        """Send a frame; what has ended needs none."""
        with self.changed:
            if self.is_over or self._is_closed:
                return
            self._channel.send(kind, payload)
            self._channel.flush()
            is_left = self._channel.backlog > 0
        if is_left:
            self.wants_to_write(self)

    def send_input(self, data: bytes) -> bool:
        """Send input, if the program has taken enough of what was sent before.

        Raises:
            ExecError: It has ended.
        """
        with self.changed:
            if self.is_over:
                raise ExecError(f"{self.request.argv[0]!r} {self.why_over()}")
            if self._in_flight >= _WINDOW:
                return False
            self._in_flight += len(data)
        self.send(Kind.INPUT, data)
        return True

    def why_over(self) -> str:
        """How it ended, in words that follow the name of the program."""
        if self.result is not None:
            return f"{self.result.ending}, and reads no more"
        return f"reads no more: {self.failure}"

    # --- the end -----------------------------------------------------------------

    def finish(self, complete: Complete = lambda result: result) -> None:
        """Take it as over, with a result to which `complete` adds what it knows.

        What `complete` raises is the failure that whoever waits gets.
        """
        failure = self.failure
        if self.result is None and failure is None:
            failure = supervisor_died(self.request.argv)
        result = None
        try:
            result = complete(self.result)
        except Exception as exc:
            failure = exc
        with self._changing():
            self.result, self.failure = result, failure
            self.is_over = True

    def abandon(self) -> None:
        """Have the program ended, wait until it is, and close.

        Nobody else may use this.
        """
        give_up = time.monotonic() + END_TIMEOUT
        with contextlib.suppress(OSError):  # the supervisor is gone already
            self._sock.shutdown(socket.SHUT_WR)
        while not self._channel.at_end and self._channel.wait(give_up):
            self._channel.receive()
        self.close()

    def close(self) -> None:
        """Free everything; the multiplexer is not to have it any more."""
        with self.changed:
            self._is_closed = True
            self._sock.close()
        self.output.close()
        self.stderr.close()
