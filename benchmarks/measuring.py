"""Rows and contenders: measured in turns, told as medians and ratios.

A group is a table to be: its contenders (the columns) take turns within a row and a
round, and each round begins with another one. Ratios are to the first contender and
taken within a round, so that they hold when the machine's speed drifts.
"""

import gc
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import truediv
from pathlib import Path
from time import perf_counter
from typing import Any, Generic, TypeVar

S = TypeVar("S")

BATCH = 100
"""The most operations between two looks at the clock."""

FASTER = 0.95
"""The ratio from which down a contender is told to be faster, or smaller."""


@dataclass(frozen=True, kw_only=True)
class Row(Generic[S]):
    """One thing to measure of a subject."""

    name: str
    unit: str
    sample: Callable[[S], float]
    is_ground: bool = False
    """The rows after it stand on what it did: it runs even if not asked for."""
    reasons: Mapping[str, str] | None = None
    """By contender, why it does better than the first one; None if not to be told."""


@dataclass(frozen=True, kw_only=True)
class Group(Generic[S]):
    """Rows that the same contenders are measured on."""

    title: str
    contenders: Mapping[str, Callable[[], S]]
    """By name, what makes the subject of a round."""
    rows: Sequence[Row[S]]
    is_exact: bool = False
    """Whether every sample would be the same: one is enough."""

    def has(self, only: Sequence[str]) -> bool:
        """Whether one of its rows is asked for; no names ask for all."""
        return not only or any(row.name in only for row in self.rows)


@dataclass(frozen=True)
class Line:
    """What was measured of one row."""

    name: str
    unit: str
    samples: dict[str, list[float]]
    """By contender, one value a round."""
    reasons: Mapping[str, str] | None = None
    """By contender, why it does better than the first one; None if not to be told."""

    def medians(self) -> dict[str, float]:
        """By contender."""
        return {name: statistics.median(taken) for name, taken in self.samples.items()}

    def ratios(self, first: str) -> dict[str, float]:
        """By contender, the median of its ratios to the first one in each round."""
        return {
            name: statistics.median(map(truediv, taken, self.samples[first]))
            for name, taken in self.samples.items()
        }


@dataclass(frozen=True)
class Table:
    """What was measured of a group."""

    title: str
    contenders: Sequence[str]
    lines: Sequence[Line]

    def cells(self) -> Iterator[list[str]]:
        """The head, and a line a row: the medians, and in brackets the ratios."""
        first, *others = self.contenders
        yield [self.title, "unit", first, *others]
        for line in self.lines:
            medians, ratios = line.medians(), line.ratios(first)
            told = [f"{number(medians[it])} ({number(ratios[it])})" for it in others]
            yield [line.name, line.unit, number(medians[first]), *told]

    def notes(self) -> Iterator[str]:
        """Why others do better, where they do."""
        rows: dict[tuple[str, str], list[str]] = {}
        for line in self.lines:
            if line.reasons is None:
                continue
            for name, ratio in line.ratios(self.contenders[0]).items():
                if ratio < FASTER:
                    reason = line.reasons.get(name, "no reason is known")
                    told = rows.setdefault((name, reason), [])
                    told.append(f"{line.name} ({number(ratio)})")
        for (name, reason), told in rows.items():
            yield f"{name} in {', '.join(told)}: {reason}"


@dataclass(frozen=True)
class Report:
    """All tables of a run, and what they were measured on."""

    tables: Sequence[Table]
    remarks: Sequence[str] = ()
    machine: dict[str, str] = field(default_factory=lambda: machine())

    def text(self) -> str:
        """For a terminal."""
        facts = [f"{name}: {value}" for name, value in self.machine.items()]
        parts = ["\n".join([*facts, *self.remarks])]
        parts += (
            "\n".join([_aligned(list(table.cells())), *table.notes()])
            for table in self.tables
        )
        return "\n\n".join(parts)

    def markdown(self) -> str:
        """For a page."""
        facts = [f"- {name}: {value}" for name, value in self.machine.items()]
        remarks = [f"- {remark}" for remark in self.remarks]
        parts = ["\n".join([*facts, *remarks])]
        for table in self.tables:
            parts.append(_piped(list(table.cells())))
            notes = [f"- {note}" for note in table.notes()]
            if notes:
                parts.append("\n".join(notes))
        return "\n\n".join(parts) + "\n"

    def json(self) -> str:
        """Every sample, for a program."""
        tables = [
            {
                "title": table.title,
                "rows": [
                    vars(line) | {"medians": line.medians()} for line in table.lines
                ],
            }
            for table in self.tables
        ]
        whole: dict[str, Any] = {"machine": self.machine, "remarks": list(self.remarks)}
        return json.dumps(whole | {"tables": tables}, indent=1) + "\n"

    def write(self, json_path: Path | None, markdown_path: Path | None) -> None:
        """Print it, and write the files that are asked for."""
        print(self.text())
        if json_path is not None:
            json_path.write_text(self.json(), encoding="utf-8")
        if markdown_path is not None:
            markdown_path.write_text(self.markdown(), encoding="utf-8")


