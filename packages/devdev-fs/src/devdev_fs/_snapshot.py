"""The operations of snapshots: to write an image, and to let a table become one."""

from collections.abc import Iterator

from devdev_fs._errno import SnapshotError
from devdev_fs._image import Image
from devdev_fs._inode import Inode
from devdev_fs._snapshotdump import Whole, parts
from devdev_fs._snapshotload import Loaded
from devdev_fs._table import InodeTable
from devdev_fs._types import Ino


def dump(whole: Whole) -> Iterator[bytes]:
    """See `FsBase.dump`: everything."""
    return parts(whole.image, None, whole.past)


def dump_since(whole: Whole, base: Image) -> Iterator[bytes]:
    """See `FsBase.dump`: what differs from `base`."""
    return parts(whole.image, base, whole.past)


def check_base(table: InodeTable, loaded: Loaded) -> None:
    """Check that a change is of what the table is now.

    Raises:
        SnapshotError: it goes on from an image that is no longer the table's.
    """
    if loaded.base is not None and loaded.base is not table.freeze():
        message = "the filesystem was changed while a change of it was read"
        raise SnapshotError(message)


def become(table: InodeTable, loaded: Loaded) -> None:
    """Let a table be what was loaded, quotas included; see `check_base`."""
    image, live = loaded.image, table.freeze()
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
