"""Calls of tools as a test writes them."""

from dataclasses import dataclass
from typing import Any

from mcp import Client
from mcp.types import CallToolResult, TextContent

ERAS = {"legacy": "2025-11-25", "auto": "2026-07-28"}
"""How the client connects, and the protocol version that it comes to."""

PNG = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0\x1f\x15\xc4\x89"
    b"\0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\5\0\1\xff\x89\x99=\x1d\0\0\0\0IEND"
    b"\xaeB`\x82"
)


@dataclass(frozen=True)
class Agent:
    """Who calls tools: the client, and what it expects of an answer."""

    client: Client
    era: str
    """The protocol version that is to be spoken."""

    async def call(self, tool: str, /, **arguments: Any) -> dict[str, Any]:
        """The fields of a result that is no error."""
        result = await self.result(tool, **arguments)
        assert not result.is_error, text_of(result)
        return result.structured_content or {}

    async def refused(self, tool: str, /, **arguments: Any) -> "Refused":
        """What a tool says when it refuses."""
        result = await self.result(tool, **arguments)
        assert result.is_error, text_of(result)
        assert result.structured_content is not None
        return Refused(text_of(result), **result.structured_content)

    async def result(self, tool: str, /, **arguments: Any) -> CallToolResult:
        """The whole result."""
        return await self.client.call_tool(tool, arguments)

    async def read(self, path: str) -> str:
        """The content of a text file."""
        content = (await self.call("read_file", path=path))["content"]
        assert isinstance(content, str)
        return content

    async def shell(self, command: str, **arguments: Any) -> str:
        """The output of a command that succeeds."""
        fields = await self.call("exec_command", command=command, **arguments)
        assert fields["exit_code"] == 0, fields
        output = fields["output"]
        assert isinstance(output, str)
        return output


@dataclass(frozen=True)
class Refused:
    """A result that is an error: its text and its fields."""

    text: str
    error: dict[str, Any]

    @property
    def code(self) -> str:
        """What is wrong."""
        assert set(self.error) >= {"code", "path", "hint", "retryable"}
        assert self.text.startswith(f"{self.error['code']}: ")
        assert self.error["hint"] is None or self.error["hint"] in self.text
        return str(self.error["code"])


def text_of(result: CallToolResult) -> str:
    """What a client that reads only text sees."""
    return "\n".join(
        block.text for block in result.content if isinstance(block, TextContent)
    )
