"""What a new inode gets from its directory and from who makes it."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from devdev_fs import _acl
from devdev_fs._access import may_set_gid_bit
from devdev_fs._inode import Directory, Inode, xattr_pages
from devdev_fs._table import InodeTable
from devdev_fs._types import S_IFMT, S_ISGID, S_IXGRP, Caller, Kind

NewInode = TypeVar("NewInode", bound=Inode)


def make(
    table: InodeTable,
    directory: Directory,
    mode: int,
    caller: Caller,
    kind: Callable[..., NewInode],
) -> NewInode:
    """A new inode for the directory, which is not in it yet; its space is counted.

    It gets the directory's default access control list in place of the umask
    (acl(5)).

    Raises:
        FsError: ENOSPC, EINVAL (the caller's numbers do not fit).
    """
    table.check_inodes()
    if directory.mode & S_ISGID:
        mode = _without_foreign_group(directory, mode, caller)
    xattrs = None
    if directory.xattrs is not None and mode & S_IFMT != Kind.SYMLINK:
        default = directory.xattrs.get(_acl.DEFAULT)
        if default is not None:
            mode, xattrs = _inherit(default, mode)
            caller = replace(caller, umask=0)
            table.check_pages(xattr_pages(xattrs))
    inode = kind(*table.stamp(directory, mode, caller))
    if xattrs:
        inode.xattrs = xattrs
        table.pages_used += inode.pages
    return inode


def _without_foreign_group(directory: Directory, mode: int, caller: Caller) -> int:
    """The mode of a program that does not run for a group that is not its maker's.

    As Linux's fs/inode.c:mode_strip_sgid.
    """
    is_group_program = (
        mode & S_IFMT != Kind.DIRECTORY and mode & S_ISGID and mode & S_IXGRP
    )
    if is_group_program and not may_set_gid_bit(directory.gid, caller):
        return mode & ~S_ISGID
    return mode


def _inherit(default: bytes, mode: int) -> tuple[int, dict[bytes, bytes]]:
    """The mode, and the attributes, of what is made in a directory with that list."""
    xattrs = {}
    new_mode, access = _acl.inherit(default, mode)
    if access is not None:
        xattrs[_acl.ACCESS] = access
    if mode & S_IFMT == Kind.DIRECTORY:
        xattrs[_acl.DEFAULT] = default
    return new_mode, xattrs
