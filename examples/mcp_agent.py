"""An agent without a model works on a small project through the MCP server.

It finds why a test fails, tries two repairs side by side on forks, merges the one that
passes, takes back a command that went wrong, and exports the result to a directory.
What a model would decide is a function here; all else is as with one.

    python examples/mcp_agent.py NEW_DIRECTORY
"""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import TextContent

PROJECT = {
    "/project/prices.py": """\
def total(prices, discount=0):
    result = 0
    for price in prices:
        result += price
    return result - discount / 100
""",
    "/project/test_prices.py": """\
import unittest

from prices import total


class Total(unittest.TestCase):
    def test_a_discount_is_a_percentage(self):
        self.assertEqual(total([60, 40], discount=10), 90)

    def test_without_a_discount(self):
        self.assertEqual(total([60, 40]), 100)
""",
}
TEST = [sys.executable, "-B", "-m", "unittest", "-q"]
WRONG_LINE = "    return result - discount / 100\n"


def propose(failure: str) -> list[str]:
    """What a model would say to a failing test: lines instead of the wrong one."""
    assert "AssertionError" in failure
    return [
        "    return result * discount / 100\n",
        "    return result * (100 - discount) / 100\n",
    ]


class Agent:
    """Calls tools."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def call(self, tool: str, **arguments: Any) -> Mapping[str, Any]:
        """The fields of a result.

        Raises:
            RuntimeError: the tool refused.
        """
        result = await self._client.call_tool(tool, arguments)
        if result.is_error:
            texts = [
                each.text for each in result.content if isinstance(each, TextContent)
            ]
            raise RuntimeError(f"{tool}: {' '.join(texts)}")
        return result.structured_content or {}

    async def test(self, workspace: str = "w1") -> Mapping[str, Any]:
        """Run the tests of the project."""
        return await self.call(
            "exec_command", argv=TEST, cwd="/project", workspace=workspace
        )

    async def attempt(self, repair: str) -> tuple[str, bool]:
        """Try a repair on a fork; its id, and whether the tests pass there."""
        fork = (await self.call("workspace_fork", label=repair.strip()))["workspace"]
        edit = {"old_string": WRONG_LINE, "new_string": repair}
        await self.call(
            "edit_file", path="/project/prices.py", edits=[edit], workspace=fork
        )
        return fork, (await self.test(fork))["exit_code"] == 0


async def work(agent: Agent, destination: Path) -> None:
    """The whole job."""
    for path, content in PROJECT.items():
        await agent.call("write_file", path=path, content=content)
    await agent.call("snapshot", label="as given")

    failed = await agent.test()
    print("the tests fail with exit code", failed["exit_code"])

    repairs = propose(failed["stderr"])
    attempts = await asyncio.gather(*(agent.attempt(each) for each in repairs))
    for (fork, passes), repair in zip(attempts, repairs, strict=True):
        print(f"{fork} {'passes' if passes else 'fails'}: {repair.strip()}")
    better = next(fork for fork, passes in attempts if passes)
    merged = await agent.call("merge", source=better)
    print("merged", better, "as op", merged["op"])
    for fork, _ in attempts:
        await agent.call("workspace_close", workspace=fork, discard=True)

    bad = await agent.call("exec_command", command="rm -rf project")
    print("a bad command changed", len(bad["changed"]), "paths; it is undone")
    await agent.call("undo", op=bad["op"])

    passed = await agent.test()
    assert passed["exit_code"] == 0
    changes = await agent.call("diff", **{"from": "as given"}, paths=["/project"])
    print(changes["diff"])
    await agent.call("export_path", path="/project", destination=str(destination))
    print("exported to", destination)


async def main(destination: Path) -> None:
    """Start a server that may write where the result is to be, and work with it."""
    server = StdioServerParameters(
        command=sys.executable,
        args=[
            *("-m", "devdev_mcp", "--tools", "full"),
            *("--allow-host", str(destination.parent)),
        ],
    )
    async with Client(stdio_client(server)) as client:
        await work(Agent(client), destination)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("give a directory that is not there yet")
    asyncio.run(main(Path(sys.argv[1]).resolve()))
