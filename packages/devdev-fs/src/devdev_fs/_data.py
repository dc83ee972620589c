"""The content of inodes: read and write a file, read a symlink, list a directory."""

from functools import partial

from devdev_fs._content import Bytes, Content, as_view
from devdev_fs._errno import Errno, FsError
from devdev_fs._inode import Symlink, dirent
from devdev_fs._privileges import drop_by_write
from devdev_fs._table import InodeTable
from devdev_fs._types import (
    FILE_SIZE_MAX,
    KINDS,
    PAGE_SIZE,
    READ_MAX,
    ROOT_CALLER,
    S_IFMT,
    S_ISGID,
    S_ISUID,
    Caller,
    Dirent,
    Ino,
)

_as_dirent = partial(tuple.__new__, Dirent)
"""`Dirent._make` without a call of Python."""


def read_chunks(
    table: InodeTable, ino: Ino, offset: int, size: int, noatime: bool = False
) -> list[bytes]:
    """See `InodeOps.read_chunks`."""
    content = _accessed(table, ino, offset, size, noatime)
    return content.chunks(offset, min(size, READ_MAX))


def read(
    table: InodeTable, ino: Ino, offset: int, size: int, noatime: bool = False
) -> bytes:
    """See `InodeOps.read`."""
    content = _accessed(table, ino, offset, size, noatime)
    return content.read(offset, min(size, READ_MAX))


def read_files(
    table: InodeTable, inos: list[Ino], size: int, total: int, noatime: bool = False
) -> list[bytes | None]:
    """See `InodeOps.read_files`."""
    if size < 0:
        raise FsError(Errno.EINVAL, f"negative size {size}")
    found: list[bytes | None] = []
    for ino in inos:
        try:
            data = read(table, ino, 0, size, noatime)
        except FsError:  # no regular file, or there no more
            found.append(None)
            continue
        found.append(data)
        total -= len(data)
        if total <= 0:
            break
    return found


def _accessed(
    table: InodeTable, ino: Ino, offset: int, size: int, noatime: bool
) -> Content:
    """The content to read from; the file is stamped.

    Raises:
        FsError: ENOENT, EISDIR, EINVAL (no regular file, or negative).
    """
    inode = table.regular(ino)
    if offset < 0 or size < 0:
        raise FsError(Errno.EINVAL, f"negative offset {offset} or size {size}")
    if size and not noatime:
        table.touch_atime(inode)
    return inode.content


def write(
    table: InodeTable,
    ino: Ino,
    offset: int,
    data: Bytes,
    caller: Caller = ROOT_CALLER,
    partial: bool = False,
) -> int:
    """See `InodeOps.write`."""
    inode = table.regular(ino)
    if offset < 0:
        raise FsError(Errno.EINVAL, f"negative offset {offset}")
    view = as_view(data)
    content = inode.content
    if partial:
        view = _what_fits(table, content, offset, view)
    length = len(view)
    if not length:
        return 0
    end = offset + length
    if end > FILE_SIZE_MAX:
        raise FsError(Errno.EFBIG, f"offset {end} is beyond {FILE_SIZE_MAX}")
    if table.pages_used + length // PAGE_SIZE + 2 > table.max_pages:
        table.check_pages(content.pages_to_add(offset, length))
    grown_to = end if end > content.size else -1
    inode = table.edit(inode)
    before = content.count
    inode.content.write(offset, view)
    table.pages_used += inode.content.count - before
    if inode.mode & (S_ISUID | S_ISGID) or inode.xattrs is not None:
        drop_by_write(table, inode, caller)
    inode.mtime_ns = inode.ctime_ns = table.clock.now_ns()
    table.note_content(inode.ino, offset, end, grown_to)
    return length


def _what_fits(
    table: InodeTable, content: Content, offset: int, view: bytes | memoryview
) -> bytes | memoryview:
    """As much from the beginning as there is room for; all of it if there is none."""
    view = view[: max(FILE_SIZE_MAX - offset, 0)] or view
    free = max(table.max_pages - table.pages_used, 0)
    return view[: content.fitting(offset, len(view), free)] or view


def append(
    table: InodeTable,
    ino: Ino,
    data: Bytes,
    caller: Caller = ROOT_CALLER,
    partial: bool = False,
) -> int:
    """See `InodeOps.append`."""
    offset = table.regular(ino).content.size
    write(table, ino, offset, data, caller, partial)
    return offset


def readlink(table: InodeTable, ino: Ino) -> bytes:
    """See `InodeOps.readlink`."""
    inode = table.get(ino)
    if not isinstance(inode, Symlink):
        raise FsError(Errno.EINVAL, f"inode {ino} is not a symbolic link")
    table.touch_atime(inode)
    return inode.target


def readdir(
    table: InodeTable, ino: Ino, cookie: int = 0, limit: int | None = None
) -> list[Dirent]:
    """See `InodeOps.readdir`."""
    directory = table.directory(ino)
    if cookie < 0 or (limit is not None and limit < 0):
        raise FsError(Errno.EINVAL, f"negative cookie {cookie} or limit {limit}")
    table.touch_atime(directory)
    found = []
    if cookie < 1:
        found.append(dirent(b".", directory, 1))
    if cookie < 2:
        found.append(dirent(b"..", table.parent(directory), 2))
    room = None if limit is None else max(limit - len(found), 0)
    names, inos, cookies = table.listings.part(directory, max(cookie, 2), room)
    kinds = [KINDS[inode.mode & S_IFMT] for inode in map(table.get, inos)]
    found += map(_as_dirent, zip(names, inos, kinds, cookies, strict=True))
    return found if limit is None else found[:limit]
