"""The workspace where nothing can be mounted: a directory that is kept in step."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest
from devdev_exec import (
    Cancellation,
    DriverChoice,
    DriverUnavailable,
    ExecCancelled,
    ExecError,
    FsError,
    MountOptions,
    SpawnError,
    Workspace,
)

from tests.exec.cli import DEVDEV, devdev
from tests.exec.without_fuse import without_fuse
from tests.processes import wait_until

if sys.platform != "linux":
    pytest.skip("programs run on Linux only", allow_module_level=True)


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with Workspace(driver="copy") as ws:
        yield ws
    assert not os.path.lexists(path_of(ws).parent)


def path_of(ws: Workspace) -> Path:
    assert ws.path is not None
    return ws.path


def test_programs_and_the_api_see_what_the_other_wrote(ws: Workspace) -> None:
    assert ws.driver == "copy"
    ws.fs.write_text("/hello", "world\n")
    result = ws.exec(["sh", "-c", "cat hello; echo $HOME; mkdir d; echo x > d/f"])
    assert result.output.decode().split() == ["world", f"{ws.path}/home"]
    assert ws.fs.read_text("/d/f") == "x\n"
    assert result.changed == ("/d", "/d/f")
    (path_of(ws) / "d/f").write_text("by hand")
    ws.pull()
    assert ws.fs.read_text("/d/f") == "by hand"
    ws.fs.remove("/d/f")
    ws.push()
    assert os.listdir(path_of(ws) / "d") == []


def test_what_a_program_did_can_be_undone(ws: Workspace) -> None:
    ws.fs.write_text("/f", "before")
    result = ws.exec(["sh", "-c", "echo after > f; echo new > g"], actor="me")
    assert ws.fs.log().spans[-1].actor == "me"
    ws.fs.undo(result.span)
    assert ws.exec(["sh", "-c", "ls; cat f"], pty=False).output == b"f\nhome\nbefore"


def test_a_restored_snapshot_shows_with_the_next_program(ws: Workspace) -> None:
    ws.exec(["sh", "-c", "echo one > f"]).check()
    before = ws.snapshot()
    ws.exec(["sh", "-c", "rm f; mkdir f"]).check()
    ws.restore(before)
    assert ws.exec(["cat", "f"], pty=False).output == b"one\n"


def test_a_program_that_is_ended_has_what_it_changed(ws: Workspace) -> None:
    result = ws.exec(["sh", "-c", "echo x > f; sleep 60"], timeout=0.5)
    assert result.timed_out
    assert ws.fs.read_text("/f") == "x\n"
    cancellation = Cancellation()

    def cancel(output: bytes) -> None:
        cancellation.cancel()

    script = "echo x > g; echo up; sleep 60"
    with pytest.raises(ExecCancelled):
        ws.exec(["sh", "-c", script], cancellation=cancellation, on_output=cancel)
    assert ws.fs.read_text("/g") == "x\n"


def test_programs_run_one_at_a_time(ws: Workspace) -> None:
    cancellation = Cancellation()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(ws.exec, ["sh", "-c", "echo > up; sleep 60"], timeout=2)
        wait_until(lambda: (path_of(ws) / "up").exists(), "the first")
        with pytest.raises(ExecError, match="one at a time"):
            ws.exec(["true"], timeout=0.2)
        waiting = pool.submit(ws.exec, ["true"], cancellation=cancellation)
        cancellation.cancel()
        with pytest.raises(ExecCancelled):
            waiting.result(5)
        assert ws.exec(["cat", "up"]).ok
        assert first.result(5).timed_out


def test_closing_ends_running_programs_and_those_that_wait() -> None:
    with Workspace(driver="copy") as ws, ThreadPoolExecutor(2) as pool:
        running = pool.submit(ws.exec, ["sh", "-c", "echo > up; sleep 60"])
        wait_until(lambda: (path_of(ws) / "up").exists(), "the program")
        waiting = pool.submit(ws.exec, ["true"])
        ws.close()
        for each in (running, waiting):
            with pytest.raises(ExecError):
                each.result(10)
        assert not os.path.lexists(path_of(ws).parent)


def test_what_both_changed_is_told_and_kept(ws: Workspace) -> None:
    ws.fs.write_bytes("/f", b"\0before")

    def interfere(output: bytes) -> None:
        ws.fs.write_bytes("/f", b"\0by the api")

    script = "printf '\\000by the program' > f; echo; read line < wait"
    ws.fs.write_text("/wait", "")
    result = ws.exec(["sh", "-c", script], on_output=interfere)
    assert [each.path for each in result.conflicts] == ["/f"]
    assert result.kept_beside == ("/f~devdev-1",)
    assert ws.fs.read_bytes("/f") == b"\0by the api"
    assert ws.fs.read_bytes("/f~devdev-1") == b"\0by the program"


def test_what_does_not_fit_stays_in_the_directory_until_there_is_room() -> None:
    with Workspace(driver="copy", max_bytes=64 * 1024) as ws:
        script = ["sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x > large"]
        with pytest.raises(FsError, match="large") as caught:
            ws.exec(script)
        (note,) = caught.value.__notes__
        assert "'sh' succeeded" in note
        assert not ws.fs.exists("/large")
        assert ws.exec(["rm", "large"]).ok
        assert ws.exec(["sh", "-c", "echo x > small"]).changed == ("/small",)


def test_what_the_host_cannot_show_is_told(ws: Workspace) -> None:
    root = ws.fs.stat("/").ino
    ws.fs.inodes.mknod(root, b"null", 0o020666, 0x103)
    (unkept,) = ws.exec(["true"]).unkept
    assert (unkept.path, "device" in unkept.reason) == ("/null", True)


def test_a_program_that_cannot_start_leaves_all_in_step(ws: Workspace) -> None:
    ws.fs.write_text("/f", "x")
    with pytest.raises(SpawnError, match="no-such-program"):
        ws.exec(["no-such-program"])
    with pytest.raises(FileNotFoundError):
        ws.exec(["true"], cwd="/missing")
    assert ws.exec(["cat", "f"]).output == b"x"


def test_a_driver_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="'nfs'"):
        Workspace(driver=cast(DriverChoice, "nfs"))
    with pytest.raises(DriverUnavailable, match="read_only"):
        Workspace(driver="copy", options=MountOptions(read_only=True))


def test_a_killed_owner_leaves_nothing() -> None:
    script = """
        import sys
        from devdev_exec import Workspace
        ws = Workspace(driver="copy")
        ws.exec(["sh", "-c", "mkdir d; echo > d/f; chmod 0 d"]).check()
        print(ws.path, flush=True)
        sys.stdin.read()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout
        path = Path(owner.stdout.readline().strip())
        assert os.listdir(path)
        owner.kill()
    wait_until(lambda: not os.path.lexists(path.parent), "the directory to go")


