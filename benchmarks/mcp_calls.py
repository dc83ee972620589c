"""How long a call of a tool takes, beside the least that the SDK needs, and others.

    python benchmarks/mcp_calls.py [--calls N] [--rounds N] [--into FILE]
        [--official COMMAND ...]

The floor is a tool of the same SDK, over the same transport, that does nothing. "Same
answer" is a server of the SDK's low level with the tools of this one, whose answers are
ready: what a call costs beyond it is ours, and the rest is the transport, and the
client's validation of the answer. Subprocesses do the same on a directory of the host,
without any server. `--official` names the command of the official filesystem server
(npm: @modelcontextprotocol/server-filesystem), which is given such a directory. All
have the same files and take turns. (The script is not called mcp.py: it would be
imported instead of the SDK.)
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from measuring import Line, Report, Table, progress, put_into

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
READY = """
import asyncio, json, sys
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.types import CallToolResult, ListToolsResult

told = json.load(open(sys.argv[1]))
tools = ListToolsResult.model_validate(told["tools"])
answers = {name: CallToolResult.model_validate(told[name]) for name in told["calls"]}

async def list_tools(context, params):
    return tools

async def call_tool(context, params):
    return answers[params.name]

async def main():
    server = Server("ready", on_list_tools=list_tools, on_call_tool=call_tool)
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())

asyncio.run(main())
"""
FILES = 50
TEXT = "a line of text\n" * 60
OTHER_TEXT = TEXT + "one\n"

THERE, BACK = (
    {"old_string": a, "new_string": b} for a, b in (("one", "two"), ("two", "one"))
)
OURS: dict[str, tuple[str, Callable[[int], Any]]] = {
    "read": ("read_file", lambda n: {"path": f"/d/{n % FILES}"}),
    "write": ("write_file", lambda n: {"path": "/w", "content": TEXT}),
    "edit": (
        "edit_file",
        lambda n: {"path": "/d/0", "edits": [BACK if n % 2 else THERE]},
    ),
    "list": ("list_directory", lambda n: {"path": "/d"}),
    "find": ("find_files", lambda n: {"pattern": "1*", "path": "/d"}),
    "grep": ("grep", lambda n: {"pattern": "three", "path": "/d"}),
    "exec": ("exec_command", lambda n: {"argv": ["true"]}),
}
"""The calls of this server's tools."""

Call = Callable[[int], Awaitable[object]]
Calls = Mapping[str, Call]
"""By what they do."""


def caller(client: Client, tool: str, arguments: Callable[[int], Any]) -> Call:
    """A call of a tool that must succeed."""

    async def call(n: int) -> None:
        result = await client.call_tool(tool, arguments(n))
        assert not result.is_error, result.content

    return call


def floor(client: Client) -> Calls:
    """Nothing, with about as much text there or back as the real calls have."""
    small = caller(client, "nothing", lambda n: {"path": f"/{n}"})
    text = caller(client, "nothing", lambda n: {"path": "/", "content": TEXT})
    calls = dict.fromkeys(("edit", "list", "find", "grep", "exec"), small)
    return {"read": text, "write": text} | calls


async def ours(client: Client) -> Calls:
    """The tools of this server."""
    for n in range(FILES):
        arguments = {"path": f"/d/{n}", "content": OTHER_TEXT}
        await client.call_tool("write_file", arguments)
    return {name: caller(client, *case) for name, case in OURS.items()}


async def ready(client: Client, path: Path) -> list[str]:
    """What a server needs that has ours' answers ready; its arguments."""
    told: dict[str, Any] = {"calls": [tool for tool, _ in OURS.values()]}
    told["tools"] = (await client.list_tools()).model_dump(mode="json", by_alias=True)
    for tool, arguments in OURS.values():
        result = await client.call_tool(tool, arguments(0))
        told[tool] = result.model_dump(mode="json", by_alias=True)
    path.write_text(json.dumps(told))  # noqa: ASYNC240 - nothing else is to be done
    return ["-c", READY, str(path)]


def official(client: Client, directory: str) -> Calls:
    """The tools of the official filesystem server; it has none for grep and exec."""
    there, back = (
        {"oldText": a, "newText": b} for a, b in (("one", "two"), ("two", "one"))
    )
    cases: dict[str, tuple[str, Callable[[int], Any]]] = {
        "read": ("read_text_file", lambda n: {"path": f"{directory}/{n % FILES}"}),
        "write": (
            "write_file",
            lambda n: {"path": f"{directory}/w", "content": TEXT},
        ),
        "edit": (
            "edit_file",
            lambda n: {"path": f"{directory}/0", "edits": [back if n % 2 else there]},
        ),
        "list": ("list_directory", lambda n: {"path": directory}),
        "find": ("search_files", lambda n: {"path": directory, "pattern": "1*"}),
    }
    return {name: caller(client, *case) for name, case in cases.items()}


