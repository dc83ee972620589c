"""Where the workspace is, and what there is where nothing can be mounted."""

import shutil
from pathlib import Path

import pytest

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
