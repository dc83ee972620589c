"""The operations that can be called from another process, by their names."""

from functools import cache
from typing import get_type_hints

from devdev_fs import (
    _access,
    _attr,
    _data,
    _diff,
    _digest,
    _history,
    _namei,
    _openfile,
    _paths,
    _rename,
    _snapshot,
    _space,
    _swap,
    _tarread,
    _tarwrite,
    _textdiff,
    _xattr,
    _zipread,
    _zipwrite,
)
from devdev_fs._invariants import check_invariants
from devdev_fs._table import InodeTable
from devdev_fs._wirevalues import Op

OPERATIONS: tuple[Op, ...] = (
    InodeTable.pin,
    InodeTable.unpin,
    check_invariants,
    _attr.getattr,
    _attr.setattr,
    _attr.statvfs,
    _attr.set_limits,
    _data.read,
    _data.read_chunks,
    _data.read_files,
    _data.write,
    _data.append,
    _data.readlink,
    _data.readdir,
    _namei.lookup,
    _namei.resolve,
    _namei.mkdir,
    _namei.create,
    _namei.mknod,
    _namei.symlink,
    _namei.link,
    _namei.unlink,
    _namei.rmdir,
    _namei.tmpfile,
    _rename.rename,
    _access.access,
    _access.open_check,
    _xattr.setxattr,
    _xattr.getxattr,
    _xattr.listxattr,
    _xattr.removexattr,
    _space.fallocate,
    _space.lseek,
    _space.copy_file_range,
    _paths.read_bytes,
    _paths.write_bytes,
    _paths.append,
    _paths.copy,
    _paths.mkdir,
    _paths.remove,
    _paths.rmdir,
    _paths.remove_tree,
    _paths.rename,
    _paths.symlink,
    _paths.link,
    _paths.readlink,
    _paths.realpath,
    _paths.stat,
    _paths.setattr,
    _paths.exists,
    _paths.touch,
    _paths.listdir,
    _paths.scandir,
    _paths.walk_tree,
    _paths.glob,
    _snapshot.dump,
    _snapshot.dump_since,
    _history.load,
    _digest.tree_digest,
    _digest.image_digest,
    _diff.diff,
    _textdiff.text_diff,
    _tarwrite.tar_parts,
    _zipwrite.zip_parts,
    _tarread.read_tar,
    _zipread.read_zip,
    _swap.write_as,
    _history.begin,
    _history.end,
    _history.log,
    _history.checkpoint,
    _history.checkpoints,
    _history.drop_checkpoint,
    _history.restore,
    _history.undo,
    _history.redo,
    _history.merge,
    _history.set_limits,
    _openfile.open_pinned,
    _openfile.close_pinned,
)


def name_of(op: Op) -> str:
    """What a frame calls it."""
    return f"{op.__module__.rpartition('.')[2]}.{op.__qualname__}"


BY_NAME = {name_of(op): op for op in OPERATIONS}


@cache
def types_of(op: Op) -> tuple[object, ...]:
    """The types of the arguments behind the table."""
    hints = get_type_hints(op)
    hints.pop("return")
    hints.pop("table", None)
    return tuple(hints.values())


@cache
def is_locked(op: Op) -> bool:
    """Whether it is an operation on a table; otherwise it is a function of values."""
    return op.__qualname__.startswith("InodeTable.") or "table" in get_type_hints(op)
