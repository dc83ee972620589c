"""An in-memory filesystem with POSIX semantics, whose state is a value.

`Fs` is the filesystem. Its methods take paths; `Fs.inodes` has the operations that
a kernel asks for, addressed by inode number.
"""

from devdev_fs._archive import ArchiveError as ArchiveError
from devdev_fs._base import ConflictPolicy as ConflictPolicy
from devdev_fs._base import FsBase as FsBase
from devdev_fs._clock import Clock as Clock
from devdev_fs._clock import SystemClock as SystemClock
from devdev_fs._closing import Closing as Closing
from devdev_fs._differences import Conflict as Conflict
from devdev_fs._differences import ConflictKind as ConflictKind
from devdev_fs._differences import Difference as Difference
from devdev_fs._differences import DifferenceKind as DifferenceKind
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
from devdev_fs._journal import DEFAULT_MAX_HISTORY_BYTES as DEFAULT_MAX_HISTORY_BYTES
from devdev_fs._journal import (
    DEFAULT_MAX_HISTORY_ENTRIES as DEFAULT_MAX_HISTORY_ENTRIES,
)
from devdev_fs._openfile import OpenFile as OpenFile
from devdev_fs._table import DEFAULT_MAX_BYTES as DEFAULT_MAX_BYTES
from devdev_fs._table import DEFAULT_MAX_INODES as DEFAULT_MAX_INODES
from devdev_fs._types import LINK_MAX as LINK_MAX
from devdev_fs._types import NAME_MAX as NAME_MAX
from devdev_fs._types import PAGE_SIZE as PAGE_SIZE
from devdev_fs._types import PATH_MAX as PATH_MAX
from devdev_fs._types import R_OK as R_OK
from devdev_fs._types import ROOT_CALLER as ROOT_CALLER
from devdev_fs._types import ROOT_INO as ROOT_INO
from devdev_fs._types import W_OK as W_OK
from devdev_fs._types import X_OK as X_OK
from devdev_fs._types import XATTR_NAME_MAX as XATTR_NAME_MAX
from devdev_fs._types import XATTR_SIZE_MAX as XATTR_SIZE_MAX
from devdev_fs._types import AtimePolicy as AtimePolicy
from devdev_fs._types import Caller as Caller
from devdev_fs._types import Capability as Capability
from devdev_fs._types import Change as Change
from devdev_fs._types import ChangeKind as ChangeKind
from devdev_fs._types import Dirent as Dirent
from devdev_fs._types import FallocateFlags as FallocateFlags
from devdev_fs._types import Ino as Ino
from devdev_fs._types import Kind as Kind
from devdev_fs._types import RenameFlags as RenameFlags
from devdev_fs._types import SetAttr as SetAttr
from devdev_fs._types import Stat as Stat
from devdev_fs._types import StatVfs as StatVfs
from devdev_fs._types import Whence as Whence
from devdev_fs._types import XattrFlags as XattrFlags
from devdev_fs._versions import Checkpoint as Checkpoint
from devdev_fs._versions import Event as Event
from devdev_fs._versions import EventKind as EventKind
from devdev_fs._versions import Log as Log
from devdev_fs._versions import Merge as Merge
from devdev_fs._versions import MergeConflict as MergeConflict
from devdev_fs._versions import Span as Span
from devdev_fs._versions import Undo as Undo
from devdev_fs._versions import Written as Written
from devdev_fs._watch import Watch as Watch

__version__ = "0.1.0"

__all__ = (
    "DEFAULT_MAX_BYTES",
    "DEFAULT_MAX_HISTORY_BYTES",
    "DEFAULT_MAX_HISTORY_ENTRIES",
    "DEFAULT_MAX_INODES",
    "LINK_MAX",
    "NAME_MAX",
    "PAGE_SIZE",
    "PATH_MAX",
    "ROOT_CALLER",
    "ROOT_INO",
    "R_OK",
    "W_OK",
    "XATTR_NAME_MAX",
    "XATTR_SIZE_MAX",
    "X_OK",
    "AlreadyExists",
    "ArchiveError",
    "AtimePolicy",
    "Attachment",
    "Caller",
    "Capability",
    "Change",
    "ChangeKind",
    "Checkpoint",
    "Clock",
    "Closing",
    "Conflict",
    "ConflictKind",
    "ConflictPolicy",
    "Difference",
    "DifferenceKind",
    "Dirent",
    "Errno",
    "Event",
    "EventKind",
    "FallocateFlags",
    "Fs",
    "FsBase",
    "FsError",
    "Ino",
    "InodeOps",
    "IsADirectory",
    "Kind",
    "Log",
    "Merge",
    "MergeConflict",
    "Mirror",
    "NotADirectory",
    "NotFound",
    "NotPermitted",
    "OpenFile",
    "RenameFlags",
    "SetAttr",
    "SnapshotError",
    "Span",
    "Stat",
    "StatVfs",
    "SystemClock",
    "Undo",
    "Watch",
    "Whence",
    "Written",
    "XattrFlags",
)
