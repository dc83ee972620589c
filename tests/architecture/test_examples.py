"""What the documents show works as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT

CODE_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SCRIPT_TIMEOUT = 15.0

DOCUMENTS = [ROOT / "README.md", *sorted(ROOT.glob("packages/*/README.md"))]
DOCUMENTS += sorted(ROOT.glob("docs/*.md"))
SCRIPTS = {
    f"{document.relative_to(ROOT)}-{number}": script
    for document in DOCUMENTS
    for number, script in enumerate(CODE_BLOCK.findall(document.read_text()), 1)
}


def test_the_readme_has_a_python_example() -> None:
    assert "README.md-1" in SCRIPTS


@pytest.mark.fuse
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_a_python_example_runs(script: str, tmp_path: Path) -> None:
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
