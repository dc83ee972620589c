"""One server for each era of the protocol, shared by the tests that may share it."""

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.mcp.calls import ERAS, Agent


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", params=ERAS)
async def agent(
    request: pytest.FixtureRequest, run_roots: tuple[Path, ...]
) -> AsyncIterator[Agent]:
    """A client of a server process; tests use names of their own in the workspace."""
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "devdev_mcp"],
        env={"TMPDIR": os.environ["TMPDIR"]},
    )
    async with Client(stdio_client(server), mode=request.param) as client:
        # The process that runs programs is there from now on, for the tests that
        # look whether any is left.
        await client.call_tool("exec_command", {"command": "true"})
        yield Agent(client, ERAS[request.param])
