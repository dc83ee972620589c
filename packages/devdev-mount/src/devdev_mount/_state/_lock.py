"""One process at a time keeps its state in a directory."""

import os
import re
import sys
import time
from contextlib import suppress
from io import FileIO

from devdev_mount._errors import StateError, StateInUse

INTERVAL = 0.02
GRACE = 1.0
"""For a process that was just killed to be gone."""
END_TIMEOUT = 30.0
"""For a server whose owner has ended to save for a last time."""

_SIZE_MAX = 100
_HOLDER = re.compile(rb"(\d+) (\d+)\n")


def take(file: FileIO, directory: str, owner: int) -> None:
    """Lock the open file, and write into it who has it; closing it unlocks it.

    A process whose owner has ended is waited for, since it is about to end too.

    Args:
        file: the file.
        directory: what it stands for.
        owner: the process on whose behalf this one works, or this one.

    Raises:
        StateInUse: somebody else has it.
        StateError: the host has no locks there.
    """
    begin = time.monotonic()
    while not _try(file, directory):
        pid, other = _holder(file)
        is_ending = other not in (0, pid) and not _is_there(other)
        if time.monotonic() > begin + (END_TIMEOUT if is_ending else GRACE):
            who = f"process {pid}" if pid else "another process"
            whose = f" (on behalf of process {other})" if other not in (0, pid) else ""
            message = f"the state in {directory} is in use by {who}{whose}"
            raise StateInUse(f"{message}; end that, or choose another directory")
        time.sleep(INTERVAL)
    with suppress(OSError):  # on a full disk it is not known who has it
        file.truncate(0)
        file.seek(0)
        file.write(f"{os.getpid()} {owner}\n".encode())


def _holder(file: FileIO) -> tuple[int, int]:
    """The process that has the lock, and its owner; zeros if the file does not say."""
    file.seek(0)
    match = _HOLDER.fullmatch(file.read(_SIZE_MAX))
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _try(file: FileIO, directory: str) -> bool:
    if sys.platform == "win32":
        raise StateError("state can only be kept where there is flock(2)")
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        reason = f"{error.strerror}; choose a directory of another filesystem"
        raise StateError(f"{directory} cannot be locked: {reason}") from error
    return True


def _is_there(pid: int) -> bool:
    """Whether a process has not ended; one that waits to be reaped has."""
    with suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    with suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    return True
