"""What a client learns before it calls anything."""

import json
from pathlib import Path

import pytest
from devdev_mcp import __version__
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from mcp.types import Tool

from tests.mcp.calls import Agent
from tests.mcp.raw import RawServer

pytestmark = pytest.mark.anyio

# read only, destructive, idempotent, open world
READS, CHANGES, ADDS = (
    (True, False, True, False),
    (False, True, False, False),
    (False, False, False, False),
)
HINTS = {
    "workspace_info": READS,
    "workspace_fork": ADDS,
    "workspace_list": READS,
    "merge": CHANGES,
    "workspace_close": CHANGES,
    "read_file": READS,
    "read_files": READS,
    "write_file": CHANGES,
    "edit_file": CHANGES,
    "apply_patch": CHANGES,
    "list_directory": READS,
    "find_files": READS,
    "grep": READS,
    "stat": READS,
    "move": CHANGES,
    "copy": CHANGES,
    "remove": (False, True, True, False),
    "make_directory": (False, False, True, False),
    "symlink": ADDS,
    "chmod": (False, False, True, False),
    "exec_command": (False, True, False, True),
    "exec_input": (False, True, False, True),
    "exec_output": READS,
    "exec_screen": READS,
    "exec_signal": (False, True, True, True),
    "exec_list": READS,
    "snapshot": ADDS,
    "history": READS,
    "diff": READS,
    "restore": (False, True, True, False),
    "undo": CHANGES,
    "redo": CHANGES,
    "import_path": CHANGES,
    "export_path": ADDS,
}
ARGUMENTS = {
    "workspace_info": "workspace",
    "workspace_fork": "from label workspace",
    "workspace_list": "",
    "merge": "source dry_run on_conflict workspace",
    "workspace_close": "workspace discard",
    "read_file": "path start_line end_line byte_offset max_tokens encoding workspace",
    "read_files": "paths max_tokens workspace",
    "write_file": "path content encoding mode append create_parents if_match workspace",
    "edit_file": "path edits if_match dry_run workspace",
    "apply_patch": "patch dry_run workspace",
    "list_directory": "path depth limit cursor ignore workspace",
    "find_files": "pattern path type modified_since limit cursor workspace",
    "grep": "pattern path glob regex ignore_case context output_mode limit cursor "
    "workspace",
    "stat": "path follow workspace",
    "move": "source destination overwrite workspace",
    "copy": "source destination overwrite workspace",
    "remove": "path recursive workspace",
    "make_directory": "path workspace",
    "symlink": "path target workspace",
    "chmod": "path mode workspace",
    "exec_command": "command argv cwd env stdin tty yield_time_ms timeout_ms "
    "background max_output_tokens workspace",
    "exec_input": "session_id chars keys close_input wait_for yield_time_ms "
    "max_output_tokens",
    "exec_output": "session_id cursor stream max_output_tokens",
    "exec_screen": "session_id",
    "exec_signal": "session_id signal tree rows columns",
    "exec_list": "",
    "snapshot": "label workspace",
    "history": "path since limit cursor workspace",
    "diff": "from to paths format workspace",
    "restore": "to paths workspace",
    "undo": "op count workspace",
    "redo": "op count workspace",
    "import_path": "source destination workspace",
    "export_path": "destination path format since workspace",
}
LARGEST_LIST = 24_000
"""Bytes of JSON of the core profile: 6,000 tokens at four bytes each, which is what
tokenizers make of JSON schemas, or a little fewer."""


async def list_tools(agent: Agent) -> list[Tool]:
    return (await agent.client.list_tools()).tools


async def test_both_eras_of_the_protocol_are_spoken(agent: Agent) -> None:
    assert agent.client.protocol_version == agent.era


async def test_the_server_says_who_it_is_and_how_to_use_it_briefly(
    agent: Agent,
) -> None:
    info = agent.client.server_info
    assert info is not None
    assert (info.name, info.version) == ("devdev", __version__)
    instructions = agent.client.instructions
    assert instructions
    assert len(instructions.encode()) <= 1024


async def test_every_tool_has_a_title_a_description_and_all_four_hints(
    agent: Agent,
) -> None:
    hints = {}
    for tool in await list_tools(agent):
        assert tool.title
        assert tool.description
        annotations = tool.annotations
        assert annotations is not None
        hints[tool.name] = (
            annotations.read_only_hint,
            annotations.destructive_hint,
            annotations.idempotent_hint,
            annotations.open_world_hint,
        )
    assert hints == HINTS


async def test_arguments_are_exactly_those_of_the_schema(agent: Agent) -> None:
    for tool in await list_tools(agent):
        Draft202012Validator.check_schema(tool.input_schema)
        assert list(tool.input_schema["properties"]) == ARGUMENTS[tool.name].split()
        assert tool.input_schema["additionalProperties"] is False


async def test_every_tool_has_a_schema_of_its_result(agent: Agent) -> None:
    for tool in await list_tools(agent):
        assert tool.output_schema is not None
        Draft202012Validator.check_schema(tool.output_schema)
        assert tool.output_schema["type"] == "object"


async def test_schemas_spend_no_words_on_titles_and_nulls(agent: Agent) -> None:
    for tool in await list_tools(agent):
        assert '"title"' not in json.dumps(tool.input_schema)
        assert '"null"' not in json.dumps(tool.input_schema)


async def test_the_list_of_tools_is_always_the_same(agent: Agent) -> None:
    assert await list_tools(agent) == await list_tools(agent)


def _names(server: RawServer) -> set[str]:
    listed = server.request("tools/list")["result"]
    return {tool["name"] for tool in listed["tools"]}


def test_the_core_profile_costs_a_model_little(tmp_path: Path) -> None:
    with RawServer(tmp_path) as server:
        server.handshake()
        listed = server.request("tools/list")["result"]["tools"]
        assert len(json.dumps(listed, separators=(",", ":"))) < LARGEST_LIST
        assert {tool["name"] for tool in listed} < set(HINTS)


def test_the_readonly_profile_has_nothing_that_changes_anything(tmp_path: Path) -> None:
    with RawServer(tmp_path, "--tools", "readonly") as server:
        server.handshake()
        assert _names(server) == {name for name, hint in HINTS.items() if hint[0]}
        refused = server.call("write_file", path="/a", content="1")
        assert refused["isError"]
        assert server.call("read_file", path="/a")["structuredContent"]["error"][
            "code"
        ] == ("ENOENT")


@pytest.mark.parametrize("tool", HINTS)
async def test_an_unknown_argument_is_refused_and_the_known_ones_named(
    agent: Agent, tool: str
) -> None:
    refused = await agent.refused(tool, wrong=1)
    assert refused.code == "BAD_ARGUMENTS"
    assert "unknown argument 'wrong'" in refused.text
    for name in ARGUMENTS[tool].split():
        assert name in refused.text


async def test_an_unknown_tool_is_an_error_of_the_call(agent: Agent) -> None:
    result = await agent.result("nope")
    assert result.is_error
