"""A host directory that was taken in, and to which changes can be brought back."""

import os
import stat
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from devdev_fs import Difference, DifferenceKind, FsBase, Stat

from devdev_mount._errors import HostChanged, MountError
from devdev_mount._reports import ApplyProgress, ApplyReport, Changed

STAGING_PREFIX = ".devdev-apply-"


class _State(NamedTuple):
    """What tells whether a name of the host still is what it was."""

    device: int
    ino: int
    mode: int
    size: int
    mtime_ns: int
    ctime_ns: int


class HostTree:
    """A directory of the host as it is now, for changes to be brought back to later.

    Make it before the directory is imported: what is changed on the host from here on
    is noticed. If an `apply` that was killed left something half done in it, that is
    taken back first.

    Args:
        path: the directory.

    Raises:
        OSError: it is no directory, or something in it cannot be read.
        MountError: on Windows.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._top = os.path.realpath(path)
        if not stat.S_ISDIR(os.stat(self._top).st_mode):
            raise NotADirectoryError(20, "is no directory", os.fspath(path))
        self._states: dict[str, _State | None] = {}
        if sys.platform == "win32":
            raise MountError("to bring changes back takes a POSIX host")
        from devdev_mount._hostapply import recover

        recover(self._top, STAGING_PREFIX)
        self._states.update(_survey(self._top))

    def apply(
        self,
        before: FsBase,
        after: FsBase,
        *,
        progress: ApplyProgress | None = None,
    ) -> ApplyReport:
        """Do to the directory what was done between two states of a filesystem.

        Files, symbolic links and FIFOs that are new or changed are written beside
        their places, with modes, times, extended attributes, and the hard links among
        them; then they are renamed, and what is gone is removed. If anything fails or
        is refused on the way, all is put back; if it is killed, the next `HostTree`
        there puts it back. Each file changes in one step, but several do not change
        in one instant: who looks meanwhile can see some of them changed. Owners,
        sockets and device nodes are not brought back, and of a directory that was
        there only the mode.

        Args:
            before: what was imported.
            after: what it is now; in the same process as `before`.
            progress: is told how many bytes of how many have been written.

        Raises:
            HostChanged: what would be changed is not as it was, or is something that
                was not imported; says which. Nothing was changed.
            OSError: the host refuses something: ENOSPC, EACCES. Nothing was changed.
            FsError: EXDEV (the two are in different processes).
        """
        if sys.platform == "win32":
            raise MountError("to bring changes back takes a POSIX host")
        from devdev_mount._hostapply import apply, recover

        changes = _changes(before, after)
        recover(self._top, STAGING_PREFIX)
        self._check(changes)
        if changes:
            check = partial(self._check, changes)
            note = None if progress is None else _counting(changes, progress)
            apply(self._top, STAGING_PREFIX, after, changes, check, note)
        return ApplyReport(
            added=tuple(each.path for each in changes if each.before is None),
            changed=tuple(
                each.path
                for each in changes
                if each.before is not None and each.after is not None
            ),
            removed=tuple(each.path for each in changes if each.after is None),
        )

    def _check(self, changes: list[Changed]) -> None:
        """See that what is to be changed is as it was when it was imported.

        Raises:
            HostChanged: something is not.
        """
        wrong = []
        removed = {each.path for each in changes if each.after is None}
        for path, before, after in changes:
            expected = None if before is None else self._states.get(path)
            if _state(self._top + path) != expected:
                wrong.append(path)
            elif before is not None and before.is_dir and after is None:
                found = os.listdir(self._top + path)
                wrong += {f"{path}/{name}" for name in found} - removed
        if wrong:
            raise HostChanged(self._top, tuple(sorted(set(wrong))))


def _survey(top: str) -> Iterator[tuple[str, _State | None]]:
    todo = [""]
    while todo:
        directory = todo.pop()
        with os.scandir(f"{top}{directory}/") as entries:
            for entry in entries:
                path = f"{directory}/{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    todo.append(path)
                yield path, _state(top + path)


def _state(path: str) -> _State | None:
    try:
        info = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISDIR(info.st_mode):  # changes with every name in it
        return _State(info.st_dev, info.st_ino, info.st_mode, 0, 0, 0)
    return _State(
        info.st_dev,
        info.st_ino,
        info.st_mode,
        info.st_size,
        info.st_mtime_ns,
        info.st_ctime_ns,
    )


def _counting(
    changes: list[Changed], progress: ApplyProgress
) -> Callable[[int], object]:
    """Adds up what is written of what there is to write."""
    files = {info.ino: info.size for _, _, info in changes if info and info.is_file}
    total = sum(files.values())
    done = 0

    def note(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total)

    return note


# --- what changed ----------------------------------------------------------------


def _changes(before: FsBase, after: FsBase) -> list[Changed]:
    """What is to be changed, sorted by path."""
    touched: set[str] = set()
    for each in after.diff(before):
        if each.kind != DifferenceKind.OWNER:
            touched |= _touched(before, after, each)
    touched |= _further_names(after, touched)
    found = [
        Changed(path, _stat(before, path), _stat(after, path))
        for path in sorted(touched)
    ]
    return [each for each in found if _is_for_hosts(each)]


def _is_for_hosts(changed: Changed) -> bool:
    infos = [info for info in (changed.before, changed.after) if info is not None]
    return bool(infos) and all(
        info.is_file or info.is_dir or info.is_symlink or stat.S_ISFIFO(info.mode)
        for info in infos
    )


def _touched(before: FsBase, after: FsBase, each: Difference) -> set[str]:
    """The paths that a difference is about, those below included."""
    whole = (DifferenceKind.RENAMED, DifferenceKind.KIND)
    touched = {each.path}
    if each.kind in (DifferenceKind.ADDED, *whole):
        touched |= _below(after, each.path)
    if each.kind in (DifferenceKind.REMOVED, *whole):
        old = each.old_path or each.path
        touched |= {old} | _below(before, old)
    return touched


def _below(fs: FsBase, path: str) -> set[str]:
    info = _stat(fs, path)
    if info is None or not info.is_dir:
        return set()
    return {
        f"{directory.rstrip('/')}/{name}"
        for directory, directories, others in fs.walk(path)
        for name in (*directories, *others)
    }


def _further_names(after: FsBase, touched: set[str]) -> set[str]:
    """The names of linked files of which some are touched, so that all stay one."""
    linked = {
        info.ino
        for path in touched
        if (info := _stat(after, path)) and info.nlink > 1 and not info.is_dir
    }
    if not linked:
        return set()
    return {
        path
        for path in _below(after, "/")
        if (info := _stat(after, path)) and info.ino in linked
    }


def _stat(fs: FsBase, path: str) -> Stat | None:
    try:
        return fs.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
