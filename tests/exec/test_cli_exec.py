"""`devdev exec`: exit codes, streams, environment, snapshots, and what goes wrong."""

import errno
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.exec.cli import DEVDEV, TIMEOUT, devdev, error_line
from tests.exec.terminals import devdev_on_terminal

if sys.platform == "win32":
    pytest.skip("devdev mounts on Linux only", allow_module_level=True)

pytestmark = pytest.mark.fuse


def run_shell(script: str, *options: str | Path) -> bytes:
    """What a shell in a new workspace writes to standard output; it must succeed."""
    result = devdev("exec", *options, "--", "sh", "-c", script)
    assert result.returncode == 0, result.stderr
    return result.stdout


# --- exit codes ------------------------------------------------------------------


@pytest.mark.parametrize("code", [0, 1, 2, 77, 124, 255])
def test_the_exit_code_is_the_programs(code: int) -> None:
    result = devdev("exec", "--", "sh", "-c", f"exit {code}")
    assert (result.returncode, result.stdout, result.stderr) == (code, b"", b"")


def test_how_it_ended_is_told_as_json_on_request() -> None:
    script = "echo new > f; echo out; exit 3"
    result = devdev("exec", "--json", "--", "sh", "-c", script)
    assert (result.returncode, result.stdout) == (3, b"out\n")
    report = json.loads(result.stderr)
    assert report["exit_code"] == 3
    assert report["changed"] == ["/f"]
    assert report["span"] > 0
    assert not report["changed_partial"]
    assert 0 < report["cpu"] <= report["duration"] + 1
    assert report["output_bytes"] == len("out\r\n")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_signal_that_ended_the_program_is_128_and_its_number(number: int) -> None:
    """As sh(1) reports it in $?."""
    result = devdev("exec", "--", "sh", "-c", f"kill -{number} $$")
    assert result.returncode == 128 + number
    name = signal.Signals(number).name
    assert result.stderr.decode() == f"devdev: 'sh' was ended by {name}\n"


def test_a_program_that_takes_too_long_is_ended_with_124() -> None:
    """The exit status of timeout(1)."""
    script = "echo before; sleep 60"
    result = devdev("exec", "--timeout", "1.5", "--", "sh", "-c", script)
    assert (result.returncode, result.stdout) == (124, b"before\n")
    assert b"'sh' was ended after 1." in result.stderr


def test_a_program_that_is_not_there_is_127() -> None:
    """POSIX sh, 2.8.2 Exit Status for Commands."""
    result = devdev("exec", "--", "no-such-program")
    assert result.returncode == 127
    assert "'no-such-program' is not in PATH" in error_line(result)


def test_a_program_that_cannot_be_executed_is_126() -> None:
    """POSIX sh, 2.8.2 Exit Status for Commands."""
    result = devdev("exec", "--", "/etc/passwd")
    assert result.returncode == 126
    assert "'/etc/passwd' is not executable" in error_line(result)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "no program is named"),
        (["--"], "no program is named"),
        (["--", ""], "no program is named"),
        (["--timeout", "0", "--", "ls"], "'0' is no number of seconds above 0"),
        (["--timeout", "inf", "--", "ls"], "'inf' is no number of seconds above 0"),
        (["--timeout", "soon", "--", "ls"], "'soon' is no number of seconds above 0"),
        (["--env", "=1", "--", "ls"], "'=1' names no variable"),
        (["--snapshot", "x", "--", "ls"], "unrecognized arguments: --snapshot"),
    ],
)
def test_wrong_usage_is_2(arguments: list[str], complaint: str) -> None:
    result = devdev("exec", *arguments)
    assert result.returncode == 2
    assert complaint in result.stderr.decode()


# --- the command line ------------------------------------------------------------


def test_what_follows_the_first_two_dashes_is_the_programs() -> None:
    script = 'for each; do echo "$each"; done'
    arguments = ["--", "--timeout", "-v", "", "a b"]
    result = devdev("exec", "--", "sh", "-c", script, "name", *arguments)
    assert result.stdout.decode().splitlines() == arguments


def test_the_two_dashes_may_be_left_out() -> None:
    result = devdev("exec", "--cwd", "/", "ls", "-d", "/")
    assert result.stdout == b"/\n"


# --- streams ---------------------------------------------------------------------


def test_a_program_has_a_terminal_and_a_pipe_gets_its_newlines() -> None:
    r"""The terminal makes `\r\n` of `\n`; a file or pipe gets back what was written."""
    script = (
        r"test -t 0 && test -t 1 && test -t 2 && printf 'a\nb\r\nc\r' && echo d >&2"
    )
    result = devdev("exec", "--", "sh", "-c", script)
    assert (result.returncode, result.stdout) == (0, b"a\nb\r\nc\rd\n")


