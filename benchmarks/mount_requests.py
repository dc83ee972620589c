"""How many requests of the kernel an operation takes, and what answering costs.

These numbers are exact, or nearly so, where times are noisy.
"""

import sys

if sys.platform != "linux":
    raise ImportError("these are mounts of Linux")

from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass

from devdev_mount import Served
from measuring import Line, Table, number, progress
from mount_contenders import Place
from mount_processes import cpu_seconds
from mount_work import Work, desk

CPU = "CPU of the server, us"
TOLD = 6
"""How many kinds of request are named in a row."""


@dataclass(frozen=True)
class Requests(Table):
    """A line for each piece of work: what was asked, how often."""

    def cells(self) -> Iterator[list[str]]:
        """All requests, the server's time, and the most frequent ones by name."""
        yield [self.title, "per", "requests", CPU, "us each", "which"]
        for line in self.lines:
            counts = {name: taken[0] for name, taken in line.samples.items()}
            cpu = counts.pop(CPU)
            every = sum(counts.values())
            often = sorted(counts, key=counts.__getitem__, reverse=True)
            yield [
                line.name,
                line.unit,
                exactly(every),
                number(cpu),
                number(cpu / every) if every else "",
                ", ".join(f"{name} {exactly(counts[name])}" for name in often[:TOLD]),
            ]

    def notes(self) -> Iterator[str]:
        """None: there is nobody to be compared with."""
        yield from ()


def exactly(count: float) -> str:
    """Two digits after the point, if they are any."""
    return f"{count:,.2f}".rstrip("0").rstrip(".")


def table(
    title: str, place: Place, works: Sequence[Work], only: Sequence[str]
) -> Requests:
    """Do the work once, after once that is not counted, and count."""
    assert place.served is not None
    assert place.pid is not None
    lines = []
    for is_counted in (False, True):
        top = desk(place, "work").top
        for work in works:
            is_asked = not only or work.name in only
            if not is_asked and not work.is_ground:
                continue
            progress(f"{title}: {work.name}")
            with chdir(top):
                work.before(top)
                cpu, before = cpu_seconds(place.pid), asked(place.served)
                work.run(top)
                after, used = asked(place.served), cpu_seconds(place.pid) - cpu
            if is_counted and is_asked:
                lines.append(_line(work, before, after, used))
    return Requests(title, ["fuse"], lines)


def asked(served: Served) -> dict[str, int]:
    """The requests so far, but for those to forget: they come when the kernel likes."""
    return {
        name: count for name, count in served.requests.items() if "FORGET" not in name
    }


def _line(
    work: Work, before: Mapping[str, int], after: Mapping[str, int], cpu: float
) -> Line:
    counts = {
        name: [(count - before.get(name, 0)) / work.count]
        for name, count in after.items()
        if count != before.get(name, 0)
    }
    per = work.unit.partition(" a ")[2] or ("call" if work.unit == "us" else "run")
    return Line(work.name, per, counts | {CPU: [cpu * 1e6 / work.count]})
