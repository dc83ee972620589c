"""`devdev run`: a program on a copy of a directory, shown and written back."""

import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from tests.exec.cli import Background, devdev, error_line

if sys.platform == "win32":
    pytest.skip("there is no mount driver", allow_module_level=True)

pytestmark = pytest.mark.fuse

CHANGE = "echo two > f; rm gone; mkdir new; echo > new/x; chmod 700 d; touch ~/.rc"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    (source / "d").mkdir(parents=True)
    (source / "f").write_text("one\n")
    (source / "gone").touch()
    return source


def listing(top: Path) -> dict[str, str]:
    """What there is, a file with its content."""
    return {
        str(path.relative_to(top)): path.read_text() if path.is_file() else ""
        for path in top.rglob("*")
    }


def test_what_a_program_does_stays_in_the_copy(source: Path) -> None:
    before = listing(source)
    result = devdev("run", "--from", source, "--", "sh", "-c", f"{CHANGE}; exit 3")
    assert (result.returncode, result.stdout, result.stderr) == (3, b"", b"")
    assert listing(source) == before


@pytest.mark.parametrize("driver", ["fuse", "copy"])
def test_what_changed_is_written_back_on_request(source: Path, driver: str) -> None:
    options = ("--from", source, "--apply", "--json", "--driver", driver)
    result = devdev("run", *options, "--", "sh", "-c", f"{CHANGE}; exit 3")
    assert result.returncode == 3
    assert listing(source) == {"d": "", "f": "two\n", "new": "", "new/x": "\n"}
    assert (source / "d").stat().st_mode & 0o777 == 0o700
    report = json.loads(result.stderr)
    assert report["exit_code"] == 3
    assert report["applied"] == {
        "added": ["/new", "/new/x"],
        "changed": ["/d", "/f"],
        "removed": ["/gone"],
    }


def test_a_diff_is_shown_after_the_output(source: Path) -> None:
    result = devdev(
        "run", "--from", source, "--diff", "--", "sh", "-c", "tee f <d/../f"
    )
    assert result.returncode == 0
    result = devdev(
        "run", "--from", source, "--diff", "--", "sh", "-c", "echo says; echo 2 >f"
    )
    assert result.stdout.startswith(b"says\ndiff --git a/f b/f\n")
    assert result.stdout.endswith(b"-one\n+2\n")


def test_a_directory_that_changed_meanwhile_is_left_alone(source: Path) -> None:
    script = f"echo two > f; echo mine > {source}/f"
    result = devdev("run", "--from", source, "--apply", "--", "sh", "-c", script)
    assert result.returncode == 4
    assert result.stderr.decode().splitlines()[1:] == ["  /f"]
    assert "has changed meanwhile" in result.stderr.decode()
    assert (source / "f").read_text() == "mine\n"
    assert take_work(result.stderr) == b"two\n"


def take_work(errors: bytes) -> bytes:
    """What /f has in the file that the work is in, as the message says; removes it."""
    found = re.search(rb"work is in '(.+?)'", errors)
    assert found is not None
    work = Path(found[1].decode())
    content = devdev("snapshot", "cat", work, "/f").stdout
    work.unlink()
    return content


@pytest.mark.parametrize("end", ["kill $$", "sleep 9"])
def test_a_program_that_did_not_finish_changes_nothing(source: Path, end: str) -> None:
    options = ("--from", source, "--apply", "--timeout", "1.5")
    result = devdev("run", *options, "--", "sh", "-c", f"echo two > f; {end}")
    assert result.returncode in (128 + signal.SIGTERM, 124)
    assert b"nothing was written back" in result.stderr
    assert (source / "f").read_text() == "one\n"
    assert take_work(result.stderr) == b"two\n"


def test_ctrl_c_changes_nothing(source: Path) -> None:
    script = "echo two > f; echo ready; sleep 20"
    options = ("--from", str(source), "--apply")
    with Background("run", *options, "--", "sh", "-c", script) as command:
        command.wait_for(b"ready")
        code, _, errors = command.end(signal.SIGINT)
    assert (code, errors) == (128 + signal.SIGINT, b"")
    assert listing(source) == {"d": "", "f": "one\n", "gone": ""}


def test_what_git_ignores_is_neither_seen_nor_touched(source: Path) -> None:
    (source / ".gitignore").write_text("built/\n")
    (source / "built").mkdir()
    options = ("--from", source, "--gitignore", "--apply")
    assert devdev("run", *options, "--", "test", "-e", "built").returncode == 1
    result = devdev("run", *options, "--", "mkdir", "built")
    assert result.returncode == 4
    assert take_work(result.stderr) == b"one\n"
    assert os.listdir(source / "built") == []


def test_the_workspace_is_kept_as_a_snapshot(source: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.snap"
    devdev("run", "--from", source, "--keep", kept, "--", "sh", "-c", CHANGE)
    assert devdev("snapshot", "cat", kept, "/f").stdout == b"two\n"


def test_what_cannot_be_is_said_before_anything_is_run(tmp_path: Path) -> None:
    assert devdev("run").returncode == 2
    assert devdev("run", "--apply", "--", "true").returncode == 2
    line = error_line(devdev("run", "--from", tmp_path / "none", "--apply", "true"))
    assert "no such file" in line
    keep = devdev("run", "--keep", tmp_path / "none" / "x.snap", "--", "true")
    assert "make it first" in error_line(keep)
