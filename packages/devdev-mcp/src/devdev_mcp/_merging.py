"""Merges a fork, which lives in another process, into what it was forked from.

The fork's state is loaded into a fork of the checkpoint that both come from, beside the
target; inodes are the same by their numbers, so renames are followed.
"""

from dataclasses import dataclass

from devdev_exec import Conflict, ConflictPolicy, MergeConflict

from devdev_mcp._changes import file_changes
from devdev_mcp._errors import ToolFailure
from devdev_mcp._models import FileChange
from devdev_mcp._space import Space


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of a merge."""

    op: int
    changes: list[FileChange]
    conflicts: list[Conflict]


def merge_fork(
    target: Space, fork: Space, policy: ConflictPolicy, dry_run: bool
) -> Merged:
    """Bring in what `fork` changed; with conflicts "fail" does as "data".

    Raises:
        ToolFailure: NO_FORK.
    """
    if fork.origin is None or fork.origin.space is not target:
        message = f"{fork.id} is no fork of {target.id}"
        hint = "workspace_list tells what each was forked from."
        raise ToolFailure("NO_FORK", message, hint=hint)
    point = fork.origin.point
    with (
        target.fs.fork(point) as base,
        base.fork() as theirs,
        target.fs.fork() as before,
    ):
        theirs.load(fork.fs.dump())
        try:
            if dry_run:
                with before.fork() as rehearsal:
                    op, conflicts = 0, rehearsal.merge(base, theirs, policy).conflicts
                    changes = file_changes(rehearsal.diff(before))
            else:
                with target.change(f"merge {fork.id}"):
                    op, conflicts = target.fs.merge(base, theirs, policy)
                changes = file_changes(target.fs.diff(before))
        except MergeConflict as conflict:
            return Merged(0, [], conflict.conflicts)
    return Merged(op, changes, conflicts)
