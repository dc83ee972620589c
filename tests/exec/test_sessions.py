"""A program that goes on: what is written to it, read of it, and waited for."""

import re
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from devdev_exec import (
    DriverChoice,
    Environment,
    ExecError,
    Session,
    SpawnError,
    Workspace,
)

from tests.processes import Mark, wait_until

if sys.platform != "linux":
    pytest.skip("programs run on Linux only", allow_module_level=True)

pytestmark = pytest.mark.fuse

LIMIT = 10.0


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with Workspace(driver="fuse") as ws:
        yield ws


def start_shell(ws: Workspace) -> Session:
    """An interactive shell at its first prompt."""
    session = ws.start(
        ["sh", "-i"], environment=Environment(variables={"PS1": "ready> "})
    )
    assert session.wait_for("ready> ", timeout=LIMIT).happened == "match"
    return session


def start_script(ws: Workspace, script: str, *, pty: bool = True) -> Session:
    return ws.start(["sh", "-c", script], pty=pty)


def ask(session: Session, line: str) -> bytes:
    """What a shell writes for a line, up to the next prompt."""
    session.write(f"{line}\n")
    waited = session.wait_for(re.compile(rb"\r\n(?s:(.*))ready> "), timeout=LIMIT)
    assert waited.match is not None
    return waited.match[1]


def test_a_shell_is_written_to_and_answers(ws: Workspace) -> None:
    with start_shell(ws) as shell:
        assert ask(shell, "echo $((6 * 7))") == b"42\r\n"
        assert ask(shell, "cd /; pwd") == b"/\r\n"
        shell.write("exit 3\n")
        result = shell.wait(LIMIT)
        assert result is not None
        assert (result.exit_code, result.ok) == (3, False)
        assert b"42\r\n" in result.output


def test_its_terminal_has_the_size_that_it_was_last_given(ws: Workspace) -> None:
    with start_shell(ws) as shell:
        assert ask(shell, "stty size") == b"24 80\r\n"
        shell.resize(30, 100)
        assert ask(shell, "stty size") == b"30 100\r\n"


def test_keys_reach_what_runs_in_the_foreground(ws: Workspace) -> None:
    with start_shell(ws) as shell:
        shell.write("cat\n")
        shell.wait_quiet(0.05, timeout=LIMIT)
        shell.send_keys("C-c")
        assert shell.wait_for("ready> ", timeout=LIMIT).happened == "match"
        shell.send_keys(*"exit", "Enter")
        result = shell.wait(LIMIT)
        assert result is not None
        assert result.exit_code == 130


def test_a_wait_tells_what_ended_it(ws: Workspace) -> None:
    with start_script(ws, "echo one; read x; echo two") as session:
        match = session.wait_for(re.compile("o(n)e"), timeout=LIMIT)
        assert match.happened == "match"
        assert match.match is not None
        assert match.match[1] == b"n"
        assert session.wait_for("absent", quiet=0.01).happened == "quiet"
        assert session.wait_for("absent", timeout=0.01).happened == "timeout"
        assert session.wait(0.01) is None
        session.write("\n")
        assert session.wait_for("two", timeout=LIMIT).happened == "match"
        assert session.wait_for("two", timeout=LIMIT).happened == "exit"


def test_what_was_matched_is_not_matched_again(ws: Workspace) -> None:
    with start_script(ws, "echo aXaXaX", pty=False) as session:
        cursors = [session.wait_for("X", timeout=LIMIT).cursor for _ in range(3)]
        assert cursors == [2, 4, 6]
        assert session.wait_for("X", timeout=LIMIT).happened == "exit"
        assert session.wait_for("X", from_cursor=3, timeout=LIMIT).cursor == 4


def test_a_match_may_lie_across_pieces_of_output(ws: Workspace) -> None:
    script = "printf needle; read x; printf 'point\n'"
    with start_script(ws, script, pty=False) as session:
        assert session.wait_for("needlepoint", quiet=0.05).happened == "quiet"
        session.write("\n")
        found = session.wait_for("needlepoint", from_cursor=0, timeout=LIMIT)
        assert (found.happened, found.cursor) == ("match", 11)


