"""The workspaces of a caller: the first one, and forks of it."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Lock, Thread

from devdev_exec import (
    MountError,
    SnapshotError,
    StateError,
    StateInUse,
    Workspace,
)

from devdev_mcp._errors import ToolFailure
from devdev_mcp._hostpaths import HostRoots
from devdev_mcp._keeping import Keeping, Known
from devdev_mcp._sessions import UNBOUNDED, Bounds, SessionTable
from devdev_mcp._space import Origin, Space

OPEN_TIMEOUT = 40.0
"""For a call to wait until the workspace is open: a large directory takes its time."""

MAX_WORKSPACES = 16
"""Each has processes of its own."""

FIRST = "w1"
"""The id of the workspace that is there from the beginning."""

ACTOR = "devdev-mcp"
"""Whom the history of a workspace that others use too names for what tools change."""


_STATE_INTERVAL = 0.1  # seconds between two looks whether a state is free

STATE_TIMEOUT = 10.0
"""For the processes of a server that was killed to let go of what they kept."""


class NoWorkspace(Exception):
    """A workspace cannot begin as asked; says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Beginning:
    """What a workspace begins with."""

    snapshot: bytes | None = None
    max_bytes: int | None = None
    """Quota; None is that of the snapshot, or the usual one."""
    max_inodes: int | None = None
    """The same for the number of files."""
    source: Path | None = None
    """A host directory whose content is copied to `/`."""
    attach: Path | None = None
    """Where the workspace of another process is, which is used instead of a new one."""
    state: Path | None = None
    """A host directory in which workspaces outlive the server."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A workspace, and why no program can run in it, if that is so."""

    workspace: Workspace
    why_unmounted: str | None


class ServerState:
    """The workspaces; the first is opened in the background from the beginning on.

    The client is answered meanwhile; what needs the workspace waits for it.
    """

    def __init__(
        self,
        beginning: Beginning,
        host_roots: Sequence[Path] = (),
        bounds: Bounds = UNBOUNDED,
    ) -> None:
        self.host_roots = HostRoots(host_roots)
        self.sessions = SessionTable(bounds)
        self._keeping: Keeping | None = None
        self._lock = Lock()
        self._numbers = count(2)
        self._opening: Future[None] = Future()
        self._open: dict[str, Space] = {}
        Thread(target=self._begin, args=(beginning,), daemon=True).start()

    def _begin(self, beginning: Beginning) -> None:
        try:
            self._open_all(beginning)
            self._opening.set_result(None)
        except Exception as error:
            self._opening.set_exception(error)

    def _open_all(self, beginning: Beginning) -> None:
        names: list[str] = []
        place = None
        if beginning.state is not None:
            self._keeping = Keeping(beginning.state)
            names = self._keeping.names()
            place = self._keeping.place(FIRST)
        if FIRST in names or not names:
            is_kept = FIRST in names
            opened = open_workspace(beginning, place, is_kept)
            self._open[FIRST] = Space(FIRST, "", *_parts(opened))
        for name in names:
            if name != FIRST:
                self._reopen(name)
        highest = max((int(name[1:]) for name in names), default=1)
        self._numbers = count(highest + 1)

    def _reopen(self, name: str) -> None:
        assert self._keeping is not None
        opened = _open_state(self._keeping.place(name))
        known = self._keeping.known(name)
        source = self._open.get(known.origin)
        origin = None if source is None else Origin(source, known.point)
        self._open[name] = Space(name, known.label, *_parts(opened), origin)

    def when_failed(self, tell: Callable[[BaseException], None]) -> None:
        """Have `tell` called with the reason if there will be no workspace."""

        def look(opening: Future[None]) -> None:
            error = opening.exception()
            if error is not None:
                tell(error)

        self._opening.add_done_callback(look)

    def space(self, name: str) -> Space:
        """The workspace with that id, the first one for none; waits until it is open.

        Raises:
            ToolFailure: STARTING, NO_WORKSPACE.
        """
        self._wait_open()
        with self._lock:
            space = self._open.get(name or FIRST)
        if space is None:
            ids = ", ".join(each.id for each in self.spaces()) or "none"
            message = (
                f"there is no workspace {name or FIRST!r}; it may have been closed"
            )
            hint = f"Open are: {ids}. workspace_fork makes another."
            raise ToolFailure("NO_WORKSPACE", message, hint=hint)
        return space

    def _wait_open(self) -> None:
        try:
            self._opening.result(OPEN_TIMEOUT)
        except TimeoutError:
            message = "the workspace is still being filled"
            hint = "Call again in a moment."
            raise ToolFailure("STARTING", message, hint=hint, retryable=True) from None

    def spaces(self) -> list[Space]:
        """The workspaces that are open."""
        self._wait_open()
        with self._lock:
            return list(self._open.values())

    def fork(self, source: Space, point: int | None, label: str) -> Space:
        """Another workspace, in processes of its own, that begins as `source` is.

        Args:
            source: what to fork.
            point: the checkpoint to begin with instead.
            label: what to call it.

        Raises:
            ToolFailure: TOO_MANY.
        """
        with self._lock:
            if len(self._open) >= MAX_WORKSPACES:
                message = f"{MAX_WORKSPACES} workspaces are open, which is the limit"
                hint = "Close one with workspace_close."
                raise ToolFailure("TOO_MANY", message, hint=hint)
            name = f"w{next(self._numbers)}"
        if point is None:
            point = source.fs.checkpoint(f"fork {name}").id
        place = None
        if self._keeping is not None:
            known = Known(label=label, origin=source.id, point=point)
            self._keeping.note(name, known)
            place = self._keeping.place(name)
        with source.fs.fork(point) as frozen:
            opened = _open_mounted_or_not(frozen.dump(), place)
        origin = Origin(source, point)
        space = Space(name, label, *_parts(opened), origin)
        with self._lock:
            self._open[name] = space
        return space

    def drop(self, space: Space) -> None:
        """Close a workspace, with its programs; what was kept of it is removed."""
        with self._lock:
            self._open.pop(space.id, None)
        self.sessions.forget_all_of(space)
        space.workspace.close()
        if self._keeping is not None:
            self._keeping.remove(space.id)

    def close(self) -> None:
        """Close what is open; what is being opened ends with us."""
        with self._lock:
            spaces = list(self._open.values())
        closing = [
            Thread(target=space.workspace.close, daemon=True) for space in spaces
        ]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join()


