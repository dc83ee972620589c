"""Writing files: whole, by edits, and by patches."""

import base64
import binascii
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from devdev_exec import Errno, FsBase, FsError, Written
from mcp.types import CallToolResult
from pydantic import Field

from devdev_mcp._budget import DEFAULT_TOKENS, head_and_tail
from devdev_mcp._changes import describe, file_changes
from devdev_mcp._edit import Replacement, first_difference, replace_all, unified_diff
from devdev_mcp._errors import ToolFailure
from devdev_mcp._etags import check_etag, etag_at, read_content
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
from devdev_mcp._space import Space
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
    wish = _Wish(path, _decode(content, encoding), mode, append, if_match)
    try:
        written, data = _write(space, wish)
    except FsError as error:
        if error.errno != Errno.ENOENT or not create_parents or if_match:
            raise
        written, data = _write_by_draft(space, wish)
    result = WriteResult(
        path=path,
        etag=etag_of(data),
        size=len(data),
        created=written.created,
        op=written.span,
    )
    verb = "created" if written.created else "appended to" if append else "wrote"
    facts = f"{result.size} bytes, etag {result.etag}, op {result.op}"
    return answer(result, f"{verb} {path}: {facts}")


@dataclass(frozen=True, slots=True)
class _Wish:
    path: str
    data: bytes
    mode: str
    append: bool
    if_match: str

    @property
    def what(self) -> str:
        return f"write_file {self.path}"


def _write(space: Space, wish: _Wish) -> tuple[Written, bytes]:
    """Write or append; tells what the file then has."""
    if wish.mode or (wish.append and wish.if_match):
        return _write_by_draft(space, wish)
    if wish.append:
        with space.change(wish.what) as op:
            created = not space.fs.exists(wish.path)
            space.fs.append(wish.path, wish.data)
            return Written(op, created), read_content(space.fs, wish.path)
    if wish.if_match:

        def checked(old: bytes) -> bytes:
            check_etag(wish.path, wish.if_match, old)
            return wish.data

        return space.replace(wish.what, wish.path, checked), wish.data
    return space.write(wish.what, wish.path, wish.data), wish.data


def _write_by_draft(space: Space, wish: _Wish) -> tuple[Written, bytes]:
    """The same where it takes several steps."""
    with space.draft(wish.what) as draft:
        created = not draft.fs.exists(wish.path)
        if wish.if_match:
            check_etag(wish.path, wish.if_match, read_content(draft.fs, wish.path))
        else:
            _make_parents(draft.fs, wish.path)
        if wish.append:
            draft.fs.append(wish.path, wish.data)
        else:
            draft.fs.write_bytes(wish.path, wish.data)
        if wish.mode:
            draft.fs.chmod(wish.path, int(wish.mode, 8))
        data = read_content(draft.fs, wish.path)
    return Written(draft.op, created), data


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
    edited = _Edited()

    def edit(data: bytes) -> bytes:
        if if_match:
            check_etag(path, if_match, data)
        return edited.by(path, data, replacements)

    if dry_run:
        edit(read_content(space.fs, path))
        op = 0
    else:
        op = space.replace(f"edit_file {path}", path, edit).span
    diff = unified_diff(edited.before, edited.after, path)
    result = EditResult(
        path=path,
        diff=head_and_tail(diff, DEFAULT_TOKENS).text,
        etag=etag_of(edited.data),
        first_changed_line=first_difference(edited.before, edited.after),
        replacements=edited.count,
        dry_run=dry_run,
        op=op,
    )
    verb = "would edit" if dry_run else "edited"
    facts = f"replacements: {edited.count}, etag {result.etag}, op {op}"
    return answer(result, result.diff, f"[{verb} {path}: {facts}]")


@dataclass(slots=True)
class _Edited:
    """What edits made of a file the last time; they may be made anew."""

    before: str = ""
    after: str = ""
    count: int = 0
    data: bytes = b""

    def by(self, path: str, data: bytes, edits: Sequence[Replacement]) -> bytes:
        old = _text(path, data)
        self.before = old.content
        self.after, self.count = replace_all(old.content, old.eol, edits)
        self.data = Text(self.after, old.bom).encode()
        return self.data


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
    if change.status == "removed":
        return None
    return etag_at(fs, change.path, fs.lstat(change.path))


TOOLS = (
    WorkspaceTool.make(write_file, "Write a file", hints(destructive=True)),
    WorkspaceTool.make(edit_file, "Edit a file", hints(destructive=True)),
    WorkspaceTool.make(apply_patch, "Apply a patch", hints(destructive=True)),
)
