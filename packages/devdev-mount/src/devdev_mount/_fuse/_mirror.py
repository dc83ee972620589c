"""What the kernel caches of a mount, kept in step with the store.

The kernel may hold a directory's lock while it waits for an answer, and a message
of ours may wait for that lock. So no message about names or content is sent by the
thread that answers, and none with the store's lock held.

Lock order: `KernelMirror.serving` or `KernelMirror._sending`, then the store's lock.
"""

import sys

if sys.platform != "linux":
    raise ImportError("the fuse driver is for Linux")

import contextlib
import ctypes
import errno
import os
import select
import time
from collections.abc import Sequence
from functools import partial
from threading import Lock, get_ident

from devdev_fs import Change, ChangeKind, Fs, FsError, Ino

from devdev_mount._deferred import Deferred
from devdev_mount._fuse import _abi
from devdev_mount._fuse._abi import NotifyCode
from devdev_mount._fuse._nodes import Nodes

CLOSE_TIMEOUT = 1.0  # for messages on their way, which wait for our own answers
SETTLE_TIMEOUT = 0.1  # for an inode that the kernel is just adding or forgetting
SETTLE_INTERVAL = 0.0002
RESIZE_ATTEMPTS = 5

_TO_THE_END = -1
_ATTRIBUTES_ONLY = -1


class _Stale:
    """What the kernel must not believe any longer of one inode."""

    __slots__ = ("end", "grown", "ino", "offset", "shrunk")

    def __init__(self, ino: Ino) -> None:
        self.ino = ino
        self.offset = _ATTRIBUTES_ONLY
        self.end = 0
        self.grown = False
        self.shrunk = False

    def add(self, offset: int, end: int) -> None:
        """Add a range of its content."""
        if self.offset == _ATTRIBUTES_ONLY:
            self.offset, self.end = offset, end
        else:
            self.offset = min(self.offset, offset)
            is_bounded = end != _TO_THE_END and self.end != _TO_THE_END
            self.end = max(self.end, end) if is_bounded else _TO_THE_END

    def resize(self, change: Change) -> None:
        """Add what the change of content did to its size, if anything."""
        if change.grown_to >= 0:
            self.grown = True
        elif change.end == _TO_THE_END:
            self.shrunk = True


