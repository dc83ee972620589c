"""What is served, where, and by whom it is used: plain values."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class MountStatus:
    """One place where a server shows a filesystem."""

    number: int
    """What the server knows it by; 0 is the first."""
    path: str
    driver: str
    read_only: bool
    since: float
    """When it was mounted, in seconds since 1970."""
    used_bytes: int
    max_bytes: int
    """What of the quota on content is taken, and the quota."""
    used_inodes: int
    max_inodes: int
    """The same of the quota on inodes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientStatus:
    """A client that is attached; see `attach`."""

    pid: int
    """Its process."""
    actor: str | None
    """To whom its changes are attributed; None is nobody."""
    since: float
    """When it was attached, in seconds since 1970."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedStatus:
    """What a server does at the moment."""

    mounts: tuple[MountStatus, ...]
    """The first one, and the further ones."""
    clients: tuple[ClientStatus, ...]
    """Who is attached; the owner is not."""
    is_shown: bool
    """Whether the first mount is there; or who ended it is not done yet, as it takes
    what was in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedPlace:
    """A mount as `list_served` finds it."""

    path: str
    driver: str
    read_only: bool
    since: float
    """When it was mounted, in seconds since 1970."""
    pid: int
    """The process that serves it."""
    owner: int
    """The process that it is served for, and ends with."""
    status: MountStatus | None
    """What the server says of it; None if it did not answer in time."""
    clients: tuple[ClientStatus, ...] = ()
    """Who is attached to the server."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """A process that uses a mount."""

    pid: int
    program: str
    """Its name, as ps(1) shows it."""
    path: str
    """Something that it holds there: its directory, a file, its program."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedState:
    """What is saved of a filesystem, and where."""

    directory: str
    saved_at: float
    """When the last save was begun, in seconds since 1970."""
    bytes: int
    """What the saves take on disk."""
    changes: int
    """How many saves go on from the base."""
    failure: str
    """Why the last try to save failed; empty if it did not."""
