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


@pytest.fixture(scope="session")
def host_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the host that the server may use."""
    return tmp_path_factory.mktemp("host")


@pytest.fixture(scope="session", params=ERAS)
async def agent(
    request: pytest.FixtureRequest, run_roots: tuple[Path, ...], host_root: Path
) -> AsyncIterator[Agent]:
    """A client of a server process; tests use names of their own in the workspace."""
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "devdev_mcp", "--tools", "full", "--allow-host", str(host_root)],
        env={"TMPDIR": os.environ["TMPDIR"]},
    )
    async with Client(stdio_client(server), mode=request.param) as client:
        # The process that runs programs is there from now on, for the tests that
        # look whether any is left.
        await client.call_tool("exec_command", {"command": "true"})
        yield Agent(client, ERAS[request.param])
