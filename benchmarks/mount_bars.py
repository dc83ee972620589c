"""What the rows have to reach, and which do not."""

from collections.abc import Iterator, Sequence
from statistics import median

from measuring import Line, Table
from mount_work import Work

OURS, LIMIT, BINDING = "fuse", "tmpfs", "fusepy"


def misses(table: Table, works: Sequence[Work]) -> Iterator[str]:
    """A line for each bar that a row of the table does not reach."""
    by_name = {line.name: line for line in table.lines}
    for work in works:
        line = by_name.get(work.name)
        if line is None or OURS not in line.samples:
            continue
        if work.bar is not None and LIMIT in line.samples:
            taken = ratio(line, OURS, LIMIT)
            if taken > work.bar:
                yield f"{work.name}: {taken:.2f} times tmpfs; the bar is {work.bar:g}"
        if BINDING in line.samples:
            lead = ratio(line, BINDING, OURS)
            if lead < work.lead:
                yield (
                    f"{work.name}: fusepy takes {lead:.2f} times as long; the bar "
                    + (f"is {work.lead:g}")
                )


def ratio(line: Line, name: str, to: str) -> float:
    """The median of the ratios in each round."""
    pairs = zip(line.samples[name], line.samples[to], strict=True)
    return median(taken / other for taken, other in pairs)
