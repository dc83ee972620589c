"""Workspaces that outlive the server, also when it is killed."""

from pathlib import Path

import pytest

from tests.mcp.raw import RawServer

pytestmark = pytest.mark.fuse


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
    state = tmp_path / "state"
    count = 0
    for lap in range(3):
        with _server(tmp_path / str(lap), state) as server:
            server.handshake()
            for n in range(count):
                read = server.call("read_file", path=f"/{n}")
                assert _fields(read)["content"] == str(n)
            for _ in range(5):
                _fields(server.call("write_file", path=f"/{count}", content=str(count)))
                count += 1
            # In flight when it is killed:
            arguments = {"path": f"/flying{lap}", "content": "x" * 100_000}
            params = {"name": "write_file", "arguments": arguments}
            server.send("tools/call", params)
            server.process.kill()
