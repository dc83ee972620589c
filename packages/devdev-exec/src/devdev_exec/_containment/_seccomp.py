"""The filter of system calls: a classic BPF program, assembled here. See seccomp(2).

What is refused gives EPERM, as it would for lack of a privilege. A call in another
architecture's numbers ends the process.
"""

import struct

EPERM = 1
ENOSYS = 38

# include/uapi/linux/bpf_common.h, seccomp.h
_LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_JUMP_ANY_BIT = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K
_KILL_PROCESS = 0x80000000
_ERRNO = 0x00050000
_ALLOW = 0x7FFF0000

# Offsets in struct seccomp_data; both architectures are little-endian, so that an
# argument's low half comes first.
_NUMBER = 0
_ARCHITECTURE = 4
_FIRST_ARGUMENT = 16
_SECOND_ARGUMENT = 24

_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000  # the bit of the x32 numbers, on x86_64

_NEW_NAMESPACES = (
    0x00000080  # CLONE_NEWTIME
    | 0x00020000  # CLONE_NEWNS
    | 0x02000000  # CLONE_NEWCGROUP
    | 0x04000000  # CLONE_NEWUTS
    | 0x08000000  # CLONE_NEWIPC
    | 0x10000000  # CLONE_NEWUSER
    | 0x20000000  # CLONE_NEWPID
    | 0x40000000  # CLONE_NEWNET
)
_CLONE_EXIT_SIGNAL = 0xFF
"""In clone(2)'s flags: the bit of CLONE_NEWTIME is part of it, and means no such."""

_TIOCSTI = 0x5412
_TIOCLINUX = 0x541C

UNIX = (1,)
"""Families of sockets: AF_UNIX."""
NAMESPACED = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: those that a network namespace keeps apart,
of what programs use. Of AF_VSOCK and others there is one for all namespaces."""

# Numbers: x86_64, aarch64 (include/uapi/asm-generic/unistd.h); None: not there.
_REFUSED: dict[str, tuple[int, int | None]] = {
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    # mounts and namespaces
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    # files by handles, and descriptors used by the kernel
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "fanotify_init": (300, 262),
    # keys
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # the kernel's inside
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "syslog": (103, 116),
    # the machine
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "iopl": (172, None),
    "ioperm": (173, None),
    "uselib": (134, None),
}
# What reaches others of the host's processes without a file.
_SYSTEM_V: dict[str, tuple[int, int]] = {
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "semctl": (66, 191),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
}
_PRLIMIT = (302, 261)
_CLONE = (56, 220)
_CLONE3 = (435, 435)
_IOCTL = (16, 29)
_SOCKET = (41, 198)

MACHINES = tuple(_AUDIT)
"""The machines, as `os.uname` names them, that there is a filter for."""


def assemble(
    machine: str, *, families: tuple[int, ...] | None, is_among_others: bool
) -> bytes:
    """The filter, as an array of struct sock_filter.

    Args:
        machine: one of `MACHINES`.
        families: of which sockets may be made; None is of any.
        is_among_others: whether processes and IPC of the host are in reach, so that
            the filter has to keep System V's IPC and limits of others from it.
    """
    column = MACHINES.index(machine)
    program = [
        _instruction(_LOAD, _ARCHITECTURE),
        _instruction(_JUMP_EQUAL, _AUDIT[machine], yes=1),
        _instruction(_RETURN, _KILL_PROCESS),
        _instruction(_LOAD, _NUMBER),
    ]
    if machine == "x86_64":
        program += _if(_JUMP_AT_LEAST, _X32, _refuse(ENOSYS))
    refused = _REFUSED | _SYSTEM_V if is_among_others else _REFUSED
    for numbers in refused.values():
        number = numbers[column]
        if number is not None:
            program += _if(_JUMP_EQUAL, number, _refuse(EPERM))
    # Its flags are in memory, where a filter cannot look. Without it, the C library
    # takes clone.
    program += _if(_JUMP_EQUAL, _CLONE3[column], _refuse(ENOSYS))
    program += _if_argument(
        _CLONE[column],
        _FIRST_ARGUMENT,
        _if(_JUMP_ANY_BIT, _NEW_NAMESPACES & ~_CLONE_EXIT_SIGNAL, _refuse(EPERM)),
    )
    program += _if_argument(
        _IOCTL[column],
        _SECOND_ARGUMENT,
        _if(_JUMP_EQUAL, _TIOCSTI, _refuse(EPERM))
        + _if(_JUMP_EQUAL, _TIOCLINUX, _refuse(EPERM)),
    )
    if is_among_others:
        program += _if_argument(
            _PRLIMIT[column], _FIRST_ARGUMENT, _unless_one_of((0,), _refuse(EPERM))
        )
    if families is not None:
        program += _if_argument(
            _SOCKET[column],
            _FIRST_ARGUMENT,
            _unless_one_of(families, _refuse(EPERM)),
        )
    program.append(_instruction(_RETURN, _ALLOW))
    return b"".join(program)


def _instruction(code: int, operand: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, operand)


def _refuse(errno: int) -> list[bytes]:
    return [_instruction(_RETURN, _ERRNO | errno)]


def _if(code: int, operand: int, then: list[bytes]) -> list[bytes]:
    return [_instruction(code, operand, no=len(then)), *then]


def _unless_one_of(values: tuple[int, ...], then: list[bytes]) -> list[bytes]:
    for value in reversed(values):
        then = [_instruction(_JUMP_EQUAL, value, yes=len(then)), *then]
    return then


def _if_argument(number: int, argument: int, then: list[bytes]) -> list[bytes]:
    """Look at an argument of a call, and at nothing else of it after that."""
    allowed = _instruction(_RETURN, _ALLOW)
    looked = [_instruction(_LOAD, argument), *then, allowed]
    return _if(_JUMP_EQUAL, number, looked)
