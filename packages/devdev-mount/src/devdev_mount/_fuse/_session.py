"""One mount: how it begins, who serves it, and how it ends."""

import sys

if sys.platform != "linux":
    raise ImportError("the fuse driver is for Linux")

import logging
import os
import threading
from contextlib import ExitStack

from devdev_fs import Fs

from devdev_mount import _forks
from devdev_mount._driver import MountOptions
from devdev_mount._fuse._actors import Actors
from devdev_mount._fuse._connection import Connection
from devdev_mount._fuse._device import check, checks_permissions, mount_device
from devdev_mount._fuse._mirror import KernelMirror
from devdev_mount._fuse._ops import Ops
from devdev_mount._mounted import MountDriver, Server

logger = logging.getLogger(__name__)


class FuseDriver(MountDriver):
    """The driver that speaks the kernel's protocol itself."""

    name = "fuse"

    def check(self, options: MountOptions) -> None:
        """Refuse what this host does not offer; see `Driver.check`."""
        check(options)

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


class _Server(Server):
    """The mounted device and the thread that serves it.

    The thread owns the device: it closes it when it ends, in whatever way, and that
    ends the connection.
    """

    _mirror: KernelMirror

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
        with ExitStack() as undo:
            self._fd = mount_device(mountpoint, source, options)
            undo.callback(os.close, self._fd)
            self._mirror = KernelMirror(fs, self._fd)
            attachment = self._mirror.attachment
            undo.callback(attachment.detach)
            self._ops = Ops(
                attachment.inodes,
                self._mirror.nodes,
                options,
                checks_permissions=checks_permissions(options),
            )
            self.actors = actors = Actors(mountpoint)
            self._connection = Connection(
                self._fd, self._ops, self._mirror, actors, spin_s
            )
            undo.callback(self._connection.close)
            _forks.register(self._drop)
            undo.callback(_forks.unregister, self._drop)
            self._thread.start()
            # From here on the thread releases all that.
            undo.pop_all()

    @property
    def requests(self) -> dict[str, int]:
        counts = self._connection.requests
        return {opcode.name: count for opcode, count in counts.items()}

    def _refusal(self) -> str | None:
        return self._ops.refusal

    def _open_root(self) -> int:
        root = super()._open_root()
        self._ops.first_open.make(root)
        return root

    def _serve(self) -> None:
        self._mirror.server = threading.get_ident()
        self._connection.serve()

    def _end_serving(self) -> None:
        self._connection.end()

    def _let_go(self) -> None:
        self._mirror.close()

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
        self._connection.drop()
        os.close(self._fd)
