"""`devdev mount`: a filesystem shown at a directory until somebody ends it."""

import argparse
import os
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import get_args

from devdev_mount import AtimePolicy, MountOptions, Served, SnapshotError, serve

from devdev_exec._cli._errors import CommandError
from devdev_exec._cli._files import check_writable, read_snapshot, write_snapshot
from devdev_exec._cli._signals import Interrupted, signals_ignored
from devdev_exec._cli._style import size_text

_LOOK_INTERVAL = 0.5  # between two looks whether it is still mounted

_DESCRIPTION = """\
Show a filesystem at DIR, an empty directory, until Ctrl-C, SIGTERM or SIGHUP: an
empty one, or what the file SNAPSHOT holds.

It is in memory only and gone at the end, unless --save writes it to a file."""

_EPILOG = """\
examples:
  devdev mount /tmp/scratch --save scratch.snap
  devdev mount scratch.snap /tmp/scratch --read-only"""


def set_up(parser: argparse.ArgumentParser) -> None:
    """Say what `devdev mount` can be given."""
    parser.usage = "devdev mount [OPTION...] [SNAPSHOT] DIR"
    parser.description = _DESCRIPTION
    parser.epilog = _EPILOG
    parser.add_argument(
        "snapshot", nargs="?", metavar="SNAPSHOT", help="a file to begin with"
    )
    parser.add_argument("directory", metavar="DIR", help="where to show it")
    parser.add_argument(
        "--save",
        metavar="FILE",
        help="write the content to FILE at the end, in one step; may be SNAPSHOT",
    )
    parser.add_argument(
        "--read-only", action="store_true", help="refuse changes with EROFS"
    )
    parser.add_argument(
        "--allow-other",
        action="store_true",
        help="let other users in, root included; needs root or user_allow_other in "
        "/etc/fuse.conf",
    )
    parser.add_argument(
        "--ownership",
        choices=("mapped", "exact"),
        default="mapped",
        help="mapped: everything is shown as yours and stored as nobody's in "
        "particular (the default); exact: as chown(2) says",
    )
    parser.add_argument(
        "--suid", action="store_true", help="let set-id bits have effect; root only"
    )
    parser.add_argument(
        "--dev", action="store_true", help="let device nodes be used; root only"
    )
    parser.add_argument(
        "--atime",
        choices=get_args(AtimePolicy),
        default="strict",
        help="when reading moves a file's time of access: each time (the default), as "
        "relatime does, or never",
    )
    parser.add_argument(
        "--request-timeout",
        type=_seconds,
        default=MountOptions().request_timeout,
        metavar="SECONDS",
        help="give the mount up if it does not answer for so long; 0 is never "
        "(default: %(default)s)",
    )


def _seconds(text: str) -> int:
    """The value of --request-timeout."""
    try:
        return MountOptions(request_timeout=int(text)).request_timeout
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(args: argparse.Namespace) -> int:
    """Do what `devdev mount` is for; return its exit code."""
    if args.save is not None:
        check_writable(args.save)
    with _serve(args) as served:
        # A signal is how this command is meant to end.
        with suppress(Interrupted):
            print(f"mounted at {served.path} ({served.driver})")
            print(f"Ctrl-C or `kill {os.getpid()}` unmounts it", flush=True)
            _wait_until_unmounted(served)
        if args.save is not None:
            with signals_ignored():
                snapshot = served.fs.dump()
                write_snapshot(args.save, snapshot)
            print(f"saved to {args.save} ({size_text(len(snapshot))})")
    print(f"unmounted {served.path}")
    return 0


def _serve(args: argparse.Namespace) -> Served:
    options = MountOptions(
        read_only=args.read_only,
        allow_other=args.allow_other,
        ownership=args.ownership,
        suid=args.suid,
        dev=args.dev,
        request_timeout=args.request_timeout,
    )
    snapshot = None if args.snapshot is None else read_snapshot(args.snapshot)
    try:
        return serve(
            args.directory, snapshot=snapshot, options=options, atime=args.atime
        )
    except SnapshotError as error:
        raise CommandError(
            f"cannot load snapshot {args.snapshot!r}: {error}"
        ) from error


def _wait_until_unmounted(served: Served) -> None:
    """Wait until somebody else unmounts it, as with `fusermount3 -u -z`.

    Raises:
        CommandError: its server died.
    """
    pause = Event()
    while _is_mounted(served.path):
        pause.wait(_LOOK_INTERVAL)
        if not served.is_alive:
            message = f"the server of {served.path} (pid {served.pid}) has died"
            raise CommandError(f"{message}; what was not saved is lost")


def _is_mounted(path: Path) -> bool:
    """Whether the mount table has it; the mount itself is not asked."""
    with open("/proc/self/mountinfo", "rb") as table:
        return any(
            _unescape(line.split(b" ")[4]) == os.fsencode(path) for line in table
        )


def _unescape(field: bytes) -> bytes:
    r"""Undo the mount table's escapes: \040 for a space, \011, \012, \134."""
    head, *parts = field.split(b"\\")
    return head + b"".join(bytes([int(part[:3], 8)]) + part[3:] for part in parts)
