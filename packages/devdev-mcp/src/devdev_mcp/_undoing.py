"""Which operations are meant by undo and redo without a number."""

from collections.abc import Iterator, Sequence
from itertools import islice

from devdev_exec import Span

from devdev_mcp._errors import ToolFailure


def latest_undoable(spans: Sequence[Span], count: int) -> list[int]:
    """The latest calls and commands that are in place, the last one first.

    Raises:
        ToolFailure: NOTHING_TO_UNDO.
    """
    undone = _undone(spans)
    found = (
        span.id
        for span in reversed(spans)
        if span.actor and not span.undoes and not span.is_open
        if not span.is_partial and span.id not in undone
    )
    return _first(found, count, "NOTHING_TO_UNDO", "has changed something")


def latest_undone(spans: Sequence[Span], count: int) -> list[int]:
    """The operations that were taken back last, the last one first.

    Raises:
        ToolFailure: NOTHING_TO_REDO.
    """
    undone = _undone(spans)
    undos = {span.id for span in spans if span.undoes}
    found = (
        span.undoes
        for span in reversed(spans)
        if span.undoes in undone - undos and span.id not in undone
    )
    return _first(found, count, "NOTHING_TO_REDO", "is undone")


def _first(found: Iterator[int], count: int, code: str, what: str) -> list[int]:
    numbers = list(islice(found, count))
    if len(numbers) < count:
        there = f"only {len(numbers)}" if numbers else "no call"
        raise ToolFailure(code, f"{there} of what history has {what}")
    return numbers


def _undone(spans: Sequence[Span]) -> set[int]:
    """The spans that were taken back by one that was not taken back itself."""
    undone: set[int] = set()
    for span in reversed(spans):
        if span.undoes and span.id not in undone:
            undone.add(span.undoes)
    return undone
