"""Transactions and races: programs on forks, whose changes are merged or dropped."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock

import pytest
from devdev_exec import (
    Cancellation,
    Containment,
    DriverChoice,
    Environment,
    ExecCancelled,
    ExecError,
    ExecResult,
    FsBase,
    Level,
    Outcome,
    ServerDied,
    SpawnError,
    Workspace,
)
from devdev_mount import list_served

from tests.conftest import may_mount
from tests.processes import Mark, children, command_of, wait_until
from tests.users import as_ordinary_user, why_no_ordinary_user

if sys.platform != "linux":
    pytest.skip("programs run on Linux only", allow_module_level=True)

FUSE = pytest.param("fuse", marks=pytest.mark.fuse)


@pytest.fixture(params=[FUSE, "copy"])
def ws(request: pytest.FixtureRequest) -> Iterator[Workspace]:
    driver: DriverChoice = request.param
    with Workspace(driver=driver) as ws:
        ws.fs.write_text("/f", "one\ntwo\nthree\nfour\nfive\n")
        yield ws


def shell(script: str) -> list[str]:
    return ["sh", "-ec", script]


# --- what is committed -----------------------------------------------------------


def test_a_program_that_succeeds_is_committed_as_one_span(ws: Workspace) -> None:
    script = "sed -i s/one/1/ f; mkdir d; echo x > d/g; ln -s d l; chmod 600 d/g"
    with ws.run_transaction(shell(script), actor="author") as done:
        assert (done.is_committed, done.conflicts, done.refusal) == (True, (), None)
    assert ws.fs.read_text("/f").startswith("1\n")
    assert ws.fs.stat("/d/g").mode & 0o777 == 0o600
    (span,) = [span for span in ws.fs.log().spans if span.id == done.span]
    assert span.actor == "author"
    assert done.result.changed == ("/d", "/d/g", "/f", "/l")
    assert ws.fs.undo(done.span).conflicts == []
    assert ws.fs.read_text("/f").startswith("one\n")
    assert ws.fs.listdir() == ["f"]


def test_nobody_else_sees_it_before_it_is_committed(ws: Workspace) -> None:
    """Programs of the workspace and the host find what was there before."""
    seen = []

    def look(output: bytes) -> None:
        assert ws.path is not None
        seen.append((ws.fs.listdir(), sorted(os.listdir(ws.path))))

    ws.exec(["true"])
    done = ws.run_transaction(shell("echo x > g; echo written"), on_output=look)
    assert done.is_committed
    assert seen[0] == (["f", "home"], ["f", "home"])
    assert ws.fs.exists("/g")


def test_a_program_that_fails_is_dropped_or_committed_later(ws: Workspace) -> None:
    with ws.run_transaction(shell("echo x > g; exit 3")) as failed:
        assert (failed.result.exit_code, failed.is_committed) == (3, False)
        assert not ws.fs.exists("/g")
    with pytest.raises(ExecError, match="closed"):
        failed.commit()
    with ws.run_transaction(shell("echo x > g; exit 3")) as failed:
        assert failed.commit()
    assert ws.fs.exists("/g")
    done = ws.run_transaction(shell("echo x > h; exit 3"), commit="always")
    assert (done.is_committed, ws.fs.exists("/h")) == (True, True)


def test_what_it_would_change_is_told_without_changing_anything(ws: Workspace) -> None:
    script = shell("echo six >> f; echo x > g")
    before = ws.fs.tree_digest()
    with ws.run_transaction(script, commit="never") as dry:
        assert [(each.kind.name, each.path) for each in dry.diff()] == [
            ("MODIFIED", "/f"),
            ("ADDED", "/g"),
            ("ADDED", "/home"),
        ]
        assert b"\n+six\n" in dry.diff_text()
        assert dry.fs.read_text("/g") == "x\n"
    assert ws.fs.tree_digest() == before
    with pytest.raises(ExecError, match="closed"):
        dry.diff()


def test_what_others_changed_meanwhile_is_kept(ws: Workspace) -> None:
    def change(output: bytes) -> None:
        ws.fs.write_text("/f", "one\ntwo\nthree\nfour\n5\n")
        ws.fs.write_text("/by-others", "x")

    # In place: a copy's host may give the number of a replaced file to the next one.
    script = shell('x=$(sed s/one/1/ f); echo "$x" > f; echo x > by-it; echo written')
    done = ws.run_transaction(script, on_output=change)
    assert done.is_committed
    assert ws.fs.read_text("/f") == "1\ntwo\nthree\nfour\n5\n"
    assert ws.fs.listdir() == ["by-it", "by-others", "f", "home"]


def test_conflicts_are_data_and_change_nothing(ws: Workspace) -> None:
    def change(output: bytes) -> None:
        ws.fs.write_text("/f", "another\n")

    script = shell("echo mine > f; echo x > g; echo written")
    with ws.run_transaction(script, on_output=change) as done:
        assert not done.is_committed
        assert [conflict.path for conflict in done.conflicts] == ["/f"]
        assert ws.fs.read_text("/f") == "another\n"
        assert not ws.fs.exists("/g")
        assert done.fs.read_text("/f") == "mine\n"
        assert b"+mine\n" in done.diff_text()
        assert done.commit("theirs")
        assert done.commit()
    assert ws.fs.read_text("/f") == "mine\n"
    assert ws.fs.undo(done.span).conflicts == []
    assert (ws.fs.read_text("/f"), ws.fs.exists("/g")) == ("another\n", False)


def test_what_does_not_fit_any_more_is_refused_whole(ws: Workspace) -> None:
    room = 200_000
    ws.exec(["true"])
    ws.fs.set_limits(max_bytes=ws.fs.bytes_used + room)

    def fill(output: bytes) -> None:
        ws.fs.write_bytes("/filler", bytes(range(1, 201)) * 600)

    script = shell("head -c 150000 /dev/urandom > g; echo x > h; echo written")
    with ws.run_transaction(script, on_output=fill) as done:
        assert done.result.ok
        assert not done.is_committed
        assert done.refusal is not None
        assert "space" in str(done.refusal)
        assert not ws.fs.exists("/h")
        ws.fs.remove("/filler")
        assert done.commit()
        assert done.refusal is None
    assert ws.fs.stat("/g").size == 150_000


def test_a_program_that_changes_nothing_makes_no_span(ws: Workspace) -> None:
    ws.exec(["true"])
    done = ws.run_transaction(["true"])
    assert (done.is_committed, done.span, done.result.changed) == (True, 0, ())


# --- where it runs ---------------------------------------------------------------


@pytest.mark.skipif(not may_mount(), reason="namespaces are tried as root here")
def test_the_program_finds_the_fork_at_the_workspaces_path(ws: Workspace) -> None:
    assert ws.path is not None
    ws.fs.mkdir("/sub")
    script = shell(f"pwd; echo $HOME; echo absolute > {ws.path}/g; cat ../g")
    done = ws.run_transaction(script, cwd="/sub", pty=False, require_same_path=True)
    assert done.path_is_same
    lines = done.result.output.decode().split()
    assert lines == [f"{ws.path}/sub", f"{ws.path}/home", "absolute"]
    assert ws.fs.read_text("/g") == "absolute\n"


@pytest.mark.skipif(not may_mount(), reason="namespaces are tried as root here")
@pytest.mark.parametrize("level", ["landlock", "namespaces"])
def test_a_contained_program_finds_the_fork_too(ws: Workspace, level: Level) -> None:
    containment = Containment(level=level)
    script = shell("cat f; echo x > g")
    done = ws.run_transaction(script, containment=containment, pty=False)
    assert done.result.output.startswith(b"one\n")
    assert (done.is_committed, ws.fs.read_text("/g")) == (True, "x\n")


REPORT = """
    import sys
    from devdev_exec import SpawnError, Workspace

    with Workspace(driver=sys.argv[1]) as ws:
        done = ws.run_transaction(["sh", "-c", "pwd; id -u; echo x > g"], pty=False)
        where, user = done.result.check().output.decode().split()
        print(done.path_is_same, where == str(ws.path), user, done.is_committed)
        print(ws.fs.exists("/g"))
        try:
            ws.run_transaction(["true"], require_same_path=True)
        except SpawnError as error:
            print("refused:", error)
