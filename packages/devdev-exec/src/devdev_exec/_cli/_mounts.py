"""`devdev mounts`: what this user's processes show, and where."""

import argparse
import json
import sys
import time
from dataclasses import asdict

from devdev_mount import ServedPlace, list_served

from devdev_exec._cli._style import Style, plural, size_text

_DESCRIPTION = """\
List what your processes show at a directory: `devdev mount`, workspaces, and what
calls `devdev_mount.serve`. Others' are not listed."""

_EPILOG = """\
SERVER is the process that serves it. "no answer" is one that does not say within two
seconds how much it holds: it is stopped, or hangs.

With --json it is a list of objects with path, driver, read_only, since (seconds since
1970), pid, owner (the process that it is served for), status (null without an answer;
otherwise used_bytes, max_bytes, used_inodes, max_inodes and more) and clients (pid,
actor and since of each that is attached).

The exit code is 0, also if nothing is listed.

example:
  devdev mounts --json"""

_COLUMNS = ("DIRECTORY", "DRIVER", "SERVER", "SINCE", "HOLDS", "")


def set_up(parser: argparse.ArgumentParser) -> None:
    """Say what `devdev mounts` can be given."""
    parser.usage = "devdev mounts [--json]"
    parser.description = _DESCRIPTION
    parser.epilog = _EPILOG
    parser.add_argument("--json", action="store_true", help="tell it as JSON")


def run(args: argparse.Namespace) -> int:
    """Do what `devdev mounts` is for; return its exit code."""
    places = list_served()
    if args.json:
        print(json.dumps([asdict(place) for place in places], indent=2))
    elif places:
        _print_table([_COLUMNS, *map(_row, places)])
    else:
        print("nothing is mounted", file=sys.stderr)
    return 0


def _row(place: ServedPlace) -> tuple[str, ...]:
    notes = ["read-only"] if place.read_only else []
    if place.clients:
        notes.append(plural(len(place.clients), "client"))
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(place.since))
    holds = "no answer"
    if place.status is not None:
        # The root is no file that anybody made.
        inodes = plural(place.status.used_inodes - 1, "inode")
        used, most = place.status.used_bytes, place.status.max_bytes
        holds = f"{inodes}, {size_text(used)} of {size_text(most)}"
    return place.path, place.driver, str(place.pid), since, holds, ", ".join(notes)


def _print_table(rows: list[tuple[str, ...]]) -> None:
    style = Style(sys.stdout)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        line = "  ".join(cells).rstrip()
        print(line if number else style("bold", line))
