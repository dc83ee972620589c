"""Changes brought to a host directory: prepared beside, renamed, and put back if not.

What is done is written down before, so that whoever comes after a kill can put it back.
"""

import sys

if sys.platform == "win32":
    raise ImportError("the modes and links are those of POSIX")

import json
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Literal, NamedTuple

from devdev_fs import FsBase, Ino, Stat

from devdev_mount._errors import HostChanged
from devdev_mount._hostwrite import HostWriter
from devdev_mount._reports import Changed
from devdev_mount._staging import abandoned_in, staging

_JOURNAL = "journal"


class _Step(NamedTuple):
    """One thing that is done; its number names what is set aside for it."""

    do: Literal["take", "make", "put", "mode"]
    path: str
    number: int
    new: int = 0
    """put: the inode that is put there; mode: the new one."""
    old: int = 0
    """mode: the old one."""


def apply(
    top: str,
    prefix: str,
    after: FsBase,
    changes: Sequence[Changed],
    check: Callable[[], object],
    note: Callable[[int], object] | None,
) -> None:
    """Do it, or nothing; see `HostTree.apply`."""
    with staging(top, prefix) as directory:
        for name in ("new", "old"):
            os.mkdir(os.path.join(directory, name))
        writer = HostWriter(after, note)
        steps = _prepare(directory, writer, changes)
        journal = os.path.join(directory, _JOURNAL)
        with open(journal, "x", encoding="utf-8", errors="surrogateescape") as file:
            json.dump(steps, file)
            file.flush()
            os.fsync(file.fileno())
        check()  # which it may have taken long to come back to
        try:
            for step in steps:
                _do(top, directory, step)
            for path, before, info in reversed(changes):
                is_new = before is None or not before.is_dir
                if is_new and info is not None and info.is_dir:
                    writer.finish(info, top + path)
        except BaseException:
            _undo(top, directory, steps)
            raise
        os.unlink(journal)  # from here on it is done


def recover(top: str, prefix: str) -> None:
    """Put back what was left half done by one who was killed.

    Raises:
        OSError: it cannot be put back.
    """
    for directory in abandoned_in(top, prefix):
        journal = os.path.join(directory, _JOURNAL)
        with suppress(FileNotFoundError, json.JSONDecodeError):  # nothing was done yet
            with open(journal, encoding="utf-8", errors="surrogateescape") as file:
                steps = [_Step(*each) for each in json.load(file)]
            _undo(top, directory, steps)
            os.unlink(journal)


# --- before ----------------------------------------------------------------------


def _prepare(
    directory: str, writer: HostWriter, changes: Sequence[Changed]
) -> list[_Step]:
    """Write what is new beside its place; the steps that bring it there, in order."""
    taken, made, modes = [], [], []
    written: dict[Ino, str] = {}
    for number, (path, before, after) in enumerate(changes):
        was_directory = before is not None and before.is_dir
        is_directory = after is not None and after.is_dir
        if before is not None and (after is None or was_directory != is_directory):
            taken.append(_Step("take", path, number))
        if after is None:
            continue
        if not is_directory:
            new = os.path.join(directory, "new", str(number))
            _write(writer, after, new, written)
            made.append(_Step("put", path, number, os.lstat(new).st_ino))
        elif before is None or not was_directory:
            made.append(_Step("make", path, number))
        else:
            modes.append(_Step("mode", path, number, after.perm, before.perm))
    # What is in a directory goes before it, and comes after it.
    return [*reversed(taken), *made, *modes]


def _write(writer: HostWriter, info: Stat, new: str, written: dict[Ino, str]) -> None:
    if info.ino in written:
        os.link(written[info.ino], new, follow_symlinks=False)
        return
    writer.make(info, new)
    written[info.ino] = new


# --- and back --------------------------------------------------------------------


def _do(top: str, directory: str, step: _Step) -> None:
    place = top + step.path
    old = os.path.join(directory, "old", str(step.number))
    if step.do == "take":
        os.rename(place, old)
        if stat.S_ISDIR(os.lstat(old).st_mode) and (names := os.listdir(old)):
            raise HostChanged(top, tuple(f"{step.path}/{name}" for name in names))
    elif step.do == "make":
        os.mkdir(place, 0o700)
    elif step.do == "mode":
        os.chmod(place, step.new)
    else:
        with suppress(FileNotFoundError):
            try:
                os.link(place, old, follow_symlinks=False)
            except PermissionError:  # a filesystem without links
                os.rename(place, old)
        os.replace(os.path.join(directory, "new", str(step.number)), place)


def _undo(top: str, directory: str, steps: Iterable[_Step]) -> None:
    """Put back as much as has been done; what has been put back already stays so."""
    for step in reversed(list(steps)):
        place = top + step.path
        old = os.path.join(directory, "old", str(step.number))
        if step.do == "mode":
            os.chmod(place, step.old)
        elif step.do == "make":
            with suppress(FileNotFoundError):
                os.rmdir(place)
        elif step.do == "take":
            with suppress(FileNotFoundError):
                os.rename(old, place)
        elif _ino(place) in (step.new, None):
            with suppress(FileNotFoundError):
                if os.path.lexists(old):
                    os.replace(old, place)
                else:
                    os.rename(place, os.path.join(directory, "new", str(step.number)))


def _ino(path: str) -> int | None:
    try:
        return os.lstat(path).st_ino
    except (FileNotFoundError, NotADirectoryError):
        return None