def test_output_is_read_by_cursor(ws: Workspace) -> None:
    with start_script(ws, "printf 0123456789", pty=False) as session:
        session.wait(LIMIT)
        first = session.read(0, 4)
        assert (first.data, first.next, first.dropped) == (b"0123", 4, 0)
        assert session.read(first.next).data == b"456789"
        assert session.read(-2).data == b"89"
        assert session.read(10).data == session.read(99).data == b""


def test_beyond_its_bound_the_oldest_output_is_dropped_and_that_is_told(
    ws: Workspace,
) -> None:
    script = "seq -w 1 20000; echo error >&2"
    with ws.start(["sh", "-c", script], pty=False, max_output=1000) as session:
        result = session.wait(LIMIT)
        assert result is not None
        assert result.output.endswith(b"19999\n20000\n")
        assert (len(result.output), result.dropped_bytes) == (1000, 119000)
        assert result.stderr == b"error\n"
        assert session.read(-3).dropped == 0
        read = session.read(100_000)
        assert (read.cursor, read.dropped, len(read.data)) == (119_000, 19_000, 1000)


def test_nothing_is_lost_between_the_program_and_the_owner(ws: Workspace) -> None:
    size = 5_000_000
    script = f"head -c {size} /dev/zero | tr '\\0' x"
    with ws.start(["sh", "-c", script]) as session:
        result = session.wait(LIMIT)
        assert result is not None
        assert result.output == b"x" * size


def test_pipes_take_bytes_as_they_are_and_end(ws: Workspace) -> None:
    data = bytes(range(256)) * 8000
    with ws.start(["cat"], pty=False) as session:
        session.write(data, timeout=LIMIT)
        session.close_input()
        result = session.wait(LIMIT)
        assert result is not None
        assert result.output == data


def test_end_of_file_at_a_terminal_comes_after_what_was_written(ws: Workspace) -> None:
    with start_script(ws, "cat; cat; echo done") as session:
        session.write("text\n")
        session.close_input()
        result = session.wait(LIMIT)
        assert result is not None
        assert result.output == b"text\r\ntext\r\ndone\r\n"


def test_a_program_that_does_not_read_holds_up_only_who_writes_to_it(
    ws: Workspace,
) -> None:
    with ws.start(["sleep", "60"], pty=False) as session:
        with pytest.raises(ExecError, match="does not read"):
            session.write(bytes(10_000_000), timeout=0.1)
        session.signal(signal.SIGTERM)
        result = session.wait(LIMIT)
        assert result is not None
        assert result.signal == signal.SIGTERM


def test_a_session_that_ended_takes_no_input(ws: Workspace) -> None:
    with ws.start(["true"]) as session:
        session.wait(LIMIT)
        with pytest.raises(ExecError, match="succeeded, and reads no more"):
            session.write("x")


def test_what_is_done_to_a_closed_session_does_nothing(ws: Workspace) -> None:
    with ws.start(["cat"]) as session:
        session.write("x\n")
        session.wait_for("x", timeout=LIMIT)
    session.resize(10, 10)
    session.signal(signal.SIGTERM)
    session.close_input()
    read = session.read()
    assert (read.data, read.dropped) == (b"", read.next)
    with pytest.raises(ExecError, match="reads no more"):
        session.write("x")


@pytest.mark.parametrize(
    ("to", "told"), [("process", "1"), ("group", "1 2"), ("tree", "1 2 3")]
)
def test_a_signal_goes_to_the_program_its_group_or_all(
    ws: Workspace, to: Any, told: str
) -> None:
    script = """
        listen() {
            trap "echo $1 >> told" USR1; : > up$1; while :; do sleep 0.02; done
        }
        case $1 in
            "") setsid "$0" 3 & "$0" 2 & listen 1;;
            *) listen $1;;
        esac
    """
    ws.fs.write_text("/listen", "#!/bin/sh\n" + script)
    ws.fs.chmod("/listen", 0o755)
    with ws.start(["./listen"]) as session:
        names = ("/up1", "/up2", "/up3")
        wait_until(lambda: all(map(ws.fs.exists, names)), "three that listen")
        session.signal(signal.SIGUSR1, to)

        def is_told() -> bool:
            if not ws.fs.exists("/told"):
                return False
            return sorted(ws.fs.read_text("/told").split()) == told.split()

        wait_until(is_told, f"{told} to be told")


