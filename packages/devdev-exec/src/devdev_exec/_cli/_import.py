"""`devdev import`: a directory or an archive of the host becomes a snapshot."""

import argparse
import json
import sys
from dataclasses import asdict
from functools import partial
from typing import Any, BinaryIO

from devdev_mount import (
    DEFAULT_MAX_BYTES,
    AlreadyExists,
    ArchiveError,
    Attached,
    Fs,
    FsBase,
    attach,
    import_tree,
)

from devdev_exec._cli._archives import (
    FORMATS,
    Format,
    cannot,
    format_of,
    read_archive,
)
from devdev_exec._cli._counted import CountedSink
from devdev_exec._cli._errors import CommandError
from devdev_exec._cli._files import STANDARD, check_writable, write_file
from devdev_exec._cli._progress import Activity
from devdev_exec._cli._style import plural, size_text

_DESCRIPTION = """\
Make the file SNAPSHOT of what is in SOURCE: a directory, a tar archive (.tar, .tar.gz,
.tgz) or a zip (.zip), whose names say which it is. It is made whole or not at all.

With --attach it is brought into the filesystem that is shown at DIR instead."""

_EPILOG = """\
SOURCE can be "-", a tar archive on standard input, and SNAPSHOT "-", standard output.

Modes, times, symbolic and hard links, and extended attributes are kept, owners are
not. Nothing that is in DIR is overwritten by a directory; an archive replaces files.
Sockets, FIFOs and device nodes of a directory are passed over, with a line for each.

The exit code is 0; 2: wrong usage; 1: anything else that went wrong, with a line on
standard error that says what.

examples:
  devdev import . work.snap --gitignore --exclude node_modules
  git archive HEAD | devdev import - head.snap
  devdev import release.zip --attach /mnt/work"""


def set_up(parser: argparse.ArgumentParser) -> None:
    """Say what `devdev import` can be given."""
    parser.usage = "devdev import [OPTION...] SOURCE SNAPSHOT | SOURCE --attach DIR"
    parser.description = _DESCRIPTION
    parser.epilog = _EPILOG
    parser.add_argument("source", metavar="SOURCE", help="a directory or an archive")
    parser.add_argument(
        "target", nargs="?", metavar="SNAPSHOT", help="the file to write"
    )
    parser.add_argument(
        "--attach", metavar="DIR", help="bring it into what is shown there"
    )
    parser.add_argument(
        "--gitignore",
        action="store_true",
        help="leave out what git ignores by the .gitignore files of a directory",
    )
    parser.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="NAME",
        help="leave out what has this name, wherever in a directory; may be repeated",
    )
    parser.add_argument(
        "--format", choices=FORMATS, help="what SOURCE is, if its name does not say it"
    )
    parser.add_argument(
        "--max-bytes",
        type=_positive,
        default=DEFAULT_MAX_BYTES,
        metavar="NUMBER",
        help="of content that there may be in it (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="tell it as JSON")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of bytes above 0")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Do what `devdev import` is for; return its exit code."""
    if (args.target is None) == (args.attach is None):
        args.parser.error("name either a SNAPSHOT to write or a DIR to --attach to")
    kind = format_of(args.source, args.format)
    if kind != "dir" and (args.gitignore or args.exclude):
        args.parser.error("--gitignore and --exclude are for directories")
    if args.attach is not None:
        with attach(args.attach) as client:
            report = _bring_in(client.fs, client, kind, args)
        _tell(args, report, size=None)
        return 0
    if args.target != STANDARD:
        check_writable(args.target)
    fs = Fs(max_bytes=args.max_bytes)
    report = _bring_in(fs, None, kind, args)
    _tell(args, report, size=_write(fs, args.target))
    return 0


def _write(fs: Fs, target: str) -> int:
    """Write the snapshot; its size."""
    size = 0
    with Activity(sys.stderr, f"writing {target}") as activity:

        def write(file: BinaryIO) -> None:
            nonlocal size
            sink = CountedSink(file.write, activity.note_bytes, fs.bytes_used)
            fs.dump_to(sink)
            size = sink.count

        write_file(target, "snapshot", write)
    return size


def _bring_in(
    fs: FsBase, client: Attached | None, kind: Format, args: argparse.Namespace
) -> dict[str, object]:
    """Take in what is at the source; what was done, as JSON has it.

    Raises:
        CommandError: it cannot be; says why.
    """
    with Activity(sys.stderr, f"importing {args.source}") as activity:
        try:
            if kind != "dir":
                count = read_archive(fs, args.source, kind, activity.note_bytes)
                return {"source": args.source, "members": count}
            # A server reads the directory itself.
            read = partial(import_tree, fs) if client is None else client.import_tree
            report = read(
                args.source,
                exclude=args.exclude,
                gitignore=args.gitignore,
                progress=activity.note_import,
            )
        except AlreadyExists as error:
            raise CommandError(
                f"cannot import {args.source!r}: {error.filename!r} is there already, "
                "and nothing is overwritten"
            ) from error
        except NotADirectoryError as error:
            raise CommandError(
                f"cannot import {args.source!r}: it is no directory, and no archive by "
                "its name (.tar, .tar.gz, .tgz, .zip); --format says what it is"
            ) from error
        except (OSError, ArchiveError) as error:
            raise cannot("import", args.source, error) from error
    return {"source": args.source, **asdict(report)}


def _tell(args: argparse.Namespace, report: dict[str, Any], size: int | None) -> None:
    """Say what was done, on standard error if the snapshot went to our output."""
    stream = sys.stderr if args.target == STANDARD else sys.stdout
    for path in report.get("skipped", ()):
        print(
            f"devdev: not imported, as it is no file, directory or link: {path!r}",
            file=sys.stderr,
        )
    where = args.attach if args.target is None else args.target
    if args.json:
        print(json.dumps({**report, "target": where, "size": size}), file=stream)
        return
    if "members" in report:
        what = plural(report["members"], "member")
    else:
        what = f"{plural(report['files'], 'file')}, {size_text(report['bytes'])}"
    ignored = f", {report['ignored']:,} ignored" if report.get("ignored") else ""
    written = "" if size is None else f" ({size_text(size)})"
    print(f"imported {what}{ignored} into {where}{written}", file=stream)
