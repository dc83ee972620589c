"""Arguments and results of the tools, as their schemas show them.

A field of a result that is None where its default is None is left out of it. Every
word here is paid for by whoever lists the tools: descriptions say only what a name
does not, and those of results are for readers of this module.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from devdev_mcp._budget import MAX_TOKENS
from devdev_mcp._text import Eol

# --- arguments -------------------------------------------------------------------

PathArgument = Annotated[
    str,
    Field(min_length=1, description="Absolute workspace path."),
]

WorkspaceArgument = str
"""The id of a workspace; the first one by default. The server's instructions say so."""

PointArgument = Annotated[
    str, Field(description='Snapshot id or label, "base" (the beginning) or "now".')
]

LimitArgument = Annotated[int, Field(ge=1, le=1000)]

CursorArgument = Annotated[str, Field(description="next_cursor, to go on.")]

TokensArgument = Annotated[
    int,
    Field(
        ge=100,
        le=MAX_TOKENS,
        description="Budget of the answer, at 4 bytes a token.",
    ),
]

IfMatchArgument = Annotated[
    str,
    Field(description="Refuse unless the file still has this etag."),
]


class Edit(BaseModel):
    """One replacement of exact text."""

    model_config = ConfigDict(extra="forbid")

    old_string: str = Field(min_length=1)
    new_string: str
    expected_count: Annotated[int, Field(ge=1)] | Literal["all"] = 1


# --- results ---------------------------------------------------------------------


class ReadResult(BaseModel):
    """What a file holds."""

    path: str
    encoding: Literal["utf-8", "base64", "image"]
    content: str | None = Field(default=None, description="Absent for an image.")
    etag: str
    size: int = Field(description="Bytes of the whole file.")
    truncated: bool = Field(description="Whether less is shown than was asked for.")
    start_line: int | None = None
    end_line: int | None = None
    total_lines: int | None = None
    next_line: int | None = Field(default=None, description="start_line to go on with.")
    next_byte_offset: int | None = Field(
        default=None,
        description="byte_offset to go on with: a line is over the budget.",
    )
    eol: Eol | None = None
    bom: bool | None = Field(
        default=None, description="Whether a byte order mark was left out of content."
    )
    mime_type: str | None = None


class Problem(BaseModel):
    """Why a part of a call failed."""

    code: str
    message: str
    hint: str | None = None


class FileRead(BaseModel):
    """One of several files: what it holds, or why it cannot be read."""

    path: str
    file: ReadResult | None = None
    error: Problem | None = None


class ReadManyResult(BaseModel):
    """What several files hold."""

    files: list[FileRead]


OpField = Annotated[int, Field(description="For undo; 0 if nothing changed.")]


class WriteResult(BaseModel):
    """What a file is after a write."""

    path: str
    etag: str
    size: int
    created: bool
    op: OpField


class EditResult(BaseModel):
    """What edits changed, or with dry_run would change."""

    path: str
    diff: str
    etag: str
    first_changed_line: int
    replacements: int
    dry_run: bool
    op: OpField


class FileChange(BaseModel):
    """What became of one path."""

    path: str
    status: str = Field(description="added, removed, modified, renamed, mode, ...")
    old_path: str | None = None
    etag: str | None = None


class PatchResult(BaseModel):
    """What a patch changed, or with dry_run would change."""

    files: list[FileChange]
    diff: str
    dry_run: bool
    op: OpField


class ChangeResult(BaseModel):
    """What was changed."""

    path: str
    op: OpField
    etag: str | None = None


class RemoveResult(BaseModel):
    """What was removed."""

    path: str
    removed: int = Field(description="Number of names.")
    op: OpField


class Entry(BaseModel):
    """One entry of a listing."""

    path: str
    type: Literal[
        "file",
        "directory",
        "symlink",
        "fifo",
        "socket",
        "character_device",
        "block_device",
    ]
    size: int
    mode: str = Field(description="Permission bits, octal.")
    mtime: str
    target: str | None = None


class StatResult(Entry):
    """The attributes of what is at a path."""

    ino: int
    nlink: int
    uid: int
    gid: int
    etag: str | None = None
    atime: str
    ctime: str
    btime: str
    xattrs: list[str]


class FindResult(BaseModel):
    """The paths that match."""

    paths: list[str]
    next_cursor: str | None = None


class Match(BaseModel):
    """A line, or of a file how many match."""

    path: str
    line: int | None = None
    text: str | None = Field(default=None, description="With context lines.")
    count: int | None = None


class GrepResult(BaseModel):
    """What matches."""

    matches: list[Match]
    next_cursor: str | None = None
    skipped: list[str] = Field(default=[], description="Too large to be searched.")


