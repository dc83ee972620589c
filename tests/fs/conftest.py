"""The store's suite runs over every way to use a store: a test gets each as `fs`."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
from devdev_fs import Fs, FsBase
from devdev_fs.testing import ManualClock
from devdev_fs.wire import RemoteFs, answer
from hypothesis import HealthCheck, settings

MakeFs = Callable[..., FsBase]
"""Makes a filesystem; takes what `Fs` takes. Its clock steps at each reading."""

# An example begins with `fs.restore`, so one filesystem serves for all of a test.
settings.register_profile(
    "devdev-fs",
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("devdev-fs")


def make_local(stack: ExitStack, **options: Any) -> FsBase:
    """The filesystem itself."""
    return Fs(**options)


def make_wire(stack: ExitStack, **options: Any) -> FsBase:
    """A client whose every call crosses the wire, within this process."""
    return RemoteFs(partial(answer, Fs(**options)))


BACKENDS = {"fs": make_local, "wire": make_wire}


@pytest.fixture(params=BACKENDS)
def make_fs(request: pytest.FixtureRequest) -> Iterator[MakeFs]:
    with ExitStack() as stack:

        def make(**options: Any) -> FsBase:
            options.setdefault("clock", ManualClock(time_ns=1_000_000, step_ns=1))
            return BACKENDS[request.param](stack, **options)

        yield make


@pytest.fixture
def fs(make_fs: MakeFs) -> Iterator[FsBase]:
    fs = make_fs()
    yield fs
    fs.check_invariants()
