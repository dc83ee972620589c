"""The operations of snapshots: to write an image, and to let a table become one."""

from collections.abc import Iterator

from devdev_fs import _snapshotdump
from devdev_fs._archive import pieces
from devdev_fs._errno import SnapshotError
from devdev_fs._image import Image
from devdev_fs._inode import Inode
from devdev_fs._snapshotload import Loaded
from devdev_fs._table import InodeTable
from devdev_fs._types import Ino


def dump(image: Image) -> bytes:
    """See `FsBase.dump`: everything."""
    return _snapshotdump.dump(image)


def dump_since(image: Image, base: Image) -> bytes:
    """See `FsBase.dump`: what differs from `base`."""
    return _snapshotdump.dump(image, base)


def dump_pieces(image: Image) -> Iterator[bytes]:
    """See `FsBase.dump_to`: everything."""
    return pieces(_snapshotdump.parts(image))


def dump_pieces_since(image: Image, base: Image) -> Iterator[bytes]:
    """See `FsBase.dump_to`: what differs from `base`."""
    return pieces(_snapshotdump.parts(image, base))


def become(table: InodeTable, loaded: Loaded) -> None:
    """Let a table be what was loaded, quotas included.

    Raises:
        SnapshotError: what was loaded goes on from an image that is no longer the
            table's. Nothing was changed.
    """
    image, live = loaded.image, table.freeze()
    if loaded.base is not None and loaded.base is not live:
        message = "the filesystem was changed while a change of it was read"
        raise SnapshotError(message)
    if loaded.base is None and table.is_unobserved:
        table.thaw(image)
        return
    target: dict[Ino, Inode | None] = dict.fromkeys(table.orphans)
    for ino, _, inode in live.inodes.differences(image.inodes):
        target[Ino(ino)] = inode
    table.next_ino = image.next_ino
    table.max_pages, table.max_inodes = image.max_pages, image.max_inodes
    table.put(target)
    table.forget_image()
