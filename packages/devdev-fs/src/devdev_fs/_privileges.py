"""What a change takes off a file: a program that others changed has no privileges.

Set-id bits and `security.capability` go as in Linux's fs/inode.c:file_remove_privs
and fs/open.c:chown_common.
"""

from devdev_fs import _xattr
from devdev_fs._access import may_set_gid_bit
from devdev_fs._inode import Directory, Inode, RegularFile
from devdev_fs._table import InodeTable
from devdev_fs._types import S_ISGID, S_ISUID, S_IXGRP, Caller, Capability


def drop_by_write(table: InodeTable, inode: RegularFile, caller: Caller) -> None:
    """Take off, of a file edited, what a change of its content takes."""
    if inode.mode & (S_ISUID | S_ISGID) and not caller.has(Capability.FSETID):
        inode.mode = _without_set_id(inode, caller)
    _xattr.drop(table, inode, _xattr.CAPABILITY)


def drop_by_chown(table: InodeTable, inode: Inode, caller: Caller) -> None:
    """Take off, of an inode edited, what a change of owner takes, whoever makes it.

    The group is still the old one. A directory keeps what it has.
    """
    if not isinstance(inode, Directory):
        inode.mode = _without_set_id(inode, caller)
        _xattr.drop(table, inode, _xattr.CAPABILITY)


def _without_set_id(inode: Inode, caller: Caller) -> int:
    """The mode without the set-user-ID and, mostly, without the set-group-ID bit.

    That one, where the group may not execute, means mandatory locking, and stays if
    the caller may set it.
    """
    mode = inode.mode & ~S_ISUID
    if mode & S_IXGRP or not may_set_gid_bit(inode.gid, caller):
        mode &= ~S_ISGID
    return mode
