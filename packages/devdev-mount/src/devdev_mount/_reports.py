"""What a push and a pull did: plain values, whatever the driver."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from devdev_fs import Conflict, Stat


class Unkept(NamedTuple):
    """Something that is only on one side, since the other cannot have it."""

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportReport:
    """What an export has written so far, or in all."""

    files: int = 0
    """Regular files; a further name of one is not counted."""
    directories: int = 0
    """Without the one at the top."""
    symlinks: int = 0
    bytes: int = 0
    """Of content: holes are not written."""
    total_files: int = 0
    """Files that there are to write."""
    skipped: tuple[str, ...] = ()
    """Sockets and device nodes: paths in the filesystem."""
    unkept: tuple[tuple[str, str], ...] = ()
    """Paths in the filesystem, and what of them the host does not take."""


class Changed(NamedTuple):
    """A path that is to be changed on the host; None is nothing."""

    path: str
    before: Stat | None
    after: Stat | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ApplyReport:
    """What was changed on the host: paths as seen from the directory, sorted."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


ApplyProgress = Callable[[int, int], object]
"""Is told how many bytes of how many are written; what it raises ends the work."""

ExportProgress = Callable[[ExportReport], None]
"""Is told how far an export is, now and then; what it raises ends the export."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PushReport:
    """What a push did to the directory."""

    made: int = 0
    """New inodes."""
    removed: int = 0
    """Names that went, or were moved."""
    updated: int = 0
    """Inodes that were there and are not what they were."""
    unkept: tuple[Unkept, ...] = ()
    """What the host cannot show. It stays in the filesystem as it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PullReport:
    """What a pull found in the directory, and did to the filesystem."""

    span: int = 0
    """The span of the history that has the change; 0 if nothing changed."""
    changed: int = 0
    """Inodes that are new, or not what they were."""
    removed: int = 0
    """Names that went, or were moved."""
    conflicts: tuple[Conflict, ...] = ()
    """What the filesystem's users and the programs changed differently. The former's
    is in place."""
    kept_beside: tuple[str, ...] = ()
    """Where the programs' versions of it are."""
    unkept: tuple[Unkept, ...] = ()
    """What the filesystem cannot have. It stays in the directory as it is."""
    unsettled: tuple[str, ...] = ()
    """What was being changed all the time while it was read: the next pull sees to
    it."""
