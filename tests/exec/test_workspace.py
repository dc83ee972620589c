"""The workspace: filesystem, mount and programs together."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from devdev_exec import (
    Environment,
    ExecError,
    FsError,
    SnapshotError,
    SpawnError,
    Workspace,
)


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with Workspace() as ws:
        yield ws


@pytest.mark.fuse
def test_a_program_runs_in_the_root_of_the_workspace(ws: Workspace) -> None:
    result = ws.exec(["pwd"])
    assert result.output.decode().strip() == str(ws.path)


@pytest.mark.fuse
def test_home_is_a_directory_of_the_workspace(ws: Workspace) -> None:
    result = ws.exec(["sh", "-c", "cd && echo here > note && echo $HOME"])
    assert result.output.decode().strip() == f"{ws.path}/home"
    assert ws.fs.read_text("/home/note") == "here\n"


@pytest.mark.fuse
def test_nothing_of_the_environment_is_inherited_unasked(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    assert b"s3cret" not in ws.exec(["env"]).output
    assert (
        b"SECRET=s3cret"
        in ws.exec(["env"], environment=Environment(inherit=("SECRET",))).output
    )
    assert (
        b"SECRET=other"
        in ws.exec(
            ["env"], environment=Environment(variables={"SECRET": "other"})
        ).output
    )


@pytest.mark.fuse
@pytest.mark.parametrize("cwd", ["/..", "/../..", "/a/../../..", "..", "/out/.."])
def test_a_cwd_cannot_lead_outside(ws: Workspace, cwd: str) -> None:
    ws.fs.mkdir("/a")
    ws.fs.symlink("/", "/out")
    result = ws.exec(["pwd"], cwd=cwd)
    assert result.output.decode().strip() == str(ws.path)


@pytest.mark.fuse
def test_an_absolute_link_in_a_cwd_is_resolved_inside(ws: Workspace) -> None:
    ws.fs.mkdir("/etc")
    ws.fs.symlink("/etc", "/link")
    result = ws.exec(["pwd"], cwd="/link")
    assert result.output.decode().strip() == f"{ws.path}/etc"


@pytest.mark.fuse
def test_a_cwd_that_is_missing_or_no_directory_is_an_error(ws: Workspace) -> None:
    ws.fs.write_text("/file", "")
    with pytest.raises(FileNotFoundError):
        ws.exec(["pwd"], cwd="/missing")
    with pytest.raises(NotADirectoryError):
        ws.exec(["pwd"], cwd="/file")


@pytest.mark.fuse
def test_a_missing_program_is_named(ws: Workspace) -> None:
    with pytest.raises(SpawnError, match="no-such-program"):
        ws.exec(["no-such-program"])


@pytest.mark.fuse
def test_programs_run_side_by_side(ws: Workspace) -> None:
    ws.exec(["mkfifo", "pipe"]).check()
    with ThreadPoolExecutor(2) as pool:
        reader = pool.submit(ws.exec, ["cat", "pipe"])
        writer = pool.submit(ws.exec, ["sh", "-c", "echo met > pipe"])
        assert writer.result(10).ok
        assert reader.result(10).output == b"met\r\n"


@pytest.mark.fuse
def test_the_umask_is_one_for_programs_and_api() -> None:
    with Workspace(umask=0o077) as ws:
        ws.fs.write_text("/api", "")
        ws.exec(["sh", "-c", "echo > program; mkdir directory"]).check()
        assert ws.fs.stat("/api").perm == 0o600
        assert ws.fs.stat("/program").perm == 0o600
        assert ws.fs.stat("/directory").perm == 0o700


@pytest.mark.fuse
def test_restoring_undoes_what_a_program_did(ws: Workspace) -> None:
    ws.exec(["sh", "-c", "echo one > kept; mkdir d; echo > d/f"]).check()
    before = ws.snapshot()
    digest = ws.fs.tree_digest()
    ws.exec(["sh", "-c", "rm -r d; echo two > kept; echo > new"]).check()
    ws.restore(before)
    assert ws.exec(["cat", "kept"]).output == b"one\r\n"
    assert ws.exec(["find", ".", "-type", "f"]).output.split() == [b"./kept", b"./d/f"]
    assert ws.fs.tree_digest() == digest
    ws.fs.check_invariants()


@pytest.mark.fuse
def test_a_full_workspace_refuses_programs_and_loses_nothing() -> None:
    with Workspace(max_bytes=1024 * 1024) as ws:
        ws.exec(["sh", "-c", "echo kept > kept"]).check()
        result = ws.exec(["dd", "if=/dev/zero", "of=big", "bs=64k", "count=100"])
        assert b"No space left on device" in result.output
        assert ws.fs.read_text("/kept") == "kept\n"
        ws.fs.remove("/big")
        ws.exec(["sh", "-c", "echo again > again"]).check()


@pytest.mark.fuse
def test_closing_ends_running_programs(ws: Workspace) -> None:
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(ws.exec, ["sh", "-c", "echo up > up; sleep 60"])
        while not ws.fs.exists("/up"):
            assert not running.done()
        ws.close()
        with pytest.raises(ExecError):
            running.result(10)
    assert ws.path is not None
    assert not ws.path.exists()


def test_without_a_mount_there_is_a_filesystem_and_no_programs() -> None:
    with Workspace(mount=False) as ws:
        ws.fs.write_text("/f", "x")
        assert (ws.path, ws.driver) == (None, "memory")
        with pytest.raises(ExecError, match="nothing is mounted"):
            ws.exec(["true"])
        with Workspace(mount=False, snapshot=ws.snapshot()) as other:
            assert other.fs.read_text("/f") == "x"


def test_an_unmounted_workspace_imports_too(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    (tmp_path / "g").write_text("y")
    with Workspace(mount=False) as ws:
        ws.import_tree(tmp_path, "/in", exclude=["g"])
        assert ws.fs.read_text("/in/f") == "x"
        assert ws.fs.listdir("/in") == ["f"]
        with pytest.raises(FsError):
            ws.import_tree(tmp_path, "/in")


def test_a_bad_snapshot_is_refused() -> None:
    with pytest.raises(SnapshotError):
        Workspace(mount=False, snapshot=b"nonsense")


@pytest.mark.fuse
def test_a_closed_workspace_says_so(ws: Workspace) -> None:
    ws.close()
    ws.close()
    with pytest.raises(ExecError, match="closed"):
        ws.exec(["true"])
