"""`Fs`: the one lock, and who sees what an operation changed.

Lock order: `Fs._lock` is the only lock of this package. It is held for exactly
one operation and never while calling a mirror, with one exception that is
stated there (`Mirror.orphaned`).
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Concatenate, Protocol, get_args

from devdev_fs import _history
from devdev_fs._acting import span_of
from devdev_fs._archive import ByteSource, Reading
from devdev_fs._attr import set_limits
from devdev_fs._base import FsBase
from devdev_fs._clock import Clock, SystemClock
from devdev_fs._image import Image
from devdev_fs._inodeops import InodeOps
from devdev_fs._overlay import begin_unpacking, put_in_place
from devdev_fs._paths import Path
from devdev_fs._runner import Operation, P, T
from devdev_fs._snapshotdump import Whole
from devdev_fs._snapshotload import each_piece, load
from devdev_fs._table import DEFAULT_MAX_BYTES, DEFAULT_MAX_INODES, InodeTable
from devdev_fs._types import PAGE_SIZE, AtimePolicy, Change, Ino
from devdev_fs._unpack import Unpacking
from devdev_fs._versions import Checkpoint
from devdev_fs._watch import LocalWatch, events


class Mirror(Protocol):
    """Something that shows the store and caches it: a mount."""

    def flush(self) -> None:
        """Write back what it holds and the store does not have yet.

        Called before each operation of the API, with no lock held.
        """
        ...

    def orphaned(self, moves: Sequence[tuple[Ino, Ino]]) -> None:
        """A restore gave these pinned inodes, no longer part of it, other numbers.

        Called with the store's lock held: it must only take note, and not block.
        """
        ...

    def changed(self, changes: Sequence[Change]) -> None:
        """Stop showing what was before these changes; return when that is done.

        Called after the operation, with no lock held. It may come from several
        threads at once, and not in the order of the operations.
        """
        ...


class Attachment:
    """A mirror's own way to the store: its operations are not told back to it.

    What it changes is told to the other mirrors by `publish`, which the mirror
    calls once it has answered: a kernel that waits for the answer can hold locks
    that another mirror's notification would wait for.
    """

    def __init__(self, fs: "Fs", mirror: Mirror) -> None:
        self._fs = fs
        self._mirror = mirror
        self._unpublished: list[Change] = []
        self.span = 0
        """The span that what comes next belongs to; 0 is no actor's."""
        self.inodes = InodeOps(self._run)
        self.lock = fs._lock
        """The store's lock, re-entrant: to be held over what belongs together."""

    def _run(self, op: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        table = self._fs._table
        with self.lock:
            if table.acting != self.span:
                table.act_for(self.span)
            table.tells = len(self._fs._mirrors) > 1 or bool(self._fs._watches)
            try:
                return op(table, *args, **kwargs)
            finally:
                if self._fs._watches:
                    self._fs._tell_watches_locked()
                if len(self._fs._mirrors) > 1:
                    self._unpublished += table.take_changes()
                else:
                    table.changes.clear()

    def path(self, ino: Ino) -> bytes | None:
        """A path that leads to an inode, from the root; None if it has no name."""
        with self.lock:
            return self._fs._table.path(ino)

    @contextmanager
    def unobserved(self) -> Iterator[None]:
        """Have reading move no time of access: for a mirror's own looks around.

        The store's lock is held meanwhile.
        """
        with self.lock:
            table = self._fs._table
            policy, table.atime_policy = table.atime_policy, "never"
            try:
                yield
            finally:
                table.atime_policy = policy

    @property
    def has_unpublished(self) -> bool:
        """Whether `publish` has something to tell."""
        return bool(self._unpublished)

    def publish(self) -> None:
        """Tell the other mirrors what this one changed since the last time."""
        with self.lock:
            changes, self._unpublished = self._unpublished, []
        if changes:
            for mirror in self._fs._mirrors:
                if mirror is not self._mirror:
                    mirror.changed(changes)

    def detach(self) -> None:
        """Stop mirroring. Pins that it holds are not let go of by this."""
        with self.lock:
            others = (other for other in self._fs._mirrors if other is not self._mirror)
            self._fs._mirrors = tuple(others)


class Fs(FsBase):
    """An in-memory filesystem, with POSIX semantics; safe to use from many threads.

    Its methods take paths; `inodes` has the operations addressed by inode number.
    Nothing of the host is touched. Two filesystems that are given the same clock
    and the same calls are the same, byte for byte.

    Args:
        clock: the source of all time stamps, the root's included.
        umask: taken off the mode of what is made without a caller's own umask.
        max_bytes: quota on content, counted in pages of 4096 bytes; holes are free.
        max_inodes: quota on inodes.
        atime: when reading moves the time of access: "strict", each time;
            "relative", as relatime of Linux's mounts; "never".

    Raises:
        FsError: EINVAL (a limit is negative or beyond 64 bits).
        ValueError: another `atime`.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        umask: int = 0o022,
        max_bytes: int = DEFAULT_MAX_BYTES,
        max_inodes: int = DEFAULT_MAX_INODES,
        atime: AtimePolicy = "strict",
    ) -> None:
        super().__init__()
        if atime not in get_args(AtimePolicy):
            known = ", ".join(get_args(AtimePolicy))
            raise ValueError(f"atime {atime!r}: must be one of {known}")
        self._lock = RLock()
        self._mirrors: tuple[Mirror, ...] = ()
        self._watches: tuple[LocalWatch, ...] = ()
        self._table = InodeTable(
            clock=SystemClock() if clock is None else clock,
            umask=umask,
            max_pages=0,
            max_inodes=0,
        )
        self._table.atime_policy = atime
        set_limits(self._table, max_bytes, max_inodes)
        self._table.make_root()

    def run(self, op: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        mirrors = self._mirrors
        for mirror in mirrors:
            mirror.flush()
        changes: list[Change] = []
        try:
            with self._lock:
                table = self._table
                span = span_of(self)
                if table.acting != span:
                    table.act_for(span)
                table.tells = bool(self._mirrors or self._watches)
                try:
                    return op(table, *args, **kwargs)
                finally:
                    mirrors = self._mirrors
                    changes = self._take_changes_locked()
        finally:
            if changes:
                for mirror in mirrors:
                    mirror.changed(changes)

    def _take_changes_locked(self) -> list[Change]:
        table = self._table
        if table.orphaned:
            moves, table.orphaned = table.orphaned, []
            for mirror in self._mirrors:
                mirror.orphaned(moves)
        if self._watches:
            self._tell_watches_locked()
        return table.take_changes() if table.changes else []

    def attach(self, mirror: Mirror) -> Attachment:
        """Let `mirror` show this filesystem; for drivers."""
        with self._lock:
            self._mirrors = (*self._mirrors, mirror)
        return Attachment(self, mirror)

    def close(self) -> None:
        """Nothing: what it holds goes with it."""

    def compute(self, op: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return op(*args, **kwargs)

    def is_beside(self, other: FsBase) -> bool:
        return isinstance(other, Fs)

    def image(self, point: int) -> Image:
        return self.run(_history.image, point)

    def whole(self, history: bool) -> Whole:
        return self.run(_history.whole, history)

    def load_from(
        self,
        file: ByteSource,
        *,
        max_bytes: int | None = None,
        max_inodes: int | None = None,
    ) -> None:
        loaded = load(
            each_piece(file),
            self._at(None),
            max_bytes=max_bytes,
            max_inodes=max_inodes,
        )
        self.run(_history.become, loaded)

    def parts(
        self, op: Callable[P, Iterator[bytes]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Generator[bytes, None, None]:
        yield from op(*args, **kwargs)

    def unpack(
        self,
        op: Callable[Concatenate[Unpacking, P], Reading[Unpacking]],
        path: Path,
        devices: bool,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Reading[int]:
        unpacking = self.run(begin_unpacking, path, devices)
        yield from op(unpacking, *args, **kwargs)
        return self.run(put_in_place, unpacking)

    def fork(self, point: Checkpoint | int | None = None) -> "Fs":
        return self._twin(self._at(point))

    def fork_and_dump(
        self, since: FsBase | None = None, *, history: bool = False
    ) -> tuple["Fs", Iterator[bytes]]:
        """A fork of this moment, and piece by piece what `dump` writes of the same.

        So the fork is what the next `dump(since=...)` goes on from. What is written
        is the moment's, however late it is taken.

        Args:
            since: as of `dump`.
            history: as of `dump`; the fork has none.
        """
        whole = self.whole(history)
        return self._twin(whole.image), self._dumped(whole, since)

    def _twin(self, image: Image) -> "Fs":
        table = self._table
        twin = Fs(clock=table.clock, umask=table.umask)
        twin._table = InodeTable(
            clock=table.clock, umask=table.umask, max_pages=0, max_inodes=0
        )
        twin._table.history_limits = table.history_limits
        twin._table.atime_policy = table.atime_policy
        twin._table.thaw(image)
        return twin

    def watch(self) -> LocalWatch:
        watch = LocalWatch(self._unwatch)
        with self._lock:
            self._watches = (*self._watches, watch)
        return watch

    def _unwatch(self, watch: LocalWatch) -> None:
        with self._lock:
            others = (other for other in self._watches if other is not watch)
            self._watches = tuple(others)

    def _tell_watches_locked(self) -> None:
        happened = events(self._table, self._table.changes)
        if happened:
            for watch in self._watches:
                watch.tell(happened)

    def __repr__(self) -> str:
        table = self._table
        used = table.pages_used * PAGE_SIZE
        return f"<Fs: {table.inode_count} inodes, {used} bytes>"