"""


def report(prefix: list[str], driver: str) -> list[str]:
    done = subprocess.run(
        [*prefix, sys.executable, "-c", textwrap.dedent(REPORT), driver],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("driver", [FUSE, "copy"])
def test_an_ordinary_user_has_a_user_namespace_for_it(
    driver: str, tmp_path: Path
) -> None:
    """FUSE lets in who has the mounting user's ids (fs/fuse/dir.c)."""
    if reason := why_no_ordinary_user():
        pytest.skip(reason)
    if Path("/proc/sys/user/max_user_namespaces").read_text() == "0\n":
        pytest.skip("this host has no user namespaces")
    assert report(as_ordinary_user([], tmp_path), driver) == [
        "True True 65534 True",
        "True",
    ]


def test_where_no_namespace_is_permitted_it_runs_elsewhere_and_says_so(
    tmp_path: Path,
) -> None:
    if not may_mount():
        pytest.skip("to forbid user namespaces takes root")
    forbid = "echo 0 > /proc/sys/user/max_user_namespaces"
    less = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]
    prefix = ["unshare", "--user", "--map-root-user", "sh", "-ec"]
    prefix += [f'{forbid}; exec "$@"', "sh", *less]
    first, there, refused = report(prefix, "copy")
    assert (first, there) == ("False False 0 True", "True")
    assert "this host permits no mount namespace" in refused


# --- how it ends -----------------------------------------------------------------


