"""The end of a command: with its program every process ends, and in time."""

import concurrent.futures
import sys
import threading
import time
from pathlib import Path

import pytest
from devdev_exec._errors import ExecError
from devdev_exec._launcher import Launcher

from tests.exec.conftest import Run
from tests.processes import Mark

if sys.platform != "linux":
    pytest.skip("the launcher is for Linux", allow_module_level=True)

BOTH_WAYS = pytest.mark.parametrize("pty", [True, False], ids=["pty", "pipes"])

# A process that has left session, group and parents, and ignores what it can.
DAEMON = """\
import os, signal, sys, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open("daemon", "w").close()
        time.sleep(60)
    os._exit(0)
os.wait()
while not os.path.exists("daemon"):
    time.sleep(0.01)
"""

# Forks and ends, and so on: it is never twice the same process.
COMET = """\
import os
os.setsid()
while os.fork() == 0:
    pass
"""


@BOTH_WAYS
def test_time_bounds_the_whole_call(run: Run, pty: bool) -> None:
    begin = time.monotonic()
    result = run("sleep", "60", timeout=0.3, pty=pty)
    assert 0.3 <= time.monotonic() - begin < 1.0
    assert result.timed_out
    assert not result.ok
    assert (result.exit_code, result.signal) == (None, 15)


@BOTH_WAYS
def test_when_time_is_over_output_so_far_is_kept(run: Run, pty: bool) -> None:
    result = run("sh", "-c", "printf begun; exec sleep 60", timeout=0.3, pty=pty)
    assert result.output == b"begun"


@BOTH_WAYS
def test_a_tree_that_ignores_signals_ends_with_its_time(
    run: Run, mark: Mark, pty: bool
) -> None:
    begin = time.monotonic()
    result = run(
        sys.executable, "-c", f"{DAEMON}\ntime.sleep(60)", timeout=1.0, pty=pty
    )
    assert time.monotonic() - begin < 2.0
    assert (result.timed_out, result.signal) == (True, 9)
    assert mark.pids() == []


def test_a_program_may_clean_up_when_its_time_is_over(run: Run) -> None:
    script = "trap 'echo clean; exit 0' TERM; echo ready; while :; do :; done"
    result = run("sh", "-c", script, timeout=0.3)
    assert result.output == b"ready\r\nclean\r\n"
    assert (result.exit_code, result.timed_out, result.ok) == (0, True, False)


def test_a_stopped_program_ends_with_its_time(run: Run) -> None:
    result = run("sh", "-c", "kill -STOP $$", timeout=0.2)
    assert (result.timed_out, result.signal) == (True, 15)


def test_endless_output_ends_with_its_time(run: Run) -> None:
    begin = time.monotonic()
    result = run("yes", timeout=0.3, max_output=1000)
    assert time.monotonic() - begin < 2.0
    assert result.timed_out
    assert len(result.output) == 1000


def test_a_time_that_is_over_at_once_starts_nothing_or_ends_it(run: Run) -> None:
    assert run("sleep", "60", timeout=1e-6).timed_out


@BOTH_WAYS
def test_what_a_shell_leaves_in_the_background_ends_with_it(
    run: Run, mark: Mark, pty: bool
) -> None:
    begin = time.monotonic()
    script = "sleep 60 & nohup sleep 61 & setsid sleep 62 & echo done"
    result = run("sh", "-c", script, pty=pty)
    assert (result.exit_code, result.timed_out) == (0, False)
    assert b"done" in result.output  # nohup has something to say too
    assert time.monotonic() - begin < 1.0
    assert mark.pids() == []


@BOTH_WAYS
def test_a_daemon_that_ignores_signals_ends_with_its_command(
    run: Run, mark: Mark, pty: bool
) -> None:
    begin = time.monotonic()
    assert run(sys.executable, "-c", DAEMON, pty=pty).ok
    assert time.monotonic() - begin < 2.0
    assert mark.pids() == []


@BOTH_WAYS
def test_a_process_that_forks_and_ends_again_and_again_is_caught(
    run: Run, mark: Mark, pty: bool
) -> None:
    for _ in range(3):
        run(sys.executable, "-I", "-S", "-c", COMET, pty=pty)
        assert mark.pids() == []


def test_the_end_of_a_pipeline_may_finish_after_its_shell(run: Run) -> None:
    script = "{ sleep 0.03; echo tail; } & echo head"
    assert run("sh", "-c", script, pty=False).output == b"head\ntail\n"


def test_closing_ends_what_runs(tmp_path: Path, mark: Mark) -> None:
    launcher = Launcher()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        env = {"PATH": "/usr/bin:/bin", **mark.variables}
        argv = ["sh", "-c", "sleep 60 & setsid sleep 61 & wait"]
        running = [
            pool.submit(launcher.run, argv, cwd=str(tmp_path), env=env)
            for _ in range(4)
        ]
        mark.wait_for(12)
        begin = time.monotonic()
        launcher.close()
        assert time.monotonic() - begin < 2.0
        assert mark.pids() == []
        for command in running:
            with pytest.raises(ExecError, match="launcher was closed"):
                command.result()


def test_closing_does_not_wait_for_an_owner_that_takes_no_output(
    tmp_path: Path, mark: Mark
) -> None:
    launcher = Launcher()
    release = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        command = pool.submit(
            launcher.run,
            ["yes"],
            cwd=str(tmp_path),
            env={"PATH": "/usr/bin:/bin", **mark.variables},
            on_output=lambda piece: release.wait(15),
        )
        mark.wait_for(1)
        begin = time.monotonic()
        launcher.close()
        assert time.monotonic() - begin < 3.0
        assert mark.pids() == []
        release.set()
        with pytest.raises(ExecError):
            command.result()


def test_a_closed_launcher_stays_closed(tmp_path: Path) -> None:
    launcher = Launcher()
    launcher.close()
    launcher.close()
    with pytest.raises(ExecError, match="closed"):
        launcher.run(["true"], cwd=str(tmp_path), env={})


def test_the_slow_end_of_one_command_holds_up_no_other(run: Run, mark: Mark) -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        script = "trap '' TERM; touch up; while :; do sleep 0.1; done"
        slow = pool.submit(run, "sh", "-c", script, timeout=1.0)
        mark.wait_for(1)
        begin = time.monotonic()
        for _ in range(10):
            assert run("true").ok
        assert time.monotonic() - begin < 0.9
        assert not slow.done()
        assert slow.result().signal == 9
    mark.wait_for_none()
