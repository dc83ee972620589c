"""Names: looking them up, walking paths, and every change of a directory.

The functions that take `parent` and `name` work on one directory, as a kernel
asks; `walk` follows a path. Names given to them are single components.
"""

from dataclasses import dataclass, field

from devdev_fs._errno import Errno, FsError
from devdev_fs._image import Tree
from devdev_fs._inode import Directory, Inode, RegularFile, Special, Symlink
from devdev_fs._table import InodeTable
from devdev_fs._types import (
    DEVICE_MAX,
    KINDS,
    NAME_MAX,
    PATH_MAX,
    S_IFMT,
    SYMLINK_HOPS_MAX,
    Caller,
    Ino,
    Kind,
    RenameFlags,
    Stat,
)

# --- one directory ---------------------------------------------------------------


def check_name(name: bytes) -> None:
    """Refuse what cannot be a directory entry.

    Raises:
        FsError: EINVAL (empty, `.`, `..`, holds `/` or NUL), ENAMETOOLONG.
    """
    if name in (b"", b".", b"..") or b"/" in name or b"\0" in name:
        raise FsError(Errno.EINVAL, "not a name for a directory entry", name)
    if len(name) > NAME_MAX:
        message = f"the name has {len(name)} bytes, {NAME_MAX} is the limit"
        raise FsError(Errno.ENAMETOOLONG, message, name)


def lookup(table: InodeTable, parent: Ino, name: bytes) -> Stat:
    """See `InodeOps.lookup`."""
    directory = table.directory(parent)
    check_name(name)
    return _entry(table, directory, name).stat()


def _entry(table: InodeTable, directory: Directory, name: bytes) -> Inode:
    inode = table.child(directory, name)
    if inode is None:
        raise FsError(Errno.ENOENT, path=name)
    return inode


def _check_new(table: InodeTable, parent: Ino, name: bytes) -> Directory:
    """Check that `name` can be added to `parent`.

    Raises:
        FsError: ENOENT, ENOTDIR, EINVAL, ENAMETOOLONG, EEXIST, ENOENT (`parent` was
            removed); in that order.
    """
    directory = table.directory(parent)
    check_name(name)
    if directory.child(name) is not None:
        raise FsError(Errno.EEXIST, path=name)
    if not directory.nlink:
        raise FsError(Errno.ENOENT, "the directory was removed", name)
    return directory


def mkdir(
    table: InodeTable, parent: Ino, name: bytes, mode: int, caller: Caller
) -> Stat:
    """See `InodeOps.mkdir`."""
    directory = _check_new(table, parent, name)
    table.check_inodes()
    stamp = table.stamp(directory, Kind.DIRECTORY | mode & 0o7777, caller)
    child = Directory(*stamp, nlink=2)
    table.enter(table.edit(directory), name, child)
    return child.stat()


def mknod(
    table: InodeTable, parent: Ino, name: bytes, mode: int, device: int, caller: Caller
) -> Stat:
    """See `InodeOps.mknod`."""
    kind = mode & S_IFMT or Kind.REGULAR
    if kind == Kind.DIRECTORY:
        raise FsError(Errno.EPERM, "mknod makes no directories; use mkdir", name)
    if kind == Kind.SYMLINK or kind not in KINDS:
        raise FsError(Errno.EINVAL, f"mknod cannot make kind {kind:#o}", name)
    if kind not in (Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE):
        device = 0
    if not 0 <= device <= DEVICE_MAX:
        raise FsError(Errno.EINVAL, f"{device} is no device number", name)
    directory = _check_new(table, parent, name)
    table.check_inodes()
    stamp = table.stamp(directory, kind | mode & 0o7777, caller)
    child: Inode
    if kind == Kind.REGULAR:
        child = RegularFile(*stamp)
    else:
        child = Special(*stamp, device=device)
    table.enter(table.edit(directory), name, child)
    return child.stat()


def create(
    table: InodeTable, parent: Ino, name: bytes, mode: int, caller: Caller
) -> Stat:
    """See `InodeOps.create`."""
    return mknod(table, parent, name, Kind.REGULAR | mode & 0o7777, 0, caller)


