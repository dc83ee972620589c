"""What an operation costs through the mount, beside tmpfs.

    uv run benchmarks/mount.py [--rounds N] [--count N]

Each row is the median over the rounds of microseconds per operation; the contenders
take turns within a round, so that the ratio holds when the machine's speed drifts.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from devdev_mount import serve

Row = Callable[[list[str]], None]


def create_write_close(names: list[str]) -> None:
    data = bytes(4096)
    for name in names:
        fd = os.open(name, os.O_CREAT | os.O_WRONLY | os.O_EXCL)
        os.write(fd, data)
        os.close(fd)


def stat(names: list[str]) -> None:
    for name in names:
        os.stat(name)


def stat_missing(names: list[str]) -> None:
    for name in names:
        try:
            os.stat(name + ".missing")
        except FileNotFoundError:
            continue
        raise AssertionError(name)


def open_read_close(names: list[str]) -> None:
    for name in names:
        fd = os.open(name, os.O_RDONLY)
        os.read(fd, 4096)
        os.close(fd)


def list_all(names: list[str]) -> None:
    assert len(os.listdir(".")) == len(names)


def rename(names: list[str]) -> None:
    for name in names:
        os.rename(name, name + ".new")


def unlink(names: list[str]) -> None:
    for name in names:
        os.unlink(name + ".new")


ROWS: tuple[Row, ...] = (
    create_write_close,
    stat,
    stat_missing,
    open_read_close,
    list_all,
    rename,
    unlink,
)


def measure(top: Path, row: Row, names: list[str]) -> float:
    """Microseconds for each of the names."""
    os.chdir(top)
    start = time.perf_counter()
    row(names)
    return (time.perf_counter() - start) / len(names) * 1e6


def main() -> None:
    """Run all rows on all contenders and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--count", type=int, default=1000)
    arguments = parser.parse_args()
    names = [f"file{number}" for number in range(arguments.count)]
    with ExitStack() as stack:
        tops = {
            "tmpfs": Path(
                stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm"))
            ),
            "devdev": stack.enter_context(serve()).path,
        }
        times: dict[tuple[Row, str], list[float]] = {}
        for _ in range(arguments.rounds):
            for row in ROWS:
                for contender, top in tops.items():
                    taken = measure(top, row, names)
                    times.setdefault((row, contender), []).append(taken)
        os.chdir("/")
    print(f"{'us per operation':22}{'tmpfs':>9}{'devdev':>9}{'ratio':>8}")
    for row in ROWS:
        base, ours = (statistics.median(times[row, name]) for name in tops)
        print(f"{row.__name__:22}{base:9.1f}{ours:9.1f}{ours / base:8.1f}")


if __name__ == "__main__":
    main()
