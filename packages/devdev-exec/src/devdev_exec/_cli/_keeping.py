"""The options of commands that keep a state in a directory."""

import argparse

from devdev_mount import StateOptions

from devdev_exec._cli._errors import USAGE, CommandError


def add_state_options(to: argparse._ActionsContainer) -> None:
    """Say what can be given."""
    to.add_argument(
        "--state",
        metavar="STATE",
        help="go on with what is kept in the directory STATE, and keep it there from "
        "now on; if that is new or empty, begin it",
    )
    to.add_argument(
        "--recover",
        action="store_true",
        help="if a save in STATE is damaged, go on with the last good one, and set the "
        "others aside",
    )


def state_options(args: argparse.Namespace) -> StateOptions | None:
    """What was given.

    Raises:
        CommandError: `--recover` of nothing.
    """
    if args.state is None:
        if args.recover:
            raise CommandError("--recover goes with --state STATE only", USAGE)
        return None
    return StateOptions(directory=args.state, recover=args.recover)
