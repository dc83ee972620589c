"""What a process does to itself at level "landlock", for ever (Linux).

The order matters: Landlock and the filter want no_new_privs, and the filter comes last
as it refuses some of what the rest does.
"""

import sys

if sys.platform != "linux":
    raise ImportError("containment is for Linux only")

import ctypes
import os
import struct

from devdev_exec._containment import _landlock, _seccomp
from devdev_exec._containment._capabilities import KEPT
from devdev_exec._containment._system import capset, prctl

# include/uapi/linux/prctl.h, seccomp.h, capability.h
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_PR_CAPBSET_READ = 23
_CAPABILITY_VERSION_3 = 0x20080522
_CAPABILITIES = 64


def confine(*, read: list[str], write: list[str], network: bool) -> None:
    """Confine this process, and all that it starts.

    Args:
        read: what of the host may be read and executed.
        write: what of the host may be changed, too.
        network: whether sockets that reach beyond the host may be used.

    Raises:
        OSError: it cannot be done, or only in part.
    """
    prctl("no_new_privs", _PR_SET_NO_NEW_PRIVS, 1)
    if os.geteuid() == 0:
        _drop_capabilities()
    _landlock.restrict(read=read, write=write, network=network)
    families = None if network else _seccomp.UNIX
    machine = os.uname().machine
    _install(_seccomp.assemble(machine, families=families, is_among_others=True))


def _drop_capabilities() -> None:
    kept = sum(1 << number for number in KEPT.values())
    for number in range(_CAPABILITIES):
        if not kept >> number & 1 and _is_in_bounding_set(number):
            prctl("dropping capabilities", _PR_CAPBSET_DROP, number)
    with open("/proc/self/status", encoding="ascii") as status:
        fields = dict(line.split(":", 1) for line in status)
    kept &= int(fields["CapPrm"], 16)
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    low, high = kept & 0xFFFFFFFF, kept >> 32
    capset(header, struct.pack("=6I", low, low, 0, high, high, 0))


def _is_in_bounding_set(number: int) -> bool:
    try:
        return prctl("reading capabilities", _PR_CAPBSET_READ, number) == 1
    except OSError:  # EINVAL: the kernel has no such
        return False


def _install(instructions: bytes) -> None:
    buffer = ctypes.create_string_buffer(instructions, len(instructions))
    # struct sock_fprog: a length, padding, a pointer.
    fields = struct.pack("@HP", len(instructions) // 8, ctypes.addressof(buffer))
    program = ctypes.create_string_buffer(fields, len(fields))
    address = ctypes.addressof(program)
    prctl("seccomp", _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, address)
