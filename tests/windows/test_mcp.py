"""The MCP server over stdio, with the SDK's client, on Windows or under Wine."""

import sys

import pytest

if sys.platform != "win32":
    pytest.skip("tests/mcp does this elsewhere", allow_module_level=True)

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import TextContent

SERVER = StdioServerParameters(command=sys.executable, args=["-m", "devdev_mcp"])


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_files_are_written_and_read_and_commands_say_what_is_missing() -> None:
    async with Client(stdio_client(SERVER)) as client:
        written = await client.call_tool("write_file", {"path": "/a", "content": "hi"})
        assert not written.is_error
        read = await client.call_tool("read_file", {"path": "/a"})
        assert isinstance(read.content[0], TextContent)
        assert read.content[0].text.startswith("hi")
        ran = await client.call_tool("exec_command", {"argv": ["cmd", "/c", "ver"]})
        assert ran.is_error
        assert isinstance(ran.content[0], TextContent)
        assert "mount" in ran.content[0].text
