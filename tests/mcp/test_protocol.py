"""What goes over the pipes, without the SDK's client in between."""

from collections.abc import Iterator

import pytest

from tests.mcp.raw import RawServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RawServer]:
    with RawServer(tmp_path_factory.mktemp("protocol")) as server:
        server.handshake()
        server.call("exec_command", command="true")
        yield server


def test_lines_that_are_no_messages_do_no_harm(server: RawServer) -> None:
    for line in (
        "",
        "{",
        "[]",
        '"text"',
        '{"jsonrpc": "1.0"}',
        "\x00\xff",
        "[" * 10_000,
    ):
        server.send_line(line)
    assert server.request("ping")["result"] == {}


def test_an_unknown_method_is_an_error_of_the_protocol(server: RawServer) -> None:
    assert server.request("tools/nope")["error"]["code"] == -32601


def test_an_error_of_a_tool_is_a_result(server: RawServer) -> None:
    result = server.call("read_file", path="/nope")
    assert result["isError"] is True
    assert result["structuredContent"]["error"]["code"] == "ENOENT"
    assert result["content"][0]["text"].startswith("ENOENT: /nope: ")


def test_results_say_nothing_of_what_is_absent(server: RawServer) -> None:
    server.call("write_file", path="/a", content="1")
    fields = server.call("read_file", path="/a")["structuredContent"]
    assert None not in fields.values()


def test_many_calls_at_once_are_all_answered(server: RawServer) -> None:
    sent = {
        server.send(
            "tools/call",
            {
                "name": "write_file",
                "arguments": {"path": f"/many/{n}", "content": str(n)},
            },
        )
        for n in range(100)
    }
    answers = [server.receive() for _ in sent]
    assert {answer["id"] for answer in answers} == sent
    assert not any(answer["result"]["isError"] for answer in answers)
    listed = server.call("list_directory", path="/many")["structuredContent"]
    assert len(listed["entries"]) == 100


def test_appends_side_by_side_are_all_there(server: RawServer) -> None:
    for n in range(50):
        arguments = {"path": "/log", "content": f"{n}\n", "append": True}
        server.send("tools/call", {"name": "write_file", "arguments": arguments})
    for _ in range(50):
        server.receive()
    content = server.call("read_file", path="/log")["structuredContent"]["content"]
    assert sorted(map(int, content.split())) == list(range(50))


@pytest.mark.fuse
def test_a_cancelled_call_is_not_answered(server: RawServer) -> None:
    arguments = {"command": "while :; do echo x; sleep 0.05; done"}
    number = server.send("tools/call", {"name": "exec_command", "arguments": arguments})
    server.notify("notifications/cancelled", {"requestId": number})
    assert server.request("ping")["result"] == {}


@pytest.mark.fuse
def test_what_programs_print_is_not_on_the_wire(server: RawServer) -> None:
    """Every line is parsed by `receive`, so stray output would fail there."""
    result = server.call("exec_command", command="echo stray; echo stray >&2", tty=True)
    assert result["structuredContent"]["exit_code"] == 0


def test_progress_is_told_only_to_who_asks(server: RawServer) -> None:
    assert [each["method"] for each in server.notifications] == []
