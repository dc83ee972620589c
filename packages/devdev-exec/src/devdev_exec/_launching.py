"""What starts programs: made when the first one needs it, and closed by its owner."""

from threading import Lock

from devdev_mount import ScratchDirectory

from devdev_exec._errors import ExecError
from devdev_exec._launcher import Launcher


class Launching:
    """A launcher, and a directory for temporary files of contained programs.

    Raises, in what gives one of them:
        ExecError: it is closed.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._launcher: Launcher | None = None
        self._scratch: ScratchDirectory | None = None
        self.is_closed = False

    def launcher(self) -> Launcher:
        """The launcher."""
        with self._lock:
            self._check_open()
            if self._launcher is None:
                self._launcher = Launcher()
            return self._launcher

    def scratch(self) -> str:
        """The directory, on the host."""
        with self._lock:
            self._check_open()
            if self._scratch is None:
                self._scratch = ScratchDirectory()
            return self._scratch.path

    def _check_open(self) -> None:
        if self.is_closed:
            raise ExecError("the workspace is closed")

    def close(self) -> None:
        """End all programs, within bounds; again is nothing."""
        with self._lock:
            self.is_closed = True
            launcher, scratch = self._launcher, self._scratch
            self._launcher = self._scratch = None
        try:
            if launcher is not None:
                launcher.close()
        finally:
            if scratch is not None:
                scratch.close()
