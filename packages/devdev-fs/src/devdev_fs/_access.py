"""Permissions: whether a caller may do what it asks for.

`ROOT_CALLER` may do everything, at no cost: who calls these functions asks first
whether it is that one, or they do.
"""

from devdev_fs import _acl
from devdev_fs._errno import Errno, FsError
from devdev_fs._inode import Directory, Inode, Symlink
from devdev_fs._table import InodeTable
from devdev_fs._types import (
    R_OK,
    ROOT_CALLER,
    S_IRWXG,
    S_ISVTX,
    S_IXUGO,
    W_OK,
    X_OK,
    Caller,
    Capability,
    Ino,
    Kind,
)


def permits(inode: Inode, mask: int, caller: Caller) -> bool:
    """Whether the inode's mode and list, or a capability, give that access.

    As Linux's fs/namei.c:generic_permission; `mask` is made of R_OK, W_OK, X_OK.
    """
    if not mask & ~_granted(inode, mask, caller):
        return True
    if isinstance(inode, Directory):
        if not mask & W_OK and caller.has(Capability.DAC_READ_SEARCH):
            return True
    elif mask == R_OK and caller.has(Capability.DAC_READ_SEARCH):
        return True
    elif mask & X_OK and not inode.mode & S_IXUGO:
        return False
    return caller.has(Capability.DAC_OVERRIDE)


def _granted(inode: Inode, mask: int, caller: Caller) -> int:
    """What the class that the caller is in may do, in the last three bits."""
    mode = inode.mode
    if caller.uid == inode.uid:
        return mode >> 6
    if inode.xattrs is not None and mode & S_IRWXG:
        access = inode.xattrs.get(_acl.ACCESS)
        if access is not None:
            is_given = _acl.permits(access, mode, inode.gid, mask, caller)
            return mask if is_given else 0
    return mode >> 3 if caller.is_in(inode.gid) else mode


def check_access(inode: Inode, mask: int, caller: Caller) -> None:
    """Refuse an access that the caller does not have.

    Raises:
        FsError: EACCES.
    """
    if caller is not ROOT_CALLER and not permits(inode, mask, caller):
        wanted = "".join("xwr"[at] for at in (2, 1, 0) if mask & 1 << at)
        message = f"user {caller.uid} has no {wanted} permission on inode {inode.ino}"
        raise FsError(Errno.EACCES, message)


def is_owner(inode: Inode, caller: Caller) -> bool:
    """Whether the caller owns the inode, or passes for who does."""
    return caller.uid == inode.uid or caller.has(Capability.FOWNER)


def check_is_owner(inode: Inode, caller: Caller) -> None:
    """Refuse what only the owner may do.

    Raises:
        FsError: EPERM.
    """
    if not is_owner(inode, caller):
        message = f"user {caller.uid} does not own inode {inode.ino}"
        raise FsError(Errno.EPERM, message)


def check_removal(
    directory: Directory, inode: Inode, name: bytes, caller: Caller
) -> None:
    """Refuse to take a name out of a directory (Linux's fs/namei.c:may_delete).

    Raises:
        FsError: EACCES, EPERM (a sticky directory, and neither it nor the inode is
            the caller's).
    """
    if caller is ROOT_CALLER:
        return
    check_access(directory, W_OK | X_OK, caller)
    if (
        directory.mode & S_ISVTX
        and directory.uid != caller.uid
        and not is_owner(inode, caller)
    ):
        raise FsError(Errno.EPERM, "a sticky directory, and another's inode", name)


def may_set_gid_bit(gid: int, caller: Caller) -> bool:
    """Whether the caller may set the set-group-ID bit of what belongs to a group."""
    return caller.is_in(gid) or caller.has(Capability.FSETID)


# --- operations ------------------------------------------------------------------


def access(
    table: InodeTable, ino: Ino, mask: int, caller: Caller = ROOT_CALLER
) -> None:
    """See `InodeOps.access`."""
    if mask & ~(R_OK | W_OK | X_OK):
        raise FsError(Errno.EINVAL, f"access {mask:#x}")
    inode = table.get(ino)
    if not permits(inode, mask, caller):
        message = f"user {caller.uid} has not access {mask:o} to inode {ino}"
        raise FsError(Errno.EACCES, message)


def open_check(
    table: InodeTable,
    ino: Ino,
    mask: int,
    caller: Caller = ROOT_CALLER,
    noatime: bool = False,
) -> None:
    """See `InodeOps.open_check`."""
    if mask & ~(R_OK | W_OK | X_OK):
        raise FsError(Errno.EINVAL, f"access {mask:#x}")
    inode = table.get(ino)
    if isinstance(inode, Symlink):
        raise FsError(Errno.ELOOP, f"inode {ino} is a symbolic link")
    if isinstance(inode, Directory) and mask & W_OK:
        raise FsError(Errno.EISDIR, f"inode {ino} is a directory")
    if mask & X_OK and inode.kind != Kind.REGULAR:
        raise FsError(Errno.EACCES, f"inode {ino} is nothing to execute")
    if not permits(inode, mask, caller):
        message = f"user {caller.uid} may not open inode {ino} for {mask:o}"
        raise FsError(Errno.EACCES, message)
    if noatime:
        check_is_owner(inode, caller)
    if inode.kind == Kind.SOCKET:
        raise FsError(Errno.ENXIO, f"inode {ino} is a socket")
