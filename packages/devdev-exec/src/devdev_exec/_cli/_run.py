"""`devdev run`: a program on a copy of a directory, and what came of it."""

import argparse
import sys
from contextlib import suppress

from devdev_mount import FsBase, HostChanged, HostTree, NotFound

from devdev_exec._cli._ending import (
    JSON_HELP,
    exit_code,
    print_ending,
    say,
    tell_of_unkept,
)
from devdev_exec._cli._errors import CommandError
from devdev_exec._cli._exec import (
    add_driver_option,
    add_import_options,
    add_program_options,
    checked_argv,
    execute,
    import_directory,
)
from devdev_exec._cli._files import check_writable, save_aside, write_snapshot
from devdev_exec._cli._progress import Activity
from devdev_exec._cli._streams import read_input
from devdev_exec._cli._style import Style, plural
from devdev_exec._result import ExecResult
from devdev_exec._runner import HOME
from devdev_exec._workspace import Workspace

CHANGED_MEANWHILE = 4
"""What was to be written back to the host has changed there."""

_DESCRIPTION = """\
Run a program in a throwaway workspace: an empty one, or a copy of the directory that
--from names. What it does stays there, and is gone at the end, unless it is kept
(--keep) or written back (--apply). --diff shows it.

The program sees its workspace as a real directory, but runs as you, with your files
and network in reach, unless --containment keeps it from them."""

_EPILOG = f"""\
--apply writes exactly what changed: files and links that are new, changed or gone,
modes, directories. It does so however the program exits, but not if --timeout or a
signal ended it. If any of that has changed in DIR since it was copied, nothing is
written, the paths are listed, and the exit code is 4. All of it is prepared in DIR
first (.devdev-apply-*) and then renamed; what goes wrong on the way is put back, by the
next `devdev run --from DIR --apply` if this one was killed. Each file changes in one
step, but several do not change in one instant. Work that is not written back is kept in
a file, which is named.

HOME is a directory of the workspace, /home; what is there belongs to DIR only if DIR
has a directory of that name.

The exit code is otherwise as with `devdev exec`: the program's; 128+N: signal N ended
it; 124: --timeout did; 126: it cannot be executed; 127: it was not found; 2: wrong
usage; 1: anything else that went wrong, with a line on standard error.

{JSON_HELP},
changed (objects with kind, path and old_path), kept (the file or null) and applied
(null, or lists of paths: added, changed, removed).

examples:
  devdev run --from . --diff -- make format
  devdev run --from . --gitignore --apply -- sed -i s/colour/color/ README.md
  devdev run --keep out.snap -- sh -c 'curl -O https://example.org/data'"""


def set_up(parser: argparse.ArgumentParser) -> None:
    """Say what `devdev run` can be given."""
    parser.usage = "devdev run [OPTION...] [--] PROGRAM [ARG...]"
    parser.description = _DESCRIPTION
    parser.epilog = _EPILOG
    content = parser.add_argument_group("the workspace")
    content.add_argument(
        "--from", dest="source", metavar="DIR", help="begin with a copy of DIR"
    )
    add_import_options(content)
    add_driver_option(content)
    outcome = parser.add_argument_group("what comes of it")
    outcome.add_argument(
        "--diff", action="store_true", help="show what changed, as a unified diff"
    )
    outcome.add_argument(
        "--apply", action="store_true", help="write what changed back to DIR"
    )
    outcome.add_argument(
        "--keep", metavar="SNAPSHOT", help="write the workspace to the file SNAPSHOT"
    )
    outcome.add_argument("--json", action="store_true", help="tell it as JSON")
    add_program_options(parser)


def run(args: argparse.Namespace) -> int:
    """Do what `devdev run` is for; return its exit code."""
    argv = checked_argv(args)
    if args.source is None and (args.apply or args.gitignore or args.exclude):
        args.parser.error("--apply, --gitignore and --exclude go with --from DIR")
    if args.keep is not None:
        check_writable(args.keep)
    stdin = read_input() if args.stdin else b""
    with Workspace(driver=args.driver or "auto") as workspace:
        tree = None
        if args.source is not None:
            tree = HostTree(args.source) if args.apply else None
            import_directory(workspace, args)
        has_home = workspace.fs.exists(HOME)
        with workspace.fs.fork() as before:
            result = execute(workspace, argv, stdin, args)
            if args.keep is not None:
                write_snapshot(args.keep, workspace.snapshot())
            with workspace.fs.fork() as after:
                if not has_home:
                    _drop_home(after)
                return _finish(args, result, tree, before, after)


def _drop_home(fs: FsBase) -> None:
    with suppress(NotFound):
        fs.remove_tree(HOME)


def _finish(
    args: argparse.Namespace,
    result: ExecResult,
    tree: HostTree | None,
    before: FsBase,
    after: FsBase,
) -> int:
    """Show and write back what changed; return the exit code."""
    tell_of_unkept(result)
    code = exit_code(result)
    if args.diff:
        _show(after.diff_text(before))
    applied = None
    is_whole = not result.timed_out and result.signal is None
    if tree is not None and is_whole:
        applied = _apply(args, tree, before, after)
        if args.verbose:
            count = len(applied["added"] + applied["changed"] + applied["removed"])
            say(f"wrote {plural(count, 'path')} back to {args.source!r}")
    elif tree is not None:
        problem = f"nothing was written back to {args.source!r}"
        where = _kept(args, after, problem)
        say(f"{problem}: the program did not finish; its work is in {where!r}")
    if args.json:
        changed = [
            {
                "kind": each.kind.name.lower(),
                "path": each.path,
                "old_path": each.old_path or None,
            }
            for each in after.diff(before)
        ]
        print_ending(result, changed=changed, kept=args.keep, applied=applied)
    return code


def _apply(
    args: argparse.Namespace, tree: HostTree, before: FsBase, after: FsBase
) -> dict[str, tuple[str, ...]]:
    """Write it back; the paths. If that fails, the work is kept in a file.

    Raises:
        CommandError: some of it has changed there; says which.
    """
    try:
        with Activity(sys.stderr, f"writing to {args.source}") as activity:
            report = tree.apply(before, after, progress=activity.note_bytes)
    except HostChanged as error:
        problem = f"nothing was written back: {args.source!r} has changed meanwhile"
        where = f"the work is in {_kept(args, after, problem)!r}"
        message = "\n  ".join((f"{problem}; {where}", *error.paths))
        raise CommandError(message, CHANGED_MEANWHILE) from error
    except Exception as error:
        say(f"the work is in {_kept(args, after, error)!r}")
        raise
    return {
        "added": report.added,
        "changed": report.changed,
        "removed": report.removed,
    }


def _kept(args: argparse.Namespace, after: FsBase, problem: object) -> str:
    """The file that has the work: the one that was asked for, or another one.

    Raises:
        CommandError: it can be written nowhere.
    """
    if args.keep is not None:
        return str(args.keep)
    return save_aside(after.dump(), problem)


_COLOURS = {b"+": "green", b"-": "red", b"@": "yellow"}


def _show(diff: bytes) -> None:
    """Write a diff as it is, or coloured on a terminal."""
    style = Style(sys.stdout)
    if not style.is_live:
        sys.stdout.flush()
        sys.stdout.buffer.write(diff)
        sys.stdout.buffer.flush()
        return
    for line in diff.splitlines():
        text = line.decode("utf-8", "backslashreplace")
        is_heading = line.startswith((b"diff ", b"--- ", b"+++ "))
        colour = "bold" if is_heading else _COLOURS.get(line[:1])
        print(style(colour, text) if colour else text)
