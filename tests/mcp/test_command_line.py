"""The command line: options, their errors, and what a workspace begins with."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from devdev_exec import Workspace
from devdev_mcp import __version__

from tests.mcp.raw import RawServer

TIMEOUT = 10.0


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )


def run_server(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run("-m", "devdev_mcp", *arguments)


def test_the_installed_program_says_its_version() -> None:
    program = Path(sysconfig.get_path("scripts")) / "devdev-mcp"
    output = subprocess.check_output([program, "--version"], text=True, timeout=TIMEOUT)
    assert output == f"devdev-mcp {__version__}\n"


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_what_needs_no_server_does_not_load_the_sdk(option: str) -> None:
    result = run("-X", "importtime", "-m", "devdev_mcp", option)
    assert result.returncode == 0
    loaded = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert "devdev_mcp" in loaded
    assert not loaded & {"mcp", "pydantic", "devdev_exec"}


def test_the_help_names_every_option_and_that_there_is_no_sandbox() -> None:
    output = run_server("--help").stdout
    for option in ("--snapshot-in FILE", "--import DIR", "--max-bytes N", "--version"):
        assert option in output
    assert "not a sandbox" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--snapshot-in", "nope"], "nope cannot be read: No such file or directory"),
        (["--import", "nope"], "nope is no directory"),
        (["--max-bytes", "much"], "'much' is no size"),
        (["--wrong"], "unrecognized arguments: --wrong"),
    ],
)
def test_a_wrong_option_is_named_on_standard_error(
    arguments: list[str], message: str
) -> None:
    result = run_server(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert message in result.stderr


def test_a_file_that_is_no_snapshot_ends_the_server_with_the_reason(
    tmp_path: Path,
) -> None:
    (tmp_path / "wrong").write_bytes(b"no snapshot")
    log = log_of_a_server_that_ends(tmp_path, "--snapshot-in", tmp_path / "wrong")
    assert log.startswith("devdev-mcp: ERROR: the snapshot cannot be loaded: ")


def test_a_directory_over_the_quota_ends_the_server_with_the_reason(
    tmp_path: Path,
) -> None:
    (tmp_path / "large").write_bytes(b"x" * 5000)
    arguments = ("--import", tmp_path, "--max-bytes", "4K")
    log = log_of_a_server_that_ends(tmp_path, *arguments)
    assert log.startswith(f"devdev-mcp: ERROR: {tmp_path} cannot be copied: ")


def log_of_a_server_that_ends(tmp_path: Path, *arguments: object) -> str:
    with RawServer(tmp_path, *map(str, arguments)) as server:
        assert server.process.wait(TIMEOUT) == 1
        assert server.process.stdout is not None
        assert server.process.stdout.read() == b""
        assert "Traceback" not in server.log()
        return server.log()


def test_a_workspace_begins_with_a_snapshot(tmp_path: Path) -> None:
    with Workspace(mount=False) as workspace:
        workspace.fs.write_text("/a", "from the snapshot")
        (tmp_path / "snapshot").write_bytes(workspace.snapshot())
        digest = workspace.fs.tree_digest()
    with RawServer(tmp_path, "--snapshot-in", str(tmp_path / "snapshot")) as server:
        server.handshake()
        info = server.call("workspace_info")["structuredContent"]
        assert info["digest"] == digest


def test_a_workspace_begins_with_a_directory_and_a_quota(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "a").write_text("from the host")
    with RawServer(tmp_path, "--import", str(source), "--max-bytes", "64K") as server:
        server.handshake()
        read = server.call("read_file", path="/sub/a")["structuredContent"]
        assert read["content"] == "from the host"
        info = server.call("workspace_info")["structuredContent"]
        assert info["bytes_limit"] == 64 * 1024
        full = server.call("write_file", path="/b", content="x" * 65536)
        assert full["structuredContent"]["error"]["code"] == "ENOSPC"
        assert "workspace_info" in full["content"][0]["text"]
        refused = server.call("read_file", path="/b")
        assert refused["structuredContent"]["error"]["code"] == "ENOENT"


@pytest.mark.fuse
def test_the_doctor_tries_a_program(capfd: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, "-m", "devdev_mcp", "doctor"]
    assert subprocess.run(command, check=False, timeout=15).returncode == 0
    told = capfd.readouterr().out
    assert "driver: fuse\n" in told
    assert "programs: yes\n" in told
