"""A workspace: an in-memory filesystem, mounted, and programs run in it.

`Workspace` is what there is; the other names occur in its methods' signatures.
"""

from devdev_mount import AlreadyExists as AlreadyExists
from devdev_mount import ArchiveError as ArchiveError
from devdev_mount import Checkpoint as Checkpoint
from devdev_mount import Closing as Closing
from devdev_mount import Conflict as Conflict
from devdev_mount import ConflictPolicy as ConflictPolicy
from devdev_mount import Difference as Difference
from devdev_mount import DifferenceKind as DifferenceKind
from devdev_mount import DriverUnavailable as DriverUnavailable
from devdev_mount import Errno as Errno
from devdev_mount import Event as Event
from devdev_mount import EventKind as EventKind
from devdev_mount import FsBase as FsBase
from devdev_mount import FsError as FsError
from devdev_mount import ImportReport as ImportReport
from devdev_mount import Ino as Ino
from devdev_mount import IsADirectory as IsADirectory
from devdev_mount import Kind as Kind
from devdev_mount import MergeConflict as MergeConflict
from devdev_mount import MountError as MountError
from devdev_mount import MountOptions as MountOptions
from devdev_mount import NotADirectory as NotADirectory
from devdev_mount import NotFound as NotFound
from devdev_mount import NotPermitted as NotPermitted
from devdev_mount import PullReport as PullReport
from devdev_mount import PushReport as PushReport
from devdev_mount import RenameFlags as RenameFlags
from devdev_mount import SavedState as SavedState
from devdev_mount import ServerDied as ServerDied
from devdev_mount import SetAttr as SetAttr
from devdev_mount import SnapshotError as SnapshotError
from devdev_mount import Span as Span
from devdev_mount import Stat as Stat
from devdev_mount import StateDamaged as StateDamaged
from devdev_mount import StateError as StateError
from devdev_mount import StateInUse as StateInUse
from devdev_mount import StateOptions as StateOptions
from devdev_mount import Undo as Undo
from devdev_mount import Unkept as Unkept
from devdev_mount import Watch as Watch
from devdev_mount import Written as Written

from devdev_exec._asyncsession import AsyncSession as AsyncSession
from devdev_exec._awaiting import Pattern as Pattern
from devdev_exec._awaiting import Waited as Waited
from devdev_exec._cancellation import Cancellation as Cancellation
from devdev_exec._containment import Containment as Containment
from devdev_exec._containment import Limits as Limits
from devdev_exec._containment import Offer as Offer
from devdev_exec._containment import probe_containment as probe_containment
from devdev_exec._display import Screen as Screen
from devdev_exec._env import Environment as Environment
from devdev_exec._env import Preset as Preset
from devdev_exec._errors import ContainmentError as ContainmentError
from devdev_exec._errors import ExecCancelled as ExecCancelled
from devdev_exec._errors import ExecError as ExecError
from devdev_exec._errors import SpawnError as SpawnError
from devdev_exec._levels import Level as Level
from devdev_exec._log import Output as Output
from devdev_exec._pty import WindowSize as WindowSize
from devdev_exec._race import Attempt as Attempt
from devdev_exec._race import Outcome as Outcome
from devdev_exec._race import Race as Race
from devdev_exec._result import ExecResult as ExecResult
from devdev_exec._runner import HOME as HOME
from devdev_exec._runner import StartOptions as StartOptions
from devdev_exec._session import Session as Session
from devdev_exec._transaction import Check as Check
from devdev_exec._transaction import CommitPolicy as CommitPolicy
from devdev_exec._transaction import Transaction as Transaction
from devdev_exec._workspace import DriverChoice as DriverChoice
from devdev_exec._workspace import Workspace as Workspace

__version__ = "0.1.0"

__all__ = (
    "HOME",
    "AlreadyExists",
    "ArchiveError",
    "AsyncSession",
    "Attempt",
    "Cancellation",
    "Check",
    "Checkpoint",
    "Closing",
    "CommitPolicy",
    "Conflict",
    "ConflictPolicy",
    "Containment",
    "ContainmentError",
    "Difference",
    "DifferenceKind",
    "DriverChoice",
    "DriverUnavailable",
    "Environment",
    "Errno",
    "Event",
    "EventKind",
    "ExecCancelled",
    "ExecError",
    "ExecResult",
    "FsBase",
    "FsError",
    "ImportReport",
    "Ino",
    "IsADirectory",
    "Kind",
    "Level",
    "Limits",
    "MergeConflict",
    "MountError",
    "MountOptions",
    "NotADirectory",
    "NotFound",
    "NotPermitted",
    "Offer",
    "Outcome",
    "Output",
    "Pattern",
    "Preset",
    "PullReport",
    "PushReport",
    "Race",
    "RenameFlags",
    "SavedState",
    "Screen",
    "ServerDied",
    "Session",
    "SetAttr",
    "SnapshotError",
    "Span",
    "SpawnError",
    "StartOptions",
    "Stat",
    "StateDamaged",
    "StateError",
    "StateInUse",
    "StateOptions",
    "Transaction",
    "Undo",
    "Unkept",
    "Waited",
    "Watch",
    "WindowSize",
    "Workspace",
    "Written",
    "probe_containment",
)
