"""What programs changed, brought into the filesystem together with what others did.

The directory showed one state; programs made another of it, and meanwhile the
filesystem's own users may have gone on from the first. It is a three-way merge. Where
the two sides disagree, the filesystem's version stays, and the programs' version is
put beside it under a name of its own, so nothing is lost.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from devdev_fs import (
    Caller,
    Conflict,
    ConflictKind,
    Fs,
    FsError,
    Ino,
    Kind,
    MergeConflict,
    SetAttr,
    Stat,
)

from devdev_mount._copy._state import beside

ATTEMPTS = 5
"""Merges of conflicts, while others go on changing the same things."""

_PIECE = 1024 * 1024
_CALLER = Caller(umask=0)
_SAME_THING = (ConflictKind.CONTENT, ConflictKind.TARGET)
_WITHOUT_BODY = (
    ConflictKind.MODE,
    ConflictKind.OWNER,
    ConflictKind.XATTR,
    ConflictKind.REMOVED_THERE,
    ConflictKind.MOVED,
    ConflictKind.CYCLE,
)


@dataclass(slots=True)
class Published:
    """What came of it."""

    span: int = 0
    conflicts: list[Conflict] = field(default_factory=list)
    kept_beside: list[str] = field(default_factory=list)


def publish(fs: Fs, base: Fs, scanned: Fs, disputed: list[Ino]) -> Published:
    """Bring into `fs` what `scanned` has and `base` has not, in one change.

    Args:
        fs: the live filesystem.
        base: what the directory showed.
        scanned: a fork of it, with what programs changed.
        disputed: files that programs changed, and the filesystem's users maybe too,
            although `base` has their version: keep both.

    Raises:
        FsError: ENOSPC; nothing was changed.
        MergeConflict: others changed the same things, each time; nothing was changed.
    """
    if not disputed:
        merged = fs.merge(base, scanned, "data")
        if not merged.conflicts:
            return Published(merged.span)
    for attempt in range(1, ATTEMPTS + 1):
        before = fs.fork()
        result = before.fork()
        conflicts = result.merge(base, scanned, "ours").conflicts
        published = Published(conflicts=conflicts)
        keeper = _Keeper(before, base, scanned, result)
        published.kept_beside += keeper.keep(conflicts)
        published.kept_beside += keeper.keep_ours(disputed)
        try:
            published.span = fs.merge(before, result, "fail").span
        except MergeConflict:
            if attempt == ATTEMPTS:
                raise
        else:
            return published
    raise AssertionError("unreachable")


class _Keeper:
    """Puts the losing versions of a merge beside the winning ones."""

    def __init__(self, ours: Fs, base: Fs, theirs: Fs, result: Fs) -> None:
        self._ours = ours
        self._base = base
        self._theirs = theirs
        self._result = result

    def keep(self, conflicts: list[Conflict]) -> Iterator[str]:
        """Keep what the programs made; where it is."""
        seen: set[Ino] = set()
        for conflict in conflicts:
            if conflict.kind in _WITHOUT_BODY:
                continue
            info = self._their_version(conflict)
            if info is None or info.ino in seen:
                continue
            seen.add(info.ino)
            if info.is_dir and _find(self._result, conflict.path) is not None:
                continue  # it stayed, for what is in it
            yield self._put(self._theirs, info, conflict.path)

    def keep_ours(self, inos: list[Ino]) -> Iterator[str]:
        """Keep what the filesystem's users made of files."""
        for ino in inos:
            path = _path_of(self._theirs, ino)
            if path is not None:
                yield self._put(self._ours, self._ours.inodes.getattr(ino), path)

    def _their_version(self, conflict: Conflict) -> Stat | None:
        """What the programs have of what a conflict is about."""
        if conflict.kind in _SAME_THING:
            ours = _find(self._ours, conflict.path)
            if ours is not None and _is_in(self._base, ours):
                return self._theirs.inodes.getattr(ours.ino)
        return _find(self._theirs, conflict.path)

    def _put(self, source: Fs, info: Stat, path: str) -> str:
        directory, _, name = path.encode(errors="surrogateescape").rpartition(b"/")
        while not _is_directory(self._result, directory or b"/"):
            directory = directory.rpartition(b"/")[0]
        parent = self._result.inodes.resolve(directory or b"/")
        number = 1
        while _find(self._result, directory + b"/" + beside(name, number)) is not None:
            number += 1
        made = directory + b"/" + beside(name, number)
        copy_across(source, info.ino, self._result, parent, beside(name, number))
        return made.decode(errors="surrogateescape")


def _find(fs: Fs, path: str | bytes) -> Stat | None:
    try:
        return fs.lstat(path)
    except FsError:
        return None


def _is_directory(fs: Fs, path: bytes) -> bool:
    info = _find(fs, path)
    return info is not None and info.is_dir


def _is_in(fs: Fs, info: Stat) -> bool:
    try:
        return fs.inodes.getattr(info.ino).btime_ns == info.btime_ns
    except FsError:
        return False


def _path_of(fs: Fs, ino: Ino) -> str | None:
    for top, _, names in fs.walk():
        for name in names:
            path = f"{top.rstrip('/')}/{name}"
            if fs.lstat(path).ino == ino:
                return path
    return None


def copy_across(source: Fs, ino: Ino, target: Fs, parent: Ino, name: bytes) -> None:
    """Copy an inode, with all that is below it, from one filesystem to another."""
    todo = [(ino, parent, name)]
    stamps: list[tuple[Ino, Stat]] = []
    while todo:
        ino, parent, name = todo.pop()
        info = source.inodes.getattr(ino)
        made = _make(source, info, target, parent, name)
        stamps.append((made, info))
        if info.is_dir:
            entries = source.inodes.readdir(ino)
            names = (each for each in entries if each.name not in (b".", b".."))
            todo += [(each.ino, made, each.name) for each in names]
    for made, info in reversed(stamps):
        mode = None if info.is_symlink else info.perm
        times = SetAttr(mode=mode, atime_ns=info.atime_ns, mtime_ns=info.mtime_ns)
        target.inodes.setattr(made, times)


def _make(source: Fs, info: Stat, target: Fs, parent: Ino, name: bytes) -> Ino:
    inodes = target.inodes
    if info.is_dir:
        return inodes.mkdir(parent, name, 0o700, _CALLER).ino
    if info.is_symlink:
        text = source.inodes.readlink(info.ino)
        return inodes.symlink(parent, name, text, _CALLER).ino
    mode = info.kind.value | 0o600
    made = inodes.mknod(parent, name, mode, info.rdev, _CALLER).ino
    if info.kind == Kind.REGULAR:
        inodes.setattr(made, SetAttr(size=info.size))
        for at in range(0, info.size, _PIECE):
            data = source.inodes.read(info.ino, at, _PIECE, noatime=True)
            if data.count(0) != len(data):
                inodes.write(made, at, data)
    return made
