"""Clients that mean no good get clear errors, and the next call is served."""

import json
from collections.abc import Iterator

import pytest

from tests.mcp.raw import RawServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RawServer]:
    with RawServer(
        tmp_path_factory.mktemp("hostile"),
        *("--tools", "full", "--max-bytes", "1M", "--max-inodes", "200"),
    ) as server:
        server.handshake()
        yield server


def _code(result: dict[str, object]) -> object:
    fields = result["structuredContent"]
    assert isinstance(fields, dict)
    return fields["error"]["code"]


@pytest.mark.parametrize(
    "path",
    ["/" + "a/" * 5000, "/" + "a" * 300, "/a\0b"],
    ids=["deep", "long", "nul"],
)
@pytest.mark.parametrize("tool", ["read_file", "list_directory", "remove", "stat"])
def test_paths_that_cannot_be_are_refused(
    server: RawServer, tool: str, path: str
) -> None:
    result = server.call(tool, path=path)
    assert result["isError"]
    assert not server.call("stat", path="/")["isError"]


def test_the_quotas_hold(server: RawServer) -> None:
    assert _code(server.call("write_file", path="/big", content="x" * 2**21)) == (
        "ENOSPC"
    )
    codes = set()
    for n in range(250):
        result = server.call("write_file", path=f"/n{n}", content="")
        if result["isError"]:
            codes.add(_code(result))
    assert codes == {"ENOSPC"}
    for n in range(250):
        server.call("remove", path=f"/n{n}")
    assert not server.call("write_file", path="/small", content="x")["isError"]


def _is_served(server: RawServer) -> bool:
    """Whether a call is answered; answers to what came before it are let pass."""
    arguments = {"name": "stat", "arguments": {"path": "/"}}
    sent = server.send("tools/call", arguments)
    while (answer := server.receive())["id"] != sent:
        pass
    return not answer["result"]["isError"]


@pytest.mark.parametrize(
    "arguments",
    [
        '{"path": "\\ud800"}',
        '{"path": "/\\udcff"}',
        '{"path": ' + "[" * 5000 + "]" * 5000 + "}",
    ],
    ids=["surrogate", "byte", "depth"],
)
def test_arguments_that_are_no_text_or_of_absurd_depth_do_no_harm(
    server: RawServer, arguments: str
) -> None:
    head = '{"jsonrpc":"2.0","id":"bad","method":"tools/call","params":'
    for name in ("stat", "\\ud800"):
        server.send_line(f'{head}{{"name":"{name}","arguments":{arguments}}}}}')
        assert _is_served(server)


def test_a_flood_of_calls_is_answered(server: RawServer) -> None:
    arguments = {"name": "stat", "arguments": {"path": "/"}}
    sent = {server.send("tools/call", arguments) for _ in range(500)}
    assert {server.receive()["id"] for _ in sent} == sent


def test_numbers_out_of_range_are_refused(server: RawServer) -> None:
    for tool, arguments in (
        ("read_file", {"path": "/", "start_line": 0}),
        ("read_file", {"path": "/", "max_tokens": 10**9}),
        ("list_directory", {"path": "/", "depth": 10**6}),
        ("undo", {"op": -1}),
        ("undo", {"op": 2**70}),
        ("exec_output", {"session_id": "x" * 10_000}),
        ("history", {"cursor": "9" * 5000}),
    ):
        result = server.call(tool, **arguments)
        assert result["isError"], (tool, json.dumps(result)[:200])
    assert not server.call("stat", path="/")["isError"]
