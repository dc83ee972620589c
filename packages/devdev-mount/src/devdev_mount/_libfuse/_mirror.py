"""What the kernel caches of a libfuse mount, kept in step with the store.

Names and attributes are not cached at all, so this is about the pages of files that
are open: libfuse has those of a file dropped whenever it is opened. No message is
sent by the thread that answers, and none with the store's lock held, since a message
can wait for an answer.
"""

import sys

if sys.platform == "win32":
    raise ImportError("the libfuse driver is for POSIX hosts")

import contextlib
import ctypes
import os
from collections.abc import Callable, Iterable, Sequence
from threading import Lock

from devdev_fs import Change, ChangeKind, Fs, Ino

from devdev_mount._deferred import Deferred
from devdev_mount._libfuse._handles import Handles
from devdev_mount._libfuse._places import Places

CLOSE_TIMEOUT = 1.0  # for messages on their way, which wait for our own answers

Invalidate = Callable[[int], object]
"""Has the kernel drop the pages that it keeps under a number."""


class LibfuseMirror:
    """A `devdev_fs.Mirror`: the pages that the kernel has of one mount's files.

    Args:
        fs: what is mounted.
        invalidate: how the kernel is told.
    """

    def __init__(self, fs: Fs, invalidate: Invalidate) -> None:
        self._invalidate = invalidate
        self._sending = Lock()
        self._is_open = True
        self._deferred = Deferred("devdev-libfuse-deferred")
        self.defer = self._deferred.add
        """Has a job run on a thread that does not answer; for the one that does."""
        self.root_fd = -1
        """A descriptor of the mount's root, to flush by; it keeps the mount busy."""
        self.attachment = fs.attach(self)
        self.handles = Handles(self.attachment.inodes)
        self.places = Places(self.attachment.inodes)

    # --- devdev_fs.Mirror --------------------------------------------------------

    def flush(self) -> None:
        """Have the kernel write back the dirty pages of mappings, into the store.

        What is closed has none. syncfs(2) does not wait for the writes; a request
        that comes behind them does.
        """
        root = self.root_fd
        if root < 0 or not self.handles.writable:
            return
        if sys.platform == "linux":
            ctypes.CDLL(None).syncfs(root)
        else:
            os.sync()
        with contextlib.suppress(OSError):  # it is being unmounted
            os.fstatvfs(root)

    def orphaned(self, moves: Sequence[tuple[Ino, Ino]]) -> None:
        """Go on under the new numbers."""
        numbers = dict(moves)
        self.handles.renumber(numbers)
        self.places.renumber(numbers)

    def changed(self, changes: Sequence[Change]) -> None:
        """Have the pages dropped of what is open; return when they are."""
        inos = {change.ino for change in changes if change.kind is ChangeKind.CONTENT}
        with self.attachment.lock:
            nodes = {node for ino in inos for node in self.handles.nodes(ino)}
        self.drop_pages(nodes)

    def drop_pages(self, nodes: Iterable[int]) -> None:
        """Have the kernel drop pages; not from the thread that answers."""
        with self._sending:
            for node in nodes:
                if self._is_open:
                    self._invalidate(node)

    # --- the end -----------------------------------------------------------------

    def close(self) -> bool:
        """Send no more; whether none is on its way. The root descriptor is closed."""
        self._is_open = False
        self.release_root()
        self._deferred.close(CLOSE_TIMEOUT)
        if self._sending.acquire(timeout=CLOSE_TIMEOUT):
            self._sending.release()
            return True
        return False

    def release_root(self) -> None:
        """Close the descriptor of the root, which keeps the mount busy."""
        root, self.root_fd = self.root_fd, -1
        if root >= 0:
            os.close(root)

    def drop(self) -> None:
        """In a forked child: have no part in the mount."""
        self._is_open = False
        self.release_root()
