"""One command, seen from the process that asked for it."""

import contextlib
import json
import socket
import time
from collections.abc import Callable
from dataclasses import replace

from devdev_exec._ending import decode_ending, supervisor_died
from devdev_exec._errors import ExecError, SpawnError
from devdev_exec._output import BoundedOutput
from devdev_exec._result import ExecResult
from devdev_exec._timeouts import END_TIMEOUT
from devdev_exec._wire import Cause, Channel, Kind, Request, encode

OutputHandler = Callable[[bytes], object]
"""Is called with each piece of output, in the thread that waits for the result."""

StartHandler = Callable[[int], object]
"""Is told, before the program starts, the process that will stand over all of it."""

_INPUT_SIZE = 64 * 1024  # of one frame


class Call:
    """A request on its way: sends input, collects output, returns the result."""

    def __init__(
        self,
        sock: socket.socket,
        request: Request,
        stdin: bytes,
        *,
        on_start: StartHandler | None = None,
        on_output: OutputHandler | None,
        on_stderr: OutputHandler | None,
        max_output: int,
    ) -> None:
        self._sock = sock
        self._channel = Channel(sock)
        self._request = request
        self._stdin = stdin
        self._on_start = on_start
        self._handlers = {Kind.OUTPUT: on_output, Kind.STDERR: on_stderr}
        self._streams = {
            Kind.OUTPUT: BoundedOutput(max_output),
            Kind.STDERR: BoundedOutput(max_output),
        }
        self._is_accepted = False
        self._begin = time.monotonic()
        if on_start is None:
            self._send_request()

    def _send_request(self) -> None:
        self._channel.send(Kind.REQUEST, self._request.encode())
        if self._stdin:
            view = memoryview(self._stdin)
            for start in range(0, len(view), _INPUT_SIZE):
                chunk = view[start : start + _INPUT_SIZE]
                self._channel.send(Kind.INPUT, bytes(chunk))
            self._channel.send(Kind.INPUT_END)

    def wait_result(self) -> ExecResult | None:
        """Return the result; None if nobody took the request, so that it can go again.

        When this returns or raises, the command is over.

        Raises:
            SpawnError: The program was not started.
            ExecError: It was ended for no reason of its own.
        """
        try:
            return self._wait()
        except BaseException:
            self._abandon()
            raise

    def _wait(self) -> ExecResult | None:
        # The supervisor keeps the deadline. This is for a supervisor that cannot.
        give_up = self._request.deadline + END_TIMEOUT
        while not self._channel.at_end:
            if not self._channel.wait(give_up):
                return self._give_up()
            for kind, payload in self._channel.receive():
                result = self._take(kind, payload)
                if result is not None:
                    return result
        if not self._is_accepted:
            return None
        raise supervisor_died(self._request.argv)

    def _take(self, kind: Kind, payload: bytes) -> ExecResult | None:
        match kind:
            case Kind.ACCEPTED:
                self._is_accepted = True
                if self._on_start is not None:
                    self._on_start(json.loads(payload)["pid"])
                    self._send_request()
            case Kind.OUTPUT | Kind.STDERR:
                self._streams[kind].append(payload)
                handler = self._handlers[kind]
                if handler is not None:
                    handler(payload)
            case Kind.FAILED:
                raise SpawnError(**json.loads(payload))
            case Kind.ENDED:
                return self._complete(decode_ending(self._request.argv, payload))
        return None

    def _complete(self, result: ExecResult) -> ExecResult:
        output, stderr = self._streams.values()
        return replace(
            result,
            output=output.value(),
            stderr=stderr.value(),
            dropped_bytes=output.dropped + stderr.dropped,
        )

    def _give_up(self) -> ExecResult:
        """Return what is known of a command whose supervisor does not answer."""
        if not self._is_accepted:
            raise ExecError(
                f"{self._request.argv[0]!r} was not run: the launcher's helper "
                "process does not answer; close the launcher and make another"
            )
        unknown = {"exit_code": None, "signal": None}
        duration_s = time.monotonic() - self._begin
        payload = encode({"cause": Cause.TIMEOUT, "duration_s": duration_s, **unknown})
        return self._complete(decode_ending(self._request.argv, payload))

    def _abandon(self) -> None:
        """Have the command ended, and wait until it is."""
        give_up = time.monotonic() + END_TIMEOUT
        with contextlib.suppress(OSError):  # the supervisor is gone already
            self._sock.shutdown(socket.SHUT_WR)
        while not self._channel.at_end and self._channel.wait(give_up):
            self._channel.receive()
