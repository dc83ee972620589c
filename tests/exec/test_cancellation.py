"""Ending a command from another thread."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from devdev_exec import Cancellation, ExecCancelled

from tests.exec.conftest import Run
from tests.processes import Mark


@pytest.mark.parametrize("pty", [True, False])
def test_a_silent_command_ends_with_all_it_started(
    run: Run, mark: Mark, pty: bool
) -> None:
    cancellation = Cancellation()
    command = "setsid sleep 60 & exec sleep 60"
    with ThreadPoolExecutor() as pool:
        running = pool.submit(
            run, "sh", "-c", command, pty=pty, cancellation=cancellation
        )
        mark.wait_for(2)
        begin = time.monotonic()
        cancellation.cancel()
        with pytest.raises(ExecCancelled):
            running.result()
    assert time.monotonic() - begin < 2
    assert not mark.pids()


def test_a_command_that_ignores_signals_ends_too(run: Run, mark: Mark) -> None:
    cancellation = Cancellation()
    command = "trap '' TERM HUP; while :; do echo x; done"
    with ThreadPoolExecutor() as pool:
        running = pool.submit(run, "sh", "-c", command, cancellation=cancellation)
        mark.wait_for(1)
        cancellation.cancel()
        with pytest.raises(ExecCancelled):
            running.result()


def test_a_call_that_was_cancelled_before_starts_nothing(run: Run) -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(ExecCancelled):
        run("true", cancellation=cancellation)


def test_one_cancellation_ends_several_commands(run: Run, mark: Mark) -> None:
    cancellation = Cancellation()
    with ThreadPoolExecutor() as pool:
        running = [
            pool.submit(run, "sleep", "60", cancellation=cancellation) for _ in range(3)
        ]
        mark.wait_for(3)
        cancellation.cancel()
        for each in running:
            with pytest.raises(ExecCancelled):
                each.result()


def test_cancelling_after_the_end_changes_nothing(run: Run) -> None:
    cancellation = Cancellation()
    result = run("true", cancellation=cancellation)
    cancellation.cancel()
    assert result.exit_code == 0
