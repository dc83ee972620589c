"""The markers skip, fail or check as they say: seen in inner test runs."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUN_TIMEOUT = 15.0

# All that is replaced: whether this machine can mount.
CONFTEST = """
from tests import conftest
conftest.why_fuse_is_unusable = lambda: {fuse!r}
conftest.why_libfuse_is_unusable = lambda: {libfuse!r}
"""
PASSES = "import pytest\n@pytest.mark.fuse\ndef test_it(): pass\n"
PASSES_OVER_LIBFUSE = PASSES.replace("fuse", "fuse\n@pytest.mark.libfuse")
LEAVES_A_DIRECTORY = """
import pytest, tempfile
@pytest.mark.fuse
def test_it(): tempfile.mkdtemp(prefix="devdev-")
"""


def run_pytest(
    directory: Path,
    test: str,
    *,
    fuse: str | None = None,
    libfuse: str | None = None,
    require: str = "",
) -> str:
    """Run `test` where something is unusable for a reason; what pytest printed."""
    conftest = CONFTEST.format(fuse=fuse, libfuse=libfuse)
    (directory / "conftest.py").write_text(conftest)
    (directory / "test_it.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest"]
    result = subprocess.run(
        [*command, "-c", ROOT / "pyproject.toml", "--rootdir", directory, directory],
        env=os.environ | {"PYTHONPATH": str(ROOT), "DEVDEV_REQUIRE": require},
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_TIMEOUT,
    )
    return result.stdout


def test_without_fuse_a_marked_test_is_skipped_with_the_reason(tmp_path: Path) -> None:
    output = run_pytest(tmp_path, PASSES, fuse="no device")
    assert "1 skipped" in output
    assert "no device" in output


def test_where_fuse_is_required_a_marked_test_fails_without_it(tmp_path: Path) -> None:
    output = run_pytest(tmp_path, PASSES, fuse="no device", require="fuse")
    assert "1 error" in output
    assert "DEVDEV_REQUIRE=fuse, but no device" in output


def test_where_fuse_works_a_marked_test_runs(tmp_path: Path) -> None:
    assert "1 passed" in run_pytest(tmp_path, PASSES, require="fuse")


def test_that_fuse_is_required_says_nothing_of_libfuse(tmp_path: Path) -> None:
    output = run_pytest(
        tmp_path, PASSES_OVER_LIBFUSE, libfuse="no library", require="fuse"
    )
    assert "1 skipped" in output
    assert "no library" in output


def test_where_libfuse_is_required_a_marked_test_fails_without_it(
    tmp_path: Path,
) -> None:
    output = run_pytest(
        tmp_path, PASSES_OVER_LIBFUSE, libfuse="no library", require="fuse,libfuse"
    )
    assert "1 error" in output
    assert "DEVDEV_REQUIRE=libfuse, but no library" in output


def test_a_marked_test_that_leaves_a_directory_fails(tmp_path: Path) -> None:
    output = run_pytest(tmp_path, LEAVES_A_DIRECTORY, require="fuse")
    assert "1 passed, 1 error" in output
    assert "left behind:" in output
    assert f"directory {tempfile.gettempdir()}" in output
