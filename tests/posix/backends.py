"""What a backend runs of the table."""

from collections.abc import Mapping

import pytest

from tests.posix.cases import CASES
from tests.posix.protocol import Feature
from tests.posix.table import Case


def case_for(name: str, lacks: Mapping[Feature, str]) -> Case:
    """The case of that name; it skips the test if it needs what the backend lacks."""
    case = CASES[name]
    for feature in sorted(case.needs & lacks.keys()):
        pytest.skip(lacks[feature])
    return case
