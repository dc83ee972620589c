"""What every mount has in common: how it begins, who looks after it, how it ends."""

import sys

if sys.platform != "linux":
    raise ImportError("mounts are ended by way of Linux's mount table")

import logging
import os
import secrets
import threading
from abc import ABC, abstractmethod
from contextlib import ExitStack
from typing import Protocol

from devdev_fs import Fs

from devdev_mount._detach import find_mounts, force_unmount, run_bounded, unmount
from devdev_mount._driver import MountedSession, MountOptions
from devdev_mount._errors import DriverUnavailable, MountError
from devdev_mount._fusermount import find_helper
from devdev_mount._mountpoint import resolve_mountpoint
from devdev_mount._private import make_directory
from devdev_mount._spawning import spawning_by_fork
from devdev_mount._watcher import Watcher

READY_TIMEOUT = 10.0  # from mount(2) to the answer to a first stat
FLUSH_TIMEOUT = 2.0  # for dirty pages, before an unmount by force drops them
# The kernel ends a connection within the last unmount; later only if the mount lives on
# in another mount namespace, whose copy nothing tells that it is unmounted here.
LINGER_TIMEOUT = 0.3
END_TIMEOUT = 3.0  # for the serving thread, once the kernel or we told it to end

logger = logging.getLogger(__name__)


class Attribution(Protocol):
    """Who knows whose a request is."""

    def attribute(self, pid: int, span: int) -> None:
        """Register a process for a span; see `Mount.attribute`."""
        ...

    def environment(self, span: int) -> dict[str, str]:
        """What marks a program as the span's; see `Mount.environment`."""
        ...


class FlushedMirror(Protocol):
    """A `devdev_fs.Mirror` that flushes by a descriptor of the mount's root."""

    root_fd: int
    """That descriptor, which keeps the mount busy; negative where there is none."""

    def flush(self) -> None:
        """Have dirty pages written back."""
        ...


class Server(ABC):
    """A mount and the thread that serves it.

    Args:
        mountpoint: where it is.
        source: the mount's source, by which it is found.
        helper: the fusermount program, for whom umount2(2) is not permitted.
    """

    actors: Attribution
    _mirror: FlushedMirror

    def __init__(self, mountpoint: str, source: str, helper: str | None) -> None:
        self._mountpoint = mountpoint
        self._source = source
        self._helper = helper
        self._thread = threading.Thread(
            target=self._run, name=f"devdev-mount {mountpoint}", daemon=True
        )

    @property
    def is_alive(self) -> bool:
        """Whether requests are answered and the mount is in the tree."""
        return self._thread.is_alive() and bool(find_mounts(self._source))

    @property
    @abstractmethod
    def requests(self) -> dict[str, int]:
        """How often was asked for what; see `Session.requests`."""

    # --- what a driver does ------------------------------------------------------

    @abstractmethod
    def _serve(self) -> None:
        """On the thread: answer requests until the connection ends."""

    @abstractmethod
    def _release(self) -> None:
        """On the thread, at its end: release what serving took."""

    @abstractmethod
    def _end_serving(self) -> None:
        """Make `_serve` return, from another thread."""

    @abstractmethod
    def _let_go(self) -> None:
        """Close what keeps the mount busy."""

    def _refusal(self) -> str | None:
        """Why the kernel cannot be served, if its first request told so."""
        return None

    # --- beginning ---------------------------------------------------------------

    def wait_ready(self) -> None:
        """Prove that a stat is answered, from a thread that may hang instead of us.

        Raises:
            DriverUnavailable: the kernel lacks something.
            MountError: no answer, an error, or something else is there.
        """
        failures: list[Exception] = []

        def open_root() -> None:
            try:
                self._mirror.root_fd = self._open_root()
            except (OSError, MountError) as exc:
                failures.append(exc)

        if not run_bounded(open_root, READY_TIMEOUT):
            raise MountError(
                f"{self._mountpoint}: no answer to a stat within {READY_TIMEOUT} s"
            )
        if refusal := self._refusal():
            raise DriverUnavailable(refusal)
        if failures:
            reason = failures[0]
            raise MountError(f"{self._mountpoint} cannot be used: {reason}") from reason

    def _open_root(self) -> int:
        root = os.open(self._mountpoint, os.O_RDONLY | os.O_DIRECTORY)
        device = os.minor(os.fstat(root).st_dev)
        if device not in (mount.connection for mount in find_mounts(self._source)):
            os.close(root)
            raise MountError("another mount covers it")
        return root

    def _run(self) -> None:
        try:
            self._serve()
        except Exception:
            logger.exception("%s is no longer served", self._mountpoint)
        finally:
            self._release()

    # --- end ---------------------------------------------------------------------

    def stop(self) -> None:
        """Unmount: ask, and ask again while it is busy; then abort and detach.

        Raises:
            MountError: it is still mounted, or the serving thread does not end.
        """
        run_bounded(self._mirror.flush, FLUSH_TIMEOUT)
        self._let_go()
        is_unmounted = unmount(self._source, self._helper)
        if is_unmounted:
            self._thread.join(LINGER_TIMEOUT)
        if self._thread.is_alive() or not is_unmounted:
            # Busy; or out of the tree, but still open somewhere.
            self._end_serving()
            force_unmount(self._source, self._helper)
            self._thread.join(END_TIMEOUT)
        if find_mounts(self._source):
            raise MountError(
                f"{self._mountpoint} cannot be unmounted: another mount may cover it"
            )
        if self._thread.is_alive():
            raise MountError(
                f"{self._mountpoint} is unmounted, but the thread that served it hangs"
            )


