"""What the process that contains a program says of how that went."""

import contextlib
import errno
import os
import re
import secrets
import select
import sys
import tempfile
import threading
import time

from devdev_exec._errors import ContainmentError, SpawnError
from devdev_exec._levels import Level

_SIZE = 64 * 1024  # of a pipe; what is reported is much less
_INTERVAL = 0.05  # between two looks whether there is nothing to wait for
_BUBBLEWRAP_FAILED = 1  # its exit code if it did not run the program


class Report:
    """A pipe to report by, with a name that only this user can open.

    Who reports removes the name at once: nobody who is contained can open it, and
    nothing stays where this process is killed.
    """

    path: str
    """Where to write to."""
    _reader: int
    _text: str
    _is_over: bool
    """Whether to wait no longer."""
    _lock: threading.Lock

    def __init__(self) -> None:
        """Open the pipe.

        Raises:
            OSError: too many files are open, or none can be made.
            ContainmentError: not on this platform.
        """
        if sys.platform == "win32":
            raise ContainmentError("programs can be contained on Linux only")
        name = f"devdev-report-{secrets.token_hex(8)}"
        self.path = os.path.join(tempfile.gettempdir(), name)
        os.mkfifo(self.path, 0o600)
        try:
            self._reader = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            os.unlink(self.path)
            raise
        self._text = ""
        self._is_over = False
        self._lock = threading.Lock()

    def wait_started(self, level: Level, timeout: float) -> None:
        """Wait until the program runs, or for so many seconds.

        With namespaces bubblewrap has the rest to do then.

        Raises:
            SpawnError, ContainmentError: it does not run.
        """
        give_up = time.monotonic() + timeout
        with self._lock:
            # The end of what is reported is that the program was executed.
            while self._wait(give_up) and self._read() and level != "namespaces":
                pass
            self._check(level, None, b"")

    def _wait(self, give_up: float) -> bool:
        if sys.platform == "win32":
            raise NotImplementedError("there is no poll(2)")
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        while not poll.poll(_INTERVAL * 1000):
            if self._is_over or time.monotonic() >= give_up:
                return False
        return True

    def settle(self, level: Level, exit_code: int | None, output: bytes) -> None:
        """What was started has ended: check that it was the program.

        Args:
            level: how it was to be contained.
            exit_code: what it or what contains it exited with; None if a signal ended
                it.
            output: what was written, by the program or else by bubblewrap.

        Raises:
            SpawnError: it was not, because of the program.
            ContainmentError: it was not, because it could not be contained.
        """
        self._is_over = True
        with self._lock:
            self._check(level, exit_code, output)

    def _check(self, level: Level, exit_code: int | None, output: bytes) -> None:
        self._read()
        if found := re.search(r"^(spawn|failed) (\d+) (.*)", self._text, re.M | re.S):
            what, code, message = found.groups()
            if what == "spawn":
                note = f"{message.strip()} (containment: {level})"
                raise SpawnError(note, int(code))
            raise ContainmentError(_not_contained(level, message.strip()))
        is_bubblewrap = level == "namespaces" and '"exit-code"' not in self._text
        if is_bubblewrap and exit_code == _BUBBLEWRAP_FAILED:
            raise _bubblewrap_error(output.decode("utf-8", "replace").strip())
        if not self._text and exit_code is not None:
            text = output.decode("utf-8", "replace").strip()
            raise ContainmentError(_not_contained(level, text or f"exit {exit_code}"))

    def _read(self) -> bool:
        """Read what is there; False if nothing is, and nothing comes any more."""
        try:
            data = os.read(self._reader, _SIZE)
        except BlockingIOError:
            return True
        self._text += data.decode("utf-8", "replace")
        return bool(data)

    def close(self) -> None:
        """Close the pipe."""
        self._is_over = True
        with self._lock:
            os.close(self._reader)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)


def _bubblewrap_error(text: str) -> SpawnError | ContainmentError:
    """What bubblewrap's last words mean, the program not having run."""
    found = re.search(r"^bwrap: execvp (.*): (.*?)\r?$", text, re.M)
    if found is None:
        return ContainmentError(_not_contained("namespaces", text))
    name, reason = found.groups()
    codes = (code for code in errno.errorcode if os.strerror(code) == reason)
    return SpawnError(
        f"program {name!r} cannot be executed: {reason} (containment: namespaces)",
        next(codes, 0),
    )


def _not_contained(level: Level, reason: str) -> str:
    return (
        f"the program was not run: it cannot be contained at level {level!r}: {reason}"
    )
