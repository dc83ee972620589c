"""Renames: moving a name, replacing, exchanging, and what is left behind."""

from devdev_fs._access import check_access, check_removal
from devdev_fs._errno import Errno, FsError
from devdev_fs._inode import Directory, Inode, Special
from devdev_fs._namei import (
    check_addable,
    check_name,
    drop_name,
    entry,
    is_within,
    searched,
)
from devdev_fs._newinode import make
from devdev_fs._table import InodeTable
from devdev_fs._types import ROOT_CALLER, W_OK, Caller, Ino, Kind, RenameFlags

_NOREPLACE = RenameFlags.NOREPLACE.value
_EXCHANGE = RenameFlags.EXCHANGE.value
_WHITEOUT = RenameFlags.WHITEOUT.value
_FLAGS = frozenset({0, _NOREPLACE, _EXCHANGE, _WHITEOUT, _NOREPLACE | _WHITEOUT})


def rename(
    table: InodeTable,
    parent: Ino,
    name: bytes,
    new_parent: Ino,
    new_name: bytes,
    flags: RenameFlags,
    caller: Caller = ROOT_CALLER,
) -> None:
    """See `InodeOps.rename`."""
    asked = int(flags)
    if asked not in _FLAGS:
        raise FsError(Errno.EINVAL, f"rename flags {asked:#x}", name)
    source_dir = searched(table, parent, caller)
    target_dir = searched(table, new_parent, caller)
    check_name(name)
    check_name(new_name)
    source = entry(table, source_dir, name)
    target = table.child(target_dir, new_name)
    if asked & _NOREPLACE and target is not None:
        raise FsError(Errno.EEXIST, path=new_name)
    if asked & _EXCHANGE and target is None:
        raise FsError(Errno.ENOENT, path=new_name)
    if is_within(table, target_dir, source):
        raise FsError(Errno.EINVAL, "a directory cannot move below itself", new_name)
    if target is not None and is_within(table, source_dir, target):
        refused = Errno.EINVAL if asked & _EXCHANGE else Errno.ENOTEMPTY
        raise FsError(refused, "the target holds the source", new_name)
    if source is target:
        return
    check_removal(source_dir, source, name, caller)
    if target is None:
        check_addable(target_dir, new_name, caller)
    else:
        check_removal(target_dir, target, new_name, caller)
    if asked & _EXCHANGE:
        assert target is not None
        _check_movable(source_dir, target_dir, caller, source, target)
        _exchange(table, source_dir, name, source, target_dir, new_name, target)
        return
    _check_kinds(source, target, new_name)
    _check_movable(source_dir, target_dir, caller, source)
    if isinstance(target, Directory) and len(target.entries):
        raise FsError(Errno.ENOTEMPTY, path=new_name)
    left = _whiteout(table, source_dir, caller) if asked & _WHITEOUT else None
    _move(table, source_dir, name, source, target_dir, new_name, target)
    if left is not None:
        table.enter(table.edit(table.directory(source_dir.ino)), name, left)


def _check_kinds(source: Inode, target: Inode | None, name: bytes) -> None:
    """Refuse to replace a directory by something else, and the other way round."""
    if target is None or isinstance(source, Directory) == isinstance(target, Directory):
        return
    refused = Errno.ENOTDIR if isinstance(source, Directory) else Errno.EISDIR
    raise FsError(refused, path=name)


def _check_movable(
    old: Directory, new: Directory, caller: Caller, *moved: Inode
) -> None:
    """Refuse to give a directory another parent, which is to write to its `..`."""
    if old is not new:
        for inode in moved:
            if isinstance(inode, Directory):
                check_access(inode, W_OK, caller)


def _whiteout(table: InodeTable, directory: Directory, caller: Caller) -> Special:
    """What RENAME_WHITEOUT leaves under the old name."""
    return make(table, directory, Kind.CHARACTER_DEVICE, caller, Special)


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
        drop_name(table, target, target_dir, new_name, now)
    _relink(table, source, source_dir, name, target_dir, new_name)
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
    _relink(table, source, source_dir, name, target_dir, new_name)
    _relink(table, target, target_dir, new_name, source_dir, name)
    now = table.clock.now_ns()
    _stamp_renamed(table, now, source_dir, target_dir, source, target)
    table.note_entry(source_dir.ino, name, source.ino)
    table.note_entry(target_dir.ino, new_name, target.ino)


def _relink(
    table: InodeTable,
    inode: Inode,
    old: Directory,
    name: bytes,
    new: Directory,
    new_name: bytes,
) -> None:
    """Let an inode know its new name; a directory's `..` is a link of its parent."""
    inode.remove_link(old.ino, name)
    inode.add_link(new.ino, new_name)
    if isinstance(inode, Directory):
        old.nlink -= 1
        new.nlink += 1
        table.heads.clear()


def _stamp_renamed(
    table: InodeTable, now: int, old: Directory, new: Directory, *moved: Inode
) -> None:
    old.mtime_ns = old.ctime_ns = new.mtime_ns = new.ctime_ns = now
    for inode in moved:
        inode.ctime_ns = now
        table.note_attributes(inode.ino)