def test_newlines_are_restored_however_the_output_is_cut(tmp_path: Path) -> None:
    lines = b"".join(b"%d\r\n" % n for n in range(20000))
    (tmp_path / "lines").write_bytes(lines)
    result = devdev("exec", "--import", tmp_path, "--", "cat", "lines")
    assert result.stdout == lines


def test_a_terminal_gets_the_output_as_it_is_and_gives_its_size() -> None:
    written = devdev_on_terminal("exec", "--", "stty", "size", size=(33, 101))
    # Both terminals put a `\r` before the newline.
    assert written == b"33 101\r\r\n"


def test_without_a_terminal_output_and_errors_are_apart_and_untouched() -> None:
    script = r"test -t 1 || printf 'out\r\n\n'; echo error >&2"
    result = devdev("exec", "--no-pty", "--", "sh", "-c", script)
    assert (result.stdout, result.stderr) == (b"out\r\n\n", b"error\n")


def test_large_output_is_complete_without_a_terminal(tmp_path: Path) -> None:
    data = os.urandom(20_000_000)
    (tmp_path / "data").write_bytes(data)
    result = devdev("exec", "--no-pty", "--import", tmp_path, "--", "cat", "data")
    assert result.stdout == data


def test_the_program_ends_when_nobody_reads_its_output() -> None:
    """As with SIGPIPE; `head` has what it wants and goes."""
    script = " ".join((*DEVDEV, "exec -- yes | head -n 2; echo ${PIPESTATUS[0]}"))
    result = subprocess.run(
        ["bash", "-c", script], capture_output=True, timeout=TIMEOUT, check=False
    )
    assert result.stdout == b"y\ny\n141\n"
    assert result.stderr == b""


def test_output_that_cannot_be_written_is_an_error() -> None:
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [*DEVDEV, "exec", "--", "echo", "text"],
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=TIMEOUT,
        )
    assert result.returncode == 1
    assert result.stderr == b"devdev: error: cannot write output: " + (
        os.strerror(errno.ENOSPC).lower().encode() + b"\n"
    )


def test_a_program_finds_end_of_file_unless_input_is_asked_for() -> None:
    result = devdev("exec", "--", "cat", input=b"unread")
    assert (result.returncode, result.stdout) == (0, b"")


@pytest.mark.parametrize("option", [[], ["--no-pty"]])
def test_input_is_passed_on_byte_for_byte(option: list[str]) -> None:
    data = bytes(range(256)) * 1000
    result = devdev("exec", "--stdin", *option, "--", "sha256sum", input=data)
    expected = subprocess.run(["sha256sum"], input=data, stdout=subprocess.PIPE)
    assert result.stdout == expected.stdout


def test_input_that_is_too_long_is_refused() -> None:
    data = bytes(64 * 1024 * 1024 + 1)
    result = devdev("exec", "--stdin", "--", "true", input=data)
    assert result.returncode == 1
    assert "longer than 64 MiB" in error_line(result)


def test_closed_standard_streams_do_no_harm(tmp_path: Path) -> None:
    """Else the output would go to whatever socket got the free number."""
    command = f"{' '.join(DEVDEV)} exec -- sh -c 'echo text; exit 3' <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", command], timeout=TIMEOUT).returncode == 3


# --- what the program sees -------------------------------------------------------


def test_only_the_variables_that_are_named_are_passed_on() -> None:
    options = ["--env", "SECRET", "--env", "ABSENT", "--env", "GIVEN=a=b"]
    result = devdev(
        *("exec", *options, "--", "env"),
        env=os.environ | {"SECRET": "1", "OTHER": "2"},
    )
    seen = dict(line.split("=", 1) for line in result.stdout.decode().splitlines())
    assert (seen["SECRET"], seen["GIVEN"]) == ("1", "a=b")
    assert not seen.keys() & {"OTHER", "ABSENT"}


def test_the_path_can_be_given(tmp_path: Path) -> None:
    program = tmp_path / "host" / "greet"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho hello\n")
    program.chmod(0o755)
    result = devdev("exec", "--path", program.parent, "--", "greet")
    assert result.stdout == b"hello\n"


def test_a_program_starts_in_the_directory_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert run_shell("pwd", "--import", tmp_path, "--cwd", "a").endswith(b"/a\n")
    assert run_shell("echo *", "--import", tmp_path, "--cwd", "/a") == b"b\n"


