"""Where to mount: a directory that is there, is empty and is no mount of ours yet."""

import sys

if sys.platform != "linux":
    raise ImportError("FUSE mounts are for Linux")

import errno
import os

from devdev_mount._detach import FSTYPE, mount_table
from devdev_mount._errors import MountError


def resolve_mountpoint(path: str | os.PathLike[str]) -> str:
    """The absolute path, without symbolic links, of a directory to mount on.

    Raises:
        MountError: it cannot be mounted on.
    """
    given = os.path.abspath(os.fspath(path))
    # A mount whose server hangs must not be looked at, so its last component is not.
    parent, name = os.path.split(given)
    _check_not_mounted(os.path.join(os.path.realpath(parent), name))
    try:
        resolved = os.path.realpath(given, strict=True)
        _check_not_mounted(resolved)
        is_empty = not os.listdir(resolved)
    except FileNotFoundError:
        raise MountError(f"{given} does not exist: make the directory first") from None
    except NotADirectoryError:
        raise MountError(f"{given} is not a directory") from None
    except OSError as exc:
        if exc.errno == errno.ENOTCONN:
            raise MountError(
                f"{given} is a mount whose server is gone: "
                f"remove it with `umount -l` or `fusermount3 -u -z`"
            ) from None
        raise MountError(f"cannot mount on {given}: {exc.strerror}") from exc
    if not is_empty:
        raise MountError(f"{given} is not empty: a mount would hide what is in it")
    return resolved


def _check_not_mounted(path: str) -> None:
    for mount in mount_table():
        if mount.mountpoint == path and mount.fstype == FSTYPE:
            raise MountError(f"{path} is already a mount of devdev: unmount it")
