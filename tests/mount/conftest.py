"""A filesystem and its mount in this process.

The tests use such a mount by calls that release the interpreter's lock, and leave
what does not (page faults, programs' starts) to other processes.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from devdev_fs import Fs
from devdev_mount import Mount, mount


@pytest.fixture
def fs() -> Fs:
    return Fs()


@pytest.fixture
def root(fs: Fs) -> Iterator[Path]:
    """Where `fs` is mounted; afterwards the kernel holds nothing of it any more."""
    with mount(fs) as mounted:
        yield mounted.path
    fs.check_invariants()


@pytest.fixture
def copy(fs: Fs) -> Iterator[Mount]:
    """`fs` as a copy; afterwards nothing of it is left."""
    with mount(fs, driver="copy") as copy:
        yield copy
    fs.check_invariants()
    assert not os.path.lexists(copy.path.parent)
