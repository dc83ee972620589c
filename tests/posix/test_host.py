"""The case table on the host's tmpfs, which is the oracle: what holds here is right."""

import sys

import pytest

if sys.platform != "linux":
    pytest.skip("only Linux has a tmpfs", allow_module_level=True)

import errno
import os
from collections.abc import Iterator

from tests.posix import abi
from tests.posix.backends import case_for
from tests.posix.cases import CASES
from tests.posix.host import HostMount, why_not_any_user
from tests.posix.hostkernel import host_directory
from tests.posix.protocol import Feature
from tests.posix.tmpfs import Tmpfs

NO_RANGES = "of fallocate(2), tmpfs has holes and preallocation only"
LACKS = {Feature.ZEROED_RANGES: NO_RANGES, Feature.MOVED_RANGES: NO_RANGES}


@pytest.fixture(scope="module")
def mount() -> Iterator[HostMount]:
    if reason := why_not_any_user():
        pytest.skip(reason)
    with Tmpfs() as tmpfs, Tmpfs() as other:
        if not has_user_xattrs(tmpfs.root):
            pytest.skip("this kernel's tmpfs has no user attributes: Linux 6.6 has")
        yield HostMount(
            root=tmpfs.root,
            elsewhere=other.root,
            set_limits=tmpfs.set_limits,
            has_coarse_clock=True,
        )


def has_user_xattrs(directory: int) -> bool:
    place = f"/proc/self/fd/{directory}"
    try:
        os.getxattr(place, "user.probe")
    except OSError as error:
        return error.errno == errno.ENODATA
    return True


@pytest.mark.parametrize("name", CASES)
def test_posix_case_on_tmpfs(name: str, mount: HostMount) -> None:
    case = case_for(name, LACKS)
    with host_directory(mount) as posix:
        case.run(posix)


def test_the_numbers_of_the_cases_are_those_of_the_host() -> None:
    for number in abi.Errno:
        assert number == getattr(errno, number.name)
    for name in dir(abi):
        if hasattr(os, name) and name.isupper():
            assert getattr(abi, name) == getattr(os, name)
    assert abi.device(300, 70000) == os.makedev(300, 70000)
