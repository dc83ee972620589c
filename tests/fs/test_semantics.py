"""docs/semantics.md: it lists each operation, with its errors in their order."""

import re
from itertools import groupby
from pathlib import Path

import pytest
from devdev_fs import (
    LINK_MAX,
    NAME_MAX,
    XATTR_NAME_MAX,
    XATTR_SIZE_MAX,
    Capability,
    Errno,
    FallocateFlags,
    InodeOps,
)

PAGE = (Path(__file__).parents[2] / "docs" / "semantics.md").read_text()
OPERATIONS = [name for name in dir(InodeOps) if not name.startswith("_")]


def errors(text: str) -> list[str]:
    """The errnos in a text, in their order; one that is repeated at once is one."""
    names = re.findall(r"\bE[A-Z0-9]+\b", text)
    return [name for name, _ in groupby(names) if name in Errno.__members__]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_it_lists_the_errors_of_the_docstring(operation: str) -> None:
    rows = re.findall(rf"^\| `{operation}` \| .* \| (.*) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 1, f"{operation} has {len(rows)} rows"
    _, _, raises = (getattr(InodeOps, operation).__doc__ or "").partition("Raises:")
    assert errors(rows[0]) == errors(raises)


def test_it_lists_no_operation_that_is_not_there() -> None:
    listed = re.findall(r"^\| `(\w+)` \| .* \| .* \|$", PAGE, re.MULTILINE)
    assert sorted(listed) == OPERATIONS


def test_it_lists_all_capabilities_and_modes() -> None:
    for name in (*Capability.__members__, *FallocateFlags.__members__):
        assert re.search(rf"^\| {name}\b|\b{name}\b.* \|", PAGE, re.MULTILINE), name


@pytest.mark.parametrize(
    "limit", [LINK_MAX, NAME_MAX, XATTR_NAME_MAX, XATTR_SIZE_MAX], ids=str
)
def test_the_limits_are_those_that_hold(limit: int) -> None:
    assert re.search(rf"\| {limit:,}\b", PAGE)
