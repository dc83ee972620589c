"""The JSON messages about a served filesystem: how to start, how far, what failed."""

import json
import os
from dataclasses import asdict, dataclass
from typing import Any

from devdev_fs import FsError, SnapshotError

from devdev_mount._errors import DriverUnavailable, MountError
from devdev_mount._host import ImportReport


@dataclass(frozen=True, kw_only=True, slots=True)
class StartRequest:
    """What to serve, and where; plain values, as they go over the wire."""

    mountpoint: str | None
    options: dict[str, Any]
    """`MountOptions`, by field."""
    max_bytes: int
    max_inodes: int
    umask: int
    clock: tuple[int, int] | None
    """A `ManualClock`'s time and step; None is the system's clock."""
    has_snapshot: bool

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


def encode_report(report: ImportReport) -> bytes:
    """The payload of a PROGRESS or IMPORTED frame."""
    return json.dumps(asdict(report)).encode()


def decode_report(payload: bytes) -> ImportReport:
    """What `encode_report` was given."""
    fields = json.loads(payload)
    return ImportReport(**fields | {"skipped": tuple(fields["skipped"])})


_FAILURES: dict[str, type[Exception]] = {
    each.__name__: each
    for each in (DriverUnavailable, MountError, SnapshotError, ValueError)
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
    return json.dumps(fields).encode()


def decode_failure(payload: bytes) -> Exception:
    """The exception that `encode_failure` was given."""
    fields = json.loads(payload)
    if fields["type"] == "FsError":
        return FsError(fields["errno"], fields["message"], fields["path"])
    if fields["type"] == "OSError":
        return OSError(fields["errno"], fields["message"], fields["path"])
    return _FAILURES.get(fields["type"], MountError)(fields["message"])
