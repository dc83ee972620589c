"""What many tests of the store look at."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from devdev_fs import ROOT_INO, Errno, FsBase, FsError, Ino
from hypothesis import HealthCheck, settings


def examples(count: int, **options: Any) -> settings:
    """Settings for so many examples, of which each empties the same filesystem.

    What continuous integration runs is the same each time.
    """
    return settings(
        max_examples=count,
        deadline=None,
        derandomize="DEVDEV_REQUIRE" in os.environ,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
        **options,
    )


@contextmanager
def refused(fs: FsBase, errno: Errno) -> Iterator[None]:
    """What happens inside is refused with `errno`, and changes nothing."""
    before = fs.image_digest()
    with pytest.raises(FsError) as caught:
        yield
    assert caught.value.errno == errno
    assert fs.image_digest() == before


def names(fs: FsBase, ino: Ino = ROOT_INO) -> list[bytes]:
    """The names in a directory, in the order in which it lists them."""
    return [entry.name for entry in fs.inodes.readdir(ino)[2:]]


def parent_of(fs: FsBase, ino: Ino) -> Ino:
    """What `..` in a directory means."""
    return fs.inodes.readdir(ino)[1].ino


def ino_of(fs: FsBase, path: str) -> Ino:
    """The inode at `path`, a link itself."""
    return fs.lstat(path).ino


def used_inodes(fs: FsBase) -> int:
    """How many inodes count against the quota: orphans too."""
    space = fs.inodes.statvfs()
    return space.inodes - space.inodes_free
