"""Snapshots that the server keeps: a bounded number of bounded size, oldest out."""

import hashlib
from dataclasses import dataclass
from threading import Lock

from devdev_mcp._errors import ToolFailure

MAX_SNAPSHOTS = 32
MAX_BYTES = 1024**3


@dataclass(frozen=True, slots=True)
class Kept:
    """One snapshot."""

    id: str
    """Comes from the bytes, so the same state has the same id."""
    label: str
    digest: str
    """Of the tree: the same names, modes and content give the same."""
    data: bytes


class SnapshotShelf:
    """Keeps snapshots in the order in which they were put here."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[str, Kept] = {}

    def put(self, data: bytes, digest: str, label: str) -> tuple[Kept, list[str]]:
        """Keep a snapshot as the newest; returns it and the ids that had to go.

        Raises:
            ToolFailure: TOO_LARGE.
        """
        if len(data) > MAX_BYTES:
            message = f"a snapshot of {len(data)} bytes is not kept, only {MAX_BYTES}"
            hint = "Remove what is not needed from the workspace first."
            raise ToolFailure("TOO_LARGE", message, hint=hint)
        kept = Kept(hashlib.sha256(data).hexdigest()[:12], label, digest, data)
        with self._lock:
            self._kept.pop(kept.id, None)
            self._kept[kept.id] = kept
            return kept, self._make_room()

    def _make_room(self) -> list[str]:
        dropped = []
        size = sum(len(kept.data) for kept in self._kept.values())
        while size > MAX_BYTES or len(self._kept) > MAX_SNAPSHOTS:
            oldest = next(iter(self._kept))
            size -= len(self._kept.pop(oldest).data)
            dropped.append(oldest)
        return dropped

    def get(self, snapshot_id: str) -> Kept:
        """The snapshot of that id.

        Raises:
            ToolFailure: NO_SNAPSHOT.
        """
        with self._lock:
            kept = self._kept.get(snapshot_id)
        if kept is None:
            ids = ", ".join(snapshot.id for snapshot in self.all()) or "none"
            message = f"there is no snapshot {snapshot_id!r}"
            hint = f"Kept are: {ids}. Older ones may have been dropped."
            raise ToolFailure("NO_SNAPSHOT", message, hint=hint)
        return kept

    def all(self) -> list[Kept]:
        """What is kept, the oldest first."""
        with self._lock:
            return list(self._kept.values())
