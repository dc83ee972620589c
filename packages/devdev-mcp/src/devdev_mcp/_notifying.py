"""Tells who subscribed to a file that it has changed, as the store's watch tells it.

A watch costs each change of the filesystem a little, so there is one only while
somebody listens.
"""

from collections.abc import Callable
from threading import Event as Flag
from threading import Thread

import anyio.from_thread
import anyio.lowlevel
from devdev_exec import EventKind, FsError, MountError, Watch
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ResourceUpdated,
    ServerEvent,
)

from devdev_mcp._resources import uri_of
from devdev_mcp._state import ServerState

_TAKE_TIMEOUT = 1.0


class WatchingBus(InMemorySubscriptionBus):
    """A bus with the changes of a caller's workspaces on it while anybody listens."""

    def __init__(self, state: Callable[[], ServerState]) -> None:
        super().__init__()
        self._state = state
        self._count = 0
        self._stop = Flag()

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        """Register a listener; returns what takes it out again."""
        leave = super().subscribe(listener)
        self._count += 1
        if self._count == 1:
            self._stop = Flag()
            token = anyio.lowlevel.current_token()
            Thread(target=self._watch, args=(token, self._stop), daemon=True).start()
        done = Flag()

        def unsubscribe() -> None:
            leave()
            if not done.is_set():
                done.set()
                self._count -= 1
                if not self._count:
                    self._stop.set()

        return unsubscribe

    def _watch(self, token: anyio.lowlevel.EventLoopToken, stop: Flag) -> None:
        """Take turns at the workspaces that are open, until nobody listens."""
        watches: dict[str, Watch] = {}
        try:
            while not stop.is_set():
                spaces = {space.id: space for space in self._state().spaces()}
                for gone in watches.keys() - spaces.keys():
                    watches.pop(gone).close()
                for name, space in spaces.items():
                    watch = watches.get(name) or space.fs.watch()
                    watches[name] = watch
                    self._tell(token, name, watch, _TAKE_TIMEOUT / len(spaces))
        except (FsError, MountError, RuntimeError):
            return  # the workspace has ended, or the loop has
        finally:
            for watch in watches.values():
                watch.close()

    def _tell(
        self,
        token: anyio.lowlevel.EventLoopToken,
        name: str,
        watch: Watch,
        timeout: float,
    ) -> None:
        paths = {
            event.path
            for event in watch.take(timeout)
            if event.kind is not EventKind.LOST
        }
        for path in sorted(paths):
            event = ResourceUpdated(uri=uri_of(name, path))
            anyio.from_thread.run(self.publish, event, token=token)
