"""A filesystem that is served by a mount driver, for cases to run on."""

import sys

if sys.platform != "linux":
    raise ImportError("only Linux has a mount driver")

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from devdev_mount import DriverName, MountOptions, serve

from tests.posix.abi import PAGE
from tests.posix.host import HostMount, why_not_any_user
from tests.posix.protocol import PLENTY, Feature
from tests.posix.tmpfs import Tmpfs

LACKS = {
    Feature.MOVED_RANGES: "the kernel does not pass it on (fuse_file_fallocate)",
}
"""What no mount has."""


FOR_ALL = MountOptions(ownership="exact", allow_other=True, suid=True, dev=True)
"""With these every user can make every call."""


@contextmanager
def served_mount(
    driver: DriverName, options: MountOptions = FOR_ALL
) -> Iterator[HostMount]:
    """Serve a filesystem; skips the test where not every user's calls can be made."""
    if reason := why_not_any_user():
        pytest.skip(reason)
    with Tmpfs() as other, serve(options=options, driver=driver) as served:
        fs = served.fs

        def set_limits(blocks: int | None, inodes: int | None) -> None:
            fs.inodes.set_limits(
                PLENTY * PAGE if blocks is None else blocks * PAGE,
                PLENTY if inodes is None else inodes,
            )

        root = os.open(served.path, os.O_DIRECTORY | os.O_PATH)
        yield HostMount(
            root=root,
            elsewhere=other.root,
            set_limits=set_limits,
            has_coarse_clock=False,
        )
        os.close(root)
        fs.check_invariants()
