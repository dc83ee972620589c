"""One mount by libfuse: how it begins, who serves it, and how it ends."""

import sys

if sys.platform != "linux":
    raise ImportError("the watcher that the libfuse driver needs is for Linux")

import ctypes
import errno
import logging
import os
import secrets
import threading
from collections import Counter
from contextlib import ExitStack
from functools import partial
from typing import Any

from devdev_fs import Errno, Fs, FsError

from devdev_mount import _forks
from devdev_mount._detach import (
    FSTYPE,
    find_mounts,
    force_unmount,
    run_bounded,
    unmount,
)
from devdev_mount._driver import MountOptions
from devdev_mount._errors import MountError
from devdev_mount._fuse._actors import Actors
from devdev_mount._fuse._device import check, find_helper
from devdev_mount._libfuse._binding import Callback, Library, make_args
from devdev_mount._libfuse._mirror import LibfuseMirror
from devdev_mount._libfuse._operations import Operations
from devdev_mount._libfuse._request import Request
from devdev_mount._libfuse._waiting import Waiting
from devdev_mount._mountpoint import resolve_mountpoint
from devdev_mount._reports import PullReport, PushReport
from devdev_mount._spawning import spawning_by_fork
from devdev_mount._watcher import Watcher

READY_TIMEOUT = 10.0  # from mount(2) to the answer to a first stat
FLUSH_TIMEOUT = 2.0  # for dirty pages, before an unmount by force drops them
END_TIMEOUT = 3.0  # for the serving thread, once the kernel or we told it to end

logger = logging.getLogger(__name__)


class LibfuseDriver:
    """The portable driver, over fusepy and libfuse 2."""

    name = "libfuse"

    def check(self, options: MountOptions) -> None:
        """Refuse what this host does not offer; see `Driver.check`."""
        check(options)
        Library()

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
    ) -> "LibfuseSession":
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
            return LibfuseSession(server, mountpoint, undo.pop_all())


def _end_watcher(watcher: Watcher, source: str) -> None:
    """End the watcher; a mount that could not be undone is left to it."""
    if find_mounts(source):
        watcher.abandon()
    else:
        watcher.dismiss()


class LibfuseSession:
    """A filesystem shown by the `libfuse` driver, and the watcher process over it."""

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
        """How often libfuse asked for what, by its names; see `Session.requests`."""
        return dict(self._server.requests)

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


def mount_words(source: str, options: MountOptions) -> list[str]:
    """The options of libfuse: those of mount(8), and its own.

    Nothing is cached but pages: libfuse has an inode of its own for each name, which
    would go on showing what another name was used to change.
    """
    subtype = FSTYPE.partition(".")[2]
    words = [f"fsname={source}", f"subtype={subtype}", "default_permissions"]
    # All that is written back is on its way at once, so that a request that comes
    # behind it proves that it has arrived.
    words += ["use_ino", "big_writes", "max_background=65535"]
    words += ["attr_timeout=0", "entry_timeout=0", "negative_timeout=0"]
    words += ["allow_other"] * options.allow_other + ["ro"] * options.read_only
    return words + ["suid"] * options.suid + ["dev"] * options.dev


