"""`devdev shell`: a program of a workspace has the user's terminal."""

import argparse
import os
import re
import select
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Thread

from devdev_exec._cli._containing import add_containment_options, containment_of
from devdev_exec._cli._ending import JSON_HELP, finish, say
from devdev_exec._cli._errors import CommandError
from devdev_exec._cli._exec import (
    add_content_options,
    add_environment_options,
    check_content,
    checked_cwd,
    environment_of,
    not_started,
    open_workspace,
    window_size,
)
from devdev_exec._cli._files import write_snapshot
from devdev_exec._cli._streams import STDOUT, RawWriter
from devdev_exec._errors import ExecError, SpawnError
from devdev_exec._pty import DEFAULT_TERM
from devdev_exec._result import ExecResult
from devdev_exec._session import Session
from devdev_exec._workspace import Workspace

STDIN = 0

_ANYTHING = re.compile(rb"[\x00-\xff]")
_WAIT = 3600.0  # at a time
_PIECE = 64 * 1024
_TYPING_TIMEOUT = 1.0

_DESCRIPTION = """\
Work in a workspace at this terminal: run a shell in it, or PROGRAM. It is new, or the
one that is shown somewhere (--attach), and a new one is gone at the end, unless it is
saved (--snapshot-out, --state).

All keys go to the program, Ctrl-C and Ctrl-Z too, and it is told of the terminal's
size. It runs as you, with your files and network in reach, unless --containment keeps
it from them."""

_EPILOG = f"""\
The shell is bash, or sh where there is none. TERM is yours; other variables are those
of `devdev exec`, but for the ones that keep programs from waiting for a person.

The exit code is the program's. 128+N: signal N ended it; 126: it cannot be executed;
127: it was not found; 2: wrong usage; 1: anything else that went wrong, with a line on
standard error. However it ends, the terminal is put back as it was.

{JSON_HELP},
changed (paths) and changed_partial (history had no room for all of them).

examples:
  devdev shell --import . --snapshot-out after.snap
  devdev shell --attach /mnt/work
  devdev shell -- vim notes"""


def set_up(parser: argparse.ArgumentParser) -> None:
    """Say what `devdev shell` can be given."""
    parser.usage = "devdev shell [OPTION...] [[--] PROGRAM [ARG...]]"
    parser.description = _DESCRIPTION
    parser.epilog = _EPILOG
    add_content_options(parser)
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    add_environment_options(parser.add_argument_group("how the program runs"))
    add_containment_options(parser)
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="say what is done, on stderr"
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Do what `devdev shell` is for; return its exit code."""
    if sys.platform == "win32":
        raise CommandError("devdev shell takes a POSIX terminal")
    if not (os.isatty(STDIN) and os.isatty(STDOUT)):
        raise CommandError(
            "devdev shell wants a terminal as its input and output; `devdev exec` runs "
            "programs without one"
        )
    check_content(args)
    given = args.command[1:] if args.command[:1] == ["--"] else args.command
    with open_workspace(args) as workspace:
        result = _run(workspace, given or _shell(), args)
        if args.snapshot_out is not None:
            write_snapshot(args.snapshot_out, workspace.snapshot())
            if args.verbose:
                say(f"wrote snapshot {args.snapshot_out!r}")
    return finish(result, as_json=args.json)


def _shell() -> list[str]:
    return ["bash" if os.path.exists("/bin/bash") else "sh"]


def _run(workspace: Workspace, argv: list[str], args: argparse.Namespace) -> ExecResult:
    try:
        session = workspace.start(
            argv,
            cwd=checked_cwd(workspace, args.cwd),
            size=window_size(),
            term=os.environ.get("TERM") or DEFAULT_TERM,
            screen=False,
            environment=environment_of(args, "interactive"),
            containment=containment_of(args),
        )
    except SpawnError as error:
        raise not_started(error) from error
    with session:
        return _connect(session)


def _connect(session: Session) -> ExecResult:
    """Join the terminal and the program until that ends; its result."""
    if sys.platform == "win32":
        raise CommandError("devdev shell takes a POSIX terminal")
    from devdev_exec._cli._terminal import RawTerminal

    woken, wakes = socket.socketpair()
    wakes.setblocking(False)

    def wake() -> None:
        with suppress(OSError):  # it is full, or nobody waits any more
            wakes.send(b".")

    writer = Thread(target=_show, args=(session, wake), daemon=True)
    with woken, wakes, RawTerminal(STDIN, wake) as terminal:
        writer.start()
        while session.is_running:
            ready, _, _ = select.select([STDIN, woken.fileno()], [], [])
            if woken.fileno() in ready:
                woken.recv(_PIECE)
                _resize(session)
            elif not _type(session, os.read(STDIN, _PIECE)):
                break
        result = session.wait()
        writer.join()
        terminal.is_whole = result is not None and result.signal is None
    if result is None:
        raise CommandError("the terminal was closed, and the program goes on no more")
    return result


def _resize(session: Session) -> None:
    size = window_size()
    with suppress(ExecError):  # it has ended
        session.resize(size.rows, size.columns)


def _type(session: Session, data: bytes) -> bool:
    """Pass on what was typed; False if the terminal is gone."""
    if data:
        try:
            session.write(data, timeout=_TYPING_TIMEOUT)
        except ExecError:
            return True  # it has ended, or reads nothing: keys are lost, as ever
    return bool(data)


def _show(session: Session, wake: Callable[[], object]) -> None:
    """Write all output as it comes, to its end."""
    write = RawWriter(STDOUT)
    cursor = 0
    try:
        while True:
            waited = session.wait_for(_ANYTHING, timeout=_WAIT, from_cursor=cursor)
            while (output := session.read(cursor, _PIECE)).data:
                write(output.data)
                cursor = output.next
            if waited.happened == "exit":
                return
    except (OSError, CommandError, ExecError):
        pass  # the terminal is gone, which its input tells as well
    finally:
        wake()