def symlink(
    table: InodeTable, parent: Ino, name: bytes, target: bytes, caller: Caller
) -> Stat:
    """See `InodeOps.symlink`."""
    if not target:
        raise FsError(Errno.ENOENT, "an empty symlink target", name)
    if b"\0" in target:
        raise FsError(Errno.EINVAL, "a NUL in a symlink target", name)
    if len(target) >= PATH_MAX:
        message = f"the target has {len(target)} bytes, {PATH_MAX - 1} is the limit"
        raise FsError(Errno.ENAMETOOLONG, message, name)
    directory = _check_new(table, parent, name)
    table.check_inodes()
    stamp = table.stamp(directory, Kind.SYMLINK | 0o777, caller)
    child = Symlink(*stamp, target=target)
    table.enter(table.edit(directory), name, child)
    return child.stat()


def link(table: InodeTable, ino: Ino, parent: Ino, name: bytes) -> Stat:
    """See `InodeOps.link`."""
    inode = table.get(ino)
    directory = _check_new(table, parent, name)
    if isinstance(inode, Directory):
        raise FsError(Errno.EPERM, "a hard link to a directory", name)
    if not inode.nlink:
        raise FsError(Errno.ENOENT, "a hard link to a removed inode", name)
    now = table.clock.now_ns()
    directory, inode = table.edit(directory), table.edit(inode)
    directory.add(name, inode.ino)
    inode.add_link(directory.ino, name)
    inode.nlink += 1
    inode.ctime_ns = directory.mtime_ns = directory.ctime_ns = now
    table.note_entry(parent, name)
    table.note_attributes(inode.ino)
    return inode.stat()


def unlink(table: InodeTable, parent: Ino, name: bytes) -> None:
    """See `InodeOps.unlink`."""
    directory = table.directory(parent)
    check_name(name)
    inode = _entry(table, directory, name)
    if isinstance(inode, Directory):
        raise FsError(Errno.EISDIR, path=name)
    now = table.clock.now_ns()
    directory = table.edit(directory)
    directory.remove(name)
    directory.mtime_ns = directory.ctime_ns = now
    _drop_name(table, inode, directory, name, now)
    table.note_entry(directory.ino, name, inode.ino)


def rmdir(table: InodeTable, parent: Ino, name: bytes) -> None:
    """See `InodeOps.rmdir`."""
    directory = table.directory(parent)
    check_name(name)
    inode = _entry(table, directory, name)
    if not isinstance(inode, Directory):
        raise FsError(Errno.ENOTDIR, path=name)
    if len(inode.entries):
        raise FsError(Errno.ENOTEMPTY, path=name)
    now = table.clock.now_ns()
    directory = table.edit(directory)
    directory.remove(name)
    directory.nlink -= 1
    directory.mtime_ns = directory.ctime_ns = now
    _drop_name(table, inode, directory, name, now)
    table.note_entry(directory.ino, name, inode.ino)


def _drop_name(
    table: InodeTable, inode: Inode, directory: Directory, name: bytes, now: int
) -> None:
    """Take one name off an inode; a directory's only name takes all links."""
    inode = table.edit(inode)
    inode.remove_link(directory.ino, name)
    inode.nlink = 0 if isinstance(inode, Directory) else inode.nlink - 1
    inode.ctime_ns = now
    if inode.nlink:
        table.note_attributes(inode.ino)
    else:
        table.unname(inode)


# --- rename ----------------------------------------------------------------------


def rename(
    table: InodeTable,
    parent: Ino,
    name: bytes,
    new_parent: Ino,
    new_name: bytes,
    flags: RenameFlags,
) -> None:
    """See `InodeOps.rename`."""
    if flags not in (RenameFlags.NONE, RenameFlags.NOREPLACE, RenameFlags.EXCHANGE):
        raise FsError(Errno.EINVAL, f"rename flags {int(flags):#x}", name)
    source_dir = table.directory(parent)
    target_dir = table.directory(new_parent)
    check_name(name)
    check_name(new_name)
    source = _entry(table, source_dir, name)
    target = table.child(target_dir, new_name)
    if flags & RenameFlags.NOREPLACE and target is not None:
        raise FsError(Errno.EEXIST, path=new_name)
    if flags & RenameFlags.EXCHANGE and target is None:
        raise FsError(Errno.ENOENT, path=new_name)
    if is_within(table, target_dir, source):
        raise FsError(Errno.EINVAL, "a directory cannot move below itself", new_name)
    if target is not None and is_within(table, source_dir, target):
        refused = Errno.EINVAL if flags & RenameFlags.EXCHANGE else Errno.ENOTEMPTY
        raise FsError(refused, "the target holds the source", new_name)
    if source is target:
        return
    if not target_dir.nlink:
        raise FsError(Errno.ENOENT, "the target directory was removed", new_name)
    if flags & RenameFlags.EXCHANGE:
        assert target is not None
        _exchange(table, source_dir, name, source, target_dir, new_name, target)
    else:
        _check_replaceable(source, target, new_name)
        _move(table, source_dir, name, source, target_dir, new_name, target)


