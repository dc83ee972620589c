"""What an operation costs through the mount, beside tmpfs.

    uv run benchmarks/mount.py [--rounds N] [--count N] [--json FILE]
        [--markdown FILE]

Every number is a median over the rounds, in microseconds per operation; in brackets
is that of the ratios to tmpfs, which takes turns with the mount within a round.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from devdev_mount import serve
from measuring import Group, Report, Row, finish_progress, measure, once

Operation = Callable[[list[str]], None]


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


OPERATIONS: tuple[Operation, ...] = (
    create_write_close,
    stat,
    stat_missing,
    open_read_close,
    list_all,
    rename,
    unlink,
)


def sample(operation: Operation, names: list[str], top: Path) -> float:
    """Microseconds for each of the names."""
    os.chdir(top)
    return once(partial(operation, names)) * 1e3 / len(names)


def group(tops: dict[str, Path], names: list[str]) -> Group[Path]:
    """A row for each operation."""
    return Group(
        title=f"{len(names):,} files",
        contenders={name: partial(Path, top) for name, top in tops.items()},
        rows=[
            Row(
                name=operation.__name__,
                unit="us",
                sample=partial(sample, operation, names),
                is_ground=True,
            )
            for operation in OPERATIONS
        ],
    )


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    return parser.parse_args()


def main() -> None:
    """Run all rows on all contenders and print the table."""
    arguments = parse()
    names = [f"file{number}" for number in range(arguments.count)]
    with ExitStack() as stack:
        tmpfs = tempfile.TemporaryDirectory(dir="/dev/shm")
        tops = {
            "tmpfs": Path(stack.enter_context(tmpfs)),
            "devdev": stack.enter_context(serve()).path,
        }
        # A mount that is some process's working directory cannot be taken down.
        stack.callback(os.chdir, "/")
        table = measure(group(tops, names), arguments.rounds)
    finish_progress()
    Report([table]).write(arguments.json, arguments.markdown)


if __name__ == "__main__":
    main()
