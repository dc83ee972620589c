"""Names: looking them up, making and removing them, and walking paths.

The functions that take `parent` and `name` work on one directory, as a kernel
asks; `walk` follows a path. Names given to them are single components.
"""

from dataclasses import dataclass, field

from devdev_fs._access import check_access, check_removal, permits
from devdev_fs._content import Content
from devdev_fs._errno import Errno, FsError
from devdev_fs._image import Tree
from devdev_fs._inode import Directory, Inode, RegularFile, Special, Symlink
from devdev_fs._newinode import make
from devdev_fs._table import InodeTable
from devdev_fs._types import (
    DEVICE_MAX,
    KINDS,
    LINK_MAX,
    NAME_MAX,
    PATH_MAX,
    ROOT_CALLER,
    S_IFMT,
    SYMLINK_HOPS_MAX,
    W_OK,
    X_OK,
    Caller,
    Capability,
    Ino,
    Kind,
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


def searched(table: InodeTable, parent: Ino, caller: Caller) -> Directory:
    """The directory of that number, in which the caller may look names up.

    Raises:
        FsError: ENOENT, ENOTDIR, EACCES.
    """
    directory = table.directory(parent)
    if caller is not ROOT_CALLER:
        check_access(directory, X_OK, caller)
    return directory


def lookup(
    table: InodeTable, parent: Ino, name: bytes, caller: Caller = ROOT_CALLER
) -> Stat:
    """See `InodeOps.lookup`."""
    directory = searched(table, parent, caller)
    check_name(name)
    return entry(table, directory, name).stat()


def entry(table: InodeTable, directory: Directory, name: bytes) -> Inode:
    """What the name means.

    Raises:
        FsError: ENOENT.
    """
    inode = table.child(directory, name)
    if inode is None:
        raise FsError(Errno.ENOENT, path=name)
    return inode


# --- making ----------------------------------------------------------------------


def check_addable(directory: Directory, name: bytes, caller: Caller) -> None:
    """Refuse to add a name that is not there (Linux's fs/namei.c:may_create).

    Raises:
        FsError: ENOENT (the directory was removed), EACCES.
    """
    if not directory.nlink:
        raise FsError(Errno.ENOENT, "the directory was removed", name)
    if caller is not ROOT_CALLER:
        check_access(directory, W_OK | X_OK, caller)


def _check_new(
    table: InodeTable, parent: Ino, name: bytes, caller: Caller
) -> Directory:
    """Check that the caller can add `name` to `parent`.

    Raises:
        FsError: ENOENT, ENOTDIR, EACCES (to search), EINVAL, ENAMETOOLONG, EEXIST,
            ENOENT (`parent` was removed), EACCES (to write); in that order.
    """
    directory = searched(table, parent, caller)
    check_name(name)
    if directory.child(name) is not None:
        raise FsError(Errno.EEXIST, path=name)
    check_addable(directory, name, caller)
    return directory


def mkdir(
    table: InodeTable,
    parent: Ino,
    name: bytes,
    mode: int,
    caller: Caller = ROOT_CALLER,
) -> Stat:
    """See `InodeOps.mkdir`."""
    directory = _check_new(table, parent, name, caller)
    mode = Kind.DIRECTORY | mode & 0o1777
    child = make(table, directory, mode, caller, Directory)
    child.nlink = 2
    table.enter(table.edit(directory), name, child)
    return child.stat()


def mknod(
    table: InodeTable,
    parent: Ino,
    name: bytes,
    mode: int,
    device: int = 0,
    caller: Caller = ROOT_CALLER,
) -> Stat:
    """See `InodeOps.mknod`."""
    kind = mode & S_IFMT or Kind.REGULAR
    if kind == Kind.DIRECTORY:
        raise FsError(Errno.EPERM, "mknod makes no directories; use mkdir", name)
    if kind == Kind.SYMLINK or kind not in KINDS:
        raise FsError(Errno.EINVAL, f"mknod cannot make kind {kind:#o}", name)
    is_device = kind in (Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE)
    if not is_device:
        device = 0
    if not 0 <= device <= DEVICE_MAX:
        raise FsError(Errno.EINVAL, f"{device} is no device number", name)
    directory = _check_new(table, parent, name, caller)
    if is_device and not caller.has(Capability.MKNOD):
        message = f"user {caller.uid} may not make device nodes"
        raise FsError(Errno.EPERM, message, name)
    mode = kind | mode & 0o7777
    child: Inode
    if kind == Kind.REGULAR:
        child = make(table, directory, mode, caller, RegularFile)
    else:
        child = special = make(table, directory, mode, caller, Special)
        special.device = device
    table.enter(table.edit(directory), name, child)
    return child.stat()


def create(
    table: InodeTable,
    parent: Ino,
    name: bytes,
    mode: int,
    caller: Caller = ROOT_CALLER,
) -> Stat:
    """See `InodeOps.create`."""
    return mknod(table, parent, name, Kind.REGULAR | mode & 0o7777, 0, caller)


def create_with(
    table: InodeTable, parent: Directory, name: bytes, content: Content
) -> None:
    """Make a regular file that has its content, for which there is room, at once."""
    directory = _check_new(table, parent.ino, name, ROOT_CALLER)
    mode = Kind.REGULAR | 0o666
    inode = make(table, directory, mode, ROOT_CALLER, RegularFile)
    inode.content = content
    table.pages_used += content.count
    table.enter(table.edit(directory), name, inode)
    if content.size:
        table.note_content(inode.ino, 0, -1, content.size)


def tmpfile(
    table: InodeTable, parent: Ino, mode: int, caller: Caller = ROOT_CALLER
) -> Stat:
    """See `InodeOps.tmpfile`."""
    directory = table.directory(parent)
    check_access(directory, W_OK | X_OK, caller)
    mode = Kind.REGULAR | mode & 0o7777
    child = make(table, directory, mode, caller, RegularFile)
    child.nlink = 0
    table.add_unnamed(child)
    return child.stat()


def symlink(
    table: InodeTable,
    parent: Ino,
    name: bytes,
    target: bytes,
    caller: Caller = ROOT_CALLER,
) -> Stat:
    """See `InodeOps.symlink`."""
    if not target:
        raise FsError(Errno.ENOENT, "an empty symlink target", name)
    if b"\0" in target:
        raise FsError(Errno.EINVAL, "a NUL in a symlink target", name)
    if len(target) >= PATH_MAX:
        message = f"the target has {len(target)} bytes, {PATH_MAX - 1} is the limit"
        raise FsError(Errno.ENAMETOOLONG, message, name)
    directory = _check_new(table, parent, name, caller)
    child = make(table, directory, Kind.SYMLINK | 0o777, caller, Symlink)
    child.target = target
    table.enter(table.edit(directory), name, child)
    return child.stat()


def link(
    table: InodeTable, ino: Ino, parent: Ino, name: bytes, caller: Caller = ROOT_CALLER
) -> Stat:
    """See `InodeOps.link`."""
    inode = table.get(ino)
    directory = _check_new(table, parent, name, caller)
    if isinstance(inode, Directory):
        raise FsError(Errno.EPERM, "a hard link to a directory", name)
    if not inode.nlink and inode.ino not in table.unnamed:
        raise FsError(Errno.ENOENT, "a hard link to a removed inode", name)
    if inode.nlink >= LINK_MAX:
        raise FsError(Errno.EMLINK, f"it has {LINK_MAX} names already", name)
    now = table.clock.now_ns()
    directory, inode = table.edit(directory), table.edit(inode)
    directory.add(name, inode.ino)
    inode.add_link(directory.ino, name)
    inode.nlink += 1
    if inode.nlink == 1:
        table.name_orphan(inode)
    inode.ctime_ns = directory.mtime_ns = directory.ctime_ns = now
    table.note_entry(directory.ino, name)
    table.note_attributes(inode.ino)
    return inode.stat()


# --- removing --------------------------------------------------------------------


def unlink(
    table: InodeTable, parent: Ino, name: bytes, caller: Caller = ROOT_CALLER
) -> None:
    """See `InodeOps.unlink`."""
    directory = searched(table, parent, caller)
    check_name(name)
    inode = entry(table, directory, name)
    check_removal(directory, inode, name, caller)
    if isinstance(inode, Directory):
        raise FsError(Errno.EISDIR, path=name)
    now = table.clock.now_ns()
    directory = table.edit(directory)
    directory.remove(name)
    directory.mtime_ns = directory.ctime_ns = now
    drop_name(table, inode, directory, name, now)
    table.note_entry(directory.ino, name, inode.ino)


def rmdir(
    table: InodeTable, parent: Ino, name: bytes, caller: Caller = ROOT_CALLER
) -> None:
    """See `InodeOps.rmdir`."""
    directory = searched(table, parent, caller)
    check_name(name)
    inode = entry(table, directory, name)
    check_removal(directory, inode, name, caller)
    if not isinstance(inode, Directory):
        raise FsError(Errno.ENOTDIR, path=name)
    if len(inode.entries):
        raise FsError(Errno.ENOTEMPTY, path=name)
    now = table.clock.now_ns()
    directory = table.edit(directory)
    directory.remove(name)
    directory.nlink -= 1
    directory.mtime_ns = directory.ctime_ns = now
    drop_name(table, inode, directory, name, now)
    table.note_entry(directory.ino, name, inode.ino)


def drop_name(
    table: InodeTable, inode: Inode, directory: Directory, name: bytes, now: int
) -> None:
    """Take one name off an inode; a directory's only name takes all links."""
    inode = table.edit(inode)
    inode.remove_link(directory.ino, name)
    if isinstance(inode, Directory):
        inode.nlink = 0
        table.heads.clear()
    else:
        inode.nlink -= 1
    inode.ctime_ns = now
    if inode.nlink:
        table.note_attributes(inode.ino)
    else:
        table.unname(inode)


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


# --- paths -----------------------------------------------------------------------


@dataclass(slots=True)
class Located:
    """Where a walk ended."""

    inode: Inode | None
    """What is there; None where the last component does not exist."""
    parent: Directory | None
    """The directory that holds `name`; None for the root and after `.` or `..`."""
    name: bytes
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
    tree: Tree,
    path: str | bytes,
    *,
    follow: bool = True,
    parents: bool = False,
    caller: Caller = ROOT_CALLER,
) -> Located:
    """Follow `path` component by component, as Linux's fs/namei.c:path_lookupat.

    A path that does not begin with a slash begins at the root all the same. The
    last component may be missing; with `parents` so may those before it. A link
    there is followed if `follow`, or if a slash comes after it. Time is linear: no
    link is resolved twice.

    Raises:
        FsError: ENOENT (empty, or a component is missing), ENAMETOOLONG, EINVAL
            (a NUL), ENOTDIR (a component is no directory), EACCES (to search one),
            ELOOP (more than 40 links in all); as they are met from left to right.
    """
    if caller is ROOT_CALLER and tree.heads is not None:
        at = _known(tree, tree.heads, path, follow)
        if at is not None:
            return at
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
    is_plain = b"." not in todo and b".." not in todo and not must_be_directory
    here: Inode = tree.root
    parent: Directory | None = None
    name = b""
    hops = 0
    while todo:
        if not isinstance(here, Directory):
            raise FsError(Errno.ENOTDIR, path=path)
        if caller is not ROOT_CALLER and not permits(here, X_OK, caller):
            raise FsError(Errno.EACCES, path=path)
        part = todo.pop()
        if part == b".":
            parent = None
            continue
        if part == b"..":
            parent, here = None, tree.parent(here)
            continue
        if len(part) > NAME_MAX:
            message = f"a name has {len(part)} bytes, {NAME_MAX} is the limit"
            raise FsError(Errno.ENAMETOOLONG, message, path)
        inode = tree.child(here, part)
        if inode is None:
            if todo and not parents:
                raise FsError(Errno.ENOENT, path=path)
            return Located(None, here, part, must_be_directory, todo[::-1])
        if isinstance(inode, Symlink) and (todo or follow or must_be_directory):
            hops += 1
            if hops > SYMLINK_HOPS_MAX:
                raise FsError(Errno.ELOOP, path=path)
            if not todo and inode.target.endswith((b"/", b"/.", b"/..")):
                must_be_directory = True
            todo += _components(inode.target)
            if inode.target.startswith(b"/"):
                here, parent = tree.root, None
            continue
        parent, name, here = here, part, inode
    if must_be_directory and not isinstance(here, Directory):
        raise FsError(Errno.ENOTDIR, path=path)
    if parent is not None and is_plain and not hops:
        _learn(tree.heads, path, parent)
    return Located(here, parent, name, must_be_directory)


