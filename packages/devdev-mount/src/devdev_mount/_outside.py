"""A mount as seen from outside: who uses it, and how to be rid of a dead one."""

import os
import sys
from collections.abc import Container

from devdev_mount._errors import MountError
from devdev_mount._status import Holder

if sys.platform == "linux":
    import errno

    from devdev_mount._detach import (
        FSTYPE,
        find_mounts,
        force_unmount,
        mount_table,
        run_bounded,
    )
    from devdev_mount._fusermount import find_helper
    from devdev_mount._holders import scan

LOOK_TIMEOUT = 2.0
"""For a mount to be looked at, which one that hangs never answers."""


def find_holders(
    place: str | os.PathLike[str], *, without: Container[int] = ()
) -> list[Holder]:
    """The processes that are in a directory, or have something of it open or mapped.

    Of other users' processes only root is told.

    Args:
        place: the directory; it is not looked at itself.
        without: processes to leave out, as the one that serves it.
    """
    if sys.platform == "linux":
        return scan(_without_last_link(place), without)
    return []


def detach(place: str | os.PathLike[str], *, force: bool = False) -> None:
    """Take a mount of devdev's out of the tree whose server is dead.

    Args:
        place: where it is.
        force: do so as well if the server lives, but cannot be asked; who uses the
            mount gets ENOTCONN, and what the server does then is its own affair.

    Raises:
        MountError: nothing of devdev's is mounted there; its server lives; or it could
            not be taken out.
    """
    path = _without_last_link(place)
    if sys.platform == "linux":
        sources = [
            mount.source
            for mount in mount_table()
            if mount.mountpoint == path and mount.fstype == FSTYPE
        ]
        if sources:
            if not force and not _is_dead(path):
                raise MountError(
                    f"{path} is served by a process that cannot be asked; end that, "
                    "or force the mount out"
                )
            force_unmount(sources[-1], find_helper())
            if find_mounts(sources[-1]):
                raise MountError(f"{path} could not be unmounted: are you its user?")
            return
    raise MountError(f"nothing of devdev's is mounted at {path}")


def _without_last_link(place: str | os.PathLike[str]) -> str:
    """The absolute path; the last component, which may hang, is not looked at."""
    parent, name = os.path.split(os.path.abspath(place))
    return os.path.join(os.path.realpath(parent), name)


if sys.platform == "linux":

    def _is_dead(path: str) -> bool:
        """Whether nobody serves the mount any more."""
        dead = []

        def look() -> None:
            try:
                os.statvfs(path)
            except OSError as error:
                dead.append(error.errno in (errno.ENOTCONN, errno.ECONNABORTED))

        run_bounded(look, LOOK_TIMEOUT)
        return dead == [True]
