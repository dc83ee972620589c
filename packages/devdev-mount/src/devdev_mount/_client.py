"""`serve()`: a filesystem and its mount in a process of their own, and its client.

The client has the interface of `Fs`: an operation is one frame there and one back.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Protocol, cast

from devdev_fs import (
    DEFAULT_MAX_BYTES,
    DEFAULT_MAX_INODES,
    AtimePolicy,
    Closing,
    FsBase,
)
from devdev_fs.testing import ManualClock
from devdev_fs.wire import RemoteFs

from devdev_mount._driver import DriverName, MountOptions, span_environment
from devdev_mount._errors import DriverUnavailable, MountError
from devdev_mount._host import ImportReport, Progress
from devdev_mount._messages import MountPlace, StartRequest
from devdev_mount._mount import check_mountable
from devdev_mount._reports import PullReport, PushReport
from devdev_mount._state import StateOptions
from devdev_mount._status import SavedState, ServedStatus

START_TIMEOUT = 30.0
"""For the server to start, load a snapshot and mount."""
SLOW_START_TIMEOUT = 900.0
"""For one that has a directory to fill, or a state of any size to load."""


class Server(Protocol):
    """The process behind a `Served`."""

    place: MountPlace
    """Where the mount is: the first, or the one that was attached to."""

    address: str | None
    """Where others find the server; None if nowhere."""

    is_kept: bool
    """Whether it keeps its state in a directory."""

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

    def mount(
        self,
        fs: int,
        mountpoint: str | None,
        driver: DriverName,
        options: Mapping[str, object],
    ) -> MountPlace:
        """Have a filesystem of it mounted."""
        ...

    def unmount(self, number: int) -> None:
        """Have a mount ended."""
        ...

    def attribute(self, number: int, pid: int, span: int) -> None:
        """Have what a process does on a mount belong to a span."""
        ...

    def requests(self, number: int) -> dict[str, int]:
        """What the kernel asked a mount for so far."""
        ...

    def push(self, number: int) -> PushReport:
        """Have a mount show what changed."""
        ...

    def pull(self, number: int, actor: str | None) -> PullReport:
        """Have brought in what programs changed at a mount."""
        ...

    def save(self, actor: str, history: bool) -> SavedState:
        """Have the state saved."""
        ...

    def saved(self) -> SavedState | None:
        """What is saved; None if no state is kept."""
        ...

    def status(self) -> ServedStatus:
        """What it does at the moment."""
        ...

    def close(self) -> None:
        """End it, and see that the mounts are gone; or leave it to its owner."""
        ...


def serve(
    mountpoint: str | os.PathLike[str] | None = None,
    *,
    snapshot: bytes | None = None,
    options: MountOptions | None = None,
    driver: DriverName = "fuse",
    max_bytes: int = DEFAULT_MAX_BYTES,
    max_inodes: int = DEFAULT_MAX_INODES,
    umask: int = 0o022,
    atime: AtimePolicy = "strict",
    clock: ManualClock | None = None,
    state: StateOptions | None = None,
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
        driver: "fuse" mounts it, "libfuse" does over that library; "copy" copies it,
            and `Served.push` and `pull` keep the copy in step.
        max_bytes: quota on content.
        max_inodes: quota on inodes.
        umask: taken off the modes of what is made through the API.
        atime: when reading moves the time of access, as with `Fs`: "strict",
            "relative" or "never".
        clock: where the server's clock starts and how it steps; None is the system's.
        state: where to keep the state, so that it outlives the process. One that is
            there goes on as it was saved last, quotas included; otherwise it begins
            with `snapshot`.

    Raises:
        DriverUnavailable: nothing can be mounted here; says what is missing.
        MountError: it was not mounted, or the server did not start in time.
        SnapshotError: `snapshot` is none.
        StateInUse: another process keeps its state there.
        StateDamaged: a save there is not what was written; says what can be had.
        StateError: the state cannot be kept there.
        ValueError: there is no such driver, or another `atime`.
    """
    options = MountOptions() if options is None else options
    check_mountable(options, driver=driver)
    request = StartRequest(
        mountpoint=None if mountpoint is None else os.path.abspath(mountpoint),
        driver=driver,
        options=asdict(options),
        max_bytes=max_bytes,
        max_inodes=max_inodes,
        umask=umask,
        atime=atime,
        clock=None if clock is None else (clock.time_ns, clock.step_ns),
        has_snapshot=snapshot is not None,
        state=None if state is None else _plain(state),
    )
    if sys.platform == "linux":
        from devdev_mount._serverprocess import ServerProcess

        is_slow = driver == "copy" or state is not None
        timeout = SLOW_START_TIMEOUT if is_slow else START_TIMEOUT
        return Served(ServerProcess(request.encode(snapshot or b""), timeout))
    raise DriverUnavailable(f"there is no mount driver for {sys.platform!r}")


def _plain(state: StateOptions) -> dict[str, object]:
    """Where to keep the state and how, as it goes over the wire."""
    return asdict(state) | {"directory": os.path.abspath(state.directory)}


