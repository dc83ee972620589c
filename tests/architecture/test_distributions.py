"""Each package builds, and works installed by itself with only what it declares."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.repository import (
    DISTRIBUTIONS,
    ROOT,
    import_name,
    package_directory,
    read_pyproject,
)

BUILD_TIMEOUT = 60.0
INSTALL_TIMEOUT = 100.0

IMPORT_AND_LIST = """
import importlib, sys
from importlib import metadata
importlib.import_module(sys.argv[1])
installed = {dist.name for dist in metadata.distributions()}
print(*sorted(name for name in installed if name.startswith("devdev")))
"""


def uv(*args: str | Path, cwd: Path, timeout: float) -> str:
    """Run the uv that runs this gate, or the one on PATH."""
    program = os.environ.get("UV") or shutil.which("uv")
    if program is None:
        pytest.skip("uv is not on PATH; `./dev test` brings its own")
    result = subprocess.run(
        [program, *args],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory with the wheel of every package."""
    directory = tmp_path_factory.mktemp("wheels")
    uv(
        *("build", "--all-packages", "--wheel", "--out-dir", directory),
        cwd=ROOT,
        timeout=BUILD_TIMEOUT,
    )
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def constraints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The locked versions of what is not ours, so that the result is of today."""
    path = tmp_path_factory.mktemp("constraints") / "constraints.txt"
    uv(
        *("export", "--frozen", "--all-packages", "--no-dev", "--no-hashes"),
        *("--no-emit-workspace", "--quiet", "--output-file", path),
        cwd=ROOT,
        timeout=BUILD_TIMEOUT,
    )
    return path


def wheel_of(distribution: str, wheels: Path) -> Path:
    (wheel,) = wheels.glob(f"{import_name(distribution)}-*-py3-none-any.whl")
    return wheel


@pytest.mark.slow
@pytest.mark.timeout(BUILD_TIMEOUT)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_wheel_is_typed_and_licensed(distribution: str, wheels: Path) -> None:
    with zipfile.ZipFile(wheel_of(distribution, wheels)) as archive:
        files = {name.split("/", 1)[1]: name for name in archive.namelist()}
        licence = archive.read(files["licenses/LICENSE"])
    assert "py.typed" in files
    assert licence == (ROOT / "LICENSE").read_bytes()


@pytest.mark.slow
@pytest.mark.timeout(3 * INSTALL_TIMEOUT)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_package_can_be_used_installed_by_itself(
    distribution: str, wheels: Path, constraints: Path, tmp_path: Path
) -> None:
    """Only the packages beneath it come with it, and its commands start."""
    environment = tmp_path / "environment"
    uv("venv", "--python", sys.executable, environment, cwd=tmp_path, timeout=30)
    scripts = environment / ("Scripts" if sys.platform == "win32" else "bin")
    python = scripts / "python"
    uv(
        *("pip", "install", "--python", python, "--constraint", constraints),
        *("--find-links", wheels, wheel_of(distribution, wheels)),
        cwd=tmp_path,
        timeout=INSTALL_TIMEOUT,
    )
    listed = subprocess.run(
        [python, "-I", "-W", "error", "-c", IMPORT_AND_LIST, import_name(distribution)],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout.split()
    beneath = DISTRIBUTIONS[: DISTRIBUTIONS.index(distribution) + 1]
    assert listed == sorted(beneath)
    project = read_pyproject(package_directory(distribution))["project"]
    for command in project.get("scripts", {}):
        subprocess.run([scripts / command, "--version"], check=True, timeout=30)
