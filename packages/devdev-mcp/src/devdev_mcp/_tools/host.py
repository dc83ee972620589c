"""In from the host and out to it, below the directories that were allowed."""

from typing import Annotated

from mcp.types import CallToolResult
from pydantic import Field

from devdev_mcp._exporting import ExportFormat, export
from devdev_mcp._importing import import_descriptor
from devdev_mcp._models import (
    ExportResult,
    ImportResult,
    PathArgument,
    PointArgument,
    WorkspaceArgument,
)
from devdev_mcp._tools.tool import (
    Call,
    WorkspaceTool,
    answer,
    hints,
    space_of,
    state_of,
)

HostPath = Annotated[
    str, Field(min_length=1, description="Host path, below an allowed directory.")
]


def import_path(
    call: Call,
    source: HostPath,
    destination: PathArgument = "/",
    workspace: WorkspaceArgument = "",
) -> Annotated[CallToolResult, ImportResult]:
    """Copy in a host directory, or what a tar or zip file holds: all of it or nothing.

    Directories are merged, files of the same name replaced. undo takes it back.
    """
    space = space_of(call, workspace)
    destination = space.inside(destination)
    with (
        state_of(call).host_roots.open(source) as fd,
        space.draft(f"import_path {source}") as draft,
    ):
        count = import_descriptor(draft.fs, fd, destination)
    op = draft.op
    result = ImportResult(path=destination, count=count, op=op)
    what = f"imported {count} entries of {source} to {destination}, op {op}"
    return answer(result, what)


def export_path(
    call: Call,
    destination: HostPath,
    path: PathArgument = "/",
    format: ExportFormat = "dir",
    since: Annotated[
        PointArgument, Field(description="What a patch begins with.")
    ] = "base",
    workspace: WorkspaceArgument = "",
) -> Annotated[CallToolResult, ExportResult]:
    """Write files to a new name on the host: as a directory, an archive or a patch.

    A patch is of the whole workspace. What is there on the host is not overwritten.
    """
    space = space_of(call, workspace)
    path = space.inside(path)
    point = space.point(since) or space.base
    with (
        state_of(call).host_roots.open_above(destination) as (fd, name),
        space.fs.fork() as still,
    ):
        digest = still.tree_digest(path)
        patch = space.fs if format == "patch" else still
        size = export(patch, path, format, point, fd, name)
    result = ExportResult(
        destination=destination, format=format, bytes=size, digest=digest
    )
    return answer(result, f"exported {path} to {destination}: {size} bytes")


TOOLS = (
    WorkspaceTool.make(import_path, "Import", hints(destructive=True), core=False),
    WorkspaceTool.make(export_path, "Export", hints(), core=False),
)
