"""What work costs through the mount, beside a tmpfs and other FUSE filesystems.

    uv run benchmarks/mount.py [--only ROW ...] [--rounds N]
        [--busy [N]] [--other NAME='COMMAND {mountpoint}' ...]
        [--json FILE] [--markdown FILE] [--into FILE]

Every number is a median over the rounds; in brackets is that of the ratios to the
first column in each round: above 1, that column is faster. The contenders do the same
work, take turns within a round, and begin with an empty directory in each.

    tmpfs        the kernel's own filesystem in memory: the limit
    fuse         our driver, the default, as `serve()` runs it
    libfuse      our driver over libfuse 2
    fusepy       fusepy's own API over the same store, as its examples run it
    fusepy-lean  the same with what makes it fast, and without extended attributes
    copy         our driver for where nothing can be mounted: a directory on a tmpfs,
                 and the time to bring in what was done

and any that `--other` names: a command that mounts at `{mountpoint}`.
"""

import sys

if sys.platform != "linux":
    raise ImportError("these are mounts of Linux")

import argparse
import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import mount_calls
import mount_copies
import mount_io
import mount_pauses
import mount_requests
from measuring import Report, Table, finish_progress, measure, put_into
from mount_bars import misses
from mount_contenders import Place, contenders
from mount_material import Material
from mount_tools import Tools
from mount_work import Work, group

LEAN = "fusepy-lean"

_BURNER = """\
import os
parent = os.getppid()
while os.getppid() == parent:
    sum(range(100_000))
"""


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--rounds", type=int, default=5, help="samples of each row (5)")
    add("--tool-rounds", type=int, default=3, help="samples of real tools (3)")
    add("--count", type=int, default=1000, help="small files (1000)")
    add("--mebibytes", type=int, default=64, help="of the large file (64)")
    add("--copied", type=int, default=10_000, help="files of the copy (10000)")
    add("--idle", type=float, default=15, help="seconds of being idle (15)")
    add(
        "--busy",
        type=int,
        nargs="?",
        const=max((os.cpu_count() or 1) - 1, 1),
        default=0,
        metavar="N",
        help="keep N processors busy meanwhile (all but one)",
    )
    add("--only", nargs="+", default=[], metavar="ROW", help="these rows, not all")
    add(
        "--without",
        nargs="+",
        default=[],
        metavar="CONTENDER",
        help="leave these out: libfuse, fusepy, fusepy-lean, copy",
    )
    add(
        "--other",
        action="append",
        default=[],
        metavar="NAME=COMMAND",
        help="another contender: a command that mounts at {mountpoint}",
    )
    add("--json", type=Path, metavar="FILE", help="write every sample there")
    add("--markdown", type=Path, metavar="FILE", help="write the tables there")
    add("--into", type=Path, metavar="FILE", help="put the tables into that page")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.tool_rounds < 1 or arguments.count < 1:
        parser.error("--rounds, --tool-rounds and --count must be at least 1")
    for other in arguments.other:
        name, is_given, command = other.partition("=")
        if not name or not is_given or "{mountpoint}" not in command:
            parser.error(f"--other {other!r} is not NAME='COMMAND {{mountpoint}}'")
    return arguments


@contextmanager
def busy(processors: int) -> Iterator[None]:
    """Processes that do nothing but calculate; they end with this one."""
    burners = [
        subprocess.Popen([sys.executable, "-c", _BURNER]) for _ in range(processors)
    ]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


class Run:
    """One run: the tables, in the order of the report."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._rounds: int = arguments.rounds
        self._tool_rounds: int = arguments.tool_rounds
        self._only: Sequence[str] = arguments.only
        self._arguments = arguments
        self.tables: list[Table] = []
        self.missed: list[str] = []

    def is_asked(self, works: Sequence[Work]) -> bool:
        return not self._only or any(work.name in self._only for work in works)

    def compare(
        self,
        title: str,
        places: Mapping[str, Place],
        works: Sequence[Work],
        rounds: int,
    ) -> None:
        """Measure work in all places, and look at the bars."""
        if self.is_asked(works):
            table = measure(group(title, places, works), rounds, self._only)
            self.tables.append(table)
            self.missed += [f"{title}: {miss}" for miss in misses(table, works)]

    def count(self, title: str, place: Place, works: Sequence[Work]) -> None:
        """Count the requests of work."""
        if self.is_asked(works):
            made = mount_requests.table(title, place, works, self._only)
            self.tables.append(made)

    def all(self, places: Mapping[str, Place], tools: Tools) -> None:
        """Everything that is asked for."""
        arguments = self._arguments
        mounts = {name: place for name, place in places.items() if name != "copy"}
        tooled = {name: place for name, place in places.items() if name != LEAN}
        calls = mount_calls.works(arguments.count)
        io = mount_io.works(arguments.mebibytes)
        small, large = f"{arguments.count:,} files", f"{arguments.mebibytes} MiB"
        with busy(arguments.busy):
            self.compare(small, mounts, calls, self._rounds)
            self.compare(large, mounts, io, self._rounds)
            self.compare("real tools", tooled, tools.works, self._tool_rounds)
        if not arguments.busy:
            with busy(os.cpu_count() or 1):
                self.compare(f"{small}, busy", mounts, calls, self._tool_rounds)
        for title, works in ((small, calls), (large, io), ("tools", tools.works)):
            self.count(f"requests, {title}", places["fuse"], works)
        if not self._only:
            with mount_copies.group(arguments.copied) as copies:
                self.tables.append(measure(copies, self._tool_rounds))
            self.tables.append(mount_pauses.pauses(self._tool_rounds))
            self.tables.append(mount_pauses.idle(places, arguments.idle))


def main() -> None:
    """Measure, and write the report."""
    arguments = parse()
    others = dict(other.split("=", 1) for other in arguments.other)
    commands = {name: shlex.split(command) for name, command in others.items()}
    run = Run(arguments)
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm") as top,
        contenders(commands, arguments.without) as (places, remarks),
    ):
        tools = Tools(Material(Path(top)))
        remarks += tools.remarks
        for remark in remarks:
            print(remark, file=sys.stderr)
        run.all(places, tools)
    finish_progress()
    remarks += [f"rounds: {arguments.rounds}, of real tools: {arguments.tool_rounds}"]
    if arguments.busy:
        remarks.append(f"kept busy meanwhile: {arguments.busy} processors")
    remarks += [f"below the bar: {miss}" for miss in run.missed]
    report = Report(run.tables, remarks)
    report.write(arguments.json, arguments.markdown)
    if arguments.into is not None:
        put_into(arguments.into, "benchmarks/mount.py", report.markdown())


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        finish_progress()
        print("interrupted", file=sys.stderr)
        sys.exit(130)
