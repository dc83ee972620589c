"""A tiny process that removes a private directory when its owner has ended.

It holds the read end of a pipe whose write end is the owner's alone, so it sees the
owner end in whatever way, SIGKILL included. In a session of its own, it is not reached
by what is sent to the owner's process group.
"""

import sys

if sys.platform == "win32":
    raise ImportError("the keeper is for POSIX hosts")

import contextlib
import os
import select
import subprocess

from devdev_mount import _forks
from devdev_mount._errors import MountError

START_TIMEOUT = 10.0
END_TIMEOUT = 5.0
READY = b"."
DISMISSED = b"."

# Loads modules of this package without the package itself, which has much more.
_PROGRAM = """
import os, signal, sys
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
sys.path.insert(0, sys.argv[1])
from _removal import remove
os.write(1, b".")
os.dup2(0, 1)
pipe, path = int(sys.argv[2]), sys.argv[3]
if os.read(pipe, 1) != b".":
    remove(path)
"""


class Keeper:
    """The keeper process of one directory; it begins when the directory is made.

    Raises:
        MountError: the process cannot be started.
    """

    def __init__(self, path: str) -> None:
        if not sys.executable:
            raise MountError("sys.executable is empty: no Python to run a keeper with")
        read_end, self._write_end = os.pipe()
        _forks.register(self._forget)
        modules = os.path.dirname(os.path.dirname(__file__))
        program = [sys.executable, "-I", "-S", "-c", _PROGRAM, modules]
        try:
            self._process = subprocess.Popen(
                [*program, str(read_end), path],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                pass_fds=[read_end],
                start_new_session=True,
            )
        except OSError as exc:
            self._close()
            raise MountError(f"cannot start the keeper process: {exc}") from exc
        finally:
            os.close(read_end)

    def wait_ready(self) -> None:
        """Wait until it watches.

        Raises:
            MountError: it ended instead, or takes too long.
        """
        output = self._process.stdout
        assert output
        poll = select.poll()
        poll.register(output, select.POLLIN)
        if not poll.poll(START_TIMEOUT * 1000) or output.read(1) != READY:
            raise MountError(f"the keeper process ({sys.executable}) did not start")

    def dismiss(self) -> None:
        """End it: the directory is gone."""
        with contextlib.suppress(BrokenPipeError):  # it was killed
            os.write(self._write_end, DISMISSED)
        self._close()
        assert self._process.stdout
        with self._process.stdout:
            try:
                self._process.wait(END_TIMEOUT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(END_TIMEOUT)

    def _close(self) -> None:
        _forks.unregister(self._forget)
        os.close(self._write_end)

    def _forget(self) -> None:
        """In a forked child: have no part in it."""
        os.close(self._write_end)
