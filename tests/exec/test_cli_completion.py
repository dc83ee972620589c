"""`devdev completion`: what shells offer for what has been typed so far."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.exec.cli import TIMEOUT, devdev

SCRIPTS = str(Path(sys.executable).parent)


def offered(*typed: str) -> list[str]:
    return devdev("completion", "bash", "devdev", *typed).stdout.decode().split()


def test_commands_actions_options_and_values_are_offered() -> None:
    assert offered("mo") == ["mount", "mounts"]
    assert offered("snapshot", "") == ["cat", "diff", "extract", "ls", "tree", "verify"]
    assert offered("exec", "--dri") == ["--driver"]
    assert "libfuse" in offered("exec", "--driver", "")
    assert offered("snapshot", "ls", "--") == ["--help", "--json"]


def test_where_a_file_or_a_programs_word_comes_nothing_is_offered() -> None:
    assert offered("exec", "--import", "") == []
    assert offered("exec", "--", "") == []
    assert offered("exec", "ls", "--") == []
    assert offered("nonsense", "") == offered("")


def in_shell(shell: str, script: str) -> list[str]:
    """The lines that a shell writes which has loaded its script."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is missing")
    result = subprocess.run(
        [program, "-c", script],
        capture_output=True,
        env={"PATH": f"{SCRIPTS}:/usr/bin:/bin", "HOME": "/nonexistent"},
        timeout=TIMEOUT,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.decode().split()


def test_bash_asks_for_the_word_before_the_cursor() -> None:
    script = """
eval "$(devdev completion bash)"
COMP_WORDS=(devdev snap ls) COMP_CWORD=1
_devdev
echo "${COMPREPLY[@]}"
"""
    assert in_shell("bash", script) == ["snapshot"]


def test_zsh_asks_for_the_word_before_the_cursor() -> None:
    script = """
compdef() { true }
compadd() { print -l -- "${@[2,-1]}" }
_files() { print files }
eval "$(devdev completion zsh)"
words=(devdev snapshot v) CURRENT=3; _devdev
words=(devdev exec --import '') CURRENT=4; _devdev
"""
    assert in_shell("zsh", script) == ["verify", "files"]


def test_fish_asks_for_the_word_before_the_cursor() -> None:
    script = "devdev completion fish | source; complete -C 'devdev snapshot v'"
    assert in_shell("fish", script) == ["verify"]
