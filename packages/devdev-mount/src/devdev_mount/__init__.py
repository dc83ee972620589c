"""Shows a devdev filesystem as a real directory that any program can use.

`serve()` does it in a process of its own, which then owns the filesystem; `mount()`
from this process, which then must do nothing else with it. `attach()` uses what
another process serves.
"""

from devdev_fs import DEFAULT_MAX_BYTES as DEFAULT_MAX_BYTES
from devdev_fs import DEFAULT_MAX_INODES as DEFAULT_MAX_INODES
from devdev_fs import AlreadyExists as AlreadyExists
from devdev_fs import ArchiveError as ArchiveError
from devdev_fs import AtimePolicy as AtimePolicy
from devdev_fs import Checkpoint as Checkpoint
from devdev_fs import Closing as Closing
from devdev_fs import Conflict as Conflict
from devdev_fs import ConflictPolicy as ConflictPolicy
from devdev_fs import Difference as Difference
from devdev_fs import DifferenceKind as DifferenceKind
from devdev_fs import Errno as Errno
from devdev_fs import Event as Event
from devdev_fs import EventKind as EventKind
from devdev_fs import Fs as Fs
from devdev_fs import FsBase as FsBase
from devdev_fs import FsError as FsError
from devdev_fs import Ino as Ino
from devdev_fs import IsADirectory as IsADirectory
from devdev_fs import Kind as Kind
from devdev_fs import MergeConflict as MergeConflict
from devdev_fs import NotADirectory as NotADirectory
from devdev_fs import NotFound as NotFound
from devdev_fs import NotPermitted as NotPermitted
from devdev_fs import RenameFlags as RenameFlags
from devdev_fs import SetAttr as SetAttr
from devdev_fs import SnapshotError as SnapshotError
from devdev_fs import Span as Span
from devdev_fs import Stat as Stat
from devdev_fs import Undo as Undo
from devdev_fs import Watch as Watch
from devdev_fs import Written as Written

from devdev_mount._attach import Attached as Attached
from devdev_mount._attach import attach as attach
from devdev_mount._attach import list_served as list_served
from devdev_mount._client import Served as Served
from devdev_mount._client import ServedMount as ServedMount
from devdev_mount._client import serve as serve
from devdev_mount._driver import DriverName as DriverName
from devdev_mount._driver import MountOptions as MountOptions
from devdev_mount._errors import DriverUnavailable as DriverUnavailable
from devdev_mount._errors import HostChanged as HostChanged
from devdev_mount._errors import MountError as MountError
from devdev_mount._errors import ServerDied as ServerDied
from devdev_mount._errors import StateDamaged as StateDamaged
from devdev_mount._errors import StateError as StateError
from devdev_mount._errors import StateInUse as StateInUse
from devdev_mount._export import export_tree as export_tree
from devdev_mount._host import ImportReport as ImportReport
from devdev_mount._host import Progress as Progress
from devdev_mount._host import import_tree as import_tree
from devdev_mount._hosttree import HostTree as HostTree
from devdev_mount._mount import Mount as Mount
from devdev_mount._mount import check_mountable as check_mountable
from devdev_mount._mount import mount as mount
from devdev_mount._outside import detach as detach
from devdev_mount._outside import find_holders as find_holders
from devdev_mount._reports import ApplyProgress as ApplyProgress
from devdev_mount._reports import ApplyReport as ApplyReport
from devdev_mount._reports import ExportProgress as ExportProgress
from devdev_mount._reports import ExportReport as ExportReport
from devdev_mount._reports import PullReport as PullReport
from devdev_mount._reports import PushReport as PushReport
from devdev_mount._reports import Unkept as Unkept
from devdev_mount._scratch import ScratchDirectory as ScratchDirectory
from devdev_mount._state import Keeper as Keeper
from devdev_mount._state import StateOptions as StateOptions
from devdev_mount._status import ClientStatus as ClientStatus
from devdev_mount._status import Holder as Holder
from devdev_mount._status import MountStatus as MountStatus
from devdev_mount._status import SavedState as SavedState
from devdev_mount._status import ServedPlace as ServedPlace
from devdev_mount._status import ServedStatus as ServedStatus

__version__ = "0.1.0"

__all__ = (
    "DEFAULT_MAX_BYTES",
    "DEFAULT_MAX_INODES",
    "AlreadyExists",
    "ApplyProgress",
    "ApplyReport",
    "ArchiveError",
    "AtimePolicy",
    "Attached",
    "Checkpoint",
    "ClientStatus",
    "Closing",
    "Conflict",
    "ConflictPolicy",
    "Difference",
    "DifferenceKind",
    "DriverName",
    "DriverUnavailable",
    "Errno",
    "Event",
    "EventKind",
    "ExportProgress",
    "ExportReport",
    "Fs",
    "FsBase",
    "FsError",
    "Holder",
    "HostChanged",
    "HostTree",
    "ImportReport",
    "Ino",
    "IsADirectory",
    "Keeper",
    "Kind",
    "MergeConflict",
    "Mount",
    "MountError",
    "MountOptions",
    "MountStatus",
    "NotADirectory",
    "NotFound",
    "NotPermitted",
    "Progress",
    "PullReport",
    "PushReport",
    "RenameFlags",
    "SavedState",
    "ScratchDirectory",
    "Served",
    "ServedMount",
    "ServedPlace",
    "ServedStatus",
    "ServerDied",
    "SetAttr",
    "SnapshotError",
    "Span",
    "Stat",
    "StateDamaged",
    "StateError",
    "StateInUse",
    "StateOptions",
    "Undo",
    "Unkept",
    "Watch",
    "Written",
    "attach",
    "check_mountable",
    "detach",
    "export_tree",
    "find_holders",
    "import_tree",
    "list_served",
    "mount",
    "serve",
)
