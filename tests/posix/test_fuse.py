"""The case table through the fuse driver."""

import sys

import pytest

if sys.platform != "linux":
    pytest.skip("only Linux has a mount driver", allow_module_level=True)

from collections.abc import Iterator

from tests.posix.backends import case_for
from tests.posix.cases import CASES
from tests.posix.host import HostMount
from tests.posix.hostkernel import host_directory
from tests.posix.served import LACKS, served_mount

pytestmark = pytest.mark.fuse


@pytest.fixture(scope="module")
def mount(run_roots: object) -> Iterator[HostMount]:
    with served_mount("fuse") as mount:
        yield mount


@pytest.mark.parametrize("name", CASES)
def test_posix_case_through_fuse(name: str, mount: HostMount) -> None:
    case = case_for(name, LACKS)
    with host_directory(mount) as posix:
        case.run(posix)
