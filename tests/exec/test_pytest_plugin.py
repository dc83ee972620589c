"""The pytest plugin, in runs of pytest of its own."""

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

pytest_plugins = ["pytester"]

# Also where the plugin's entry point is not installed.
PLUGIN = ("-p", "devdev_pytest", "-p", "no:cacheprovider")

TESTS = """
import subprocess
import sys
import pytest
from devdev_exec.testing import assert_changed

def test_memory(devdev_fs, devdev_clock):
    devdev_fs.write_text("/f", "x")
    assert devdev_fs.stat("/f").mtime_ns == devdev_clock.time_ns
    devdev_clock.advance(5)
    devdev_fs.write_text("/f", "y")
    assert devdev_fs.stat("/f").mtime_ns == 946684800 * 10**9 + 5

def test_digest(devdev_fs):
    devdev_fs.mkdir("/d")
    assert devdev_fs.image_digest() == DIGEST

def test_changes(devdev_fs):
    with assert_changed(devdev_fs, "/f", "/d"):
        devdev_fs.write_text("/f", "x")
        devdev_fs.mkdir("/d")
    with assert_changed(devdev_fs):
        devdev_fs.read_text("/f")
"""

WORKSPACE = """
import subprocess
from devdev_exec.testing import assert_changed

def test_programs(devdev_workspace):
    with assert_changed(devdev_workspace, "/f"):
        subprocess.run(["touch", devdev_workspace.path / "f"], check=True)
    assert devdev_workspace.exec(["ls"], pty=False).output == b"f\\nhome\\n"

def test_another(devdev_workspace):
    assert devdev_workspace.fs.listdir("/") == []

def test_clock(devdev_workspace, devdev_clock):
    devdev_workspace.fs.write_text("/f", "x")
    assert devdev_workspace.fs.stat("/f").mtime_ns == devdev_clock.time_ns
"""


def test_a_filesystem_its_clock_and_digests_are_fixtures(
    pytester: pytest.Pytester,
) -> None:
    digest = (
        "from devdev_fs import Fs\nfrom devdev_fs.testing import ManualClock\n"
        "_fs = Fs(clock=ManualClock(946684800 * 10**9))\n_fs.mkdir('/d')\n"
        "DIGEST = _fs.image_digest()\n"
    )
    pytester.makepyfile(digest + TESTS)
    pytester.runpytest_subprocess(*PLUGIN).assert_outcomes(passed=3)


@pytest.mark.fuse
def test_a_workspace_is_mounted_for_one_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(WORKSPACE)
    pytester.runpytest_subprocess(*PLUGIN).assert_outcomes(passed=3)


@pytest.mark.fuse
def test_workers_of_xdist_have_workspaces_of_their_own(
    pytester: pytest.Pytester,
) -> None:
    pytest.importorskip("xdist")
    pytester.makepyfile(test_one=WORKSPACE, test_two=WORKSPACE)
    result = pytester.runpytest_subprocess(*PLUGIN, "-n2", "--dist", "loadfile")
    result.assert_outcomes(passed=6)


def test_what_changed_besides_is_told_with_the_text(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from devdev_exec.testing import assert_changed

        def test_wrong(devdev_fs):
            with assert_changed(devdev_fs, "/expected"):
                devdev_fs.write_text("/other", "text of it")
        """
    )
    result = pytester.runpytest_subprocess(*PLUGIN)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*did not change: /expected",
            "*changed, too: /other (added)",
            "*+text of it",
        ]
    )


def test_an_error_in_the_block_is_what_is_told(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from devdev_exec.testing import assert_changed

        def test_wrong(devdev_fs):
            with assert_changed(devdev_fs, "/expected"):
                devdev_fs.read_text("/none")
        """
    )
    result = pytester.runpytest_subprocess(*PLUGIN)
    result.stdout.fnmatch_lines(["*'/none'*"])
    assert "did not change" not in result.stdout.str()


def test_who_uses_no_fixture_loads_nothing() -> None:
    script = (
        "import sys, pytest, devdev_pytest\n"
        "print(*(name for name in sys.modules if name.startswith('devdev')))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True
    )
    assert result.stdout.split() == [b"devdev_pytest"]


def test_the_installed_plugin_is_the_same() -> None:
    found = [each for each in entry_points(group="pytest11") if "devdev" in each.name]
    if not found:
        pytest.skip("devdev-exec was installed before it had the plugin: uv sync")
    assert [(each.name, each.value) for each in found] == [
        ("devdev_pytest", "devdev_pytest")
    ]
