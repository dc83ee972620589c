"""The space of a file: allocating it, holes, and ranges that are copied or moved."""

from devdev_fs._content import Content
from devdev_fs._errno import Errno, FsError
from devdev_fs._inode import Directory, RegularFile
from devdev_fs._privileges import drop_by_write
from devdev_fs._table import InodeTable
from devdev_fs._types import (
    FILE_SIZE_MAX,
    PAGE_SIZE,
    READ_MAX,
    ROOT_CALLER,
    Caller,
    FallocateFlags,
    Ino,
    Kind,
    Whence,
)

_KEEP_SIZE, _PUNCH_HOLE = (
    FallocateFlags.KEEP_SIZE.value,
    FallocateFlags.PUNCH_HOLE.value,
)
_ZERO_RANGE = FallocateFlags.ZERO_RANGE.value
_COLLAPSE = FallocateFlags.COLLAPSE_RANGE.value
_INSERT = FallocateFlags.INSERT_RANGE.value
_MODES = frozenset(
    {
        0,
        _KEEP_SIZE,
        _PUNCH_HOLE | _KEEP_SIZE,
        _ZERO_RANGE,
        _ZERO_RANGE | _KEEP_SIZE,
        _COLLAPSE,
        _INSERT,
    }
)


def fallocate(
    table: InodeTable,
    ino: Ino,
    mode: int,
    offset: int,
    length: int,
    caller: Caller = ROOT_CALLER,
) -> None:
    """See `InodeOps.fallocate`."""
    if offset < 0 or length <= 0:
        raise FsError(Errno.EINVAL, f"a range of {length} bytes at {offset}")
    if mode not in _MODES:
        raise FsError(Errno.EOPNOTSUPP, f"fallocate mode {int(mode):#x}")
    inode = _file_with_space(table, ino)
    end = offset + length
    if end > FILE_SIZE_MAX:
        raise FsError(Errno.EFBIG, f"offset {end} is beyond {FILE_SIZE_MAX}")
    _check_movable(inode, mode, offset, length)
    if not mode & ~(_KEEP_SIZE | _ZERO_RANGE):
        first, stop = offset // PAGE_SIZE, -(-end // PAGE_SIZE)
        table.check_pages(stop - first - inode.content.pages_in(first, stop))
    inode = table.edit(inode)
    content = inode.content.copy()
    _reshape(content, mode, offset, end)
    _replace(table, inode, content, offset, caller)


def _file_with_space(table: InodeTable, ino: Ino) -> RegularFile:
    inode = table.get(ino)
    if isinstance(inode, RegularFile):
        return inode
    if isinstance(inode, Directory):
        raise FsError(Errno.EISDIR, f"inode {ino} is a directory")
    refused = Errno.ESPIPE if inode.kind == Kind.FIFO else Errno.ENODEV
    raise FsError(refused, f"inode {ino} is not a regular file")


def _check_movable(inode: RegularFile, mode: int, offset: int, length: int) -> None:
    """Refuse to take out or put in what cannot be, as Linux's fs/ext4/extents.c."""
    if mode not in (_COLLAPSE, _INSERT):
        return
    if offset % PAGE_SIZE or length % PAGE_SIZE:
        message = f"{length} bytes at {offset} are no whole pages of {PAGE_SIZE}"
        raise FsError(Errno.EINVAL, message)
    if mode == _INSERT and inode.size + length > FILE_SIZE_MAX:
        size = inode.size + length
        raise FsError(Errno.EFBIG, f"size {size} is beyond {FILE_SIZE_MAX}")
    last = offset if mode == _INSERT else offset + length
    if last >= inode.size:
        message = f"offset {last} is not before the end of the file, {inode.size}"
        raise FsError(Errno.EINVAL, message)


def _reshape(content: Content, mode: int, offset: int, end: int) -> None:
    if mode == _COLLAPSE:
        content.collapse(offset, end - offset)
    elif mode == _INSERT:
        content.insert(offset, end - offset)
    elif mode & _PUNCH_HOLE:
        content.punch(offset, end)
    else:
        if mode & _ZERO_RANGE:
            content.punch(offset, end)
        content.allocate(offset, end)
        if not mode & _KEEP_SIZE:
            content.size = max(content.size, end)


def _replace(
    table: InodeTable,
    inode: RegularFile,
    content: Content,
    offset: int,
    caller: Caller,
) -> None:
    """Give a file, edited, content that differs from `offset` on, as a write does."""
    old, inode.content = inode.content, content
    table.pages_used += content.count - old.count
    drop_by_write(table, inode, caller)
    inode.mtime_ns = inode.ctime_ns = table.clock.now_ns()
    grown_to = content.size if content.size > old.size else -1
    table.note_content(inode.ino, offset, -1, grown_to)


def lseek(table: InodeTable, ino: Ino, offset: int, whence: int) -> int:
    """See `InodeOps.lseek`."""
    if whence not in (Whence.DATA, Whence.HOLE):
        raise FsError(Errno.EINVAL, f"whence {int(whence)}")
    content = table.regular(ino).content
    if not 0 <= offset < content.size:
        message = f"offset {offset} is not within the file's {content.size} bytes"
        raise FsError(Errno.ENXIO, message)
    if whence == Whence.HOLE:
        return content.hole_from(offset)
    found = content.data_from(offset)
    if found is None:
        raise FsError(Errno.ENXIO, f"no data at or behind offset {offset}")
    return found


def copy_file_range(
    table: InodeTable,
    ino: Ino,
    offset: int,
    target: Ino,
    target_offset: int,
    length: int,
    caller: Caller = ROOT_CALLER,
) -> int:
    """See `InodeOps.copy_file_range`."""
    inodes = table.get(ino), table.get(target)
    if any(isinstance(inode, Directory) for inode in inodes):
        raise FsError(Errno.EISDIR, "a range of a directory")
    source, sink = table.regular(ino), table.regular(target)
    if min(offset, target_offset, length) < 0:
        message = f"{length} bytes at {offset} to {target_offset}"
        raise FsError(Errno.EINVAL, message)
    if target_offset >= FILE_SIZE_MAX:
        message = f"offset {target_offset} is beyond {FILE_SIZE_MAX}"
        raise FsError(Errno.EFBIG, message)
    length = min(length, max(source.size - offset, 0), READ_MAX)
    length = min(length, FILE_SIZE_MAX - target_offset)
    if source is sink and abs(offset - target_offset) < length:
        raise FsError(Errno.EINVAL, "the ranges of one file overlap")
    if not length:
        return 0
    content = sink.content.copy()
    content.copy_range(source.content, offset, target_offset, length)
    table.check_pages(content.count - sink.content.count)
    table.touch_atime(source)
    sink = table.edit(table.regular(target))
    _replace(table, sink, content, target_offset, caller)
    return length
