"""What differs between two states, and what two changes disagree on: plain values."""

from enum import IntEnum
from typing import NamedTuple

from devdev_fs._types import Ino


class DifferenceKind(IntEnum):
    """In which respect a name is not what it was."""

    ADDED = 1
    """It is new; a further name of what was there already too."""
    REMOVED = 2
    MODIFIED = 3
    """The content of a regular file."""
    RENAMED = 4
    """It is another name of the same inode, which lost `old_path`."""
    MODE = 5
    """The permission bits, set-id and sticky ones included."""
    OWNER = 6
    XATTR = 7
    TARGET = 8
    """Where a symbolic link leads."""
    KIND = 9
    """It is another kind of thing, or a device node of another number."""


class Difference(NamedTuple):
    """One respect in which a name is not what it was."""

    kind: DifferenceKind
    path: str
    """The absolute path after the change; for REMOVED the one before it."""
    old_path: str
    """RENAMED: the absolute path before; otherwise empty."""
    ino: Ino
    """What the name means after the change; for REMOVED what it meant before."""


class ConflictKind(IntEnum):
    """What two changes disagree on."""

    CONTENT = 1
    MODE = 2
    OWNER = 3
    XATTR = 4
    TARGET = 5
    KIND = 6
    """One made it another kind of thing, the other changed it."""
    NAME = 7
    """Two different things would have one path."""
    REMOVED_HERE = 8
    """Our side removed it, theirs changed it or what is in it."""
    REMOVED_THERE = 9
    """Their side removed it, ours changed it or what is in it."""
    MOVED = 10
    """Each gave it another name."""
    CYCLE = 11
    """Directories were moved into each other."""


class Conflict(NamedTuple):
    """One thing that two changes disagree on."""

    kind: ConflictKind
    path: str
    """The absolute path on our side; on theirs, if ours lacks it."""
    detail: str
    """What each side did, for people."""


class OnConflict(IntEnum):
    """What a merge does about conflicts."""

    FAIL = 1
    """Nothing is merged, and it is an error."""
    DATA = 2
    """Nothing is merged, and the conflicts are returned."""
    OURS = 3
    """Where the two disagree, our side is right."""
    THEIRS = 4
    """Where the two disagree, their side is right."""
    MARKERS = 5
    """Text gets conflict markers; in all else our side is right."""
