"""Going back: snapshots, what changed, undo."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Literal

from devdev_exec import Conflict, FsBase, Span, Undo
from mcp.types import CallToolResult
from pydantic import Field

from devdev_mcp._budget import DEFAULT_TOKENS, head_and_tail
from devdev_mcp._changes import describe, file_changes, is_below, shown
from devdev_mcp._errors import ToolFailure
from devdev_mcp._models import (
    CursorArgument,
    DiffResult,
    HistoryResult,
    LimitArgument,
    Operation,
    PointArgument,
    RevertResult,
    SnapshotResult,
    WorkspaceArgument,
)
from devdev_mcp._space import Space
from devdev_mcp._tools.tool import Call, WorkspaceTool, answer, hints, space_of
from devdev_mcp._undoing import latest_undoable, latest_undone

_SHOWN_CHANGES = 20  # of one operation
_CONFLICTS = 10
_RECENT = 256  # ops, among which those are that undo nearly always means

OpArgument = Annotated[int, Field(ge=0, description="Of history; 0 is the latest.")]
CountArgument = Annotated[
    int, Field(ge=1, le=100, description="So many of the latest, all or none.")
]


def snapshot(
    call: Call,
    label: Annotated[str, Field(max_length=200)] = "",
    workspace: WorkspaceArgument = "",
) -> Annotated[CallToolResult, SnapshotResult]:
    """Keep the state of all files to come back to, in no time at any size."""
    space = space_of(call, workspace)
    point = space.fs.checkpoint(label)
    with space.fs.fork(point) as kept:
        digest = kept.tree_digest()
    result = SnapshotResult(id=str(point.id), digest=digest, label=label or None)
    return answer(result, f"snapshot {result.id}, digest {digest}")


def history(
    call: Call,
    path: Annotated[
        str, Field(description="Only what changed this, or something below it.")
    ] = "",
    since: Annotated[int, Field(ge=0, description="Only after this op.")] = 0,
    limit: LimitArgument = 20,
    cursor: CursorArgument = "",
    workspace: WorkspaceArgument = "",
) -> Annotated[CallToolResult, HistoryResult]:
    """Tell which call or command changed what, the latest first."""
    space = space_of(call, workspace)
    if cursor and not re.fullmatch("[0-9]{1,19}", cursor):
        raise ToolFailure("BAD_CURSOR", f"{cursor!r} is no cursor")
    before = int(cursor) if cursor else None
    # What each touched is worked out for all that are asked for.
    enough = None if cursor or path else limit + 1
    log = space.fs.log(after=since, limit=enough)
    spans = [
        span
        for span in reversed(log.spans)
        if (before is None or span.id < before)
        and (not path or _touches(span, space.inside(path)))
    ]
    ops = [_operation(span) for span in spans[:limit]]
    next_cursor = str(ops[-1].op) if len(spans) > limit else None
    result = HistoryResult(ops=ops, dropped=log.dropped, next_cursor=next_cursor)
    lines = [line for each in ops for line in _show_operation(each)]
    if next_cursor:
        lines.append(f"[more follows: cursor={next_cursor}]")
    text = head_and_tail("\n".join(lines or ["[nothing changed]"]), DEFAULT_TOKENS)
    return answer(result, text.text)


def _touches(span: Span, path: str) -> bool:
    return any(
        is_below(each.path, [path]) or is_below(each.old_path, [path])
        for each in span.changes
    )


def _operation(span: Span) -> Operation:
    changes = file_changes(span.changes)
    time = datetime.fromtimestamp(span.time_ns // 10**9, UTC)
    return Operation(
        op=span.id,
        actor=span.actor,
        time=time.strftime("%FT%TZ"),
        undoes=span.undoes or None,
        partial=span.is_partial or None,
        running=span.is_open or None,
        changes=changes[:_SHOWN_CHANGES],
        more_changes=max(len(changes) - _SHOWN_CHANGES, 0) or None,
    )


def _show_operation(each: Operation) -> list[str]:
    who = each.actor or "[unknown]"
    undoes = f" (undoes {each.undoes})" if each.undoes else ""
    changes = describe(each.changes, each.more_changes)
    return [f"{each.op} {each.time} {who}{undoes}", *(f"  {line}" for line in changes)]


def diff(
    call: Call,
    from_: Annotated[PointArgument, Field(alias="from")] = "base",
    to: PointArgument = "now",
    paths: list[str] = [],  # noqa: B006 - only read
    format: Literal["unified", "summary"] = "unified",
    workspace: WorkspaceArgument = "",
) -> Annotated[CallToolResult, DiffResult]:
    """Tell what differs between two points; by default all since the beginning."""
    space = space_of(call, workspace)
    a, b = space.point(from_), space.point(to)
    tops = [space.inside(path) for path in paths]
    changes = [
        each
        for each in file_changes(space.fs.diff(a, b))
        if not tops or is_below(each.path, tops) or is_below(each.old_path or "", tops)
    ]
    files, more = shown(changes)
    text = None
    truncated = more is not None
    if format == "unified":
        patch = space.fs.diff_text(a, b).decode(errors="replace")
        if tops:
            patch = _only(patch, tops)
        short = head_and_tail(patch, DEFAULT_TOKENS)
        text, truncated = short.text, bool(short.elided) or truncated
    result = DiffResult(files=files, more_files=more, diff=text, truncated=truncated)
    summary = "\n".join(describe(files, more) or ["[no difference]"])
    return answer(result, *filter(None, [text]), summary)


def _only(patch: str, tops: list[str]) -> str:
    """The files of a patch that are at or below some paths."""
    first, *files = f"\n{patch}".split("\ndiff --git ")
    del first  # it is empty
    kept = []
    for file in files:
        old, _, new = file.partition("\n")[0].partition(" b/")
        names = (old.removeprefix("a"), f"/{new}")
        if any(is_below(name, tops) for name in names):
            kept.append(f"diff --git {file}\n")
    return "".join(kept)


# --- going back ------------------------------------------------------------------


def restore(
    call: Call,
    to: PointArgument,
    paths: Annotated[
        list[str], Field(description="Only these, with all below them.")
    ] = [],  # noqa: B006 - only read
    workspace: WorkspaceArgument = "",
) -> Annotated[CallToolResult, RevertResult]:
    """Bring files back to a snapshot; programs see it at once. undo takes it back."""
    space = space_of(call, workspace)
    point = space.point(to)
    if point is None:
        raise ToolFailure("BAD_ARGUMENTS", 'to must be a snapshot, not "now"')
    tops = [space.inside(path) for path in paths] or None
    with space.change(f"restore {to}"):
        op = space.fs.restore(point, tops)
    return _reverted(space.fs, [op], [], f"restored {to}")


def undo(
    call: Call,
    op: OpArgument = 0,
    count: CountArgument = 1,
    workspace: WorkspaceArgument = "",
) -> Annotated[CallToolResult, RevertResult]:
    """Take back what one call changed, a command too, and keep what came later."""
    space = space_of(call, workspace)
    spans = space.fs.log(limit=0 if op else _RECENT).spans
    try:
        numbers = _meant(spans, op, count, latest_undoable)
    except ToolFailure:
        numbers = _meant(space.fs.log().spans, op, count, latest_undoable)
    return _turn(space, "undo", numbers, "took back")


def redo(
    call: Call,
    op: OpArgument = 0,
    count: CountArgument = 1,
    workspace: WorkspaceArgument = "",
) -> Annotated[CallToolResult, RevertResult]:
    """Do again what one call changed and undo took back."""
    space = space_of(call, workspace)
    # An undo that a redo took back may be far from it.
    spans = space.fs.log(limit=0 if op else None).spans
    numbers = _meant(spans, op, count, latest_undone)
    return _turn(space, "redo", numbers, "did again")


def _meant(
    spans: list[Span],
    op: int,
    count: int,
    latest: Callable[[list[Span], int], list[int]],
) -> list[int]:
    """The ops to undo or redo, in the order in which that is done."""
    if op and count > 1:
        raise ToolFailure("BAD_ARGUMENTS", "give either op or count")
    return [op] if op else latest(spans, count)


Verb = Literal["undo", "redo"]
_BACK: dict[Verb, Verb] = {"undo": "redo", "redo": "undo"}


def _turn(space: Space, verb: Verb, numbers: list[int], what: str) -> CallToolResult:
    """Undo or redo ops, each as an op of its own; all of them or none."""
    made: list[int] = []
    for at, number in enumerate(numbers):
        turned = _turn_one(space, verb, number)
        if turned.conflicts:
            for done in reversed(numbers[:at]):
                _turn_one(space, _BACK[verb], done)
            raise _conflict(number, turned.conflicts)
        made.append(turned.span)
    named = ", ".join(map(str, numbers))
    return _reverted(space.fs, made, numbers, f"{what} op {named}")


def _turn_one(space: Space, verb: Verb, number: int) -> Undo:
    with space.change(f"{verb} {number}"):
        return space.fs.undo(number) if verb == "undo" else space.fs.redo(number)


def _conflict(number: int, conflicts: list[Conflict]) -> ToolFailure:
    told = [
        {"path": each.path, "kind": each.kind.name.lower(), "detail": each.detail}
        for each in conflicts[:_CONFLICTS]
    ]
    return ToolFailure(
        "CONFLICT",
        f"op {number} cannot be taken back or done again: {conflicts[0].detail}",
        path=conflicts[0].path,
        hint="Nothing was changed. history tells which later op changed the same.",
        conflicts=told,
    )


def _reverted(
    fs: FsBase, ops: list[int], numbers: list[int], what: str
) -> CallToolResult:
    """What the ops brought back, all of them together; the last one is the result's."""
    spans = fs.log(after=min(ops) - 1).spans if any(ops) else []
    changes = [
        change
        for span in spans
        if span.id in ops
        for change in file_changes(span.changes)
    ]
    files, more = shown(changes)
    digest = fs.tree_digest()
    result = RevertResult(
        op=ops[-1], files=files, more_files=more, reverted=numbers, digest=digest
    )
    lines = [f"{what}; op {ops[-1]}, digest {digest}", *describe(files, more)]
    return answer(result, "\n".join(lines))


TOOLS = (
    WorkspaceTool.make(snapshot, "Take a snapshot", hints()),
    WorkspaceTool.make(history, "History", hints(read_only=True, idempotent=True)),
    WorkspaceTool.make(diff, "Differences", hints(read_only=True, idempotent=True)),
    WorkspaceTool.make(
        restore, "Restore a snapshot", hints(destructive=True, idempotent=True)
    ),
    WorkspaceTool.make(undo, "Undo", hints(destructive=True)),
    WorkspaceTool.make(redo, "Redo", hints(destructive=True), core=False),
)
