"""The programs that take patches, run on real files."""

import os
import subprocess
from pathlib import Path

COMMANDS = {
    "git": ["git", "apply", "--whitespace=nowarn", "-"],
    "patch": ["patch", "-p1", "--force", "--no-backup-if-mismatch"],
}


def run_tool(tool: str, diff: bytes, top: Path) -> subprocess.CompletedProcess[bytes]:
    """Have `git` or `patch` change the files below `top` as the diff says."""
    return subprocess.run(
        COMMANDS[tool],
        input=diff,
        cwd=top,
        env={"PATH": os.environ["PATH"], "HOME": str(top), "LC_ALL": "C"},
        capture_output=True,
        timeout=15,
        check=False,
    )
