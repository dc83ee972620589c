"""However a `devdev` command is ended, it ends soon and nothing of it is left.

That no mount, directory or process is left is checked after every test here.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.exec.cli import TIMEOUT, Background
from tests.leaks import find_mounts
from tests.processes import Mark, wait_until

if sys.platform == "win32":
    pytest.skip("the signals are those of POSIX", allow_module_level=True)

pytestmark = pytest.mark.fuse

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]

# A shell that ignores what can be ignored, and a child in a session of its own.
STUBBORN = "trap '' TERM HUP INT; setsid sleep 61 & echo ready; wait"


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_program_and_workspace_at_once(
    number: signal.Signals, mark: Mark, tmp_path: Path
) -> None:
    """The exit code is what a shell makes of the signal; the snapshot is not made."""
    snapshot = tmp_path / "snapshot"
    (name,) = mark.variables
    options = ("--env", name, "--snapshot-out", snapshot)
    command = ("exec", *options, "--", "sh", "-c", STUBBORN)
    with Background(*command, variables=mark.variables) as running:
        running.wait_for(b"ready")
        start = time.monotonic()
        code, _, errors = running.end(number)
        assert (code, errors) == (128 + number, b"")
        assert time.monotonic() - start < 3.0
        assert mark.pids() == []
    assert not snapshot.exists()


def test_a_second_signal_need_not_wait_for_the_end(mark: Mark) -> None:
    (name,) = mark.variables
    command = ("exec", "--env", name, "--", "sh", "-c", STUBBORN)
    with Background(*command, variables=mark.variables) as running:
        running.wait_for(b"ready")
        running.process.send_signal(signal.SIGTERM)
        code, _, errors = running.end(signal.SIGTERM)
        assert code in (128 + signal.SIGTERM, -signal.SIGTERM)
        assert errors == b""


def test_a_signal_that_is_ignored_stays_so() -> None:
    """As nohup(1) wants it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Background("exec", "--", "sh", "-c", "echo ready; sleep 1; exit 7") as running:
        running.wait_for(b"ready")
        code, _, _ = running.end(signal.SIGINT)
        assert code == 7


@pytest.fixture(scope="module")
def many_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that takes a part of a second to import."""
    top = tmp_path_factory.mktemp("many")
    for n in range(4000):
        directory = top / str(n // 200)
        directory.mkdir(exist_ok=True)
        (directory / str(n)).touch()
    return top


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_during_an_import_ends_it(
    number: signal.Signals, mark: Mark, many_files: Path, run_roots: tuple[Path, ...]
) -> None:
    command = ("exec", "--import", many_files, "--", "sleep", "60")
    before = set(find_mounts(run_roots))  # what other tests share
    with Background(*command, variables=mark.variables) as running:
        wait_until(lambda: set(find_mounts(run_roots)) > before, "the mount")
        code, _, errors = running.end(number)
        assert (code, errors) == (128 + number, b"")


def test_nothing_is_left_after_the_command_was_killed(mark: Mark) -> None:
    (name,) = mark.variables
    command = ("exec", "--env", name, "--", "sh", "-c", STUBBORN)
    with Background(*command, variables=mark.variables) as running:
        running.wait_for(b"ready")
        code, _, _ = running.end(signal.SIGKILL)
        assert code == -signal.SIGKILL


# A Python that has this is sent a signal by itself, when it loads the module.
SIGNALLING = """
import os, signal, sys
class Signals:
    def find_spec(self, name, path, target=None):
        if name == os.environ["SIGNAL_AT"]:
            os.kill(os.getpid(), int(os.environ["SIGNAL_NUMBER"]))
if "SIGNAL_AT" in os.environ:
    sys.meta_path.insert(0, Signals())
"""


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(
    "module", ["devdev_exec", "devdev_exec._cli", "devdev_exec._cli._mounts"]
)
def test_a_signal_while_the_command_is_loaded_ends_it_without_a_word(
    module: str, number: signal.Signals, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SIGNALLING)
    script = Path(sys.executable).with_name("devdev")
    result = subprocess.run(
        [script, "mounts"],
        env=os.environ
        | {
            "PYTHONPATH": str(tmp_path),
            "SIGNAL_AT": module,
            "SIGNAL_NUMBER": str(int(number)),
        },
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert result.returncode in (-number, 128 + number)
    assert (result.stdout, result.stderr) == (b"", b"")
