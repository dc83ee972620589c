"""Extended attributes between the host and the filesystem, where the host has any."""

import sys

if sys.platform == "win32":
    raise ImportError("Windows has no extended attributes of this kind")

import errno
import os

from devdev_fs import Errno, FsError, Ino, InodeOps

_SHARED = ("user.", "system.posix_acl_")
"""What both sides mean the same by."""
_HOSTS_OWN = ("security.selinux", "security.ima", "security.evm", "security.SMACK64")
"""What the host gives files by itself."""
_DEFAULT = "system.posix_acl_default"
_NONE_THERE = (errno.EOPNOTSUPP, errno.EPERM, errno.ENOSYS, errno.EINVAL)


Target = int | str
"""A descriptor of a file or a directory, or a path to anything else."""


def read_host(file: Target) -> tuple[dict[str, bytes], list[str]]:
    """Its attributes, and the names of those that are not kept."""
    found: dict[str, bytes] = {}
    others: list[str] = []
    if sys.platform != "linux":
        return found, others
    try:
        names = os.listxattr(file)
    except OSError as exc:
        if exc.errno in _NONE_THERE:
            return found, others
        raise
    for name in names:
        if name.startswith(_SHARED):
            found[name] = os.getxattr(file, name)
        elif name not in _HOSTS_OWN:
            others.append(name)
    return found, others


def are_inherited(directory: dict[str, bytes]) -> bool:
    """Whether what is made in a directory with these attributes has some at once."""
    return _DEFAULT in directory


def write_host(
    file: Target, old: dict[str, bytes], new: dict[str, bytes]
) -> tuple[dict[str, bytes], list[str]]:
    """Give it what `new` has; what it then has, and what it could not be given."""
    there = dict(old)
    refused: list[str] = []
    if sys.platform != "linux":
        return there, sorted(new)
    for name in old.keys() - new:
        os.removexattr(file, name)
        del there[name]
    for name, value in new.items():
        if there.get(name) == value:
            continue
        try:
            if not name.startswith(_SHARED):
                raise OSError(errno.EOPNOTSUPP, "not shared")
            os.setxattr(file, name, value)
            there[name] = value
        except OSError as exc:
            if exc.errno not in (*_NONE_THERE, errno.E2BIG, errno.ENOSPC):
                raise
            refused.append(name)
    return there, refused


def read_fs(inodes: InodeOps, ino: Ino) -> dict[str, bytes]:
    """The attributes of an inode of the filesystem."""
    names = inodes.listxattr(ino)
    return {os.fsdecode(name): inodes.getxattr(ino, name) for name in names}


def write_fs(
    inodes: InodeOps, ino: Ino, old: dict[str, bytes], new: dict[str, bytes]
) -> None:
    """Do to an inode what was done to the host's, which had `old` and has `new`."""
    for name in old.keys() - new:
        try:
            inodes.removexattr(ino, os.fsencode(name))
        except FsError as exc:
            if exc.errno != Errno.ENODATA:
                raise
    for name, value in new.items():
        if old.get(name) != value:
            inodes.setxattr(ino, os.fsencode(name), value)
