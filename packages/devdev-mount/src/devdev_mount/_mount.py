"""`mount()`: show a filesystem at a directory, from this process."""

import atexit
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Self, get_args

from devdev_fs import Fs

from devdev_mount._driver import (
    DEFAULT_DRIVER,
    Driver,
    DriverName,
    MountOptions,
    Session,
)
from devdev_mount._errors import DriverUnavailable
from devdev_mount._reports import PullReport, PushReport

_DEFAULT_OPTIONS = MountOptions()


def load_driver(name: DriverName) -> Driver:
    """The driver of that name.

    Raises:
        DriverUnavailable: there is none on this platform.
        ValueError: there is none.
    """
    if name not in get_args(DriverName):
        known = ", ".join(get_args(DriverName))
        raise ValueError(f"driver={name!r}: must be one of {known}")
    if name == "winfsp":
        from devdev_mount._winfsp import WinFspDriver

        return WinFspDriver()
    if name == "copy":
        if sys.platform != "win32":
            from devdev_mount._copy import CopyDriver

            return CopyDriver()
    elif sys.platform == "linux":
        if name == "libfuse":
            from devdev_mount._libfuse import LibfuseDriver

            return LibfuseDriver()
        from devdev_mount._fuse import FuseDriver

        return FuseDriver()
    kind = "copy" if name == "copy" else "mount"
    raise DriverUnavailable(f"there is no {kind} driver for {sys.platform!r}")


def check_mountable(
    options: MountOptions = _DEFAULT_OPTIONS, *, driver: DriverName = DEFAULT_DRIVER
) -> None:
    """Refuse what this host does not offer, without mounting anything.

    Raises:
        DriverUnavailable: it names what is missing and how to get it.
        ValueError: there is no such driver.
    """
    load_driver(driver).check(options)


class Mount:
    """A filesystem shown at a directory; a context manager that unmounts.

    Nothing of it is left behind however this process ends: a watcher process
    unmounts within two seconds after a SIGKILL. A forked child has no part in it.
    """

    def __init__(self, fs: Fs, driver: str, session: Session, undo: ExitStack) -> None:
        self.fs = fs
        """The filesystem."""
        self.path = Path(session.path)
        """Where it is to be seen."""
        self.driver = driver
        """The name of the driver."""
        self._session = session
        self._undo = undo
        self._lock = RLock()
        self._owner = os.getpid()
        atexit.register(self.unmount)

    @property
    def is_alive(self) -> bool:
        """Whether the filesystem is shown there now."""
        return os.getpid() == self._owner and self._session.is_alive

    @property
    def requests(self) -> dict[str, int]:
        """How often the kernel asked for what so far, by the name of the request."""
        return self._session.requests

    def attribute(self, pid: int, span: int) -> None:
        """Let what a process does through the mount belong to a span of changes.

        It counts for all threads of the process and for all that descend from it, as
        far as they are seen before their parents end, or carry `environment`; the
        nearest registered ancestor counts. Another span takes the place of the first,
        and 0 takes it back. What no span claims belongs to nobody; so do pages of a
        mapping that are written back, unless the file's last writer is known. With
        the copy driver it has no effect: what is pulled belongs to who pulls.

        Raises:
            ProcessLookupError: there is no such process.
        """
        self._session.attribute(pid, span)

    def environment(self, span: int) -> dict[str, str]:
        """What to add to a program's environment for `attribute` to know it by.

        It helps with descendants whose parents have ended, and has effect while any
        process is registered for the span. Where ancestry tells a span, that counts.
        """
        return self._session.environment(span)

    def push(self) -> PushReport:
        """Show what changed in the filesystem; a mount does that by itself.

        With the copy driver, call it before programs use the directory. What they
        changed in the same things is pulled first.

        Raises:
            MountError: the host refused something; it says what, where and why. What
                was shown is shown in part; the next push goes on from there, and
                until one succeeds no program must be started.
            FsError, OSError: as `pull`, if there was something to pull.
        """
        return self._session.push()

    def pull(self, actor: str | None = None) -> PullReport:
        """Bring in what programs changed; with a mount it is in already.

        With the copy driver, call it after programs used the directory. It is one
        change, all or nothing. What was changed on both sides since the last push is
        merged; where that cannot be, the filesystem's version stays and the programs'
        is put beside it.

        Args:
            actor: whom to attribute it to; None is who acts already, if anybody.

        Raises:
            FsError: ENOSPC, EFBIG: with the path. The directory has it all: make room
                and pull again.
            OSError: something in the directory cannot be read.
            MergeConflict: others kept changing the same things; pull again.
            MountError: programs kept changing the directory while it was read.
        """
        return self._session.pull(actor)

    def unmount(self) -> None:
        """Stop showing it; a second time does nothing.

        Programs that still use a mount get half a second to let go. After that they
        get ENOTCONN for whatever they do there. All that they wrote is in the store.

        Raises:
            MountError: it is still mounted, or the thread that served it hangs.
            FsError, OSError, MergeConflict: as `pull`, which the copy driver does for
                a last time. The directory is left as it is; a second `unmount`
                removes it with all that was not pulled.
        """
        if os.getpid() != self._owner:
            return
        with self._lock:
            try:
                self._session.stop()
            finally:
                # A directory that could not be pulled is not removed.
                if not self._session.is_alive:
                    atexit.unregister(self.unmount)
                    self._undo.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.unmount()

    def __repr__(self) -> str:
        return f"<Mount: {str(self.path)!r}, driver {self.driver!r}>"


