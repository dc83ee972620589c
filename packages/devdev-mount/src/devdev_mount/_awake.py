"""Keeping the processors of a virtual machine awake while requests keep coming.

A processor that sleeps there leaves the machine, and to wake it takes longer than most
requests do, also for the program that waits for the answer.
"""

import sys

if sys.platform == "win32":
    raise ImportError("mounts are for POSIX hosts")

import os
from contextlib import suppress
from pathlib import Path

PROCESSORS_MAX = 8
"""On a larger machine it would be too many that are kept awake for one program."""

_DEVICE = "/dev/cpu_dma_latency"
_DRIVER = Path("/sys/devices/system/cpu/cpuidle/current_driver")
_NOT_WISHED = 2_000_000_000
"""Microseconds that Linux takes for no wish (its include/linux/pm_qos.h)."""


class Awake:
    """A wish that no processor sleeps, which comes and goes.

    Linux forgets it with the descriptor, so also when this process ends, in whatever
    way (its Documentation/power/pm_qos_interface.rst). Where it is not permitted or
    is not known to help, nothing is wished.
    """

    def __init__(self) -> None:
        self._fd = -1
        self._is_wished = False
        if _helps():
            with suppress(OSError):  # it is for root
                self._fd = os.open(_DEVICE, os.O_WRONLY | os.O_CLOEXEC)

    def wish(self, is_wished: bool) -> None:
        """Wish it from now on, or no longer."""
        if is_wished != self._is_wished and self._fd >= 0:
            self._is_wished = is_wished
            latency = 0 if is_wished else _NOT_WISHED
            os.write(self._fd, latency.to_bytes(4, sys.byteorder))

    def close(self) -> None:
        """Release what it holds, the wish included."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def _helps() -> bool:
    """Whether this is a virtual machine that can poll in place of sleeping."""
    try:
        driver = _DRIVER.read_text().strip()
    except OSError:
        return False
    return driver == "haltpoll" and (os.cpu_count() or 1) <= PROCESSORS_MAX
