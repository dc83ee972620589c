"""What processes use, read from /proc."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")


def cpu_seconds(pid: int) -> float:
    """Time on a processor so far, of a process and of all that it started.

    To the nanosecond: the clock's ticks of 10 ms are too coarse for short work.
    """
    return sum(_own(process) for process in tree(pid)) / 1e9


def tree(pid: int) -> Iterator[int]:
    """A process and what descends from it."""
    yield pid
    with suppress(OSError):  # it has just ended
        for task in (PROC / str(pid) / "task").iterdir():
            for child in (task / "children").read_text().split():
                yield from tree(int(child))


def memory(pid: int) -> int:
    """Bytes of a process and of all that it started; what is shared counts in part."""
    found = 0
    for process in tree(pid):
        with suppress(OSError):
            for line in (PROC / str(process) / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    found += int(line.split()[1]) * 1024
    return found


def _own(pid: int) -> int:
    """Nanoseconds, of its living threads."""
    used = 0
    with suppress(OSError):
        for task in (PROC / str(pid) / "task").iterdir():
            used += int((task / "schedstat").read_text().split()[0])
    return used
