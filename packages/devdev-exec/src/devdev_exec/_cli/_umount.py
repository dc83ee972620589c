"""`devdev umount`: ends what is shown at a directory, whoever serves it."""

import argparse
import math
import os
import sys
import time
from threading import Event

from devdev_mount import (
    Holder,
    ServedPlace,
    attach,
    detach,
    find_holders,
    list_served,
)

from devdev_exec._cli._errors import EXPECTED, CommandError, explain
from devdev_exec._cli._files import check_writable, write_snapshot
from devdev_exec._cli._style import plural, size_text

IN_USE = 3
"""Programs use the directory, and were not cut off."""

_LOOK_INTERVAL = 0.05
_SHOWN_HOLDERS = 5

_DESCRIPTION = """\
End what is shown at DIR. `devdev mount` then ends too, and saves if it was told to; a
workspace of a program loses its directory, and goes on.

What of a killed server is still mounted is taken away."""

_EPILOG = """\
A directory that programs use is left alone, with a line for each that says which. Of
other users' programs only root is told.

The exit code is 0 if all that was named is unmounted; 3: programs use it; 2: wrong
usage; 1: anything else that went wrong, with a line on standard error that says what.

examples:
  devdev umount /tmp/scratch --save scratch.snap
  devdev umount --all"""


def set_up(parser: argparse.ArgumentParser) -> None:
    """Say what `devdev umount` can be given."""
    parser.usage = "devdev umount [OPTION...] DIR | --all"
    parser.description = _DESCRIPTION
    parser.epilog = _EPILOG
    parser.set_defaults(parser=parser)
    parser.add_argument("directory", nargs="?", metavar="DIR", help="where it is shown")
    parser.add_argument(
        "--all", action="store_true", help="all that `devdev mounts` lists"
    )
    parser.add_argument(
        "--save", metavar="FILE", help="write the content to FILE, in one step"
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="cut off programs that use it, and a server that does not answer",
    )
    parser.add_argument(
        "--wait",
        type=_seconds,
        default=5.0,
        metavar="SECONDS",
        help="for programs to let go, and then for the server to end "
        "(default: %(default)g)",
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return seconds


def run(args: argparse.Namespace) -> int:
    """Do what `devdev umount` is for; return its exit code."""
    if args.all == (args.directory is not None):
        args.parser.error("either name a directory or say --all")
    if args.all and args.save is not None:
        args.parser.error("--save is for one directory")
    if args.save is not None:
        check_writable(args.save)
    if not args.all:
        _end(args.directory, args)
        return 0
    codes = [0]
    for place in list_served():
        try:
            # One can have gone with another, if a server had both.
            if _find(place.path) is not None:
                _end(place.path, args)
        except EXPECTED as error:
            message, code = explain(error)
            print(f"devdev: error: {message}", file=sys.stderr)
            codes.append(code)
    return max(codes)


def _end(directory: str, args: argparse.Namespace) -> None:
    place = _find(directory)
    if place is None:
        detach(directory, force=args.force)
        print(f"unmounted {directory}, whose server was gone")
    elif place.status is not None:
        _end_served(place, args)
    elif args.force:
        detach(place.path, force=True)
        print(f"unmounted {place.path}, whose server (pid {place.pid}) did not answer")
    else:
        raise CommandError(
            f"the server of {place.path} (pid {place.pid}) does not answer: it is "
            "stopped, or hangs; --force unmounts nevertheless, and loses what it holds"
        )


def _find(directory: str) -> ServedPlace | None:
    """What is served there; the directory itself, which may hang, is not looked at."""
    parent, name = os.path.split(os.path.abspath(directory))
    path = os.path.join(os.path.realpath(parent), name)
    found = [place for place in list_served() if place.path == path]
    return found[0] if found else None


def _end_served(place: ServedPlace, args: argparse.Namespace) -> None:
    if not args.force:
        _wait_until_unused(place, args.wait)
    with attach(place.path) as client:
        client.unmount()
        print(f"unmounted {place.path}")
        if args.save is not None:
            snapshot = client.fs.dump()
            write_snapshot(args.save, snapshot)
            print(f"saved to {args.save} ({size_text(len(snapshot))})")
        address = client.address
    if address is not None and not _is_gone(address, args.wait):
        print(f"process {place.owner}, which it was served for, goes on")


def _wait_until_unused(place: ServedPlace, seconds: float) -> None:
    """Wait until no program uses the mount.

    Raises:
        CommandError: some still do; says which.
    """
    deadline = time.monotonic() + seconds
    pause = Event()
    left_out = (os.getpid(), place.pid)
    while holders := find_holders(place.path, without=left_out):
        if time.monotonic() > deadline:
            raise CommandError(_describe(place, holders), IN_USE)
        pause.wait(_LOOK_INTERVAL)


def _describe(place: ServedPlace, holders: list[Holder]) -> str:
    shown = [
        f"{holder.program} (pid {holder.pid}) has {holder.path}"
        for holder in holders[:_SHOWN_HOLDERS]
    ]
    if len(holders) > _SHOWN_HOLDERS:
        shown.append(f"and {len(holders) - _SHOWN_HOLDERS} more")
    count = plural(len(holders), "program")
    uses = "uses" if len(holders) == 1 else "use"
    text = f"{place.path} is in use: {count} {uses} it (--force cuts off who does)"
    return "\n  ".join((text, *shown))


def _is_gone(address: str, seconds: float) -> bool:
    """Whether the server ends within so many seconds."""
    deadline = time.monotonic() + seconds
    pause = Event()
    while os.path.lexists(address):
        if time.monotonic() > deadline:
            return False
        pause.wait(_LOOK_INTERVAL)
    return True
