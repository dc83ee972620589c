"""Files and directories: read, write, edit, list."""

import base64
import binascii
import posixpath
from datetime import UTC, datetime
from typing import Annotated, Literal

from devdev_exec import FsBase, Kind
from mcp.types import CallToolResult, ImageContent
from pydantic import Field

from devdev_mcp._budget import (
    BYTES_PER_TOKEN,
    DEFAULT_TOKENS,
    head_and_tail,
    size_of,
)
from devdev_mcp._edit import Replacement, first_difference, replace_all, unified_diff
from devdev_mcp._errors import ToolFailure
from devdev_mcp._listing import (
    Listed,
    Trail,
    Walk,
    decode_cursor,
    encode_cursor,
    show_name,
)
from devdev_mcp._models import (
    Edit,
    EditResult,
    Entry,
    IfMatchArgument,
    ListResult,
    PathArgument,
    ReadResult,
    TokensArgument,
    WriteResult,
)
from devdev_mcp._read import (
    Part,
    image_type,
    part_of_binary,
    part_of_lines,
    part_of_text,
)
from devdev_mcp._text import Text, decode_text, etag_of
from devdev_mcp._tools.tool import Call, WorkspaceTool, answer, hints, state_of

MAX_FILE_BYTES = 64 * 1024**2
"""Files beyond this are for programs: an etag needs all of a file here."""

_MAX_DEPTH = 32
_MAX_ENTRIES = 1000


# --- reading ---------------------------------------------------------------------


def read_file(
    call: Call,
    path: PathArgument,
    start_line: Annotated[int, Field(ge=1)] = 1,
    end_line: Annotated[int | None, Field(ge=1, description="Inclusive.")] = None,
    byte_offset: Annotated[
        int | None, Field(ge=0, description="Begin here instead of at a line.")
    ] = None,
    max_tokens: TokensArgument = DEFAULT_TOKENS,
    encoding: Literal["auto", "base64"] = "auto",
) -> Annotated[CallToolResult, ReadResult]:
    """Read a file: text by lines (from 1), an image as an image, else base64.

    Go on with next_line or next_byte_offset. Content is exact, line ends included.
    """
    state = state_of(call)
    path = state.inside(path)
    data = _read(state.workspace.fs, path)
    is_whole = start_line == 1 and end_line is None and byte_offset is None
    mime_type = image_type(data) if is_whole and encoding == "auto" else None
    if mime_type is not None:
        return _answer_image(path, data, mime_type)
    text = decode_text(data) if encoding == "auto" else None
    if byte_offset is not None and (start_line > 1 or end_line is not None):
        message = "byte_offset and lines cannot be combined"
        raise ToolFailure("BAD_RANGE", message, path=path)
    if text is None:
        part = part_of_binary(data, byte_offset or 0, max_tokens)
    elif byte_offset is None:
        part = part_of_lines(text, start_line, end_line, max_tokens)
    else:
        part = part_of_text(data, text, byte_offset, max_tokens)
    return _answer_part(path, data, text, part)


def _read(fs: FsBase, path: str) -> bytes:
    size = fs.stat(path).size
    if size > MAX_FILE_BYTES:
        message = f"{size} bytes are more than the tools take ({MAX_FILE_BYTES})"
        hint = "Use exec_command with head, tail, sed or grep."
        raise ToolFailure("TOO_LARGE", message, path=path, hint=hint)
    return fs.read_bytes(path)


def _answer_image(path: str, data: bytes, mime_type: str) -> CallToolResult:
    result = ReadResult(
        path=path,
        encoding="image",
        etag=etag_of(data),
        size=len(data),
        truncated=False,
        mime_type=mime_type,
    )
    image = ImageContent(
        type="image", data=base64.b64encode(data).decode(), mime_type=mime_type
    )
    return answer(result, image, f"[{path}: {mime_type}, {_facts(result)}]")


def _answer_part(
    path: str, data: bytes, text: Text | None, part: Part
) -> CallToolResult:
    result = ReadResult(
        path=path,
        encoding="base64" if text is None else "utf-8",
        content=part.content,
        etag=etag_of(data),
        size=len(data),
        truncated=part.truncated,
        start_line=part.start_line,
        end_line=part.end_line,
        total_lines=None if text is None else text.total_lines,
        next_line=part.next_line,
        next_byte_offset=part.next_byte_offset,
        eol=None if text is None else text.eol,
        bom=None if text is None else text.bom,
    )
    notes = [path]
    if part.start_line is not None:
        notes.append(f"lines {part.start_line}-{part.end_line} of {result.total_lines}")
    if text is None:
        notes.append("base64")
    elif text.eol not in ("lf", "none"):
        notes.append(f"{text.eol} line ends")
    notes.append(_facts(result))
    if part.next_line is not None:
        notes.append(f"next_line={part.next_line}")
    if part.next_byte_offset is not None:
        notes.append(f"next_byte_offset={part.next_byte_offset}")
    return answer(result, *filter(None, [part.content]), f"[{', '.join(notes)}]")


def _facts(result: ReadResult | WriteResult) -> str:
    return f"{result.size} bytes, etag {result.etag}"


# --- writing ---------------------------------------------------------------------


