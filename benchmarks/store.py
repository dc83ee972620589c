"""What an operation of the store costs, beside other filesystems in memory.

    uv run --group benchmarks benchmarks/store.py [--files N] [--rounds N]
        [--only ROW ...] [--json FILE] [--markdown FILE] [--into FILE]

Every number is a median over the rounds; in brackets is that of the ratios to the
first column in each round: above 1, that column is faster, or smaller. Where another
one does better, the reason stands below the table. The
contenders do the same work on the same names and contents, take turns within a
round, and begin with an empty filesystem in each. A contender that takes too long
for a row is measured on a random part of it.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import contenders
import growth
import large_files
import memory
import small_files
import snapshots
from measuring import Group, Report, finish_progress, measure, put_into


def groups(
    kinds: dict[str, contenders.Kind], files: int, seconds: float
) -> list[Group[Any]]:
    """Every row there is; what the rows need is made when they are run."""
    makers = {name: kind.make for name, kind in kinds.items()}
    return [
        small_files.group(makers, files, seconds),
        large_files.group(makers, seconds),
        memory.group(kinds, max(files // 5, 1)),
        snapshots.group(max(files // 10, 1)),
        growth.group(files),
    ]


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--files", type=int, default=100_000, help="of the tree (100000)")
    add("--rounds", type=int, default=3, help="samples of each row (3)")
    add("--seconds", type=float, default=1.0, help="when a row is cut short (1)")
    add("--only", nargs="+", default=[], metavar="ROW", help="these rows, not all")
    add("--gc", action="store_true", help="leave the cyclic garbage collector on")
    add("--json", type=Path, metavar="FILE", help="write every sample there")
    add("--markdown", type=Path, metavar="FILE", help="write the tables there")
    add("--into", type=Path, metavar="FILE", help="put the tables into that page")
    arguments = parser.parse_args()
    if arguments.files < 1 or arguments.rounds < 1:
        parser.error("--files and --rounds must be at least 1")
    rows = [row.name for group in groups({}, 1, 0) for row in group.rows]
    unknown = ", ".join(name for name in arguments.only if name not in rows)
    if unknown:
        parser.error(f"no such row: {unknown}; the rows are {', '.join(rows)}")
    return arguments


def main() -> None:
    """Measure, and write the report."""
    arguments = parse()
    kinds, remarks = contenders.installed()
    for remark in remarks:
        print(remark, file=sys.stderr)
    collector = "on" if arguments.gc else "off"
    remarks += [f"rounds: {arguments.rounds}", f"garbage collector: {collector}"]
    asked = groups(kinds, arguments.files, arguments.seconds)
    tables = [
        measure(group, arguments.rounds, arguments.only, collect=arguments.gc)
        for group in asked
        if group.has(arguments.only)
    ]
    finish_progress()
    report = Report(tables, remarks)
    report.write(arguments.json, arguments.markdown)
    if arguments.into is not None:
        put_into(arguments.into, "benchmarks/store.py", report.markdown())


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        finish_progress()
        print("interrupted", file=sys.stderr)
        sys.exit(130)
