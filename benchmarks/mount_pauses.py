"""How long a mount keeps its users waiting while its store is busy with something
large; and what it costs while nobody uses it."""

import sys

if sys.platform != "linux":
    raise ImportError("these are mounts of Linux")

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import perf_counter

from devdev_mount import FsBase, serve
from measuring import Line, Table, progress
from mount_contenders import HERE, Place
from mount_processes import cpu_seconds

FILES = 10_000
BYTES = 200_000_000
AT_REST = 3.0
"""Seconds of probing beside which nothing happens."""
PROBER_TIMEOUT = 30.0

UNITS = {"longest": "ms", "one in a thousand": "ms", "a second": "operations"}


def nothing(fs: FsBase) -> None:
    Event().wait(AT_REST)


class Counted:
    """Takes bytes, and only counts them."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: bytes, /) -> int:
        self.size += len(data)
        return len(data)


def dump(fs: FsBase) -> None:
    assert len(fs.dump()) > BYTES


def dump_to(fs: FsBase) -> None:
    """The same in pieces."""
    taken = Counted()
    fs.dump_to(taken)
    assert taken.size > BYTES


def tree_digest(fs: FsBase) -> None:
    fs.tree_digest()


def diff(fs: FsBase) -> None:
    """Between the filesystem and an empty one: everything."""
    fs.diff(fs.checkpoints()[0])


BESIDE: tuple[Callable[[FsBase], None], ...] = (
    nothing,
    dump,
    dump_to,
    tree_digest,
    diff,
)


def pauses(rounds: int) -> Table:
    """The longest pauses of a program, beside each of what may happen."""
    lines = {name: Line(name, unit, {}) for name, unit in UNITS.items()}
    lines["duration"] = Line("duration", "ms", {})
    with serve() as served:
        served.fs.checkpoint()
        fill(served.fs)
        for turn in range(rounds):
            for beside in BESIDE:
                progress(f"pauses, round {turn + 1} of {rounds}: {beside.__name__}")
                with probed(served.path) as found:
                    start = perf_counter()
                    beside(served.fs)
                    found["duration"] = (perf_counter() - start) * 1e3
                for name, value in found.items():
                    lines[name].samples.setdefault(beside.__name__, []).append(value)
    title = f"pauses beside, {FILES:,} files, {BYTES // 10**6} MB"
    return Table(title, [beside.__name__ for beside in BESIDE], list(lines.values()))


def fill(fs: FsBase) -> None:
    """Files of different content, in directories of a hundred."""
    for number in range(FILES):
        if number % 100 == 0:
            fs.mkdir(f"/{number // 100}")
        data = b"%08d" % number * (BYTES // FILES // 8)
        fs.write_bytes(f"/{number // 100}/{number}", data)


@contextmanager
def probed(path: Path) -> Iterator[dict[str, float]]:
    """A program that uses the mount meanwhile; what it found is there afterwards."""
    found: dict[str, float] = {}
    prober = subprocess.Popen(
        [sys.executable, str(HERE / "mount_prober.py"), str(path)],
        stdout=subprocess.PIPE,
    )
    assert prober.stdout is not None
    try:
        assert prober.stdout.readline() == b"ready\n"
        yield found
    finally:
        prober.terminate()
        told, _ = prober.communicate(timeout=PROBER_TIMEOUT)
    found |= json.loads(told)


def idle(places: Mapping[str, Place], seconds: float) -> Table:
    """Processor time of servers that are asked nothing, after they were asked much."""
    progress(f"idle for {seconds:g} seconds")
    servers = {name: place.pid for name, place in places.items() if place.pid}
    for place in places.values():
        for number in range(1000):
            (place.path / f"idle{number}").touch()
        for number in range(1000):
            (place.path / f"idle{number}").unlink()
    pause = Event()
    pause.wait(1)  # what follows the last answer
    before = {name: cpu_seconds(pid) for name, pid in servers.items()}
    start = perf_counter()
    pause.wait(seconds)
    minutes = (perf_counter() - start) / 60
    used = {
        name: [(cpu_seconds(pid) - before[name]) * 1e3 / minutes]
        for name, pid in servers.items()
    }
    line = Line("CPU of all its processes", "ms a minute", used)
    return Table("nobody asks anything", list(servers), [line])
