"""`devdev snapshot`: looks into a snapshot file without mounting it."""

import argparse
import json
import shutil
import stat
import sys
import time
from collections.abc import Iterator

from devdev_mount import Errno, Fs, FsError, Stat

from devdev_exec._cli._errors import FAILED, CommandError
from devdev_exec._cli._export import add_export_options, export_directory
from devdev_exec._cli._files import load_snapshot
from devdev_exec._cli._progress import Activity
from devdev_exec._cli._style import Style, plural, size_text

_DESCRIPTION = """\
Look into a snapshot file without mounting it. SNAPSHOT can be "-", standard input."""

_EPILOG = """\
devdev snapshot ACTION --help says more about an action.

The exit code is 0; 2: wrong usage; 1: anything else that went wrong, with a line on
standard error that says what.

examples:
  devdev snapshot ls after.snap /src -l
  devdev snapshot diff before.snap after.snap | less
  devdev snapshot cat after.snap /etc/motd"""


def set_up(parser: argparse.ArgumentParser) -> None:
    """Say what `devdev snapshot` can be given."""
    parser.usage = "devdev snapshot ACTION [OPTION...] SNAPSHOT [ARG...]"
    parser.description = _DESCRIPTION
    parser.epilog = _EPILOG
    parser.set_defaults(act=None)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")

    def add(name: str, summary: str) -> argparse.ArgumentParser:
        action = actions.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            allow_abbrev=False,
            prog=f"devdev snapshot {name}",
        )
        action.set_defaults(act=_ACTIONS[name], parser=action)
        action.add_argument("snapshot", metavar="SNAPSHOT", help="a file")
        return action

    listing = add("ls", "list what is in a directory")
    listing.add_argument(
        "path", nargs="?", default="/", metavar="PATH", help="which one (/)"
    )
    listing.add_argument(
        "-l", dest="long", action="store_true", help="modes, sizes and times too"
    )
    listing.add_argument("--json", action="store_true", help="tell it as JSON")
    content = add("cat", "write the content of files to standard output")
    content.add_argument("paths", nargs="+", metavar="PATH", help="a file")
    tree = add("tree", "draw what is below a directory")
    tree.add_argument(
        "path", nargs="?", default="/", metavar="PATH", help="which one (/)"
    )
    tree.add_argument("--json", action="store_true", help="tell it as JSON")
    diff = add("diff", "say what a second snapshot has that the first has not")
    diff.add_argument("other", metavar="OTHER", help="the second")
    diff.add_argument(
        "--names", action="store_true", help="paths and what changed, not the text"
    )
    diff.add_argument(
        "--exit-code", action="store_true", help="exit with 1 if they differ"
    )
    diff.add_argument("--json", action="store_true", help="tell it as JSON")
    extract = add("extract", "write a snapshot, or a part of it, to the host")
    extract.add_argument("target", metavar="TARGET", help="a name that is free")
    add_export_options(extract)
    verify = add("verify", "check that it is whole, and say what it has")
    verify.add_argument("--json", action="store_true", help="tell it as JSON")


def run(args: argparse.Namespace) -> int:
    """Do what `devdev snapshot` is for; return its exit code."""
    if args.act is None:
        args.parser.error("no action is named: ls, cat, tree, diff, extract or verify")
    try:
        code: int = args.act(args)
    except FsError as error:
        where = f"{error.filename!r} in {args.snapshot!r}"
        raise CommandError(f"{where}: {error.strerror}") from error
    return code


def _load(path: str) -> Fs:
    with Activity(sys.stderr, f"loading {path}") as activity:
        return load_snapshot(path, activity.note_bytes)


# --- listings --------------------------------------------------------------------


def _list(args: argparse.Namespace) -> int:
    fs = _load(args.snapshot)
    if fs.stat(args.path).is_dir:
        top = args.path.rstrip("/")
        found = [(name, f"{top}/{name}") for name in fs.listdir(args.path)]
    else:
        found = [(args.path, args.path)]
    if args.json:
        print(json.dumps([_described(fs, path) for _, path in found], indent=2))
        return 0
    style = Style(sys.stdout)
    for name, path in found:
        info = fs.lstat(path)
        shown = _shown(fs, style, name, path, info)
        print(f"{_details(info)} {shown}" if args.long else shown)
    return 0