def write_file(
    call: Call,
    path: PathArgument,
    content: str,
    encoding: Literal["utf-8", "base64"] = "utf-8",
    mode: Annotated[
        str, Field(pattern="^([0-7]{3,4})?$", description="Octal, such as 755.")
    ] = "",
    append: bool = False,
    create_parents: bool = True,
    if_match: IfMatchArgument = "",
) -> Annotated[CallToolResult, WriteResult]:
    """Make content the whole content of a file, or append it.

    A file that exists keeps its mode, unless one is given.
    """
    state = state_of(call)
    path = state.inside(path)
    data = _decode(content, encoding)
    fs = state.workspace.fs
    with state.writing:
        created = not fs.exists(path)
        if if_match:
            _check_etag(path, if_match, _read(fs, path))
        if created and create_parents:
            fs.mkdir(posixpath.dirname(path), parents=True, exist_ok=True)
        if append:
            fs.append(path, data)
            data = _read(fs, path)
        else:
            fs.write_bytes(path, data)
        if mode:
            fs.chmod(path, int(mode, 8))
    result = WriteResult(path=path, etag=etag_of(data), size=len(data), created=created)
    verb = "created" if created else "appended to" if append else "wrote"
    return answer(result, f"{verb} {path}: {_facts(result)}")


def _decode(content: str, encoding: str) -> bytes:
    if encoding == "utf-8":
        return content.encode()
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error as error:
        message = f"content is no base64: {error}"
        raise ToolFailure("BAD_ARGUMENTS", message) from None


def _check_etag(path: str, expected: str, data: bytes) -> None:
    etag = etag_of(data)
    if etag != expected:
        raise ToolFailure(
            "ETAG_MISMATCH",
            f"the file has changed: its etag is {etag}, not {expected}",
            path=path,
            hint="Nothing was changed. Call read_file, and decide anew.",
            etag=etag,
        )


def edit_file(
    call: Call,
    path: PathArgument,
    edits: Annotated[list[Edit], Field(min_length=1)],
    if_match: IfMatchArgument = "",
    dry_run: bool = False,
) -> Annotated[CallToolResult, EditResult]:
    """Replace exact strings in a text file: all edits, one after the other, or none.

    Each old_string must occur expected_count times. Line ends, byte order mark and
    mode of the file are kept.
    """
    state = state_of(call)
    path = state.inside(path)
    fs = state.workspace.fs
    with state.writing:
        data = _read(fs, path)
        if if_match:
            _check_etag(path, if_match, data)
        old = decode_text(data)
        if old is None:
            hint = "Use write_file, or a program with exec_command."
            raise ToolFailure("NOT_TEXT", "binary file", path=path, hint=hint)
        replacements = [
            Replacement(edit.old_string, edit.new_string, edit.expected_count)
            for edit in edits
        ]
        content, count = replace_all(old.content, old.eol, replacements)
        new = Text(content, old.bom).encode()
        if not dry_run:
            fs.write_bytes(path, new)
    diff = unified_diff(old.content, content, path)
    result = EditResult(
        path=path,
        diff=head_and_tail(diff, DEFAULT_TOKENS).text,
        etag=etag_of(new),
        first_changed_line=first_difference(old.content, content),
        replacements=count,
        dry_run=dry_run,
    )
    verb = "would edit" if dry_run else "edited"
    note = f"[{verb} {path}: replacements: {count}, etag {result.etag}]"
    return answer(result, result.diff, note)


# --- listing ---------------------------------------------------------------------


def list_directory(
    call: Call,
    path: PathArgument = "/",
    depth: Annotated[int, Field(ge=1, le=_MAX_DEPTH)] = 1,
    limit: Annotated[int, Field(ge=1, le=_MAX_ENTRIES)] = 200,
    cursor: str = "",
    ignore: Annotated[
        list[str], Field(description="Patterns of names, such as *.pyc.")
    ] = [],  # noqa: B006 - only read
) -> Annotated[CallToolResult, ListResult]:
    """List a directory, sorted by name; with depth, a tree. Links are not followed."""
    state = state_of(call)
    path = state.inside(path)
    walk = Walk(state.workspace.fs, path.encode(), depth, tuple(ignore))
    entries: list[Entry] = []
    room = DEFAULT_TOKENS * BYTES_PER_TOKEN
    next_cursor = None
    last: Trail = ()
    for listed in walk.entries(decode_cursor(cursor)):
        entry = _entry(path, listed)
        room -= size_of(entry.model_dump_json())
        if entries and (room < 0 or len(entries) == limit):
            next_cursor = encode_cursor(last)
            break
        entries.append(entry)
        last = listed.trail
    result = ListResult(path=path, entries=entries, next_cursor=next_cursor)
    lines = [_line(entry) for entry in entries]
    if not lines:
        lines.append(f"[{path} is empty]")
    if next_cursor is not None:
        lines.append(f"[more follows: cursor={next_cursor}]")
    return answer(result, "\n".join(lines))


def _entry(directory: str, listed: Listed) -> Entry:
    stat = listed.stat
    name = show_name(b"/".join(listed.trail))
    seconds = stat.mtime_ns // 10**9
    return Entry.model_validate(
        {
            "path": posixpath.join(directory, name),
            "type": "file" if stat.kind == Kind.REGULAR else stat.kind.name.lower(),
            "size": stat.size,
            "mode": f"{stat.perm:04o}",
            "mtime": datetime.fromtimestamp(seconds, UTC).strftime("%FT%TZ"),
            "target": None if listed.target is None else show_name(listed.target),
        }
    )


def _line(entry: Entry) -> str:
    if entry.type == "directory":
        return f"{entry.path}/"
    if entry.target is not None:
        return f"{entry.path} -> {entry.target}"
    return f"{entry.path} {entry.size}"


TOOLS = (
    WorkspaceTool.make(
        read_file, "Read a file", hints(read_only=True, idempotent=True)
    ),
    WorkspaceTool.make(write_file, "Write a file", hints(destructive=True)),
    WorkspaceTool.make(edit_file, "Edit a file", hints(destructive=True)),
    WorkspaceTool.make(
        list_directory, "List a directory", hints(read_only=True, idempotent=True)
    ),
)
