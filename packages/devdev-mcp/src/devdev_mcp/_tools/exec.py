"""Running programs."""

import signal
import time
from typing import Annotated, Literal

import anyio
import anyio.to_thread
from devdev_exec import ExecResult
from mcp.types import CallToolResult
from pydantic import Field

from devdev_mcp import _models
from devdev_mcp._budget import BYTES_PER_TOKEN, DEFAULT_TOKENS, head_and_tail, size_of
from devdev_mcp._changes import file_changes, shown
from devdev_mcp._errors import ToolFailure
from devdev_mcp._running import Command, Running
from devdev_mcp._space import Space
from devdev_mcp._tools.tool import Call, WorkspaceTool, answer, hints, space_of

MAX_TIMEOUT_MS = 40_000
"""Hosts give up a call after a minute or less, so none is held for longer than 45 s:
this, and what the launcher needs to end a whole tree of processes."""

_PROGRESS_INTERVAL = 1.0  # seconds

# Apart from the threads of other tools, which else would wait for commands to end.
_threads = anyio.CapacityLimiter(64)


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
    timeout_ms: Annotated[int, Field(ge=1, le=MAX_TIMEOUT_MS)] = MAX_TIMEOUT_MS,
    max_output_tokens: _models.TokensArgument = DEFAULT_TOKENS,
    workspace: _models.WorkspaceArgument = "",
) -> Annotated[CallToolResult, _models.ExecResult]:
    """Run a command in the workspace to its end, and that of all it started.

    Programs see the host's paths: use paths relative to cwd, or "$WORKSPACE/src/a.py".
    Of the host's environment they see nothing; HOME is in the workspace. Long output
    loses its middle here and is kept whole at output_path.
    """
    if bool(command) == bool(argv):
        raise ToolFailure("BAD_ARGUMENTS", "give either command or argv")
    space = await anyio.to_thread.run_sync(
        space_of, call, workspace, abandon_on_cancel=True
    )
    running = Running(
        space,
        Command(
            argv=argv or ["/bin/sh", "-c", command],
            cwd=cwd,
            env=env,
            stdin=stdin,
            tty=tty,
            timeout=timeout_ms / 1000,
        ),
    )
    result = await _follow(call, running)
    return await anyio.to_thread.run_sync(
        _answer, space, result, max_output_tokens, tty, abandon_on_cancel=True
    )


async def _follow(call: Call, running: Running) -> ExecResult:
    """Wait for a command, and tell the client that it runs."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_report_progress, call, running)
        try:
            outcome = await anyio.to_thread.run_sync(
                running.run, abandon_on_cancel=True, limiter=_threads
            )
        finally:
            running.cancel()  # the client does not wait for it any more
        tasks.cancel_scope.cancel()
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


async def _report_progress(call: Call, running: Running) -> None:
    begin = time.monotonic()
    total = running.command.timeout
    while True:
        await anyio.sleep(_PROGRESS_INTERVAL)
        seconds = round(time.monotonic() - begin, 1)
        await call.report_progress(seconds, total, running.progress())


def _answer(space: Space, result: ExecResult, tokens: int, tty: bool) -> CallToolResult:
    output, stderr = _text(result.output, tty), _text(result.stderr, tty)
    # What one stream leaves of its half is for the other.
    half = tokens // 2
    shown_output = head_and_tail(output, max(half, tokens - _tokens(stderr)))
    shown_stderr = head_and_tail(stderr, max(half, tokens - _tokens(output)))
    output_path, stderr_path = space.outputs.keep(
        space.fs,
        result.output if shown_output.elided else None,
        result.stderr if shown_stderr.elided else None,
    )
    changed, more = shown(_changed(space, result))
    fields = _models.ExecResult(
        status=_status(result),
        exit_code=result.exit_code,
        signal=None if result.signal is None else _signal_name(result.signal),
        output=shown_output.text,
        stderr=shown_stderr.text or None,
        truncated=bool(shown_output.elided or shown_stderr.elided),
        output_path=output_path,
        stderr_path=stderr_path,
        original_bytes=len(result.output) + len(result.stderr) + result.dropped_bytes,
        duration_ms=round(result.duration_s * 1000),
        op=result.span,
        changed=changed,
        more_changed=more,
    )
    blocks = [shown_output.text] if shown_output.text else []
    if shown_stderr.text:
        blocks.append(f"[stderr]\n{shown_stderr.text}")
    return answer(fields, *blocks, _summary(fields, result.dropped_bytes))


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


def _status(result: ExecResult) -> Literal["exited", "killed", "timeout"]:
    if result.timed_out:
        return "timeout"
    return "exited" if result.signal is None else "killed"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a realtime signal has no name
        return f"signal {number}"


def _summary(result: _models.ExecResult, dropped: int) -> str:
    how = f"exit code {result.exit_code}"
    if result.status == "timeout":
        how = "ended because its time was over"
    elif result.status == "killed":
        how = f"ended by {result.signal}"
    notes = [f"{how}, {result.duration_ms} ms"]
    if result.op:
        count = len(result.changed) + (result.more_changed or 0)
        notes.append(f"changed {count} paths, op {result.op}")
    if result.truncated:
        paths = filter(None, (result.output_path, result.stderr_path))
        where = " and ".join(paths) or "nowhere: they could not be written"
        notes.append(f"all {result.original_bytes} bytes are kept at {where}")
    if dropped:
        notes.append(f"except {dropped} bytes of the middle, which are lost")
    return f"[{'; '.join(notes)}]"


TOOLS = (
    WorkspaceTool.make(
        exec_command, "Run a command", hints(destructive=True, open_world=True)
    ),
)
