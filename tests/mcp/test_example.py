"""The example does what it says."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "mcp_agent.py"


@pytest.mark.fuse
def test_the_agent_of_the_example_repairs_and_exports_the_project(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, EXAMPLE, out], capture_output=True, text=True, timeout=18
    )
    assert done.returncode == 0, done.stderr
    assert "w2 fails: return result * discount / 100" in done.stdout
    assert "w3 passes: return result * (100 - discount) / 100" in done.stdout
    assert "a bad command changed 3 paths; it is undone" in done.stdout
    assert sorted(each.name for each in out.iterdir()) == [
        "prices.py",
        "test_prices.py",
    ]
    ran = subprocess.run(
        [sys.executable, "-B", "-m", "unittest", "-q"], cwd=out, timeout=10
    )
    assert ran.returncode == 0
