"""The case table through the libfuse driver."""

import sys

import pytest

if sys.platform != "linux":
    pytest.skip("only Linux has a mount driver", allow_module_level=True)

from collections.abc import Iterator
from fnmatch import filter as matching

from tests.posix.backends import case_for
from tests.posix.cases import CASES
from tests.posix.host import HostMount
from tests.posix.hostkernel import host_directory
from tests.posix.served import LACKS, served_mount

pytestmark = [pytest.mark.fuse, pytest.mark.libfuse]

FLAGS = "renameat2(2) with flags: not in the protocol that libfuse 2 speaks (7.19)"
HELD = "what is only held (O_PATH), not open, is not hidden when its name goes"
GONE = "a directory without a name has no path to ask about it by"
TEMPORARY = "O_TMPFILE: not in the protocol that libfuse 2 speaks (7.19)"
SEEKING = "SEEK_DATA, SEEK_HOLE: not in the protocol that libfuse 2 speaks (7.19)"
LISTS = "the kernel looks at the mode alone: libfuse 2 cannot agree on FUSE_POSIX_ACL"
NAMES = "to the kernel each name of a file is another file"
INEXPRESSIBLE = {
    "renaming.exchange_swaps_two_names-*": FLAGS,
    "renaming.exchange_keeps_what_is_in_directories": FLAGS,
    "renaming.noreplace_takes_a_new_name-*": FLAGS,
    "renaming.whiteout_leaves_a_device-*": FLAGS,
    "renaming.replaces_a_file_by_a_file-*": HELD,
    "removing.a_held_file_lives_on_without_a_name-*": HELD,
    "renaming.replaces_an_empty_directory": GONE,
    "renaming.into_a_removed_directory_is_refused": GONE,
    "removing.a_removed_directory_has_no_entries_for_who_holds_it": GONE,
    "removing.a_directory_is_removed_and_made_again": GONE,
    "making.refuses_a_directory_that_was_removed-*": GONE,
    "opening.a_temporary_file_has_no_name": TEMPORARY,
    "opening.a_temporary_file_is_the_callers": TEMPORARY,
    "linking.*_temporary_file_*": TEMPORARY,
    "making.so_does_a_temporary_one": TEMPORARY,
    "space.without_inodes_no_temporary_file_is_made": TEMPORARY,
    "content.data_and_holes_are_found": SEEKING,
    "sizes.a_hole_gives_blocks_back": SEEKING,
    "making.the_time_of_birth_stays-*": "STATX: not in the protocol (7.19)",
    "owners.changing_nothing_stamps_the_file-*": "libfuse asks for nothing then",
    "acls.a_named_user_*": LISTS,
    "acls.a_named_group_counts_for_its_members": LISTS,
    "acls.the_mask_limits_all_but_owner_and_others": LISTS,
    "acls.one_of_several_groups_is_enough_but_it_takes_one": LISTS,
    "acls.it_counts_for_directories": LISTS,
    "locks.a_lock_is_of_the_file_not_of_the_name": NAMES,
    "mapping.a_map_outlives_descriptor_and_name": NAMES,
    "endpoints.all_names_of_a_pipe_are_one_pipe": NAMES,
    "programs.every_name_of_a_file_has_the_same_handle": NAMES,
}
"""What a path-addressed filesystem cannot do, by the names of the cases, and why."""


LIMITS = {
    name: reason
    for pattern, reason in INEXPRESSIBLE.items()
    for name in matching(CASES, pattern)
}
"""The same, by the names of the cases in full."""


@pytest.fixture(scope="module")
def mount(run_roots: object) -> Iterator[HostMount]:
    with served_mount("libfuse") as mount:
        yield mount


@pytest.mark.parametrize("name", [name for name in CASES if name not in LIMITS])
def test_posix_case_through_libfuse(name: str, mount: HostMount) -> None:
    case = case_for(name, LACKS)
    with host_directory(mount) as posix:
        case.run(posix)


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_is_still_one(name: str, mount: HostMount) -> None:
    """What a limit costs stays known, and one that goes is taken off the list."""
    with host_directory(mount) as posix, pytest.raises((OSError, AssertionError)):
        case_for(name, LACKS).run(posix)


def test_every_limit_is_of_some_case() -> None:
    for pattern in INEXPRESSIBLE:
        assert matching(CASES, pattern), pattern