def put_into(page: Path, program: str, text: str) -> None:
    """Replace what a program wrote into a page before, between its two marks.

    Raises:
        ValueError: the page has no such marks.
    """
    begin, end = (
        f"<!-- what {program} wrote {verb} -->" for verb in ("begins", "ends")
    )
    head, is_begun, rest = page.read_text(encoding="utf-8").partition(f"{begin}\n")
    _, is_ended, tail = rest.partition(f"{end}\n")
    if not is_begun or not is_ended:
        raise ValueError(f"{page} needs the lines {begin} and {end}")
    page.write_text(f"{head}{begin}\n{text}\n{end}\n{tail}", encoding="utf-8")


def measure(
    group: Group[S], rounds: int, only: Sequence[str] = (), *, collect: bool = False
) -> Table:
    """Take one sample a round of every row and contender.

    A round before the first is not counted: memory that the system has not given
    to the process yet costs whoever touches it first. Only the rows named in `only`
    are told of, or all. With `collect` the cyclic garbage collector stays on.
    """
    lines = {row.name: Line(row.name, row.unit, {}, row.reasons) for row in group.rows}
    asked = [row.name for row in group.rows if row.name in only or not only]
    order = list(group.contenders)
    for turn in [1] if group.is_exact else range(rounds + 1):
        what = f"{group.title}, round {turn} of {rounds}"
        for row, name, value in _samples(group, order, asked, what, collect):
            if turn:
                lines[row].samples.setdefault(name, []).append(value)
        gc.unfreeze()
        order.append(order.pop(0))
    return Table(group.title, list(group.contenders), [lines[row] for row in asked])


def _samples(
    group: Group[S],
    order: Sequence[str],
    asked: Sequence[str],
    what: str,
    collect: bool,
) -> Iterator[tuple[str, str, float]]:
    """One round: the names of row and contender, and the sample."""
    subjects = {name: group.contenders[name]() for name in order}
    for row in group.rows:
        if row.name not in asked and not row.is_ground:
            continue
        for name, subject in subjects.items():
            progress(f"{what}: {row.name}, {name}")
            with collector(collect):
                value = row.sample(subject)
            yield row.name, name, value


@contextmanager
def collector(stays_on: bool) -> Iterator[None]:
    """Have the garbage collector off, or on but seeing only what is made within."""
    gc.collect()
    gc.freeze()
    if not stays_on:
        gc.disable()
    try:
        yield
    finally:
        gc.enable()


# --- taking the time -------------------------------------------------------------


def each(
    operation: Callable[..., object],
    arguments: Sequence[tuple[object, ...]],
    seconds: float = float("inf"),
) -> float:
    """Microseconds a call, one call for each of the arguments.

    After `seconds` no more are made: a slow contender is measured on the first ones.
    """
    done = 0
    start = perf_counter()
    while done < len(arguments) and perf_counter() - start < seconds:
        # The first batches are small: a slow contender would not come to its end.
        batch = arguments[done : done + min(done + 1, BATCH)]
        for items in batch:
            operation(*items)
        done += len(batch)
    return (perf_counter() - start) / max(done, 1) * 1e6


def steps(made: Callable[[], Iterable[object]], seconds: float) -> float:
    """Microseconds for each item that comes; making what they come from is included."""
    done = 0
    start = perf_counter()
    for _ in made():
        done += 1
        if perf_counter() - start > seconds:
            break
    return (perf_counter() - start) / max(done, 1) * 1e6


def once(operation: Callable[[], object]) -> float:
    """Milliseconds for one call; what it returns is let go of after that."""
    start = perf_counter()
    result = operation()
    taken = perf_counter() - start
    del result
    return taken * 1e3


# --- telling ---------------------------------------------------------------------


def progress(message: str) -> None:
    """Say on standard error what is being measured, over the last such message."""
    if sys.stderr.isatty():
        print(f"\r\033[K{message}", end="", file=sys.stderr, flush=True)
    else:
        print(message, file=sys.stderr, flush=True)


def finish_progress() -> None:
    """End the line that `progress` writes."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def machine() -> dict[str, str]:
    """What the numbers depend on besides the contenders."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    system = f"{platform.system()} {platform.release()}"
    return {
        "machine": f"{_processor()}, {os.cpu_count()} CPUs",
        "system": system,
        "Python": python,
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def number(value: float) -> str:
    """About three digits, and no exponent."""
    digits = sum(value < bound for bound in (100, 10, 1))
    return f"{value:,.{digits}f}"


def _aligned(lines: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at < 2 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _piped(lines: list[list[str]]) -> str:
    ruler = ["---", "---", *["---:"] * (len(lines[0]) - 2)]
    return "\n".join(
        f"| {' | '.join(line)} |" for line in (lines[0], ruler, *lines[1:])
    )
