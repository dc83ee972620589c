"""`serve()`: a filesystem and its mount in a process of their own, and its client.

The client has the interface of `Fs`: an operation is one frame there and one back.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from devdev_fs import DEFAULT_MAX_BYTES, DEFAULT_MAX_INODES, FsBase
from devdev_fs.testing import ManualClock
from devdev_fs.wire import RemoteFs

from devdev_mount._driver import MountOptions, span_environment
from devdev_mount._errors import DriverUnavailable
from devdev_mount._host import ImportReport, Progress
from devdev_mount._messages import StartRequest
from devdev_mount._mount import check_mountable


class Server(Protocol):
    """The process behind a `Served`."""

    path: Path
    driver: str

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        ...

    @property
    def pid(self) -> int:
        """Its number."""
        ...

    def call(self, frame: bytes) -> bytes:
        """One operation, there and back."""
        ...

    def import_tree(
        self, request: Mapping[str, object], progress: Progress | None
    ) -> ImportReport:
        """Have it read a host directory."""
        ...

    def attribute(self, pid: int, span: int) -> None:
        """Have what a process does belong to a span."""
        ...

    def requests(self) -> dict[str, int]:
        """What the kernel asked for so far."""
        ...

    def close(self) -> None:
        """End it, and see that the mount is gone."""
        ...


def serve(
    mountpoint: str | os.PathLike[str] | None = None,
    *,
    snapshot: bytes | None = None,
    options: MountOptions | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
    max_inodes: int = DEFAULT_MAX_INODES,
    umask: int = 0o022,
    clock: ManualClock | None = None,
) -> "Served":
    """Make a filesystem in a process of its own, and mount it.

    This is the way to use a mount from the program that makes it: files mapped
    from it, programs started on it and modules imported from it all work, and a busy
    thread here does not slow it down. `mount` has none of that, and is for programs
    that do nothing else.

    Args:
        mountpoint: an empty directory; None makes a private one and removes it.
        snapshot: what `FsBase.dump` gave; None begins empty. Its quotas then count.
        options: how the filesystem is shown.
        max_bytes: quota on content.
        max_inodes: quota on inodes.
        umask: taken off the modes of what is made through the API.
        clock: where the server's clock starts and how it steps; None is the system's.

    Raises:
        DriverUnavailable: nothing can be mounted here; says what is missing.
        MountError: it was not mounted, or the server did not start in time.
        SnapshotError: `snapshot` is none.
    """
    options = MountOptions() if options is None else options
    check_mountable(options)
    request = StartRequest(
        mountpoint=None if mountpoint is None else os.path.abspath(mountpoint),
        options=asdict(options),
        max_bytes=max_bytes,
        max_inodes=max_inodes,
        umask=umask,
        clock=None if clock is None else (clock.time_ns, clock.step_ns),
        has_snapshot=snapshot is not None,
    )
    if sys.platform == "linux":
        from devdev_mount._serverprocess import ServerProcess

        return Served(ServerProcess(request.encode(snapshot or b"")))
    raise DriverUnavailable(f"there is no mount driver for {sys.platform!r}")


class Served:
    """A served filesystem: the client, and the mount. Close it, or use `with`.

    When this process ends, in whatever way, so do the server and the mount.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self.fs: FsBase = RemoteFs(server.call)
        """The filesystem; usable from many threads."""
        self.path = server.path
        """Where it is mounted."""
        self.driver = server.driver

    @property
    def is_alive(self) -> bool:
        """Whether the server runs."""
        return self._server.is_alive

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._server.pid

    def import_tree(
        self,
        source: str | os.PathLike[str],
        destination: str = "/",
        *,
        exclude: Iterable[str] = (),
        progress: Progress | None = None,
    ) -> ImportReport:
        """Copy what is in a host directory into the filesystem; see `import_tree`.

        The server reads it. If `progress` raises, what was read is soon removed.

        Raises:
            OSError: `source` is no directory, or something in it cannot be read.
            FsError: EEXIST, ENOTDIR (`destination`), ENOSPC.
        """
        request = {
            "source": os.path.abspath(source),
            "destination": destination,
            "exclude": list(exclude),
        }
        return self._server.import_tree(request, progress)

    def attribute(self, pid: int, span: int) -> None:
        """Let what a process does belong to a span; see `Mount.attribute`.

        Raises:
            ProcessLookupError: there is no such process.
        """
        self._server.attribute(pid, span)

    def environment(self, span: int) -> dict[str, str]:
        """What marks a program as the span's; see `Mount.environment`."""
        return span_environment(span, os.fspath(self.path))

    @property
    def requests(self) -> dict[str, int]:
        """How often the kernel asked for what so far, by the name of the request."""
        return self._server.requests()

    def close(self) -> None:
        """Unmount and end the server, within bounds; again is nothing.

        What was not dumped before is gone.
        """
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
