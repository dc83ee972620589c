"""Workspaces that outlive the server, also when it is killed."""

import os
import random
from contextlib import suppress
from pathlib import Path
from threading import Timer

import pytest

from tests.mcp.raw import RawServer, ServerEnded

pytestmark = pytest.mark.fuse

ABSENT = ""  # no file that is written here is empty
FILES = 60
IN_FLIGHT = 8


def _fields(result: dict[str, object]) -> dict[str, object]:
    assert not result["isError"], result
    fields = result["structuredContent"]
    assert isinstance(fields, dict)
    return fields


def _server(root: Path, state: Path) -> RawServer:
    root.mkdir(exist_ok=True)
    return RawServer(root, "--state", str(state), "--tools", "full")


@pytest.mark.usefixtures("own_servers")
def test_workspaces_go_on_where_they_were(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with _server(tmp_path / "one", state) as server:
        server.handshake()
        server.call("write_file", path="/a", content="first\n")
        point = _fields(server.call("snapshot", label="kept"))["id"]
        fork = _fields(server.call("workspace_fork", label="trial"))["workspace"]
        server.call("write_file", path="/a", content="forked\n", workspace=fork)
        server.call("exec_command", command="echo 1 > by-program", workspace=fork)
    with _server(tmp_path / "two", state) as server:
        server.handshake()
        listed = _fields(server.call("workspace_list"))["workspaces"]
        assert isinstance(listed, list)
        told = [(each["id"], each.get("label"), each.get("origin")) for each in listed]
        assert told == [("w1", None, None), (fork, "trial", "w1")]
        assert _fields(server.call("read_file", path="/a"))["content"] == "first\n"
        server.call("write_file", path="/a", content="second\n")
        _fields(server.call("restore", to=str(point)))
        merged = _fields(server.call("merge", source=fork))
        assert merged["conflicts"] == []
        assert _fields(server.call("read_file", path="/a"))["content"] == "forked\n"
        assert _fields(server.call("read_file", path="/by-program"))["content"] == "1\n"
        _fields(server.call("workspace_close", workspace=fork, discard=True))
    assert [each.name for each in state.iterdir()] == ["w1"]


@pytest.mark.usefixtures("own_servers")
def test_a_server_that_is_killed_loses_nothing_that_was_answered(
    tmp_path: Path,
) -> None:
    """Killed at random moments, with several writes in flight.

    What is in flight is there whole, or what it would have replaced is.
    """
    choices = random.Random(os.environ.get("DEVDEV_KILL_SEED", "1"))
    kills = int(os.environ.get("DEVDEV_KILLS", "6"))
    held: dict[str, list[str]] = {}  # what each file may hold
    for lap in range(kills):
        with _server(tmp_path / str(lap), tmp_path / "state") as server:
            server.handshake()
            _check(server, held)
            _write_until_killed(server, held, choices, lap)
    with _server(tmp_path / "last", tmp_path / "state") as server:
        server.handshake()
        _check(server, held)
    assert held


def _check(server: RawServer, held: dict[str, list[str]]) -> None:
    for path, contents in held.items():
        result = server.call("read_file", path=path)
        if result["isError"]:
            assert ABSENT in contents, (path, result)
            held[path] = [ABSENT]
        else:
            read = _fields(result)["content"]
            assert read in contents, (path, str(read)[:20])
            held[path] = [str(read)]


def _write_until_killed(
    server: RawServer, held: dict[str, list[str]], choices: random.Random, lap: int
) -> None:
    killing = Timer(choices.uniform(0, 0.6), server.process.kill)
    killing.start()
    flying: dict[int, str] = {}
    count = 0
    with suppress(BrokenPipeError, ServerEnded):
        while True:
            while len(flying) < IN_FLIGHT:
                path = f"/f{choices.randrange(FILES)}"
                if path in flying.values():
                    continue
                count += 1
                content = f"{lap}-{count}-" + "x" * choices.choice((10, 1000, 30_000))
                held.setdefault(path, [ABSENT]).append(content)
                arguments = {"path": path, "content": content}
                params = {"name": "write_file", "arguments": arguments}
                flying[server.send("tools/call", params)] = path
            answer = server.receive()
            _fields(answer["result"])
            written = flying.pop(answer["id"])
            held[written] = held[written][-1:]
    killing.join()
    server.process.wait()
