"""A filesystem that is mounted on the stand-in for WinFsp."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from devdev_fs import Fs
from devdev_fs.testing import ManualClock
from devdev_mount import MountOptions
from devdev_mount._winfsp._session import WinFspSession

from tests.windows.nt import Nt
from tests.windows.owners import ME
from tests.windows.standin import StandIn, why_winfspy_is_missing, winfspy_on_standin
from tests.windows.standindll import LIBRARY, winfspy_on_dll


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """winfspy on the stand-in; skips what needs it where its wheel cannot be had."""
    if LIBRARY.exists():
        with winfspy_on_dll() as standin:
            yield standin
        return
    directory = tmp_path_factory.mktemp("winfspy")
    reason = why_winfspy_is_missing(directory)
    if reason and "winfspy" in os.environ.get("DEVDEV_REQUIRE", "").split(","):
        pytest.fail(f"DEVDEV_REQUIRE=winfspy, but {reason}", pytrace=False)
    if reason:
        pytest.skip(f"winfspy's wheel: {reason}")
    with winfspy_on_standin(directory) as standin:
        yield standin


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(10**18)


@pytest.fixture
def fs(clock: ManualClock) -> Fs:
    return Fs(clock=clock)


@pytest.fixture
def options() -> MountOptions:
    """How it is mounted; a test can have others by `parametrize`."""
    return MountOptions()


@pytest.fixture
def session(
    standin: StandIn, fs: Fs, options: MountOptions, tmp_path: Path
) -> Iterator[WinFspSession]:
    owners = ME if options.ownership == "mapped" else None
    session = WinFspSession(standin.winfspy, fs, str(tmp_path), options, owners)
    yield session
    session.stop()
    assert not standin.library.volumes


@pytest.fixture
def nt(standin: StandIn, session: WinFspSession, tmp_path: Path) -> Nt:
    return Nt(standin, str(tmp_path))
