"""Writing files: whole, by edits, and by patches."""

import base64
import binascii
import posixpath
from typing import Annotated, Literal

from devdev_exec import FsBase, FsError
from mcp.types import CallToolResult
from pydantic import Field

from devdev_mcp._budget import DEFAULT_TOKENS, head_and_tail
from devdev_mcp._changes import describe, file_changes
from devdev_mcp._edit import Replacement, first_difference, replace_all, unified_diff
from devdev_mcp._errors import ToolFailure
from devdev_mcp._etags import check_etag, read_content
from devdev_mcp._models import (
    Edit,
    EditResult,
    FileChange,
    IfMatchArgument,
    PatchResult,
    PathArgument,
    WorkspaceArgument,
    WriteResult,
)
from devdev_mcp._patch import FilePatch, apply_hunks, parse_patch
from devdev_mcp._text import Text, decode_text, etag_of
from devdev_mcp._tools.tool import Call, WorkspaceTool, answer, hints, space_of


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
    workspace: WorkspaceArgument = "",
) -> Annotated[CallToolResult, WriteResult]:
    """Make content the whole content of a file, or append it.

    A file that exists keeps its mode, unless one is given.
    """
    space = space_of(call, workspace)
    path = space.inside(path)
    data = _decode(content, encoding)
    what = f"write_file {path}"
    created = not space.fs.exists(path)
    is_deep = created and create_parents and not _has_parent(space.fs, path)
    if if_match or mode or is_deep:
        with space.draft(what) as draft:
            if if_match:
                check_etag(path, if_match, read_content(draft.fs, path))
            if is_deep:
                _make_parents(draft.fs, path)
            data = _write(draft.fs, path, data, append)
            if mode:
                draft.fs.chmod(path, int(mode, 8))
        op = draft.op
    else:
        with space.change(what) as op:
            data = _write(space.fs, path, data, append)
    result = WriteResult(
        path=path, etag=etag_of(data), size=len(data), created=created, op=op
    )
    verb = "created" if created else "appended to" if append else "wrote"
    facts = f"{result.size} bytes, etag {result.etag}, op {op}"
    return answer(result, f"{verb} {path}: {facts}")


def _write(fs: FsBase, path: str, data: bytes, append: bool) -> bytes:
    """Write or append; returns what the file then has."""
    if append:
        fs.append(path, data)
        return read_content(fs, path)
    fs.write_bytes(path, data)
    return data


def _has_parent(fs: FsBase, path: str) -> bool:
    return fs.exists(posixpath.dirname(path))


def _make_parents(fs: FsBase, path: str) -> None:
    fs.mkdir(posixpath.dirname(path), parents=True, exist_ok=True)


def _decode(content: str, encoding: str) -> bytes:
    if encoding == "utf-8":
        return content.encode()
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error as error:
        message = f"content is no base64: {error}"
        raise ToolFailure("BAD_ARGUMENTS", message) from None


def edit_file(
    call: Call,
    path: PathArgument,
    edits: Annotated[list[Edit], Field(min_length=1)],
    if_match: IfMatchArgument = "",
    dry_run: bool = False,
    workspace: WorkspaceArgument = "",
) -> Annotated[CallToolResult, EditResult]:
    """Replace exact strings in a text file: all edits, one after the other, or none.

    Each old_string must occur expected_count times. Line ends, byte order mark and
    mode of the file are kept.
    """
    space = space_of(call, workspace)
    path = space.inside(path)
    replacements = [
        Replacement(edit.old_string, edit.new_string, edit.expected_count)
        for edit in edits
    ]
    with space.draft(f"edit_file {path}") as draft:
        data = read_content(draft.fs, path)
        if if_match:
            check_etag(path, if_match, data)
        old = _text(path, data)
        content, count = replace_all(old.content, old.eol, replacements)
        new = Text(content, old.bom).encode()
        draft.fs.write_bytes(path, new)
        draft.wanted = not dry_run
    diff = unified_diff(old.content, content, path)
    result = EditResult(
        path=path,
        diff=head_and_tail(diff, DEFAULT_TOKENS).text,
        etag=etag_of(new),
        first_changed_line=first_difference(old.content, content),
        replacements=count,
        dry_run=dry_run,
        op=draft.op,
    )
    verb = "would edit" if dry_run else "edited"
    facts = f"replacements: {count}, etag {result.etag}, op {result.op}"
    return answer(result, result.diff, f"[{verb} {path}: {facts}]")


def _text(path: str, data: bytes) -> Text:
    text = decode_text(data)
    if text is None:
        hint = "Use write_file, or a program with exec_command."
        raise ToolFailure("NOT_TEXT", "binary file", path=path, hint=hint)
    return text


# --- patches ---------------------------------------------------------------------


def apply_patch(
    call: Call,
    patch: Annotated[
        str,
        Field(description='Unified diff, or "*** Begin Patch" ... "*** End Patch".'),
    ],
    dry_run: bool = False,
    workspace: WorkspaceArgument = "",
) -> Annotated[CallToolResult, PatchResult]:
    """Add, change, rename and delete files by a patch: all of it, or nothing."""
    space = space_of(call, workspace)
    files = parse_patch(patch)
    for file in files:
        file.path = space.inside(file.path)
        if file.new_path is not None:
            file.new_path = space.inside(file.new_path)
    names = " ".join(file.path for file in files)
    with space.draft(f"apply_patch {names}") as draft:
        for file in files:
            _apply(draft.fs, file)
        changes = file_changes(draft.fs.diff(draft.before))
        for change in changes:
            change.etag = _etag(draft.fs, change)
        diff = draft.fs.diff_text(draft.before).decode(errors="replace")
        draft.wanted = not dry_run
    result = PatchResult(
        files=changes,
        diff=head_and_tail(diff, DEFAULT_TOKENS).text,
        dry_run=dry_run,
        op=draft.op,
    )
    verb = "would change" if dry_run else "changed"
    lines = [f"{verb} {len(changes)} paths, op {result.op}", *describe(changes)]
    return answer(result, "\n".join(lines))


def _apply(fs: FsBase, file: FilePatch) -> None:
    try:
        match file.action:
            case "add":
                _add(fs, file)
            case "delete":
                fs.remove(file.path)
            case "update":
                _update(fs, file)
    except FsError as error:
        error.filename = error.filename or file.path
        raise


def _add(fs: FsBase, file: FilePatch) -> None:
    if fs.exists(file.path):
        message = "the patch adds a file that is there already"
        hint = "Nothing was changed. Update it instead."
        raise ToolFailure("EEXIST", message, path=file.path, hint=hint)
    _make_parents(fs, file.path)
    fs.write_bytes(file.path, file.content.encode())
    if file.mode is not None:
        fs.chmod(file.path, file.mode)


def _update(fs: FsBase, file: FilePatch) -> None:
    old = _text(file.path, read_content(fs, file.path))
    if file.hunks:
        new = Text(apply_hunks(old, file), old.bom)
        fs.write_bytes(file.path, new.encode())
    if file.mode is not None:
        fs.chmod(file.path, file.mode)
    if file.new_path is not None:
        _make_parents(fs, file.new_path)
        fs.rename(file.path, file.new_path)


def _etag(fs: FsBase, change: FileChange) -> str | None:
    if change.status == "removed" or not fs.lstat(change.path).is_file:
        return None
    return etag_of(read_content(fs, change.path))


TOOLS = (
    WorkspaceTool.make(write_file, "Write a file", hints(destructive=True)),
    WorkspaceTool.make(edit_file, "Edit a file", hints(destructive=True)),
    WorkspaceTool.make(apply_patch, "Apply a patch", hints(destructive=True)),
)
