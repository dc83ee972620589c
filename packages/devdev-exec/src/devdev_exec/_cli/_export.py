"""`devdev export`: what is in a snapshot, or shown somewhere, goes to the host."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import BinaryIO

from devdev_mount import ArchiveError, FsBase, attach, export_tree

from devdev_exec._cli._archives import FORMATS, Format, cannot, format_of, write_archive
from devdev_exec._cli._errors import CommandError
from devdev_exec._cli._files import STANDARD, load_snapshot, write_file
from devdev_exec._cli._progress import Activity
from devdev_exec._cli._style import plural, size_text

_DESCRIPTION = """\
Write what is in the file SNAPSHOT to TARGET: a new directory, a tar archive (.tar,
.tar.gz, .tgz) or a zip (.zip), as its name says. With --attach what is shown at DIR is
written, as it is at that moment.

TARGET appears whole or not at all: what is killed meanwhile leaves at most a hidden
.devdev-export-* beside it, which the next export there removes."""

_EPILOG = """\
SNAPSHOT can be "-", standard input, and TARGET "-": a tar archive on standard output.

An archive's file is replaced in one step; a directory that is there and not empty is
refused unless --replace says otherwise, which exchanges the two in one step and then
removes the old one. The owner of what is written to a directory is you.

The exit code is 0; 2: wrong usage; 1: anything else that went wrong, with a line on
standard error that says what.

examples:
  devdev export after.snap out
  devdev export after.snap --path /src src.tar.gz
  devdev export --attach /mnt/work - | tar tv"""


def set_up(parser: argparse.ArgumentParser) -> None:
    """Say what `devdev export` can be given."""
    parser.usage = "devdev export [OPTION...] SNAPSHOT TARGET | --attach DIR TARGET"
    parser.description = _DESCRIPTION
    parser.epilog = _EPILOG
    parser.add_argument(
        "snapshot", nargs="?", metavar="SNAPSHOT", help="a file to take it from"
    )
    parser.add_argument("target", metavar="TARGET", help="where to write it")
    parser.add_argument("--attach", metavar="DIR", help="take what is shown there")
    add_export_options(parser)
    parser.add_argument(
        "--format", choices=FORMATS, help="of TARGET, if its name does not say it"
    )


def add_export_options(parser: argparse.ArgumentParser) -> None:
    """What can be said of any export to a directory."""
    parser.add_argument(
        "--path", default="/", metavar="PATH", help="write only what is there (/)"
    )
    parser.add_argument(
        "--replace", action="store_true", help="put it in the place of what is there"
    )
    parser.add_argument("--json", action="store_true", help="tell it as JSON")


def run(args: argparse.Namespace) -> int:
    """Do what `devdev export` is for; return its exit code."""
    if (args.snapshot is None) == (args.attach is None):
        args.parser.error("name either a SNAPSHOT or a DIR to --attach to")
    kind = format_of(args.target, args.format)
    if kind == "dir":
        if args.target == STANDARD:
            args.parser.error("a directory cannot be written to standard output")
        with _opened(args) as fs:
            export_directory(fs, args)
        return 0
    with _opened(args) as fs:
        _export_archive(fs, kind, args)
    if args.target != STANDARD:
        told = {"target": args.target, "format": kind}
        print(json.dumps(told) if args.json else f"wrote {args.target}")
    return 0


def _export_archive(fs: FsBase, kind: Format, args: argparse.Namespace) -> None:
    _check_path(fs, args.path)
    with Activity(sys.stderr, f"writing {args.target}") as activity:

        def write(file: BinaryIO) -> None:
            write_archive(fs, file, kind, args.path, activity.note_bytes)

        try:
            write_file(args.target, "archive", write)
        except ArchiveError as error:
            raise cannot("export to", args.target, error) from error


@contextmanager
def _opened(args: argparse.Namespace) -> Iterator[FsBase]:
    if args.attach is not None:
        with attach(args.attach) as client:
            yield client.fs
    else:
        with Activity(sys.stderr, f"loading {args.snapshot}") as activity:
            fs = load_snapshot(args.snapshot, activity.note_bytes)
        yield fs


def _check_path(fs: FsBase, path: str) -> None:
    """Find out before anything is written whether there is such a path.

    Raises:
        FsError: ENOENT, ENOTDIR.
    """
    fs.lstat(path)


def export_directory(fs: FsBase, args: argparse.Namespace) -> None:
    """Write what is at `args.path` to `args.target`, and say so.

    Raises:
        CommandError: it is there already.
        FsError, OSError: as `export_tree`.
    """
    _check_path(fs, args.path)
    try:
        with Activity(sys.stderr, f"writing {args.target}") as activity:
            report = export_tree(
                fs,
                args.target,
                args.path,
                replace=args.replace,
                progress=activity.note_export,
            )
    except FileExistsError as error:
        raise CommandError(
            f"{args.target!r} is there already; --replace puts the export in its place"
        ) from error
    if args.json:
        print(json.dumps({"target": args.target, **asdict(report)}))
        return
    for path in report.skipped:
        print(
            f"devdev: not written, as it is a socket or device node: {path!r}",
            file=sys.stderr,
        )
    for path, what in report.unkept:
        print(f"devdev: not kept: {path!r}: {what}", file=sys.stderr)
    what = f"{plural(report.files, 'file')}, {size_text(report.bytes)}"
    print(f"wrote {what} to {args.target}")
