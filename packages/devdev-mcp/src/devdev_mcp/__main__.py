"""The command line: `devdev-mcp` speaks MCP on standard input and output, or HTTP."""

import argparse
import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from devdev_mcp._arguments import parse, tokens_of
from devdev_mcp._ending import Ending

if TYPE_CHECKING:
    from devdev_mcp._sessions import Bounds
    from devdev_mcp._state import Beginning

logger = logging.getLogger("devdev_mcp")


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until the client closes standard input, or a signal ends it."""
    options = parse(arguments)
    if options.doctor:
        from devdev_mcp._doctor import examine

        sys.exit(examine())
    logging.basicConfig(format="devdev-mcp: %(levelname)s: %(message)s")
    # Loaded only now, so that --help and --version are quick.
    from devdev_mcp._callers import Callers, ManyCallers, OneCaller
    from devdev_mcp._state import NoWorkspace, ServerState

    def fail(error: BaseException) -> None:
        is_bug = not isinstance(error, NoWorkspace)
        logger.error("%s", error, exc_info=error if is_bug else None)
        ending.leave(1)

    def begin(caller: str) -> ServerState:
        state = ServerState(
            _beginning(options, caller), options.allow_host, _bounds(options)
        )
        if not tokens:
            state.when_failed(fail)
        return state

    tokens = tokens_of(options)
    callers: Callers
    ending = Ending(lambda: callers.close())
    ending.install()
    callers = ManyCallers(begin) if tokens else OneCaller(begin(""))
    # The SDK takes most of the start, and the workspace is opened meanwhile.
    from devdev_mcp._server import create_server

    server = create_server(callers, ending.expect, options.tools)
    try:
        if options.http:
            _serve_http(server, options, tokens)
        else:
            if sys.stdin.isatty():
                print("devdev-mcp: waiting for an MCP client on stdin", file=sys.stderr)
            server.run("stdio")
    except Exception:
        logger.exception("the connection failed")
        ending.leave(1)
    ending.leave(0)


def _serve_http(server: Any, options: argparse.Namespace, tokens: list[str]) -> None:
    import anyio

    from devdev_mcp._http import HttpOptions, serve_http

    http = HttpOptions(
        host=options.host, port=options.port, tokens=tokens, names=options.host_name
    )
    anyio.run(serve_http, server, http)


def _beginning(options: argparse.Namespace, caller: str) -> "Beginning":
    from devdev_mcp._state import Beginning

    state = options.state
    return Beginning(
        snapshot=options.snapshot_in,
        max_bytes=options.max_bytes,
        max_inodes=options.max_inodes,
        source=options.source,
        attach=options.attach,
        state=state / caller if state is not None and caller else state,
    )


def _bounds(options: argparse.Namespace) -> "Bounds":
    from devdev_exec import Containment, Limits

    from devdev_mcp._sessions import Bounds

    limits = Limits(memory=options.max_memory, processes=options.max_processes)
    containment = Containment(
        level=options.contain,
        require=options.contain,
        network=options.network or options.contain == "none",
        limits=limits,
    )
    return Bounds(containment=containment, max_seconds=options.max_seconds)


if __name__ == "__main__":
    main()
