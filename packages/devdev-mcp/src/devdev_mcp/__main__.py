"""The command line: `devdev-mcp` speaks MCP on standard input and output."""

import argparse
import logging
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from devdev_mcp import __version__
from devdev_mcp._ending import Ending

logger = logging.getLogger("devdev_mcp")

_UNITS = {"": 0, "K": 10, "M": 20, "G": 30}


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until the client closes standard input, or a signal ends it."""
    options = _parse(arguments)
    # Loaded only now, so that --help and --version are quick.
    from devdev_mcp._state import Beginning, NoWorkspace, ServerState

    logging.basicConfig(format="devdev-mcp: %(levelname)s: %(message)s")
    state = ServerState(
        Beginning(
            snapshot=options.snapshot_in,
            max_bytes=options.max_bytes,
            max_inodes=options.max_inodes,
            state=options.state,
            source=options.source,
            attach=options.attach,
        ),
        options.allow_host,
    )
    ending = Ending(state.close)
    ending.install()

    def fail(error: BaseException) -> None:
        is_bug = not isinstance(error, NoWorkspace)
        logger.error("%s", error, exc_info=error if is_bug else None)
        ending.leave(1)

    state.when_failed(fail)
    # The SDK takes most of the start, and the workspace is opened meanwhile.
    from devdev_mcp._server import create_server

    if sys.stdin.isatty():
        print("devdev-mcp: waiting for an MCP client on stdin", file=sys.stderr)
    try:
        create_server(state, ending.expect, options.tools).run("stdio")
    except Exception:
        logger.exception("the connection failed")
        ending.leave(1)
    ending.leave(0)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="devdev-mcp",
        description="MCP server (stdio) with files in memory that real programs use.",
        epilog="Commands run as the user of this server: this is not a sandbox.",
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
    options = parser.parse_args(arguments)
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
    return options


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
