"""The case table through the fuse driver, mounted for root alone, who owns everything.

That is the default. The kernel is not asked to check permissions then, and asks other
things of the driver than in `test_fuse`. A case that needs another user skips when it
comes to that.
"""

import sys

import pytest

if sys.platform != "linux":
    pytest.skip("only Linux has a mount driver", allow_module_level=True)

from collections.abc import Iterator
from contextlib import contextmanager

from devdev_mount import MountOptions

from tests.posix.backends import case_for
from tests.posix.cases import CASES
from tests.posix.host import HostMount
from tests.posix.hostkernel import HostKernel, host_directory
from tests.posix.protocol import Target, User
from tests.posix.served import LACKS, served_mount

pytestmark = pytest.mark.fuse

OTHERS = "no other user gets into the mount, and nothing in it is theirs"


class MappedKernel(HostKernel):
    """A kernel for root alone."""

    @contextmanager
    def as_user(self, user: User) -> Iterator[None]:
        pytest.skip(OTHERS)
        yield

    def chown(self, target: Target, uid: int, gid: int) -> None:
        _check_roots(uid, gid)
        super().chown(target, uid, gid)

    def lchown(self, path: str, uid: int, gid: int) -> None:
        _check_roots(uid, gid)
        super().lchown(path, uid, gid)


def _check_roots(uid: int, gid: int) -> None:
    if not {uid, gid} <= {-1, 0}:
        pytest.skip(OTHERS)


@pytest.fixture(scope="module")
def mount(run_roots: object) -> Iterator[HostMount]:
    with served_mount("fuse", MountOptions(suid=True, dev=True)) as mount:
        yield mount


@pytest.mark.parametrize("name", CASES)
def test_posix_case_through_a_mount_for_root(name: str, mount: HostMount) -> None:
    case = case_for(name, LACKS)
    with host_directory(mount, MappedKernel) as posix:
        case.run(posix)
