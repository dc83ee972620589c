"""The case table through the libfuse driver."""

import sys

import pytest

if sys.platform != "linux":
    pytest.skip("only Linux has a mount driver", allow_module_level=True)

import os
from collections.abc import Iterator

from devdev_mount import MountOptions, serve

from tests.posix.abi import PAGE
from tests.posix.backends import case_for
from tests.posix.cases import CASES
from tests.posix.host import HostMount, why_not_any_user
from tests.posix.hostkernel import host_directory
from tests.posix.protocol import PLENTY, Feature
from tests.posix.tmpfs import Tmpfs

pytestmark = pytest.mark.fuse

OPTIONS = MountOptions(ownership="exact", allow_other=True, suid=True, dev=True)
LACKS = {
    Feature.MOVED_RANGES: "the kernel does not pass it on (fuse_file_fallocate)",
}


@pytest.fixture(scope="module")
def mount(run_roots: object) -> Iterator[HostMount]:
    if reason := why_not_any_user():
        pytest.skip(reason)
    with Tmpfs() as other, serve(options=OPTIONS, driver="libfuse") as served:
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


@pytest.mark.parametrize("name", CASES)
def test_posix_case_through_libfuse(name: str, mount: HostMount) -> None:
    case = case_for(name, LACKS)
    with host_directory(mount) as posix:
        case.run(posix)
