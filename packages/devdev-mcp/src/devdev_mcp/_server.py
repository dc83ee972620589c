"""The MCP server: tools, and the life of what they work on."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.to_thread
from mcp.server import MCPServer

from devdev_mcp import __version__
from devdev_mcp._ending import CLOSE_TIMEOUT
from devdev_mcp._state import ServerState
from devdev_mcp._tools import Profile, tools_of

INSTRUCTIONS = """\
A workspace in memory: file tools and exec_command work on the same tree.
Paths: tools take absolute workspace paths (/src/app.py). Programs see that tree at \
its mount (workspace_info tells it): in commands use paths relative to cwd, or \
"$WORKSPACE/src/app.py". Tools understand host paths inside the mount too.
Commands run as the user of this server, with the host and the network in reach: this \
is no sandbox. One that runs on is a session: exec_input waits for it and types to it.
Undo: every call that changes files has an op, commands too: undo takes one back, \
history lists them, restore goes back to a snapshot.
workspace: the id of a workspace, by default the first.
Budgets: answers are cut at max_tokens (4 bytes each); go on with next_line or \
next_cursor, or read output_path.
Conflicts: pass the etag you read as if_match, and a change by somebody else is noticed.
"""


def create_server(
    state: ServerState, when_closed: Callable[[], None], profile: Profile = "core"
) -> MCPServer[ServerState]:
    """Make a server of `state`, which is closed when the connection has ended."""

    @asynccontextmanager
    async def lifespan(server: MCPServer[ServerState]) -> AsyncIterator[ServerState]:
        try:
            yield state
        finally:
            with anyio.move_on_after(CLOSE_TIMEOUT, shield=True):
                await anyio.to_thread.run_sync(state.close, abandon_on_cancel=True)
            when_closed()

    return MCPServer(
        "devdev",
        title="devdev workspace",
        version=__version__,
        instructions=INSTRUCTIONS,
        tools=[*tools_of(profile)],
        lifespan=lifespan,
        log_level="WARNING",
    )
