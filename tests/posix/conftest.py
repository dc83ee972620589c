"""The case table runs on every backend."""

import pytest


@pytest.fixture(autouse=True)
def nothing_is_left() -> None:
    """Only the check at the end of the run: to look after each of the many cases
    would take longer than the cases."""
