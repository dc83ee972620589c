"""Looking for files: directories, patterns, text, attributes."""

import posixpath
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal

from devdev_exec import DifferenceKind, FsBase, FsError, Kind, Stat
from mcp.types import CallToolResult
from pydantic import Field

from devdev_mcp._budget import BYTES_PER_TOKEN, DEFAULT_TOKENS, size_of
from devdev_mcp._cursors import (
    Trail,
    decode_cursor,
    decode_place,
    encode_cursor,
    encode_place,
)
from devdev_mcp._etags import etag_at
from devdev_mcp._listing import Listed, Walk, show_name
from devdev_mcp._matcher import Expression, FixedString, Matcher
from devdev_mcp._models import (
    CursorArgument,
    Entry,
    FindResult,
    GrepResult,
    LimitArgument,
    ListResult,
    Match,
    PathArgument,
    StatResult,
    WorkspaceArgument,
)
from devdev_mcp._search import Found, Search
from devdev_mcp._space import Space
from devdev_mcp._tools.tool import Call, WorkspaceTool, answer, hints, space_of

_MAX_DEPTH = 32
_LINE_MAX = 500  # characters of a line of grep's
_TYPES = {kind: kind.name.lower() for kind in Kind} | {Kind.REGULAR: "file"}
_ROOM = DEFAULT_TOKENS * BYTES_PER_TOKEN  # bytes of one answer

EntryType = Literal[
    "",
    "file",
    "directory",
    "symlink",
    "fifo",
    "socket",
    "character_device",
    "block_device",
]


def list_directory(
    call: Call,
    path: PathArgument = "/",
    depth: Annotated[int, Field(ge=1, le=_MAX_DEPTH)] = 1,
    limit: LimitArgument = 200,
    cursor: CursorArgument = "",
    ignore: Annotated[
        list[str], Field(description="Patterns of names, such as *.pyc.")
    ] = [],  # noqa: B006 - only read
    workspace: WorkspaceArgument = "",
) -> Annotated[CallToolResult, ListResult]:
    """List a directory, sorted by name; with depth, a tree. Links are not followed."""
    space = space_of(call, workspace)
    path = space.inside(path)
    walk = Walk(space.fs, path.encode(), depth, tuple(ignore))
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


def _type(stat: Stat) -> str:
    return _TYPES[stat.kind]


