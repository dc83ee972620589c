"""Reading files."""

import base64
from typing import Annotated, Literal

from devdev_exec import ExecError, FsBase, FsError, MountError
from mcp.types import CallToolResult, ContentBlock, ImageContent
from pydantic import Field

from devdev_mcp._budget import DEFAULT_TOKENS
from devdev_mcp._errors import ToolFailure, from_refusal
from devdev_mcp._etags import read_content
from devdev_mcp._models import (
    FileRead,
    PathArgument,
    Problem,
    ReadManyResult,
    ReadResult,
    TokensArgument,
    WorkspaceArgument,
)
from devdev_mcp._read import (
    Part,
    image_type,
    part_of_binary,
    part_of_lines,
    part_of_text,
)
from devdev_mcp._text import Text, decode_text, etag_of
from devdev_mcp._tools.tool import Call, WorkspaceTool, answer, hints, space_of

_MAX_FILES = 100

Shown = tuple[ReadResult, list[str | ContentBlock]]
"""What was read, in both forms."""


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
    workspace: WorkspaceArgument = "",
) -> Annotated[CallToolResult, ReadResult]:
    """Read a file: text by lines (from 1), an image as an image, else base64.

    Go on with next_line or next_byte_offset. Content is exact, line ends included.
    """
    space = space_of(call, workspace)
    path = space.inside(path)
    if byte_offset is not None and (start_line > 1 or end_line is not None):
        message = "byte_offset and lines cannot be combined"
        raise ToolFailure("BAD_RANGE", message, path=path)
    data = read_content(space.fs, path)
    is_whole = start_line == 1 and end_line is None and byte_offset is None
    mime_type = image_type(data) if is_whole and encoding == "auto" else None
    if mime_type is not None:
        result, blocks = _show_image(path, data, mime_type)
        return answer(result, *blocks)
    text = decode_text(data) if encoding == "auto" else None
    if text is None:
        part = part_of_binary(data, byte_offset or 0, max_tokens)
    elif byte_offset is None:
        part = part_of_lines(text, start_line, end_line, max_tokens)
    else:
        part = part_of_text(data, text, byte_offset, max_tokens)
    result, blocks = _show_part(path, data, text, part)
    return answer(result, *blocks)


def read_files(
    call: Call,
    paths: Annotated[list[str], Field(min_length=1, max_length=_MAX_FILES)],
    max_tokens: TokensArgument = DEFAULT_TOKENS,
    workspace: WorkspaceArgument = "",
) -> Annotated[CallToolResult, ReadManyResult]:
    """Read several files from their beginnings; one that fails does not stop others.

    The budget is shared: what a file does not need is for those after it.
    """
    space = space_of(call, workspace)
    files: list[FileRead] = []
    blocks: list[str | ContentBlock] = []
    room = max_tokens
    for index, each in enumerate(paths):
        path = space.inside(each)
        share = max(room // (len(paths) - index), 1)
        try:
            result, shown = _read_beginning(space.fs, path, share)
        except (FsError, ExecError, MountError, ToolFailure) as error:
            failure = (
                error
                if isinstance(error, ToolFailure)
                else from_refusal(error, space.fs, path)
            )
            failure.path = failure.path or path
            problem = Problem(
                code=failure.code, message=failure.message, hint=failure.hint
            )
            files.append(FileRead(path=path, error=problem))
            blocks.append(f"[{failure}]")
        else:
            room -= min(share, -(-len((result.content or "").encode()) // 4))
            files.append(FileRead(path=path, file=result))
            blocks += shown
    return answer(ReadManyResult(files=files), *blocks)


def _read_beginning(fs: FsBase, path: str, tokens: int) -> Shown:
    data = read_content(fs, path)
    mime_type = image_type(data)
    if mime_type is not None:
        return _show_image(path, data, mime_type)
    text = decode_text(data)
    if text is None:
        return _show_part(path, data, None, part_of_binary(data, 0, tokens))
    return _show_part(path, data, text, part_of_lines(text, 1, None, tokens))


def _show_image(path: str, data: bytes, mime_type: str) -> Shown:
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
    return result, [image, f"[{path}: {mime_type}, {_facts(result)}]"]


def _show_part(path: str, data: bytes, text: Text | None, part: Part) -> Shown:
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
    return result, [*filter(None, [part.content]), f"[{', '.join(notes)}]"]


def _facts(result: ReadResult) -> str:
    return f"{result.size} bytes, etag {result.etag}"


TOOLS = (
    WorkspaceTool.make(
        read_file, "Read a file", hints(read_only=True, idempotent=True)
    ),
    WorkspaceTool.make(
        read_files, "Read files", hints(read_only=True, idempotent=True), core=False
    ),
)
