"""The command line: `devdev-mcp` speaks MCP on standard input and output, or HTTP."""

import argparse
import logging
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devdev_mcp import __version__
from devdev_mcp._ending import Ending

if TYPE_CHECKING:
    from devdev_mcp._sessions import Bounds
    from devdev_mcp._state import Beginning

logger = logging.getLogger("devdev_mcp")

TOKEN_VARIABLE = "DEVDEV_MCP_TOKEN"

_UNITS = {"": 0, "K": 10, "M": 20, "G": 30}


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until the client closes standard input, or a signal ends it."""
    options = _parse(arguments)
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

    tokens = _tokens(options)
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


def _tokens(options: argparse.Namespace) -> list[str]:
    """The tokens that clients are known by: a line each, or one in the environment."""
    if not options.http:
        return []
    lines = [os.environ.get(TOKEN_VARIABLE, "")]
    if options.token_file is not None:
        lines = options.token_file.read_text().splitlines()
    return [line.strip() for line in lines if line.strip()]


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="devdev-mcp",
        description="MCP server with files in memory that real programs use.",
        epilog="Commands run as the user of this server, with the host in view: "
        "without --contain this is not a sandbox.",
    )
    parser.add_argument(
        "--version", action="version", version=f"devdev-mcp {__version__}"
    )
    parser.add_argument(
        "--snapshot-in",
        metavar="FILE",
        type=_content,
        help="begin with this snapshot instead of an empty workspace",
    )
    parser.add_argument(
        "--import",
        dest="source",
        metavar="DIR",
        type=_directory,
        help="copy what is in this host directory into the workspace",
    )
    parser.add_argument(
        "--max-bytes",
        metavar="N",
        type=_size,
        help="quota on content, such as 512M or 2G (default: 2G, or the snapshot's)",
    )
    parser.add_argument(
        "--max-inodes",
        metavar="N",
        type=_size,
        help="quota on files, directories and links",
    )
    parser.add_argument(
        "--contain",
        choices=("none", "landlock", "namespaces"),
        default="none",
        help="what keeps commands from the host; if it is not to be had, none is run",
    )
    parser.add_argument(
        "--network", action="store_true", help="let contained commands use the network"
    )
    parser.add_argument(
        "--max-memory", metavar="N", type=_size, help="bytes of memory of a process"
    )
    parser.add_argument(
        "--max-processes",
        metavar="N",
        type=_size,
        help="processes of this user (root is not held to it)",
    )
    parser.add_argument(
        "--max-seconds",
        metavar="N",
        type=float,
        default=24 * 3600.0,
        help="for a command to run, whatever a client asks for (default: a day)",
    )
    parser.add_argument(
        "--state",
        metavar="DIR",
        type=Path,
        help="keep the workspaces in this host directory, and go on with what is there",
    )
    parser.add_argument(
        "--attach",
        metavar="DIR",
        type=Path,
        help="use the workspace that is served at DIR, which goes on afterwards "
        "(`devdev mounts` lists them)",
    )
    parser.add_argument(
        "--tools",
        choices=("core", "full", "readonly"),
        default="core",
        help="which tools there are: the usual ones (core), all, or those that change "
        "nothing (default: core)",
    )
    parser.add_argument(
        "--allow-host",
        metavar="DIR",
        type=_directory,
        action="append",
        default=[],
        help="let import_path and export_path use this host directory; may be repeated",
    )
    http = parser.add_argument_group("streamable HTTP")
    http.add_argument(
        "--http", action="store_true", help="serve HTTP instead of stdin and stdout"
    )
    http.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    http.add_argument(
        "--port", type=int, default=8765, help="0 is any free one (default: 8765)"
    )
    http.add_argument(
        "--token-file",
        metavar="FILE",
        type=Path,
        help=f"bearer tokens, one a line, or {TOKEN_VARIABLE} in the environment; each "
        "has workspaces of its own; needed unless the host is this machine's own",
    )
    http.add_argument(
        "--host-name",
        metavar="NAME",
        action="append",
        default=[],
        help="a further name under which clients know this host; may be repeated",
    )
    parser.add_argument(
        "command",
        nargs="?",
        choices=("doctor",),
        help="doctor: say what works here, and what is missing",
    )
    options = parser.parse_args(arguments)
    options.doctor = options.command == "doctor"
    _check(parser, options)
    return options


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse what does not go together."""
    if options.token_file is not None and not options.token_file.is_file():
        parser.error(f"{options.token_file} cannot be read")
    is_here = options.host in ("localhost", "::1") or options.host.startswith("127.")
    if options.http and not is_here and not _tokens(options):
        parser.error(
            f"--host {options.host} lets others connect: give a --token-file or "
            f"{TOKEN_VARIABLE}"
        )
    given = (
        options.snapshot_in,
        options.source,
        options.max_bytes,
        options.max_inodes,
        options.state,
    )
    if options.attach is not None and any(each is not None for each in given):
        parser.error(
            "--attach goes with neither --snapshot-in, --import, --max-bytes, "
            "--max-inodes nor --state"
        )


def _content(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise argparse.ArgumentTypeError(message) from None


def _directory(path: str) -> Path:
    if not Path(path).is_dir():
        raise argparse.ArgumentTypeError(f"{path} is no directory")
    return Path(path)


def _size(text: str) -> int:
    match = re.fullmatch(r"(\d+)([KMG]?)", text)
    if match is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no size; give 1000, 64K, 512M, 2G"
        )
    return int(match[1]) << _UNITS[match[2]]


if __name__ == "__main__":
    main()