class MountSession(MountedSession):
    """A mounted filesystem, and the watcher process over it; see `Session`."""

    def __init__(self, server: Server, path: str, undo: ExitStack) -> None:
        self._server = server
        self._undo = undo
        self.path = path
        """Where it is mounted."""

    @property
    def is_alive(self) -> bool:
        """Whether requests are answered and the mount is in the tree."""
        return self._server.is_alive

    @property
    def requests(self) -> dict[str, int]:
        """How often was asked for what; see `Session.requests`."""
        return self._server.requests

    def attribute(self, pid: int, span: int) -> None:
        """Register a process for a span; see `Session.attribute`."""
        self._server.actors.attribute(pid, span)

    def environment(self, span: int) -> dict[str, str]:
        """What marks a program as the span's; see `Session.environment`."""
        return self._server.actors.environment(span)


class MountDriver(ABC):
    """What a driver that mounts has in common with the others; see `Driver`."""

    name: str

    @abstractmethod
    def check(self, options: MountOptions) -> None:
        """Refuse what this host does not offer; see `Driver.check`."""

    def private(self, undo: ExitStack) -> str:
        """A directory of its own; see `Driver.private`."""
        return make_directory(undo)

    def resolve(self, mountpoint: str | os.PathLike[str]) -> str:
        """An existing, empty directory; see `Driver.resolve`."""
        return resolve_mountpoint(mountpoint)

    def start(
        self,
        fs: Fs,
        mountpoint: str,
        options: MountOptions,
        *,
        is_private: bool,
        spin_s: float = 0.0,
        lifeline: int | None = None,
    ) -> MountSession:
        """Mount and serve on a thread of this process; see `Driver.start`."""
        source, helper = f"devdev-{secrets.token_hex(8)}", find_helper()
        with ExitStack() as undo:
            undo.enter_context(spawning_by_fork())
            watcher = Watcher(
                source=source,
                mountpoint=mountpoint,
                remove=is_private,
                helper=helper,
                lifeline=lifeline,
            )
            undo.callback(_end_watcher, watcher, source)
            server = self._begin(fs, mountpoint, source, helper, options, spin_s)
            undo.callback(server.stop)
            server.wait_ready()
            watcher.wait_ready()
            return MountSession(server, mountpoint, undo.pop_all())

    @abstractmethod
    def _begin(
        self,
        fs: Fs,
        mountpoint: str,
        source: str,
        helper: str | None,
        options: MountOptions,
        spin_s: float,
    ) -> Server:
        """Mount under the source, and serve."""


def _end_watcher(watcher: Watcher, source: str) -> None:
    """End the watcher; a mount that could not be undone is left to it."""
    if find_mounts(source):
        watcher.abandon()
    else:
        watcher.dismiss()
