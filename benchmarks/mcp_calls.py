"""How long a call of a tool takes: this server's, beside the least that the SDK needs.

    python benchmarks/mcp_calls.py [--calls N] [--official COMMAND ...]

The floor is a tool of the same SDK, over the same transport, that does nothing: what a
call costs beyond it is ours. `--official` names the command of the official filesystem
server (npm: @modelcontextprotocol/server-filesystem), which is given a directory.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

FLOOR = """
from mcp.server import MCPServer
from pydantic import BaseModel

class Done(BaseModel):
    content: str

server = MCPServer("floor", log_level="WARNING")

@server.tool()
async def nothing(path: str, content: str = "") -> Done:
    return Done(content=content)

server.run("stdio")
"""
FILES = 200
TEXT = "a line of text\n" * 60
EDIT = {"old_string": "one\n", "new_string": "two\n"}
BACK = {"old_string": "two\n", "new_string": "one\n"}

Call = Callable[[int], Awaitable[object]]


async def measure(call: Call, calls: int) -> float:
    """The median of a call, in microseconds."""
    for n in range(10):
        await call(n)
    times = []
    for n in range(calls):
        begin = time.perf_counter()
        await call(n)
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e6


def caller(client: Client, tool: str, arguments: Callable[[int], Any]) -> Call:
    """A call of a tool that must succeed."""

    async def call(n: int) -> None:
        result = await client.call_tool(tool, arguments(n))
        assert not result.is_error, result.content

    return call


async def floor(calls: int) -> dict[str, float]:
    """What the SDK needs for a call that does nothing."""
    server = StdioServerParameters(command=sys.executable, args=["-c", FLOOR])
    async with Client(stdio_client(server)) as client:
        small = caller(client, "nothing", lambda n: {"path": f"/{n}"})
        text = caller(client, "nothing", lambda n: {"path": "/", "content": TEXT})
        return {
            "nothing": await measure(small, calls),
            "nothing, 900 bytes both ways": await measure(text, calls),
        }


async def ours(calls: int) -> dict[str, float]:
    """What the tools of this server need."""
    server = StdioServerParameters(command=sys.executable, args=["-m", "devdev_mcp"])
    async with Client(stdio_client(server)) as client:
        for n in range(FILES):
            content = f"{TEXT}one\n"
            await client.call_tool(
                "write_file", {"path": f"/d/{n}", "content": content}
            )
        cases = {
            "read": ("read_file", lambda n: {"path": f"/d/{n % FILES}"}),
            "write": ("write_file", lambda n: {"path": "/w", "content": TEXT}),
            "edit": (
                "edit_file",
                lambda n: {"path": "/d/0", "edits": [BACK if n % 2 else EDIT]},
            ),
            "list": ("list_directory", lambda n: {"path": "/d", "limit": 50}),
            "find": ("find_files", lambda n: {"pattern": "1*", "path": "/d"}),
            "grep": ("grep", lambda n: {"pattern": "two", "path": "/d"}),
            "exec": ("exec_command", lambda n: {"argv": ["true"]}),
        }
        return {
            name: await measure(caller(client, tool, arguments), calls)
            for name, (tool, arguments) in cases.items()
        }


async def official(command: list[str], calls: int) -> dict[str, float]:
    """What the official filesystem server needs for the same."""
    with tempfile.TemporaryDirectory() as directory:
        for n in range(FILES):
            (Path(directory) / str(n)).write_text(f"{TEXT}one\n")
        server = StdioServerParameters(
            command=command[0], args=[*command[1:], directory]
        )
        one, two = (
            {"oldText": a, "newText": b} for a, b in (("one", "two"), ("two", "one"))
        )
        cases = {
            "read": ("read_text_file", lambda n: {"path": f"{directory}/{n % FILES}"}),
            "write": (
                "write_file",
                lambda n: {"path": f"{directory}/w", "content": TEXT},
            ),
            "edit": (
                "edit_file",
                lambda n: {"path": f"{directory}/0", "edits": [two if n % 2 else one]},
            ),
            "list": ("list_directory", lambda n: {"path": directory}),
            "find": ("search_files", lambda n: {"path": directory, "pattern": "1*"}),
        }
        async with Client(stdio_client(server)) as client:
            return {
                name: await measure(caller(client, tool, arguments), calls)
                for name, (tool, arguments) in cases.items()
            }


async def plain(calls: int) -> dict[str, float]:
    """A subprocess and a file of the host, without any server."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "file"
        file.write_text(TEXT)

        async def read(n: int) -> object:
            return file.read_text()

        async def run(n: int) -> object:
            return await asyncio.to_thread(subprocess.run, ["true"], check=True)

        return {"read": await measure(read, calls), "exec": await measure(run, calls)}


async def main(calls: int, command: list[str]) -> None:
    """Measure, one after the other, and print."""
    tables = {
        "floor of the SDK": await floor(calls),
        "devdev-mcp": await ours(calls),
        "plain calls": await plain(calls),
    }
    if command:
        tables["official filesystem server"] = await official(command, calls)
    for title, times in tables.items():
        for name, microseconds in times.items():
            print(f"{title:28} {name:30} {microseconds:8.0f} us")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--official", nargs="+", default=[], metavar="COMMAND")
    options = parser.parse_args()
    asyncio.run(main(options.calls, options.official))
