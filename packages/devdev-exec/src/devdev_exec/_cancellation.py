"""Ending commands from another thread than the one that waits for them."""

import contextlib
import socket
from collections.abc import Iterator
from threading import Lock

from devdev_exec._errors import ExecCancelled


class Cancellation:
    """Ends the commands of the calls that it is given to, when another thread asks.

    Calls that come later are refused. Any thread may call any method.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._is_cancelled = False
        self._sockets: set[socket.socket] = set()

    @property
    def is_cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._is_cancelled

    def cancel(self) -> None:
        """Have the commands ended, each with all it started; does not wait for that."""
        with self._lock:
            self._is_cancelled = True
            for sock in self._sockets:
                with contextlib.suppress(OSError):  # the command is over already
                    # To its supervisor, the owner is gone.
                    sock.shutdown(socket.SHUT_WR)

    @contextlib.contextmanager
    def covering(self, sock: socket.socket) -> Iterator[None]:
        """End the command of this socket, too, while the context lasts.

        Raises:
            ExecCancelled: `cancel` was called before.
        """
        with self._lock:
            if self._is_cancelled:
                raise ExecCancelled("the call was cancelled")
            self._sockets.add(sock)
        try:
            yield
        finally:
            with self._lock:
                self._sockets.discard(sock)
