"""What every test shares: markers for what a host may lack, a check for leftovers.

The run has a temporary directory of its own, TMPDIR included, so that what a test
leaves behind is told apart from what other programs do on the same machine.
"""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from devdev_mount import DriverName, DriverUnavailable, check_mountable
from hypothesis import settings

from tests.leaks import detach_mounts, find_leftovers, wait_for_none_beyond
from tests.processes import wait_until

# The cases of the table and what they share assert outside of test modules.
pytest.register_assert_rewrite("tests.posix.cases", "tests.posix.checks")

# Generated examples are of very different size and the machine may be busy.
settings.register_profile("devdev", deadline=None)
settings.load_profile("devdev")

CAP_SYS_ADMIN = 21


@pytest.fixture(autouse=True)
def signals_have_effect() -> Iterator[None]:
    """Even if the tests run in the background of a shell, or under nohup(1).

    Those ignore SIGINT and SIGQUIT, or SIGHUP, and so would what the tests start.
    """
    effects: dict[int, Any] = {signal.SIGINT: signal.default_int_handler}
    if sys.platform != "win32":
        effects |= dict.fromkeys((signal.SIGQUIT, signal.SIGHUP), signal.SIG_DFL)
    old = {number: signal.signal(number, effects[number]) for number in effects}
    yield
    for number, handler in old.items():
        signal.signal(number, handler)


@pytest.fixture
def own_servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory for servers to be found in: only those of this test, and any user's.

    It is empty at the end.
    """
    with tempfile.TemporaryDirectory(prefix="servers-") as name:
        directory = Path(name)
        directory.chmod(0o1777)
        monkeypatch.setenv("DEVDEV_RUNTIME_DIR", name)
        yield directory
        wait_until(lambda: not any(directory.iterdir()), "the servers' directories")


def why_fuse_is_unusable() -> str | None:
    """The reason why nothing can be mounted here, or None."""
    if sys.platform != "linux":
        return f"there is no /dev/fuse on {sys.platform}"
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as exc:
        return f"/dev/fuse cannot be opened: {exc.strerror}"
    helper = shutil.which("fusermount3") or shutil.which("fusermount")
    if helper is None and not may_mount():
        return "mount(2) is not permitted and fusermount3 (fuse3) is not installed"
    return None


def may_mount() -> bool:
    """Whether this process has the capability that mount(2) asks for."""
    status = Path("/proc/self/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    return bool(int(fields["CapEff"], 16) >> CAP_SYS_ADMIN & 1)


@cache
def why_libfuse_is_unusable() -> str | None:
    """The reason why nothing can be mounted over libfuse here, or None."""
    return refusal_of("libfuse")


@cache
def why_winfsp_is_unusable() -> str | None:
    """The reason why nothing can be mounted over WinFsp here, or None."""
    return refusal_of("winfsp")


def refusal_of(driver: DriverName) -> str | None:
    try:
        check_mountable(driver=driver)
    except DriverUnavailable as exc:
        return str(exc)
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test marked with what is missing; fail it where that is required."""
    needs: dict[str, Callable[[], str | None]] = {
        "fuse": why_fuse_is_unusable,
        "libfuse": why_libfuse_is_unusable,
        "winfsp": why_winfsp_is_unusable,
    }
    reasons = {
        word: reason
        for word, why_unusable in needs.items()
        if item.get_closest_marker(word) and (reason := why_unusable())
    }
    required = os.environ.get("DEVDEV_REQUIRE", "").split(",")
    for word, reason in reasons.items():
        if word in required:
            pytest.fail(f"DEVDEV_REQUIRE={word}, but {reason}", pytrace=False)
    for reason in reasons.values():
        pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def run_roots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, ...]]:
    """The directories of this run: its TMPDIR, and the one of `tmp_path`."""
    base = tmp_path_factory.getbasetemp().resolve()
    tmpdir = Path(tempfile.mkdtemp(prefix="pytest-devdev-")).resolve()
    tmpdir.chmod(0o1777)  # as the system's own: tests also run programs as other users
    roots = (tmpdir, base)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TMPDIR", str(tmpdir))
            patch.setattr(tempfile, "tempdir", str(tmpdir))
            before = find_leftovers(roots)
            yield roots
            fail_if_left(before, roots)
    finally:
        shutil.rmtree(tmpdir, ignore_errors=True)


@pytest.fixture(autouse=True)
def nothing_is_left(
    request: pytest.FixtureRequest, run_roots: tuple[Path, ...]
) -> Iterator[None]:
    """Fail a test marked `fuse` that leaves anything behind.

    What fixtures of a wider scope hold is there before the test and may stay; the
    check at the end of the run covers it.
    """
    if request.node.get_closest_marker("fuse") is None:
        yield
        return
    before = find_leftovers(run_roots)
    yield
    fail_if_left(before, run_roots)


def fail_if_left(before: set[str], roots: tuple[Path, ...]) -> None:
    """Fail if more is there than `before`; undo the mounts, for the tests to come."""
    left = wait_for_none_beyond(before, roots)
    if left:
        if any(line.startswith("mount ") for line in left):
            detach_mounts(roots)
        pytest.fail("left behind:\n" + "\n".join(sorted(left)), pytrace=False)
