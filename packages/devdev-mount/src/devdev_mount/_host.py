"""A directory of the host into a filesystem, all of it or nothing."""

import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from devdev_fs import PAGE_SIZE, Caller, Errno, FsBase, FsError, Ino, SetAttr

from devdev_mount._gitignore import IgnoreRules

if sys.platform != "win32":
    from devdev_mount import _hostxattrs

_CHUNK = 1024 * 1024
_CALLER = Caller(umask=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportReport:
    """What an import has read so far, or in all."""

    files: int = 0
    """Regular files; a hard link to one that is already in is not counted."""
    directories: int = 0
    symlinks: int = 0
    bytes: int = 0
    total_files: int = 0
    """Files that there are to read."""
    total_bytes: int = 0
    skipped: tuple[str, ...] = ()
    """Sockets, FIFOs and device nodes: paths on the host."""
    ignored: int = 0
    """Names left out because a `.gitignore` says so; what is below is not counted."""


Progress = Callable[[ImportReport], None]
"""Is told how far an import is, now and then; what it raises ends the import."""


class _Choice:
    """What of a host directory is taken.

    Args:
        excluded: names of what is not.
        rules: say what else is not.
    """

    def __init__(self, excluded: frozenset[bytes], rules: IgnoreRules | None) -> None:
        self._excluded = excluded
        self._rules = rules
        self.ignored: set[bytes] = set()
        """What the rules have left out so far."""

    def entries(self, path: bytes) -> list[os.DirEntry[bytes]]:
        """What is in a directory and taken, sorted by name."""
        with os.scandir(path) as entries:
            wanted = [entry for entry in entries if self._takes(entry)]
        return sorted(wanted, key=lambda entry: entry.name)

    def _takes(self, entry: os.DirEntry[bytes]) -> bool:
        if entry.name in self._excluded:
            return False
        if self._rules is None:
            return True
        is_directory = entry.is_dir(follow_symlinks=False)
        if self._rules.is_ignored(entry.path, is_directory=is_directory):
            self.ignored.add(entry.path)
            return False
        return True


@dataclass(slots=True)
class _Plan:
    """What a host directory holds, read before anything is written."""

    files: int = 0
    bytes: int = 0
    pages: int = 0
    inodes: int = 0
    ignored: int = 0
    skipped: list[str] = field(default_factory=list)


def import_tree(
    fs: FsBase,
    source: str | os.PathLike[str],
    destination: str = "/",
    *,
    exclude: Iterable[str] = (),
    gitignore: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Copy what is in a host directory into `destination`, which is made if missing.

    Modes, times, symbolic links, hard links, and extended attributes (`user.` and
    ACLs) are kept; the owner is 0:0. Nothing that is there is overwritten: a name that
    exists in both is refused before anything is written. Sockets, FIFOs and device
    nodes are passed over and named in the report. If it fails, what had been brought in
    is removed.

    Args:
        fs: where to.
        source: the directory on the host.
        destination: the directory in `fs`.
        exclude: names of what is left out, with all that is below, wherever they are.
        gitignore: leave out what git ignores, as the `.gitignore` files in `source` say
            and, if it is in a repository, those above it and its `info/exclude`.
        progress: is told how far it is.

    Raises:
        NotADirectoryError: `source` is no directory (FileNotFoundError: missing).
        OSError: something in `source` cannot be read.
        FsError: EEXIST, ENOTDIR (`destination`), ENOSPC (checked before the first
            write), and as `FsBase.mkdir`.
    """
    top = os.path.realpath(os.fsencode(source))
    if not stat.S_ISDIR(os.stat(top).st_mode):
        raise NotADirectoryError(20, "is not a directory to import", os.fsdecode(top))
    rules = IgnoreRules(top) if gitignore else None
    choice = _Choice(frozenset(map(os.fsencode, exclude)), rules)
    plan = _survey(top, choice)
    space = fs.inodes.statvfs()
    if plan.pages > space.blocks_free or plan.inodes > space.inodes_free:
        raise FsError(
            Errno.ENOSPC,
            f"needs {plan.pages * PAGE_SIZE} bytes and {plan.inodes} inodes, "
            f"{space.blocks_free * PAGE_SIZE} and {space.inodes_free} are left",
            os.fsdecode(top),
        )
    is_new = not fs.exists(destination)
    targets = [
        os.fsencode(destination).rstrip(b"/") + b"/" + entry.name
        for entry in choice.entries(top)
    ]
    clash = next((target for target in targets if _is_there(fs, target)), None)
    if clash is not None:
        raise FsError(Errno.EEXIST, path=os.fsdecode(clash))
    fs.mkdir(destination, parents=True, exist_ok=True)
    importer = _Importer(fs, plan, choice, progress)
    try:
        importer.run(top, fs.inodes.resolve(destination))
    except BaseException:
        for target in targets:
            if _is_there(fs, target):
                fs.remove_tree(target)
        if is_new:
            fs.rmdir(destination)
        raise
    return importer.report()


def _is_there(fs: FsBase, path: bytes) -> bool:
    """Whether there is anything at `path`, a link that leads nowhere included."""
    try:
        fs.lstat(path)
    except FileNotFoundError:
        return False
    return True


def _survey(top: bytes, choice: _Choice) -> _Plan:
    plan = _Plan()
    seen: set[tuple[int, int]] = set()
    for entry in _entries_below(top, choice):
        info = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(info.st_mode):
            if info.st_nlink > 1 and (info.st_dev, info.st_ino) in seen:
                continue
            seen.add((info.st_dev, info.st_ino))
            plan.files += 1
            plan.bytes += info.st_size
            plan.pages += -(-info.st_size // PAGE_SIZE)
        elif not stat.S_ISDIR(info.st_mode) and not stat.S_ISLNK(info.st_mode):
            plan.skipped.append(os.fsdecode(entry.path))
            continue
        plan.inodes += 1
    plan.ignored = len(choice.ignored)
    return plan


def _entries_below(top: bytes, choice: _Choice) -> Iterator[os.DirEntry[bytes]]:
    todo = [top]
    while todo:
        for entry in choice.entries(todo.pop()):
            if entry.is_dir(follow_symlinks=False):
                todo.append(entry.path)
            yield entry


class _Importer:
    """One import: what has been read, and which inode a host inode became."""

    def __init__(
        self,
        fs: FsBase,
        plan: _Plan,
        choice: _Choice,
        progress: Progress | None,
    ) -> None:
        self._inodes = fs.inodes
        self._plan = plan
        self._choice = choice
        self._progress = progress
        self._linked: dict[tuple[int, int], Ino] = {}
        self._files = self._directories = self._symlinks = self._bytes = 0
        self._told_bytes = self._told_files = 0

    def report(self) -> ImportReport:
        """What has been read so far."""
        return ImportReport(
            files=self._files,
            directories=self._directories,
            symlinks=self._symlinks,
            bytes=self._bytes,
            total_files=self._plan.files,
            total_bytes=self._plan.bytes,
            skipped=tuple(self._plan.skipped),
            ignored=self._plan.ignored,
        )

    def run(self, top: bytes, into: Ino) -> None:
        """Copy all that is in `top`; a directory's times are set when it is full."""
        todo = [(top, into)]
        made: list[tuple[Ino, os.DirEntry[bytes], os.stat_result]] = []
        while todo:
            path, parent = todo.pop()
            for entry in self._choice.entries(path):
                info = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(info.st_mode):
                    ino = self._directory(entry, info, parent)
                    todo.append((entry.path, ino))
                    made.append((ino, entry, info))
                else:
                    self._other(entry, info, parent)
        for ino, entry, info in made:
            self._stamp(ino, entry, info)
        self._tell()

    def _directory(
        self, entry: os.DirEntry[bytes], info: os.stat_result, parent: Ino
    ) -> Ino:
        mode = stat.S_IMODE(info.st_mode)
        self._directories += 1
        return self._inodes.mkdir(parent, entry.name, mode, _CALLER).ino

    def _other(
        self, entry: os.DirEntry[bytes], info: os.stat_result, parent: Ino
    ) -> None:
        host = (info.st_dev, info.st_ino)
        if host in self._linked:
            self._inodes.link(self._linked[host], parent, entry.name)
            return
        if stat.S_ISLNK(info.st_mode):
            target = os.readlink(entry.path)
            ino = self._inodes.symlink(parent, entry.name, target, _CALLER).ino
            self._symlinks += 1
        elif stat.S_ISREG(info.st_mode):
            ino = self._file(entry, stat.S_IMODE(info.st_mode), parent)
        else:
            return
        if info.st_nlink > 1:
            self._linked[host] = ino
        self._stamp(ino, entry, info)

    def _file(self, entry: os.DirEntry[bytes], mode: int, parent: Ino) -> Ino:
        ino = self._inodes.create(parent, entry.name, mode, _CALLER).ino
        offset = 0
        with open(entry.path, "rb", buffering=0) as file:
            while data := file.read(_CHUNK):
                self._inodes.write(ino, offset, data)
                offset += len(data)
                self._bytes += len(data)
                if self._bytes - self._told_bytes >= 16 * _CHUNK:
                    self._tell()
        self._files += 1
        if self._files - self._told_files >= 200:
            self._tell()
        return ino

    def _stamp(self, ino: Ino, entry: os.DirEntry[bytes], info: os.stat_result) -> None:
        if sys.platform != "win32" and not stat.S_ISLNK(info.st_mode):
            found, _ = _hostxattrs.read_host(os.fsdecode(entry.path))
            _hostxattrs.write_fs(self._inodes, ino, {}, found)
        # Set-id bits are taken off what is made, and off what is written to.
        mode = None if stat.S_ISLNK(info.st_mode) else stat.S_IMODE(info.st_mode)
        change = SetAttr(
            mode=mode, atime_ns=info.st_atime_ns, mtime_ns=info.st_mtime_ns
        )
        self._inodes.setattr(ino, change)

    def _tell(self) -> None:
        self._told_bytes, self._told_files = self._bytes, self._files
        if self._progress is not None:
            self._progress(self.report())
