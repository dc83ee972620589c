"""An in-memory filesystem with POSIX semantics, whose state is a value.

`Fs` is the filesystem. Its methods take paths; `Fs.inodes` has the operations that
a kernel asks for, addressed by inode number.
"""

from devdev_fs._base import FsBase as FsBase
from devdev_fs._clock import Clock as Clock
from devdev_fs._clock import SystemClock as SystemClock
from devdev_fs._errno import AlreadyExists as AlreadyExists
from devdev_fs._errno import Errno as Errno
from devdev_fs._errno import FsError as FsError
from devdev_fs._errno import IsADirectory as IsADirectory
from devdev_fs._errno import NotADirectory as NotADirectory
from devdev_fs._errno import NotFound as NotFound
from devdev_fs._errno import NotPermitted as NotPermitted
from devdev_fs._errno import SnapshotError as SnapshotError
from devdev_fs._fs import Attachment as Attachment
from devdev_fs._fs import Fs as Fs
from devdev_fs._fs import Mirror as Mirror
from devdev_fs._inodeops import InodeOps as InodeOps
from devdev_fs._openfile import OpenFile as OpenFile
from devdev_fs._table import DEFAULT_MAX_BYTES as DEFAULT_MAX_BYTES
from devdev_fs._table import DEFAULT_MAX_INODES as DEFAULT_MAX_INODES
from devdev_fs._types import NAME_MAX as NAME_MAX
from devdev_fs._types import PAGE_SIZE as PAGE_SIZE
from devdev_fs._types import PATH_MAX as PATH_MAX
from devdev_fs._types import ROOT_INO as ROOT_INO
from devdev_fs._types import Caller as Caller
from devdev_fs._types import Change as Change
from devdev_fs._types import ChangeKind as ChangeKind
from devdev_fs._types import Dirent as Dirent
from devdev_fs._types import Ino as Ino
from devdev_fs._types import Kind as Kind
from devdev_fs._types import RenameFlags as RenameFlags
from devdev_fs._types import SetAttr as SetAttr
from devdev_fs._types import Stat as Stat
from devdev_fs._types import StatVfs as StatVfs

__version__ = "0.1.0"

__all__ = (
    "DEFAULT_MAX_BYTES",
    "DEFAULT_MAX_INODES",
    "NAME_MAX",
    "PAGE_SIZE",
    "PATH_MAX",
    "ROOT_INO",
    "AlreadyExists",
    "Attachment",
    "Caller",
    "Change",
    "ChangeKind",
    "Clock",
    "Dirent",
    "Errno",
    "Fs",
    "FsBase",
    "FsError",
    "Ino",
    "InodeOps",
    "IsADirectory",
    "Kind",
    "Mirror",
    "NotADirectory",
    "NotFound",
    "NotPermitted",
    "OpenFile",
    "RenameFlags",
    "SetAttr",
    "SnapshotError",
    "Stat",
    "StatVfs",
    "SystemClock",
)
