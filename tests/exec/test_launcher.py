"""What a command gets from the launcher, and what it gives back."""

import concurrent.futures
import hashlib
import os
import resource
import signal
import sys
import warnings
from pathlib import Path

import pytest
from devdev_exec._errors import ExecError
from devdev_exec._launcher import Launcher
from devdev_exec._pty import WindowSize

from tests.exec.conftest import Run
from tests.processes import (
    END_TIMEOUT,
    children,
    helper_of,
    open_descriptors,
    wait_until,
)

if sys.platform != "linux":
    pytest.skip("the launcher is for Linux", allow_module_level=True)

EVERY_BYTE = bytes(range(256)) * 1200  # no line feed for long stretches, and all keys
BOTH_WAYS = pytest.mark.parametrize("pty", [True, False], ids=["pty", "pipes"])


# How it ended.


@BOTH_WAYS
def test_the_exit_code_is_the_program_s(run: Run, pty: bool) -> None:
    result = run("sh", "-c", "exit 7", pty=pty)
    assert (result.exit_code, result.signal, result.timed_out) == (7, None, False)
    assert result.argv == ("sh", "-c", "exit 7")
    assert not result.ok
    assert run("true", pty=pty).ok


@BOTH_WAYS
def test_death_by_a_signal_is_no_exit_code(run: Run, pty: bool) -> None:
    result = run("sh", "-c", "kill -SEGV $$", pty=pty)
    assert (result.exit_code, result.signal) == (None, signal.SIGSEGV)


def test_the_duration_is_that_of_the_program(run: Run) -> None:
    assert 0.2 < run("sleep", "0.2").duration_s < 2.0


def test_check_returns_a_good_result_and_quotes_the_output_of_a_bad_one(
    run: Run,
) -> None:
    good = run("true")
    assert good.check() is good
    with pytest.raises(ExecError, match=r"'sh' failed with exit code 3.*\s+no luck"):
        run("sh", "-c", "echo no luck; exit 3").check()
    with pytest.raises(ExecError, match="'sh' was ended by SIGKILL without output"):
        run("sh", "-c", "kill -9 $$").check()
    with pytest.raises(ExecError, match="its time was over"):
        run("sleep", "10", timeout=0.1).check()


# What it wrote.


def test_output_of_a_terminal_is_one_stream_with_carriage_returns(run: Run) -> None:
    result = run("sh", "-c", "echo out; echo err >&2")
    assert result.output == b"out\r\nerr\r\n"
    assert result.stderr == b""


def test_pipes_keep_the_streams_apart_and_the_bytes_as_they_are(run: Run) -> None:
    result = run("sh", "-c", "cat; echo err >&2", pty=False, stdin=EVERY_BYTE)
    assert result.output == EVERY_BYTE
    assert result.stderr == b"err\n"


def test_binary_output_passes_through_a_terminal(run: Run) -> None:
    result = run("sh", "-c", "stty raw -echo < /dev/tty; cat", stdin=EVERY_BYTE)
    assert result.output == EVERY_BYTE


@pytest.mark.parametrize(
    "script",
    ["printf x", "printf x; setsid sleep 5 & printf ''", "printf x; cat; kill -9 $$"],
    ids=["plain", "background holder", "after end of file"],
)
def test_no_line_break_is_added_to_the_output(run: Run, script: str) -> None:
    for _ in range(5):
        assert run("sh", "-c", script).output == b"x"


@BOTH_WAYS
def test_output_just_before_the_end_is_complete(run: Run, pty: bool) -> None:
    for _ in range(5):
        result = run("sh", "-c", "seq 20000; exec printf end", pty=pty)
        assert result.output.endswith(b"end")
        assert result.output.replace(b"\r", b"").count(b"\n") == 20000


@BOTH_WAYS
def test_of_much_output_beginning_and_end_are_kept(run: Run, pty: bool) -> None:
    pieces: list[bytes] = []
    result = run("seq", "100000", pty=pty, max_output=1000, on_output=pieces.append)
    whole = b"".join(pieces)
    assert whole.endswith(b"100000\r\n" if pty else b"100000\n")
    assert result.output == whole[:500] + whole[-500:]
    assert result.dropped_bytes == len(whole) - 1000


def test_no_output_at_all_may_be_kept(run: Run) -> None:
    result = run("echo", "hello", max_output=0)
    assert (result.output, result.dropped_bytes) == (b"", 7)


def test_output_arrives_while_the_program_runs(run: Run, tmp_path: Path) -> None:
    pieces: list[bytes] = []

    def answer(piece: bytes) -> None:
        pieces.append(piece)
        (tmp_path / "answer").touch()

    script = "echo question; until [ -e answer ]; do sleep 0.01; done; echo thanks"
    assert run("sh", "-c", script, on_output=answer).ok
    assert b"".join(pieces) == b"question\r\nthanks\r\n"


