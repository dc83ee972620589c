"""The case table on the store itself."""

import pytest

from tests.posix.backends import case_for
from tests.posix.cases import CASES
from tests.posix.inmemory import InMemoryPosix
from tests.posix.protocol import Feature

HAS = (Feature.ZEROED_RANGES, Feature.MOVED_RANGES)
LACKS = {
    feature: f"the kernel's, above the store: {feature}"
    for feature in Feature
    if feature not in HAS
}


@pytest.mark.parametrize("name", CASES)
def test_posix_case_in_memory(name: str) -> None:
    case = case_for(name, LACKS)
    posix = InMemoryPosix()
    case.run(posix)
    posix.close_all()
