"""`devdev mount`: a filesystem shown at a directory until somebody ends it."""

import argparse
import json
import os
import shlex
import sys
from contextlib import suppress
from threading import Event
from typing import get_args

from devdev_mount import (
    AtimePolicy,
    MountError,
    MountOptions,
    Served,
    ServerDied,
    SnapshotError,
    StateError,
    serve,
)

from devdev_exec._cli._errors import CommandError, explain
from devdev_exec._cli._files import (
    NotSaved,
    check_writable,
    not_loaded,
    read_snapshot,
    write_snapshot,
)
from devdev_exec._cli._keeping import add_state_options, state_options
from devdev_exec._cli._progress import Activity
from devdev_exec._cli._signals import Interrupted, raise_on_signals, signals_ignored
from devdev_exec._cli._style import size_text

_LOOK_INTERVAL = 0.5  # between two looks whether it is still mounted

_DESCRIPTION = """\
Show a filesystem at DIR, an empty directory, until Ctrl-C, SIGTERM, SIGHUP or
`devdev umount DIR`: an empty one, or what the file SNAPSHOT holds.

It is in memory only and gone at the end, unless --save writes it to a file or
--state keeps it in a directory."""

_EPILOG = """\
FILE is replaced in one step at the end, and can be SNAPSHOT. If it cannot be written
then, the content is put into the directory for temporary files, and if that fails
too, it is shown for longer, until another Ctrl-C tries again. kill -9 ends it at once,
without --save; nothing of the mount is left in any case.

With --state the content is saved every few seconds and at the end, kill -9 included.

The exit code is 0 after an end in order, 2: wrong usage, 1: anything else that went
wrong, with a line on standard error that says what.

With --json it writes one object a line: {"mounted": DIR, "driver": NAME, "pid": PID}
when DIR can be used, and at the end {"unmounted": DIR, "saved": FILE or null}.

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
        "--save", metavar="FILE", help="write the content to FILE at the end"
    )
    add_state_options(parser)
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    parser.add_argument(
        "--driver",
        choices=("fuse", "libfuse"),
        default="fuse",
        help="fuse: mounted by devdev itself (the default); libfuse: over that library",
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
        path = os.fspath(served.path)
        # A signal is how this command is meant to end, from the first word on.
        with suppress(Interrupted):
            _announce(served, path, as_json=args.json)
            _wait_until_unmounted(served)
        _save_or_go_on(served, args)
    if args.json:
        _tell({"unmounted": path, "saved": args.save})
    else:
        print(f"unmounted {path}")
    return 0


def _announce(served: Served, path: str, *, as_json: bool) -> None:
    if as_json:
        _tell({"mounted": path, "driver": served.driver, "pid": served.pid})
    else:
        print(f"mounted at {path} ({served.driver})")
        print(f"Ctrl-C or `devdev umount {shlex.quote(path)}` unmounts it", flush=True)


def _tell(report: dict[str, object]) -> None:
    print(json.dumps(report), flush=True)


def _save_or_go_on(served: Served, args: argparse.Namespace) -> None:
    """Save; or wait for the next end, if what is to be saved can be put nowhere."""
    while True:
        try:
            with signals_ignored():
                if args.state is not None:
                    served.save()
                if args.save is not None:
                    _save(served, args.save, quiet=args.json)
            return
        except (NotSaved, StateError) as error:
            if not served.status().is_shown:
                raise
            message, _ = explain(error)
            print(f"devdev: error: {message}", file=sys.stderr)
            again = "it is still mounted; make room, and end it again"
            print(f"devdev: {again}", file=sys.stderr, flush=True)
        with suppress(Interrupted):
            raise_on_signals()
            _wait_until_unmounted(served)


def _save(served: Served, target: str, *, quiet: bool) -> None:
    snapshot = served.fs.dump()
    write_snapshot(target, snapshot)
    if not quiet:
        print(f"saved to {target} ({size_text(len(snapshot))})")


def _serve(args: argparse.Namespace) -> Served:
    options = MountOptions(
        read_only=args.read_only,
        allow_other=args.allow_other,
        ownership=args.ownership,
        suid=args.suid,
        dev=args.dev,
        request_timeout=args.request_timeout,
    )
    try:
        with Activity(sys.stderr, "mounting") as activity:
            snapshot = None
            if args.snapshot is not None:
                activity.note(f"reading {args.snapshot}")
                snapshot = read_snapshot(args.snapshot)
                activity.note(f"loading {size_text(len(snapshot))}")
            return serve(
                args.directory,
                snapshot=snapshot,
                options=options,
                driver=args.driver,
                atime=args.atime,
                state=state_options(args),
            )
    except SnapshotError as error:
        raise not_loaded(args.snapshot, error) from error


def _wait_until_unmounted(served: Served) -> None:
    """Wait until somebody else unmounts it, as with `devdev umount`.

    Raises:
        CommandError: its server died.
    """
    # It waits first: a signal right after the mount is announced is best taken there.
    pause = Event()
    while not pause.wait(_LOOK_INTERVAL) and _is_shown(served):
        pass


def _is_shown(served: Served) -> bool:
    try:
        return served.status().is_shown
    except ServerDied as error:
        message = f"the server of {served.path} (pid {served.pid}) has died"
        raise CommandError(f"{message}; what was not saved is lost") from error
    except MountError:
        return True  # it does not answer, as one that is stopped; it may later