def test_a_directory_is_imported_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("#!/bin/sh\necho it runs\n")
    (tmp_path / "script").chmod(0o755)
    (tmp_path / "link").symlink_to("script")
    os.link(tmp_path / "script", tmp_path / "other")
    os.utime(tmp_path / "script", ns=(0, 123_456_789_000_000_001))
    script = "./link; stat -c '%h %.9Y' other"
    expected = b"it runs\n2 123456789.000000001\n"
    assert run_shell(script, "--import", tmp_path) == expected


def test_what_cannot_be_imported_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    result = devdev("exec", "--import", tmp_path, "--", "test", "!", "-e", "pipe")
    assert result.returncode == 0
    assert f"{tmp_path}/pipe" in result.stderr.decode()


def test_an_import_tells_about_itself_only_when_asked(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    quiet = devdev("exec", "--import", tmp_path, "--", "true")
    assert quiet.stderr == b""
    verbose = devdev("exec", "-v", "--import", tmp_path, "--", "true")
    assert f"imported 1 file from '{tmp_path}'" in verbose.stderr.decode()


# --- snapshots -------------------------------------------------------------------


def test_a_snapshot_carries_the_content_from_one_command_to_the_next(
    tmp_path: Path,
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    run_shell("mkdir d; echo text > d/f", "--snapshot-out", first)
    assert run_shell("cat d/f", "--snapshot-in", first) == b"text\n"
    run_shell("true", "--snapshot-in", first, "--snapshot-out", second)
    assert second.read_bytes() == first.read_bytes()


def test_a_snapshot_is_written_even_if_the_program_failed(tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    script = "echo text > f; exit 3"
    result = devdev("exec", "--snapshot-out", path, "--", "sh", "-c", script)
    assert result.returncode == 3
    assert run_shell("cat f", "--snapshot-in", path) == b"text\n"


def test_a_snapshot_replaces_a_file_in_one_step_and_keeps_its_permissions(
    tmp_path: Path,
) -> None:
    path, link = tmp_path / "snapshot", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    with path.open("rb") as old:
        run_shell("echo text > f", "--snapshot-out", link)
        assert old.read() == b"old"
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(os.listdir(tmp_path)) == ["link", "snapshot"]
    assert run_shell("cat f", "--snapshot-in", path) == b"text\n"


def test_nothing_is_written_if_the_program_was_not_started(tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    assert devdev("exec", "--snapshot-out", path, "--", "nothing").returncode == 127
    assert not path.exists()


@pytest.mark.parametrize("target", ["missing/snapshot", "directory", "/dev/null"])
def test_where_no_snapshot_can_be_written_the_program_is_not_even_started(
    target: str, tmp_path: Path
) -> None:
    """A device above all: a rename would replace it."""
    (tmp_path / "directory").mkdir()
    mark = tmp_path / "started"
    path = tmp_path / target
    result = devdev("exec", "--snapshot-out", path, "--", "touch", mark)
    assert result.returncode == 1
    assert f"cannot write snapshot '{path}'" in error_line(result)
    assert not mark.exists()
    assert Path("/dev/null").is_char_device()


def test_a_file_that_is_no_snapshot_is_refused_with_name_and_place(
    tmp_path: Path,
) -> None:
    path = tmp_path / "snapshot"
    run_shell("echo text > f", "--snapshot-out", path)
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    for content, where in ((b"something else", "byte 0"), (damaged, "byte ")):
        path.write_bytes(content)
        result = devdev("exec", "--snapshot-in", path, "--", "true")
        assert result.returncode == 1
        assert f"cannot load snapshot '{path}': {where}" in error_line(result)


# --- what goes wrong -------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--import", "/nowhere"], "cannot import '/nowhere': no such file"),
        (["--import", "/etc/passwd"], "cannot import '/etc/passwd': "),
        (["--snapshot-in", "/nowhere"], "cannot read snapshot '/nowhere': no such"),
        (["--cwd", "/nowhere"], "cannot run in --cwd '/nowhere': no such file"),
        (
            ["--state", "/dev/null"],
            "cannot keep state in /dev/null: it is no directory",
        ),
    ],
)
def test_an_error_is_one_line_that_names_what_is_wrong(
    arguments: list[str], complaint: str
) -> None:
    result = devdev("exec", *arguments, "--", "true")
    assert result.returncode == 1
    assert complaint in error_line(result)


def test_an_import_overwrites_nothing_of_a_snapshot(tmp_path: Path) -> None:
    snapshot, source = tmp_path / "snapshot", tmp_path / "source"
    run_shell("echo old > file", "--snapshot-out", snapshot)
    source.mkdir()
    (source / "file").write_text("new")
    options = ("--snapshot-in", snapshot, "--import", source)
    result = devdev("exec", *options, "--", "cat", "file")
    assert result.returncode == 1
    assert "the snapshot holds '/file' already" in error_line(result)
