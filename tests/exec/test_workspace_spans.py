"""What a program changes is told of, and belongs to it alone."""

import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from devdev_exec import DriverChoice, SpawnError, Workspace

from tests.processes import wait_until

if sys.platform != "linux":
    pytest.skip("programs run on Linux only", allow_module_level=True)

DRIVERS = [pytest.param("fuse", marks=pytest.mark.fuse), "copy"]


@pytest.fixture(params=DRIVERS)
def ws(request: pytest.FixtureRequest) -> Iterator[Workspace]:
    driver: DriverChoice = request.param
    with Workspace(driver=driver) as ws:
        yield ws


def shell(ws: Workspace, script: str) -> tuple[str, ...]:
    """The paths that a script changed."""
    return ws.exec(["sh", "-ec", script], pty=False, timeout=15).check().changed


def test_the_result_has_the_paths_that_were_changed(ws: Workspace) -> None:
    ws.fs.mkdir("/d")
    for name in ("kept", "gone", "moved", "edited", "chmod"):
        ws.fs.write_text(f"/d/{name}", name)
    script = """
        cat d/kept; rm d/gone; mv d/moved d/there; echo x >> d/edited
        chmod 600 d/chmod; mkdir new; ln -s new link; : > new/f
    """
    changed = ["chmod", "edited", "gone", "moved", "there"]
    expected = ("/d/" + name for name in changed)
    assert shell(ws, script) == (*expected, "/link", "/new", "/new/f")


def test_a_program_that_changes_nothing_has_no_span(ws: Workspace) -> None:
    ws.exec(["true"])
    result = ws.exec(["sh", "-c", "ls; cat /etc/passwd"])
    assert (result.span, result.changed, result.is_changed_partial) == (0, (), False)


def test_undoing_the_span_takes_back_what_the_program_did(ws: Workspace) -> None:
    ws.fs.write_text("/f", "before\n")
    shell(ws, "mkdir d; echo after > f")
    before = ws.fs.tree_digest()
    result = ws.exec(["sh", "-c", "rm -r d; echo later > f; echo > g"])
    assert result.changed == ("/d", "/f", "/g")
    assert not ws.fs.undo(result.span).conflicts
    assert ws.fs.tree_digest() == before


def test_the_first_thing_that_a_program_does_is_its_own(ws: Workspace) -> None:
    for number in range(20):
        result = ws.exec(["mkdir", f"d{number}"], pty=False)
        assert result.changed == (f"/d{number}",)


def test_what_it_starts_belongs_to_it(ws: Workspace) -> None:
    script = """
        (setsid sh -c 'echo 1 > orphan') & wait
        sh -c '(sh -c "echo 2 > deep")'; echo 3 | tee piped > /dev/null
    """
    assert shell(ws, script) == ("/deep", "/orphan", "/piped")


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_log_says_which_command_wrote_what(ws: Workspace) -> None:
    ws.exec(["git", "init", "-q", "repo"]).check()
    ws.exec(["sh", "-c", "echo x > f"], actor="alice").check()
    with ws.fs.actor("api"):
        ws.fs.write_text("/g", "y")
    ws.exec(["rm", "f", "g"], cwd="/").check()
    log = [(span.actor, span.changes) for span in ws.fs.log().spans if span.changes]
    actors = [actor for actor, _ in log if actor]
    assert actors == ["git init -q repo", "alice", "api", "rm f g"]
    by = {actor: [change.path for change in changes] for actor, changes in log}
    assert "/repo/.git/HEAD" in by["git init -q repo"]
    assert (by["alice"], by["api"], by["rm f g"]) == (["/f"], ["/g"], ["/f", "/g"])


def test_a_long_command_is_cut_in_the_log(ws: Workspace) -> None:
    ws.exec(["sh", "-c", "echo > f #" + "\u00e9" * 3000]).check()
    (actor,) = (span.actor for span in ws.fs.log().spans if span.changes and span.actor)
    assert actor.startswith("sh -c ")
    assert actor.endswith("...")
    assert len(actor.encode()) <= 1024


