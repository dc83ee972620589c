"""One workspace, and what the server keeps with it.

A call that changes something is one span of the history, named after the call. What
takes several steps is drafted on a fork and merged, so that all of it comes or
nothing, and what programs do meanwhile is neither lost nor overwritten.
"""

import posixpath
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from devdev_exec import (
    Checkpoint,
    Errno,
    FsBase,
    FsError,
    MergeConflict,
    StateError,
    Workspace,
    Written,
)

from devdev_mcp._errors import ToolFailure
from devdev_mcp._etags import read_content
from devdev_mcp._outputs import OutputShelf

BASE = "base"
"""What the checkpoint is called that a workspace begins with."""

_ACTOR_MAX = 1000  # bytes, of the history's 1024
_SHOWN_POINTS = 20
_TRIES = 50


@dataclass(slots=True)
class Draft:
    """A copy to change, and what it was made of."""

    fs: FsBase
    """The copy."""
    before: FsBase
    """The filesystem when the draft began."""
    op: int = 0
    """The span that brought it in; 0 before, and if it changed nothing."""
    wanted: bool = True
    """Set to False for a rehearsal: then nothing is brought in."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a fork comes from."""

    space: "Space"
    point: int
    """The checkpoint there that it began with."""


@dataclass(slots=True)
class Space:
    """A workspace with an id."""

    id: str
    label: str
    workspace: Workspace
    why_unmounted: str | None
    """Why no program can run; None if one can."""
    origin: Origin | None = None
    """None if it is no fork."""
    outputs: OutputShelf = field(default_factory=OutputShelf)
    writing: Lock = field(default_factory=Lock)
    """Held from a look at a file to its change, so that calls do not mix."""
    base: int = field(init=False)
    """The checkpoint at which it began."""
    is_kept: bool = field(init=False)
    """Whether it is kept on disk."""

    def __post_init__(self) -> None:
        self.is_kept = self.workspace.state is not None
        kept = [each for each in self.fs.checkpoints() if each.label == BASE]
        self.base = (kept[0] if kept else self.fs.checkpoint(BASE)).id

    @property
    def fs(self) -> FsBase:
        """The filesystem."""
        return self.workspace.fs

    def inside(self, path: str) -> str:
        """The workspace's path for `path`, which may be a host path in the mount.

        Programs know files by their host paths, and so do their messages.
        """
        mount = self.workspace.path
        if mount is not None and posixpath.join(path, "").startswith(f"{mount}/"):
            path = path.removeprefix(str(mount))
        return "/" + path.lstrip("/")

    @contextmanager
    def change(self, what: str) -> Iterator[int]:
        """Change the filesystem as one span, whose number it gives."""
        with self.writing:
            with self.fs.actor(actor_name(what)) as span:
                yield span
            self._save()

    def write(self, what: str, path: str, data: bytes) -> Written:
        """Write a whole file as one span.

        Raises:
            FsError: as `FsBase.write_as`.
        """
        with self.writing:
            written = self.fs.write_as(actor_name(what), path, data)
            self._save()
        return written

    def replace(
        self, what: str, path: str, change: Callable[[bytes], bytes]
    ) -> Written:
        """Change a whole file by what it holds, as one span.

        It is written only over what it was made from. If a program writes the file
        between the look and the change, it is made anew.

        Raises:
            ToolFailure: as `read_content`; CONFLICT: a program does so every time.
            FsError: as `FsBase.read_bytes` and `FsBase.write_as`.
        """
        with self.writing:
            for _ in range(_TRIES):
                old = read_content(self.fs, path)
                new = change(old)
                try:
                    written = self.fs.write_as(actor_name(what), path, new, old)
                except FsError as error:
                    if error.errno != Errno.ESTALE:
                        raise
                else:
                    self._save()
                    return written
        raise ToolFailure(
            "CONFLICT",
            "a program writes the file all the time",
            path=path,
            hint="Nothing was changed. Wait for the program, or end it.",
            retryable=True,
        )

    @contextmanager
    def draft(self, what: str) -> Iterator[Draft]:
        """Change a copy, all of which comes in as one span at the end.

        Raises:
            ToolFailure: CONFLICT: others changed the same thing meanwhile.
        """
        with (
            self.writing,
            self.fs.actor(actor_name(what)),
            self.fs.fork() as before,
            before.fork() as copy,
        ):
            draft = Draft(copy, before)
            yield draft
            if draft.wanted:
                try:
                    draft.op = self.fs.merge(before, copy).span
                except MergeConflict as conflict:
                    raise _meanwhile(conflict) from None
                self._save()

    def _save(self) -> None:
        """Have it on disk before the call is answered, if it is kept there at all.

        Raises:
            ToolFailure: NOT_SAVED.
        """
        if not self.is_kept:
            return
        try:
            self.workspace.save()
        except StateError as error:
            hint = "The change is made. It is saved when the host lets it be."
            raise ToolFailure("NOT_SAVED", str(error), hint=hint) from error

    # --- points of the history ---------------------------------------------------

    def point(self, name: str) -> int | None:
        """The checkpoint that is meant: by number, by label, or None for now.

        Raises:
            ToolFailure: NO_SNAPSHOT.
        """
        if name == "now":
            return None
        if name == BASE:
            return self.base
        kept = self.fs.checkpoints()
        for each in reversed(kept):
            if name in (str(each.id), each.label):
                return each.id
        shown = ", ".join(map(_called, kept[-_SHOWN_POINTS:]))
        message = f"there is no snapshot {name!r}"
        hint = f"Kept are: {shown}. Older ones may have been dropped."
        raise ToolFailure("NO_SNAPSHOT", message, hint=hint)

    @contextmanager
    def at(self, name: str) -> Iterator[FsBase]:
        """The filesystem as it was at a point, in a fork; as it is, for now."""
        point = self.point(name)
        if point is None:
            yield self.fs
        else:
            with self.fs.fork(point) as frozen:
                yield frozen


def _called(point: Checkpoint) -> str:
    return f"{point.id} ({point.label})" if point.label else str(point.id)


def _meanwhile(conflict: MergeConflict) -> ToolFailure:
    first = conflict.conflicts[0]
    return ToolFailure(
        "CONFLICT",
        f"changed by somebody else meanwhile: {first.detail}",
        path=first.path,
        hint="Nothing was changed. Read it again, and decide anew.",
        retryable=True,
    )


def actor_name(what: str) -> str:
    """What the history calls a call, cut to what fits."""
    data = what.encode(errors="replace")
    if len(data) <= _ACTOR_MAX:
        return data.decode()
    return data[:_ACTOR_MAX].decode(errors="ignore") + "..."
