"""`devdev log`: who changed what in a filesystem that is shown at a directory."""

import argparse
import json
import sys
import time

from devdev_mount import attach

from devdev_exec._cli._style import Style

_NOBODY = "(nobody named)"

_DESCRIPTION = """\
Tell who changed what in the filesystem that is shown at DIR, the oldest first. A span
is what one actor did in one go; what belongs to no actor is in spans of its own.

A filesystem keeps this from its first checkpoint, named actor or look at it on."""

_EPILOG = """\
With --json it is an object with spans (id, actor, time in seconds since 1970, open,
undoes, changes: each with kind, path and old_path) and dropped, the number of
spans that the history's limits have cost.

The exit code is 0; 2: wrong usage; 1: nothing is served at DIR, or no answer.

example:
  devdev log /tmp/scratch --limit 10"""


def set_up(parser: argparse.ArgumentParser) -> None:
    """Say what `devdev log` can be given."""
    parser.usage = "devdev log [OPTION...] DIR"
    parser.description = _DESCRIPTION
    parser.epilog = _EPILOG
    parser.add_argument("directory", metavar="DIR", help="where it is shown")
    parser.add_argument(
        "--limit", type=_count, metavar="NUMBER", help="the latest spans only"
    )
    parser.add_argument("--json", action="store_true", help="tell it as JSON")


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of spans")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Do what `devdev log` is for; return its exit code."""
    with attach(args.directory) as client:
        spans, dropped = client.fs.log(limit=args.limit)
    if args.json:
        told = [
            {
                "id": span.id,
                "actor": span.actor,
                "time": span.time_ns / 1e9,
                "open": span.is_open,
                "undoes": span.undoes,
                "changes": [
                    {
                        "path": change.path,
                        "old_path": change.old_path,
                        "kind": change.kind.name.lower(),
                    }
                    for change in span.changes
                ],
            }
            for span in spans
        ]
        print(json.dumps({"spans": told, "dropped": dropped}, indent=2))
        return 0
    style = Style(sys.stdout)
    for span in spans:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(span.time_ns // 10**9))
        notes = f", takes back {span.undoes}" if span.undoes else ""
        notes += ", goes on" if span.is_open else ""
        actor = style("bold", span.actor or _NOBODY)
        print(f"{span.id}  {when}  {actor}{notes}")
        for change in span.changes:
            old = f"{change.old_path} -> " if change.old_path else ""
            print(f"    {change.kind.name.lower():<9} {old}{change.path}")
    if not spans:
        print("nothing is in the history yet", file=sys.stderr)
    if dropped:
        print(f"{dropped} older ones were dropped to make room", file=sys.stderr)
    return 0