def test_a_command_that_is_ended_has_a_span_too(ws: Workspace) -> None:
    result = ws.exec(["sh", "-c", "echo > f; sleep 60"], timeout=0.5)
    assert (result.timed_out, result.changed) == (True, ("/f",))


def test_what_history_has_no_room_for_is_said_to_be_missing(ws: Workspace) -> None:
    shell(ws, "head -c 200000 /dev/zero | tr '\\0' x > f")
    ws.fs.set_history_limits(max_bytes=50_000)
    result = ws.exec(["sh", "-c", "rm f; echo > g"])
    assert result.is_changed_partial
    assert ws.fs.listdir("/") == ["g", "home"]


def test_a_command_that_cannot_start_leaves_no_open_span(ws: Workspace) -> None:
    with pytest.raises(SpawnError):
        ws.exec(["no-such-program"])
    with pytest.raises(SpawnError, match="list"):
        ws.exec("ls")
    ws.fs.write_text("/f", "x")
    assert not any(span.is_open and span.actor for span in ws.fs.log().spans)


@pytest.mark.fuse
def test_commands_side_by_side_have_their_own() -> None:
    script = "for i in $(seq 30); do echo $i > $0-$i; mv $0-$i $0; done"
    with Workspace() as ws, ThreadPoolExecutor(3) as pool:
        names = ("a", "b", "c")
        calls = [pool.submit(ws.exec, ["sh", "-c", script, name]) for name in names]
        results = [call.result(15).check() for call in calls]
        assert [result.changed for result in results] == [("/a",), ("/b",), ("/c",)]


@pytest.mark.fuse
def test_what_others_write_meanwhile_is_not_the_commands() -> None:
    up = Event()
    with Workspace() as ws, ThreadPoolExecutor(1) as pool:
        assert ws.path is not None
        call = pool.submit(
            ws.exec,
            ["sh", "-c", "echo up; until test -e go; do :; done; echo > mine"],
            on_output=lambda data: up.set(),
        )
        assert up.wait(10)
        ws.fs.write_text("/api", "x")
        (ws.path / "outside").write_text("x")
        ws.fs.write_text("/go", "")
        assert call.result(10).changed == ("/mine",)


@pytest.mark.fuse
def test_pages_that_a_program_mapped_are_its_own() -> None:
    script = """
        import mmap, os
        fd = os.open("f", os.O_RDWR)
        os.ftruncate(fd, 8192)
        os.pwrite(fd, b"1", 0)
        pages = mmap.mmap(fd, 8192)
        pages[5000:5003] = b"abc"
    """
    with Workspace() as ws:
        ws.fs.write_text("/f", "")
        code = "\n".join(line.strip() for line in script.splitlines())
        result = ws.exec([sys.executable, "-c", code], pty=False).check()
        assert result.changed == ("/f",)
        assert ws.fs.read_bytes("/f")[5000:5003] == b"abc"
        ws.fs.undo(result.span)
        assert ws.fs.read_bytes("/f") == b""


@pytest.mark.fuse
def test_afterwards_nothing_belongs_to_the_command() -> None:
    with Workspace() as ws:
        assert ws.path is not None
        result = ws.exec(["sh", "-c", "echo > f"])
        (ws.path / "f").write_text("later")
        spans = ws.fs.log().spans
        assert [(each.id, each.actor != "") for each in spans if each.changes] == [
            (result.span, True),
            (spans[-1].id, False),
        ]


@pytest.mark.fuse
def test_a_closed_workspace_ends_a_command_as_it_did(ws: Workspace) -> None:
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(ws.exec, ["sh", "-c", "echo up > up; sleep 60"])
        path = ws.path
        assert path is not None
        wait_until(lambda: (path / "up").exists(), "the program")
        ws.close()
        error = running.exception(10)
        assert error is not None
        assert "launcher" in str(error)
