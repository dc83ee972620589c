"""What differs, as a model reads it: one entry a path."""

from collections.abc import Iterable, Sequence

from devdev_exec import Difference, DifferenceKind

from devdev_mcp._models import FileChange

SHOWN = 100
"""Paths of an answer that is about something else."""


def file_changes(differences: Iterable[Difference]) -> list[FileChange]:
    """One entry for each path, with what it is about first and foremost."""
    found: dict[str, Difference] = {}
    for each in differences:
        known = found.get(each.path)
        if known is None or _WEIGHT[each.kind] < _WEIGHT[known.kind]:
            found[each.path] = each
    return [
        FileChange(
            path=each.path,
            status=each.kind.name.lower(),
            old_path=each.old_path or None,
        )
        for each in found.values()
    ]


_WEIGHT = {
    kind: weight
    for weight, kind in enumerate(
        (
            DifferenceKind.ADDED,
            DifferenceKind.REMOVED,
            DifferenceKind.RENAMED,
            DifferenceKind.KIND,
            DifferenceKind.MODIFIED,
            DifferenceKind.TARGET,
            DifferenceKind.MODE,
            DifferenceKind.OWNER,
            DifferenceKind.XATTR,
        )
    )
}


def shown(changes: Sequence[FileChange]) -> tuple[list[FileChange], int | None]:
    """The first of them, and how many more there are, if any."""
    return list(changes[:SHOWN]), max(len(changes) - SHOWN, 0) or None


def describe(changes: Sequence[FileChange], more: int | None = None) -> list[str]:
    """A line for each."""
    lines = [
        f"{each.status} {each.old_path} -> {each.path}"
        if each.old_path
        else f"{each.status} {each.path}"
        for each in changes
    ]
    return [*lines, f"and {more} more"] if more else lines


def is_below(path: str, tops: Sequence[str]) -> bool:
    """Whether a path is one of `tops`, or below one."""
    return any(path == top or path.startswith(f"{top.rstrip('/')}/") for top in tops)