def is_within(table: Tree, directory: Directory, above: Inode) -> bool:
    """Whether `directory` is `above` or lies below it."""
    if not isinstance(above, Directory):
        return False
    while directory is not above:
        parent = table.parent(directory)
        if parent is directory:
            return False
        directory = parent
    return True


def _check_replaceable(source: Inode, target: Inode | None, name: bytes) -> None:
    if target is None:
        return
    if isinstance(source, Directory):
        if not isinstance(target, Directory):
            raise FsError(Errno.ENOTDIR, path=name)
        if len(target.entries):
            raise FsError(Errno.ENOTEMPTY, path=name)
    elif isinstance(target, Directory):
        raise FsError(Errno.EISDIR, path=name)


def _move(
    table: InodeTable,
    source_dir: Directory,
    name: bytes,
    source: Inode,
    target_dir: Directory,
    new_name: bytes,
    target: Inode | None,
) -> None:
    now = table.clock.now_ns()
    source_dir, source = table.edit(source_dir), table.edit(source)
    # The same directory stays the same one.
    target_dir = table.edit(table.directory(target_dir.ino))
    source_dir.remove(name)
    if target is None:
        target_dir.add(new_name, source.ino)
    else:
        target_dir.replace(new_name, source.ino)
        if isinstance(target, Directory):
            target_dir.nlink -= 1
        _drop_name(table, target, target_dir, new_name, now)
    _relink(source, source_dir, name, target_dir, new_name)
    _stamp_renamed(table, now, source_dir, target_dir, source)
    table.note_entry(source_dir.ino, name, source.ino)
    table.note_entry(target_dir.ino, new_name, Ino(0) if target is None else target.ino)


def _exchange(
    table: InodeTable,
    source_dir: Directory,
    name: bytes,
    source: Inode,
    target_dir: Directory,
    new_name: bytes,
    target: Inode,
) -> None:
    source_dir, source = table.edit(source_dir), table.edit(source)
    target_dir = table.edit(table.directory(target_dir.ino))
    target = table.edit(target)
    source_dir.replace(name, target.ino)
    target_dir.replace(new_name, source.ino)
    _relink(source, source_dir, name, target_dir, new_name)
    _relink(target, target_dir, new_name, source_dir, name)
    now = table.clock.now_ns()
    _stamp_renamed(table, now, source_dir, target_dir, source, target)
    table.note_entry(source_dir.ino, name, source.ino)
    table.note_entry(target_dir.ino, new_name, target.ino)


def _relink(
    inode: Inode, old: Directory, name: bytes, new: Directory, new_name: bytes
) -> None:
    """Let an inode know its new name; a directory's `..` is a link of its parent."""
    inode.remove_link(old.ino, name)
    inode.add_link(new.ino, new_name)
    if isinstance(inode, Directory):
        old.nlink -= 1
        new.nlink += 1


def _stamp_renamed(
    table: InodeTable, now: int, old: Directory, new: Directory, *moved: Inode
) -> None:
    old.mtime_ns = old.ctime_ns = new.mtime_ns = new.ctime_ns = now
    for inode in moved:
        inode.ctime_ns = now
        table.note_attributes(inode.ino)


# --- paths -----------------------------------------------------------------------


