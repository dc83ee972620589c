"""The MCP server: tools, resources, and the life of what they work on."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
from devdev_exec import FsError
from mcp.server import MCPServer
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.types import Completion, ResourceTemplate
from pydantic import AnyUrl

from devdev_mcp import __version__
from devdev_mcp._callers import ANYBODY, Callers
from devdev_mcp._ending import CLOSE_TIMEOUT
from devdev_mcp._errors import ToolFailure
from devdev_mcp._notifying import WatchingBus
from devdev_mcp._resources import TEMPLATES, complete, read_resource
from devdev_mcp._text import showable
from devdev_mcp._tools import Profile, tools_of
from devdev_mcp._tools.tool import in_turn, state_of

INSTRUCTIONS = """\
A workspace in memory: file tools and exec_command work on the same tree.
Paths: tools take absolute workspace paths (/src/app.py). Programs see that tree at \
its mount (workspace_info tells it): in commands use paths relative to cwd, or \
"$WORKSPACE/src/app.py". Tools understand host paths inside the mount too.
Commands run as the user of this server, with the host and the network in reach unless \
workspace_info tells of a sandbox. One that runs on is a session: exec_input waits for \
it and types to it.
Undo: every call that changes files has an op, commands too: undo takes one back, \
history lists them, restore goes back to a snapshot.
workspace: the id of a workspace, by default the first.
Budgets: answers are cut at max_tokens (4 bytes each); go on with next_line or \
next_cursor, or read output_path.
Conflicts: pass the etag you read as if_match, and a change by somebody else is noticed.
"""


class WorkspaceServer(MCPServer[Callers]):
    """The SDK's server, with resources that say themselves what they are."""

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        """The templates of all resources there are."""
        return list(TEMPLATES)

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[Callers, Any] | None = None
    ) -> Iterable[ReadResourceContents]:
        """Read a resource, as text or as bytes.

        Raises:
            ResourceError: it cannot be read; ResourceNotFoundError: it is not there.
        """
        assert context is not None
        read = partial(read_resource, state_of(context), str(uri))
        try:
            content = await in_turn(context, read)
        except (ToolFailure, FsError) as error:
            raise ResourceNotFoundError(showable(f"{uri}: {error}")) from error
        except Exception as error:
            raise ResourceError(f"{uri} cannot be read") from error
        if content is None:
            raise ResourceNotFoundError(f"there is no resource {uri}")
        return [ReadResourceContents(content.data, content.mime_type)]


def create_server(
    callers: Callers, when_closed: Callable[[], None], profile: Profile = "core"
) -> WorkspaceServer:
    """Make a server of callers, who are closed when the connection has ended."""

    @asynccontextmanager
    async def lifespan(server: MCPServer[Callers]) -> AsyncIterator[Callers]:
        try:
            yield callers
        finally:
            with anyio.move_on_after(CLOSE_TIMEOUT, shield=True):
                await anyio.to_thread.run_sync(callers.close, abandon_on_cancel=True)
            when_closed()

    server = WorkspaceServer(
        "devdev",
        title="devdev workspace",
        version=__version__,
        instructions=INSTRUCTIONS,
        tools=[*tools_of(profile)],
        lifespan=lifespan,
        # What one caller changes is nothing for another to be told.
        subscriptions=False
        if callers.are_many
        else WatchingBus(partial(callers.of, ANYBODY)),
        log_level="WARNING",
    )

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]
    async def completion(ref: Any, argument: Any, context: Any) -> Completion | None:
        # The SDK gives no request here, and so no caller.
        if callers.are_many:
            return None
        known = dict((context and context.arguments) or {})
        look = partial(
            complete, callers.of(ANYBODY), argument.name, argument.value, known
        )
        values = await anyio.to_thread.run_sync(look, abandon_on_cancel=True)
        return Completion(values=showable(values), total=None, has_more=None)

    return server
