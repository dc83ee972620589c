"""`devdev exec`: one program in a workspace, its output as it comes."""

import argparse
import errno
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args

from devdev_mount import AlreadyExists, DriverName, SnapshotError

from devdev_exec._cli._containing import add_containment_options, containment_of
from devdev_exec._cli._ending import (
    JSON_HELP,
    finish,
    say,
)
from devdev_exec._cli._errors import (
    NOT_EXECUTABLE,
    NOT_FOUND,
    CommandError,
    reason_of,
)
from devdev_exec._cli._files import (
    check_writable,
    not_loaded,
    read_snapshot,
    write_snapshot,
)
from devdev_exec._cli._keeping import add_state_options, state_options
from devdev_exec._cli._progress import Activity
from devdev_exec._cli._streams import (
    STDERR,
    STDOUT,
    RawWriter,
    read_input,
    terminal_writer,
)
from devdev_exec._cli._style import plural
from devdev_exec._env import Environment, Preset
from devdev_exec._errors import SpawnError
from devdev_exec._launcher import DEFAULT_WINDOW_SIZE
from devdev_exec._pty import WindowSize
from devdev_exec._result import ExecResult
from devdev_exec._workspace import DriverChoice, Workspace

_KEPT_OUTPUT = 4096
"""Bytes: all of it has been written when it ends, but an error may quote the end."""

_NO_TIMEOUT = 365 * 24 * 3600.0
"""The launcher wants a number; nobody waits for this one."""

_DESCRIPTION = """\
Make a workspace, run a program in it, and drop the workspace; or go on with what is
kept in a directory (--state), or run it in one that is there (--attach).

The workspace begins empty, with a snapshot, with a copy of a directory, or both.
The program sees it as a real directory, is run under a terminal, and gets a
curated environment: HOME is a directory of the workspace, PATH the standard one,
and no variable of yours but what --env names. It runs as you, with your files and
network in reach, unless --containment keeps it from them."""

_EPILOG = f"""\
Output comes as the program writes it, errors in the same stream; where it does not
go to a terminal, newlines are the program's own again. With --no-pty the program has
pipes, and errors go to standard error.

The exit code is the program's. 128+N: signal N ended it; 124: --timeout did;
126: it cannot be executed; 127: it was not found; 2: wrong usage; 1: anything
else that went wrong, with a line on standard error that says what.

{JSON_HELP},
changed (paths) and changed_partial (history had no room for all of them).

Ctrl-C and SIGTERM end program and workspace at once, without --snapshot-out. With
--state what was changed until then is kept, and kill -9 loses a few seconds of it.

examples:
  devdev exec --import . -- make test
  devdev exec --import src --snapshot-out after.snap -- sh -c 'ls -l; date > new'
  devdev exec --snapshot-in after.snap -- cat new
  echo 'print(6 * 7)' | devdev exec --stdin -- python3 -
  devdev exec --attach /mnt/work -- git status
  devdev exec --require namespaces --memory 2G --import . -- make test
  devdev exec --state ~/work.state -- git pull"""


def set_up(parser: argparse.ArgumentParser) -> None:
    """Say what `devdev exec` can be given."""
    parser.usage = "devdev exec [OPTION...] [--] PROGRAM [ARG...]"
    parser.description = _DESCRIPTION
    parser.epilog = _EPILOG
    add_content_options(parser)
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    add_program_options(parser)


def add_content_options(parser: argparse.ArgumentParser) -> None:
    """What can be said of the workspace."""
    content = parser.add_argument_group("what is in the workspace")
    content.add_argument(
        "--import", dest="source", metavar="DIR", help="copy what is in DIR to its root"
    )
    add_import_options(content)
    content.add_argument(
        "--snapshot-in", metavar="FILE", help="begin with what FILE holds"
    )
    content.add_argument(
        "--snapshot-out",
        metavar="FILE",
        help="write the content to FILE at the end, in one step and even if the "
        "program failed",
    )
    add_state_options(content)
    content.add_argument(
        "--attach",
        metavar="DIR",
        help="use the workspace that is served at DIR, which goes on (devdev mounts)",
    )
    add_driver_option(content)


def add_import_options(to: argparse._ActionsContainer) -> None:
    """What can be left out of a directory."""
    to.add_argument(
        "--gitignore", action="store_true", help="leave out of DIR what git ignores"
    )
    to.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="NAME",
        help="leave out of DIR what has this name, wherever; may be repeated",
    )


def add_driver_option(to: argparse._ActionsContainer) -> None:
    """How the workspace is shown."""
    to.add_argument(
        "--driver",
        choices=(*get_args(DriverName), "auto"),
        help="fuse: mounted; libfuse: the same, over that library; copy: copied to a "
        "directory, which takes no privilege; auto: fuse, or copy if it cannot be "
        "mounted (the default)",
    )


def add_program_options(parser: argparse.ArgumentParser) -> None:
    """What can be said of a program, and the program itself."""
    program = parser.add_argument_group("how the program runs")
    add_environment_options(program)
    program.add_argument(
        "--timeout",
        type=_seconds,
        default=_NO_TIMEOUT,
        metavar="SECONDS",
        help="end it and all it started then; without, it may take for ever",
    )
    program.add_argument(
        "--no-pty", dest="pty", action="store_false", help="pipes, no terminal"
    )
    program.add_argument(
        "--stdin",
        action="store_true",
        help="pass standard input on, read to its end first (64 MiB at most); "
        "without, the program finds end of file",
    )
    add_containment_options(parser)
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="say what is done, on stderr"
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def add_environment_options(to: argparse._ActionsContainer) -> None:
    """What the program finds."""
    to.add_argument(
        "--env",
        action="append",
        default=[],
        type=_variable,
        metavar="NAME[=VALUE]",
        help="set a variable, or pass on yours, or all that match a pattern such as "
        "LC_*; may be repeated",
    )
    to.add_argument("--path", help="PATH, if not the standard one")
    to.add_argument(
        "--cwd", default="/", metavar="DIR", help="where in the workspace (/)"
    )