def _parts(opened: Opened) -> tuple[Workspace, str | None]:
    return opened.workspace, opened.why_unmounted


def open_workspace(
    beginning: Beginning, place: Path | None = None, is_kept: bool = False
) -> Opened:
    """Open a workspace, mounted if this host can.

    Args:
        beginning: what it begins with, unless it is kept already.
        place: where it is to be kept.
        is_kept: whether it is.

    Raises:
        NoWorkspace: the snapshot is none, or the host directory cannot be copied; or
            there is no workspace to attach to, or no state that can be used.
    """
    if beginning.attach is not None:
        return _attach(beginning.attach)
    if is_kept:
        assert place is not None
        return _open_state(place)
    try:
        opened = _open_mounted_or_not(beginning.snapshot, place)
    except SnapshotError as error:
        raise NoWorkspace(f"the snapshot cannot be loaded: {error}") from error
    except StateError as error:
        raise NoWorkspace(str(error)) from error
    workspace = opened.workspace
    workspace.fs.set_limits(
        max_bytes=beginning.max_bytes, max_inodes=beginning.max_inodes
    )
    if beginning.source is not None:
        try:
            workspace.import_tree(beginning.source)
        except OSError as error:
            workspace.close()
            message = f"{beginning.source} cannot be copied: {error.strerror}"
            raise NoWorkspace(message) from error
    return opened


def _open_state(place: Path) -> Opened:
    """Open what was kept; a server that was killed may take a moment to let go.

    Raises:
        NoWorkspace: another one has it, or it is damaged.
    """
    give_up = time.monotonic() + STATE_TIMEOUT
    while True:
        try:
            return _open_mounted_or_not(None, place)
        except StateInUse as error:
            if time.monotonic() > give_up:
                raise NoWorkspace(str(error)) from error
            time.sleep(_STATE_INTERVAL)
        except StateError as error:
            raise NoWorkspace(str(error)) from error


def _attach(place: Path) -> Opened:
    try:
        workspace = Workspace.attach(place, actor=ACTOR)
    except MountError as error:
        raise NoWorkspace(str(error)) from error
    if workspace.driver == "copy":
        return Opened(workspace, f"{place} is a copy: only its owner runs programs")
    return Opened(workspace, None)


def _open_mounted_or_not(snapshot: bytes | None, place: Path | None) -> Opened:
    try:
        return Opened(Workspace(snapshot=snapshot, state=place), None)
    except StateError:
        raise
    except MountError as error:
        without = Workspace(snapshot=snapshot, state=place, mount=False)
        return Opened(without, str(error))
