"""One mount by libfuse: how it begins, who serves it, and how it ends."""

import sys

if sys.platform != "linux":
    raise ImportError("the watcher that the libfuse driver needs is for Linux")

import ctypes
import errno
import logging
import os
from collections import Counter
from contextlib import ExitStack
from functools import partial
from typing import Any

from devdev_fs import Errno, Fs, FsError

from devdev_mount import _forks
from devdev_mount._detach import FSTYPE
from devdev_mount._driver import MountOptions
from devdev_mount._errors import MountError
from devdev_mount._fuse._actors import Actors
from devdev_mount._fuse._device import check
from devdev_mount._libfuse._binding import Callback, Library, make_args
from devdev_mount._libfuse._mirror import LibfuseMirror
from devdev_mount._libfuse._operations import Operations
from devdev_mount._libfuse._request import Request
from devdev_mount._mounted import MountDriver, Server
from devdev_mount._waiting import Waiting

logger = logging.getLogger(__name__)


class LibfuseDriver(MountDriver):
    """The portable driver, over fusepy and libfuse 2."""

    name = "libfuse"

    def check(self, options: MountOptions) -> None:
        """Refuse what this host does not offer; see `Driver.check`."""
        check(options)
        Library()

    def _begin(
        self,
        fs: Fs,
        mountpoint: str,
        source: str,
        helper: str | None,
        options: MountOptions,
        spin_s: float,
    ) -> Server:
        return _Server(fs, mountpoint, source, helper, options, spin_s)


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


class _Server(Server):
    """The mounted session of libfuse and the thread that serves it.

    The thread owns the session: it ends it when it ends, in whatever way.
    """

    _mirror: LibfuseMirror

    def __init__(
        self,
        fs: Fs,
        mountpoint: str,
        source: str,
        helper: str | None,
        options: MountOptions,
        spin_s: float,
    ) -> None:
        super().__init__(mountpoint, source, helper)
        self._library = Library()
        self._requests: Counter[str] = Counter()
        self.actors = self._actors = Actors(mountpoint)
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
            name: _guarded(name, callback, self._requests)
            for name, callback in self._operations.callbacks().items()
        }
        self._table = self._library.operations(callbacks)
        table, size = ctypes.byref(self._table), ctypes.sizeof(self._table)
        fuse = self._library.new(self._channel, ctypes.byref(args), table, size, None)
        if not fuse:
            raise MountError("libfuse refuses its options: see standard error")
        return int(fuse)

    @property
    def requests(self) -> dict[str, int]:
        return dict(self._requests)

    def _drop_pages(self, node: int) -> None:
        self._library.invalidate_inode(self._channel, node, 0, 0)

    # --- serving -----------------------------------------------------------------

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
            attachment.span = self._actors.see(self._request.pid)
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

    def _end_serving(self) -> None:
        self._waiting.end()

    def _let_go(self) -> None:
        self._mirror.release_root()

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
        self._waiting.close()
        attachment.detach()

    def _drop(self) -> None:
        """In a forked child: have no part in it. The parent's copies stay open."""
        self._mirror.drop()
        self._waiting.drop()
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
