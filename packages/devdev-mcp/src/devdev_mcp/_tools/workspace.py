"""Workspaces: where one is and what it can do, forks, merges."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from devdev_exec import HOME, Conflict, Containment
from mcp.types import CallToolResult
from pydantic import Field

from devdev_mcp._changes import describe, file_changes, shown
from devdev_mcp._errors import ToolFailure
from devdev_mcp._merging import merge_fork
from devdev_mcp._models import (
    CloseResult,
    ConflictInfo,
    ForkResult,
    InfoResult,
    MergeResult,
    Sandbox,
    SnapshotInfo,
    WorkspaceArgument,
    WorkspaceInfo,
    WorkspacesResult,
)
from devdev_mcp._space import Space
from devdev_mcp._tools.tool import (
    Call,
    WorkspaceTool,
    answer,
    hints,
    space_of,
    state_of,
)

_SNAPSHOTS = 20

_NO_SANDBOX = (
    "Commands run as the user of this server and can reach the host and the network."
)


def workspace_info(
    call: Call, workspace: WorkspaceArgument = ""
) -> Annotated[CallToolResult, InfoResult]:
    """Tell where the workspace is mounted, its limits, snapshots and what is missing.

    A good first call. The workspace is in memory and ends with the server.
    """
    bounds = state_of(call).sessions.bounds
    info = _describe(space_of(call, workspace), bounds.containment)
    lines = [
        f"workspace {info.id}: / is mounted at {info.mount}"
        if info.mount
        else f"workspace {info.id}: / is in memory only",
        f"{info.bytes_used} of {info.bytes_limit} bytes and "
        f"{info.inodes_used} of {info.inodes_limit} inodes are used",
        f"digest {info.digest}",
        f"sandbox: {info.sandbox.level}. {info.sandbox.note}",
        *(f"degraded: {reason}" for reason in info.degraded),
        *(f"snapshot {kept.id} {kept.label or ''}".strip() for kept in info.snapshots),
    ]
    return answer(info, "\n".join(lines))


def _describe(space: Space, containment: Containment) -> InfoResult:
    workspace, fs = space.workspace, space.fs
    space_used = fs.inodes.statvfs()
    why = space.why_unmounted
    return InfoResult(
        id=space.id,
        root="/",
        mount=None if workspace.path is None else str(workspace.path),
        driver=workspace.driver,
        home=HOME,
        bytes_used=(space_used.blocks - space_used.blocks_free) * space_used.block_size,
        bytes_limit=space_used.blocks * space_used.block_size,
        inodes_used=space_used.inodes - space_used.inodes_free,
        inodes_limit=space_used.inodes,
        digest=fs.tree_digest(),
        exec_available=workspace.path is not None,
        sandbox=_sandbox(containment),
        degraded=[] if why is None else [f"no exec: {why}"],
        snapshots=[
            SnapshotInfo(
                id=str(kept.id), label=kept.label or None, time=_time(kept.time_ns)
            )
            for kept in fs.checkpoints()[-_SNAPSHOTS:]
        ],
    )


def _sandbox(containment: Containment) -> Sandbox:
    if containment.level == "none":
        return Sandbox(level="none", note=_NO_SANDBOX)
    network = "with" if containment.network else "without"
    note = f"Commands run contained, {network} the network."
    return Sandbox(level=containment.level, note=note)


def _time(ns: int) -> str:
    return datetime.fromtimestamp(ns // 10**9, UTC).strftime("%FT%TZ")


# --- forks -----------------------------------------------------------------------


def workspace_fork(
    call: Call,
    from_: Annotated[
        str, Field(alias="from", description="A snapshot to begin with; else now.")
    ] = "now",
    label: Annotated[str, Field(max_length=200)] = "",
    workspace: WorkspaceArgument = "",
) -> Annotated[CallToolResult, ForkResult]:
    """Make another workspace with the same files, in processes of its own.

    It ends with the server, or by workspace_close. Running programs are not copied.
    """
    source = space_of(call, workspace)
    fork = state_of(call).fork(source, source.point(from_), label)
    assert fork.origin is not None
    result = ForkResult(
        workspace=fork.id,
        origin=source.id,
        base=str(fork.origin.point),
        mount=None if fork.workspace.path is None else str(fork.workspace.path),
        not_carried=["running programs", "snapshots", "history"],
    )
    return answer(result, f"workspace {fork.id}, a fork of {source.id}")


def workspace_list(call: Call) -> Annotated[CallToolResult, WorkspacesResult]:
    """List the workspaces that are open."""
    infos = [_info(space) for space in state_of(call).spaces()]
    lines = [
        " ".join(filter(None, (each.id, each.label, each.mount))) for each in infos
    ]
    text = "\n".join(lines) or "[none is open]"
    return answer(WorkspacesResult(workspaces=infos), text)


def _info(space: Space) -> WorkspaceInfo:
    path = space.workspace.path
    return WorkspaceInfo(
        id=space.id,
        label=space.label or None,
        mount=None if path is None else str(path),
        origin=None if space.origin is None else space.origin.space.id,
    )


def workspace_close(
    call: Call,
    workspace: Annotated[str, Field(min_length=1)],
    discard: Annotated[
        bool, Field(description="Needed if it has changes of its own.")
    ] = False,
) -> Annotated[CallToolResult, CloseResult]:
    """End a workspace with its programs; its files and history are gone."""
    space = space_of(call, workspace)
    changes = len(file_changes(space.fs.diff(space.base)))
    if changes and not discard:
        message = f"it has {changes} changed paths that would be lost"
        hint = "Merge or export them first, or set discard."
        raise ToolFailure("UNSAVED", f"{space.id}: {message}", hint=hint)
    state_of(call).drop(space)
    result = CloseResult(workspace=space.id, unmerged_changes=changes)
    return answer(result, f"closed {space.id}; {changes} changed paths are gone")


def merge(
    call: Call,
    source: Annotated[str, Field(min_length=1, description="Id of a fork of it.")],
    dry_run: bool = False,
    on_conflict: Literal["fail", "data", "markers", "ours", "theirs"] = "fail",
    workspace: WorkspaceArgument = "",
) -> Annotated[CallToolResult, MergeResult]:
    """Bring in what a fork changed, three-way, line by line in text.

    With conflicts, fail and data change nothing; markers puts both sides' lines into
    the text.
    """
    target = space_of(call, workspace)
    fork = state_of(call).space(source)
    merged = merge_fork(target, fork, on_conflict, dry_run)
    if merged.conflicts and on_conflict == "fail":
        raise _conflict(merged.conflicts)
    files, more = shown(merged.changes)
    result = MergeResult(
        op=merged.op,
        files=files,
        more_files=more,
        conflicts=[_told(each) for each in merged.conflicts],
        dry_run=dry_run,
    )
    verb = "would merge" if dry_run else "merged"
    lines = [f"{verb} {len(merged.changes)} paths, op {merged.op}"]
    lines += describe(files, more)
    lines += [f"conflict: {each.path}: {each.detail}" for each in merged.conflicts]
    return answer(result, "\n".join(lines))


def _told(each: Conflict) -> ConflictInfo:
    return ConflictInfo(path=each.path, kind=each.kind.name.lower(), detail=each.detail)


def _conflict(conflicts: list[Conflict]) -> ToolFailure:
    return ToolFailure(
        "CONFLICT",
        f"{len(conflicts)} conflicts, the first: {conflicts[0].detail}",
        path=conflicts[0].path,
        hint="Nothing was changed. Choose another on_conflict, such as markers.",
        conflicts=[_told(each).model_dump() for each in conflicts],
    )


TOOLS = (
    WorkspaceTool.make(
        workspace_info, "Workspace info", hints(read_only=True, idempotent=True)
    ),
    WorkspaceTool.make(workspace_fork, "Fork a workspace", hints(), core=False),
    WorkspaceTool.make(
        workspace_list,
        "List workspaces",
        hints(read_only=True, idempotent=True),
        core=False,
    ),
    WorkspaceTool.make(merge, "Merge a fork", hints(destructive=True), core=False),
    WorkspaceTool.make(
        workspace_close, "Close a workspace", hints(destructive=True), core=False
    ),
)