class _Shown:
    """A place where a server shows a filesystem."""

    def __init__(self, server: Server, place: MountPlace) -> None:
        self._server = server
        self._number = place.number
        self.path = Path(place.path)
        """Where the filesystem is to be seen."""
        self.driver = place.driver
        """The name of the driver."""

    def attribute(self, pid: int, span: int) -> None:
        """Let what a process does belong to a span; see `Mount.attribute`.

        Raises:
            ProcessLookupError: there is no such process.
        """
        self._server.attribute(self._number, pid, span)

    def environment(self, span: int) -> dict[str, str]:
        """What marks a program as the span's; see `Mount.environment`."""
        return span_environment(span, os.fspath(self.path))

    @property
    def requests(self) -> dict[str, int]:
        """How often the kernel asked for what so far, by the name of the request."""
        return self._server.requests(self._number)

    def push(self) -> PushReport:
        """Show what changed in the filesystem; see `Mount.push`.

        Raises:
            MountError, FsError, OSError: as `Mount.push`.
        """
        return self._server.push(self._number)

    def pull(self, actor: str | None = None) -> PullReport:
        """Bring in what programs changed; see `Mount.pull`.

        Args:
            actor: whom to attribute it to; None is nobody.

        Raises:
            FsError, OSError, MergeConflict, MountError: as `Mount.pull`.
        """
        return self._server.pull(self._number, actor)


class ServedMount(_Shown, Closing):
    """A further mount by a server; close it, or use `with`.

    It ends with its `Served` too, and as that does, however this process ends.
    """

    def close(self) -> None:
        """Unmount; again is nothing.

        Raises:
            MountError: it is still mounted.
            FsError, OSError, MergeConflict: as `pull`, which the copy driver does for
                a last time; a second `close` drops what was not pulled.
        """
        self._server.unmount(self._number)


class Client(_Shown, Closing):
    """A client of a served filesystem; usable from many threads."""

    def __init__(self, server: Server) -> None:
        super().__init__(server, server.place)
        self._fs = RemoteFs(server.call)
        self.fs: FsBase = self._fs
        """The filesystem."""

    @property
    def is_alive(self) -> bool:
        """Whether the server is there for this client."""
        return self._server.is_alive

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._server.pid

    @property
    def address(self) -> str | None:
        """Where others find the server, for `attach`; None if they cannot."""
        return self._server.address

    @property
    def is_kept(self) -> bool:
        """Whether the server keeps the filesystem's state in a directory."""
        return self._server.is_kept

    def save(self, actor: str = "", *, history: bool = True) -> SavedState:
        """Save what changed since the last save, if anything did.

        It is on disk when this returns. Nobody is held up meanwhile.

        Args:
            actor: whom the history names for it, should it be resumed from this save.
            history: whether to save the history too, which costs its size.

        Raises:
            StateError: it cannot be saved, and the next save tries again; or no state
                is kept.
        """
        return self._server.save(actor, history)

    def saved(self) -> SavedState | None:
        """What is saved; None if no state is kept."""
        return self._server.saved()

    def status(self) -> ServedStatus:
        """What the server does at the moment, and who is attached to it.

        Raises:
            MountError: it does not answer.
        """
        return self._server.status()

    def mount(
        self,
        fs: FsBase | None = None,
        mountpoint: str | os.PathLike[str] | None = None,
        *,
        options: MountOptions | None = None,
        driver: DriverName | None = None,
    ) -> ServedMount:
        """Show the filesystem, or a fork of it, at one more place.

        A checkpoint is shown as a fork of it, best with `MountOptions(read_only=True)`.
        Each mount has its own page cache and locks. A mounted fork stays shown when the
        fork is closed here.

        Args:
            fs: what `fork` of this filesystem, or of a fork of it, gave; None is the
                filesystem itself.
            mountpoint: an empty directory; None makes a private one and removes it.
            options: how it is shown.
            driver: None is that of the first mount.

        Raises:
            DriverUnavailable: nothing can be mounted here, or not so.
            MountError: it was not mounted.
            FsError: EBADF: the fork is closed.
            ValueError: the server does not have that filesystem; or no such driver.
        """
        number = self._fs_number(fs)
        place = self._server.mount(
            number,
            None if mountpoint is None else os.path.abspath(mountpoint),
            cast(DriverName, self.driver) if driver is None else driver,
            asdict(MountOptions() if options is None else options),
        )
        return ServedMount(self._server, place)

    def _fs_number(self, fs: FsBase | None) -> int:
        if fs is None:
            return 0
        if isinstance(fs, RemoteFs) and fs.is_beside(self._fs):
            return fs.number
        raise ValueError(f"{fs!r} is no fork of the served filesystem")

    def import_tree(
        self,
        source: str | os.PathLike[str],
        destination: str = "/",
        *,
        exclude: Iterable[str] = (),
        gitignore: bool = False,
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
            "gitignore": gitignore,
        }
        return self._server.import_tree(request, progress)


class Served(Client):
    """A served filesystem: its owner, and the mount. Close it, or use `with`.

    When this process ends, in whatever way, so do the server and its mounts.
    """

    _may_drop = False
    """Whether `close` gives up what is not saved."""

    def close(self) -> None:
        """Unmount all and end the server, within bounds; again is nothing.

        What was not dumped before is gone, unless the state is kept: that is saved.

        Raises:
            StateError: it cannot be saved. It is served still; a second `close` gives
                up what is not saved.
        """
        if self.is_kept and not self._may_drop:
            self._may_drop = True
            with suppress(MountError):  # its server died; what it saved is there
                self._server.save("", history=True)
        self._server.close()
