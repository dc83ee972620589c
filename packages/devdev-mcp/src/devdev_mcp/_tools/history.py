"""Going back: snapshots of the whole workspace."""

from typing import Annotated

from mcp.types import CallToolResult
from pydantic import Field

from devdev_mcp._models import RestoreResult, SnapshotResult
from devdev_mcp._tools.tool import Call, WorkspaceTool, answer, hints, state_of


def snapshot(
    call: Call, label: Annotated[str, Field(max_length=200)] = ""
) -> Annotated[CallToolResult, SnapshotResult]:
    """Keep the state of all files, to restore it later.

    Kept until the server ends, or room is needed for newer ones. The same state has
    the same id.
    """
    state = state_of(call)
    fs = state.workspace.fs
    with state.writing:
        digest = fs.tree_digest()
        data = state.workspace.snapshot()
    kept, dropped = state.snapshots.put(data, digest, label)
    result = SnapshotResult(
        id=kept.id,
        digest=digest,
        label=label or None,
        bytes=len(data),
        dropped=dropped,
    )
    gone = f"; dropped to make room: {', '.join(dropped)}" if dropped else ""
    return answer(result, f"snapshot {kept.id}, digest {digest}{gone}")


def restore(
    call: Call, to: Annotated[str, Field(description="Id of a snapshot.")]
) -> Annotated[CallToolResult, RestoreResult]:
    """Bring all files back to a snapshot; running programs see it at once.

    What was changed since is lost unless it is in a snapshot of its own.
    """
    state = state_of(call)
    kept = state.snapshots.get(to)
    with state.writing:
        state.workspace.restore(kept.data)
        digest = state.workspace.fs.tree_digest()
    result = RestoreResult(id=kept.id, digest=digest, label=kept.label or None)
    return answer(result, f"restored {kept.id}, digest {digest}")


TOOLS = (
    WorkspaceTool.make(snapshot, "Take a snapshot", hints(idempotent=True)),
    WorkspaceTool.make(
        restore, "Restore a snapshot", hints(destructive=True, idempotent=True)
    ),
)
