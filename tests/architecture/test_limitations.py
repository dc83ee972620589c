"""Every limitation has a number of its own and names a test that exists."""

import re

import pytest

from tests.architecture.repository import ROOT

TEXT = (ROOT / "LIMITATIONS.md").read_text()
NUMBERS = re.findall(r"^- \*\*(L-[A-Z]+-\d{3}):", TEXT, re.MULTILINE)
TESTS = re.findall(r"`(tests/[^`]+)::(test_\w+)`", TEXT)


def test_every_limitation_names_a_test() -> None:
    assert len(NUMBERS) == len(TEXT.split("\n- ")) - 1 == TEXT.count("Test: ") > 0


def test_no_number_is_used_twice() -> None:
    assert len(set(NUMBERS)) == len(NUMBERS)


@pytest.mark.parametrize(("path", "name"), TESTS)
def test_the_test_of_a_limitation_exists(path: str, name: str) -> None:
    assert f"def {name}(" in (ROOT / path).read_text()
