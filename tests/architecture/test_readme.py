"""What the README shows works as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT

CODE_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SCRIPT_TIMEOUT = 15.0

README = (ROOT / "README.md").read_text()
SCRIPTS = CODE_BLOCK.findall(README)


def test_the_readme_has_a_python_example() -> None:
    assert SCRIPTS


@pytest.mark.fuse
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda text: f"{len(text)} characters")
def test_a_python_example_of_the_readme_runs(script: str, tmp_path: Path) -> None:
    """Each block is a program of its own, run where it can litter nothing."""
    path = tmp_path / "example.py"
    path.write_text(script)
    result = subprocess.run(
        [sys.executable, "-W", "error", path],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=SCRIPT_TIMEOUT,
    )
    assert result.returncode == 0, result.stdout + result.stderr