_HEAD_MAX = 900
"""Longest head that is learnt, in characters: with any name behind it, it is a path."""
_HEADS_MAX = 4096


def _known(
    tree: Tree, heads: dict[str | bytes, Ino], path: str | bytes, follow: bool
) -> Located | None:
    """Where a walk would end, if the directory that holds the last name is known."""
    name: bytes
    if isinstance(path, bytes):
        head, _, name = path.rpartition(b"/")
        ino = heads.get(head)
    else:
        start, _, last = path.rpartition("/")
        ino = heads.get(start)
        name = b"" if ino is None else as_bytes(last)
    if ino is None or name in (b"", b".", b"..") or len(name) > NAME_MAX:
        return None
    directory = tree.inodes.get(ino)
    assert isinstance(directory, Directory)
    inode = tree.child(directory, name)
    if b"\0" in name or (follow and isinstance(inode, Symlink)):
        return None
    return Located(inode, directory, name, False)


def _learn(
    heads: dict[str | bytes, Ino] | None, path: str | bytes, directory: Directory
) -> None:
    """Take note that what is before the last slash leads to the directory."""
    if isinstance(path, bytes):
        head: str | bytes = path.rpartition(b"/")[0]
    else:
        head = path.rpartition("/")[0]
    if heads is not None and len(head) <= _HEAD_MAX:
        if len(heads) >= _HEADS_MAX:
            heads.clear()
        heads[head] = directory.ino


def _components(path: bytes) -> list[bytes]:
    """The components of a path, the first one last."""
    return [part for part in reversed(path.split(b"/")) if part]


def find(
    tree: Tree,
    path: str | bytes,
    *,
    follow: bool = True,
    caller: Caller = ROOT_CALLER,
) -> Inode:
    """The inode that `path` leads to.

    Raises:
        FsError: as `walk`, and ENOENT if the last component is missing.
    """
    inode = walk(tree, path, follow=follow, caller=caller).inode
    if inode is None:
        raise FsError(Errno.ENOENT, path=path)
    return inode


def resolve(
    table: InodeTable,
    path: str | bytes,
    follow: bool = True,
    caller: Caller = ROOT_CALLER,
) -> Ino:
    """See `InodeOps.resolve`."""
    return find(table, path, follow=follow, caller=caller).ino
