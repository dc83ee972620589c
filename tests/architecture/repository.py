"""Where the parts of the repository are, for the tests of its structure."""

import subprocess
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

# From the bottom up: each depends on the one before it.
DISTRIBUTIONS = ("devdev-fs", "devdev-mount", "devdev-exec", "devdev-mcp")


def import_name(distribution: str) -> str:
    """The top-level module of a distribution."""
    return distribution.replace("-", "_")


def package_directory(distribution: str) -> Path:
    """The directory of a distribution's project."""
    return ROOT / "packages" / distribution


def read_pyproject(directory: Path) -> dict[str, Any]:
    """The parsed `pyproject.toml` of `directory`."""
    return tomllib.loads((directory / "pyproject.toml").read_text())


def repository_files() -> list[Path]:
    """Every file that is, or may become, part of the repository: not the ignored."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout
    files = (ROOT / name.decode() for name in listing.split(b"\0") if name)
    return [path for path in files if path.is_file()]
