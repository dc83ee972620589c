"""The `devdev` command: its parser, and how every one of its commands ends.

A command is the module `_NAME` here. Its `set_up` says what there is to give, and its
`run` does it and returns an exit code, or raises: nobody sees a traceback of what
could be foreseen. It is loaded only when it is asked for, so that all begin quickly.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from devdev_exec import __version__
from devdev_exec._cli._errors import EXPECTED, USAGE, explain
from devdev_exec._cli._signals import Interrupted, signals_raised
from devdev_exec._cli._standard import (
    discard_output,
    discard_unwritten_output,
    open_missing_streams,
)

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

_READER_GONE = 128 + 13  # as if SIGPIPE had ended it, which Python ignores

_DESCRIPTION = """\
Real programs on a filesystem that exists only in memory.

What runs in a workspace runs as you, with your files and network in reach: a
workspace keeps a tree apart, it is no jail."""

_COMMANDS = {
    "run": "run a program on a copy of a directory, and look at what it changed",
    "exec": "run a program in a new workspace, or in one that is there",
    "shell": "work in a workspace at this terminal",
    "mount": "show a filesystem at a directory",
    "umount": "end what is shown at a directory",
    "mounts": "list what is shown where",
    "snapshot": "look into a snapshot file: ls, cat, tree, diff, extract, verify",
    "import": "make a snapshot of a directory or an archive",
    "export": "write what is in a snapshot to a directory or an archive",
    "log": "tell who changed what in a filesystem that is shown",
    "doctor": "tell what this machine offers, and how to get what is missing",
    "demo": "run the main job on real input",
    "completion": "print what makes a shell complete these commands",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run `devdev` with these arguments; return its exit code.

    SIGINT, SIGTERM and SIGHUP end it from now on, with all that it has started.
    """
    open_missing_streams()
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        with signals_raised():
            return _tell_how_it_ends(arguments)
    except Interrupted as interrupted:
        discard_output()
        return interrupted.exit_code


def _tell_how_it_ends(arguments: Sequence[str]) -> int:
    """Run the command; say on standard error why it failed, if it did."""
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        discard_output()
        return _READER_GONE
    except EXPECTED as error:
        message, code = explain(error)
        discard_unwritten_output()
        print(f"devdev: error: {message}", file=sys.stderr)
    return code


def _run(arguments: Sequence[str]) -> int:
    parser = _make_parser(arguments[:1])
    try:
        args, unknown = parser.parse_known_args(arguments)
        if unknown:
            args.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    except SystemExit as told:  # all of it: help, the version, or what is wrong
        return int(told.code or 0)
    if args.run is None:
        parser.print_help(sys.stderr)
        return USAGE
    code: int = args.run(args)
    return code


class _Parser(argparse.ArgumentParser):
    """A parser that does not keep to itself that its help could not be written."""

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """Write the help.

        Raises:
            OSError: it cannot be written.
        """
        (sys.stdout if file is None else file).write(self.format_help())


def _make_parser(chosen: Sequence[str]) -> argparse.ArgumentParser:
    """The parser; of the commands only the chosen one's own is filled."""
    parser = _Parser(
        prog="devdev",
        description=_DESCRIPTION,
        epilog="devdev COMMAND --help says more about a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=None, parser=parser)
    parser.add_argument("--version", action="version", version=f"devdev {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, summary in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if name in chosen:
            module = import_module(f"{__name__}._{name}")
            command.set_defaults(
                run=module.run, parser=command, make_parser=_make_parser
            )
            module.set_up(command)
    return parser
