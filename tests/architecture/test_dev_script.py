"""`./dev` needs nothing but a shell and Python, and says what is missing."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT

if sys.platform == "win32":
    pytest.skip("a POSIX shell script", allow_module_level=True)

INSTALL_TIMEOUT = 100.0
TOOLS = ("cat", "dirname", "mkdir", "mv", "rm", "sh")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing but the script, in a path with a space."""
    directory = tmp_path / "a checkout"
    directory.mkdir()
    shutil.copy(ROOT / "dev", directory)
    return directory


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A directory for PATH with the tools the script uses and no Python or uv."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for tool in TOOLS:
        program = shutil.which(tool)
        assert program
        (directory / tool).symlink_to(program)
    return directory


@pytest.fixture
def path_with_python(bare_path: Path) -> Path:
    """The same with the running Python."""
    (bare_path / "python3").symlink_to(Path(sys.executable).resolve())
    return bare_path


def start(checkout: Path, path: Path, *args: str, **env: str) -> subprocess.Popen[str]:
    """Run the script with nothing but `path` to find programs in."""
    return subprocess.Popen(
        [checkout / "dev", *args],
        env={"HOME": os.environ["HOME"], **env, "PATH": str(path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_an_unknown_command_is_an_error_that_shows_the_usage(
    checkout: Path, bare_path: Path
) -> None:
    with start(checkout, bare_path, "tset") as dev:
        output, errors = dev.communicate(timeout=10)
    assert (dev.returncode, output) == (2, "")
    assert "unknown command: tset" in errors
    assert "usage: ./dev" in errors


@pytest.mark.parametrize("args", [(), ("help",), ("--help",)])
def test_help_is_shown_when_asked_for(
    args: tuple[str, ...], checkout: Path, bare_path: Path
) -> None:
    with start(checkout, bare_path, *args) as dev:
        output, errors = dev.communicate(timeout=10)
    assert (dev.returncode, errors) == (0, "")
    assert "usage: ./dev" in output


def test_without_python_it_says_which_is_needed(
    checkout: Path, bare_path: Path
) -> None:
    with start(checkout, bare_path, "uv", "--version") as dev:
        _, errors = dev.communicate(timeout=10)
    assert dev.returncode == 1
    assert "no Python 3.11 or newer on PATH" in errors


def test_without_ensurepip_it_names_the_package_to_install(
    checkout: Path, path_with_python: Path, tmp_path: Path
) -> None:
    """Debian ships a Python without it."""
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "ensurepip.py").write_text("raise ModuleNotFoundError('ensurepip')")
    with start(
        checkout, path_with_python, "uv", "--version", PYTHONPATH=str(modules)
    ) as dev:
        _, errors = dev.communicate(timeout=10)
    assert dev.returncode == 1
    assert f"apt-get install python3.{sys.version_info.minor}-venv" in errors
    assert not (checkout / ".dev").exists()


@pytest.mark.slow
@pytest.mark.timeout(3 * INSTALL_TIMEOUT)
def test_uv_is_installed_once_whatever_interrupts_it(
    checkout: Path, path_with_python: Path
) -> None:
    """Killed half-way, then started twice at once, then used as it is."""
    private = checkout / ".dev"
    killed = start(checkout, path_with_python, "uv", "--version")
    with killed:
        deadline = time.monotonic() + 20
        while not any(private.glob("install.*/bin/python")):
            assert time.monotonic() < deadline
            assert killed.poll() is None
        os.killpg(killed.pid, signal.SIGKILL)
    assert any(private.glob("install.*"))

    both = [start(checkout, path_with_python, "uv", "--version") for _ in range(2)]
    for dev in both:
        with dev:
            output, errors = dev.communicate(timeout=INSTALL_TIMEOUT)
        assert dev.returncode == 0, errors
        assert output.startswith("uv ")
    assert [path.name for path in private.iterdir()] == ["bin"]
    assert [path.name for path in (private / "bin").iterdir()] == ["uv"]

    with start(checkout, path_with_python, "uv", "--version") as dev:
        output, errors = dev.communicate(timeout=10)
    assert (dev.returncode, errors) == (0, "")
    assert output.startswith("uv ")
