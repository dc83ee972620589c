"""Where the workspace is, and what there is where nothing can be mounted."""

import shutil
from pathlib import Path

import pytest
from devdev_exec import Workspace

from tests.conftest import may_mount
from tests.mcp.calls import Agent, text_of
from tests.mcp.raw import RawServer

# Its own mount namespace, in which /dev/fuse is no FUSE device.
WITHOUT_FUSE = (
    "unshare",
    "-m",
    "sh",
    "-c",
    'mount --bind /dev/null /dev/fuse && exec "$@"',
    "sh",
)


@pytest.mark.fuse
@pytest.mark.anyio
async def test_the_workspace_describes_itself(agent: Agent) -> None:
    await agent.call("write_file", path="/wi", content="x" * 5000)
    info = await agent.call("workspace_info")
    assert await agent.shell(f"wc -c < {info['mount']}/wi") == "5000\n"
    assert (info["root"], info["driver"], info["home"]) == ("/", "fuse", "/home")
    assert info["exec_available"] is True
    assert info["degraded"] == []
    assert info["sandbox"]["level"] == "none"
    assert 5000 <= info["bytes_used"] <= info["bytes_limit"] == 2 * 1024**3
    assert 2 <= info["inodes_used"] <= info["inodes_limit"] == 2**20
    assert len(info["digest"]) == 64
    text = text_of(await agent.result("workspace_info"))
    assert info["mount"] in text
    assert "no sandbox" in text or "sandbox: none" in text


@pytest.mark.skipif(
    not may_mount() or shutil.which("unshare") is None,
    reason="hiding /dev/fuse needs unshare and the right to mount",
)
def test_without_fuse_files_work_and_exec_says_what_is_missing(tmp_path: Path) -> None:
    with RawServer(tmp_path, prefix=WITHOUT_FUSE) as server:
        server.handshake()
        written = server.call("write_file", path="/a", content="1")
        assert written["structuredContent"]["size"] == 1
        info = server.call("workspace_info")["structuredContent"]
        assert (info["mount"], info["driver"]) == (None, "memory")
        assert info["exec_available"] is False
        (reason,) = info["degraded"]
        assert "mount" in reason
        refused = server.call("exec_command", command="true")
        assert refused["isError"] is True
        error = refused["structuredContent"]["error"]
        assert error["code"] == "EXEC_UNAVAILABLE"
        assert reason.removeprefix("no exec: ") in error["hint"]
        taken = server.call("snapshot")["structuredContent"]
        server.call("write_file", path="/a", content="2")
        server.call("restore", to=taken["id"])
        assert (
            server.call("read_file", path="/a")["structuredContent"]["content"] == "1"
        )


@pytest.mark.fuse
@pytest.mark.usefixtures("own_servers")
def test_a_workspace_of_another_process_can_be_served(tmp_path: Path) -> None:
    with Workspace(driver="fuse") as ws:
        ws.fs.write_text("/f", "of the owner\n")
        with RawServer(tmp_path, "--attach", str(ws.path)) as server:
            server.handshake()
            info = server.call("workspace_info")["structuredContent"]
            assert info["mount"] == str(ws.path)
            ran = server.call("exec_command", command="cat f; echo x > by-command")
            assert "of the owner" in ran["content"][0]["text"]
            server.call("write_file", path="/by-tool", content="1")
            assert ws.fs.read_text("/by-tool") == "1"
        actors = [span.actor for span in ws.fs.log().spans]
        assert "devdev-mcp" in actors
        assert ws.fs.exists("/by-command")


def test_without_a_workspace_to_attach_to_the_server_says_so(tmp_path: Path) -> None:
    with RawServer(tmp_path, "--attach", str(tmp_path)) as server:
        assert server.process.wait(10) == 1
    said = (tmp_path / "stderr").read_text()
    assert f"nothing is served at {tmp_path}" in said
    assert "Traceback" not in said