class _Server:
    """The mounted session of libfuse and the thread that serves it.

    The thread owns the session: it ends it when it ends, in whatever way.
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
        self._library = Library()
        self.requests: Counter[str] = Counter()
        self.actors = Actors(mountpoint)
        args = make_args(["devdev", "-o", ",".join(mount_words(source, options))])
        with ExitStack() as undo:
            self._channel = self._mount(args)
            undo.callback(self._library.unmount, os.fsencode(mountpoint), self._channel)
            self._fd = self._library.descriptor(self._channel)
            os.set_inheritable(self._fd, False)
            os.set_blocking(self._fd, False)
            self._waiting = Waiting(self._fd, spin_s)
            undo.callback(self._waiting.close)
            self._mirror = LibfuseMirror(fs, self._drop_pages)
            undo.callback(self._mirror.attachment.detach)
            self._buffer = bytearray(self._library.request_size(self._channel))
            self._request = Request(memoryview(self._buffer))
            self._operations = Operations(
                self._library,
                self._mirror.attachment,
                self._mirror.places,
                self._mirror.handles,
                self._request,
                options,
            )
            self._fuse = self._make(args)
            _forks.register(self._drop)
            undo.callback(_forks.unregister, self._drop)
            self._thread = threading.Thread(
                target=self._run, name=f"devdev-libfuse {mountpoint}", daemon=True
            )
            self._thread.start()
            # From here on the thread releases all that.
            undo.pop_all()

    def _mount(self, args: Any) -> int:
        channel = self._library.mount(os.fsencode(self._mountpoint), ctypes.byref(args))
        if not channel:
            raise MountError(
                f"libfuse cannot mount on {self._mountpoint}; its reason is on "
                f"standard error"
            )
        return int(channel)

    def _make(self, args: Any) -> int:
        callbacks = {
            name: _guarded(name, callback, self.requests)
            for name, callback in self._operations.callbacks().items()
        }
        self._table = self._library.operations(callbacks)
        table, size = ctypes.byref(self._table), ctypes.sizeof(self._table)
        fuse = self._library.new(self._channel, ctypes.byref(args), table, size, None)
        if not fuse:
            raise MountError("libfuse refuses its options: see standard error")
        return int(fuse)

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive() and bool(find_mounts(self._source))

    def _drop_pages(self, node: int) -> None:
        self._library.invalidate_inode(self._channel, node, 0, 0)

    # --- beginning ---------------------------------------------------------------

    def wait_ready(self) -> None:
        """Prove that a stat is answered, from a thread that may hang instead of us.

        Raises:
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

    # --- serving -----------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._serve()
        except Exception:
            logger.exception("%s is no longer served", self._mountpoint)
        finally:
            self._release()

    def _serve(self) -> None:
        """Hand requests to libfuse until the connection ends."""
        session = self._library.session(self._fuse)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._buffer))
        attachment = self._mirror.attachment
        while not self._library.has_exited(session):
            try:
                size = os.readv(self._fd, [self._buffer])
            except BlockingIOError:
                if not self._waiting.wait():
                    return
                continue
            except OSError as exc:
                if exc.errno == errno.ENODEV:
                    return
                if exc.errno == errno.ENOENT:  # interrupted before it was read
                    continue
                raise
            self._request.arrived(size)
            attachment.span = self.actors.see(self._request.pid)
            with attachment.lock:
                self._library.process(session, address, size, self._channel)
            self._follow_up()

    def _follow_up(self) -> None:
        """See to what comes after an answer."""
        stale = self._operations.stale
        if stale:
            self._operations.stale = set()
            self._mirror.defer(partial(self._mirror.drop_pages, stale))
        if self._mirror.attachment.has_unpublished:
            self._mirror.defer(self._mirror.attachment.publish)

    # --- end ---------------------------------------------------------------------

    def stop(self) -> None:
        """Unmount: ask, and ask again while it is busy; then abort and detach.

        Raises:
            MountError: it is still mounted, or the serving thread does not end.
        """
        helper = find_helper()
        run_bounded(self._mirror.flush, FLUSH_TIMEOUT)
        self._mirror.release_root()
        is_unmounted = unmount(self._source, helper)
        if is_unmounted:
            self._thread.join(END_TIMEOUT)
        if self._thread.is_alive() or not is_unmounted:
            # Busy; or out of the tree, but still open somewhere.
            self._waiting.end()
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
        self._waiting.close()

    def _release(self) -> None:
        _forks.unregister(self._drop)
        attachment = self._mirror.attachment
        is_quiet = self._mirror.close()
        self._request.ended()
        with attachment.lock:
            if is_quiet:
                self._library.destroy(self._fuse)  # it closes the device
            else:  # closing what is in use could hand its number to something else
                logger.error("%s: a message hangs in the kernel", self._mountpoint)
            self._mirror.handles.close_all()
        attachment.detach()

    def _drop(self) -> None:
        """In a forked child: have no part in it. The parent's copies stay open."""
        self._mirror.drop()
        self._waiting.close()
        os.close(self._fd)


def _guarded(name: str, callback: Callback, counts: Counter[str]) -> Callback:
    """The one funnel: what was refused is an errno, anything else is a bug.

    What left a callback would be lost in libfuse, with the interpreter's lock.
    """

    def guarded(*arguments: Any) -> int:
        counts[name] += 1
        try:
            return callback(*arguments)
        except FsError as exc:
            return -host_errno(exc.errno or Errno.EIO)
        except BaseException:
            logger.exception("a bug in the answer to %s", name)
            return -errno.EIO

    return guarded


def host_errno(number: int) -> int:
    """This host's number of an error that has Linux's."""
    return int(getattr(errno, Errno(number).name, errno.EIO))