@dataclass(slots=True)
class Located:
    """Where a walk ended."""

    inode: Inode | None
    """What is there; None where the last component does not exist."""
    parent: Directory | None
    """The directory that holds `name`; None for the root and after `.` or `..`."""
    name: bytes
    trail: list[bytes]
    """The components from the root, symlinks, `.` and `..` resolved."""
    must_be_directory: bool
    """Whether the path ends in a slash (or `.`, `..`), which only a directory may."""
    rest: list[bytes] = field(default_factory=list)
    """The components behind `name`, where that was allowed to be missing."""


def as_bytes(path: str | bytes) -> bytes:
    """A path in bytes; `str` as UTF-8 with surrogateescape (PEP 383).

    Raises:
        FsError: EINVAL (a surrogate that stands for no byte).
    """
    if isinstance(path, bytes):
        return path
    try:
        return path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        shown = path.encode("utf-8", "backslashreplace")
        message = "a surrogate that stands for no byte"
        raise FsError(Errno.EINVAL, message, shown) from error


def walk(
    table: Tree, path: str | bytes, *, follow: bool = True, parents: bool = False
) -> Located:
    """Follow `path` component by component, as Linux's fs/namei.c:path_lookupat.

    A path that does not begin with a slash begins at the root all the same. The
    last component may be missing; with `parents` so may those before it. A link
    there is followed if `follow`, or if a slash comes after it. Time is linear: no
    link is resolved twice.

    Raises:
        FsError: ENOENT (empty, or a component is missing), ENAMETOOLONG, EINVAL
            (a NUL), ENOTDIR (a component is no directory), ELOOP (more than 40
            links in all); as they are met from left to right.
    """
    raw = as_bytes(path)
    if not raw:
        raise FsError(Errno.ENOENT, "an empty path", path)
    if b"\0" in raw:
        raise FsError(Errno.EINVAL, "a NUL in a path", path)
    if len(raw) >= PATH_MAX:
        message = f"the path has {len(raw)} bytes, {PATH_MAX - 1} is the limit"
        raise FsError(Errno.ENAMETOOLONG, message, path[:64])
    todo = _components(raw)
    must_be_directory = raw.endswith((b"/", b"/.", b"/..")) or raw in (b".", b"..")
    here: Inode = table.root
    parent: Directory | None = None
    name = b""
    trail: list[bytes] = []
    hops = 0
    while todo:
        if not isinstance(here, Directory):
            raise FsError(Errno.ENOTDIR, path=path)
        part = todo.pop()
        if part == b".":
            parent = None
            continue
        if part == b"..":
            parent, here = None, table.parent(here)
            del trail[-1:]
            continue
        if len(part) > NAME_MAX:
            message = f"a name has {len(part)} bytes, {NAME_MAX} is the limit"
            raise FsError(Errno.ENAMETOOLONG, message, path)
        inode = table.child(here, part)
        if inode is None:
            if todo and not parents:
                raise FsError(Errno.ENOENT, path=path)
            trail.append(part)
            return Located(None, here, part, trail, must_be_directory, todo[::-1])
        if isinstance(inode, Symlink) and (todo or follow or must_be_directory):
            hops += 1
            if hops > SYMLINK_HOPS_MAX:
                raise FsError(Errno.ELOOP, path=path)
            if not todo and inode.target.endswith((b"/", b"/.", b"/..")):
                must_be_directory = True
            todo += _components(inode.target)
            if inode.target.startswith(b"/"):
                here, parent, trail = table.root, None, []
            continue
        parent, name, here = here, part, inode
        trail.append(part)
    if must_be_directory and not isinstance(here, Directory):
        raise FsError(Errno.ENOTDIR, path=path)
    return Located(here, parent, name, trail, must_be_directory)


def _components(path: bytes) -> list[bytes]:
    """The components of a path, the first one last."""
    return [part for part in reversed(path.split(b"/")) if part]


def find(table: Tree, path: str | bytes, *, follow: bool = True) -> Inode:
    """The inode that `path` leads to.

    Raises:
        FsError: as `walk`, and ENOENT if the last component is missing.
    """
    inode = walk(table, path, follow=follow).inode
    if inode is None:
        raise FsError(Errno.ENOENT, path=path)
    return inode


def resolve(table: InodeTable, path: str | bytes, follow: bool = True) -> Ino:
    """See `InodeOps.resolve`."""
    return find(table, path, follow=follow).ino
