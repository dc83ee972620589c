"""Landlock: what of the host a program may read and write. See landlock(7) (Linux).

Nothing of it can be undone, and all that the program starts is held to it.
"""

import sys

if sys.platform != "linux":
    raise ImportError("Landlock is Linux's")

import ctypes
import os
import stat
import struct

from devdev_exec._containment._system import syscall

MIN_ABI = 3
"""Below, files that may not be written can still be truncated."""

# The same numbers on every architecture: include/uapi/asm-generic/unistd.h
_CREATE_RULESET = 444
_ADD_RULE = 445
_RESTRICT_SELF = 446

_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1

# include/uapi/linux/landlock.h
_EXECUTE = 1 << 0
_WRITE_FILE = 1 << 1
_READ_FILE = 1 << 2
_READ_DIR = 1 << 3
_MAKE_CHAR = 1 << 6
_MAKE_BLOCK = 1 << 11
_TRUNCATE = 1 << 14
_IOCTL_DEV = 1 << 15
_RIGHTS = {3: 15, 4: 15, 5: 16}
"""How many rights an ABI knows; later ones know as many as 5."""

_NET_ABI = 4
_SCOPES_ABI = 6
_BIND_TCP_AND_CONNECT_TCP = 3
_ABSTRACT_SOCKETS_AND_SIGNALS = 3

_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_READING = _EXECUTE | _READ_FILE | _READ_DIR


def abi() -> int:
    """The version of Landlock that this kernel has.

    Raises:
        OSError: ENOSYS: none; EOPNOTSUPP: it is disabled.
    """
    arguments = (None, 0, _CREATE_RULESET_VERSION)
    return syscall("asking for Landlock", _CREATE_RULESET, *arguments)


def restrict(*, read: list[str], write: list[str], network: bool) -> None:
    """Restrict this process, for ever, and all that it starts.

    It must have no_new_privs set, or CAP_SYS_ADMIN. A path that does not exist is
    left out.

    Args:
        read: what may be read and executed, with all below it.
        write: what may be read, executed and changed, with all below it.
        network: whether TCP may be used.

    Raises:
        OSError: it cannot be.
    """
    version = abi()
    handled = (1 << _RIGHTS.get(version, 16)) - 1
    scopes = _ABSTRACT_SOCKETS_AND_SIGNALS if version >= _SCOPES_ABI else 0
    tcp = 0 if network or version < _NET_ABI else _BIND_TCP_AND_CONNECT_TCP
    attributes = struct.pack("=QQQ", handled, tcp, scopes)
    # A kernel refuses what it does not know, unless that is zero.
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    ruleset = syscall("making rules", _CREATE_RULESET, buffer, len(attributes), 0)
    try:
        for path in read:
            _allow(ruleset, path, _READING & handled)
        for path in write:
            _allow(ruleset, path, handled & ~(_MAKE_CHAR | _MAKE_BLOCK))
        syscall("restricting", _RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            rights &= _OF_FILES
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, fd), 12)
        what = f"allowing {path!r}"
        syscall(what, _ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(fd)
