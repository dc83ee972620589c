"""Random sequences of calls: the store does what a tmpfs does, step by step."""

import sys

import pytest

if sys.platform != "linux":
    pytest.skip("only Linux has a tmpfs", allow_module_level=True)

import os

from hypothesis.stateful import run_state_machine_as_test

from tests.fs.checks import examples
from tests.posix.host import why_not_any_user
from tests.posix.oracle import Oracle

EXAMPLES = int(os.environ.get("DEVDEV_ORACLE_EXAMPLES", 80))


@pytest.mark.slow
@pytest.mark.timeout(180 + EXAMPLES)
def test_the_store_does_what_a_tmpfs_does() -> None:
    if reason := why_not_any_user():
        pytest.skip(reason)
    run_state_machine_as_test(
        Oracle, settings=examples(EXAMPLES, stateful_step_count=50)
    )
