"""One mount by WinFsp: how it begins, and how it ends.

WinFsp's threads call, and each call takes the store's lock. A process that is killed
leaves nothing: the volume is a handle of it, and Windows closes those.
"""

import secrets
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from devdev_fs import ROOT_INO, Fs

from devdev_mount._driver import MountedSession, MountOptions
from devdev_mount._errors import MountError
from devdev_mount._winfsp._binding import make_operations
from devdev_mount._winfsp._mirror import WinFspMirror
from devdev_mount._winfsp._mountpoints import as_drive, shown_at
from devdev_mount._winfsp._shown import Owners, Shown
from devdev_mount._winfsp._times import to_filetime
from devdev_mount._winfsp._volume import Volume

START_TIMEOUT = 10.0  # for the answer to a first stat
STOP_TIMEOUT = 5.0  # for WinFsp's threads to end

_SECTOR_SIZE = 4096
_NAME_MAX = 255


class WinFspSession(MountedSession):
    """A mounted filesystem; see `Session`.

    Args:
        winfspy: the module.
        fs: what to show.
        place: a drive that is free, or a directory that is not there.
        options: how to show it.
        owners: whose everything is; None if it is the store's users'.

    Raises:
        MountError: it cannot be mounted there.
    """

    def __init__(
        self,
        winfspy: Any,
        fs: Fs,
        place: str,
        options: MountOptions,
        owners: Owners | None,
    ) -> None:
        self.path = shown_at(place)
        """Where the filesystem is to be seen."""
        self._requests: Counter[str] = Counter()
        self._is_mounted = False
        mirror = WinFspMirror(fs)
        with ExitStack() as undo:
            undo.callback(mirror.close)
            attachment = mirror.attachment
            volume = Volume(
                attachment.inodes,
                mirror.places,
                mirror.handles,
                Shown(attachment, owners, others=options.allow_other),
                is_read_only=options.read_only,
            )
            operations = make_operations(winfspy, volume, mirror, self._requests)
            birth = attachment.inodes.getattr(ROOT_INO).btime_ns
            try:
                self._filesystem = winfspy.FileSystem(
                    place, operations, **_parameters(place, birth, options)
                )
            except winfspy.WinFSPyError as exc:
                raise MountError(f"WinFsp makes no volume: {exc}") from exc
            try:
                _bounded(self._filesystem.start, START_TIMEOUT, f"{place} to answer")
            except (winfspy.WinFSPyError, OSError) as exc:
                raise MountError(f"{place} cannot be mounted at: {exc}") from exc
            finally:
                undo.callback(self._unmount)
            self._is_mounted = True
            self._undo = undo.pop_all()

    def _unmount(self) -> None:
        self._is_mounted = False
        _bounded(self._filesystem.stop, STOP_TIMEOUT, f"{self.path} to be unmounted")

    @property
    def is_alive(self) -> bool:
        """Whether it is mounted."""
        return self._is_mounted

    @property
    def requests(self) -> dict[str, int]:
        """How often Windows asked for what; see `Session.requests`."""
        return dict(self._requests)

    def attribute(self, pid: int, span: int) -> None:
        """Nothing: Windows does not tell who asks; see `Session.attribute`."""

    def environment(self, span: int) -> dict[str, str]:
        """Nothing; see `Session.environment`."""
        return {}


def _parameters(place: str, birth_ns: int, options: MountOptions) -> dict[str, object]:
    """Parameters of the volume (FSP_FSCTL_VOLUME_PARAMS).

    Nothing is cached (a timeout of 0), so that changes through the API are seen.
    """
    return {
        "sector_size": _SECTOR_SIZE,
        "sectors_per_allocation_unit": 1,
        "max_component_length": _NAME_MAX,
        "volume_creation_time": to_filetime(birth_ns),
        "volume_serial_number": secrets.randbits(32),
        "file_info_timeout": 0,
        "case_sensitive_search": 0,
        "case_preserved_names": 1,
        "unicode_on_disk": 1,
        "persistent_acls": 1,
        "reparse_points": 1,
        "read_only_volume": int(options.read_only),
        "post_cleanup_when_modified_only": 1,
        "pass_query_directory_file_name": 1,
        "um_file_context_is_user_context2": 1,
        "reject_irp_prior_to_transact0": int(as_drive(place) is None),
        "file_system_name": "devdev",
    }


def _bounded(call: Callable[[], object], timeout: float, what: str) -> None:
    """Call it on a thread that may hang instead of us.

    Raises:
        MountError: it did not return in time.
    """
    failures: list[Exception] = []

    def run() -> None:
        try:
            call()
        except Exception as exc:
            failures.append(exc)

    thread = threading.Thread(target=run, name="devdev-winfsp", daemon=True)
    thread.start()
    thread.join(timeout)
    if thread.is_alive():
        raise MountError(f"waited {timeout} s in vain for {what}")
    if failures:
        raise failures[0]
