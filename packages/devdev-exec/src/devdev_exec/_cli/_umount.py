"""`devdev umount`: ends what is shown at a directory, whoever serves it."""

import argparse
import json
import math
import os
import sys
import time
from dataclasses import asdict, dataclass
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

With --json standard output has a list of objects with path, server ("ended", "goes on",
"gone", "cut off"), pid (of the process that it was served for, or null) and saved (the
file or null), one for each directory that is unmounted.

examples:
  devdev umount /tmp/scratch --save scratch.snap
  devdev umount --all"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unmounted:
    """A directory where nothing is shown any more."""

    path: str
    server: str
    """What became of it: "ended", "goes on", "gone", "cut off"."""
    pid: int | None
    """Of the process that it was served for."""
    saved: str | None = None


def set_up(parser: argparse.ArgumentParser) -> None:
    """Say what `devdev umount` can be given."""
    parser.usage = "devdev umount [OPTION...] DIR | --all"
    parser.description = _DESCRIPTION
    parser.epilog = _EPILOG
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
    parser.add_argument("--json", action="store_true", help="tell it as JSON")


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
    ended: list[Unmounted] = []
    try:
        return _end_all(args, ended) if args.all else _end_one(args, ended)
    finally:
        if args.json:
            print(json.dumps([asdict(each) for each in ended], indent=2))


def _end_one(args: argparse.Namespace, ended: list[Unmounted]) -> int:
    ended.append(_end(args.directory, args))
    return 0


def _end_all(args: argparse.Namespace, ended: list[Unmounted]) -> int:
    codes = [0]
    for place in list_served():
        try:
            # One can have gone with another, if a server had both.
            if _find(place.path) is not None:
                ended.append(_end(place.path, args))
        except EXPECTED as error:
            message, code = explain(error)
            print(f"devdev: error: {message}", file=sys.stderr)
            codes.append(code)
    return max(codes)


def _end(directory: str, args: argparse.Namespace) -> Unmounted:
    place = _find(directory)
    if place is None:
        detach(directory, force=args.force)
        _tell(args, f"unmounted {directory}, whose server was gone")
        return Unmounted(path=directory, server="gone", pid=None)
    if place.status is not None:
        return _end_served(place, args)
    if args.force:
        detach(place.path, force=True)
        who = f"whose server (pid {place.pid}) did not answer"
        _tell(args, f"unmounted {place.path}, {who}")
        return Unmounted(path=place.path, server="cut off", pid=place.owner)
    raise CommandError(
        f"the server of {place.path} (pid {place.pid}) does not answer: it is "
        "stopped, or hangs; --force unmounts nevertheless, and loses what it holds"
    )


def _tell(args: argparse.Namespace, text: str) -> None:
    if not args.json:
        print(text)


def _find(directory: str) -> ServedPlace | None:
    """What is served there; the directory itself, which may hang, is not looked at."""
    parent, name = os.path.split(os.path.abspath(directory))
    path = os.path.join(os.path.realpath(parent), name)
    found = [place for place in list_served() if place.path == path]
    return found[0] if found else None


def _end_served(place: ServedPlace, args: argparse.Namespace) -> Unmounted:
    if not args.force:
        _wait_until_unused(place, args.wait)
    with attach(place.path) as client:
        client.unmount()
        _tell(args, f"unmounted {place.path}")
        if args.save is not None:
            snapshot = client.fs.dump()
            write_snapshot(args.save, snapshot)
            _tell(args, f"saved to {args.save} ({size_text(len(snapshot))})")
        address = client.address
    goes_on = address is not None and not _is_gone(address, args.wait)
    if goes_on:
        _tell(args, f"process {place.owner}, which it was served for, goes on")
    server = "goes on" if goes_on else "ended"
    return Unmounted(path=place.path, server=server, pid=place.owner, saved=args.save)


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
