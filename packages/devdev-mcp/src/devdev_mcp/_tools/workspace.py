"""Orientation: where the workspace is and what it can do."""

from typing import Annotated

from devdev_exec import HOME
from mcp.types import CallToolResult

from devdev_mcp._models import InfoResult, Sandbox, SnapshotInfo
from devdev_mcp._state import ServerState
from devdev_mcp._tools.tool import Call, WorkspaceTool, answer, hints, state_of

_NO_SANDBOX = (
    "Commands run as the user of this server and can reach the host and the network."
)


def workspace_info(call: Call) -> Annotated[CallToolResult, InfoResult]:
    """Tell where the workspace is mounted, its limits, snapshots and what is missing.

    A good first call. The workspace is in memory and ends with the server.
    """
    info = _describe(state_of(call))
    lines = [
        f"workspace / is mounted at {info.mount}"
        if info.mount
        else "workspace / is in memory only",
        f"{info.bytes_used} of {info.bytes_limit} bytes and "
        f"{info.inodes_used} of {info.inodes_limit} inodes are used",
        f"digest {info.digest}",
        f"sandbox: {info.sandbox.level}. {info.sandbox.note}",
        *(f"degraded: {reason}" for reason in info.degraded),
        *(f"snapshot {kept.id} {kept.label or ''}".strip() for kept in info.snapshots),
    ]
    return answer(info, "\n".join(lines))


def _describe(state: ServerState) -> InfoResult:
    workspace = state.workspace
    space = workspace.fs.inodes.statvfs()
    why_unmounted = state.why_unmounted
    return InfoResult(
        root="/",
        mount=None if workspace.path is None else str(workspace.path),
        driver=workspace.driver,
        home=HOME,
        bytes_used=(space.blocks - space.blocks_free) * space.block_size,
        bytes_limit=space.blocks * space.block_size,
        inodes_used=space.inodes - space.inodes_free,
        inodes_limit=space.inodes,
        digest=workspace.fs.tree_digest(),
        exec_available=workspace.path is not None,
        sandbox=Sandbox(level="none", note=_NO_SANDBOX),
        degraded=[] if why_unmounted is None else [f"no exec: {why_unmounted}"],
        snapshots=[
            SnapshotInfo(
                id=kept.id,
                digest=kept.digest,
                label=kept.label or None,
                bytes=len(kept.data),
            )
            for kept in state.snapshots.all()
        ],
    )


TOOLS = (
    WorkspaceTool.make(
        workspace_info, "Workspace info", hints(read_only=True, idempotent=True)
    ),
)
