"""What a driver is, and how a filesystem is to be shown."""

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal, Protocol

from devdev_fs import Fs

from devdev_mount._reports import PullReport, PushReport

DriverName = Literal["fuse", "libfuse", "winfsp", "copy"]
"""How a filesystem is shown: mounted, by the kernel's protocol itself, over libfuse, or
over WinFsp on Windows; or as a copy that is kept in step."""

DEFAULT_DRIVER: DriverName = "winfsp" if sys.platform == "win32" else "fuse"
"""The one for this platform."""

REQUEST_TIMEOUT_MAX = 2**16 - 1
"""The longest that the kernel can be told, in seconds: about 18 hours."""

SPAN_VARIABLE = "DEVDEV_SPAN"
"""The environment variable that marks a program as a span's."""


def span_environment(span: int, mountpoint: str) -> dict[str, str]:
    """What marks a program as a span's on the mount there; see `Mount.environment`."""
    return {SPAN_VARIABLE: f"{span}:{mountpoint}"}


@dataclass(frozen=True, kw_only=True, slots=True)
class MountOptions:
    """How a filesystem is shown to the host."""

    read_only: bool = False
    """Refuse every change that arrives through the mount with EROFS."""

    allow_other: bool = False
    """Let other users in, as the permission bits say; root is one of them. Who is not
    root needs `user_allow_other` in /etc/fuse.conf for it."""

    ownership: Literal["mapped", "exact"] = "mapped"
    """Whose the files are. With "mapped" all are shown as the mounting user's and new
    ones are stored as 0:0; a chown that is permitted succeeds and leaves the owner as
    it is; users and groups that an access control list names are kept, and let in. With
    "exact" the numbers are real; a new inode belongs to who makes it."""

    suid: bool = False
    """Let set-id bits have their effect; only root may ask for it."""

    dev: bool = False
    """Let device nodes be used; only root may ask for it."""

    request_timeout: int = 120
    """Seconds after which the kernel, where it can (Linux 6.14), gives up the mount if
    a request was not answered; it looks every 15 seconds. 0 is never, 65535 the most.
    Who waits then gets ECONNABORTED, and the mount is gone."""

    def __post_init__(self) -> None:
        if not 0 <= self.request_timeout <= REQUEST_TIMEOUT_MAX:
            raise ValueError(
                f"request_timeout is {self.request_timeout}; it is 0 (never) to "
                f"{REQUEST_TIMEOUT_MAX} seconds"
            )


class Session(Protocol):
    """One driver showing one filesystem at one place."""

    @property
    def path(self) -> str:
        """Where the filesystem is to be seen."""
        ...

    @property
    def is_alive(self) -> bool:
        """Whether it still shows it."""
        ...

    @property
    def requests(self) -> dict[str, int]:
        """How often the kernel asked for what so far, by the name of the request."""
        ...

    def attribute(self, pid: int, span: int) -> None:
        """Register a process for a span; see `Mount.attribute`."""
        ...

    def environment(self, span: int) -> dict[str, str]:
        """What marks a program as the span's; see `Mount.environment`."""
        ...

    def push(self) -> PushReport:
        """Show what changed in the filesystem; see `Mount.push`."""
        ...

    def pull(self, actor: str | None = None) -> PullReport:
        """Bring in what programs changed; see `Mount.pull`."""
        ...

    def stop(self) -> None:
        """Stop showing it, by force if need be, within seconds; again is nothing.

        Raises:
            MountError: it is still mounted, or what serves it does not end.
            FsError, OSError, MergeConflict: as `pull`. What could not be pulled is
                left as it is; a second `stop` drops it.
        """
        ...


class MountedSession:
    """What sessions of a mount have in common: nothing has to be copied."""

    _undo: ExitStack
    """What unmounts."""

    def push(self) -> PushReport:
        """Nothing: a mount shows every change when it is made."""
        return PushReport()

    def pull(self, actor: str | None = None) -> PullReport:
        """Nothing: what programs change is in the filesystem."""
        return PullReport()

    def stop(self) -> None:
        """Unmount; see `Session.stop`."""
        self._undo.close()


class Driver(Protocol):
    """A way to mount."""

    name: str

    def check(self, options: MountOptions) -> None:
        """Refuse what this host does not offer.

        Raises:
            DriverUnavailable: it names what is missing and how to get it.
        """
        ...

    def private(self, undo: ExitStack) -> str:
        """A place of the mount's own, for who names none; `undo` removes it again."""
        ...

    def resolve(self, mountpoint: str | os.PathLike[str]) -> str:
        """The absolute path, without symbolic links, of a place to mount at.

        Raises:
            MountError: it cannot be used.
        """
        ...

    def start(
        self,
        fs: Fs,
        mountpoint: str,
        options: MountOptions,
        *,
        is_private: bool,
        spin_s: float = 0.0,
        lifeline: int | None = None,
    ) -> Session:
        """Show `fs`, with a watcher over it; return when a stat of it is answered.

        Args:
            fs: what to show.
            mountpoint: what `resolve` gave.
            options: how to show it.
            is_private: whether the watcher is to remove the directory as well, if it
                is left alone with it.
            spin_s: how long to poll for the next request before sleeping.
            lifeline: see `mount`.

        Raises:
            DriverUnavailable: this host lacks something.
            MountError: it cannot be mounted there.
        """
        ...
