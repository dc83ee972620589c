"""Runs a command that mounts something, until standard input is closed.

    python mount_keeper.py MOUNTPOINT COMMAND...

Then it unmounts, ends the command if that does not end by itself, and removes the
empty directory. So nothing is left behind however the process at the other end of the
pipe ends.
"""

import sys

if sys.platform != "linux":
    raise ImportError("these are mounts of Linux")

import os
import shutil
import signal
import subprocess
from contextlib import suppress

UNMOUNT_TIMEOUT = 5.0
END_TIMEOUT = 5.0


def unmount(path: str) -> None:
    """By whichever program may: at once, or else when nobody uses it any more."""
    helper = shutil.which("fusermount3") or shutil.which("fusermount")
    commands = [["umount", path], *([[helper, "-u", path]] if helper else [])]
    commands += [["umount", "-l", path], *([[helper, "-uz", path]] if helper else [])]
    for command in commands:
        with suppress(subprocess.TimeoutExpired):
            done = subprocess.run(
                command,
                stderr=subprocess.DEVNULL,
                timeout=UNMOUNT_TIMEOUT,
                check=False,
            )
            if done.returncode == 0:
                return


def end(process: "subprocess.Popen[bytes]") -> None:
    """Wait for it, then ask it, then force it."""
    for number in (0, signal.SIGTERM, signal.SIGKILL):
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_TIMEOUT)
            return


def main() -> None:
    mountpoint, *command = sys.argv[1:]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        sys.stdin.buffer.read()
    finally:
        unmount(mountpoint)
        end(process)
        with suppress(OSError):  # who made it was faster
            os.rmdir(mountpoint)


if __name__ == "__main__":
    main()
