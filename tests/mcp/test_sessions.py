"""Commands that go on after the call that started them."""

import pytest
from mcp import MCPError

from tests.mcp.calls import Agent
from tests.processes import Mark

pytestmark = [pytest.mark.anyio, pytest.mark.fuse]


async def _start(agent: Agent, command: str, **arguments: object) -> str:
    fields = await agent.call(
        "exec_command", command=command, background=True, **arguments
    )
    assert fields["status"] == "running"
    assert isinstance(fields["session_id"], str)
    return fields["session_id"]


async def test_a_command_that_takes_longer_becomes_a_session(agent: Agent) -> None:
    fields = await agent.call(
        "exec_command", command="echo one; sleep 1; echo two > s-two", yield_time_ms=300
    )
    assert (fields["status"], fields["output"]) == ("running", "one\n")
    session = fields["session_id"]
    ended = await agent.call("exec_input", session_id=session, yield_time_ms=10_000)
    assert (ended["status"], ended["exit_code"], ended["output"]) == ("exited", 0, "")
    assert [each["path"] for each in ended["changed"]] == ["/s-two"]
    await agent.call("undo", op=ended["op"])
    assert (await agent.refused("stat", path="/s-two")).code == "ENOENT"


async def test_a_program_is_typed_to_and_its_answer_waited_for(agent: Agent) -> None:
    session = await _start(agent, "while read line; do echo got $line; done")
    fields = await agent.call(
        "exec_input",
        session_id=session,
        chars="hello\n",
        wait_for="got hello",
        yield_time_ms=10_000,
    )
    assert fields["output"] == "got hello\n"
    ended = await agent.call(
        "exec_input", session_id=session, close_input=True, yield_time_ms=10_000
    )
    assert ended["status"] == "exited"


async def test_what_was_written_is_read_again_from_any_place(agent: Agent) -> None:
    session = await _start(agent, "echo 12345; echo err >&2")
    await agent.call("exec_input", session_id=session, yield_time_ms=10_000)
    whole = await agent.call("exec_output", session_id=session)
    assert (whole["output"], whole["status"]) == ("12345\n", "exited")
    part = await agent.call("exec_output", session_id=session, cursor=3)
    assert (part["output"], part["next_cursor"]) == ("45\n", 6)
    last = await agent.call("exec_output", session_id=session, cursor=-2)
    assert last["output"] == "5\n"
    errors = await agent.call("exec_output", session_id=session, stream="stderr")
    assert errors["output"] == "err\n"


async def test_long_output_of_a_session_is_read_in_parts(agent: Agent) -> None:
    session = await _start(agent, "seq 1 3000")
    await agent.call("exec_input", session_id=session, yield_time_ms=10_000)
    pieces, cursor = [], 0
    while True:
        piece = await agent.call(
            "exec_output", session_id=session, cursor=cursor, max_output_tokens=1000
        )
        if not piece["output"]:
            break
        pieces.append(piece["output"])
        cursor = piece["next_cursor"]
    assert "".join(pieces) == "".join(f"{n}\n" for n in range(1, 3001))


async def test_keys_are_pressed_and_the_screen_is_seen(agent: Agent) -> None:
    session = await _start(agent, "printf '\\033[2J\\033[3;5Hhere'; cat", tty=True)
    await agent.call(
        "exec_input", session_id=session, wait_for="here", yield_time_ms=10_000
    )
    screen = await agent.call("exec_screen", session_id=session)
    assert screen["rows"][2] == "    here"
    assert (screen["cursor_row"], screen["cursor_column"]) == (2, 8)
    ended = await agent.call(
        "exec_input", session_id=session, keys=["C-c"], yield_time_ms=10_000
    )
    assert (ended["status"], ended["signal"]) == ("killed", "SIGINT")


async def test_the_size_of_a_terminal_is_set(agent: Agent) -> None:
    session = await _start(agent, "read line; stty size", tty=True)
    await agent.call("exec_signal", session_id=session, rows=33, columns=99)
    ended = await agent.call(
        "exec_input", session_id=session, chars="\n", yield_time_ms=10_000
    )
    assert "33 99" in ended["output"]


async def test_a_signal_ends_all_that_a_session_started(agent: Agent) -> None:
    mark = Mark()
    session = await _start(agent, "sleep 60 & sleep 60", env=mark.variables)
    await agent.call("exec_signal", session_id=session, signal="KILL")
    ended = await agent.call("exec_input", session_id=session, yield_time_ms=10_000)
    assert (ended["status"], ended["signal"]) == ("killed", "SIGKILL")
    mark.wait_for_none()


async def test_the_time_of_a_session_is_over_too(agent: Agent) -> None:
    session = await _start(agent, "sleep 60", timeout_ms=200)
    ended = await agent.call("exec_input", session_id=session, yield_time_ms=10_000)
    assert ended["status"] == "timeout"


async def test_sessions_are_listed(agent: Agent) -> None:
    session = await _start(agent, "sleep 60 # listed")
    listed = (await agent.call("exec_list"))["sessions"]
    found = {each["session_id"]: each for each in listed}[session]
    assert (found["status"], found["command"]) == ("running", "sleep 60 # listed")
    await agent.call("exec_signal", session_id=session, signal="KILL")
    await agent.call("exec_input", session_id=session, yield_time_ms=10_000)


async def test_an_unknown_session_is_refused_and_the_known_ones_named(
    agent: Agent,
) -> None:
    session = await _start(agent, "true")
    for tool in ("exec_input", "exec_output", "exec_screen", "exec_signal"):
        refused = await agent.refused(tool, session_id="nope")
        assert refused.code == "NO_SESSION"
        assert session in refused.text


async def test_a_session_outlives_a_call_that_is_cancelled(agent: Agent) -> None:
    session = await _start(agent, "sleep 2; echo done")
    with pytest.raises(MCPError):
        await agent.client.call_tool(
            "exec_input",
            {"session_id": session, "yield_time_ms": 10_000},
            read_timeout_seconds=0.3,
        )
    ended = await agent.call("exec_input", session_id=session, yield_time_ms=10_000)
    assert (ended["exit_code"], ended["output"]) == (0, "done\n")


async def test_too_many_sessions_are_refused(agent: Agent) -> None:
    sessions = []
    while True:
        result = await agent.result(
            "exec_command", command="exec sleep 60", background=True
        )
        assert result.structured_content is not None
        if result.is_error:
            break
        sessions.append(result.structured_content["session_id"])
        assert len(sessions) <= 40
    assert result.structured_content["error"]["code"] == "TOO_MANY"
    assert result.structured_content["error"]["retryable"]
    for session in sessions:
        await agent.call("exec_signal", session_id=session, signal="KILL")
