"""Attributes: reading them, and changing them as chmod, chown, truncate and utimens."""

from typing import Literal

from devdev_fs._errno import Errno, FsError
from devdev_fs._inode import Directory, Inode, RegularFile
from devdev_fs._table import InodeTable, check_owner
from devdev_fs._types import (
    FILE_SIZE_MAX,
    LIMIT_MAX,
    NAME_MAX,
    PAGE_SIZE,
    S_IFMT,
    S_ISGID,
    S_ISUID,
    S_IXGRP,
    TIME_MAX,
    TIME_MIN,
    Ino,
    SetAttr,
    Stat,
    StatVfs,
)


def getattr(table: InodeTable, ino: Ino) -> Stat:
    """See `InodeOps.getattr`."""
    return table.get(ino).stat()


def setattr(table: InodeTable, ino: Ino, change: SetAttr) -> Stat:
    """See `InodeOps.setattr`."""
    inode = table.get(ino)
    if change == _NOTHING:
        return inode.stat()
    check_owner(change.uid, change.gid)
    if change.size is not None:
        _check_size(table.regular(ino), change.size)
    now = table.clock.now_ns()
    inode = table.edit(inode)
    if change.size is not None:
        assert isinstance(inode, RegularFile)
        set_size(table, inode, change.size)
        inode.mtime_ns = now
    if change.uid is not None or change.gid is not None:
        _set_owner(inode, change.uid, change.gid)
    if change.mode is not None:
        inode.mode = inode.mode & S_IFMT | change.mode & 0o7777
    inode.atime_ns = _time(change.atime_ns, inode.atime_ns, now)
    inode.mtime_ns = _time(change.mtime_ns, inode.mtime_ns, now)
    inode.ctime_ns = now
    table.note_attributes(inode.ino)
    return inode.stat()


_NOTHING = SetAttr()


def _check_size(inode: RegularFile, size: int) -> None:
    if size < 0:
        raise FsError(Errno.EINVAL, f"negative size {size}")
    if size > FILE_SIZE_MAX:
        raise FsError(Errno.EFBIG, f"size {size} is beyond {FILE_SIZE_MAX}")


def set_size(table: InodeTable, inode: RegularFile, size: int) -> None:
    """Cut or extend a file, edited; keep the account of pages, note the change."""
    old, pages = inode.content.size, inode.content.page_count
    inode.content.truncate(size)
    table.pages_used += inode.content.page_count - pages
    if size != old:
        table.note_content(inode.ino, min(old, size), -1, size if size > old else -1)


def _set_owner(inode: Inode, uid: int | None, gid: int | None) -> None:
    """Change the owner; a file loses its set-id bits (Linux's fs/open.c:chown_common).

    The set-group-ID bit without group execution means mandatory locking and stays.
    """
    inode.uid = inode.uid if uid is None else uid
    inode.gid = inode.gid if gid is None else gid
    if not isinstance(inode, Directory):
        inode.mode &= ~S_ISUID
        if inode.mode & S_IXGRP:
            inode.mode &= ~S_ISGID


def _time(asked: int | Literal["now"] | None, old: int, now: int) -> int:
    if asked is None:
        return old
    # Linux's fs/inode.c:timestamp_truncate clamps in the same way.
    return now if asked == "now" else min(max(asked, TIME_MIN), TIME_MAX)


def statvfs(table: InodeTable) -> StatVfs:
    """See `InodeOps.statvfs`."""
    return StatVfs(
        PAGE_SIZE,
        max(table.max_pages, table.pages_used),
        max(table.max_pages - table.pages_used, 0),
        max(table.max_inodes, table.inode_count),
        max(table.max_inodes - table.inode_count, 0),
        NAME_MAX,
    )


def set_limits(
    table: InodeTable, max_bytes: int | None = None, max_inodes: int | None = None
) -> None:
    """See `InodeOps.set_limits`."""
    for value in (max_bytes, max_inodes):
        if value is not None and not 0 <= value <= LIMIT_MAX:
            raise FsError(Errno.EINVAL, f"a limit of {value}")
    if max_bytes is not None:
        table.max_pages = max_bytes // PAGE_SIZE
    if max_inodes is not None:
        table.max_inodes = max_inodes
    table.forget_image()
