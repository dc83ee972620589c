"""The repository can be used by anybody: no private index, no path of one machine."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT, read_pyproject, repository_files

PUBLIC_INDEX = "https://pypi.org/simple"
LOCK_HOSTS = {"pypi.org", "files.pythonhosted.org"}

# An option, setting or variable that says where packages come from, and its value.
PACKAGE_SOURCE = re.compile(
    r"""(?:registry|(?:default-|extra-)?index(?:-url)?|find-links
        |(?:UV|PIP)_[A-Z_]*(?:INDEX|FIND_LINKS)[A-Z_]*)
        ["']?\s*[=:\s]\s*["']?
        (?P<where>(?:[a-z+]+:/)?/[^\s"']+)""",
    re.VERBOSE,
)
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root)/[A-Za-z.][\w./-]*")


def repository_texts() -> Iterator[tuple[str, str]]:
    """Name and content of every file but this one, whose examples are not meant."""
    for path in repository_files():
        if path != Path(__file__):
            yield str(path.relative_to(ROOT)), path.read_text(errors="ignore")


def other_package_sources(text: str) -> list[str]:
    """Where `text` says that packages come from, other than the public index."""
    places = [match["where"] for match in PACKAGE_SOURCE.finditer(text)]
    return [place for place in places if place != PUBLIC_INDEX]


def test_the_lock_names_only_the_public_index_and_its_file_host() -> None:
    text = (ROOT / "uv.lock").read_text()
    assert set(re.findall(r"[a-z+]+://([^/\"]*)", text)) == LOCK_HOSTS
    sources = [package["source"] for package in tomllib.loads(text)["package"]]
    registries = {source["registry"] for source in sources if "registry" in source}
    assert registries == {PUBLIC_INDEX}
    members = [source for source in sources if "registry" not in source]
    assert all(source.keys() <= {"editable", "virtual"} for source in members)


def test_the_workspace_resolves_against_the_public_index() -> None:
    indexes = read_pyproject(ROOT)["tool"]["uv"]["index"]
    assert [index["url"] for index in indexes] == [PUBLIC_INDEX]


def test_no_file_names_another_package_host() -> None:
    found = {name: other_package_sources(text) for name, text in repository_texts()}
    assert {name: places for name, places in found.items() if places} == {}


def test_no_file_names_a_path_of_the_machine_it_was_made_on() -> None:
    found = {name: MACHINE_PATH.findall(text) for name, text in repository_texts()}
    assert {name: paths for name, paths in found.items() if paths} == {}


@pytest.mark.parametrize(
    "line",
    [
        'registry = "https://mirror.example/simple"',
        "--index-url https://mirror.example/simple",
        "--find-links=/srv/wheels",
        "PIP_EXTRA_INDEX_URL=file:///srv/simple",
        'UV_DEFAULT_INDEX: "https://mirror.example"',
    ],
)
def test_another_package_host_is_noticed(line: str) -> None:
    assert other_package_sources(f"pip install x {line}\n")


@pytest.mark.parametrize("line", ["open('{}/.netrc')", "cd {}/project"])
@pytest.mark.parametrize("home", ["root", "work"])
def test_a_path_of_a_machine_is_noticed(line: str, home: str) -> None:
    assert MACHINE_PATH.search(line.format(f"/{home}"))
