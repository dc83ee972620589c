"""`devdev exec` with what keeps the program from the rest of the host."""

import sys
from pathlib import Path

import pytest
from devdev_exec import Level

from tests.exec.cli import devdev, error_line
from tests.exec.levels import need

if sys.platform == "win32":
    pytest.skip("devdev mounts on Linux only", allow_module_level=True)

pytestmark = pytest.mark.fuse


@pytest.mark.parametrize("level", ["landlock", "namespaces"])
def test_it_is_contained_and_limited(level: Level, tmp_path: Path) -> None:
    need(level)
    for name in ("hidden", "shown", "mine"):
        (tmp_path / name).write_text(f"{name}\n")
    script = (
        f"cd {tmp_path}; cat hidden; cat shown; echo changed > mine; ulimit -v; exit 3"
    )
    result = devdev(
        *(
            "exec",
            "--require",
            level,
            "--memory",
            "1G",
            "--file-size",
            "4K",
            "--cpu",
            "9",
        ),
        *("--allow-read", "shown", "--allow-write", "mine"),
        *("--no-pty", "--", "sh", "-c", script),
        cwd=tmp_path,
    )
    assert result.returncode == 3, result.stderr
    assert result.stdout.splitlines() == [b"shown", b"1048576"]
    assert (tmp_path / "mine").read_text() == "changed\n"


@pytest.mark.parametrize("level", ["landlock", "namespaces"])
def test_a_program_that_is_not_there_is_127(level: Level) -> None:
    need(level)
    result = devdev("exec", "--require", level, "--no-pty", "--", "no-such-program")
    assert result.returncode == 127
    assert b"no-such-program" in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--network"], "go with --containment"),
        (["--memory", "0"], "above 0"),
        (["--require", "namespaces", "--containment", "landlock"], "but asks for"),
    ],
)
def test_what_makes_no_sense_is_refused(options: list[str], message: str) -> None:
    result = devdev("exec", *options, "--", "true")
    assert result.returncode == 1
    assert message in error_line(result)
