"""A server process without the SDK's client: what goes over its pipes, exactly."""

import json
import os
import select
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ANSWER_TIMEOUT = 15.0  # the machine may be busy
EXIT_TIMEOUT = 5.0

HANDSHAKE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "raw", "version": "0"},
}


class ServerEnded(Exception):
    """The server has ended; says what it has written to standard error."""


class RawServer:
    """Speaks to a server line by line; kills it at the end if it still runs."""

    def __init__(
        self,
        tmpdir: Path,
        *arguments: str,
        prefix: tuple[str, ...] = (),
    ) -> None:
        self.root = tmpdir
        self._log = (tmpdir / "stderr").open("w+b")
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "devdev_mcp", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, "TMPDIR": str(tmpdir)},
        )
        self._incoming = b""
        self._count = 0
        self.notifications: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):  # it was killed while it was written to
            self.process.stdin.close()
        try:
            self.process.wait(EXIT_TIMEOUT)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self._log.close()

    def send_line(self, line: str) -> None:
        """Send a line, whatever it is."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def send(self, method: str, params: dict[str, Any] | None = None) -> int:
        """Send a request without waiting for its answer; returns its id."""
        self._count += 1
        request = {"jsonrpc": "2.0", "id": self._count, "method": method}
        self.send_line(json.dumps(request | ({"params": params} if params else {})))
        return self._count

    def notify(self, method: str, params: dict[str, Any] | None = None) -> None:
        """Send a notification."""
        message = {"jsonrpc": "2.0", "method": method}
        self.send_line(json.dumps(message | ({"params": params} if params else {})))

    def receive(self) -> dict[str, Any]:
        """The next answer; every line must be a message of the protocol."""
        deadline = time.monotonic() + ANSWER_TIMEOUT
        while True:
            message = json.loads(self._read_line(deadline))
            assert message["jsonrpc"] == "2.0"
            if "id" in message:
                assert isinstance(message, dict)
                return message
            self.notifications.append(message)

    def _read_line(self, deadline: float) -> bytes:
        assert self.process.stdout is not None
        fd = self.process.stdout.fileno()
        while b"\n" not in self._incoming:
            ready, _, _ = select.select([fd], [], [], deadline - time.monotonic())
            assert ready, f"no answer in {ANSWER_TIMEOUT} s"
            data = os.read(fd, 65536)
            if not data:
                raise ServerEnded(self.log())
            self._incoming += data
        line, _, self._incoming = self._incoming.partition(b"\n")
        return line

    def request(
        self, method: str, params: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Send a request and return its answer."""
        number = self.send(method, params)
        answer = self.receive()
        assert answer["id"] == number
        return answer

    def handshake(self) -> None:
        """Begin a session of the protocol's earlier era."""
        answer = self.request("initialize", HANDSHAKE)
        assert answer["result"]["protocolVersion"] == HANDSHAKE["protocolVersion"]
        self.notify("notifications/initialized")

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool; its result."""
        params = {"name": tool, "arguments": arguments}
        result = self.request("tools/call", params)["result"]
        assert isinstance(result, dict)
        return result

    def log(self) -> str:
        """What it has written to standard error."""
        return (self.root / "stderr").read_text()