def test_no_signal_and_no_receiver_that_there_is_not(ws: Workspace) -> None:
    with ws.start(["sleep", "60"]) as session:
        with pytest.raises(ValueError, match="no signal 0"):
            session.signal(0)
        nobody: Any = "parent"
        with pytest.raises(ValueError, match="parent"):
            session.signal(1, nobody)


def test_a_program_that_cannot_be_started_is_refused_at_once(ws: Workspace) -> None:
    with pytest.raises(SpawnError, match="is not in PATH"):
        ws.start(["no-such-program"])
    assert ws.sessions() == ()


def test_its_time_ends_a_session(ws: Workspace) -> None:
    with ws.start(["sleep", "60"], timeout=0.2) as session:
        result = session.wait(LIMIT)
        assert result is not None
        assert result.timed_out


def test_the_result_has_times_and_memory(ws: Workspace) -> None:
    script = "x = bytearray(64 << 20); sum(range(10**6))"
    with ws.start([sys.executable, "-c", script]) as session:
        result = session.wait(LIMIT)
        assert result is not None
        assert result.check().max_rss > 64 << 20
        assert 0 < result.cpu_s < 10 * result.duration_s


def test_a_result_has_what_the_session_changed_and_it_can_be_undone(
    ws: Workspace,
) -> None:
    with start_shell(ws) as shell:
        ask(shell, "echo x > f")
        assert shell.changed() == ("/f",)
        ws.fs.write_text("/other", "")
        ask(shell, "mkdir d")
        shell.write("exit\n")
        result = shell.wait(LIMIT)
        assert result is not None
        assert result.changed == shell.changed() == ("/d", "/f")
    ws.fs.undo(result.span)
    assert ws.fs.listdir() == ["home", "other"]


def test_closing_ends_all_that_the_program_started(ws: Workspace, mark: Mark) -> None:
    script = "trap '' TERM HUP; setsid sleep 60 & (sleep 60 &) ; sleep 60"
    session = ws.start(
        ["sh", "-c", script], environment=Environment(variables=mark.variables)
    )
    mark.wait_for(4)
    begin = time.monotonic()
    session.close()
    session.close()
    assert time.monotonic() - begin < 2
    assert not mark.pids()
    assert ws.sessions() == ()


def test_a_shell_that_ignores_sigterm_is_hung_up(ws: Workspace) -> None:
    with ws.start(
        ["sh", "-c", "trap '' TERM; trap 'exit 7' HUP; echo on; read x"]
    ) as s:
        s.wait_for("on", timeout=LIMIT)
        s.close()
        result = s.wait()
        assert result is not None
        assert result.exit_code == 7


def test_closing_the_workspace_closes_its_sessions(mark: Mark) -> None:
    with Workspace(driver="fuse") as ws:
        session = ws.start(
            ["sleep", "60"], environment=Environment(variables=mark.variables)
        )
        assert ws.sessions() == (session,)
    assert not mark.pids()
    assert not session.is_running
    with pytest.raises(ExecError, match="launcher was closed"):
        session.wait()
    assert ws.sessions() == ()


@pytest.mark.parametrize("line", ["y", "\x1b[5;5Hx\x1b[2Ky"])
def test_a_flood_stalls_nobody(ws: Workspace, line: str) -> None:
    flooding = ws.start(["yes", line], max_output=100_000)
    with flooding as flood, start_shell(ws) as shell:
        assert ask(shell, "echo here") == b"here\r\n"
        wait_until(lambda: flood.read(-1).next > 1_000_000, "1 MB of output")
        assert len(flood.read().data) <= 100_000
        assert ask(shell, "echo there") == b"there\r\n"


def test_sessions_in_a_copy_have_their_turn() -> None:
    driver: DriverChoice = "copy"
    with Workspace(driver=driver) as ws:
        ws.fs.write_text("/f", "in\n")
        with start_shell(ws) as shell:
            assert ask(shell, "cat f; echo out > g") == b"in\r\n"
            with pytest.raises(ExecError, match="one at a time"):
                ws.exec(["true"], timeout=0.1)
            with pytest.raises(ExecError, match="when it has ended"):
                shell.changed()
            shell.write("exit\n")
            result = shell.wait(LIMIT)
            assert result is not None
            assert result.changed == ("/g",)
        assert ws.exec(["cat", "g"], pty=False).output == b"out\n"
