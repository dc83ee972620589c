"""A search that nobody waits for ends; while it runs, other callers are served."""

import time
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from tests.mcp.raw import RawServer
from tests.mcp.web import WebServer, caller, web_server
from tests.processes import command_of, pids_with, wait_until

pytestmark = pytest.mark.anyio

BOMBS = 50
BOMB = {"pattern": "(a|aa)+$", "regex": True, "path": "/a"}
TEXT = "a" * 5000 + "!"
SERVED = 8.0  # seconds, with all processors taken


def searches(root: Path) -> list[str]:
    """The processes of regular expressions of a server that has `root` as TMPDIR."""
    commands = map(command_of, pids_with("TMPDIR", str(root)))
    return [command for command in commands if "_matcher" in command]


def _await_search(root: Path) -> None:
    wait_until(lambda: bool(searches(root)), "a search to begin", 15)


def test_a_search_that_is_cancelled_ends(tmp_path: Path) -> None:
    with RawServer(tmp_path) as server:
        server.handshake()
        server.call("write_file", path="/a", content=TEXT)
        sent = server.send("tools/call", {"name": "grep", "arguments": BOMB})
        _await_search(tmp_path)
        server.notify("notifications/cancelled", {"requestId": sent})
        wait_until(lambda: not searches(tmp_path), "the search to end", 5)


async def test_searches_without_end_do_not_keep_others_waiting(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("alice-token\nbob-token\n")
    with web_server(tmp_path, "--token-file", str(tmp_path / "tokens")) as server:
        async with caller(server, "bob-token") as bob:
            await bob.call("workspace_info")
            async with anyio.create_task_group() as group:
                group.start_soon(_drop_bombs, server)
                await anyio.to_thread.run_sync(_await_search, tmp_path)
                begin = time.monotonic()
                await bob.call("list_directory", path="/")
                assert time.monotonic() - begin < SERVED
                group.cancel_scope.cancel()
        wait_until(lambda: not searches(tmp_path), "the searches to end", 5)


async def _drop_bombs(server: WebServer) -> None:
    async with caller(server, "alice-token") as alice:
        await alice.call("write_file", path="/a", content=TEXT)
        async with anyio.create_task_group() as group:
            for _ in range(BOMBS):
                group.start_soon(alice.client.call_tool, "grep", BOMB)
