"""A server process that speaks HTTP, and plain requests to it."""

import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.mcp.calls import ERAS, Agent
from tests.mcp.raw import EXIT_TIMEOUT
from tests.processes import wait_until


@dataclass(frozen=True)
class WebServer:
    """Where it listens."""

    port: int

    @property
    def url(self) -> str:
        """Its endpoint."""
        return f"http://127.0.0.1:{self.port}/mcp"

    def post(self, body: bytes, **headers: str) -> tuple[int, bytes]:
        """Send a request as it is; its status and answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        usual = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        try:
            connection.request("POST", "/mcp", body, usual | given)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def ping() -> bytes:
    """A request that needs no session in the current era."""
    message = {"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {}}
    return json.dumps(message).encode()


@contextmanager
def web_server(root: Path, *arguments: str) -> Iterator[WebServer]:
    """Have a server listen at a free port."""
    log = root / "web-stderr"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "devdev_mcp", "--http", "--port", "0", *arguments],
            stdin=subprocess.DEVNULL,
            stderr=stderr,
            env={**os.environ, "TMPDIR": str(root)},
        )
    try:
        wait_until(lambda: b"/mcp\n" in log.read_bytes(), "the server to listen", 15)
        found = re.search(r":(\d+)/mcp", log.read_text())
        assert found is not None
        yield WebServer(int(found[1]))
        process.terminate()
        process.wait(EXIT_TIMEOUT)
    finally:
        process.kill()
        process.wait()


@asynccontextmanager
async def caller(
    server: WebServer, token: str, mode: str = "auto"
) -> AsyncIterator[Agent]:
    """A client who shows a token."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=20) as web:
        transport = streamable_http_client(server.url, http_client=web)
        async with Client(transport, mode=mode) as client:
            yield Agent(client, ERAS[mode])
