"""What a server has: a filesystem, its mounts and those of its forks."""

import sys

if sys.platform != "linux":
    raise ImportError("only Linux has a mount driver")

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from threading import Lock
from typing import Any

from devdev_fs import Fs, FsBase

from devdev_mount._driver import DriverName, MountOptions
from devdev_mount._errors import MountError, StateError
from devdev_mount._messages import MountPlace, encode_report, encode_saved
from devdev_mount._mount import Mount, mount
from devdev_mount._registry import Record, Registration
from devdev_mount._state import Keeper
from devdev_mount._status import ClientStatus, MountStatus, ServedStatus
from devdev_mount._turn import turn_at

SPIN = 0.00005
"""Seconds to poll for the next request before sleeping, since being woken up costs
more than most requests do."""

TAKE_TIMEOUT = 300.0
"""For who ended a mount to take what was in it."""


class Serving:
    """The mounts of a server, by number; 0 is the first.

    `_lock` guards the tables; it is not held while mounting.
    """

    def __init__(
        self,
        fs: Fs,
        lifeline: int,
        registration: Registration,
        keeper: Keeper | None = None,
    ) -> None:
        self.fs = fs
        self.keeper = keeper
        """Keeps the filesystem's state, if anything does."""
        self._lifeline = lifeline
        self._registration = registration
        self.key = registration.key
        """What clients that attach have to show."""
        self._owner = os.getppid()
        self._lock = Lock()
        self._mounts: dict[int, tuple[Mount, MountPlace]] = {}
        self._next = 0
        self._takers = 0
        """Clients that have ended a mount and are there still."""
        self._taken_until = 0.0
        self.clients: Callable[[], tuple[ClientStatus, ...]] = tuple
        """Tells who is attached."""

    def unmount_all(self) -> None:
        """End every mount; the last one first."""
        with ExitStack() as ends:
            for mounted, _ in [*self._mounts.values()]:
                ends.callback(_drop, mounted)

    # --- mounts ------------------------------------------------------------------

    def mount(
        self,
        fs: FsBase,
        mountpoint: str | None,
        driver: DriverName,
        options: dict[str, Any],
    ) -> MountPlace:
        """Mount the filesystem, or a fork of it."""
        assert isinstance(fs, Fs)
        settings = MountOptions(**options)
        with turn_at(mountpoint):
            mounted = mount(
                fs,
                mountpoint,
                options=settings,
                driver=driver,
                spin_s=SPIN,
                lifeline=self._lifeline,
            )
        with self._lock:
            number, self._next = self._next, self._next + 1
            place = MountPlace(
                number=number,
                path=os.fspath(mounted.path),
                driver=mounted.driver,
                read_only=settings.read_only,
                since=time.time(),
            )
            self._mounts[number] = mounted, place
            self._tell()
        return place

    def unmount(self, number: int) -> None:
        """End a mount; again is nothing."""
        entry = self._mounts.get(number)
        if entry is not None:
            entry[0].unmount()
            with self._lock:
                self._mounts.pop(number, None)
                self._tell()

    def _tell(self) -> None:
        """Let others find what is mounted now."""
        # It may not be published, or not any more; or the disk is full.
        with suppress(OSError):
            self._registration.update(self.record())

    def record(self) -> Record:
        """What the server says of itself."""
        mounts = tuple(place for _, place in self._mounts.values())
        return Record(pid=os.getpid(), owner=self._owner, mounts=mounts, key=self.key)

    def at(self, number: int) -> tuple[Mount, MountPlace]:
        """The mount of that number.

        Raises:
            MountError: it is closed.
        """
        entry = self._mounts.get(number)
        if entry is None:
            raise MountError("this mount is closed")
        return entry

    # --- what clients ask of a mount ---------------------------------------------

    def attribute(self, number: int, pid: int, span: int) -> bytes:
        """See `Mount.attribute`."""
        self.at(number)[0].attribute(pid, span)
        return b"null"

    def requests(self, number: int) -> bytes:
        """See `Mount.requests`."""
        return json.dumps(self.at(number)[0].requests).encode()

    def push(self, number: int) -> bytes:
        """See `Mount.push`."""
        return encode_report(self.at(number)[0].push())

    def pull(self, number: int, actor: str | None) -> bytes:
        """See `Mount.pull`."""
        return encode_report(self.at(number)[0].pull(actor))

    def keeps(self, fs: Fs) -> bool:
        """Whether the state of that filesystem is kept."""
        return self.keeper is not None and fs is self.fs

    def save(self, actor: str, history: bool) -> bytes:
        """See `Client.save`."""
        if self.keeper is None:
            raise StateError("no state is kept: it was served without a directory")
        return encode_saved(self.keeper.save(actor, history=history))

    def saved(self) -> bytes:
        """See `Client.saved`."""
        return encode_saved(None if self.keeper is None else self.keeper.saved)

    def status(self) -> ServedStatus:
        """What is served at the moment, and to whom."""
        with self._lock:
            entries = [*self._mounts.values()]
            first = self._mounts.get(0)
            is_taken = self._takers > 0 and time.monotonic() < self._taken_until
        return ServedStatus(
            mounts=tuple(_status(mounted, place) for mounted, place in entries),
            clients=self.clients(),
            is_shown=is_taken or (first is not None and first[0].is_alive),
        )

    @contextmanager
    def ending(self) -> Iterator[None]:
        """The first mount counts as shown, to its owner, until this is left.

        Or for `TAKE_TIMEOUT`, since who took what is in it may be stopped.
        """
        with self._lock:
            self._takers += 1
            self._taken_until = time.monotonic() + TAKE_TIMEOUT
        try:
            yield
        finally:
            with self._lock:
                self._takers -= 1


def _status(mounted: Mount, place: MountPlace) -> MountStatus:
    space = mounted.fs.inodes.statvfs()
    return MountStatus(
        **asdict(place),
        used_bytes=(space.blocks - space.blocks_free) * space.block_size,
        max_bytes=space.blocks * space.block_size,
        used_inodes=space.inodes - space.inodes_free,
        max_inodes=space.inodes,
    )


def _drop(mounted: Mount) -> None:
    """End a mount together with the filesystem."""
    try:
        mounted.unmount()
    except (OSError, ValueError):
        # A copy that cannot be pulled: nobody could see any more what it would bring.
        mounted.unmount()
