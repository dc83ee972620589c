"""Which operation is meant by undo and redo without a number."""

from collections.abc import Sequence

from devdev_exec import Span

from devdev_mcp._errors import ToolFailure


def latest_undoable(spans: Sequence[Span]) -> int:
    """The latest call or command that is in place.

    Raises:
        ToolFailure: NOTHING_TO_UNDO.
    """
    undone = _undone(spans)
    for span in reversed(spans):
        is_own = span.actor and not span.undoes and not span.is_open
        if is_own and not span.is_partial and span.id not in undone:
            return span.id
    raise ToolFailure(
        "NOTHING_TO_UNDO", "no call has changed anything, or all are undone"
    )


def latest_undone(spans: Sequence[Span]) -> int:
    """The operation that was taken back last.

    Raises:
        ToolFailure: NOTHING_TO_REDO.
    """
    undone = _undone(spans)
    undos = {span.id for span in spans if span.undoes}
    for span in reversed(spans):
        if span.undoes in undone - undos and span.id not in undone:
            return span.undoes
    raise ToolFailure("NOTHING_TO_REDO", "nothing is undone")


def _undone(spans: Sequence[Span]) -> set[int]:
    """The spans that were taken back by one that was not taken back itself."""
    undone: set[int] = set()
    for span in reversed(spans):
        if span.undoes and span.id not in undone:
            undone.add(span.undoes)
    return undone