def _variable(text: str) -> tuple[str, str | None]:
    name, separator, value = text.partition("=")
    if not name:
        raise argparse.ArgumentTypeError(f"{text!r} names no variable")
    return name, value if separator else None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds


def run(args: argparse.Namespace) -> int:
    """Do what `devdev exec` is for; return its exit code."""
    # What can be found wrong at once is, before anything is started.
    argv = checked_argv(args)
    check_content(args)
    stdin = read_input() if args.stdin else b""
    with open_workspace(args) as workspace:
        result = execute(workspace, argv, stdin, args)
        if args.snapshot_out is not None:
            write_snapshot(args.snapshot_out, workspace.snapshot())
            if args.verbose:
                say(f"wrote snapshot {args.snapshot_out!r}")
    return finish(result, as_json=args.json)


def check_content(args: argparse.Namespace) -> None:
    """Find out at once what of the workspace cannot be as it is said.

    Raises:
        CommandError: the snapshot could not be written.
    """
    own = (args.snapshot_in, args.driver, args.state)
    if args.attach is not None and own != (None, None, None):
        message = "--attach goes with none of --snapshot-in, --driver and --state"
        args.parser.error(message)
    if args.snapshot_out is not None:
        check_writable(args.snapshot_out)


def checked_argv(args: argparse.Namespace) -> list[str]:
    """The program and its arguments; if there is none, that is wrong usage."""
    argv: list[str] = args.command[1:] if args.command[:1] == ["--"] else args.command
    if not argv or not argv[0]:
        name = args.parser.prog
        args.parser.error(f"no program is named: {name} [OPTION...] -- PROGRAM")
    return argv


@contextmanager
def open_workspace(args: argparse.Namespace) -> Iterator[Workspace]:
    """The workspace, with what is to be in it.

    Raises:
        CommandError: it cannot be; says why.
    """
    with _workspace(args) as workspace:
        if args.source is not None:
            import_directory(workspace, args)
        yield workspace


def _workspace(args: argparse.Namespace) -> Workspace:
    if args.attach is not None:
        return Workspace.attach(args.attach)
    driver: DriverChoice = args.driver or "auto"
    state = state_options(args)
    if args.snapshot_in is None:
        return Workspace(driver=driver, state=state)
    try:
        snapshot = read_snapshot(args.snapshot_in)
        return Workspace(snapshot=snapshot, driver=driver, state=state)
    except SnapshotError as error:
        raise not_loaded(args.snapshot_in, error) from error


def import_directory(workspace: Workspace, args: argparse.Namespace) -> None:
    """Copy what is in a host directory to the root of the workspace.

    Raises:
        CommandError: it cannot be; says why.
    """
    source, verbose = args.source, args.verbose
    try:
        with Activity(sys.stderr, f"importing {source}", verbose=verbose) as activity:
            report = workspace.import_tree(
                source,
                exclude=args.exclude,
                gitignore=args.gitignore,
                progress=activity.note_import,
            )
    except AlreadyExists as error:
        message = (
            f"cannot import {source!r}: the snapshot holds {error.filename!r} "
            "already, and nothing is overwritten"
        )
        raise CommandError(message) from error
    except OSError as error:
        raise CommandError(f"cannot import {reason_of(error)}") from error
    for path in report.skipped:
        say(f"not imported, as it is no file, directory or link: {path!r}")
    if verbose:
        say(f"imported {plural(report.files, 'file')} from {source!r}")


def execute(
    workspace: Workspace, argv: list[str], stdin: bytes, args: argparse.Namespace
) -> ExecResult:
    output = terminal_writer() if args.pty else RawWriter(STDOUT)
    try:
        result = workspace.exec(
            argv,
            cwd=checked_cwd(workspace, args.cwd),
            pty=args.pty,
            size=window_size(),
            stdin=stdin,
            timeout=args.timeout,
            environment=environment_of(args),
            containment=containment_of(args),
            max_output=_KEPT_OUTPUT,
            on_output=output,
            on_stderr=RawWriter(STDERR),
        )
    except SpawnError as error:
        raise not_started(error) from error
    output.finish()
    return result


def not_started(error: SpawnError) -> CommandError:
    """The error of a program that was not found, or cannot be executed."""
    code = NOT_FOUND if error.errno == errno.ENOENT else NOT_EXECUTABLE
    return CommandError(str(error), code)


def environment_of(
    args: argparse.Namespace, preset: Preset = "standard"
) -> Environment:
    """The variables that the program finds."""
    return Environment(
        preset=preset,
        inherit=tuple(name for name, value in args.env if value is None),
        variables={name: value for name, value in args.env if value is not None},
        path=args.path,
    )


def checked_cwd(workspace: Workspace, cwd: str) -> str:
    """The directory, if there is one.

    Raises:
        CommandError: there is none.
    """
    try:
        return workspace.fs.realpath(f"{cwd}/")
    except OSError as error:
        message = f"cannot run in --cwd {cwd!r}: {error.strerror} in the workspace"
        raise CommandError(f"{message}; name it as seen from its root") from error


def window_size() -> WindowSize:
    """Our own terminal's size, where standard output is one."""
    try:
        columns, rows = os.get_terminal_size(STDOUT)
        return WindowSize(rows, columns)
    except (OSError, ValueError):  # no terminal, or one that has no size
        return DEFAULT_WINDOW_SIZE
