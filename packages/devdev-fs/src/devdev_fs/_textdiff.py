"""The difference of two images as a patch: git's extended form of unified diffs.

What git cannot express is left out: directories without files in them, owners,
extended attributes, special files, and permissions other than whether the owner may
execute a file. The other way round, a directory that moved is given as its files.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha1
from typing import NamedTuple

from devdev_fs._compare import is_same_body
from devdev_fs._diff import diff
from devdev_fs._differences import DifferenceKind
from devdev_fs._errno import Errno, FsError
from devdev_fs._image import Image, Tree, is_same
from devdev_fs._inode import Directory, Inode, RegularFile, Symlink
from devdev_fs._lines import LineMatcher, as_text, split_lines
from devdev_fs._namei import as_bytes
from devdev_fs._types import Ino
from devdev_fs._whereabouts import find_below_root

_Leaf = RegularFile | Symlink

_EXECUTABLE = 0o100
_NO_NEWLINE = b"\n\\ No newline at end of file\n"
_ESCAPES = {
    **{byte: b"\\%03o" % byte for byte in (*range(0x20), *range(0x7F, 0x100))},
    **{
        byte: b"\\%c" % code
        for byte, code in zip(b'\a\b\t\n\v\f\r"\\', b'abtnvfr"\\', strict=True)
    },
}
"""How git writes bytes of a name in quotes (its quote.c, with core.quotePath)."""


class _Entry(NamedTuple):
    """One file in a patch; None is no file."""

    old_path: bytes
    old: _Leaf | None
    path: bytes
    new: _Leaf | None


def text_diff(a: Image, b: Image, context: int = 3) -> bytes:
    """A patch that makes `b`'s files of `a`'s, for `git apply` and `patch -p1`.

    Removed files come first, then all others by path. Of binary files (those with a
    NUL in them, or of more than 64 MiB) only the names are given; as with git's own
    patches of that form, `git apply` refuses a patch that has any. GNU patch (2.7)
    puts no file where a directory was, and no directory where a file was.

    Args:
        a: what is there before.
        b: what is there afterwards.
        context: how many unchanged lines are shown around a change.

    Raises:
        FsError: EINVAL (`context` is negative).
    """
    if context < 0:
        raise FsError(Errno.EINVAL, f"{context} lines of context")
    parts: list[bytes] = []
    for entry in _entries(a, b):
        parts += _file_patch(entry, context)
    return b"".join(parts)


# --- which files -----------------------------------------------------------------


def _entries(a: Image, b: Image) -> Iterator[_Entry]:
    removed: dict[bytes, _Leaf] = {}
    there: list[_Entry] = []
    for path in sorted(_touched(a, b)):
        old, new = _leaf(a, path), _leaf(b, path)
        if old is not None and (new is None or new.kind != old.kind):
            removed[path] = old
            old = None
        if new is not None:
            there.append(_Entry(path, old, path, new))
    there = _with_renames(there, a, b, removed)
    for path, old in removed.items():
        yield _Entry(path, old, path, None)
    yield from there


def _touched(a: Image, b: Image) -> set[bytes]:
    """The paths of files that may differ."""
    found: set[bytes] = set()
    for difference in diff(a, b):
        path = as_bytes(difference.path)
        found.add(path)
        if difference.kind == DifferenceKind.RENAMED:
            old_path = as_bytes(difference.old_path)
            found.update([old_path, *_below(a, old_path), *_below(b, path)])
    return found


def _with_renames(
    entries: list[_Entry], a: Image, b: Image, removed: dict[bytes, _Leaf]
) -> list[_Entry]:
    """The entries; a new file is a removed one, if each path is free in the other.

    A link is not, since `patch` renames none.
    """
    paths: dict[Ino, list[bytes]] = {}
    for path, leaf in removed.items():
        if isinstance(leaf, RegularFile) and _find(b, path) is None:
            paths.setdefault(leaf.ino, []).append(path)
    found = []
    for entry in entries:
        assert entry.new is not None
        sources = paths.get(entry.new.ino)
        if sources and entry.old is None and _find(a, entry.path) is None:
            old = removed[sources[0]]
            if is_same(old, entry.new):
                del removed[sources[0]]
                entry = entry._replace(old_path=sources.pop(0), old=old)
        found.append(entry)
    return found


def _find(tree: Tree, path: bytes) -> Inode | None:
    return find_below_root(tree, path.split(b"/")[1:])


def _leaf(tree: Tree, path: bytes) -> _Leaf | None:
    inode = _find(tree, path)
    return inode if isinstance(inode, RegularFile | Symlink) else None


def _below(tree: Tree, path: bytes) -> Iterator[bytes]:
    """The paths of all that is below a directory."""
    todo = [(path, _find(tree, path))]
    while todo:
        path, inode = todo.pop()
        if isinstance(inode, Directory):
            for name, child in tree.entries(inode):
                yield path + b"/" + name
                todo.append((path + b"/" + name, child))


# --- one file --------------------------------------------------------------------


def _file_patch(entry: _Entry, context: int) -> Iterator[bytes]:
    """All about one file; nothing if nothing changed that a patch can express."""
    old_path, old, path, new = entry
    changes = [*_mode_lines(old, new)]
    if old_path != path:
        changes.append(b"rename from %b\n" % _quoted(old_path[1:]))
        changes.append(b"rename to %b\n" % _quoted(path[1:]))
    if old is None or new is None or not is_same_body(old, new):
        changes += _body(entry, context)
    if changes:
        yield b"diff --git %b %b\n" % (_quoted(b"a" + old_path), _quoted(b"b" + path))
        yield from changes


def _mode_lines(old: _Leaf | None, new: _Leaf | None) -> Iterator[bytes]:
    before, after = _mode(old), _mode(new)
    if old is None:
        yield b"new file mode %b\n" % after
    elif new is None:
        yield b"deleted file mode %b\n" % before
    elif before != after:
        yield b"old mode %b\nnew mode %b\n" % (before, after)


def _mode(leaf: _Leaf | None) -> bytes:
    if isinstance(leaf, Symlink):
        return b"120000"
    is_executable = leaf is not None and leaf.mode & _EXECUTABLE
    return b"100755" if is_executable else b"100644"


def _body(entry: _Entry, context: int) -> Iterator[bytes]:
    """The change of the content, which is not the same before and after."""
    old_name = b"/dev/null" if entry.old is None else b"a" + entry.old_path
    name = b"/dev/null" if entry.new is None else b"b" + entry.path
    before, after = _text(entry.old), _text(entry.new)
    if before is None or after is None:
        yield b"Binary files %b and %b differ\n" % (_quoted(old_name), _quoted(name))
        return
    yield _index(entry, before, after)
    if before != after:
        yield b"--- %b\n+++ %b\n" % (_quoted(old_name), _quoted(name))
        yield from _hunks(split_lines(before), split_lines(after), context)


def _index(entry: _Entry, before: bytes, after: bytes) -> bytes:
    """The names of the contents in git, and the mode if it stays.

    From the mode `patch` knows that what it changes is a symbolic link.
    """
    names = (
        b"0" * 40 if leaf is None else _blob_name(text)
        for leaf, text in ((entry.old, before), (entry.new, after))
    )
    modes = {_mode(leaf) for leaf in (entry.old, entry.new) if leaf is not None}
    has_mode = None not in (entry.old, entry.new) and len(modes) == 1
    suffix = b" " + modes.pop() if has_mode else b""
    return b"index %b%b\n" % (b"..".join(names), suffix)


def _blob_name(content: bytes) -> bytes:
    header = b"blob %d\0" % len(content)
    return sha1(header + content, usedforsecurity=False).hexdigest().encode()


def _text(leaf: _Leaf | None) -> bytes | None:
    if leaf is None:
        return b""
    return leaf.target if isinstance(leaf, Symlink) else as_text(leaf.content)


def _hunks(old: Sequence[bytes], new: Sequence[bytes], context: int) -> Iterator[bytes]:
    for group in LineMatcher(None, old, new).get_grouped_opcodes(context):
        first, last = group[0], group[-1]
        ranges = _range(first[1], last[2]), _range(first[3], last[4])
        yield b"@@ -%b +%b @@\n" % ranges
        for tag, start, end, other, other_end in group:
            if tag == "equal":
                yield from _marked(b" ", old[start:end])
            else:
                yield from _marked(b"-", old[start:end])
                yield from _marked(b"+", new[other:other_end])


def _range(start: int, end: int) -> bytes:
    """Lines by number, from 1; of none, the line before them."""
    count = end - start
    return b"%d" % end if count == 1 else b"%d,%d" % (start + (count > 0), count)


def _marked(mark: bytes, lines: Sequence[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield mark + line if line.endswith(b"\n") else mark + line + _NO_NEWLINE


# --- names -----------------------------------------------------------------------


def _quoted(name: bytes) -> bytes:
    """A name as git writes it: in quotes, as in C, if it has unusual bytes.

    One with a blank gets quotes too: else `patch` does not see where it ends.
    """
    escaped = b"".join(_ESCAPES.get(byte) or bytes((byte,)) for byte in name)
    is_plain = escaped == name and b" " not in name
    return name if is_plain else b'"%b"' % escaped
