"""Streamable HTTP: who may call, how much and how often.

The SDK checks Host and Origin, against pages that a browser would let reach a server
of this machine, and how large a request is. Here is checked who calls, and that a
request comes in time.
"""

import asyncio
import json
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import uvicorn
from mcp.server import MCPServer
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from devdev_mcp._callers import CALLER, caller_of

MAX_BODY = 16 * 1024**2
"""Bytes of a request."""

RATE = 100.0
"""Requests of a caller a second, in the long run."""
BURST = 400.0
"""Requests of a caller at once."""

REQUEST_TIMEOUT = 10.0
"""Seconds for a request to come whole, from the connection or the last answer on."""

MAX_CONNECTIONS = 500
"""At once, of all callers: each is a file descriptor, of which there may be 1,024."""

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_SHUTDOWN_TIMEOUT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpOptions:
    """Where to listen, and to whom."""

    host: str
    port: int
    tokens: Sequence[str] = ()
    names: Sequence[str] = ()
    """Further names under which clients know this host."""

    @property
    def is_loopback(self) -> bool:
        """Whether only programs of this machine can connect."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


@dataclass(slots=True)
class _Bucket:
    """What a caller has left of its rate."""

    left: float = BURST
    at: float = field(default_factory=time.monotonic)

    def take(self) -> bool:
        """Use up one request, if there is one."""
        now = time.monotonic()
        self.left = min(BURST, self.left + (now - self.at) * RATE)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class PromptProtocol(H11Protocol):
    """Cuts off who connects and sends no request, or half of one."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait, if there is room."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take a part of a request."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        super().connection_lost(exc)
        self._stop_waiting()

    def _watch(self) -> None:
        # None before the first request, which the annotation does not say.
        cycle = cast(RequestResponseCycle | None, self.cycle)
        if cycle is not None and not cycle.response_complete and not cycle.more_body:
            self._stop_waiting()
        elif self._deadline is None:
            wait = self.loop.call_later
            self._deadline = wait(REQUEST_TIMEOUT, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Guard:
    """Lets requests of known callers pass, as many as each may send."""

    def __init__(self, app: ASGIApp, tokens: Sequence[str]) -> None:
        self._app = app
        self._tokens = tokens
        self._buckets: dict[str, _Bucket] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        authorization = Headers(scope=scope).get("authorization", "")
        caller = caller_of(authorization, self._tokens)
        if caller is None:
            header = (b"www-authenticate", b"Bearer")
            await _refuse(send, 401, "a bearer token is required", header)
        elif not self._buckets.setdefault(caller, _Bucket()).take():
            message = f"more than {RATE:.0f} requests a second"
            await _refuse(send, 429, message, (b"retry-after", b"1"))
        else:
            scope.setdefault("state", {})[CALLER] = caller
            if self._tokens:
                # The SDK then lets nobody else use or end a session of this caller.
                token = AccessToken(token=caller, client_id=caller, scopes=[])
                scope["user"] = AuthenticatedUser(token)
            await self._app(scope, receive, send)


async def _refuse(
    send: Send, status: int, message: str, header: tuple[bytes, bytes]
) -> None:
    body = json.dumps({"error": message}).encode()
    headers = [(b"content-type", b"application/json"), header]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def security(options: HttpOptions) -> TransportSecuritySettings:
    """Which Host and Origin headers are let pass."""
    names = [*_LOOPBACK, options.host, *options.names]
    hosts = [name for each in names for name in (each, f"{each}:*")]
    origins = [f"{scheme}://{name}" for scheme in ("http", "https") for name in hosts]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=hosts,
        allowed_origins=origins,
    )


async def serve_http(server: MCPServer[Any], options: HttpOptions) -> None:
    """Serve until a signal ends it."""
    app = server.streamable_http_app(
        host=options.host,
        max_request_body_size=MAX_BODY,
        transport_security=security(options),
    )
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    with socket.create_server((options.host, options.port), family=family) as listening:
        # What it accepts inherits this; asyncio sets it only where a socket knows its
        # protocol. Without, delayed acknowledgements hold up each answer for 40 ms.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        port = listening.getsockname()[1]
        host = f"[{options.host}]" if ":" in options.host else options.host
        print(
            f"devdev-mcp: listening on http://{host}:{port}/mcp",
            file=sys.stderr,
            flush=True,
        )
        config = uvicorn.Config(
            Guard(app, options.tokens),
            http=PromptProtocol,
            log_level="warning",
            timeout_graceful_shutdown=_SHUTDOWN_TIMEOUT,
        )
        await uvicorn.Server(config).serve(sockets=[listening])
