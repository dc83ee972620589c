"""`devdev doctor`: what it finds here, and on a machine that cannot mount."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import devdev_exec
import pytest
from devdev_exec import probe_containment

from tests.exec.cli import DEVDEV, TIMEOUT, devdev, error_line
from tests.exec.terminals import devdev_on_terminal
from tests.exec.without_fuse import without_fuse

if sys.platform == "win32":
    pytest.skip("devdev mounts on Linux only", allow_module_level=True)

pytestmark = pytest.mark.fuse


def find(report: dict[str, Any], name: str) -> dict[str, Any]:
    """The one check of a report that has this name."""
    (check,) = (check for check in report["checks"] if check["name"] == name)
    assert isinstance(check, dict)
    return check


def test_it_says_that_the_main_job_can_run_here() -> None:
    result = devdev("doctor")
    assert (result.returncode, result.stderr) == (0, b"")
    text = result.stdout.decode()
    assert text.startswith(f"devdev {devdev_exec.__version__}\n")
    assert "  ok       trial workspace " in text
    assert text.endswith("The main job can run here: devdev demo\n")


def test_it_tells_the_same_as_json() -> None:
    result = devdev("doctor", "--json")
    report = json.loads(result.stdout)
    assert (result.returncode, report["ok"]) == (0, True)
    assert report["version"] == devdev_exec.__version__
    for name in ("Python", "system", "trial workspace", "trial run", "git"):
        check = find(report, name)
        assert (check["required"], check["status"]) == (True, "ok")
    for name in ("/dev/fuse", "right to mount", "copy"):
        check = find(report, name)
        assert (check["required"], check["status"]) == (False, "ok")
    assert find(report, "cargo")["required"] is False
    for offer in probe_containment()[1:]:
        check = find(report, offer.level)
        assert (check["status"] == "ok") == offer.available
        assert (check["required"], check["detail"]) == (False, offer.detail)
    for check in report["checks"]:
        # What is not there comes with a way to get it.
        assert check["status"] == "ok" or check["hint"]


def test_colour_is_for_terminals_whose_user_has_nothing_against_it() -> None:
    """The variable is that of https://no-color.org."""
    assert b"\x1b" not in devdev("doctor").stdout
    assert b"\x1b[32mok" in devdev_on_terminal("doctor")
    assert b"\x1b" not in devdev_on_terminal("doctor", variables={"NO_COLOR": "1"})


@pytest.fixture
def unfit_machine(tmp_path: Path) -> list[str]:
    """A prefix for commands, with which they find a /dev/fuse that is none."""
    fake = tmp_path / "fuse"
    fake.touch()
    script = 'mount --bind "$0" /dev/fuse && exec "$@"'
    prefix = ["unshare", "--mount", "sh", "-c", script, str(fake)]
    try:
        subprocess.run([*prefix, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a mount namespace is not to be had: {error}")
    return prefix


def test_it_says_that_the_main_job_cannot_run(unfit_machine: list[str]) -> None:
    command = [*unfit_machine, *DEVDEV, "doctor", "--json"]
    result = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False)
    report = json.loads(result.stdout)
    assert (result.returncode, report["ok"]) == (1, False)
    check = find(report, "trial workspace")
    assert (check["status"], check["required"]) == ("failed", True)
    assert check["detail"]
    command.remove("--json")
    result = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False)
    assert result.returncode == 1
    assert result.stdout.decode().endswith("cannot run here: trial workspace.\n")


def test_what_cannot_be_mounted_is_one_line(unfit_machine: list[str]) -> None:
    command = [*unfit_machine, *DEVDEV, "exec", "--", "true"]
    result = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False)
    assert result.returncode == 1
    assert error_line(result)


def test_where_nothing_can_be_mounted_it_says_that_copying_does(tmp_path: Path) -> None:
    command = [*without_fuse(tmp_path), *DEVDEV, "doctor", "--json"]
    result = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False)
    report = json.loads(result.stdout)
    assert (result.returncode, report["ok"]) == (0, True)
    assert find(report, "/dev/fuse")["status"] == "failed"
    assert find(report, "right to mount")["status"] == "missing"
    copy = find(report, "copy")
    assert copy["status"] == "ok"
    prefix = "available, no privilege needed, used when fuse is not: /dev/fuse "
    assert copy["detail"].startswith(prefix)
    assert "(copy)" in find(report, "trial workspace")["detail"]