def test_what_ends_early_leaves_nothing(ws: Workspace, mark: Mark) -> None:
    cancellation = Cancellation()
    environment = Environment(variables=mark.variables)
    with pytest.raises(ExecCancelled):
        ws.run_transaction(
            shell("echo x > g; echo written; sleep 60"),
            on_output=lambda output: cancellation.cancel(),
            cancellation=cancellation,
            environment=environment,
        )
    with pytest.raises(SpawnError, match="not in PATH"):
        ws.run_transaction(["no-such-program"])
    done = ws.run_transaction(
        shell("echo x > g; sleep 60"), timeout=0.5, environment=environment
    )
    assert (done.result.timed_out, done.is_committed) == (True, False)
    done.close()
    assert not ws.fs.exists("/g")
    served = [place for place in list_served() if place.path == str(ws.path)]
    assert len(served) <= 1
    wait_until(lambda: not mark.pids(), "the end of the programs")


@pytest.mark.fuse
def test_the_servers_end_ends_a_transaction() -> None:
    before = set(children(os.getpid()))
    with Workspace(driver="fuse") as ws:
        ws.fs.write_text("/f", "x")
        server = next(
            pid
            for pid in set(children(os.getpid())) - before
            if "_server import" in command_of(pid)
        )

        def kill(output: bytes) -> None:
            with suppress(ProcessLookupError):
                os.kill(server, signal.SIGKILL)

        with pytest.raises(ServerDied):
            ws.run_transaction(
                shell("echo; while echo x > g; do :; done"), on_output=kill
            )


@pytest.mark.fuse
def test_an_attached_workspace_has_transactions_too(own_servers: Path) -> None:
    with Workspace(driver="fuse") as ws:
        assert ws.path is not None
        with Workspace.attach(ws.path) as other:
            assert other.run_transaction(shell("echo x > g")).is_committed
        assert ws.fs.read_text("/g") == "x\n"


def test_a_commit_is_saved_where_the_state_is_kept(tmp_path: Path) -> None:
    with Workspace(driver="copy", state=tmp_path / "state") as ws:
        before = ws.save()
        done = ws.run_transaction(shell("echo x > g"))
        assert done.result.unsaved == ""
        assert ws.state is not None
        assert ws.state.changes > before.changes


# --- races -----------------------------------------------------------------------


def test_the_first_that_passes_the_check_is_kept(ws: Workspace, mark: Mark) -> None:
    race = ws.race(
        [
            shell("echo slow > who; sleep 60"),
            shell("echo wrong > who"),
            shell("sleep 0.2; echo right > who"),
            ["false"],
            ["no-such-program"],
        ],
        check=["grep", "-q", "right", "who"],
        parallel=5,
        environment=Environment(variables=mark.variables),
    )
    assert [attempt.outcome for attempt in race.attempts] == [
        Outcome.BEATEN,
        Outcome.REJECTED,
        Outcome.WON,
        Outcome.FAILED,
        Outcome.BROKEN,
    ]
    assert race.winner is not None
    assert race.winner.is_committed
    assert ws.fs.read_text("/who") == "right\n"
    assert "not in PATH" in str(race.attempts[4].error)
    assert ws.fs.undo(race.winner.span).conflicts == []
    assert not ws.fs.exists("/who")


def test_no_more_than_so_many_run_at_a_time(tmp_path: Path) -> None:
    lock, running, most = Lock(), 0, 0

    def count(output: bytes) -> None:
        nonlocal running, most
        with lock:
            running += 1 if b"begin" in output else 0
            most = max(most, running)
            running -= 1 if b"end" in output else 0

    with Workspace(driver="copy") as ws:
        attempts = [shell("echo begin; sleep 0.1; echo end; exit 1")] * 5
        race = ws.race(attempts, parallel=2, on_output=count)
    assert race.winner is None
    assert [attempt.outcome for attempt in race.attempts] == [Outcome.FAILED] * 5
    assert most == 2


def test_a_function_can_be_the_check(ws: Workspace) -> None:
    def has_two(fs: FsBase, result: ExecResult) -> bool:
        return result.ok and fs.read_text("/n") == "2\n"

    attempts = [shell(f"echo {number} > n") for number in (1, 2, 3)]
    race = ws.race(attempts, check=has_two, parallel=1)
    assert [attempt.outcome for attempt in race.attempts] == [
        Outcome.REJECTED,
        Outcome.WON,
        Outcome.BEATEN,
    ]
    assert race.attempts[2].result is None
    assert ws.fs.read_text("/n") == "2\n"


def test_a_check_that_raises_ends_the_race(ws: Workspace) -> None:
    def fail(fs: FsBase, result: ExecResult) -> bool:
        raise ValueError("no idea")

    with pytest.raises(ValueError, match="no idea"):
        ws.race([shell("echo x > n"), shell("sleep 60")], check=fail, parallel=2)
    assert not ws.fs.exists("/n")


def test_a_race_needs_attempts() -> None:
    with Workspace(driver="copy") as ws:
        with pytest.raises(ExecError, match="at least one"):
            ws.race([])
        with pytest.raises(ExecError, match="at least one"):
            ws.race([["true"]], parallel=0)


def test_nothing_can_be_tried_where_nothing_is_shown() -> None:
    with Workspace(mount=False) as ws, pytest.raises(ExecError, match="mount=False"):
        ws.run_transaction(["true"])
