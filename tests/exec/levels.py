"""What a test of containment needs."""

import os

import pytest
from devdev_exec import Level, probe_containment


def need(level: Level) -> None:
    """Skip the test where this host does not offer a level; fail if it is required."""
    for offer in probe_containment():
        if offer.level == level and not offer.available:
            reason = f"no containment of level {level!r} here: {offer.detail}"
            if level in os.environ.get("DEVDEV_REQUIRE", "").split(","):
                pytest.fail(f"DEVDEV_REQUIRE={level}, but {reason}", pytrace=False)
            pytest.skip(reason)
