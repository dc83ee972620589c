"""The case table through the winfsp driver, asked as programs of Windows ask."""

from collections.abc import Iterator
from fnmatch import filter as matching
from pathlib import Path

import pytest
from devdev_fs import Fs
from devdev_fs.testing import ManualClock
from devdev_mount import MountOptions
from devdev_mount._winfsp._session import WinFspSession

from tests.posix.abi import PAGE
from tests.posix.backends import case_for
from tests.posix.calls import FINDING
from tests.posix.cases import CASES
from tests.posix.protocol import PLENTY, Feature
from tests.windows.standin import StandIn
from tests.windows.unsayable import Inexpressible
from tests.windows.windowsposix import PosixNt, WindowsPosix

LACKS = {feature: f"the kernel's, above the driver: {feature}" for feature in Feature}

COUNTED = "Windows is not told how many names a file has"
DOTS = "Win32 takes the dots out of a path before anybody looks at it"
EXECUTED = "files have no bits to execute: who may read one may execute it"
SPECIAL = "a list has no place for set-id and sticky bits"
TICKS = "times are counted in 100 ns"
LONG = "a path may have 32,767 characters"
SIZELESS = "a link has no size"
SAME = "who owns it already is not set again"
MADE = "a mode and a target are set by a second request"
ABOVE = "`..` is told as the directory itself"
GONE = "Windows goes by the path, and something else may be there"
WHOLE = "a write is done as a whole or not at all"
DIFFERENT = {
    **{f"names.a_link_goes_on_from_where_it_leads-{call}": DOTS for call in FINDING},
    "names.a_path_of_4096_bytes-*": LONG,
    "names.names_differ_by_case": "names match whatever their case",
    "names.a_tree_is_deeper_than_one_path_can_say": LONG,
    "making.gives_a_file_of_the_kind-directory": COUNTED,
    "making.gives_a_file_of_the_kind-symlink": SIZELESS,
    "making.takes_the_mode-regular-0[137]*": EXECUTED,
    "making.takes_the_umask_off-regular-[05]*": EXECUTED,
    "making.takes_set_id_and_sticky_bits-regular": SPECIAL,
    "making.a_directory_takes_the_sticky_bit_only": SPECIAL,
    "making.the_umask_leaves_set_id_bits-regular": SPECIAL,
    "making.a_set_group_id_directory_hands_the_bit_down": SPECIAL,
    "making.stamps_the_new_file_and_its_directory-directory": MADE,
    "making.stamps_the_new_file_and_its_directory-symlink": MADE,
    "making.the_time_of_birth_stays-directory": MADE,
    "making.the_time_of_birth_stays-symlink": MADE,
    "making.a_directory_counts_the_directories_in_it-*": COUNTED,
    "making.refuses_dot_and_dot_dot-*": DOTS,
    "linking.a_link_keeps_what_it_was_given-*": SIZELESS,
    "linking.a_link_holds_at_most_4095_bytes": MADE,
    "linking.a_slash_makes_a_link_mean_the_directory": DOTS,
    "linking.a_link_may_say_anything-//": "of separators in a row there is one",
    "removing.an_open_file_lives_on_without_a_name": COUNTED,
    "removing.rmdir_removes_an_empty_directory": COUNTED,
    "removing.rmdir_refuses_dot_and_dot_dot": DOTS,
    "removing.a_removed_directory_has_no_entries_for_who_holds_it": COUNTED,
    "removing.a_directory_is_removed_and_made_again": GONE,
    "renaming.moves_between_directories-*": COUNTED,
    "renaming.replaces_an_empty_directory": "a directory is not replaced",
    "renaming.dot_and_dot_dot_do_not_move": DOTS,
    "renaming.a_moved_directory_has_a_new_parent": ABOVE,
    "renaming.an_open_file_is_not_touched_by_what_replaces_it": COUNTED,
    "renaming.noreplace_refuses_a_name_that_is_taken-*": "onto itself is no collision",
    "modes.sets_all_twelve_bits-*-[!0]*": SPECIAL,
    "modes.sets_all_twelve_bits-regular-0*[1357]": EXECUTED,
    "modes.sets_them_of_an_open_file-*-[!0]*": SPECIAL,
    "modes.sets_them_of_an_open_file-regular-0*[1357]": EXECUTED,
    "modes.goes_through_a_link-regular": EXECUTED,
    "modes.writing_as_root_leaves_them-*": SPECIAL,
    "modes.truncating_as_root_leaves_them-*": SPECIAL,
    "owners.stamps_the_file_only-*-same": SAME,
    "owners.changing_nothing_stamps_the_file-*": SAME,
    "owners.leaves_set_group_id_without_group_execution": SPECIAL,
    "times.sets_both_to_the_nanosecond-*": TICKS,
    "times.sets_those_of_an_open_file-*": TICKS,
    "times.now_is_now-*": "a program sets the time that it was when it asked",
    "times.omit_leaves_one-*": TICKS,
    "times.goes_through_a_link-*": TICKS,
    "times.a_future_time_is_kept_until_something_changes": TICKS,
    "times.reading_with_noatime_leaves_it": "opening has no such flag",
    "content.a_hole_takes_no_blocks": "space is told rounded up from the size",
    "sizes.truncating_goes_through_a_link": SIZELESS,
    "listing.an_empty_directory_has_two_entries": ABOVE,
    "listing.a_directory_counts_its_subdirectories": COUNTED,
    "space.a_write_takes_what_is_left-*": WHOLE,
}
"""What Windows promises otherwise, by the names of the cases, and why."""

REASONS = {
    name: reason
    for pattern, reason in DIFFERENT.items()
    for name in matching(CASES, pattern)
}
"""The same, by the names of the cases in full."""


@pytest.fixture
def posix(standin: StandIn, tmp_path: Path) -> Iterator[WindowsPosix]:
    """A directory of a new volume, on which each reading of the clock is another."""
    clock = ManualClock(10**18, step_ns=100)
    fs = Fs(clock=clock)
    fs.inodes.set_limits(PLENTY * PAGE, PLENTY)
    fs.mkdir("/case")
    options = MountOptions(ownership="exact", allow_other=True)
    session = WinFspSession(standin.winfspy, fs, str(tmp_path), options, None)
    yield WindowsPosix(PosixNt(standin, str(tmp_path)), fs, clock, "\\case")
    session.stop()


def run(name: str, posix: WindowsPosix) -> None:
    """Run a case; it skips the test if no program of Windows can say it."""
    case = case_for(name, LACKS)
    try:
        case.run(posix)
    except Inexpressible as exc:
        pytest.skip(str(exc))


@pytest.mark.parametrize("name", [name for name in CASES if name not in REASONS])
def test_posix_case_on_windows(name: str, posix: WindowsPosix) -> None:
    run(name, posix)
    posix.close_all()


@pytest.mark.parametrize("name", REASONS)
def test_a_difference_is_still_one(name: str, posix: WindowsPosix) -> None:
    """What is different stays known, and what no longer is, is taken off the list."""
    with pytest.raises((OSError, AssertionError)):
        run(name, posix)


def test_every_difference_is_of_some_case() -> None:
    for pattern in DIFFERENT:
        assert matching(CASES, pattern), pattern