def programs(directory: str) -> Calls:
    """Programs that do the same; grep finds nothing, which it tells by its status."""

    def run(*argv: str, stdin: str = "", status: int = 0) -> Call:
        async def call(n: int) -> None:
            # Nothing else is to be done meanwhile.
            done = subprocess.run(  # noqa: ASYNC221
                argv, input=stdin, capture_output=True, text=True
            )
            assert done.returncode == status, done.stderr

        return call

    return {
        "read": run("cat", f"{directory}/7"),
        "write": run("tee", f"{directory}/w", stdin=TEXT),
        "edit": run("sed", "-i", "s/one/two/;t;s/two/one/", f"{directory}/0"),
        "list": run("ls", "-l", directory),
        "find": run("find", directory, "-name", "1*"),
        "grep": run("grep", "-rnF", "three", directory, status=1),
        "exec": run("true"),
    }


def host_directory() -> "tempfile.TemporaryDirectory[str]":
    """A directory of the host with the files."""
    directory = tempfile.TemporaryDirectory()
    for n in range(FILES):
        Path(directory.name, str(n)).write_text(OTHER_TEXT)
    return directory


async def contenders(stack: AsyncExitStack, command: Sequence[str]) -> dict[str, Calls]:
    """All that are there, until the stack ends."""

    async def connect(argv: Sequence[str]) -> Client:
        server = StdioServerParameters(command=argv[0], args=[*argv[1:]])
        return await stack.enter_async_context(Client(stdio_client(server)))

    python = sys.executable
    client = await connect([python, "-m", "devdev_mcp"])
    found = {"devdev-mcp": await ours(client)}
    told = Path(stack.enter_context(tempfile.TemporaryDirectory()), "answers")
    same = await connect([python, *await ready(client, told)])
    # What one edit changes, the next one is to change back.
    await client.call_tool("edit_file", OURS["edit"][1](1))
    found |= {
        "same answer": {name: caller(same, *case) for name, case in OURS.items()},
        "SDK's floor": floor(await connect([python, "-c", FLOOR])),
        "subprocess": programs(stack.enter_context(host_directory())),
    }
    if command:
        directory = stack.enter_context(host_directory())
        client = await connect([*command, directory])
        found["official server"] = official(client, directory)
    return found


async def median(call: Call, calls: int) -> float:
    """Microseconds of the median call; the first ones are not counted.

    The number of calls is even: what an edit changes, the next one changes back.
    """
    times = []
    for n in range(4 + calls + calls % 2):
        begin = perf_counter()
        await call(n)
        times.append(perf_counter() - begin)
    return statistics.median(times[4:]) * 1e6


async def compare(
    title: str, found: Mapping[str, Calls], calls: int, rounds: int
) -> Table:
    """What all of them can do, each row in turns."""
    first, *others = found.values()
    lines = []
    for row in [name for name in first if all(name in other for other in others)]:
        line = Line(row, "us", {name: [] for name in found})
        for turn in range(rounds):
            progress(f"{title}: {row}, round {turn + 1} of {rounds}")
            for name, theirs in found.items():
                line.samples[name].append(await median(theirs[row], calls))
        lines.append(line)
    return Table(title, list(found), lines)


async def main(options: argparse.Namespace) -> None:
    """Measure, and tell."""
    async with AsyncExitStack() as stack:
        found = await contenders(stack, options.official)
        known = {name: found[name] for name in found if name != "official server"}
        tables = [await compare("call", known, options.calls, options.rounds)]
        if options.official:
            both = {name: found[name] for name in ("devdev-mcp", "official server")}
            title = "call, beside the official server"
            tables.append(await compare(title, both, options.calls, options.rounds))
    report = Report(tables)
    report.write(None, None)
    if options.into is not None:
        put_into(options.into, "benchmarks/mcp_calls.py", report.markdown())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--into", type=Path, metavar="FILE")
    parser.add_argument("--official", nargs="+", default=[], metavar="COMMAND")
    asyncio.run(main(parser.parse_args()))
