"""Names and attributes: move, copy, remove, make, link, permissions."""

from typing import Annotated

from devdev_exec import FsBase, FsError, RenameFlags
from mcp.types import CallToolResult
from pydantic import Field

from devdev_mcp._errors import ToolFailure
from devdev_mcp._etags import etag_at
from devdev_mcp._models import (
    ChangeResult,
    PathArgument,
    RemoveResult,
    WorkspaceArgument,
)
from devdev_mcp._tools.tool import Call, WorkspaceTool, answer, hints, space_of

ModeArgument = Annotated[
    str, Field(pattern="^[0-7]{3,4}$", description="Octal, such as 755.")
]


def move(
    call: Call,
    source: PathArgument,
    destination: PathArgument,
    overwrite: bool = False,
    workspace: WorkspaceArgument = "",
) -> Annotated[CallToolResult, ChangeResult]:
    """Give a file or directory exactly the path destination, in one step."""
    space = space_of(call, workspace)
    source, destination = space.inside(source), space.inside(destination)
    flags = RenameFlags.NONE if overwrite else RenameFlags.NOREPLACE
    with space.change(f"move {source} {destination}") as op:
        space.fs.rename(source, destination, flags)
    return _answer(space.fs, destination, op, f"moved {source} to {destination}")


def copy(
    call: Call,
    source: PathArgument,
    destination: PathArgument,
    overwrite: bool = False,
    workspace: WorkspaceArgument = "",
) -> Annotated[CallToolResult, ChangeResult]:
    """Copy a file, or a directory with all in it; content is shared, so it is quick."""
    space = space_of(call, workspace)
    source, destination = space.inside(source), space.inside(destination)
    with space.draft(f"copy {source} {destination}") as draft:
        if not overwrite and draft.fs.exists(destination):
            hint = "Choose another path, or set overwrite."
            raise ToolFailure("EEXIST", "it exists", path=destination, hint=hint)
        draft.fs.copy(source, destination)
    return _answer(space.fs, destination, draft.op, f"copied {source} to {destination}")


def remove(
    call: Call,
    path: PathArgument,
    recursive: Annotated[
        bool, Field(description="For a directory that is not empty.")
    ] = False,
    workspace: WorkspaceArgument = "",
) -> Annotated[CallToolResult, RemoveResult]:
    """Remove a file, a link (not its target) or a directory. undo takes it back."""
    space = space_of(call, workspace)
    path = space.inside(path)
    removed = 1
    with space.change(f"remove {path}") as op:
        if recursive:
            removed = space.fs.remove_tree(path)
        elif space.fs.lstat(path).is_dir:
            space.fs.rmdir(path)
        else:
            space.fs.remove(path)
    result = RemoveResult(path=path, removed=removed, op=op)
    return answer(result, f"removed {path}: {removed} names, op {op}")


def make_directory(
    call: Call, path: PathArgument, workspace: WorkspaceArgument = ""
) -> Annotated[CallToolResult, ChangeResult]:
    """Make a directory, with those above it; one that is there is left as it is."""
    space = space_of(call, workspace)
    path = space.inside(path)
    with space.change(f"make_directory {path}") as op:
        space.fs.mkdir(path, parents=True, exist_ok=True)
    return _answer(space.fs, path, op, f"made {path}")


def symlink(
    call: Call,
    path: PathArgument,
    target: Annotated[str, Field(min_length=1, description="Kept as it is given.")],
    workspace: WorkspaceArgument = "",
) -> Annotated[CallToolResult, ChangeResult]:
    """Make path a symbolic link to target; a relative one works everywhere."""
    space = space_of(call, workspace)
    path = space.inside(path)
    with space.change(f"symlink {path} {target}") as op:
        space.fs.symlink(target, path)
    return _answer(space.fs, path, op, f"made {path} a link to {target}")


def chmod(
    call: Call,
    path: PathArgument,
    mode: ModeArgument,
    workspace: WorkspaceArgument = "",
) -> Annotated[CallToolResult, ChangeResult]:
    """Set the permission bits."""
    space = space_of(call, workspace)
    path = space.inside(path)
    with space.change(f"chmod {path} {mode}") as op:
        space.fs.chmod(path, int(mode, 8))
    return _answer(space.fs, path, op, f"set the mode of {path} to {mode}")


def _answer(fs: FsBase, path: str, op: int, what: str) -> CallToolResult:
    try:
        etag = etag_at(fs, path, fs.lstat(path))
    except FsError:  # it went meanwhile
        etag = None
    told = f", etag {etag}" if etag else ""
    return answer(ChangeResult(path=path, op=op, etag=etag), f"{what}, op {op}{told}")


TOOLS = (
    WorkspaceTool.make(move, "Move", hints(destructive=True)),
    WorkspaceTool.make(copy, "Copy", hints(destructive=True), core=False),
    WorkspaceTool.make(remove, "Remove", hints(destructive=True, idempotent=True)),
    WorkspaceTool.make(
        make_directory, "Make a directory", hints(idempotent=True), core=False
    ),
    WorkspaceTool.make(symlink, "Make a symbolic link", hints(), core=False),
    WorkspaceTool.make(chmod, "Set permissions", hints(idempotent=True), core=False),
)
