"""Attributes: reading them, and changing them as chmod, chown, truncate and utimens."""

from typing import Literal

from devdev_fs import _acl
from devdev_fs._access import (
    check_access,
    check_is_owner,
    is_owner,
    may_set_gid_bit,
)
from devdev_fs._errno import Errno, FsError
from devdev_fs._inode import Inode, RegularFile, Symlink
from devdev_fs._privileges import drop_by_chown, drop_by_write
from devdev_fs._table import InodeTable, check_owner
from devdev_fs._types import (
    FILE_SIZE_MAX,
    LIMIT_MAX,
    NAME_MAX,
    PAGE_SIZE,
    ROOT_CALLER,
    S_IFMT,
    S_ISGID,
    TIME_MAX,
    TIME_MIN,
    W_OK,
    Caller,
    Capability,
    Ino,
    SetAttr,
    Stat,
    StatVfs,
)


def getattr(table: InodeTable, ino: Ino) -> Stat:
    """See `InodeOps.getattr`."""
    return table.get(ino).stat()


def setattr(
    table: InodeTable,
    ino: Ino,
    change: SetAttr,
    caller: Caller = ROOT_CALLER,
    is_open: bool = False,
) -> Stat:
    """See `InodeOps.setattr`."""
    inode = table.get(ino)
    if change == _NOTHING:
        return inode.stat()
    check_owner(change.uid, change.gid)
    if change.size is not None:
        _check_size(table.regular(ino), change.size)
    if change.mode is not None and isinstance(inode, Symlink):
        raise FsError(Errno.EOPNOTSUPP, f"inode {ino} is a symbolic link")
    if caller is not ROOT_CALLER:
        _check_may_change(inode, change, caller, is_open)
    now = table.clock.now_ns()
    inode = table.edit(inode)
    if change.size is not None:
        assert isinstance(inode, RegularFile)
        set_size(table, inode, change.size)
        drop_by_write(table, inode, caller)
        inode.mtime_ns = now
    if change.uid is not None or change.gid is not None:
        drop_by_chown(table, inode, caller)
        inode.uid = inode.uid if change.uid is None else change.uid
        inode.gid = inode.gid if change.gid is None else change.gid
    if change.mode is not None:
        set_mode(inode, change.mode, caller)
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


def _check_may_change(
    inode: Inode, change: SetAttr, caller: Caller, is_open: bool
) -> None:
    """As Linux's fs/open.c:vfs_truncate and fs/attr.c:may_setattr, setattr_prepare."""
    if change.size is not None and not is_open:
        check_access(inode, W_OK, caller)
    is_touch = change.atime_ns == change.mtime_ns == "now"
    if is_touch and not is_owner(inode, caller):
        check_access(inode, W_OK, caller)
    _check_may_give(inode, change, caller)
    is_timed = change.atime_ns is not None or change.mtime_ns is not None
    if change.mode is not None or (is_timed and not is_touch):
        check_is_owner(inode, caller)


def _check_may_give(inode: Inode, change: SetAttr, caller: Caller) -> None:
    """Refuse another owner, and a group that the owner is not in."""
    if caller.has(Capability.CHOWN):
        return
    is_mine = caller.uid == inode.uid
    if change.uid is not None and not (is_mine and change.uid == inode.uid):
        message = f"user {caller.uid} may not give inode {inode.ino} away"
        raise FsError(Errno.EPERM, message)
    if change.gid is not None:
        may_have = change.gid == inode.gid or caller.is_in(change.gid)
        if not (is_mine and may_have):
            message = f"user {caller.uid} may not give inode {inode.ino} to that group"
            raise FsError(Errno.EPERM, message)


def set_mode(inode: Inode, mode: int, caller: Caller = ROOT_CALLER) -> None:
    """Change the permissions of an inode, edited; its access list follows."""
    if mode & S_ISGID and not may_set_gid_bit(inode.gid, caller):
        mode &= ~S_ISGID
    inode.mode = inode.mode & S_IFMT | mode & 0o7777
    inode.xattrs = _acl.in_step(inode.xattrs, mode)


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
