"""The JSON messages about a served filesystem: how to start, what was done, or not."""

import json
import os
from dataclasses import asdict, dataclass
from typing import Any

from devdev_fs import (
    AtimePolicy,
    Conflict,
    ConflictKind,
    FsError,
    MergeConflict,
    SnapshotError,
)

from devdev_mount._driver import DriverName
from devdev_mount._errors import (
    DriverUnavailable,
    MountError,
    StateDamaged,
    StateError,
    StateInUse,
)
from devdev_mount._host import ImportReport
from devdev_mount._reports import PullReport, PushReport, Unkept
from devdev_mount._status import (
    ClientStatus,
    MountStatus,
    SavedState,
    ServedStatus,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class StartRequest:
    """What to serve, and where; plain values, as they go over the wire."""

    mountpoint: str | None
    driver: DriverName
    options: dict[str, Any]
    """`MountOptions`, by field."""
    max_bytes: int
    max_inodes: int
    umask: int
    atime: AtimePolicy
    clock: tuple[int, int] | None
    """A `ManualClock`'s time and step; None is the system's clock."""
    has_snapshot: bool
    state: dict[str, Any] | None
    """Where to keep the state, and how: `StateOptions`, by field; None is nowhere."""

    def encode(self, snapshot: bytes) -> bytes:
        """The payload of a START frame."""
        head = json.dumps(asdict(self)).encode()
        return b"".join((len(head).to_bytes(8, "big"), head, snapshot))

    @classmethod
    def decode(cls, payload: bytes) -> tuple["StartRequest", bytes]:
        """The request and the snapshot in the payload of a START frame."""
        length = int.from_bytes(payload[:8], "big")
        head, snapshot = payload[8 : 8 + length], payload[8 + length :]
        return cls(**json.loads(head)), snapshot


@dataclass(frozen=True, kw_only=True, slots=True)
class MountPlace:
    """Where a mount of the server is, as it goes over the wire."""

    number: int
    """What the server knows it by; 0 is the first."""
    path: str
    driver: str
    read_only: bool
    since: float
    """When it was mounted, in seconds since 1970."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ready:
    """What the owner is told when its filesystem is served."""

    place: MountPlace
    address: str | None
    """Where others find the server; None if nowhere."""
    is_kept: bool
    """Whether the server keeps its state in a directory."""

    def encode(self) -> bytes:
        """The payload of a READY frame."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, payload: bytes) -> "Ready":
        """What `encode` was given."""
        fields = json.loads(payload)
        return cls(**fields | {"place": MountPlace(**fields["place"])})


@dataclass(frozen=True, kw_only=True, slots=True)
class Welcome:
    """What a client that attaches is told."""

    place: MountPlace
    pid: int
    """The server's process."""
    token: str
    """What its further connections belong to it by."""
    span: int
    """What its changes belong to; 0 is nobody's."""
    is_kept: bool
    """Whether the server keeps its state in a directory."""

    def encode(self) -> bytes:
        """The payload of the answer to a HELLO frame."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, payload: bytes) -> "Welcome":
        """What `encode` was given."""
        fields = json.loads(payload)
        return cls(**fields | {"place": MountPlace(**fields["place"])})


def encode_saved(saved: SavedState | None) -> bytes:
    """The payload of the answer to a SAVE or a SAVED frame."""
    return json.dumps(None if saved is None else asdict(saved)).encode()


def decode_saved(payload: bytes) -> SavedState | None:
    """What `encode_saved` was given."""
    fields = json.loads(payload)
    return None if fields is None else SavedState(**fields)


def encode_status(status: ServedStatus) -> bytes:
    """The payload of the answer to a STATUS frame."""
    return json.dumps(asdict(status)).encode()


def decode_status(payload: bytes) -> ServedStatus:
    """The `ServedStatus` that `encode_status` was given."""
    fields = json.loads(payload)
    mounts = tuple(MountStatus(**each) for each in fields["mounts"])
    clients = tuple(ClientStatus(**each) for each in fields["clients"])
    return ServedStatus(**fields | {"mounts": mounts, "clients": clients})


def encode_report(report: ImportReport | PushReport | PullReport) -> bytes:
    """The payload of a frame that tells what was done, or how far it is."""
    return json.dumps(asdict(report)).encode()


def decode_import(payload: bytes) -> ImportReport:
    """The `ImportReport` that `encode_report` was given."""
    fields = json.loads(payload)
    return ImportReport(**fields | {"skipped": tuple(fields["skipped"])})


def decode_push(payload: bytes) -> PushReport:
    """The `PushReport` that `encode_report` was given."""
    fields = json.loads(payload)
    return PushReport(**fields | {"unkept": _unkept(fields["unkept"])})


def decode_pull(payload: bytes) -> PullReport:
    """The `PullReport` that `encode_report` was given."""
    fields = json.loads(payload)
    read = {
        "conflicts": tuple(_conflicts(fields["conflicts"])),
        "kept_beside": tuple(fields["kept_beside"]),
        "unkept": _unkept(fields["unkept"]),
        "unsettled": tuple(fields["unsettled"]),
    }
    return PullReport(**fields | read)


def _unkept(values: list[list[str]]) -> tuple[Unkept, ...]:
    return tuple(Unkept(path, reason) for path, reason in values)


def _conflicts(values: list[tuple[int, str, str]]) -> list[Conflict]:
    return [Conflict(ConflictKind(kind), path, why) for kind, path, why in values]


_FAILURES: dict[str, type[Exception]] = {
    each.__name__: each
    for each in (
        DriverUnavailable,
        MountError,
        SnapshotError,
        StateDamaged,
        StateError,
        StateInUse,
        ValueError,
    )
}


def encode_failure(error: Exception) -> bytes:
    """The payload of a FAILED frame: an exception that the owner is to raise."""
    fields: dict[str, object] = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, OSError) and fields["type"] not in _FAILURES:
        path = error.filename
        fields["type"] = "FsError" if isinstance(error, FsError) else "OSError"
        fields["errno"] = error.errno
        fields["message"] = error.strerror
        fields["path"] = os.fsdecode(path) if isinstance(path, bytes) else path
    if isinstance(error, MergeConflict):
        fields["conflicts"] = error.conflicts
    return json.dumps(fields).encode()


def decode_failure(payload: bytes) -> Exception:
    """The exception that `encode_failure` was given."""
    fields = json.loads(payload)
    if fields["type"] == "FsError":
        return FsError(fields["errno"], fields["message"], fields["path"])
    if fields["type"] == "OSError":
        return OSError(fields["errno"], fields["message"], fields["path"])
    if fields["type"] == "MergeConflict":
        return MergeConflict(_conflicts(fields["conflicts"]))
    return _FAILURES.get(fields["type"], MountError)(fields["message"])
