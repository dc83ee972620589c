"""A private directory of the host for temporary files."""

import os
import sys
import tempfile
from contextlib import ExitStack

from devdev_mount._errors import MountError


class ScratchDirectory:
    """A directory that only this user can enter, gone with all that is in it.

    It is removed by `close`, and at the latest when this process ends, however it ends.

    Raises:
        MountError: none can be made, or not on this platform.
    """

    path: str
    """Where it is."""

    def __init__(self) -> None:
        if sys.platform == "win32":
            raise MountError("scratch directories are for POSIX hosts")
        from devdev_mount._copy._keeper import Keeper

        try:
            path = os.path.realpath(tempfile.mkdtemp(prefix="devdev-tmp-"))
        except OSError as exc:
            raise MountError(f"no directory for temporary files: {exc}") from exc
        with ExitStack() as undo:
            undo.callback(os.rmdir, path)
            self._keeper = Keeper(path)
            undo.callback(self._keeper.dismiss)
            self._keeper.wait_ready()
            undo.pop_all()
        self.path = path

    def close(self) -> None:
        """Remove it.

        Raises:
            OSError: something is still there, and stays: programs go on to make files.
        """
        if sys.platform == "win32":
            raise NotImplementedError("there is none")
        from devdev_mount._removal import remove

        try:
            remove(self.path)
        finally:
            self._keeper.dismiss()
