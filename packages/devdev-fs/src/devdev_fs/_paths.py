"""Path-addressed operations: each one critical section, so nobody sees it half-done.

Intermediate symbolic links are always followed; the last one too, except where
POSIX acts on the link itself (remove, rename, lstat, readlink, symlink).
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import translate
from operator import itemgetter

from devdev_fs import _attr, _data, _namei, _rename
from devdev_fs._content import Content
from devdev_fs._errno import Errno, FsError
from devdev_fs._inode import Directory, Inode, RegularFile, Special, Symlink
from devdev_fs._namei import Located, as_bytes, find, walk
from devdev_fs._privileges import drop_by_write
from devdev_fs._table import InodeTable
from devdev_fs._types import (
    READ_MAX,
    ROOT_CALLER,
    Caller,
    Ino,
    RenameFlags,
    SetAttr,
    Stat,
)

Path = str | bytes
Listing = list[tuple[str, list[str], list[str]]]


def as_str(name: bytes) -> str:
    """A name or path as `str`; bytes that are not UTF-8 as surrogates (PEP 383)."""
    return name.decode("utf-8", "surrogateescape")


def _regular(inode: Inode, path: Path) -> RegularFile:
    if isinstance(inode, RegularFile):
        return inode
    if isinstance(inode, Directory):
        raise FsError(Errno.EISDIR, path=path)
    raise FsError(Errno.EINVAL, "not a regular file", path)


def _directory(inode: Inode, path: Path) -> Directory:
    if not isinstance(inode, Directory):
        raise FsError(Errno.ENOTDIR, path=path)
    return inode


def _last(table: InodeTable, path: Path, *, parents: bool = False) -> Located:
    """Where `path`'s last name is or would be, as Linux's filename_parentat.

    A link there is not followed, not even because of a slash behind it.

    Raises:
        FsError: as `walk`.
    """
    bare = path.rstrip("/") if isinstance(path, str) else path.rstrip(b"/")
    at = walk(table, bare or path, follow=False, parents=parents)
    at.must_be_directory |= len(bare) < len(path)
    return at


def _slot(table: InodeTable, path: Path) -> tuple[Located, Directory]:
    """Where `path`'s last name is or would be, to be changed, and in which directory.

    Raises:
        FsError: as `walk`; EBUSY for the root, EINVAL after `.` or `..`, ENOTDIR for
            anything but a directory with a slash behind it.
    """
    at = _last(table, path)
    if at.inode is table.root:
        raise FsError(Errno.EBUSY, "the root directory", path)
    if at.parent is None:
        message = "the path does not end in a name"
        raise FsError(Errno.EINVAL, message, path)
    if at.must_be_directory and not isinstance(at.inode, Directory | None):
        raise FsError(Errno.ENOTDIR, path=path)
    return at, at.parent


def _old_slot(table: InodeTable, path: Path) -> tuple[Located, Directory]:
    """As `_slot`, of what is there.

    Raises:
        FsError: as `_slot`, ENOENT.
    """
    at, parent = _slot(table, path)
    if at.inode is None:
        raise FsError(Errno.ENOENT, path=path)
    return at, parent


def _new_slot(table: InodeTable, path: Path) -> tuple[Directory, bytes]:
    """The directory and the name of what is not there and shall not be a directory.

    Raises:
        FsError: as `walk`, EEXIST, ENOENT (a slash behind the name).
    """
    at = _last(table, path)
    if at.inode is not None:
        raise FsError(Errno.EEXIST, path=path)
    if at.must_be_directory:
        raise FsError(Errno.ENOENT, "a slash behind the name", path)
    assert at.parent is not None
    return at.parent, at.name


# --- files -----------------------------------------------------------------------


def read_bytes(table: InodeTable, path: Path, max_size: int = READ_MAX) -> bytes:
    """See `PathOps.read_bytes`."""
    inode = _regular(find(table, path), path)
    if inode.size > min(max_size, READ_MAX):
        message = f"{inode.size} bytes are too many for one read"
        raise FsError(Errno.EFBIG, message, path)
    return _data.read(table, inode.ino, 0, inode.size)


def write_bytes(table: InodeTable, path: Path, data: bytes) -> None:
    """See `PathOps.write_bytes`."""
    content = Content()
    content.write(0, data)
    at = walk(table, path)
    inode = file_at(at, path)
    table.check_pages(content.count - (0 if inode is None else inode.content.count))
    if inode is not None:
        _replace_content(table, inode, content)
    else:
        assert at.parent is not None
        _namei.create_with(table, at.parent, at.name, content)


def file_at(at: Located, path: Path) -> RegularFile | None:
    """The file where a walk ended; None if one can be made there.

    Raises:
        FsError: EISDIR, EINVAL (no regular file).
    """
    if at.inode is not None:
        return _regular(at.inode, path)
    if at.must_be_directory:
        raise FsError(Errno.EISDIR, path=path)
    return None


def _create_at(table: InodeTable, at: Located) -> RegularFile:
    assert at.parent is not None
    ino = _namei.create(table, at.parent.ino, at.name, 0o666).ino
    return table.regular(ino)


def _replace_content(table: InodeTable, inode: RegularFile, content: Content) -> None:
    inode = table.edit(inode)
    old, inode.content = inode.content, content
    table.pages_used += content.page_count - old.page_count
    drop_by_write(table, inode, ROOT_CALLER)
    inode.mtime_ns = inode.ctime_ns = table.clock.now_ns()
    grown_to = content.size if content.size > old.size else -1
    table.note_content(inode.ino, 0, -1, grown_to)


def append(table: InodeTable, path: Path, data: bytes) -> None:
    """See `PathOps.append`."""
    at = walk(table, path)
    inode = file_at(at, path)
    if inode is None:
        table.check_pages(Content().pages_to_add(0, len(data)))
        inode = _create_at(table, at)
    _data.append(table, inode.ino, data)


def copy(table: InodeTable, source: Path, destination: Path) -> None:
    """See `PathOps.copy`."""
    origin = find(table, source)
    at = walk(table, destination)
    if isinstance(origin, Directory):
        _copy_tree(table, origin, at, destination)
    elif isinstance(origin, RegularFile):
        _copy_file(table, origin, at, destination)
    else:
        message = "neither a regular file nor a directory"
        raise FsError(Errno.EINVAL, message, source)


def _copy_file(
    table: InodeTable, origin: RegularFile, at: Located, destination: Path
) -> None:
    target = file_at(at, destination)
    if target is origin:
        raise FsError(Errno.EINVAL, "a copy onto itself", destination)
    used = 0 if target is None else target.content.count
    table.check_pages(origin.content.count - used)
    if target is None:
        target = _create_at(table, at)
        _attr.set_mode(target, origin.mode)
    _replace_content(table, target, origin.content.copy())


def _copy_tree(
    table: InodeTable, origin: Directory, at: Located, destination: Path
) -> None:
    if at.inode is not None:
        raise FsError(Errno.EEXIST, path=destination)
    assert at.parent is not None
    if _namei.is_within(table, at.parent, origin):
        message = "a directory cannot be copied below itself"
        raise FsError(Errno.EINVAL, message, destination)
    inodes = {inode.ino: inode for inode in _below(table, origin)}
    table.check_inodes(len(inodes))
    files = (inode for inode in inodes.values() if isinstance(inode, RegularFile))
    table.check_pages(sum(inode.content.count for inode in files))
    _copy_inode(table, origin, at.parent, at.name, {})


def _below(table: InodeTable, inode: Inode) -> Iterator[Inode]:
    """The inode and everything below it, parents first; a linked one more than once."""
    todo = [inode]
    while todo:
        inode = todo.pop()
        yield inode
        if isinstance(inode, Directory):
            todo += [child for _, child in table.entries(inode)]


def _copy_inode(
    table: InodeTable,
    origin: Inode,
    parent: Directory,
    name: bytes,
    copies: dict[Ino, Ino],
) -> None:
    """Copy `origin` and all below it; hard links within become links of the copies."""
    todo = [(origin, parent, name)]
    while todo:
        origin, parent, name = todo.pop()
        if origin.ino in copies:
            _namei.link(table, copies[origin.ino], parent.ino, name)
            continue
        stamp = table.stamp(parent, origin.mode, Caller(umask=0))
        twin = _twin(origin, stamp)
        table.enter(table.edit(parent), name, twin)
        table.pages_used += twin.pages
        copies[origin.ino] = twin.ino
        if isinstance(origin, Directory):
            assert isinstance(twin, Directory)
            todo += [
                (inode, twin, child)
                for child, inode in reversed([*table.entries(origin)])
            ]


def _twin(origin: Inode, stamp: tuple[Ino, int, int, int, int, int, int, int]) -> Inode:
    if isinstance(origin, Directory):
        return Directory(*stamp, nlink=2)
    if isinstance(origin, RegularFile):
        return RegularFile(*stamp, content=origin.content.copy())
    if isinstance(origin, Symlink):
        return Symlink(*stamp, target=origin.target)
    assert isinstance(origin, Special)
    return Special(*stamp, device=origin.device)


# --- names -----------------------------------------------------------------------


def mkdir(
    table: InodeTable, path: Path, mode: int, parents: bool, exist_ok: bool
) -> None:
    """See `PathOps.mkdir`."""
    at = _last(table, path, parents=parents)
    if at.inode is not None:
        if exist_ok and isinstance(walk(table, path).inode, Directory):
            return
        raise FsError(Errno.EEXIST, path=path)
    assert at.parent is not None
    names = [at.name, *(part for part in at.rest if part != b".")]
    for name in names:
        _namei.check_name(name)
    table.check_inodes(len(names))
    ino = at.parent.ino
    for name in names[:-1]:
        ino = _namei.mkdir(table, ino, name, 0o777).ino
    _namei.mkdir(table, ino, names[-1], mode)


def remove(table: InodeTable, path: Path) -> None:
    """See `PathOps.remove`."""
    at, parent = _old_slot(table, path)
    _namei.unlink(table, parent.ino, at.name)


def rmdir(table: InodeTable, path: Path) -> None:
    """See `PathOps.rmdir`."""
    at, parent = _old_slot(table, path)
    _namei.rmdir(table, parent.ino, at.name)


def remove_tree(table: InodeTable, path: Path) -> int:
    """See `PathOps.remove_tree`."""
    at, parent = _old_slot(table, path)
    return _remove_below(table, parent, at.name)


def _remove_below(table: InodeTable, parent: Directory, name: bytes) -> int:
    removed = 0
    todo = [(parent.ino, name)]
    while todo:
        ino, name = todo[-1]
        inode = table.child(table.directory(ino), name)
        if isinstance(inode, Directory) and len(inode.entries):
            todo += [(inode.ino, child) for child, _ in inode.entries]
            continue
        todo.pop()
        if isinstance(inode, Directory):
            _namei.rmdir(table, ino, name)
        else:
            _namei.unlink(table, ino, name)
        removed += 1
    return removed


def rename(
    table: InodeTable, source: Path, destination: Path, flags: RenameFlags
) -> None:
    """See `PathOps.rename`."""
    old, parent = _old_slot(table, source)
    new, new_parent = _slot(table, destination)
    if (
        new.must_be_directory
        and not isinstance(old.inode, Directory)
        and not flags & RenameFlags.EXCHANGE
    ):
        raise FsError(Errno.ENOTDIR, path=destination)
    _rename.rename(table, parent.ino, old.name, new_parent.ino, new.name, flags)


def symlink(table: InodeTable, target: Path, path: Path) -> None:
    """See `PathOps.symlink`."""
    parent, name = _new_slot(table, path)
    _namei.symlink(table, parent.ino, name, as_bytes(target))


def link(table: InodeTable, source: Path, destination: Path) -> None:
    """See `PathOps.link`."""
    inode = find(table, source, follow=False)
    parent, name = _new_slot(table, destination)
    _namei.link(table, inode.ino, parent.ino, name)


def readlink(table: InodeTable, path: Path) -> str:
    """See `PathOps.readlink`."""
    ino = find(table, path, follow=False).ino
    return as_str(_data.readlink(table, ino))


def realpath(table: InodeTable, path: Path) -> str:
    """See `PathOps.realpath`."""
    at = walk(table, path)
    if at.inode is None:
        raise FsError(Errno.ENOENT, path=path)
    directory = at.inode if at.parent is None else at.parent
    found = table.path(directory.ino)
    assert found is not None
    return as_str(found if at.parent is None else found.rstrip(b"/") + b"/" + at.name)


# --- attributes ------------------------------------------------------------------


def stat(table: InodeTable, path: Path, follow: bool) -> Stat:
    """See `PathOps.stat` and `PathOps.lstat`."""
    return find(table, path, follow=follow).stat()


def setattr(table: InodeTable, path: Path, change: SetAttr, follow: bool) -> Stat:
    """See `PathOps.setattr`."""
    return _attr.setattr(table, find(table, path, follow=follow).ino, change)


def exists(table: InodeTable, path: Path) -> bool:
    """See `PathOps.exists`."""
    try:
        return walk(table, path).inode is not None
    except FsError as error:
        if error.errno in (Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP):
            return False
        raise


def touch(table: InodeTable, path: Path) -> None:
    """See `PathOps.touch`."""
    at = walk(table, path)
    if at.inode is not None:
        change = SetAttr(atime_ns="now", mtime_ns="now")
        _attr.setattr(table, at.inode.ino, change)
    elif file_at(at, path) is None:
        _create_at(table, at)


# --- many at once ----------------------------------------------------------------


def listdir(table: InodeTable, path: Path) -> list[str]:
    """See `PathOps.listdir`."""
    directory = _directory(find(table, path), path)
    table.touch_atime(directory)
    return [as_str(name) for name in directory.entries.names()]


def scandir(table: InodeTable, path: Path) -> list[tuple[str, Stat]]:
    """See `PathOps.scandir`."""
    directory = _directory(find(table, path), path)
    table.touch_atime(directory)
    entries = sorted(table.entries(directory), key=itemgetter(0))
    return [(as_str(name), inode.stat()) for name, inode in entries]


def walk_tree(table: InodeTable, top: Path) -> Listing:
    """See `PathOps.walk`."""
    root = _directory(find(table, top), top)
    path = as_str(as_bytes(top))
    base = path.rstrip("/") or path[:1]
    found: Listing = []
    todo = [(base, root)]
    while todo:
        path, directory = todo.pop()
        directories: list[tuple[str, Directory]] = []
        files: list[str] = []
        for name, inode in sorted(table.entries(directory), key=itemgetter(0)):
            if isinstance(inode, Directory):
                directories.append((as_str(name), inode))
            else:
                files.append(as_str(name))
        found.append((path, [name for name, _ in directories], files))
        todo += [(_join(path, name), inode) for name, inode in reversed(directories)]
    return found


def _join(path: str, name: str) -> str:
    return path + name if path.endswith("/") or not path else f"{path}/{name}"


def glob(table: InodeTable, pattern: Path) -> list[str]:
    """See `PathOps.glob`."""
    text = as_str(as_bytes(pattern))
    parts = [part for part in text.split("/") if part not in ("", ".")]
    at: dict[str, Inode] = {"/" if text.startswith("/") else "": table.root}
    for number, part in enumerate(parts, 1):
        is_last = number == len(parts) and not text.endswith("/")
        at = dict(_expand(table, at, part, is_last))
    if text.endswith("/"):
        at = {path: _through_link(table, path, at[path]) for path in at}
        at = {path: inode for path, inode in at.items() if isinstance(inode, Directory)}
    return sorted(at.keys() - {""})


def _expand(
    table: InodeTable, at: dict[str, Inode], part: str, is_last: bool
) -> Iterator[tuple[str, Inode]]:
    """What the next component of a pattern matches in each of the directories."""
    matches = re.compile(translate(part)).match
    for path, inode in at.items():
        directory = _through_link(table, path, inode)
        if not isinstance(directory, Directory):
            continue
        if part == "**":
            for found in _descend(table, path, directory):
                if is_last or isinstance(found[1], Directory):
                    yield found
        elif part == "..":
            yield _join(path, part), table.parent(directory)
        else:
            for name, child in table.entries(directory):
                if matches(as_str(name)):
                    yield _join(path, as_str(name)), child


def _through_link(table: InodeTable, path: str, inode: Inode) -> Inode:
    """What the link at `path` leads to; the link itself if that is nothing."""
    if isinstance(inode, Symlink):
        with suppress(FsError):
            return find(table, path)
    return inode


def _descend(
    table: InodeTable, path: str, directory: Directory
) -> Iterator[tuple[str, Inode]]:
    """The directory and all below it; links to directories are not descended into."""
    todo: list[tuple[str, Inode]] = [(path, directory)]
    while todo:
        path, inode = todo.pop()
        yield path, inode
        if isinstance(inode, Directory):
            todo += [
                (_join(path, as_str(name)), child)
                for name, child in table.entries(inode)
            ]
