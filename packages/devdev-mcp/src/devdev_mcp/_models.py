"""Arguments and results of the tools, as their schemas show them.

A field of a result that is None where its default is None is left out of it. Every
word here is paid for by whoever lists the tools: descriptions say only what a name
does not.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from devdev_mcp._budget import MAX_TOKENS
from devdev_mcp._text import Eol

# --- arguments -------------------------------------------------------------------

PathArgument = Annotated[
    str,
    Field(
        min_length=1,
        description="Absolute workspace path, such as /src/app.py; "
        "a host path inside the mount is understood too.",
    ),
]

TokensArgument = Annotated[
    int,
    Field(
        ge=100,
        le=MAX_TOKENS,
        description="Budget of the answer; a token is counted as 4 bytes of UTF-8.",
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


class WriteResult(BaseModel):
    """What a file is after a write."""

    path: str
    etag: str
    size: int
    created: bool


class EditResult(BaseModel):
    """What edits changed, or with dry_run would change."""

    path: str
    diff: str
    etag: str
    first_changed_line: int
    replacements: int
    dry_run: bool


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


class ListResult(BaseModel):
    """What is in a directory."""

    path: str
    entries: list[Entry]
    next_cursor: str | None = Field(
        default=None, description="Present if more follows."
    )


class ExecResult(BaseModel):
    """How a command ended, and what it wrote."""

    status: Literal["exited", "killed", "timeout"]
    exit_code: int | None = None
    signal: str | None = None
    output: str = Field(description="stdout; with tty also stderr.")
    stderr: str | None = None
    truncated: bool = Field(description="Whether the middle was left out above.")
    output_path: str | None = Field(
        default=None, description="Where stdout is kept whole."
    )
    stderr_path: str | None = None
    original_bytes: int
    duration_ms: int


class SnapshotResult(BaseModel):
    """A snapshot that the server keeps."""

    id: str
    digest: str = Field(description="Same names, modes and content: same digest.")
    label: str | None = None
    bytes: int
    dropped: list[str] = Field(description="Ids of old ones dropped to make room.")


class RestoreResult(BaseModel):
    """What the workspace is after a restore."""

    id: str
    digest: str
    label: str | None = None


class SnapshotInfo(BaseModel):
    """A snapshot that can be restored."""

    id: str
    digest: str
    label: str | None = None
    bytes: int


class Sandbox(BaseModel):
    """How far programs are kept from the host."""

    level: Literal["none"]
    note: str


class InfoResult(BaseModel):
    """Where the workspace is, what it holds, and what it can do."""

    root: str
    mount: str | None = Field(description="Host path of /; null if not mounted.")
    driver: str
    home: str = Field(description="HOME of programs, as a workspace path.")
    bytes_used: int
    bytes_limit: int
    inodes_used: int
    inodes_limit: int
    digest: str
    exec_available: bool
    sandbox: Sandbox
    degraded: list[str] = Field(description="What is missing here, and how to get it.")
    snapshots: list[SnapshotInfo]
