"""What a client learns before it calls anything."""

import json

import pytest
from devdev_mcp import __version__
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from mcp.types import Tool

from tests.mcp.calls import Agent

pytestmark = pytest.mark.anyio

# read only, destructive, idempotent, open world
HINTS = {
    "workspace_info": (True, False, True, False),
    "read_file": (True, False, True, False),
    "write_file": (False, True, False, False),
    "edit_file": (False, True, False, False),
    "list_directory": (True, False, True, False),
    "exec_command": (False, True, False, True),
    "snapshot": (False, False, True, False),
    "restore": (False, True, True, False),
}
ARGUMENTS = {
    "workspace_info": "",
    "read_file": "path start_line end_line byte_offset max_tokens encoding",
    "write_file": "path content encoding mode append create_parents if_match",
    "edit_file": "path edits if_match dry_run",
    "list_directory": "path depth limit cursor ignore",
    "exec_command": "command argv cwd env stdin tty timeout_ms max_output_tokens",
    "snapshot": "label",
    "restore": "to",
}
LARGEST_LIST = 12_000  # bytes of JSON: about 3,000 tokens


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


async def test_the_list_of_tools_is_short_and_always_the_same(agent: Agent) -> None:
    lists = [
        json.dumps([tool.model_dump(mode="json") for tool in await list_tools(agent)])
        for _ in range(2)
    ]
    assert lists[0] == lists[1]
    assert len(lists[0]) < LARGEST_LIST * 1.2  # this form has what is unset, too


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