def _details(info: Stat) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(info.mtime_ns // 10**9))
    return f"{stat.filemode(info.mode)} {info.nlink:>3} {info.size:>10} {when}"


def _shown(fs: Fs, style: Style, name: str, path: str, info: Stat) -> str:
    """A name as a person sees it: what leads where, and what is a directory."""
    name = _printable(name)
    if info.is_dir:
        return style("bold", f"{name}/")
    if info.is_symlink:
        return f"{name} -> {_printable(fs.readlink(path))}"
    return style("green", name) if info.mode & 0o111 else name


def _printable(name: str) -> str:
    """A name without what would move the cursor of a terminal."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in name
    )


def _described(fs: Fs, path: str) -> dict[str, object]:
    info = fs.lstat(path)
    described: dict[str, object] = {
        "path": path,
        "kind": info.kind.name.lower(),
        "mode": f"{info.perm:04o}",
        "size": info.size,
        "mtime_ns": info.mtime_ns,
        "nlink": info.nlink,
        "ino": info.ino,
    }
    if info.is_symlink:
        described["target"] = fs.readlink(path)
    return described


def _tree(args: argparse.Namespace) -> int:
    fs = _load(args.snapshot)
    top = args.path.rstrip("/")
    fs.listdir(args.path)
    if args.json:
        paths = [path for path, _, _ in _below(fs, top)]
        print(json.dumps([_described(fs, path) for path in paths], indent=2))
        return 0
    style = Style(sys.stdout)
    print(style("bold", args.path))
    count = 0
    for path, prefix, info in _below(fs, top):
        count += 1
        print(prefix + _shown(fs, style, path.rpartition("/")[2], path, info))
    print(f"\n{plural(count, 'name')}")
    return 0


def _below(fs: Fs, top: str) -> Iterator[tuple[str, str, Stat]]:
    """Every path below a directory, what to draw before its name, and what it is."""
    todo = _children(fs, top, "")
    while todo:
        path, branch, rest = todo.pop()
        info = fs.lstat(path)
        yield path, branch, info
        if info.is_dir:
            todo += _children(fs, path, rest)


def _children(fs: Fs, directory: str, prefix: str) -> list[tuple[str, str, str]]:
    names = fs.listdir(directory or "/")
    found = []
    for number, name in enumerate(reversed(names)):
        branch, rest = ("|-- ", "|   ") if number else ("`-- ", "    ")
        found.append((f"{directory}/{name}", prefix + branch, prefix + rest))
    return found


# --- content ---------------------------------------------------------------------


def _cat(args: argparse.Namespace) -> int:
    fs = _load(args.snapshot)
    for path in args.paths:
        if fs.stat(path).is_dir:
            raise FsError(Errno.EISDIR, path=path)
    for path in args.paths:
        with fs.open(path, "rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer, 2**20)
    return 0


def _diff(args: argparse.Namespace) -> int:
    before, after = _load(args.snapshot), _load(args.other)
    differences = after.diff(before)
    if args.json:
        told = [
            {
                "kind": each.kind.name.lower(),
                "path": each.path,
                "old_path": each.old_path or None,
            }
            for each in differences
        ]
        print(json.dumps(told, indent=2))
    elif args.names:
        for each in differences:
            old = f"{_printable(each.old_path)} -> " if each.old_path else ""
            print(f"{each.kind.name.lower():<9} {old}{_printable(each.path)}")
    else:
        sys.stdout.buffer.write(after.diff_text(before))
    return FAILED if differences and args.exit_code else 0


def _extract(args: argparse.Namespace) -> int:
    export_directory(_load(args.snapshot), args)
    return 0


def _verify(args: argparse.Namespace) -> int:
    fs = _load(args.snapshot)
    fs.check_invariants()
    space = fs.inodes.statvfs()
    report = {
        "snapshot": args.snapshot,
        "inodes": space.inodes - space.inodes_free - 1,
        "bytes": fs.bytes_used,
        "checkpoints": len(fs.checkpoints()),
        "tree_digest": fs.tree_digest(),
        "image_digest": fs.image_digest(),
    }
    if args.json:
        print(json.dumps(report))
        return 0
    print(f"{args.snapshot} is whole")
    for name in ("inodes", "checkpoints"):
        print(f"  {name:<13} {report[name]:,}")
    print(f"  {'content':<13} {size_text(fs.bytes_used)}")
    for name in ("tree_digest", "image_digest"):
        print(f"  {name.replace('_', ' '):<13} {report[name]}")
    return 0


_ACTIONS = {
    "ls": _list,
    "cat": _cat,
    "tree": _tree,
    "diff": _diff,
    "extract": _extract,
    "verify": _verify,
}
