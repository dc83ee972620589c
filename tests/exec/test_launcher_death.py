"""Whichever process is killed, at whatever moment: nothing is left, within 2 s."""

import concurrent.futures
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from devdev_exec._errors import ExecError
from devdev_exec._launcher import Launcher

from tests.exec.conftest import Run
from tests.processes import (
    END_TIMEOUT,
    Mark,
    children,
    helper_of,
    is_gone,
    wait_until,
)

if sys.platform != "linux":
    pytest.skip("the launcher is for Linux", allow_module_level=True)

# Processes that ignore what can be ignored: a shell, a child of it, one in another
# session, and one whose parent has ended.
STUBBORN = "trap '' TERM HUP; sleep 60 & setsid sleep 61 & (setsid sleep 62 &) ; wait"
STUBBORN_COUNT = 4

OWNER = """\
import os, subprocess, sys, threading
from devdev_exec._launcher import Launcher
launcher = Launcher()
{prelude}
env = dict(os.environ, PATH="/usr/bin:/bin")
argv = ["sh", "-c", {script!r}]
threads = [
    threading.Thread(target=launcher.run, args=(argv,), kwargs=dict(cwd="/", env=env))
    for _ in range(2)
]
for thread in threads:
    thread.daemon = True
    thread.start()
launcher.run(argv, cwd="/", env=env)
"""


class Owner:
    """A process with a launcher that runs three stubborn commands."""

    def __init__(self, mark: Mark, prelude: str = "") -> None:
        self.mark = mark
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWNER.format(prelude=prelude, script=STUBBORN)],
            env={**os.environ, **mark.variables},
            stderr=subprocess.PIPE,
        )
        # The owner itself and its helper carry the mark too.
        mark.wait_for(3 * STUBBORN_COUNT + 2)

    def end(self) -> None:
        self.process.kill()
        with self.process:  # waits, and closes the pipe
            pass


@pytest.fixture
def owner(mark: Mark) -> Iterator[Owner]:
    owner = Owner(mark)
    yield owner
    owner.end()


@pytest.fixture
def forking_owner(mark: Mark) -> Iterator[Owner]:
    """It has a forked child, which holds the descriptors of the launcher too."""
    owner = Owner(mark, prelude="if os.fork() == 0: threading.Event().wait(30)")
    yield owner
    for pid in mark.pids():
        os.kill(pid, signal.SIGKILL)
    owner.end()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_death_of_the_owner_leaves_nothing(
    owner: Owner, mark: Mark, number: signal.Signals
) -> None:
    owner.process.send_signal(number)
    owner.process.communicate()
    mark.wait_for_none()


def test_a_forked_child_of_the_owner_keeps_nothing_alive(
    forking_owner: Owner, mark: Mark
) -> None:
    forking_owner.process.kill()
    forking_owner.process.wait()
    wait_until(
        lambda: len(mark.pids()) == 1, "the forked child to be alone", END_TIMEOUT
    )


def test_an_interrupted_owner_ends_its_commands(owner: Owner, mark: Mark) -> None:
    owner.process.send_signal(signal.SIGINT)
    _, stderr = owner.process.communicate(timeout=10)
    assert stderr.rstrip().endswith(b"KeyboardInterrupt")
    mark.wait_for_none()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_death_of_the_helper_leaves_nothing_and_the_next_command_runs(
    run: Run, mark: Mark, number: signal.Signals
) -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        command = pool.submit(run, "sh", "-c", STUBBORN)
        mark.wait_for(STUBBORN_COUNT)
        helper = helper_of(os.getpid())
        os.kill(helper, number)
        mark.wait_for_none()
        with pytest.raises(ExecError, match="helper process died"):
            command.result()
    assert run("echo", "again").output == b"again\r\n"
    assert helper_of(os.getpid()) != helper


def test_a_command_right_after_the_death_of_the_helper_runs(run: Run) -> None:
    for _ in range(10):
        os.kill(helper_of(os.getpid()), signal.SIGKILL)
        assert run("true").ok


def test_the_death_of_a_supervisor_ends_its_command_and_no_other(
    run: Run, mark: Mark, tmp_path: Path
) -> None:
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        other = pool.submit(run, "sh", "-c", "until [ -e go ]; do sleep 0.01; done")
        mark.wait_for(1)
        helper = helper_of(os.getpid())
        first = set(children(helper))
        command = pool.submit(run, "sh", "-c", STUBBORN)
        mark.wait_for(STUBBORN_COUNT + 1)
        (supervisor,) = set(children(helper)) - first
        os.kill(supervisor, signal.SIGKILL)
        with pytest.raises(ExecError, match="the process standing over it died"):
            command.result()
        wait_until(
            lambda: len(mark.pids()) <= 2, "the end of the stubborn", END_TIMEOUT
        )
        (tmp_path / "go").touch()
        assert other.result().ok
    wait_until(lambda: not children(helper), "the helper to reap all", END_TIMEOUT)


@pytest.mark.slow
def test_a_supervisor_that_hangs_delays_the_result_but_does_not_prevent_it(
    run: Run, mark: Mark
) -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        command = pool.submit(run, "sh", "-c", "echo begun; sleep 60", timeout=1.0)
        mark.wait_for(2)
        (supervisor,) = children(helper_of(os.getpid()))
        os.kill(supervisor, signal.SIGSTOP)
        begin = time.monotonic()
        result = command.result()
        assert time.monotonic() - begin < 6.0
    assert result.timed_out
    assert (result.exit_code, result.signal) == (None, None)


@pytest.mark.slow
def test_a_helper_that_hangs_is_killed_when_the_launcher_closes(
    run: Run, mark: Mark, launcher: Launcher
) -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        command = pool.submit(run, "sh", "-c", STUBBORN)
        mark.wait_for(STUBBORN_COUNT)
        helper = helper_of(os.getpid())
        os.kill(helper, signal.SIGSTOP)
        launcher.close()
        assert is_gone(helper)
        with pytest.raises(ExecError):
            command.result()
    mark.wait_for_none()
