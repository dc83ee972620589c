"""The options of the command line, and what does not go together."""

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path

from devdev_mcp import __version__

TOKEN_VARIABLE = "DEVDEV_MCP_TOKEN"

_UNITS = {"": 0, "K": 10, "M": 20, "G": 30}


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options that are given; ends the process, and says why, if they are wrong."""
    parser = argparse.ArgumentParser(
        prog="devdev-mcp",
        description="MCP server with files in memory that real programs use.",
        epilog="Commands run as the user of this server, with the host in view: "
        "without --contain this is not a sandbox.",
    )
    parser.add_argument(
        "--version", action="version", version=f"devdev-mcp {__version__}"
    )
    _add_workspace(parser.add_argument_group("the workspace"))
    _add_commands(parser.add_argument_group("commands"))
    _add_tools(parser.add_argument_group("tools"))
    _add_http(parser.add_argument_group("streamable HTTP"))
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


def _add_workspace(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--snapshot-in",
        metavar="FILE",
        type=_content,
        help="begin with this snapshot instead of an empty workspace",
    )
    group.add_argument(
        "--import",
        dest="source",
        metavar="DIR",
        type=_directory,
        help="copy what is in this host directory into the workspace",
    )
    group.add_argument(
        "--state",
        metavar="DIR",
        type=Path,
        help="keep the workspaces in this host directory, and go on with what is there",
    )
    group.add_argument(
        "--attach",
        metavar="DIR",
        type=Path,
        help="use the workspace that is served at DIR, which goes on afterwards "
        "(`devdev mounts` lists them)",
    )
    group.add_argument(
        "--max-bytes",
        metavar="N",
        type=_size,
        help="quota on content, such as 512M or 2G (default: 2G, or the snapshot's)",
    )
    group.add_argument(
        "--max-inodes",
        metavar="N",
        type=_size,
        help="quota on files, directories and links",
    )


def _add_commands(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--contain",
        choices=("none", "landlock", "namespaces"),
        default="none",
        help="what keeps commands from the host; if it is not to be had, none is run",
    )
    group.add_argument(
        "--network", action="store_true", help="let contained commands use the network"
    )
    group.add_argument(
        "--max-memory", metavar="N", type=_size, help="bytes of memory of a process"
    )
    group.add_argument(
        "--max-processes",
        metavar="N",
        type=_size,
        help="processes of this user (root is not held to it)",
    )
    group.add_argument(
        "--max-seconds",
        metavar="N",
        type=float,
        default=24 * 3600.0,
        help="for a command to run, whatever a client asks for (default: a day)",
    )


def _add_tools(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--tools",
        choices=("core", "full", "readonly"),
        default="core",
        help="which tools there are: the usual ones (core), all, or those that change "
        "nothing (default: core)",
    )
    group.add_argument(
        "--allow-host",
        metavar="DIR",
        type=_directory,
        action="append",
        default=[],
        help="let import_path and export_path use this host directory; may be repeated",
    )


def _add_http(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--http", action="store_true", help="serve HTTP instead of stdin and stdout"
    )
    group.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    group.add_argument(
        "--port", type=int, default=8765, help="0 is any free one (default: 8765)"
    )
    group.add_argument(
        "--token-file",
        metavar="FILE",
        type=Path,
        help=f"bearer tokens, one a line, or {TOKEN_VARIABLE} in the environment; each "
        "has workspaces of its own; needed unless the host is this machine's own",
    )
    group.add_argument(
        "--host-name",
        metavar="NAME",
        action="append",
        default=[],
        help="a further name under which clients know this host; may be repeated",
    )


def tokens_of(options: argparse.Namespace) -> list[str]:
    """The tokens that clients are known by: a line each, or one in the environment."""
    if not options.http:
        return []
    lines = [os.environ.get(TOKEN_VARIABLE, "")]
    if options.token_file is not None:
        lines = options.token_file.read_text().splitlines()
    return [line.strip() for line in lines if line.strip()]


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse what does not go together."""
    if options.token_file is not None and not options.token_file.is_file():
        parser.error(f"{options.token_file} cannot be read")
    is_here = options.host in ("localhost", "::1") or options.host.startswith("127.")
    if options.http and not is_here and not tokens_of(options):
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
