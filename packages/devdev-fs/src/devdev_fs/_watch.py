"""Watches: subscriptions to what changes in a filesystem, where, and by whom."""

from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from threading import Condition

from devdev_fs._closing import Closing
from devdev_fs._paths import as_str
from devdev_fs._table import InodeTable
from devdev_fs._types import Change, ChangeKind, Ino
from devdev_fs._versions import Event, EventKind

EVENTS_MAX = 65_536
"""The most events that a watch holds before it drops the oldest and says so."""

_LOST = Event(EventKind.LOST, "", Ino(0), "")


class Watch(Closing):
    """What happened since it began, or since it was last asked. Close it, or `with`.

    Iterating ends when the watch is closed.
    """

    @abstractmethod
    def take(self, timeout_s: float = 0.0) -> list[Event]:
        """The events so far; waits for the first one up to `timeout_s` seconds."""

    @abstractmethod
    def close(self) -> None:
        """End it; again is nothing."""

    @property
    @abstractmethod
    def closed(self) -> bool:
        """Whether it has ended."""

    def __iter__(self) -> Iterator[Event]:
        while not self.closed:
            yield from self.take(1.0)


class LocalWatch(Watch):
    """A watch in the process that owns the filesystem.

    Args:
        end: takes the watch out of the filesystem.
    """

    def __init__(self, end: "Callable[[LocalWatch], None]") -> None:
        self._end = end
        self._condition = Condition()
        self._events: deque[Event] = deque()
        self._closed = False

    def tell(self, events: Iterable[Event]) -> None:
        """Add events; called with the store's lock held."""
        with self._condition:
            self._events.extend(events)
            if len(self._events) > EVENTS_MAX:
                while len(self._events) >= EVENTS_MAX:
                    self._events.popleft()
                self._events.appendleft(_LOST)
            self._condition.notify_all()

    def take(self, timeout_s: float = 0.0) -> list[Event]:
        """The events so far; waits for the first one up to `timeout_s` seconds."""
        with self._condition:
            self._condition.wait_for(lambda: self._events or self._closed, timeout_s)
            events = list(self._events)
            self._events.clear()
            return events

    def close(self) -> None:
        """End it; again is nothing."""
        if not self._closed:
            self._end(self)
            with self._condition:
                self._closed = True
                self._condition.notify_all()

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._closed


def events(table: InodeTable, changes: Iterable[Change]) -> list[Event]:
    """What the changes, just made, mean to a watch; without repetitions."""
    actor = "" if table.span is None else table.span.actor
    found: dict[Event, None] = {}
    for change in changes:
        if change.kind is ChangeKind.ENTRY:
            for kind, path, ino in _entry(table, change):
                found[Event(kind, as_str(path), ino, actor)] = None
        elif change.kind is not ChangeKind.ACCESS:
            where = table.path(change.ino)
            if where is not None:
                kind = _KINDS[change.kind]
                found[Event(kind, as_str(where), change.ino, actor)] = None
    return list(found)


_KINDS = {
    ChangeKind.CONTENT: EventKind.MODIFIED,
    ChangeKind.ATTRIBUTES: EventKind.ATTRIBUTES,
}


def _entry(table: InodeTable, change: Change) -> Iterator[tuple[EventKind, bytes, Ino]]:
    """What became of one name; nothing if its directory has none any more."""
    above = table.path(change.ino)
    if above is None:
        return
    path = above.rstrip(b"/") + b"/" + change.name
    if change.old:
        yield EventKind.REMOVED, path, change.old
    directory = table.directory(change.ino)
    inode = table.child(directory, change.name)
    if inode is not None:
        yield EventKind.CREATED, path, inode.ino
