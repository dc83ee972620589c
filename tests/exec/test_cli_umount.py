"""`devdev umount`: what it ends, what it leaves alone, what it says."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from devdev_exec import Workspace

from tests.exec.cli import READY, Background, devdev, error_line
from tests.processes import children, wait_until

if sys.platform == "win32":
    pytest.skip("devdev mounts on Linux only", allow_module_level=True)

pytestmark = [pytest.mark.fuse, pytest.mark.usefixtures("own_servers")]


@contextlib.contextmanager
def mounted(place: Path, *options: str | Path) -> Iterator[Background]:
    with Background("mount", *options, place) as running:
        running.wait_for(READY)
        yield running


@contextlib.contextmanager
def sitting_in(place: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A program with an open file there."""
    program = subprocess.Popen(
        ["sh", "-c", "exec 9> file; cd /; echo in; exec sleep 60 >&2"],
        cwd=place,
        stdout=subprocess.PIPE,
    )
    with program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"in\n"
        yield program
        program.kill()


def test_it_ends_a_mount_which_then_saves(place: Path, tmp_path: Path) -> None:
    saved, also = tmp_path / "saved", tmp_path / "also"
    with mounted(place, "--save", saved) as running:
        (place / "file").write_text("text")
        result = devdev("umount", "--save", also, place)
        assert (result.returncode, result.stderr) == (0, b"")
        assert result.stdout.startswith(f"unmounted {place}\nsaved to ".encode())
        assert not os.path.ismount(place)
        # It has ended when the command has.
        assert saved.read_bytes() == also.read_bytes()
        assert running.finish()[0] == 0
    result = devdev("exec", "--snapshot-in", also, "--", "cat", "file")
    assert result.stdout == b"text"


def test_it_names_who_uses_the_mount_and_leaves_it_alone(place: Path) -> None:
    with mounted(place) as running, sitting_in(place) as program:
        result = devdev("umount", "--wait", "0.2", place)
        assert result.returncode == 3
        errors = result.stderr.decode()
        assert f"{place} is in use: 1 program" in errors
        assert f"sleep (pid {program.pid}) has {place}/file\n" in errors
        assert (place / "file").exists()
        forced = devdev("umount", "--force", place)
        assert (forced.returncode, forced.stderr) == (0, b"")
        assert not os.path.ismount(place)
        assert running.finish()[0] == 0


def test_it_waits_for_programs_that_let_go(place: Path) -> None:
    with (
        mounted(place),
        sitting_in(place) as program,
        Background("umount", "--wait", "10", place) as umount,
    ):
        own = Path(f"/proc/{umount.process.pid}/task")
        wait_until(lambda: is_looking(own), "it to look who is there")
        program.kill()
        program.wait()
        assert umount.finish()[0] == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_leaves_the_mount(number: int, place: Path) -> None:
    with (
        mounted(place),
        sitting_in(place),
        Background("umount", "--wait", "10", place) as umount,
    ):
        own = Path(f"/proc/{umount.process.pid}/task")
        wait_until(lambda: is_looking(own), "it to look who is there")
        assert umount.end(number) == (128 + number, b"", b"")
        assert is_mounted(place)


def is_looking(tasks: Path) -> bool:
    """Whether a process has the thread that looks for programs."""
    with contextlib.suppress(FileNotFoundError):
        return len(list(tasks.iterdir())) > 1
    return False


def test_it_ends_all(tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("one", "two")]
    for place in places:
        place.mkdir()
    with mounted(places[0]) as one, mounted(places[1]) as two, sitting_in(places[0]):
        result = devdev("umount", "--all", "--wait", "0.2")
        assert result.returncode == 3
        assert f"unmounted {places[1]}\n".encode() in result.stdout
        assert two.finish()[0] == 0
        result = devdev("umount", "--all", "--force", "--json")
        assert result.returncode == 0
        (told,) = json.loads(result.stdout)
        assert told == {
            "path": str(places[0]),
            "server": "ended",
            "pid": one.process.pid,
            "saved": None,
        }
        assert one.finish()[0] == 0
    assert json.loads(devdev("umount", "--all", "--json").stdout) == []


def test_what_a_killed_server_left_is_taken_away(place: Path) -> None:
    with mounted(place) as running:
        (server,) = children(running.process.pid)
        for watcher in children(server):
            os.kill(watcher, signal.SIGKILL)
        os.kill(server, signal.SIGKILL)
        assert running.finish()[0] == 1
        assert is_mounted(place)
        result = devdev("umount", place)
        assert (result.returncode, result.stderr) == (0, b"")
        assert not is_mounted(place)


def is_mounted(place: Path) -> bool:
    """Whether it is in the mount table; one without a server can look unmounted."""
    table = Path("/proc/self/mountinfo").read_text()
    return os.fspath(place).replace(" ", r"\040") in table


def test_a_server_that_does_not_answer_is_cut_off_by_force_only(place: Path) -> None:
    with mounted(place) as running:
        (server,) = children(running.process.pid)
        os.kill(server, signal.SIGSTOP)
        line = error_line(devdev("umount", place))
        assert f"(pid {server}) does not answer" in line
        assert is_mounted(place)
        assert devdev("umount", "--force", place).returncode == 0
        assert not is_mounted(place)
        os.kill(server, signal.SIGCONT)
        assert running.finish()[0] == 0


def test_a_mount_that_cannot_be_asked_is_left_to_its_process(place: Path) -> None:
    script = """
import sys
from devdev_mount import Fs, mount
with mount(Fs(), sys.argv[1]):
    print("in", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, place],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"in\n"
        assert "cannot be asked" in error_line(devdev("umount", place))
        assert is_mounted(place)
        assert devdev("umount", "--force", place).returncode == 0
        assert not is_mounted(place)


def test_a_workspace_goes_on_without_its_directory() -> None:
    with Workspace(driver="fuse") as workspace:
        assert workspace.path is not None
        workspace.fs.write_text("/f", "text")
        result = devdev("umount", "--wait", "0.1", workspace.path)
        assert result.returncode == 0, result.stderr
        assert f"process {os.getpid()}".encode() in result.stdout
        assert workspace.fs.read_text("/f") == "text"


def test_wrong_usage_is_told(place: Path) -> None:
    for arguments in ((), ("--all", place), ("--all", "--save", place / "x")):
        assert devdev("umount", *arguments).returncode == 2
    assert devdev("umount", "--wait", "soon", place).returncode == 2
    line = error_line(devdev("umount", place))
    assert line == f"nothing of devdev's is mounted at {place}"