def _time(ns: int) -> str:
    return _second(ns // 10**9)


@lru_cache(maxsize=256)  # what is made together has one time
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%FT%TZ")


def _fields(path: str, stat: Stat, target: str | None) -> dict[str, Any]:
    return {
        "path": path,
        "type": _type(stat),
        "size": stat.size,
        "mode": f"{stat.perm:04o}",
        "mtime": _time(stat.mtime_ns),
        "target": target,
    }


def _entry(directory: str, listed: Listed) -> Entry:
    path = posixpath.join(directory, show_name(b"/".join(listed.trail)))
    target = None if listed.target is None else show_name(listed.target)
    return Entry.model_validate(_fields(path, listed.stat, target))


def _line(entry: Entry) -> str:
    if entry.type == "directory":
        return f"{entry.path}/"
    if entry.target is not None:
        return f"{entry.path} -> {entry.target}"
    return f"{entry.path} {entry.size}"


def stat(
    call: Call,
    path: PathArgument,
    follow: Annotated[bool, Field(description="Where a link leads to.")] = True,
    workspace: WorkspaceArgument = "",
) -> Annotated[CallToolResult, StatResult]:
    """Tell the attributes of what is at a path, and the etag of a file."""
    space = space_of(call, workspace)
    path = space.inside(path)
    fs = space.fs
    found = fs.stat(path) if follow else fs.lstat(path)
    etag = etag_at(fs, path, found)
    target = fs.readlink(path) if found.is_symlink else None
    names = [] if found.is_symlink else fs.inodes.listxattr(found.ino)
    result = StatResult.model_validate(
        _fields(path, found, target)
        | {
            "ino": found.ino,
            "nlink": found.nlink,
            "uid": found.uid,
            "gid": found.gid,
            "etag": etag,
            "atime": _time(found.atime_ns),
            "ctime": _time(found.ctime_ns),
            "btime": _time(found.btime_ns),
            "xattrs": [show_name(name) for name in names],
        }
    )
    facts = f"{result.type}, {result.size} bytes, mode {result.mode}, {result.mtime}"
    more = f", etag {etag}" if etag else ""
    return answer(result, f"{_line(result)}: {facts}{more}")


# --- patterns --------------------------------------------------------------------


def find_files(
    call: Call,
    pattern: Annotated[
        str, Field(min_length=1, description="Such as *.py, or src/**/test_*.")
    ],
    path: PathArgument = "/",
    type: EntryType = "",
    modified_since: Annotated[
        str, Field(description="Only what differs from this snapshot.")
    ] = "",
    limit: LimitArgument = 200,
    cursor: CursorArgument = "",
    workspace: WorkspaceArgument = "",
) -> Annotated[CallToolResult, FindResult]:
    """Find paths by a pattern; one without a slash is of names at any depth."""
    space = space_of(call, workspace)
    path = space.inside(path)
    space.fs.stat(path)
    deep = pattern if "/" in pattern else f"**/{pattern}"
    found = space.fs.glob(f"{_literal(path)}/{deep.lstrip('/')}")
    changed = _changed_since(space, modified_since) if modified_since else None
    after = "" if not cursor else decode_place(cursor)[0]
    paths: list[str] = []
    next_cursor = None
    room = _ROOM
    for each in sorted(found):
        if each <= after or (changed is not None and each not in changed):
            continue
        if type and not _is_of_type(space.fs, each, type):
            continue
        room -= size_of(each) + 4
        if paths and (room < 0 or len(paths) == limit):
            next_cursor = encode_place(paths[-1], 0)
            break
        paths.append(each)
    shown = [show_name(each.encode(errors="surrogateescape")) for each in paths]
    result = FindResult(paths=shown, next_cursor=next_cursor)
    lines = shown or ["[nothing matches]"]
    return answer(result, "\n".join([*lines, *_more(next_cursor)]))


def _literal(path: str) -> str:
    """A path as a pattern that matches just it."""
    return "".join(f"[{each}]" if each in "*?[" else each for each in path.rstrip("/"))


def _changed_since(space: Space, name: str) -> set[str]:
    differences = space.fs.diff(space.point(name))
    return {each.path for each in differences if each.kind != DifferenceKind.REMOVED}


def _is_of_type(fs: FsBase, path: str, wanted: str) -> bool:
    try:
        return _type(fs.lstat(path)) == wanted
    except FsError:  # it went meanwhile
        return False


def _more(next_cursor: str | None) -> list[str]:
    return [] if next_cursor is None else [f"[more follows: cursor={next_cursor}]"]


# --- text ------------------------------------------------------------------------


def grep(
    call: Call,
    pattern: Annotated[str, Field(min_length=1, max_length=2000)],
    path: PathArgument = "/",
    glob: Annotated[str, Field(description="Of the files' names, such as *.py.")] = "",
    regex: Annotated[
        bool, Field(description="Python's syntax; else a fixed string.")
    ] = False,
    ignore_case: bool = False,
    context: Annotated[int, Field(ge=0, le=20)] = 0,
    output_mode: Literal["content", "files", "count"] = "content",
    limit: LimitArgument = 200,
    cursor: CursorArgument = "",
    workspace: WorkspaceArgument = "",
) -> Annotated[CallToolResult, GrepResult]:
    """Search the lines of text files; binary files are passed over."""
    space = space_of(call, workspace)
    path = space.inside(path)
    last, after = decode_place(cursor) if cursor else ("", 0)
    matches: list[Match] = []
    skipped: list[str] = []
    next_cursor = None
    room = _ROOM
    with ExitStack() as stack:
        matcher: Matcher = (
            stack.enter_context(Expression(pattern, ignore_case))
            if regex
            else FixedString(pattern, ignore_case)
        )
        for found in Search(space.fs, path, glob, matcher, skipped).run(last):
            start = after if found.path == last else 0
            for match, line in _matches(found, output_mode, context, start):
                room -= size_of(match.model_dump_json())
                if matches and (room < 0 or len(matches) == limit):
                    next_cursor = encode_place(last, after)
                    break
                matches.append(match)
                last, after = found.path, line
            if next_cursor is not None:
                break
    result = GrepResult(matches=matches, next_cursor=next_cursor, skipped=skipped)
    lines = [_show_match(match) for match in matches] or ["[nothing matches]"]
    lines += [f"[too large to be searched: {each}]" for each in skipped]
    return answer(result, "\n".join([*lines, *_more(next_cursor)]))


def _matches(
    found: Found, mode: str, context: int, after: int
) -> list[tuple[Match, int]]:
    """What is told of a file, behind a line, each with its place."""
    path = show_name(found.path.encode(errors="surrogateescape"))
    if mode != "content":
        end = len(found.lines)
        count = len(found.numbers) if mode == "count" else None
        return [(Match(path=path, count=count), end)] if after < end else []
    matches = []
    for number in found.numbers:
        if number > after:
            first = max(number - 1 - context, 0)
            lines = found.lines[first : number + context]
            text = "\n".join(line.rstrip("\r")[:_LINE_MAX] for line in lines)
            matches.append((Match(path=path, line=number, text=text), number))
    return matches


def _show_match(match: Match) -> str:
    if match.count is not None:
        return f"{match.path}: {match.count}"
    if match.line is None:
        return match.path
    return f"{match.path}:{match.line}: {match.text}"


TOOLS = (
    WorkspaceTool.make(
        list_directory, "List a directory", hints(read_only=True, idempotent=True)
    ),
    WorkspaceTool.make(
        find_files, "Find files", hints(read_only=True, idempotent=True)
    ),
    WorkspaceTool.make(grep, "Search text", hints(read_only=True, idempotent=True)),
    WorkspaceTool.make(
        stat, "Attributes", hints(read_only=True, idempotent=True), core=False
    ),
)