def mount(
    fs: Fs,
    mountpoint: str | os.PathLike[str] | None = None,
    *,
    options: MountOptions = _DEFAULT_OPTIONS,
    driver: DriverName = DEFAULT_DRIVER,
    spin_s: float = 0.0,
    lifeline: int | None = None,
) -> Mount:
    """Show `fs` at a directory, served by a thread of this process.

    With the copy driver nothing is mounted: the directory is a copy, which `push` and
    `pull` keep in step. It needs no privilege, and has none of the hazards below.

    A mount is the building block, right for a process that does nothing else. In any
    other there are hazards, since whatever touches the mount while it holds the
    interpreter's lock waits for ever for this very process:

    - a page fault in a memory-mapped file of the mount;
    - importing an extension module from it;
    - `os.posix_spawn` of a program on it, and on CPython before 3.11.4 `subprocess`
      with a directory of it as `cwd`. Elsewhere `subprocess` is safe, because its
      use of vfork and posix_spawn is switched off while such a mount lives;
    - any other call that keeps the lock while it waits, as `os.get_terminal_size` of
      a file there;
    - and each request waits for a thread that is busy in Python.

    `serve()` has none of them: a process of its own owns filesystem and mount.

    Args:
        fs: what to show. It may be mounted several times; each mount caches and
            locks on its own, and learns of the others' changes after they are done.
        mountpoint: an empty directory; None makes a private one, removed at the end.
            On Windows it can be a drive (`X:`) as well; None is the next that is
            free, and a directory is removed at the end.
        options: how to show it.
        driver: "fuse" mounts it, "libfuse" does over that library, "winfsp" on
            Windows; "copy" copies it. "fuse" and "winfsp" are the defaults.
        spin_s: how long to poll for the next request before sleeping. It saves the
            wake-up, and burns a processor for so long after each request.
        lifeline: the read end of a pipe that closes when another process ends, on
            whose behalf this one serves. If this process then still serves after
            a second, the watcher kills it. The descriptor stays the caller's.

    Raises:
        DriverUnavailable: this host cannot mount; it names what is missing.
        MountError: it cannot be mounted there.
        ValueError: there is no such driver.
    """
    loaded = load_driver(driver)
    loaded.check(options)
    with ExitStack() as undo:
        if mountpoint is None:
            path = loaded.private(undo)
        else:
            path = loaded.resolve(mountpoint)
        session = loaded.start(
            fs,
            path,
            options,
            is_private=mountpoint is None,
            spin_s=spin_s,
            lifeline=lifeline,
        )
        return Mount(fs, loaded.name, session, undo.pop_all())
