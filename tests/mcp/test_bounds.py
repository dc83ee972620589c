"""What the server's operator allows commands, whatever a client asks for."""

from pathlib import Path

import pytest

from tests.mcp.raw import RawServer

pytestmark = pytest.mark.fuse


def _run(server: RawServer, command: str, **arguments: object) -> dict[str, object]:
    result = server.call("exec_command", command=command, **arguments)
    assert not result["isError"], result
    fields = result["structuredContent"]
    assert isinstance(fields, dict)
    return fields


def test_a_command_has_the_time_and_memory_that_the_server_gives(
    tmp_path: Path,
) -> None:
    with RawServer(tmp_path, "--max-seconds", "1", "--max-memory", "256M") as server:
        server.handshake()
        assert _run(server, "sleep 30", timeout_ms=60_000)["status"] == "timeout"
        assert _run(server, "ulimit -v")["output"] == f"{256 * 1024}\n"


def test_a_contained_command_sees_the_workspace_and_not_the_host(
    tmp_path: Path,
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of the host")
    with RawServer(tmp_path, "--contain", "namespaces") as server:
        server.handshake()
        tried = server.call("exec_command", command="true")
        if tried["isError"]:
            pytest.skip(f"no namespaces here: {tried['content'][0]['text']}")
        assert tried["structuredContent"]["sandbox"] == "namespaces"
        server.call("write_file", path="/f", content="of the workspace")
        assert _run(server, 'cat "$WORKSPACE/f" f')["output"] == "of the workspace" * 2
        assert _run(server, f"cat {secret}")["exit_code"] == 1
        info = server.call("workspace_info")["structuredContent"]
        assert info["sandbox"]["level"] == "namespaces"
