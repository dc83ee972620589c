"""What the watcher process runs: when those it watches are gone, it clears away.

It is loaded without the rest of the package and needs nothing that could change
while it waits. Every step is bounded, and a timer ends it if one of them is not.
"""

import sys

if sys.platform != "linux":
    raise ImportError("the watcher is for Linux")

import contextlib
import math
import os
import select
import signal
import time
from collections.abc import Sequence

from devdev_mount._detach import find_mounts, force_unmount
from devdev_mount._private import remove_directory

APPEAR_TIMEOUT = 0.5  # a mount that was just being made when its maker was killed
APPEAR_INTERVAL = 0.02
LOOK_INTERVAL = 0.5  # between two looks at the owner
LAST_NET = 10  # seconds until a step that hangs ends this process

KILLED = 1 << (signal.SIGKILL - 1)

DISMISSED = b"."
"""What is written to a pipe when the mount is gone and nothing is left to do."""


def main(arguments: Sequence[str]) -> None:
    """Wait, and clear away; the arguments are those that `Watcher` gives."""
    source, mountpoint, remove, helper, left, grace, victim, *pipes = arguments
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
    # Standard output tells that this is reached; it is not to be kept open.
    os.write(1, DISMISSED)
    os.dup2(0, 1)
    if wait_until_gone([int(pipe) for pipe in pipes], float(grace)):
        return
    signal.alarm(LAST_NET)
    if victim:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(int(victim), signal.SIGKILL)
    wait_for_mount(source)
    force_unmount(source, helper or None)
    for directory in (mountpoint if remove else "", left):
        with contextlib.suppress(OSError):  # gone, or not ours to remove any more
            remove_directory(directory)


def wait_until_gone(pipes: list[int], grace: float) -> bool:
    """Whether it ended in order: told through one of the pipes.

    When one of them closes, the others have `grace` seconds to tell so. A killed
    process does not close its pipe while one of its threads waits for the mount,
    because the answer never comes: hence a look at it now and then.
    """
    poll = select.poll()
    for pipe in pipes:
        poll.register(pipe, select.POLLIN)
    waiting = set(pipes)
    owner = os.getppid()
    deadline = math.inf
    while waiting and time.monotonic() < deadline and not is_dying(owner):
        left = min(deadline - time.monotonic(), LOOK_INTERVAL)
        for pipe, _ in poll.poll(max(left, 0.0) * 1000):
            if os.read(pipe, 1) == DISMISSED:
                return True
            poll.unregister(pipe)
            waiting.discard(pipe)
            deadline = min(deadline, time.monotonic() + grace)
    return False


def is_dying(pid: int) -> bool:
    """Whether the process has ended or been killed, though it may never be gone.

    Its first thread is then a zombie, or has SIGKILL pending (proc(5): status).
    """
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            lines = (line.partition(b":") for line in file)
            status = {name: value.strip() for name, _, value in lines}
    except (FileNotFoundError, ProcessLookupError):
        return True
    pending = int(status[b"SigPnd"], 16) | int(status[b"ShdPnd"], 16)
    return status[b"State"][:1] in b"ZX" or bool(pending & KILLED)


def wait_for_mount(source: str) -> None:
    """Wait for a mount that a helper may still be making."""
    deadline = time.monotonic() + APPEAR_TIMEOUT
    while not find_mounts(source) and time.monotonic() < deadline:
        time.sleep(APPEAR_INTERVAL)
