"""Streamable HTTP: the same tools, and who may call them."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import cycle
from pathlib import Path

import httpx2
import pytest
from mcp import Client

from tests.mcp.calls import ERAS, Agent
from tests.mcp.raw import RawServer
from tests.mcp.web import WebServer, caller, ping, web_server

pytestmark = pytest.mark.anyio

MANY = 600  # connections
CUT_OFF = 20.0  # seconds


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    with web_server(tmp_path_factory.mktemp("web"), "--tools", "full") as server:
        yield server


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    root = tmp_path_factory.mktemp("guarded")
    (root / "tokens").write_text("alice-token\nbob-token\n")
    with web_server(root, "--token-file", str(root / "tokens")) as server:
        yield server


@pytest.mark.parametrize("mode", ERAS)
async def test_the_tools_work_in_both_eras(server: WebServer, mode: str) -> None:
    async with Client(server.url, mode=mode) as client:
        agent = Agent(client, ERAS[mode])
        assert client.protocol_version == ERAS[mode]
        await agent.call("write_file", path=f"/{mode}", content="over http")
        assert await agent.read(f"/{mode}") == "over http"
        assert (await agent.refused("read_file", path="/nope")).code == "ENOENT"


@pytest.mark.fuse
async def test_progress_is_told_over_http(server: WebServer) -> None:
    seen = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.append(message)

    async with Client(server.url) as client:
        await client.call_tool(
            "exec_command",
            {"command": "echo one; sleep 1.3"},
            progress_callback=note,
        )
    assert seen == ["4 bytes of output: one"]


async def test_answers_do_not_wait_for_delayed_acknowledgements(
    server: WebServer,
) -> None:
    """Linux puts an acknowledgement off for 40 ms, once a connection has been used."""
    took = []
    async with Client(server.url) as client:
        for _ in range(40):
            begin = time.monotonic()
            await client.call_tool("workspace_info", {})
            took.append(time.monotonic() - begin)
    assert min(took[20:]) < 0.035


async def test_each_token_has_workspaces_of_its_own(guarded: WebServer) -> None:
    async with caller(guarded, "alice-token") as alice:
        await alice.call("write_file", path="/secret", content="of alice")
        async with caller(guarded, "bob-token") as bob:
            assert (await bob.refused("read_file", path="/secret")).code == "ENOENT"
            theirs = await alice.call("workspace_info")
            ours = await bob.call("workspace_info")
            assert theirs["mount"] != ours["mount"]
    async with caller(guarded, "alice-token") as again:
        assert await again.read("/secret") == "of alice"


async def test_a_session_is_its_callers_alone(guarded: WebServer) -> None:
    """In the earlier era, whose sessions have ids that somebody may learn."""
    hello = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }
    ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
    accept = {"Accept": "application/json, text/event-stream"}
    alice, bob = (
        accept | {"Authorization": f"Bearer {name}-token"} for name in ("alice", "bob")
    )
    begin = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    async with httpx2.AsyncClient(timeout=20) as web:
        begun = await web.post(guarded.url, json=begin, headers=alice)
        session = {"mcp-session-id": begun.headers["mcp-session-id"]}
        for method, body in (("POST", ping), ("DELETE", None)):
            refused = await web.request(
                method, guarded.url, json=body, headers=bob | session
            )
            assert refused.status_code == 404
        served = await web.post(guarded.url, json=ping, headers=alice | session)
        assert served.status_code == 200
        ended = await web.delete(guarded.url, headers=alice | session)
        assert ended.status_code == 200


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer wrong", "Basic alice-token", "Bearer \xff"]
)
def test_who_is_not_known_is_refused(guarded: WebServer, authorization: str) -> None:
    status, _ = guarded.post(ping(), Authorization=authorization)
    assert status == 401


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Origin": "http://evil.example"}],
    ids=["host", "origin"],
)
def test_pages_of_other_sites_are_refused(
    server: WebServer, headers: dict[str, str]
) -> None:
    status, _ = server.post(ping(), **headers)
    assert status in (403, 421)


def test_a_request_that_is_too_large_is_refused(server: WebServer) -> None:
    status, _ = server.post(b'{"x": "' + b"x" * 17 * 1024**2 + b'"}')
    assert status == 413


def test_json_that_is_too_deep_is_refused(server: WebServer) -> None:
    status, _ = server.post(b"[" * 100_000)
    assert status == 400


async def test_a_flood_is_slowed_down_and_others_are_served(guarded: WebServer) -> None:
    statuses = {
        guarded.post(b"{}", Authorization="Bearer bob-token")[0] for _ in range(1500)
    }
    assert 429 in statuses
    async with caller(guarded, "alice-token") as alice:
        await alice.call("workspace_info")


HALVES = [
    b"",
    b"POST /mcp HTT",
    b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{",
    b"POST /no HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\nPOST /",
]
"""What is sent of a request; the last is one, and half of the next."""


async def test_connections_without_a_request_are_cut_off_and_others_are_served(
    tmp_path: Path,
) -> None:
    with web_server(tmp_path) as server, ExitStack() as stack:
        address = ("127.0.0.1", server.port)
        slow = [
            stack.enter_context(socket.create_connection(address, 5))
            for _ in range(MANY)
        ]
        for connection, half in zip(slow, cycle(HALVES), strict=False):
            with suppress(ConnectionError):  # the server has as many as it takes
                connection.sendall(half)
        begin = time.monotonic()
        for connection in slow:
            connection.settimeout(CUT_OFF)
            with suppress(ConnectionResetError):
                while connection.recv(65536):
                    pass
        assert time.monotonic() - begin < CUT_OFF
        async with Client(server.url) as client:
            assert not (await client.call_tool("workspace_info", {})).is_error


def test_others_may_connect_only_with_tokens(tmp_path: Path) -> None:
    with RawServer(tmp_path, "--http", "--host", "0.0.0.0") as server:
        assert server.process.wait(10) == 2
        assert "--token-file" in server.log()
