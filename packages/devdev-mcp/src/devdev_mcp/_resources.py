"""Resources: files of a workspace, of a snapshot, and what commands wrote.

There are templates and no list: a tree of files is no list to go through.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from devdev_exec import Errno, FsBase, FsError
from mcp.types import ResourceTemplate

from devdev_mcp._errors import ToolFailure
from devdev_mcp._read import image_type
from devdev_mcp._state import ServerState
from devdev_mcp._text import decode_text

MAX_BYTES = 1024**2
"""Of a resource: the protocol has no ranges, and the whole may go to a model."""

_COMPLETIONS = 100  # as the protocol has it

TEMPLATES = (
    ResourceTemplate(
        name="workspace_file",
        title="File of a workspace",
        uri_template="workspace://{workspace}/{+path}",
        description="What a file holds now.",
    ),
    ResourceTemplate(
        name="snapshot_file",
        title="File of a snapshot",
        uri_template="snapshot://{workspace}/{snapshot}/{+path}",
        description="What a file held then.",
    ),
    ResourceTemplate(
        name="exec_log",
        title="Output of a session",
        uri_template="exec://{session}/log",
        description="All that is kept of what a command wrote.",
        mime_type="text/plain",
    ),
)

_WORKSPACE = re.compile(r"workspace://([^/]+)/(.*)", re.DOTALL)
_SNAPSHOT = re.compile(r"snapshot://([^/]+)/([^/]+)/(.*)", re.DOTALL)
_LOG = re.compile(r"exec://([^/]+)/log")


@dataclass(frozen=True, slots=True)
class Content:
    """What a resource holds."""

    data: str | bytes
    mime_type: str


def read_resource(state: ServerState, uri: str) -> Content | None:
    """The content of a resource; None if no template has such a URI.

    Raises:
        ToolFailure, FsError: it is not there, or too large.
    """
    if match := _WORKSPACE.fullmatch(uri):
        space = state.space(unquote(match[1]))
        return _content(space.fs, f"/{unquote(match[2])}")
    if match := _SNAPSHOT.fullmatch(uri):
        with state.space(unquote(match[1])).at(unquote(match[2])) as fs:
            return _content(fs, f"/{unquote(match[3])}")
    if match := _LOG.fullmatch(uri):
        running = state.sessions.get(unquote(match[1]))
        data = running.session.read(0).data
        if len(data) > MAX_BYTES:
            raise _too_large("Call exec_output, which goes on at a cursor.")
        return Content(data.decode(errors="replace"), "text/plain")
    return None


def _too_large(hint: str) -> ToolFailure:
    message = f"it has more than the {MAX_BYTES} bytes that a resource may have"
    return ToolFailure("TOO_LARGE", message, hint=hint)


def _content(fs: FsBase, path: str) -> Content:
    try:
        data = fs.read_bytes(path, MAX_BYTES)
    except FsError as error:
        if error.errno != Errno.EFBIG:
            raise
        hint = "Call read_file, which reads ranges of lines and of bytes."
        raise _too_large(hint) from None
    mime_type = image_type(data)
    if mime_type is not None:
        return Content(data, mime_type)
    if decode_text(data) is None:
        return Content(data, "application/octet-stream")
    return Content(data.decode(), "text/plain")


def uri_of(space: str, path: str) -> str:
    """The URI of a file of a workspace as it is now."""
    name = quote(path.lstrip("/").encode(errors="surrogateescape"))
    return f"workspace://{space}/{name}"


def complete(
    state: ServerState, argument: str, value: str, known: dict[str, str]
) -> list[str]:
    """How a value of a template may go on.

    Args:
        state: the caller's workspaces.
        argument: which placeholder.
        value: its beginning.
        known: the placeholders that have values already.
    """
    try:
        found = _candidates(state, argument, value, known)
    except (ToolFailure, FsError):
        return []
    return [each for each in found if each.startswith(value)][:_COMPLETIONS]


def _candidates(
    state: ServerState, argument: str, value: str, known: dict[str, str]
) -> list[str]:
    match argument:
        case "workspace":
            return [space.id for space in state.spaces()]
        case "session":
            return [running.id for running in state.sessions.all()]
        case "snapshot":
            space = state.space(known.get("workspace", ""))
            return ["base", *(str(each.id) for each in space.fs.checkpoints())]
        case "path":
            space = state.space(known.get("workspace", ""))
            directory = value.rpartition("/")[0]
            above = f"{directory}/" if directory else ""
            with space.at(known.get("snapshot", "now")) as fs:
                return [f"{above}{name}" for name in fs.listdir(f"/{directory}")]
    return []
