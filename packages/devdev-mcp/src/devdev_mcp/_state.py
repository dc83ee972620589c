"""What the server holds: the workspace, snapshots, and outputs too long to show."""

import posixpath
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread

from devdev_exec import MountError, SnapshotError, Workspace

from devdev_mcp._errors import ToolFailure
from devdev_mcp._outputs import OutputShelf
from devdev_mcp._snapshots import SnapshotShelf

OPEN_TIMEOUT = 40.0
"""For a call to wait until the workspace is open: a large directory takes its time."""


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
    """The workspace, which is opened in the background from the beginning on.

    The client is answered meanwhile; what needs the workspace waits for it.
    """

    def __init__(self, beginning: Beginning) -> None:
        self._opening: Future[Opened] = Future()
        self.snapshots = SnapshotShelf()
        self.outputs = OutputShelf()
        self.writing = Lock()
        """Held from a look at a file to its change, so that calls do not mix."""
        Thread(target=self._open, args=(beginning,), daemon=True).start()

    def _open(self, beginning: Beginning) -> None:
        try:
            self._opening.set_result(open_workspace(beginning))
        except Exception as error:
            self._opening.set_exception(error)

    def when_failed(self, tell: Callable[[BaseException], None]) -> None:
        """Have `tell` called with the reason if there will be no workspace."""

        def look(opening: Future[Opened]) -> None:
            error = opening.exception()
            if error is not None:
                tell(error)

        self._opening.add_done_callback(look)

    @property
    def workspace(self) -> Workspace:
        """The workspace; waits until it is open."""
        return self._wait_opened().workspace

    @property
    def why_unmounted(self) -> str | None:
        """Why no program can run; None if one can."""
        return self._wait_opened().why_unmounted

    def _wait_opened(self) -> Opened:
        try:
            return self._opening.result(OPEN_TIMEOUT)
        except TimeoutError:
            message = "the workspace is still being filled"
            hint = "Call again in a moment."
            raise ToolFailure("STARTING", message, hint=hint, retryable=True) from None

    def inside(self, path: str) -> str:
        """The workspace's path for `path`, which may be a host path in the mount.

        Programs know files by their host paths, and so do their messages.
        """
        mount = self.workspace.path
        if mount is not None and posixpath.join(path, "").startswith(f"{mount}/"):
            path = path.removeprefix(str(mount))
        return "/" + path.lstrip("/")

    def close(self) -> None:
        """Close the workspace if it is open; one that is being opened ends with us."""
        if self._opening.done() and self._opening.exception() is None:
            self._opening.result().workspace.close()


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
