"""`mount()`: show a filesystem at a directory, from this process."""

import atexit
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Self

from devdev_fs import Fs

from devdev_mount._driver import Driver, MountOptions, Session
from devdev_mount._errors import DriverUnavailable
from devdev_mount._private import remove_directory
from devdev_mount._spawning import spawning_by_fork

_DEFAULT_OPTIONS = MountOptions()


def load_driver() -> Driver:
    """The driver of this platform.

    Raises:
        DriverUnavailable: there is none.
    """
    if sys.platform == "linux":
        from devdev_mount._fuse import FuseDriver

        return FuseDriver()
    raise DriverUnavailable(f"there is no mount driver for {sys.platform!r}")


def check_mountable(options: MountOptions = _DEFAULT_OPTIONS) -> None:
    """Refuse what this host does not offer, without mounting anything.

    Raises:
        DriverUnavailable: it names what is missing and how to get it.
    """
    load_driver().check(options)


class Mount:
    """A filesystem shown at a directory; a context manager that unmounts.

    Nothing of it is left behind however this process ends: a watcher process
    unmounts within two seconds after a SIGKILL. A forked child has no part in it.
    """

    def __init__(
        self, fs: Fs, path: str, driver: str, session: Session, undo: ExitStack
    ) -> None:
        self.fs = fs
        """The filesystem."""
        self.path = Path(path)
        """The directory."""
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
        mapping that are written back, unless the file's last writer is known.

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

    def unmount(self) -> None:
        """Stop showing it; a second time does nothing.

        Programs that still use it get half a second to let go. After that they get
        ENOTCONN for whatever they do there. All that they wrote is in the store.

        Raises:
            MountError: it is still mounted, or the thread that served it hangs.
        """
        if os.getpid() != self._owner:
            return
        with self._lock:
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
    spin_s: float = 0.0,
    lifeline: int | None = None,
) -> Mount:
    """Show `fs` at a directory, served by a thread of this process.

    This is the building block, right for a process that does nothing else. In any
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
        options: how to show it.
        spin_s: how long to poll for the next request before sleeping. It saves the
            wake-up, and burns a processor for so long after each request.
        lifeline: the read end of a pipe that closes when another process ends, on
            whose behalf this one serves. If this process then still serves after
            a second, the watcher kills it. The descriptor stays the caller's.

    Raises:
        DriverUnavailable: this host cannot mount; it names what is missing.
        MountError: it cannot be mounted there.
    """
    driver = load_driver()
    driver.check(options)
    with ExitStack() as undo:
        if mountpoint is None:
            path = os.path.realpath(tempfile.mkdtemp(prefix="devdev-ws-"))
            undo.callback(remove_directory, path)
        else:
            path = driver.resolve(mountpoint)
        undo.enter_context(spawning_by_fork())
        session = driver.start(
            fs,
            path,
            options,
            is_private=mountpoint is None,
            spin_s=spin_s,
            lifeline=lifeline,
        )
        undo.callback(session.stop)
        return Mount(fs, path, driver.name, session, undo.pop_all())
