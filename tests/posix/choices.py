"""What the calls of the oracle are made with: few values, so that they meet often."""

import sys

if sys.platform != "linux":
    raise ImportError("some of the values are settings of Linux")

from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st

from tests.posix import abi
from tests.posix.abi import (
    FALLOC_FL_KEEP_SIZE,
    FALLOC_FL_PUNCH_HOLE,
    FALLOC_FL_ZERO_RANGE,
    FILE_SIZE_MAX,
    O_CREAT,
    O_DIRECTORY,
    O_EXCL,
    O_NOFOLLOW,
    O_PATH,
    O_RDWR,
    O_TMPFILE,
    PAGE,
)
from tests.posix.cases.acls import ACCESS, DEFAULT, acl
from tests.posix.checks import ALICE, BOB, CAROL, TYPE_BITS
from tests.posix.observed import TIMES
from tests.posix.protocol import ROOT, Time


def _is_protected(what: str) -> bool:
    """Whether this kernel has one of its rules beyond POSIX (proc_sys_fs(5))."""
    return Path(f"/proc/sys/fs/protected_{what}").read_text().strip() != "0"


PROTECTS_LINKS = _is_protected("hardlinks")
"""Whether only its owner makes links of some files. That is decided above filesystems,
and the store does not: root makes such links."""

PROTECTS_STICKY = any(map(_is_protected, ("symlinks", "regular", "fifos")))
"""Whether links and files in sticky directories are not followed, and not opened, by
all who may. That is decided above too: no directory is sticky then."""


# --- what to act on ----------------------------------------------------------------


class Place(NamedTuple):
    """A path: one of those that there are, and what comes behind it."""

    number: int
    tail: str


MOST_FILES = 5
"""So many descriptors are open at most."""

_NAMES = ("a", "b", "c", "d")
_BELOW = tuple(f"/{name}" for name in _NAMES)
_OLD_TAILS = ("", "", "", "", *_BELOW, "/", "/.", "/..", "/a/")
_NEW_TAILS = (*_BELOW, *_BELOW, "", "/a/", "/..")

NAMES = st.sampled_from(_NAMES)
PLACES = st.builds(Place, st.integers(0, 30), st.sampled_from(_OLD_TAILS))
NEW_PLACES = st.builds(Place, st.integers(0, 30), st.sampled_from(_NEW_TAILS))
FILES = st.integers(0, MOST_FILES - 1)
TARGETS = st.one_of(PLACES, FILES)
LEADS_TO = st.sampled_from(
    ["a", "b", "a/b", "../a", "../b/c", ".", "..", "c/", "nowhere", "../d/.", ""]
)

MADE = st.sampled_from(["directory", "directory", "regular", "regular", *TYPE_BITS])
"""Kinds of what there is at the beginning."""

# --- who, and what they may --------------------------------------------------------


def _without_sticky(mode: int) -> int:
    return mode & ~abi.S_ISVTX if PROTECTS_STICKY else mode


USERS = st.sampled_from([ROOT, ROOT, ROOT, ALICE, BOB, CAROL])
IDS = st.sampled_from([-1, 0, ALICE.uid, BOB.uid, ALICE.gid, BOB.gid])
MODES = st.sampled_from(
    [
        0o777,
        0o755,
        0o700,
        0o644,
        0o070,
        0o007,
        0,
        0o4755,
        0o2775,
        0o2755,
        0o6711,
        0o2644,
        0o3777,
        0o1777,
        0o7777,
    ]
).map(_without_sticky)
DIRECTORY_MODES = st.sampled_from(
    [0o777, 0o777, 0o1777, 0o2777, 0o3777, 0o755, 0o2775, 0o770, 0o711, 0o700, 0]
).map(_without_sticky)
UMASKS = st.sampled_from([0, 0o022, 0o077, 0o777])
ACCESSES = st.integers(0, 7)

# --- files -------------------------------------------------------------------------

KINDS = st.sampled_from([*TYPE_BITS.values(), 0, 0o110000])
RENAME_FLAGS = st.sampled_from([0, 0, 0, 1, 2, 2, 4, 5, 3, 6, 8])
ACCESS_MODES = st.sampled_from([abi.O_RDONLY, abi.O_WRONLY, O_RDWR, O_RDWR])
OPTIONS = st.sampled_from(
    [
        0,
        O_CREAT,
        O_CREAT | O_EXCL,
        O_CREAT | abi.O_TRUNC,
        O_CREAT | abi.O_APPEND,
        O_CREAT | O_NOFOLLOW,
        abi.O_TRUNC,
        abi.O_APPEND,
        O_NOFOLLOW,
        abi.O_NOATIME,
        O_DIRECTORY,
        O_PATH,
        O_PATH | O_NOFOLLOW,
        O_PATH | O_DIRECTORY,
        O_TMPFILE,
        O_TMPFILE | O_EXCL,
    ]
)

# --- content -----------------------------------------------------------------------

OFFSETS = st.sampled_from(
    [0, 0, 1, 100, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE, 2**40, FILE_SIZE_MAX - 1]
)
SIZES = st.sampled_from([0, 1, 100, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE, 2**40])
LENGTHS = st.sampled_from([0, 1, 100, PAGE, PAGE + 1, 3 * PAGE])
READ_LENGTHS = LENGTHS.filter(bool)
"""To read no bytes moves the time of access in a tmpfs; POSIX has it do nothing."""


class Run(bytes):
    """So many times the same byte, and shown as that."""

    def __repr__(self) -> str:
        return f"{bytes(self[:1])!r} * {len(self)}"


DATA = st.sampled_from(
    [b"", b"x", b"\0", Run(b"y" * 100), Run(b"z" * PAGE), Run(b"w" * (2 * PAGE + 1))]
)
WHENCES = st.sampled_from([*range(5), 9])
RANGE_MODES = st.sampled_from(
    [
        0,
        0,
        FALLOC_FL_KEEP_SIZE,
        FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
        FALLOC_FL_PUNCH_HOLE,
        FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE,
        1 << 10,
    ]
)
"""Without those that make zeros of a range, take one out or put one in: a tmpfs has
none of them."""

# --- other attributes --------------------------------------------------------------

ANY_TIME: st.SearchStrategy[Time] = st.sampled_from([*TIMES, "now", "omit"])

XATTRS = st.sampled_from(
    [
        "user.a",
        "user.b",
        "trusted.a",
        "security.a",
        ACCESS,
        ACCESS,
        DEFAULT,
        DEFAULT,
        "user.",
        "a",
        "other.a",
        "system.a",
    ]
)
_NO_MASK = acl(("u", 7), ("user", 5, BOB.uid), ("g", 5), ("o", 0))
NO_ENTRIES = acl()
_LISTS = [
    acl(("u", 7), ("user", 7, BOB.uid), ("g", 6), ("m", 5), ("o", 0)),
    acl(("u", 6), ("g", 4), ("group", 6, BOB.gid), ("m", 3), ("o", 4)),
    acl(("u", 7), ("g", 0), ("o", 5)),
    NO_ENTRIES,
]
VALUES = st.sampled_from([b"", b"red", b"v" * 40, _NO_MASK, *_LISTS, *_LISTS])
"""Access control lists among them, one without the mask that it has to have."""
ACLS = st.sampled_from([NO_ENTRIES, NO_ENTRIES, *_LISTS])
XATTR_FLAGS = st.sampled_from([0, 0, 0, abi.XATTR_CREATE, abi.XATTR_REPLACE, 4])
