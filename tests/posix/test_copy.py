"""Whatever a case of the table leaves: it comes in from a copied directory, and shows.

The cases run on a tmpfs that a copy driver keeps in step with a store. A second driver
shows the same store in another directory, which then has the same tree.
"""

import sys

import pytest

if sys.platform != "linux":
    pytest.skip("only Linux has a tmpfs", allow_module_level=True)

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

from devdev_fs import Fs
from devdev_mount import Mount, MountOptions, mount

from tests.posix.attached import attached
from tests.posix.backends import case_for
from tests.posix.cases import CASES
from tests.posix.host import HostMount, why_not_any_user
from tests.posix.hostkernel import host_directory
from tests.posix.protocol import Feature
from tests.posix.tmpfs import Tmpfs
from tests.trees import Tree, tree_of_directory, tree_of_store

OPTIONS = MountOptions(ownership="exact", suid=True, dev=True)
NO_RANGES = "of fallocate(2), tmpfs has holes and preallocation only"
LACKS = {
    Feature.ZEROED_RANGES: NO_RANGES,
    Feature.MOVED_RANGES: NO_RANGES,
    Feature.MOUNTS: "what a mount is: the directory is on one of the host's",
}
KEPT = ("user.", "system.posix_acl_")
"""The extended attributes that both sides mean the same by."""


class Twins(NamedTuple):
    """One store, shown twice."""

    fs: Fs
    host: HostMount
    first: Mount
    second: Mount
    places: tuple[str, str]
    """The two directories; the paths of the mounts lead there no more."""


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    if reason := why_not_any_user():
        pytest.skip(reason)
    fs = Fs()
    with ExitStack() as stack:
        tmpfs, other, elsewhere = (stack.enter_context(Tmpfs()) for _ in range(3))
        copies = []
        for each in (tmpfs, other):
            place = tmp_path_factory.mktemp("place")
            with attached(each, place):
                copy = mount(fs, place, driver="copy", options=OPTIONS)
            copies.append(stack.enter_context(copy))
        host = HostMount(
            root=tmpfs.root,
            elsewhere=elsewhere.root,
            set_limits=tmpfs.set_limits,
            has_coarse_clock=True,
        )
        places = f"/proc/self/fd/{tmpfs.root}/.", f"/proc/self/fd/{other.root}/."
        first, second = copies
        yield Twins(fs, host, first, second, places)
    fs.check_invariants()


def kept(tree: Tree) -> Tree:
    """The tree without the attributes that only the host has."""
    return {
        path: found._replace(
            xattrs={
                name: value
                for name, value in found.xattrs.items()
                if name.startswith(KEPT)
            }
        )
        for path, found in tree.items()
    }


def unkept(tree: Tree) -> list[tuple[str, str]]:
    """What has attributes that only the host has: the path, and which."""
    return sorted(
        (os.fsdecode(path), name)
        for path, found in tree.items()
        for name in found.xattrs
        if not name.startswith(KEPT) and path == found.first_name
    )


@pytest.mark.parametrize("name", CASES)
def test_what_a_posix_case_leaves_goes_both_ways(name: str, twins: Twins) -> None:
    case = case_for(name, LACKS)
    with host_directory(twins.host) as posix:
        case.run(posix)
    found = tree_of_directory(twins.places[0])
    try:
        report = twins.first.pull()
        assert not report.conflicts
        assert not report.unsettled
        told = sorted((path, reason.split()[2]) for path, reason in report.unkept)
        assert told == unkept(found)
        assert tree_of_store(twins.fs) == kept(found)
        assert not twins.second.push().unkept
        assert tree_of_directory(twins.places[1]) == kept(found)
    finally:
        for entry in twins.fs.listdir():
            twins.fs.remove_tree(f"/{entry}")
        twins.first.push()
        twins.second.push()
    assert [os.listdir(place) for place in twins.places] == [[], []]
