"""A launcher to run programs with, and a way to run them in few words."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from devdev_exec._launcher import Launcher
from devdev_exec._result import ExecResult

from tests.processes import Mark

Run = Callable[..., ExecResult]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An empty directory to mount at, with a space in its name."""
    place = tmp_path / "a place"
    place.mkdir()
    return place


@pytest.fixture
def launcher() -> Iterator[Launcher]:
    with Launcher() as launcher:
        yield launcher


@pytest.fixture
def mark() -> Iterator[Mark]:
    """Marks the programs of `run`; after the test none of them may be alive."""
    mark = Mark()
    yield mark
    mark.wait_for_none()


@pytest.fixture
def run(mark: Mark, launcher: Launcher, tmp_path: Path) -> Run:
    """Runs a command in `tmp_path` with a small environment and a short timeout."""

    def run(*argv: str, **options: Any) -> ExecResult:
        env = {"PATH": "/usr/bin:/bin", **mark.variables, **options.pop("env", {})}
        options = {"cwd": str(tmp_path), "timeout": 10.0, **options}
        return launcher.run(argv, env=env, **options)

    return run
