"""Clients that others wrote, on a real server: fastmcp's, and pydantic-ai's agents.

    python scripts/outside_clients.py COMMAND [ARGUMENT ...]

Each works over standard input and output, and over HTTP. It needs fastmcp and
pydantic-ai-slim[mcp], which `scripts/outside-checks` installs, and nothing of devdev.
"""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StdioTransport, StreamableHttpTransport
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.test import TestModel

TEXT = "first\nsecond\n"


@asynccontextmanager
async def over_stdio(command: list[str]) -> AsyncIterator[Any]:
    """The server as a child of the client."""
    yield StdioTransport(command[0], command[1:], keep_alive=False)


@asynccontextmanager
async def over_http(command: list[str]) -> AsyncIterator[Any]:
    """The server as a process of its own, at a port that it chooses."""
    server = await asyncio.create_subprocess_exec(
        *command, "--http", "--port", "0", stderr=asyncio.subprocess.PIPE
    )
    try:
        assert server.stderr is not None
        line = await asyncio.wait_for(server.stderr.readline(), 60)
        url = re.search(r"http://\S+", line.decode())
        assert url is not None, line
        yield StreamableHttpTransport(url[0])
    finally:
        server.terminate()
        await server.communicate()


async def with_fastmcp(transport: Any) -> None:
    """Files, an error, a command, its undo, and a resource."""
    async with Client(transport) as client:
        names = {tool.name for tool in await client.list_tools()}
        assert {"read_file", "exec_command", "undo"} <= names, names
        path = "/notes.txt"
        await client.call_tool("write_file", {"path": path, "content": TEXT})
        read = await client.call_tool("read_file", {"path": path})
        assert "second" in str(read.structured_content), read
        missing = await client.call_tool(
            "read_file", {"path": "/missing"}, raise_on_error=False
        )
        assert missing.is_error, missing
        assert "ENOENT" in str(missing.content), missing
        ran = await client.call_tool("exec_command", {"command": "rm notes.txt"})
        assert ran.structured_content["exit_code"] == 0, ran
        await client.call_tool("undo", {"op": ran.structured_content["op"]})
        info = (await client.call_tool("workspace_info")).structured_content
        back = await client.read_resource(f"workspace://{info['id']}{path}")
        assert back[0].text == TEXT, back


async def with_an_agent(transport: Any) -> None:
    """An agent whose model is a function: it writes, runs, and reads the output."""
    calls = [
        ToolCallPart(
            "write_file", {"path": "/a.py", "content": "print(641 * 6700417)\n"}
        ),
        ToolCallPart("exec_command", {"command": "python3 a.py"}),
        ToolCallPart("read_file", {"path": "/missing"}),
    ]
    seen: list[str] = []

    def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        if len(messages) > 1:
            seen.append(str(messages[-1].parts))
        done = (len(messages) - 1) // 2
        if done < len(calls):
            return ModelResponse([calls[done]])
        return ModelResponse([TextPart("done")])

    agent = Agent(FunctionModel(model), toolsets=[MCPToolset(transport)], retries=2)
    async with agent:
        result = await agent.run("compute")
    assert result.output == "done", result
    assert "4294967297" in seen[1], seen
    assert "ENOENT" in seen[2], seen


async def with_the_test_model(transport: Any) -> None:
    """pydantic-ai makes up arguments from the schemas, and gets answers to them."""
    tools = ["workspace_info", "list_directory", "history"]
    agent = Agent(
        TestModel(call_tools=tools), toolsets=[MCPToolset(transport)], retries=3
    )
    async with agent:
        result = await agent.run("try the tools")
    assert all(name in result.output for name in tools), result.output


async def main(command: list[str]) -> int:
    """Run each client over each transport, and print a line for it."""
    failures = 0
    for way in (over_stdio, over_http):
        for check in (with_fastmcp, with_an_agent, with_the_test_model):
            name = f"{check.__name__} {way.__name__}".replace("_", " ")
            try:
                async with way(command) as transport:
                    await asyncio.wait_for(check(transport), 120)
            except Exception as error:  # a report of all that fails is wanted
                failures += 1
                print(f"failed: {name}: {error!r}"[:400], flush=True)
            else:
                print(f"passed: {name}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
