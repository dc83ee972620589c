"""The pytest plugin: filesystems and workspaces as fixtures.

It is a package of its own because pytest loads it into every run where devdev-exec is
installed: it loads nothing of that before a test asks for a fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from devdev_exec import FsBase, Workspace
    from devdev_exec.testing import ManualClock

_START = 946_684_800 * 10**9  # 2000-01-01, in nanoseconds since 1970


@pytest.fixture
def devdev_clock() -> ManualClock:
    """The clock of `devdev_fs`: it stands at 2000-01-01 until a test moves it.

    A workspace is another process, so `devdev_workspace` only begins where this clock
    is, if a test asks for both, and takes its steps (`step_ns`). Override it to have
    others.
    """
    from devdev_exec.testing import ManualClock

    return ManualClock(time_ns=_START)


@pytest.fixture
def devdev_fs(devdev_clock: ManualClock) -> FsBase:
    """A filesystem in memory, of which the host sees nothing.

    Its time is `devdev_clock`, so that the same calls give the same `image_digest`.
    """
    from devdev_exec import Workspace

    return Workspace(mount=False, clock=devdev_clock).fs


@pytest.fixture
def devdev_workspace(request: pytest.FixtureRequest) -> Iterator[Workspace]:
    """A workspace at a real path of the host, in which programs run; see `Workspace`.

    Its `path` is mounted, so that subprocesses and C code see it; where nothing can be
    mounted it is a copy, which `push` and `pull` keep in step. It is gone afterwards.
    """
    from devdev_exec import Workspace

    clock: ManualClock | None = None
    if "devdev_clock" in request.fixturenames:
        clock = request.getfixturevalue("devdev_clock")
    with Workspace(clock=clock) as workspace:
        yield workspace
