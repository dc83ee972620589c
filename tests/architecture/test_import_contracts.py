"""The import contracts of `pyproject.toml` hold, and notice what breaks them."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.architecture.repository import DISTRIBUTIONS, ROOT, package_directory

LINT_TIMEOUT = 15.0

VIOLATIONS = {
    "a package reaches up": (
        "devdev_fs/_clock.py",
        "import devdev_mount",
        "layers: mcp > exec > mount > fs",
    ),
    "a package skips one": (
        "devdev_mcp/__init__.py",
        "import devdev_fs",
        "only devdev_mount imports devdev_fs",
    ),
    "a package imports what is private in another": (
        "devdev_mount/__init__.py",
        "from devdev_fs import _clock",
        "devdev_fs submodules are private",
    ),
    "the store reaches the host": (
        "devdev_fs/_clock.py",
        "import os",
        "devdev_fs touches nothing on the host",
    ),
    "the store reads the time anywhere": (
        "devdev_fs/_table.py",
        "import time",
        "inside devdev_fs, only _clock reads the time",
    ),
    "cbor2 is used anywhere": (
        "devdev_fs/_table.py",
        "import cbor2",
        "cbor2 only in _cbor",
    ),
    "a module reaches up inside its package": (
        "devdev_fs/_inode.py",
        "import devdev_fs._table",
        "inside devdev_fs",
    ),
    "a new module has no place in the layers": (
        "devdev_mount/_new.py",
        "",
        "inside devdev_mount",
    ),
}


def lint_imports(
    config: Path, sources: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Check the contracts of `config`, on the packages in `sources` if it is given."""
    env = dict(os.environ)
    if sources:
        env["PYTHONPATH"] = str(sources)
    tool = Path(sysconfig.get_path("scripts")) / "lint-imports"
    return subprocess.run(
        [sys.executable, tool, "--config", config, "--no-cache"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=LINT_TIMEOUT,
    )


def test_every_contract_is_kept() -> None:
    result = lint_imports(ROOT / "pyproject.toml")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("violation", VIOLATIONS.values(), ids=VIOLATIONS)
def test_a_violation_breaks_its_contract(
    violation: tuple[str, str, str], tmp_path: Path
) -> None:
    module, statement, contract = violation
    for distribution in DISTRIBUTIONS:
        shutil.copytree(
            package_directory(distribution) / "src", tmp_path, dirs_exist_ok=True
        )
    with (tmp_path / module).open("a") as file:
        file.write(f"\n{statement}\n")
    result = lint_imports(ROOT / "pyproject.toml", tmp_path)
    assert result.returncode == 1
    assert f"{contract} BROKEN" in result.stdout