def test_standard_error_is_streamed_apart_from_standard_output(run: Run) -> None:
    out: list[bytes] = []
    err: list[bytes] = []
    run(
        "sh",
        "-c",
        "echo o; echo e >&2",
        pty=False,
        on_output=out.append,
        on_stderr=err.append,
    )
    assert (b"".join(out), b"".join(err)) == (b"o\n", b"e\n")


def test_an_error_in_the_handler_of_output_ends_the_command(run: Run) -> None:
    def fail(piece: bytes) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        run("sh", "-c", "echo begin; sleep 60", on_output=fail)


# What it reads.


@BOTH_WAYS
def test_without_input_it_finds_end_of_file(run: Run, pty: bool) -> None:
    assert run("cat", pty=pty).ok


def test_every_reader_of_the_terminal_finds_end_of_file(run: Run) -> None:
    result = run("sh", "-c", "cat; cat; cat /dev/tty; read x || echo none")
    assert result.output == b"none\r\n"


def test_a_prompt_that_discards_what_was_typed_finds_end_of_file(run: Run) -> None:
    script = "import getpass; getpass.getpass('Password: ')"
    result = run(sys.executable, "-c", script)
    assert result.output.startswith(b"Password: ")
    assert b"EOFError" in result.output


def test_a_reader_of_single_keys_finds_control_d(run: Run) -> None:
    script = (
        "import os, tty; tty.setraw(0)\n"
        "while os.read(0, 1) != b'\\x04': pass\n"
        "print('leaving')"
    )
    assert b"leaving" in run(sys.executable, "-c", script).output


def test_an_interactive_interpreter_leaves(run: Run) -> None:
    result = run(sys.executable, "-I", env={"TERM": "dumb"})
    assert result.ok
    assert b">>>" in result.output


@BOTH_WAYS
def test_input_arrives_byte_for_byte_and_ends(run: Run, pty: bool) -> None:
    result = run("sha256sum", stdin=EVERY_BYTE, pty=pty)
    assert result.output.split()[0].decode() == hashlib.sha256(EVERY_BYTE).hexdigest()


def test_input_is_not_echoed(run: Run) -> None:
    assert run("wc", "-c", stdin=b"secret\n").output == b"7\r\n"


@BOTH_WAYS
def test_input_that_nobody_reads_does_no_harm(run: Run, pty: bool) -> None:
    assert run("true", stdin=bytes(3_000_000), pty=pty).ok


def test_much_input_and_much_output_do_not_block_each_other(run: Run) -> None:
    data = os.urandom(1_000_000) * 8
    assert run("cat", stdin=data, pty=False).output == data


# What it runs in.


def test_its_terminal_is_its_controlling_terminal(run: Run) -> None:
    result = run("sh", "-c", "tty; echo there > /dev/tty; ps -o tty= -p $$")
    name, there, controlling = result.output.split()
    assert name.startswith(b"/dev/pts/")
    assert there == b"there"
    assert name == b"/dev/" + controlling


def test_with_input_it_has_a_terminal_all_the_same(run: Run) -> None:
    script = "test -t 0 || echo input; test -t 1 && test -t 2 && tty < /dev/tty"
    result = run("sh", "-c", script, stdin=b"x")
    assert result.output == b"input\r\n/dev/tty\r\n"


def test_without_a_pty_it_has_no_terminal(run: Run) -> None:
    result = run("sh", "-c", "ps -o tty= -p $$; test -e /dev/tty", pty=False)
    assert result.output == b"?\n"


def test_its_terminal_has_the_size_asked_for(run: Run) -> None:
    assert run("stty", "size").output == b"24 80\r\n"
    size = WindowSize(rows=50, columns=132)
    assert run("stty", "size", size=size).output == b"50 132\r\n"


def test_its_environment_is_exactly_the_one_given(
    launcher: Launcher, tmp_path: Path
) -> None:
    env = {"PATH": "/usr/bin:/bin", "EMPTY": "", "NON_ASCII": "\u00e9\udcff"}
    result = launcher.run(["env", "-0"], cwd=str(tmp_path), env=env, pty=False)
    assert sorted(result.output.split(b"\0")) == sorted(
        [b"", b"PATH=/usr/bin:/bin", b"EMPTY=", b"NON_ASCII=\xc3\xa9\xff"]
    )


