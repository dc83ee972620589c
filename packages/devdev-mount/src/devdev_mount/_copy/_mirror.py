"""Which inodes of the filesystem may not be what the directory shows."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock, get_ident

from devdev_fs import Change, ChangeKind, Ino


class DirtyInodes:
    """Takes note of what others change; a mirror of the filesystem."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._dirty: set[Ino] = set()
        self._own: set[Ino] = set()
        self._publisher = 0

    def flush(self) -> None:
        """Nothing is held back: programs' changes come by a pull."""

    def orphaned(self, moves: Sequence[tuple[Ino, Ino]]) -> None:
        """Nothing is pinned."""

    def changed(self, changes: Sequence[Change]) -> None:
        """Take note."""
        with self._lock:
            is_own = self._publisher == get_ident()
            inos = self._own if is_own else self._dirty
            inos.update(
                change.ino for change in changes if change.kind != ChangeKind.ACCESS
            )

    @contextmanager
    def publishing(self) -> Iterator[None]:
        """What this thread changes within is apart from what others do."""
        with self._lock:
            self._publisher = get_ident()
            self._own.clear()
        try:
            yield
        finally:
            with self._lock:
                self._publisher = 0

    def add_own(self) -> None:
        """Take what was published for what the directory may not show."""
        self.add(self._own)

    def add(self, inos: Iterable[Ino]) -> None:
        """Take note of inodes."""
        with self._lock:
            self._dirty.update(inos)

    def peek(self) -> set[Ino]:
        """What is noted."""
        with self._lock:
            return set(self._dirty)

    def take(self) -> set[Ino]:
        """What was noted since the last time."""
        with self._lock:
            taken, self._dirty = self._dirty, set()
            return taken
