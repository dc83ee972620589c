"""Running programs: each command is a session, which may outlive the call."""

import time
from signal import Signals
from typing import Annotated, Literal

import anyio
import anyio.to_thread
from devdev_exec import ExecResult, Output
from mcp.types import CallToolResult
from pydantic import Field

from devdev_mcp import _models
from devdev_mcp._budget import BYTES_PER_TOKEN, DEFAULT_TOKENS, head_and_tail, size_of
from devdev_mcp._changes import file_changes, shown
from devdev_mcp._errors import ToolFailure
from devdev_mcp._sessions import Command, Running
from devdev_mcp._space import Space
from devdev_mcp._tools.tool import (
    Call,
    WorkspaceTool,
    answer,
    hints,
    space_of,
    state_of,
)

MAX_YIELD_MS = 40_000
"""Hosts give up a call after a minute or less, so none is held for longer than 45 s:
this, and what the launcher needs to end a whole tree of processes."""

_MAX_TIMEOUT_MS = 24 * 3600 * 1000
_PROGRESS_INTERVAL = 1.0  # seconds

# Apart from the threads of other tools, which else would wait for commands to end.
_threads = anyio.CapacityLimiter(64)

SignalName = Literal[
    "TERM", "INT", "HUP", "KILL", "QUIT", "STOP", "CONT", "USR1", "USR2", "WINCH"
]
SessionArgument = Annotated[str, Field(min_length=1, description="Of exec_command.")]
YieldArgument = Annotated[
    int, Field(ge=0, le=MAX_YIELD_MS, description="How long to wait for its end.")
]


async def exec_command(
    call: Call,
    command: Annotated[str, Field(description="Run by /bin/sh -c.")] = "",
    argv: Annotated[
        list[str], Field(description="Instead of command: a program, without a shell.")
    ] = [],  # noqa: B006 - only read
    cwd: Annotated[str, Field(description="Workspace path.")] = "/",
    env: Annotated[dict[str, str], Field(description="Variables to add.")] = {},  # noqa: B006 - only read
    stdin: str = "",
    tty: Annotated[bool, Field(description="Run under a pseudo-terminal.")] = False,
    yield_time_ms: YieldArgument = 10_000,
    timeout_ms: Annotated[
        int, Field(ge=1, le=_MAX_TIMEOUT_MS, description="Then it is ended.")
    ] = 120_000,
    background: Annotated[
        bool, Field(description="Do not wait; it outlives a cancelled call.")
    ] = False,
    max_output_tokens: _models.TokensArgument = DEFAULT_TOKENS,
    workspace: _models.WorkspaceArgument = "",
) -> Annotated[CallToolResult, _models.ExecResult]:
    """Run a command in the workspace; what runs on becomes a session with an id.

    Programs see the host's paths: use paths relative to cwd, or "$WORKSPACE/src/a.py".
    Of the host's environment they see nothing; HOME is in the workspace. Long output
    loses its middle here and is kept whole at output_path.
    """
    if bool(command) == bool(argv):
        raise ToolFailure("BAD_ARGUMENTS", "give either command or argv")
    what = Command(
        argv=argv or ["/bin/sh", "-c", command],
        text=command or " ".join(argv),
        cwd=cwd,
        env=env,
        stdin=stdin,
        tty=tty,
        timeout=timeout_ms / 1000,
        open_input=tty or background,
    )
    table = state_of(call).sessions
    running = await anyio.to_thread.run_sync(
        lambda: table.start(space_of(call, workspace), what)
    )
    if not background:
        with table.ended_if_abandoned(running):
            await _follow(call, running, yield_time_ms / 1000)
    result = await _in_thread_answer(running, max_output_tokens, not background)
    if running.ended is not None and not background:
        await anyio.to_thread.run_sync(table.forget, running, abandon_on_cancel=True)
    return result


async def exec_input(
    call: Call,
    session_id: SessionArgument,
    chars: Annotated[str, Field(description="Typed as they are; \\n is Enter.")] = "",
    keys: Annotated[
        list[str], Field(description='Then these, as "C-c", "Up", "Enter"; with tty.')
    ] = [],  # noqa: B006 - only read
    close_input: Annotated[bool, Field(description="End of file follows.")] = False,
    wait_for: Annotated[
        str, Field(description="Wait for this text in new output.")
    ] = "",
    yield_time_ms: YieldArgument = 1_000,
    max_output_tokens: _models.TokensArgument = DEFAULT_TOKENS,
) -> Annotated[CallToolResult, _models.ExecResult]:
    """Type into a running command, and tell what is new; with nothing, only tell."""
    table = state_of(call).sessions
    running = table.get(session_id)
    if chars or keys:
        await anyio.to_thread.run_sync(
            running.send, chars, keys, 5.0, limiter=_threads, abandon_on_cancel=True
        )
    if close_input:
        running.session.close_input()
    await _follow(call, running, yield_time_ms / 1000, wait_for)
    return await _in_thread_answer(running, max_output_tokens, False)