class ListResult(BaseModel):
    """What is in a directory."""

    path: str
    entries: list[Entry]
    next_cursor: str | None = Field(
        default=None, description="Present if more follows."
    )


class ExecResult(BaseModel):
    """What a command wrote, and how it ended if it has."""

    status: Literal["running", "exited", "killed", "timeout"]
    session_id: str | None = Field(default=None, description="For the exec_ tools.")
    exit_code: int | None = None
    signal: str | None = None
    output: str = Field(description="New stdout; with tty also stderr.")
    stderr: str | None = None
    truncated: bool = Field(description="Whether the middle was left out above.")
    output_path: str | None = Field(default=None, description="Kept whole there.")
    stderr_path: str | None = None
    next_cursor: int | None = Field(default=None, description="For exec_output.")
    original_bytes: int
    duration_ms: int
    max_rss: int | None = None
    sandbox: str | None = Field(default=None, description="How it was contained.")
    op: OpField
    changed: list[FileChange]
    more_changed: int | None = None


class OutputResult(BaseModel):
    """A part of what a session wrote."""

    output: str
    next_cursor: int
    dropped: int = Field(description="Bytes before it that are not kept.")
    status: Literal["running", "exited", "killed", "timeout"]


class ScreenResult(BaseModel):
    """What is on a terminal."""

    rows: list[str]
    cursor_row: int = Field(description="From 0.")
    cursor_column: int
    title: str
    alternate: bool


class SessionInfo(BaseModel):
    """One session."""

    session_id: str
    workspace: str
    command: str
    status: Literal["running", "ended"]
    tty: bool
    duration_ms: int


class SessionsResult(BaseModel):
    """Sessions."""

    sessions: list[SessionInfo]


class SnapshotResult(BaseModel):
    """A snapshot."""

    id: str
    digest: str = Field(description="Same names, modes and content: same digest.")
    label: str | None = None


class Operation(BaseModel):
    """What one call, or a program, changed."""

    op: int
    actor: str = Field(description="The call or command; empty if unknown.")
    time: str
    undoes: int | None = None
    partial: bool | None = None
    running: bool | None = None
    changes: list[FileChange]
    more_changes: int | None = None


class HistoryResult(BaseModel):
    """Operations, the newest first."""

    ops: list[Operation]
    dropped: int = Field(description="How many were forgotten to make room.")
    next_cursor: str | None = None


class DiffResult(BaseModel):
    """What differs."""

    files: list[FileChange]
    more_files: int | None = None
    diff: str | None = None
    truncated: bool


class RevertResult(BaseModel):
    """What was brought back."""

    op: OpField
    files: list[FileChange]
    more_files: int | None = None
    reverted: list[int] = Field(default=[], description="The ops that were turned.")
    digest: str


class ConflictInfo(BaseModel):
    """What both sides changed differently."""

    path: str
    kind: str
    detail: str


class MergeResult(BaseModel):
    """What a merge brought in."""

    op: OpField
    files: list[FileChange]
    more_files: int | None = None
    conflicts: list[ConflictInfo]
    dry_run: bool


class ForkResult(BaseModel):
    """A new workspace."""

    workspace: str
    origin: str
    base: str = Field(description="The snapshot there that it began with.")
    mount: str | None = None
    not_carried: list[str]


class WorkspaceInfo(BaseModel):
    """One workspace."""

    id: str
    label: str | None = None
    mount: str | None = None
    origin: str | None = None


class WorkspacesResult(BaseModel):
    """The workspaces that are open."""

    workspaces: list[WorkspaceInfo]


class CloseResult(BaseModel):
    """What was closed."""

    workspace: str
    unmerged_changes: int


class ImportResult(BaseModel):
    """What was copied in."""

    path: str
    count: int
    op: OpField


class ExportResult(BaseModel):
    """What was written to the host."""

    destination: str
    format: str
    bytes: int
    digest: str


class SnapshotInfo(BaseModel):
    """A snapshot that can be restored."""

    id: str
    label: str | None = None
    time: str


class Sandbox(BaseModel):
    """How far programs are kept from the host."""

    level: str
    note: str


class InfoResult(BaseModel):
    """Where the workspace is, what it holds, and what it can do."""

    id: str
    root: str
    mount: str | None = Field(description="Host path of /; null if not mounted.")
    driver: str
    home: str = Field(description="HOME of programs.")
    bytes_used: int
    bytes_limit: int
    inodes_used: int
    inodes_limit: int
    digest: str
    exec_available: bool
    sandbox: Sandbox
    degraded: list[str] = Field(description="What is missing here, and how to get it.")
    snapshots: list[SnapshotInfo] = Field(description="The latest.")
