"""One mount: how it begins, who serves it, and how it ends."""

import sys

if sys.platform != "linux":
    raise ImportError("the fuse driver is for Linux")

import logging
import os
import secrets
import threading
from contextlib import ExitStack

from devdev_fs import Fs

from devdev_mount import _forks
from devdev_mount._detach import find_mounts, force_unmount, run_bounded, unmount
from devdev_mount._driver import MountOptions
from devdev_mount._errors import DriverUnavailable, MountError
from devdev_mount._fuse._actors import Actors
from devdev_mount._fuse._connection import Connection
from devdev_mount._fuse._device import check, find_helper, mount_device
from devdev_mount._fuse._mirror import KernelMirror
from devdev_mount._fuse._ops import Ops
from devdev_mount._mountpoint import resolve_mountpoint
from devdev_mount._reports import PullReport, PushReport
from devdev_mount._spawning import spawning_by_fork
from devdev_mount._watcher import Watcher

READY_TIMEOUT = 10.0  # from mount(2) to the answer to a first stat
FLUSH_TIMEOUT = 2.0  # for dirty pages, before an unmount by force drops them
END_TIMEOUT = 3.0  # for the serving thread, once the kernel or we told it to end

logger = logging.getLogger(__name__)


class FuseDriver:
    """The driver that speaks the kernel's protocol itself."""

    name = "fuse"

    def check(self, options: MountOptions) -> None:
        """Refuse what this host does not offer; see `Driver.check`."""
        check(options)

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
    ) -> "FuseSession":
        """Mount and serve on a thread of this process; see `Driver.start`."""
        source = f"devdev-{secrets.token_hex(8)}"
        with ExitStack() as undo:
            undo.enter_context(spawning_by_fork())
            watcher = Watcher(
                source=source,
                mountpoint=mountpoint,
                remove=is_private,
                helper=find_helper(),
                lifeline=lifeline,
            )
            undo.callback(_end_watcher, watcher, source)
            server = _Server(fs, mountpoint, source, options, spin_s)
            undo.callback(server.stop)
            server.wait_ready()
            watcher.wait_ready()
            return FuseSession(server, mountpoint, undo.pop_all())


def _end_watcher(watcher: Watcher, source: str) -> None:
    """End the watcher; a mount that could not be undone is left to it."""
    if find_mounts(source):
        watcher.abandon()
    else:
        watcher.dismiss()


class FuseSession:
    """A filesystem shown by the `fuse` driver, and the watcher process over it."""

    def __init__(self, server: "_Server", path: str, undo: ExitStack) -> None:
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
        """How often the kernel asked for what; see `Session.requests`."""
        return self._server.requests

    def attribute(self, pid: int, span: int) -> None:
        """Register a process for a span; see `Session.attribute`."""
        self._server.actors.attribute(pid, span)

    def environment(self, span: int) -> dict[str, str]:
        """What marks a program as the span's; see `Session.environment`."""
        return self._server.actors.environment(span)

    def push(self) -> PushReport:
        """Nothing: a mount shows every change when it is made."""
        return PushReport()

    def pull(self, actor: str | None = None) -> PullReport:
        """Nothing: what programs change is in the filesystem."""
        return PullReport()

    def stop(self) -> None:
        """Unmount; see `Session.stop`."""
        self._undo.close()


class _Server:
    """The mounted device and the thread that serves it.

    The thread owns the device: it closes it when it ends, in whatever way, and that
    ends the connection.
    """

    def __init__(
        self,
        fs: Fs,
        mountpoint: str,
        source: str,
        options: MountOptions,
        spin_s: float,
    ) -> None:
        self._mountpoint = mountpoint
        self._source = source
        with ExitStack() as undo:
            self._fd = mount_device(mountpoint, source, options)
            undo.callback(os.close, self._fd)
            self._mirror = KernelMirror(fs, self._fd)
            attachment = self._mirror.attachment
            undo.callback(attachment.detach)
            self._ops = Ops(attachment.inodes, self._mirror.nodes, options)
            self.actors = Actors(mountpoint)
            self._connection = Connection(
                self._fd, self._ops, self._mirror, self.actors, spin_s
            )
            undo.callback(self._connection.close)
            _forks.register(self._drop)
            undo.callback(_forks.unregister, self._drop)
            self._thread = threading.Thread(
                target=self._run, name=f"devdev-fuse {mountpoint}", daemon=True
            )
            self._thread.start()
            # From here on the thread releases all that.
            undo.pop_all()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive() and bool(find_mounts(self._source))

    @property
    def requests(self) -> dict[str, int]:
        counts = self._connection.requests
        return {opcode.name: count for opcode, count in counts.items()}

    # --- beginning ---------------------------------------------------------------

    def wait_ready(self) -> None:
        """Prove that a stat is answered, from a thread that may hang instead of us.

        Raises:
            DriverUnavailable: the kernel's protocol is too old.
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
        if self._ops.refusal:
            raise DriverUnavailable(self._ops.refusal)
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

    # --- end ---------------------------------------------------------------------

    def stop(self) -> None:
        """Unmount: ask, and ask again while it is busy; then abort and detach.

        Raises:
            MountError: it is still mounted, or the serving thread does not end.
        """
        helper = find_helper()
        run_bounded(self._mirror.flush, FLUSH_TIMEOUT)
        self._mirror.close()
        is_unmounted = unmount(self._source, helper)
        if is_unmounted:
            self._thread.join(END_TIMEOUT)
        if self._thread.is_alive() or not is_unmounted:
            # Busy; or out of the tree, but still open somewhere.
            self._connection.end()
            force_unmount(self._source, helper)
            self._thread.join(END_TIMEOUT)
        if find_mounts(self._source):
            raise MountError(
                f"{self._mountpoint} cannot be unmounted: another mount may cover it"
            )
        if self._thread.is_alive():
            raise MountError(
                f"{self._mountpoint} is unmounted, but the thread that served it hangs"
            )

    def _run(self) -> None:
        self._mirror.server = threading.get_ident()
        try:
            self._connection.serve()
        except Exception:
            logger.exception("%s is no longer served", self._mountpoint)
        finally:
            self._release()

    def _release(self) -> None:
        _forks.unregister(self._drop)
        if self._mirror.close():
            os.close(self._fd)
        else:  # closing a descriptor in use could hand its number to something else
            logger.error("%s: a notification hangs in the kernel", self._mountpoint)
        self._connection.close()
        self._mirror.attachment.detach()
        with self._mirror.attachment.lock:
            self._mirror.nodes.forget_all()

    def _drop(self) -> None:
        """In a forked child: have no part in it. The parent's copies stay open."""
        self._mirror.drop()
        self._connection.close()
        os.close(self._fd)