def test_arguments_arrive_byte_for_byte(launcher: Launcher, tmp_path: Path) -> None:
    result = launcher.run(
        ["printf", "%s\n", "a b", "", "\u00e9", b"\xff\xfe"],
        cwd=str(tmp_path),
        env={"PATH": "/usr/bin:/bin"},
        pty=False,
    )
    assert result.output == b"a b\n\n\xc3\xa9\n\xff\xfe\n"


@BOTH_WAYS
@pytest.mark.parametrize("stdin", [b"", b"input"], ids=["no input", "input"])
def test_it_gets_no_descriptor_but_the_standard_three(
    run: Run, pty: bool, stdin: bytes
) -> None:
    reader, writer = os.pipe()
    try:
        os.set_inheritable(writer, True)
        result = run("sh", "-c", "ls /proc/$$/fd", pty=pty, stdin=stdin)
    finally:
        os.close(reader)
        os.close(writer)
    assert result.output.split() == [b"0", b"1", b"2"]


@BOTH_WAYS
def test_it_gets_default_signals_whatever_its_owner_ignores(
    tmp_path: Path, pty: bool
) -> None:
    ignored = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    try:
        with Launcher() as launcher:
            result = launcher.run(
                ["cat", "/proc/self/status"],
                cwd=str(tmp_path),
                env={"PATH": "/usr/bin:/bin"},
                pty=pty,
            )
    finally:
        signal.signal(signal.SIGUSR1, ignored)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    fields = dict(line.split(b":\t") for line in result.output.splitlines())
    # The C library keeps 32 and 33 to itself: what was inherited of them stays.
    settable = sum(1 << (number - 1) for number in signal.valid_signals())
    assert int(fields[b"SigIgn"], 16) & settable == 0
    assert int(fields[b"SigBlk"], 16) & settable == 0


@BOTH_WAYS
def test_its_limit_of_open_files_is_its_owner_s(run: Run, pty: bool) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    result = run("sh", "-c", "ulimit -Sn; ulimit -Hn", pty=pty)
    assert [int(word) for word in result.output.split()] == [soft, hard]


@BOTH_WAYS
def test_its_umask_is_the_one_asked_for(run: Run, pty: bool) -> None:
    assert run("sh", "-c", "umask", pty=pty).output.strip() == b"0022"
    assert run("sh", "-c", "umask", pty=pty, umask=0o077).output.strip() == b"0077"


def test_it_leads_a_session_of_its_own(run: Run) -> None:
    script = "import os; print(os.getsid(0) == os.getpid() == os.tcgetpgrp(1))"
    assert run(sys.executable, "-c", script).output == b"True\r\n"


# Many of them.


def test_commands_run_side_by_side(run: Run) -> None:
    script = 'touch "$1"; until [ $(ls | wc -l) = 8 ]; do sleep 0.01; done; echo "$1"'
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        commands = [
            pool.submit(run, "sh", "-c", script, "sh", str(i)) for i in range(8)
        ]
        outputs = [command.result().output for command in commands]
    assert outputs == [f"{i}\r\n".encode() for i in range(8)]


def test_fifty_commands_leave_no_descriptor_and_no_process(run: Run) -> None:
    run("true")
    helper = helper_of(os.getpid())
    before = open_descriptors(os.getpid()), open_descriptors(helper)
    for count in range(50):
        assert run("true", pty=bool(count % 2)).ok
    wait_until(
        lambda: not children(helper), "the end of the last supervisor", END_TIMEOUT
    )
    assert (open_descriptors(os.getpid()), open_descriptors(helper)) == before
    assert children(os.getpid()) == [helper]


def test_a_threaded_owner_gets_no_warning(tmp_path: Path) -> None:
    """Since Python 3.12 a fork of a process with threads warns."""
    with warnings.catch_warnings(record=True) as caught, Launcher() as launcher:
        warnings.simplefilter("always")
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            env = {"PATH": "/usr/bin:/bin"}
            results = [
                pool.submit(launcher.run, ["true"], cwd=str(tmp_path), env=env)
                for _ in range(8)
            ]
            assert all(result.result().ok for result in results)
    assert caught == []


@pytest.mark.skipif(os.getuid() != 0, reason="vhangup needs CAP_SYS_TTY_CONFIG")
def test_a_program_may_hang_up_its_terminal(run: Run, tmp_path: Path) -> None:
    script = (
        "import fcntl, signal, time\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "fcntl.ioctl(0, 0x5437)  # TIOCVHANGUP\n"
        "time.sleep(0.2)\n"
        "open('after', 'w').close()"
    )
    result = run(sys.executable, "-c", script)
    assert (result.exit_code, result.timed_out) == (0, False)
    assert (tmp_path / "after").exists()
