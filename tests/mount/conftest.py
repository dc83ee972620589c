"""A filesystem and its mount in this process.

The tests use such a mount by calls that release the interpreter's lock, and leave
what does not (page faults, programs' starts) to other processes.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from devdev_fs import Fs
from devdev_mount import mount


@pytest.fixture
def fs() -> Fs:
    return Fs()


@pytest.fixture
def root(fs: Fs) -> Iterator[Path]:
    """Where `fs` is mounted; afterwards the kernel holds nothing of it any more."""
    with mount(fs) as mounted:
        yield mounted.path
    fs.check_invariants()
