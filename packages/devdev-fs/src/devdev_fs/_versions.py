"""The values that history takes and returns, and the error that carries some."""

from enum import IntEnum
from typing import NamedTuple

from devdev_fs._differences import Conflict, Difference
from devdev_fs._types import Ino


class Checkpoint(NamedTuple):
    """A moment that was kept, to come back to or to compare with."""

    id: int
    """Its place in the history: checkpoints and spans are numbered together."""
    label: str
    time_ns: int


class Span(NamedTuple):
    """What one actor changed, from one moment to another."""

    id: int
    """Its place in the history: checkpoints and spans are numbered together."""
    actor: str
    """Who did it, in the caller's words; empty for what no actor claims."""
    time_ns: int
    """When it began."""
    is_open: bool
    """Whether it goes on."""
    is_partial: bool
    """Whether a part of it was dropped to make room; then it cannot be undone."""
    undoes: int
    """The span that this one took back, or 0."""
    changes: list[Difference]
    """What it made of what was before it, sorted by path."""


class Log(NamedTuple):
    """The history, oldest first."""

    spans: list[Span]
    dropped: int
    """How many spans and checkpoints were dropped to make room, since the beginning."""


class Undo(NamedTuple):
    """What became of taking back a span, or of doing it again."""

    span: int
    """The span that did it; 0 if it changed nothing, because of conflicts or anyway."""
    conflicts: list[Conflict]
    """What stands in the way: if there is any, nothing was changed."""


class Merge(NamedTuple):
    """What became of a merge."""

    span: int
    """The span that did it; 0 if it changed nothing, because of conflicts or anyway."""
    conflicts: list[Conflict]
    """What both sides changed, differently."""


class Written(NamedTuple):
    """What `FsBase.write_as` did."""

    span: int
    """The span of the write."""
    created: bool
    """Whether it made the file."""


class EventKind(IntEnum):
    """What happened."""

    CREATED = 1
    """A name came, or came to mean something else."""
    REMOVED = 2
    """A name went. A rename is this and CREATED, with the same `ino`."""
    MODIFIED = 3
    """Content of a file changed."""
    ATTRIBUTES = 4
    """Mode, owner, times, extended attributes or the number of links changed."""
    LOST = 5
    """Events were dropped, since nobody took them: look at the whole again."""


class Event(NamedTuple):
    """One thing that happened, as told to a watch."""

    kind: EventKind
    path: str
    """Where; the first of its names, for an inode that has several."""
    ino: Ino
    actor: str
    """By whom; empty if no actor claims it."""


class MergeConflict(ValueError):
    """Both sides of a merge changed the same thing. Nothing was merged."""

    def __init__(self, conflicts: list[Conflict]) -> None:
        self.conflicts = conflicts
        """What they disagree on."""
        first = conflicts[0]
        more = f", and {len(conflicts) - 1} more" if len(conflicts) > 1 else ""
        super().__init__(f"{first.path}: {first.detail}{more}")
