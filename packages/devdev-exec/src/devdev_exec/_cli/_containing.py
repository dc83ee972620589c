"""The options that keep a program from the rest of the host."""

import argparse
import os
import re

from devdev_exec._cli._errors import CommandError
from devdev_exec._containment import Containment, Limits
from devdev_exec._errors import ExecError
from devdev_exec._levels import LEVELS, Level

_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}


def add_containment_options(parser: argparse.ArgumentParser) -> None:
    """What can be said of it."""
    group = parser.add_argument_group(
        "what keeps it from the rest of the host (docs/containment.md)"
    )
    group.add_argument(
        "--containment",
        choices=LEVELS,
        help="landlock: it reads the system, changes the workspace, and has no "
        "network; namespaces: it sees nothing else, at /workspace; less where the host "
        "does not offer that (devdev doctor); none is the default",
    )
    group.add_argument(
        "--require", choices=LEVELS, help="contain it at least so, or do not run it"
    )
    group.add_argument("--network", action="store_true", help="let it have the network")
    for name, what in (("read", "read and execute"), ("write", "change")):
        group.add_argument(
            f"--allow-{name}",
            action="append",
            default=[],
            metavar="PATH",
            help=f"let it {what} this, too; may be repeated",
        )
    for name, what in (("memory", "address space"), ("file-size", "a file")):
        group.add_argument(
            f"--{name}",
            type=_size,
            metavar="BYTES",
            help=f"of {what}, with K, M or G; each process is held to it",
        )
    group.add_argument(
        "--cpu", type=int, metavar="SECONDS", help="of processor time, each process"
    )
    group.add_argument(
        "--processes", type=int, metavar="N", help="of this user, unless that is root"
    )


def containment_of(args: argparse.Namespace) -> Containment:
    """What the options say.

    Raises:
        CommandError: they contradict each other, or a number is none that limits.
    """
    level: Level = args.containment or args.require or "none"
    if level == "none" and (args.network or args.allow_read or args.allow_write):
        raise CommandError(
            "--network and --allow-... say what a contained program may do, "
            "so they go with --containment"
        )
    try:
        return Containment(
            level=level,
            require=args.require or "none",
            network=args.network,
            read=tuple(map(os.path.abspath, args.allow_read)),
            write=tuple(map(os.path.abspath, args.allow_write)),
            limits=Limits(
                memory=args.memory,
                processes=args.processes,
                cpu_seconds=args.cpu,
                file_size=args.file_size,
            ),
        )
    except ExecError as error:
        raise CommandError(str(error)) from error


def _size(text: str) -> int:
    found = re.fullmatch(r"(\d+)([KMG]?)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size, such as 512M")
    return int(found[1]) * _UNITS[found[2]]
