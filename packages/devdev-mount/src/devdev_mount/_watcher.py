"""The watcher: a tiny process that outlives a mount's owner and clears up after it.

It holds the read end of a pipe whose write end is the owner's alone, so it sees the
owner end in whatever way, SIGKILL included. In a session of its own, it is not
reached by what is sent to the owner's process group.
"""

import sys

if sys.platform != "linux":
    raise ImportError("the watcher is for Linux")

import contextlib
import os
import select
import subprocess

from devdev_mount import _forks
from devdev_mount._errors import MountError
from devdev_mount._reaper import DISMISSED

START_TIMEOUT = 10.0
END_TIMEOUT = 5.0
GRACE = 1.0  # for a process that serves on behalf of one that is gone

# Loads modules of this package without the package itself, which has much more.
_PROGRAM = """
import sys
package = type(sys)("devdev_mount")
package.__path__ = [sys.argv[1]]
sys.modules["devdev_mount"] = package
from devdev_mount._reaper import main
main(sys.argv[2:])
"""


_left = ""


def leave(directory: str) -> None:
    """Have every watcher that this process starts from now on remove a directory too.

    It does so when it clears up, whether or not the directory was ever made.
    """
    global _left
    _left = directory


class Watcher:
    """The watcher process of one mount; started before it, ended after it.

    Args:
        source: the mount's source, by which it is found.
        mountpoint: where it will be.
        remove: whether the directory is private, to be removed after the mount.
        helper: the fusermount program, for whom umount2(2) is not permitted.
        lifeline: the read end of a pipe that another process holds: when it closes,
            this process has `GRACE` seconds to unmount, and is killed then. The
            descriptor stays the caller's to close.

    Raises:
        MountError: the process cannot be started.
    """

    def __init__(
        self,
        *,
        source: str,
        mountpoint: str,
        remove: bool,
        helper: str | None,
        lifeline: int | None = None,
    ) -> None:
        if not sys.executable:
            raise MountError("sys.executable is empty: no Python to run a watcher with")
        read_end, self._write_end = os.pipe()
        _forks.register(self._forget)
        passed = [read_end]
        victim = ""
        if lifeline is not None:
            own_pidfd = os.pidfd_open(os.getpid())
            victim = str(own_pidfd)
            passed += [lifeline, own_pidfd]
        options = [source, mountpoint, "yes" * remove, helper or "", _left]
        options += [str(GRACE), victim]
        pipes = [str(fd) for fd in (read_end, lifeline) if fd is not None]
        program = [
            sys.executable,
            "-I",
            "-S",
            "-c",
            _PROGRAM,
            os.path.dirname(__file__),
        ]
        try:
            self._process = subprocess.Popen(
                [*program, *options, *pipes],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                pass_fds=passed,
                start_new_session=True,
            )
        except OSError as exc:
            self._close()
            raise MountError(f"cannot start the watcher process: {exc}") from exc
        finally:
            os.close(read_end)
            if victim:
                os.close(own_pidfd)

    def wait_ready(self) -> None:
        """Wait until it watches.

        Raises:
            MountError: it ended instead, or takes too long.
        """
        output = self._process.stdout
        assert output
        poll = select.poll()
        poll.register(output, select.POLLIN)
        if not poll.poll(START_TIMEOUT * 1000) or not output.read(1):
            raise MountError(f"the watcher process ({sys.executable}) did not start")

    def dismiss(self) -> None:
        """End it: the mount is gone and nothing is left to do."""
        with contextlib.suppress(BrokenPipeError):  # it was killed
            os.write(self._write_end, DISMISSED)
        self.abandon()

    def abandon(self) -> None:
        """Leave what is left to it, as if this process had ended; wait until it did."""
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
