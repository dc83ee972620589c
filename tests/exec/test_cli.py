"""`devdev` as such: its commands, its version, how quickly it begins."""

import os
import subprocess
import sys
from pathlib import Path

import devdev_exec
import pytest

from tests.exec.cli import DEVDEV, TIMEOUT, devdev

COMMANDS = (
    *(
        "run",
        "shell",
        "exec",
        "mount",
        "umount",
        "mounts",
        "snapshot",
        "import",
        "export",
    ),
    *("log", "doctor", "demo", "completion"),
)


def test_without_a_command_it_shows_its_commands_and_fails() -> None:
    result = devdev()
    assert (result.returncode, result.stdout) == (2, b"")
    for command in COMMANDS:
        assert f"\n    {command}" in result.stderr.decode()


def test_every_command_explains_itself() -> None:
    for command in COMMANDS:
        result = devdev(command, "--help")
        assert result.returncode == 0
        assert result.stdout.startswith(f"usage: devdev {command}".encode())


def test_an_unknown_command_is_named() -> None:
    result = devdev("fly")
    assert result.returncode == 2
    assert b"'fly'" in result.stderr


@pytest.mark.parametrize("command", ["mounts", "exec", "snapshot ls"])
def test_an_unknown_option_is_told_with_the_usage_of_its_command(command: str) -> None:
    result = devdev(*command.split(), "--fly", "x")
    assert result.returncode == 2
    usage, error = result.stderr.decode().rsplit("\n", 2)[:2]
    assert usage.startswith(f"usage: devdev {command}")
    assert error.startswith(f"devdev {command}: error: ")


def test_the_installed_command_is_the_same() -> None:
    script = Path(sys.executable).with_name("devdev")
    result = subprocess.run(
        [script, "--version"], capture_output=True, timeout=TIMEOUT, check=False
    )
    assert result.stdout == devdev("--version").stdout
    assert result.stdout.decode() == f"devdev {devdev_exec.__version__}\n"


def test_only_the_command_that_is_asked_for_is_loaded() -> None:
    """So that each begins quickly, whatever the others need."""
    script = """
import sys
from devdev_exec.__main__ import main
try:
    main(["mount", "--help"])
finally:
    print(*sys.modules, file=sys.stderr)
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, timeout=TIMEOUT, check=True
    )
    loaded = set(result.stderr.decode().split())
    assert "devdev_exec._cli._mount" in loaded
    assert not loaded & {"devdev_exec._cli._demo", "devdev_exec._cli._doctor"}


@pytest.mark.parametrize("command", ["doctor", "exec --help"])
def test_a_report_that_nobody_reads_is_no_error(command: str) -> None:
    script = f"{' '.join(DEVDEV)} {command} | true; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(
        ["bash", "-c", script], stderr=subprocess.PIPE, timeout=TIMEOUT, check=False
    )
    assert result.returncode == 141
    assert result.stderr == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("command", ["mounts --json", "exec --help"])
def test_a_report_that_cannot_be_written_is_one_line(command: str) -> None:
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [*DEVDEV, *command.split()],
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=TIMEOUT,
            check=False,
        )
    assert result.returncode == 1
    assert result.stderr == (
        b"devdev: error: 'standard output': no space left on device\n"
    )
