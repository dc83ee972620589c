"""However a session ends: nothing of it is left, and what it used is told."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from devdev_exec import Environment, ExecError, Workspace

from tests.processes import Mark, children, command_of, helper_of, is_gone, wait_until

if sys.platform != "linux":
    pytest.skip("programs run on Linux only", allow_module_level=True)

pytestmark = pytest.mark.fuse

LIMIT = 10.0
STUBBORN = "trap '' TERM HUP; setsid sleep 61 & (setsid sleep 62 &) ; echo up; sleep 60"

OWNER = f"""\
import sys, time
from devdev_exec import Environment, Workspace
ws = Workspace(driver="fuse")
mark = Environment(inherit=["DEVDEV_TEST_MARK"])
sessions = [ws.start(["sh", "-c", {STUBBORN!r}], environment=mark) for _ in range(2)]
for session in sessions:
    session.wait_for("up")
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with Workspace(driver="fuse") as ws:
        yield ws


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_of_an_owner_that_is_killed(
    mark: Mark, tmp_path: Path, number: int
) -> None:
    environment = {**os.environ, **mark.variables, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], env=environment, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"ready\n"
        assert len(mark.pids()) > 6
        owner.send_signal(number)
    mark.wait_for_none()
    wait_until(lambda: not list(tmp_path.iterdir()), "files and mounts to be gone")


def test_output_is_kept_in_files_that_no_directory_has(
    ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with ws.start(["cat"]) as session:
        session.write("text\n")
        session.wait_for("text\r\ntext", timeout=LIMIT)
        assert list(tmp_path.iterdir()) == []


def test_a_session_whose_supervisor_is_killed_is_over(
    ws: Workspace, mark: Mark
) -> None:
    environment = Environment(variables=mark.variables)
    with ws.start(["sh", "-c", STUBBORN], environment=environment) as session:
        session.wait_for("up", timeout=LIMIT)
        helper = helper_of(os.getpid())
        (supervisor,) = (
            pid for pid in children(helper) if "devdev_exec" in command_of(pid)
        )
        os.kill(supervisor, signal.SIGKILL)
        with pytest.raises(ExecError, match="standing over it died"):
            session.wait(LIMIT)
        assert session.wait_for("never", timeout=LIMIT).happened == "exit"
    mark.wait_for_none()
    assert ws.exec(["true"]).ok


def test_a_session_whose_helper_is_killed_is_over_and_the_next_one_runs(
    ws: Workspace, mark: Mark
) -> None:
    environment = Environment(variables=mark.variables)
    with ws.start(["sh", "-c", STUBBORN], environment=environment) as session:
        session.wait_for("up", timeout=LIMIT)
        helper = helper_of(os.getpid())
        os.kill(helper, signal.SIGKILL)
        with pytest.raises(ExecError, match="helper process died"):
            session.wait(LIMIT)
        mark.wait_for_none()
        wait_until(lambda: is_gone(helper), "the helper to be gone")
        with ws.start(["echo", "again"]) as other:
            assert other.wait_for("again", timeout=LIMIT).happened == "match"


def test_a_workspace_is_closed_under_who_waits(ws: Workspace) -> None:
    session = ws.start(["sleep", "60"])
    ws.close()
    assert session.wait_for("never", timeout=LIMIT).happened == "exit"
    with pytest.raises(ExecError, match="reads no more"):
        session.write("x")
    with pytest.raises(ExecError, match="closed"):
        ws.start(["true"])


def test_programs_are_ended_before_their_owner_where_memory_runs_out(
    ws: Workspace,
) -> None:
    scores = [Path("/proc/self/oom_score_adj").read_text()]
    scores += [
        Path(f"/proc/{pid}/oom_score_adj").read_text()
        for pid in children(os.getpid())
        if "devdev" in command_of(pid)
    ]
    output = ws.exec(["cat", "/proc/self/oom_score_adj"], pty=False).check().output
    assert len(scores) > 1
    assert int(output) > min(1000 - 1, *map(int, scores))


def test_memory_is_that_of_all_processes_together(ws: Workspace) -> None:
    script = "x = bytearray(50 << 20); print('up', flush=True); input()"
    python = f'{sys.executable} -c "{script}"'
    shell = f"exec 3<&0; {python} <&3 & {python} <&3 & wait"
    with ws.start(["sh", "-c", shell], pty=False) as session:
        session.wait_for("up\nup\n", timeout=LIMIT)
        session.wait_for("never", timeout=0.5)
        session.close_input()
        result = session.wait(LIMIT)
        assert result is not None
        assert result.max_rss > 100 << 20


def test_the_result_tells_how_much_was_written(ws: Workspace) -> None:
    result = ws.exec(["seq", "10000"], pty=False, max_output=100)
    assert (len(result.output), result.output_bytes) == (100, 48894)


def test_sessions_of_a_workspace_that_is_attached_to(own_servers: Path) -> None:
    with Workspace(driver="fuse") as ws:
        assert ws.path is not None
        with Workspace.attach(ws.path) as other:
            session = other.start(["sh", "-c", "echo x > f; read y"])
            wait_until(lambda: ws.fs.exists("/f"), "the file")
            assert session.changed() == ("/f",)
            assert (ws.sessions(), other.sessions()) == ((), (session,))
        assert not session.is_running
        assert ws.exec(["cat", "f"], pty=False).output == b"x\n"