# --- where /dev/fuse cannot be opened --------------------------------------------

_JOB = """
    import sys
    from devdev_exec import DriverUnavailable, Environment, MountOptions, Workspace

    identity = Environment(variables={
        f"GIT_{who}_{what}": "1700000000 +0000" if what == "DATE" else "x@example.org"
        for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL", "DATE")
    })
    SCRIPTS = [
        "git init -q -b main repo; cd repo; mkdir src; echo a > src/a; ln -s src l",
        "cd repo; chmod 755 src/a; ln src/a hard; git add -A; git commit -qm one",
        "cd repo; echo b >> src/a; git mv src lib; git commit -qam two",
        "cd repo; git checkout -q HEAD~1; git checkout -q main; git gc -q",
        "cd repo; git fsck --strict; test -z $(git status --porcelain)",
        "rm -rf repo/.git/index repo/.git/logs; mkdir -p e/f; mv repo e/f; mkfifo p",
    ]
    with Workspace() as ws:
        assert ws.driver == sys.argv[1], ws.driver
        for script in SCRIPTS:
            result = ws.exec(["sh", "-ec", script], environment=identity).check()
            assert not result.unkept and not result.conflicts, result
            assert result.changed or "fsck" in script, script
        print(ws.fs.tree_digest())
    if sys.argv[1] == "copy":
        try:
            Workspace(options=MountOptions(read_only=True))
        except DriverUnavailable as error:
            assert "/dev/fuse" in str(error), error
"""


def do_job(prefix: list[str], driver: str) -> str:
    done = subprocess.run(
        [*prefix, sys.executable, "-c", textwrap.dedent(_JOB), driver],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(100)
@pytest.mark.fuse
def test_where_nothing_can_be_mounted_the_tree_is_the_same(tmp_path: Path) -> None:
    assert do_job(without_fuse(tmp_path), "copy") == do_job([], "fuse")


def test_the_command_runs_programs_where_nothing_can_be_mounted(
    tmp_path: Path,
) -> None:
    prefix = without_fuse(tmp_path)
    command = ["exec", "--", "sh", "-c", "echo x > f; pwd; exit 3"]
    done = subprocess.run(
        [*prefix, *DEVDEV, *command], capture_output=True, timeout=15, check=False
    )
    assert done.returncode == 3, done.stderr
    assert done.stdout.endswith(b"/files\n")
    refused = subprocess.run(
        [*prefix, *DEVDEV, "exec", "--driver", "fuse", "--", "true"],
        capture_output=True,
        timeout=15,
        check=False,
    )
    assert refused.returncode == 1
    assert b"/dev/fuse" in refused.stderr


def test_the_command_can_be_told_to_copy() -> None:
    begun = time.monotonic()
    done = devdev("exec", "--driver", "copy", "--", "pwd")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(b"/files\n")
    assert time.monotonic() - begun < 15
