"""The four packages have one version and depend on exactly that of each other.

`uv lock` accepts an exact pin that differs from the version of the workspace's
member, so nothing else would notice.
"""

import importlib
from importlib import metadata
from itertools import pairwise

import pytest

from tests.architecture.repository import (
    DISTRIBUTIONS,
    ROOT,
    import_name,
    package_directory,
    read_pyproject,
)

VERSION = read_pyproject(ROOT)["project"]["version"]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_package_has_the_version_of_the_workspace(distribution: str) -> None:
    project = read_pyproject(package_directory(distribution))["project"]
    assert project["version"] == VERSION
    assert importlib.import_module(import_name(distribution)).__version__ == VERSION
    assert metadata.version(distribution) == VERSION


@pytest.mark.parametrize(("below", "above"), list(pairwise(DISTRIBUTIONS)))
def test_a_package_depends_on_exactly_the_one_directly_below(
    below: str, above: str
) -> None:
    dependencies = read_pyproject(package_directory(above))["project"]["dependencies"]
    ours = [name for name in dependencies if name.startswith("devdev")]
    assert ours == [f"{below}=={VERSION}"]


def test_the_lowest_package_depends_on_none_of_ours() -> None:
    project = read_pyproject(package_directory(DISTRIBUTIONS[0]))["project"]
    assert not any(name.startswith("devdev") for name in project["dependencies"])


def test_every_package_supports_the_same_pythons() -> None:
    wanted = read_pyproject(ROOT)["project"]["requires-python"]
    for distribution in DISTRIBUTIONS:
        project = read_pyproject(package_directory(distribution))["project"]
        assert project["requires-python"] == wanted
