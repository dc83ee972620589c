"""Programs under a pseudo-console and with pipes, on Windows or under Wine."""

import sys

import pytest

if sys.platform != "win32":
    pytest.skip("only Windows has pseudo-consoles", allow_module_level=True)

import os
import threading
import time
from pathlib import Path
from typing import Any

from devdev_exec import Cancellation, ExecCancelled, ExecResult, SpawnError
from devdev_exec._windows._launcher import WindowsLauncher

from tests.processes import wait_until

BOTH = pytest.mark.parametrize("pty", [False, True], ids=["pipes", "console"])


def run_python(code: str, *args: str, **options: Any) -> ExecResult:
    argv = [sys.executable, "-c", code, *args]
    given: dict[str, Any] = {"cwd": os.getcwd(), "env": {}, "timeout": 15.0}
    with WindowsLauncher() as launcher:
        return launcher.run(argv, **given | options)


@BOTH
def test_output_and_exit_code_arrive(pty: bool) -> None:
    result = run_python("print('hello'); raise SystemExit(3)", pty=pty)
    assert b"hello" in result.output
    assert result.exit_code == 3
    assert not result.timed_out


@BOTH
def test_arguments_arrive_as_they_are(pty: bool) -> None:
    arguments = ["a b", "", 'say "x"', "C:\\dir\\", "%PATH%", "&|<>^"]
    code = (
        "import sys; print([*map(ascii, sys.argv[1:])] == eval(sys.stdin.readline()))"
    )
    given = f"{[ascii(argument) for argument in arguments]}\n".encode()
    assert b"True" in run_python(code, *arguments, stdin=given, pty=pty).output


def test_output_and_errors_are_kept_apart_without_a_console() -> None:
    code = "import sys; sys.stdout.write('out'); sys.stderr.write('err')"
    result = run_python(code, pty=False)
    assert (result.output, result.stderr) == (b"out", b"err")


def test_much_output_arrives_whole() -> None:
    result = run_python("import sys; sys.stdout.write('x' * 3_000_000)", pty=False)
    assert result.output == b"x" * 3_000_000


@BOTH
def test_the_end_of_input_is_found(pty: bool) -> None:
    code = "import sys; print(len(sys.stdin.read().strip()))"
    assert b"3" in run_python(code, stdin=b"abc\n", pty=pty).output


@BOTH
def test_only_the_given_environment_and_what_windows_needs_is_there(pty: bool) -> None:
    os.environ["DEVDEV_NOT_PASSED"] = "1"
    code = (
        "import os; print(os.environ.get('GIVEN'), 'DEVDEV_NOT_PASSED' in os.environ)"
    )
    result = run_python(code, env={"GIVEN": "yes"}, pty=pty)
    del os.environ["DEVDEV_NOT_PASSED"]
    assert b"yes False" in result.output


@BOTH
def test_it_runs_in_its_directory(pty: bool, tmp_path: Path) -> None:
    code = "import pathlib; pathlib.Path('made').write_text('x')"
    assert run_python(code, cwd=str(tmp_path), pty=pty).exit_code == 0
    assert (tmp_path / "made").read_text() == "x"


@BOTH
def test_time_that_is_over_ends_the_whole_tree(pty: bool, tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    child = (
        "import sys, time\n"
        "while True: open(sys.argv[1], 'a').write('x'); time.sleep(.05)"
    )
    code = (
        "import subprocess, sys, time; time.sleep(.5);"
        "subprocess.Popen([sys.executable, '-c', sys.argv[1], sys.argv[2]]);"
        "time.sleep(60)"
    )
    result = run_python(code, child, str(beat), pty=pty, timeout=6.0)
    assert result.timed_out
    assert beat.exists()
    size = beat.stat().st_size
    deadline = time.monotonic() + 0.5
    wait_until(lambda: time.monotonic() > deadline, "half a second")
    assert beat.stat().st_size == size


@BOTH
def test_another_thread_can_cancel_it(pty: bool) -> None:
    cancellation = Cancellation()
    timer = threading.Timer(1.0, cancellation.cancel)
    timer.start()
    with pytest.raises(ExecCancelled):
        run_python("import time; time.sleep(60)", pty=pty, cancellation=cancellation)
    timer.join()


def test_what_is_missing_is_named() -> None:
    with WindowsLauncher() as launcher:
        with pytest.raises(SpawnError, match="no-such-program"):
            launcher.run(["no-such-program"], cwd=os.getcwd(), env={})
        with pytest.raises(SpawnError, match="no directory"):
            launcher.run([sys.executable], cwd="C:\\missing", env={})
