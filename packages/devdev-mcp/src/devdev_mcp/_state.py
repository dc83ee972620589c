"""The workspaces of a caller: the first one, and forks of it."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Lock, Thread

from devdev_exec import MountError, SnapshotError, Workspace

from devdev_mcp._errors import ToolFailure
from devdev_mcp._hostpaths import HostRoots
from devdev_mcp._sessions import SessionTable
from devdev_mcp._space import Origin, Space

OPEN_TIMEOUT = 40.0
"""For a call to wait until the workspace is open: a large directory takes its time."""

MAX_WORKSPACES = 16
"""Each has processes of its own."""

FIRST = "w1"
"""The id of the workspace that is there from the beginning."""

ACTOR = "devdev-mcp"
"""Whom the history of a workspace that others use too names for what tools change."""


class NoWorkspace(Exception):
    """A workspace cannot begin as asked; says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Beginning:
    """What a workspace begins with."""

    snapshot: bytes | None = None
    max_bytes: int | None = None
    """Quota; None is that of the snapshot, or the usual one."""
    source: Path | None = None
    """A host directory whose content is copied to `/`."""
    attach: Path | None = None
    """Where the workspace of another process is, which is used instead of a new one."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A workspace, and why no program can run in it, if that is so."""

    workspace: Workspace
    why_unmounted: str | None


class ServerState:
    """The workspaces; the first is opened in the background from the beginning on.

    The client is answered meanwhile; what needs the workspace waits for it.
    """

    def __init__(self, beginning: Beginning, host_roots: Sequence[Path] = ()) -> None:
        self.host_roots = HostRoots(host_roots)
        self.sessions = SessionTable()
        self._lock = Lock()
        self._numbers = count(2)
        self._forks: dict[str, Space] = {}
        self._first: Future[Space] = Future()
        self._first_is_open = True
        Thread(target=self._open, args=(beginning,), daemon=True).start()

    def _open(self, beginning: Beginning) -> None:
        try:
            opened = open_workspace(beginning)
            first = Space(FIRST, "", opened.workspace, opened.why_unmounted)
            self._first.set_result(first)
        except Exception as error:
            self._first.set_exception(error)

    def when_failed(self, tell: Callable[[BaseException], None]) -> None:
        """Have `tell` called with the reason if there will be no workspace."""

        def look(opening: Future[Space]) -> None:
            error = opening.exception()
            if error is not None:
                tell(error)

        self._first.add_done_callback(look)

    def space(self, name: str) -> Space:
        """The workspace with that id, the first one for none; waits until it is open.

        Raises:
            ToolFailure: STARTING, NO_WORKSPACE.
        """
        if name in ("", FIRST) and self._first_is_open:
            return self._wait_first()
        with self._lock:
            space = self._forks.get(name)
        if space is None:
            ids = ", ".join(each.id for each in self.spaces()) or "none"
            message = (
                f"there is no workspace {name or FIRST!r}; it may have been closed"
            )
            hint = f"Open are: {ids}. workspace_fork makes another."
            raise ToolFailure("NO_WORKSPACE", message, hint=hint)
        return space

    def _wait_first(self) -> Space:
        try:
            return self._first.result(OPEN_TIMEOUT)
        except TimeoutError:
            message = "the workspace is still being filled"
            hint = "Call again in a moment."
            raise ToolFailure("STARTING", message, hint=hint, retryable=True) from None

    def spaces(self) -> list[Space]:
        """The workspaces that are open."""
        first = [self._wait_first()] if self._first_is_open else []
        with self._lock:
            return [*first, *self._forks.values()]

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
            if len(self._forks) + self._first_is_open >= MAX_WORKSPACES:
                message = f"{MAX_WORKSPACES} workspaces are open, which is the limit"
                hint = "Close one with workspace_close."
                raise ToolFailure("TOO_MANY", message, hint=hint)
            name = f"w{next(self._numbers)}"
        if point is None:
            point = source.fs.checkpoint(f"fork {name}").id
        with source.fs.fork(point) as frozen:
            opened = _open_mounted_or_not(frozen.dump())
        origin = Origin(source, point)
        space = Space(name, label, opened.workspace, opened.why_unmounted, origin)
        with self._lock:
            self._forks[name] = space
        return space

    def drop(self, space: Space) -> None:
        """Close a workspace, with its programs."""
        with self._lock:
            if self._forks.pop(space.id, None) is None:
                self._first_is_open = False
        self.sessions.forget_all_of(space)
        space.workspace.close()

    def close(self) -> None:
        """Close what is open; what is being opened ends with us."""
        with self._lock:
            forks = list(self._forks.values())
        closing = [Thread(target=space.workspace.close, daemon=True) for space in forks]
        for thread in closing:
            thread.start()
        if self._first.done() and self._first.exception() is None:
            self._first.result().workspace.close()
        for thread in closing:
            thread.join()


def open_workspace(beginning: Beginning) -> Opened:
    """Open a workspace, mounted if this host can.

    Raises:
        NoWorkspace: the snapshot is none, or the host directory cannot be copied; or
            there is no workspace to attach to.
    """
    if beginning.attach is not None:
        return _attach(beginning.attach)
    try:
        opened = _open_mounted_or_not(beginning.snapshot)
    except SnapshotError as error:
        raise NoWorkspace(f"the snapshot cannot be loaded: {error}") from error
    workspace = opened.workspace
    if beginning.max_bytes is not None:
        workspace.fs.set_limits(max_bytes=beginning.max_bytes)
    if beginning.source is not None:
        try:
            workspace.import_tree(beginning.source)
        except OSError as error:
            workspace.close()
            message = f"{beginning.source} cannot be copied: {error.strerror}"
            raise NoWorkspace(message) from error
    return opened


def _attach(place: Path) -> Opened:
    try:
        workspace = Workspace.attach(place, actor=ACTOR)
    except MountError as error:
        raise NoWorkspace(str(error)) from error
    if workspace.driver == "copy":
        return Opened(workspace, f"{place} is a copy: only its owner runs programs")
    return Opened(workspace, None)


def _open_mounted_or_not(snapshot: bytes | None) -> Opened:
    try:
        return Opened(Workspace(snapshot=snapshot), None)
    except MountError as error:
        return Opened(Workspace(snapshot=snapshot, mount=False), str(error))