class KernelMirror:
    """A `devdev_fs.Mirror`: the kernel's caches of one mount.

    Args:
        fs: what is mounted.
        fd: the device, over which the kernel is told.
    """

    def __init__(self, fs: Fs, fd: int) -> None:
        self._fd = fd
        self.serving = Lock()
        """Held from taking a request to its answer."""
        self._pending = select.poll()
        self._pending.register(fd, select.POLLIN)
        self._sending = Lock()
        self._closing = Lock()
        self._is_open = True
        self._syncfs = ctypes.CDLL(None).syncfs
        self._deferred = Deferred("devdev-fuse-deferred")
        self.defer = self._deferred.add
        """Has a job run on a thread that does not serve; for the one that does."""
        self.root_fd = -1
        """A descriptor of the mount's root, to flush by; it keeps the mount busy."""
        self.server: int | None = None
        """The identity of the thread that answers requests."""
        self.attachment = fs.attach(self)
        self.nodes = Nodes(self.attachment.inodes)

    # --- devdev_fs.Mirror --------------------------------------------------------

    def flush(self) -> None:
        """Have the kernel write back the dirty pages of mappings, into the store.

        syncfs(2) sends the writes but need not wait for them (Linux's
        fs/fuse/file.c sets AS_NO_DATA_INTEGRITY). They are through when nothing is
        pending; otherwise when a request that comes behind them is. What fails is
        reported to those who mapped, by msync(2).
        """
        root = self.root_fd
        if root < 0 or get_ident() == self.server:
            return
        self._syncfs(root)
        if not self._is_idle():
            with contextlib.suppress(OSError):  # it is being unmounted
                os.statvfs(root)

    def _is_idle(self) -> bool:
        """Whether every request that the kernel has made is answered."""
        if not self.serving.acquire(blocking=False):
            return False
        try:
            return not self._pending.poll(0)
        finally:
            self.serving.release()

    def orphaned(self, moves: Sequence[tuple[Ino, Ino]]) -> None:
        """Go on under the new numbers."""
        self.nodes.renumber(moves)

    def changed(self, changes: Sequence[Change]) -> None:
        """Invalidate what the kernel knows of it; return when it has."""
        if not self._is_open:
            return
        if get_ident() == self.server:
            self.defer(partial(self.changed, changes))
            return
        with self._sending:
            with self.attachment.lock:
                entries, stale = self._plan(changes)
            # Names first: that waits for listings and lookups in the directory that
            # are on their way, whose outcome the second message then sweeps away.
            for parent, name, gone in entries:
                self._invalidate_entry(parent, name, gone)
            for nodeid, what in stale.items():
                self._invalidate_inode(nodeid, what)

    # --- before the answer -------------------------------------------------------

    def forget_attributes(self, nodeid: int) -> None:
        """Have the kernel ask for the attributes again; for the one that answers.

        It is about what a request that waits is about, and not about names or pages,
        so it waits for nothing (Linux's fs/fuse/inode.c:fuse_reverse_inval_inode).
        """
        body = _abi.NOTIFY_INVAL_INODE_OUT.pack(nodeid, _ATTRIBUTES_ONLY, 0)
        self._send(NotifyCode.INVAL_INODE, body)

    # --- after the answer --------------------------------------------------------

    def moved(self, appends: Sequence[tuple[Ino, int]]) -> None:
        """Drop what the kernel cached of appends at an offset that was not theirs."""
        changes = [
            Change(ChangeKind.CONTENT, ino, offset=offset, grown_to=0)
            for ino, offset in appends
        ]
        self.changed(changes)

    # --- the end -----------------------------------------------------------------

    def close(self) -> bool:
        """Send no more; whether none is on its way. The root descriptor is closed."""
        with self._closing:
            self._is_open = False
            root, self.root_fd = self.root_fd, -1
            if root >= 0:
                os.close(root)
            self._deferred.close(CLOSE_TIMEOUT)
            if self._sending.acquire(timeout=CLOSE_TIMEOUT):
                self._sending.release()
                return True
            return False

    def drop(self) -> None:
        """In a forked child: have no part in the mount."""
        self._is_open = False
        root, self.root_fd = self.root_fd, -1
        if root >= 0:
            os.close(root)

    # --- messages ----------------------------------------------------------------

    def _plan(
        self, changes: Sequence[Change]
    ) -> tuple[list[tuple[int, bytes, int]], dict[int, _Stale]]:
        """What to send: entries (parent, name, the orphan it meant or 0), inodes."""
        entries = []
        stale: dict[int, _Stale] = {}
        for change in changes:
            nodeid = self.nodes.find(change.ino)
            if nodeid is None:
                continue
            what = stale.get(nodeid)
            if what is None:
                what = stale[nodeid] = _Stale(change.ino)
            if change.kind is ChangeKind.ENTRY:
                entries.append((nodeid, change.name, self._orphan(change.old)))
                what.add(0, _TO_THE_END)
            elif change.kind is ChangeKind.CONTENT:
                what.add(change.offset, change.end)
                what.resize(change)
        return entries, stale

    def _orphan(self, ino: Ino) -> int:
        """The nodeid of an inode that the kernel knows and that has no name left."""
        nodeid = self.nodes.find(ino)
        if nodeid is None or self.attachment.inodes.getattr(ino).nlink:
            return 0
        return nodeid

    def _invalidate_entry(self, parent: int, name: bytes, orphan: int) -> None:
        """Forget what a name means.

        DELETE also makes the kernel let go of the inode when its last user does. It
        takes the inode for removed, so it is only for one that has no name left.
        """
        size = len(name)
        if orphan:
            body = _abi.NOTIFY_DELETE_OUT.pack(parent, orphan, size)
            if self._send(NotifyCode.DELETE, body + name + b"\0") == 0:
                return
        body = _abi.NOTIFY_INVAL_ENTRY_OUT.pack(parent, size)
        self._send(NotifyCode.INVAL_ENTRY, body + name + b"\0")

    def _invalidate_inode(self, nodeid: int, what: _Stale) -> None:
        """Forget attributes, and the content of the range.

        ENOENT of a node that is not forgotten means that an answer is under way, with
        what was before: the kernel has not added the inode yet, so try again.
        """
        length = 0 if what.end == _TO_THE_END else what.end - what.offset
        body = _abi.NOTIFY_INVAL_INODE_OUT.pack(nodeid, what.offset, length)
        deadline = time.monotonic() + SETTLE_TIMEOUT
        while (
            self._send(NotifyCode.INVAL_INODE, body) == errno.ENOENT
            and self.nodes.inos.get(nodeid) is not None
            and self._is_open
            and time.monotonic() < deadline
        ):
            time.sleep(SETTLE_INTERVAL)
        if what.grown:
            self._raise_size(nodeid, what.ino)
        elif what.shrunk:
            self._lower_size(what.ino)

    def _raise_size(self, nodeid: int, ino: Ino) -> None:
        """Let the kernel know the end of a file that has grown, by its last byte.

        INVAL_INODE leaves the size that an O_APPEND write begins at as it was.
        """
        with self.attachment.lock:
            try:
                inodes = self.attachment.inodes
                last = inodes.getattr(ino).size - 1
                data = inodes.read(ino, max(last, 0), 1, noatime=True)
            except FsError:  # it went meanwhile
                return
        if data:
            body = _abi.NOTIFY_STORE_OUT.pack(nodeid, last, len(data))
            self._send(NotifyCode.STORE, body + data)

    def _lower_size(self, ino: Ino) -> None:
        """Have the kernel ask for the size of a file that may be shorter now.

        No message lowers it. A read up to the size that was takes it from the answers
        that are short, and if there is more than one, from the first to arrive.
        """
        for _ in range(RESIZE_ATTEMPTS):  # a write meanwhile makes it drop the answer
            path = self.attachment.path(ino)
            root = self.root_fd
            if path is None or root < 0:
                return
            try:
                found = os.lstat(path.lstrip(b"/"), dir_fd=root)
                size = self.attachment.inodes.getattr(ino).size
            except (OSError, FsError):  # it went, or moved, or may not be visited
                continue
            if found.st_size <= size:
                return

    def _send(self, code: NotifyCode, body: bytes) -> int:
        """Tell the kernel; returns an errno: what it does not have is ENOENT."""
        size = _abi.OUT_HEADER.size + len(body)
        try:
            os.write(self._fd, _abi.OUT_HEADER.pack(size, code, 0) + body)
        except OSError as exc:
            return exc.errno or errno.EIO
        return 0
