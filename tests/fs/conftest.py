"""The store's suite runs over every way to use a store: a test gets each as `fs`."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import pytest
from devdev_fs import (
    DEFAULT_MAX_HISTORY_BYTES,
    DEFAULT_MAX_HISTORY_ENTRIES,
    Fs,
    FsBase,
)
from devdev_fs.testing import ManualClock
from devdev_fs.wire import Answerer, RemoteFs
from devdev_mount import serve

from tests.conftest import why_fuse_is_unusable
from tests.fs.checks import used_inodes

MakeFs = Callable[..., FsBase]
"""Makes a filesystem; takes what `Fs` takes. Its clock steps at each reading."""


class Pool:
    """Served filesystems for all tests, emptied in between: a start takes long.

    A test that asks for anything special, or for more, gets a server of its own.
    """

    def __init__(self, stack: ExitStack, size: int) -> None:
        start = partial(serve, clock=make_clock())
        self.free = [stack.enter_context(start()).fs for _ in range(size)]
        self.empty = {id(fs): fs.dump(history=True) for fs in self.free}

    @contextmanager
    def borrow(self) -> Iterator[FsBase]:
        fs = self.free.pop()
        yield fs
        fs.load(self.empty[id(fs)])
        fs.set_history_limits(max_bytes=0, max_entries=0)
        fs.set_history_limits(
            max_bytes=DEFAULT_MAX_HISTORY_BYTES,
            max_entries=DEFAULT_MAX_HISTORY_ENTRIES,
        )
        assert used_inodes(fs) == 1, "the test still holds an inode"
        self.free.append(fs)


def make_clock() -> ManualClock:
    """One that steps at each reading, so that every stamp is another."""
    return ManualClock(time_ns=1_000_000, step_ns=1)


def make_local(stack: ExitStack, pool: Pool, **options: Any) -> FsBase:
    """The filesystem itself."""
    return Fs(**{"clock": make_clock()} | options)


def make_wire(stack: ExitStack, pool: Pool, **options: Any) -> FsBase:
    """A client whose every call crosses the wire, within this process."""
    return RemoteFs(Answerer(make_local(stack, pool, **options)).answer)


def make_served(stack: ExitStack, pool: Pool, **options: Any) -> FsBase:
    """A client of a process of its own, which also shows it as a mount."""
    if pool.free and not options:
        return stack.enter_context(pool.borrow())
    return stack.enter_context(serve(**{"clock": make_clock()} | options)).fs


BACKENDS = {"fs": make_local, "wire": make_wire, "serve": make_served}


@pytest.fixture(autouse=True)
def nothing_is_left() -> None:
    """Only the check at the end of the run: to look after each of the many tests
    here, which start next to no server, would take longer than the tests."""


@pytest.fixture(scope="session")
def pool(run_roots: object) -> Iterator[Pool]:
    with ExitStack() as stack:
        yield Pool(stack, 2 if why_fuse_is_unusable() is None else 0)


@pytest.fixture(
    params=["fs", "wire", pytest.param("serve", marks=pytest.mark.fuse)],
)
def make_fs(request: pytest.FixtureRequest, pool: Pool) -> Iterator[MakeFs]:
    with ExitStack() as stack:
        yield partial(BACKENDS[request.param], stack, pool)


@pytest.fixture
def fs(make_fs: MakeFs) -> Iterator[FsBase]:
    fs = make_fs()
    yield fs
    fs.check_invariants()
