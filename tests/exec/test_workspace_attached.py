"""A workspace that another process has: used by one more, and left as it is."""

import sys
from collections.abc import Iterator

import pytest
from devdev_exec import ExecError, MountError, Workspace

from tests.exec.cli import devdev

if sys.platform != "linux":
    pytest.skip("programs run on Linux only", allow_module_level=True)

pytestmark = pytest.mark.usefixtures("own_servers")


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with Workspace(driver="fuse") as ws:
        yield ws


def attach(ws: Workspace, actor: str | None = None) -> Workspace:
    assert ws.path is not None
    return Workspace.attach(ws.path, actor=actor)


@pytest.mark.fuse
def test_programs_of_both_run_in_the_same_files(ws: Workspace) -> None:
    with attach(ws) as other:
        assert (other.path, other.driver) == (ws.path, "fuse")
        ws.exec(["sh", "-c", "echo by the owner > f"]).check()
        assert other.exec(["cat", "f"], pty=False).check().output == b"by the owner\n"
        other.exec(["sh", "-c", "echo by the other > f"]).check()
        assert ws.fs.read_text("/f") == "by the other\n"


@pytest.mark.fuse
def test_what_each_changed_is_told_and_undone_apart(ws: Workspace) -> None:
    with attach(ws, actor="reviewer") as other:
        other.fs.write_text("/note", "well done")
        first = other.exec(["sh", "-c", "echo 1 > one"]).check()
        second = ws.exec(["sh", "-c", "echo 2 > two"]).check()
        assert (first.changed, second.changed) == (("/one",), ("/two",))
        assert not ws.fs.undo(first.span).conflicts
        assert other.fs.listdir("/") == ["home", "note", "two"]
    by = {span.actor: span for span in ws.fs.log().spans}
    assert {change.path for change in by["reviewer"].changes} == {"/home", "/note"}


@pytest.mark.fuse
def test_the_workspace_goes_on_when_the_other_is_closed(ws: Workspace) -> None:
    assert ws.path is not None
    with attach(ws) as other:
        other.exec(["sh", "-c", "echo kept > f"]).check()
    assert (ws.path / "f").read_text() == "kept\n"
    with pytest.raises(ExecError, match="closed"):
        other.exec(["true"])


@pytest.mark.fuse
def test_when_the_owner_has_closed_it_the_other_is_told(ws: Workspace) -> None:
    with attach(ws) as other:
        ws.close()
        with pytest.raises(MountError):
            other.exec(["true"])
        with pytest.raises(MountError):
            other.fs.exists("/")


def test_in_a_copy_only_its_owner_runs_programs() -> None:
    with Workspace(driver="copy") as ws, attach(ws) as other:
        ws.fs.write_text("/f", "x")
        assert other.fs.read_text("/f") == "x"
        with pytest.raises(ExecError, match="only its owner"):
            other.exec(["true"])


def test_nothing_to_attach_to_is_an_error_that_names_the_place() -> None:
    with pytest.raises(MountError, match="/nowhere"):
        Workspace.attach("/nowhere")


@pytest.mark.fuse
def test_the_command_runs_a_program_in_a_workspace_that_is_there(ws: Workspace) -> None:
    assert ws.path is not None
    ws.fs.write_text("/f", "there\n")
    place = str(ws.path)
    done = devdev("exec", "--attach", place, "--", "sh", "-c", "cat f; echo > new")
    assert (done.returncode, done.stdout) == (0, b"there\n")
    assert ws.fs.exists("/new")


@pytest.mark.parametrize("option", [("--driver", "copy"), ("--snapshot-in", "x")])
def test_the_command_takes_one_beginning(option: tuple[str, str]) -> None:
    done = devdev("exec", "--attach", "/x", *option, "--", "true")
    assert done.returncode == 2
    assert b"--attach goes with none of" in done.stderr