async def _follow(call: Call, running: Running, seconds: float, text: str = "") -> None:
    """Wait for a command, and tell the client that it runs."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_report_progress, call, running)
        refusal = await anyio.to_thread.run_sync(
            running.wait, seconds, text, abandon_on_cancel=True, limiter=_threads
        )
        tasks.cancel_scope.cancel()
    if refusal is not None:
        raise refusal


async def _report_progress(call: Call, running: Running) -> None:
    begin = time.monotonic()
    total = running.command.timeout
    while True:
        await anyio.sleep(_PROGRESS_INTERVAL)
        seconds = round(time.monotonic() - begin, 1)
        await call.report_progress(seconds, total, running.progress())


# --- what came of it -------------------------------------------------------------


async def _in_thread_answer(
    running: Running, tokens: int, is_whole: bool
) -> CallToolResult:
    return await anyio.to_thread.run_sync(
        _answer, running, tokens, is_whole, abandon_on_cancel=True
    )


def _answer(running: Running, tokens: int, is_whole: bool) -> CallToolResult:
    """What is new; `is_whole` says that this call had all of it, if it has ended."""
    out, err = running.take()
    tty = running.command.tty
    output, stderr = _text(out.data, tty), _text(err.data, tty)
    # What one stream leaves of its half is for the other.
    half = tokens // 2
    short = head_and_tail(output, max(half, tokens - _tokens(stderr)))
    short_stderr = head_and_tail(stderr, max(half, tokens - _tokens(output)))
    result, space = running.ended, running.space
    paths: tuple[str | None, str | None] = (None, None)
    if result is not None:
        paths = space.outputs.keep(
            space.fs,
            out.data if short.elided else None,
            err.data if short_stderr.elided else None,
        )
    changed, more = shown([] if result is None else _changed(space, result))
    fields = _models.ExecResult(
        status=_status(result),
        session_id=None if result is not None and is_whole else running.id,
        exit_code=None if result is None else result.exit_code,
        signal=_signal_name(result),
        output=short.text,
        stderr=short_stderr.text or None,
        truncated=bool(short.elided or short_stderr.elided),
        output_path=paths[0],
        stderr_path=paths[1],
        next_cursor=out.next if result is None else None,
        original_bytes=_size(out) + _size(err),
        duration_ms=round(running.seconds * 1000),
        max_rss=(result.max_rss or None) if result is not None else None,
        sandbox=None if result is None else _sandbox(result),
        op=0 if result is None else result.span,
        changed=changed,
        more_changed=more,
    )
    blocks = [short.text] if short.text else []
    if short_stderr.text:
        blocks.append(f"[stderr]\n{short_stderr.text}")
    return answer(fields, *blocks, _summary(fields, out.dropped + err.dropped))


def _sandbox(result: ExecResult) -> str | None:
    return None if result.containment == "none" else result.containment


def _size(output: Output) -> int:
    return len(output.data) + output.dropped


def _changed(space: Space, result: ExecResult) -> list[_models.FileChange]:
    """What the command changed, and all that it started."""
    if not result.span:
        return []
    spans = space.fs.log(after=result.span - 1).spans
    return [
        change
        for span in spans
        if span.id == result.span
        for change in file_changes(span.changes)
    ]


def _text(output: bytes, tty: bool) -> str:
    text = output.decode(errors="replace")
    # A terminal adds the carriage returns; they say nothing.
    return text.replace("\r\n", "\n") if tty else text


def _tokens(text: str) -> int:
    return -(-size_of(text) // BYTES_PER_TOKEN)


def _status(
    result: ExecResult | None,
) -> Literal["running", "exited", "killed", "timeout"]:
    if result is None:
        return "running"
    if result.timed_out:
        return "timeout"
    return "exited" if result.signal is None else "killed"


def _signal_name(result: ExecResult | None) -> str | None:
    if result is None or result.signal is None:
        return None
    try:
        return Signals(result.signal).name
    except ValueError:  # a realtime signal has no name
        return f"signal {result.signal}"


def _summary(result: _models.ExecResult, dropped: int) -> str:
    how = f"exit code {result.exit_code}"
    if result.status == "running":
        how = f"running as session {result.session_id}"
    elif result.status == "timeout":
        how = "ended because its time was over"
    elif result.status == "killed":
        how = f"ended by {result.signal}"
    notes = [f"{how}, {result.duration_ms} ms"]
    if result.op:
        count = len(result.changed) + (result.more_changed or 0)
        notes.append(f"changed {count} paths, op {result.op}")
    if result.truncated and result.status != "running":
        paths = filter(None, (result.output_path, result.stderr_path))
        where = " and ".join(paths) or "nowhere: they could not be written"
        notes.append(f"all {result.original_bytes} bytes are kept at {where}")
    elif result.truncated:
        notes.append("exec_output has all of it")
    if dropped:
        notes.append(f"except {dropped} bytes of the beginning, which are lost")
    return f"[{'; '.join(notes)}]"


# --- sessions --------------------------------------------------------------------


def exec_output(
    call: Call,
    session_id: SessionArgument,
    cursor: Annotated[
        int, Field(description="next_cursor to go on; negative is from the end.")
    ] = 0,
    stream: Literal["output", "stderr"] = "output",
    max_output_tokens: _models.TokensArgument = DEFAULT_TOKENS,
) -> Annotated[CallToolResult, _models.OutputResult]:
    """Read what a session wrote, from any place, also after its end."""
    running = state_of(call).sessions.get(session_id)
    limit = max_output_tokens * BYTES_PER_TOKEN
    piece = running.session.read(cursor, limit, stream=stream)
    is_running = running.session.is_running
    result = _models.OutputResult(
        output=_text(piece.data, running.command.tty),
        next_cursor=piece.next,
        dropped=piece.dropped,
        status="running" if is_running else _status(running.session.wait(1)),
    )
    note = f"[{result.status}; next_cursor={piece.next}]"
    return answer(result, *filter(None, [result.output]), note)


def exec_screen(
    call: Call, session_id: SessionArgument
) -> Annotated[CallToolResult, _models.ScreenResult]:
    """Show what a person would see of the terminal of a session with tty."""
    screen = state_of(call).sessions.get(session_id).session.screen()
    row, column = screen.cursor
    result = _models.ScreenResult(
        rows=list(screen.rows),
        cursor_row=row,
        cursor_column=column,
        title=screen.title,
        alternate=screen.is_alternate,
    )
    return answer(result, screen.text, f"[cursor at row {row}, column {column}]")


def exec_signal(
    call: Call,
    session_id: SessionArgument,
    signal: SignalName = "TERM",
    tree: Annotated[bool, Field(description="Also to all that it started.")] = True,
    rows: Annotated[
        int, Field(ge=0, le=1000, description="With columns: resize instead.")
    ] = 0,
    columns: Annotated[int, Field(ge=0, le=1000)] = 0,
) -> Annotated[CallToolResult, _models.SessionInfo]:
    """Send a signal to a session, or give its terminal another size."""
    running = state_of(call).sessions.get(session_id)
    if rows and columns:
        running.session.resize(rows, columns)
        what = f"resized to {rows} rows and {columns} columns"
    else:
        number = Signals[f"SIG{signal}"]
        running.session.signal(number, "tree" if tree else "process")
        what = f"sent {number.name}"
    running.session.wait(0.2)
    return answer(_info(running), f"{what}: {_show(running)}")


def exec_list(call: Call) -> Annotated[CallToolResult, _models.SessionsResult]:
    """List the sessions that run, and those that ended of late."""
    known = state_of(call).sessions.all()
    result = _models.SessionsResult(sessions=[_info(each) for each in known])
    return answer(result, "\n".join(map(_show, known)) or "[none]")


def _info(running: Running) -> _models.SessionInfo:
    return _models.SessionInfo(
        session_id=running.id,
        workspace=running.space.id,
        command=running.command.text,
        status="running" if running.session.is_running else "ended",
        tty=running.command.tty,
        duration_ms=round(running.seconds * 1000),
    )


def _show(running: Running) -> str:
    info = _info(running)
    return f"{info.session_id} {info.status}, {info.duration_ms} ms: {info.command}"


TOOLS = (
    WorkspaceTool.make(
        exec_command, "Run a command", hints(destructive=True, open_world=True)
    ),
    WorkspaceTool.make(
        exec_input, "Type into a session", hints(destructive=True, open_world=True)
    ),
    WorkspaceTool.make(
        exec_output, "Output of a session", hints(read_only=True, idempotent=True)
    ),
    WorkspaceTool.make(
        exec_screen,
        "Screen of a session",
        hints(read_only=True, idempotent=True),
        core=False,
    ),
    WorkspaceTool.make(
        exec_signal,
        "Signal a session",
        hints(destructive=True, idempotent=True, open_world=True),
    ),
    WorkspaceTool.make(
        exec_list, "List sessions", hints(read_only=True, idempotent=True), core=False
    ),
)
