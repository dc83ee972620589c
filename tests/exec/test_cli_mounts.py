"""`devdev mounts` and `devdev log`: what is served, and who changed what."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest
from devdev_exec import Workspace

from tests.exec.cli import READY, Background, devdev, error_line
from tests.processes import children

if sys.platform == "win32":
    pytest.skip("devdev mounts on Linux only", allow_module_level=True)

pytestmark = [pytest.mark.fuse, pytest.mark.usefixtures("own_servers")]


def test_nothing_is_listed_where_nothing_is_served() -> None:
    result = devdev("mounts")
    assert (result.returncode, result.stdout) == (0, b"")
    assert result.stderr == b"nothing is mounted\n"
    assert json.loads(devdev("mounts", "--json").stdout) == []


def test_what_is_served_is_listed(tmp_path: Path) -> None:
    with (
        Background("mount", "--read-only", tmp_path) as running,
        Workspace(driver="fuse") as workspace,
    ):
        running.wait_for(READY)
        workspace.fs.write_bytes("/f", b"x" * 10_000)
        rows = devdev("mounts").stdout.decode().splitlines()
        assert rows[0].split() == ["DIRECTORY", "DRIVER", "SERVER", "SINCE", "HOLDS"]
        (row,) = (row for row in rows if row.startswith(f"{workspace.path} "))
        assert "1 inode, 12.3 kB of 2.1 GB" in row
        (row,) = (row for row in rows if row.startswith(f"{tmp_path} "))
        assert row.endswith("read-only")

        places = json.loads(devdev("mounts", "--json").stdout)
        by_path = {place["path"]: place for place in places}
        assert by_path.keys() == {str(tmp_path), str(workspace.path)}
        place = by_path[str(tmp_path)]
        assert place["owner"] == running.process.pid
        assert [place["pid"]] == children(running.process.pid)
        assert (place["driver"], place["read_only"]) == ("fuse", True)
        assert by_path[str(workspace.path)]["status"]["used_bytes"] == 12288
        assert running.end(signal.SIGTERM)[0] == 0


def test_a_server_that_does_not_answer_is_listed_as_that(tmp_path: Path) -> None:
    with Background("mount", tmp_path) as running:
        running.wait_for(READY)
        (server,) = children(running.process.pid)
        os.kill(server, signal.SIGSTOP)
        try:
            assert "no answer" in devdev("mounts").stdout.decode()
        finally:
            os.kill(server, signal.SIGCONT)
        assert running.end(signal.SIGTERM)[0] == 0


def test_the_log_tells_who_changed_what(tmp_path: Path) -> None:
    with Workspace(driver="fuse", mountpoint=tmp_path) as workspace:
        workspace.exec(["sh", "-c", "echo x > one; mv one two"], actor="me").check()
        workspace.fs.rename("/two", "/three")
        spans = json.loads(devdev("log", "--json", tmp_path).stdout)["spans"]
        paths = {span["actor"]: span["changes"][0]["path"] for span in spans}
        assert paths == {"me": "/two", "": "/three"}
        last = json.loads(devdev("log", "--json", "--limit", "1", tmp_path).stdout)
        assert [span["id"] for span in last["spans"]] == [spans[-1]["id"]]
        text = devdev("log", tmp_path).stdout.decode()
        assert "  me\n    added     /two\n" in text
        assert "    renamed   /two -> /three\n" in text
    assert "nothing is served at" in error_line(devdev("log", tmp_path))
    assert devdev("log", "--limit", "-1", tmp_path).returncode == 2
