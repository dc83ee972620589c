"""What the server holds: the workspace, snapshots, and outputs too long to show."""

import posixpath
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread

from devdev_exec import MountError, Workspace

from devdev_mcp._outputs import OutputShelf
from devdev_mcp._snapshots import SnapshotShelf


@dataclass(frozen=True, kw_only=True, slots=True)
class Beginning:
    """What a workspace begins with."""

    snapshot: bytes | None = None
    max_bytes: int | None = None
    """Quota; None is that of the snapshot, or the usual one."""
    source: Path | None = None
    """A host directory whose content is copied to `/`."""


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
        return self._opening.result().workspace

    @property
    def why_unmounted(self) -> str | None:
        """Why no program can run; None if one can."""
        return self._opening.result().why_unmounted

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
        SnapshotError: the snapshot is none.
        OSError: the host directory cannot be copied, or there is no room for it.
    """
    snapshot = beginning.snapshot
    why_unmounted = None
    try:
        workspace = Workspace(snapshot=snapshot)
    except MountError as error:
        why_unmounted = str(error)
        workspace = Workspace(snapshot=snapshot, mount=False)
    try:
        if beginning.max_bytes is not None:
            workspace.fs.set_limits(max_bytes=beginning.max_bytes)
        if beginning.source is not None:
            workspace.import_tree(beginning.source)
    except BaseException:
        workspace.close()
        raise
    return Opened(workspace, why_unmounted)
