"""A whole file written as a span of its own, and only over what its writer knows."""

from devdev_fs._errno import Errno, FsError
from devdev_fs._history import check_text, own_span
from devdev_fs._inode import RegularFile
from devdev_fs._namei import walk
from devdev_fs._paths import Path, file_at, write_bytes
from devdev_fs._table import InodeTable
from devdev_fs._versions import Written


def write_as(
    table: InodeTable, actor: str, path: Path, data: bytes, old: bytes | None = None
) -> Written:
    """See `FsBase.write_as`."""
    check_text(actor, "name of an actor")
    inode = file_at(walk(table, path), path)
    if old is not None:
        _check_content(inode, old, path)
    with own_span(table, actor=actor) as span:
        write_bytes(table, path, data)
    return Written(span.number, inode is None)


def _check_content(inode: RegularFile | None, old: bytes, path: Path) -> None:
    if inode is None:
        raise FsError(Errno.ENOENT, path=path)
    content = inode.content
    if content.size != len(old) or content.read(0, len(old)) != old:
        raise FsError(Errno.ESTALE, "the file has another content by now", path)
