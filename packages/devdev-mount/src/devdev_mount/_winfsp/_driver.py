"""The `winfsp` driver."""

import os
import sys
from contextlib import ExitStack

from devdev_fs import Fs

from devdev_mount._driver import MountOptions
from devdev_mount._errors import DriverUnavailable, MountError
from devdev_mount._winfsp._binding import load_winfspy
from devdev_mount._winfsp._mountpoints import ANY_DRIVE, as_drive, make_room
from devdev_mount._winfsp._session import WinFspSession
from devdev_mount._winfsp._shown import Owners


class WinFspDriver:
    """Shows a filesystem as a drive or a directory of Windows; see `Driver`."""

    name = "winfsp"

    def check(self, options: MountOptions) -> None:
        """Refuse what this host does not offer; see `Driver.check`."""
        if sys.platform != "win32":
            raise DriverUnavailable(f"WinFsp is for Windows, not for {sys.platform!r}")
        if options.suid or options.dev:
            raise DriverUnavailable("Windows has no set-id bits and device nodes")
        load_winfspy()

    def private(self, undo: ExitStack) -> str:
        """Any drive that is free."""
        return ANY_DRIVE

    def resolve(self, mountpoint: str | os.PathLike[str]) -> str:
        """A drive, or a directory that is empty or not there; see `Driver.resolve`."""
        place = os.fspath(mountpoint)
        return as_drive(place) or os.path.abspath(place)

    def start(
        self,
        fs: Fs,
        mountpoint: str,
        options: MountOptions,
        *,
        is_private: bool,
        spin_s: float = 0.0,
        lifeline: int | None = None,
    ) -> WinFspSession:
        """Mount; WinFsp's threads answer. See `Driver.start`."""
        if sys.platform != "win32":
            raise DriverUnavailable(f"WinFsp is for Windows, not for {sys.platform!r}")
        from devdev_mount._winfsp._host import host_drives, this_user

        winfspy = load_winfspy()
        owners: Owners | None = None
        if options.ownership == "mapped":
            owners = this_user()
        if mountpoint != ANY_DRIVE:
            if as_drive(mountpoint) is None:
                make_room(mountpoint)
            return WinFspSession(winfspy, fs, mountpoint, options, owners)
        refusal = MountError("no drive is free: give a directory to mount at")
        for drive in host_drives():
            try:
                return WinFspSession(winfspy, fs, drive, options, owners)
            except MountError as exc:  # another program took it
                refusal = exc
        raise refusal
