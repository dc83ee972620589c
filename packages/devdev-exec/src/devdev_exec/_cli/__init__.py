"""The `devdev` command: its parser, and how every one of its commands ends.

A command is a module with `add_parser`, which gives its parser the function that
runs it. That function returns an exit code or raises; nobody sees a traceback of
what could be foreseen.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from devdev_exec import __version__
from devdev_exec._cli import _demo, _doctor, _exec, _mount
from devdev_exec._cli._errors import EXPECTED, explain
from devdev_exec._cli._signals import Interrupted, raise_on_signals

_READER_GONE = 128 + 13  # as if SIGPIPE had ended it, which Python ignores

_DESCRIPTION = """\
Real programs on a filesystem that exists only in memory.

What runs in a workspace runs as you, with your files and network in reach: a
workspace keeps a tree apart, it is no jail."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `devdev` with these arguments; return its exit code.

    SIGINT, SIGTERM and SIGHUP end it from now on, with all that it has started.
    """
    parser = _make_parser()
    args = parser.parse_args(argv)
    run: Callable[[argparse.Namespace], int] | None = args.run
    if run is None:
        parser.print_help(sys.stderr)
        return 2
    raise_on_signals()
    try:
        code = run(args)
        sys.stdout.flush()
    except Interrupted as interrupted:
        return interrupted.exit_code
    except BrokenPipeError:
        _discard_output()
        return _READER_GONE
    except EXPECTED as error:
        message, code = explain(error)
        print(f"devdev: error: {message}", file=sys.stderr)
    return code


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="devdev",
        description=_DESCRIPTION,
        epilog="devdev COMMAND --help says more about a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=None)
    parser.add_argument("--version", action="version", version=f"devdev {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for module in (_exec, _mount, _doctor, _demo):
        module.add_parser(commands)
    return parser


def _discard_output() -> None:
    """Let the interpreter flush at its end to where nobody complains."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
