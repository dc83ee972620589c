"""What cases ask of a kernel besides the calls of `host`: maps, locks, programs."""

import sys

if sys.platform != "linux":
    raise ImportError("these are the system calls of Linux")

import ctypes
import fcntl
import mmap
import os
import resource
import select
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from tests.posix import libc
from tests.posix.abi import O_DIRECTORY, O_PATH
from tests.posix.host import HostMount, HostPosix, enter_new_directory

MOUNT_ATTR_RDONLY = 1
F_OFD_SETLK = 37

PROGRAM = "sleep"
PROGRAM_TIMEOUT = 10

_FLOCK = struct.Struct("hhqqi0q")
"""struct flock of fcntl.h."""
_LOCK_TYPES = {"r": fcntl.F_RDLCK, "w": fcntl.F_WRLCK, "un": fcntl.F_UNLCK}
_FLOCKS = {"sh": fcntl.LOCK_SH, "ex": fcntl.LOCK_EX, "un": fcntl.LOCK_UN}

_LOCK_SCRIPT = """
import fcntl, sys
path, begin, length = sys.argv[1:]
with open(path, "r+b") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, int(length), int(begin))
    except OSError as error:
        sys.exit(error.errno)
"""


class _FileHandle(ctypes.Structure):
    """struct file_handle of fcntl.h, with room for MAX_HANDLE_SZ bytes."""

    _fields_ = (
        ("length", ctypes.c_uint),
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint8 * 128),
    )


class HostKernel(HostPosix):
    """`protocol.Kernel` in a directory of its own."""

    def __init__(self, mount: HostMount, directory: int) -> None:
        super().__init__(mount, directory)
        self.elsewhere = f"/proc/self/fd/{mount.elsewhere}"
        self._maps: list[mmap.mmap] = []

    @contextmanager
    def read_only(self) -> Iterator[None]:
        self._set_mount(MOUNT_ATTR_RDONLY, 0)
        try:
            yield
        finally:
            self._set_mount(0, MOUNT_ATTR_RDONLY)

    def _set_mount(self, attributes: int, cleared: int) -> None:
        change = (ctypes.c_uint64 * 4)(attributes, cleared, 0, 0)
        root, size = self._mount.root, ctypes.sizeof(change)
        flags = libc.AT_EMPTY_PATH
        libc.syscall(libc.SYS_MOUNT_SETATTR, root, b"", flags, change, size)

    @contextmanager
    def file_size_limit(self, size: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    @contextmanager
    def running(self, path: str) -> Iterator[None]:
        self._make_program(path)
        argv = [PROGRAM, str(PROGRAM_TIMEOUT)]
        with subprocess.Popen(argv, executable=f"./{path}") as process:
            try:
                yield
            finally:
                process.kill()

    def _make_program(self, path: str) -> None:
        program = shutil.which(PROGRAM)
        assert program is not None
        with open(path, "wb") as file:
            file.write(Path(program).read_bytes())
        os.chmod(path, 0o755)

    def execute(self, path: str) -> None:
        subprocess.run(
            [PROGRAM, "0"], executable=f"./{path}", check=True, timeout=PROGRAM_TIMEOUT
        )

    @contextmanager
    def bind(self, path: str) -> Iterator[None]:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            yield

    def connect(self, path: str) -> None:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)

    def handle(self, path: str) -> bytes:
        handle = _FileHandle(len(_FileHandle().identifier))
        name, mount = os.fsencode(path), ctypes.c_int()
        pointers = ctypes.byref(handle), ctypes.byref(mount)
        libc.name_to_handle_at(libc.AT_FDCWD, name, *pointers, 0)
        return bytes(handle)

    def open_handle(self, handle: bytes, flags: int = 0) -> int:
        # The mount is named by a descriptor that is more than a place.
        place = os.open(".", os.O_RDONLY, dir_fd=self._mount.root)
        try:
            fd = libc.open_by_handle_at(place, handle, flags)
        finally:
            os.close(place)
        self._open.add(fd)
        return fd

    def ioctl(self, fd: int, request: int) -> int:
        return fcntl.ioctl(fd, request)

    def poll(self, fd: int) -> tuple[bool, bool]:
        poll = select.poll()
        poll.register(fd, select.POLLIN | select.POLLOUT)
        ((_, events),) = poll.poll(0)
        return bool(events & select.POLLIN), bool(events & select.POLLOUT)

    def mmap(self, fd: int, length: int, *, shared: bool = True) -> mmap.mmap:
        flags = mmap.MAP_SHARED if shared else mmap.MAP_PRIVATE
        mapped = mmap.mmap(fd, length, flags, mmap.PROT_READ | mmap.PROT_WRITE)
        self._maps.append(mapped)
        return mapped

    def flock(self, fd: int, operation: Literal["sh", "ex", "un"]) -> None:
        fcntl.flock(fd, _FLOCKS[operation] | fcntl.LOCK_NB)

    def lock(
        self, fd: int, kind: Literal["r", "w", "un"], begin: int, length: int
    ) -> None:
        wanted = _FLOCK.pack(_LOCK_TYPES[kind], os.SEEK_SET, begin, length, 0)
        fcntl.fcntl(fd, F_OFD_SETLK, wanted)

    def lock_process(self, fd: int, begin: int, length: int) -> None:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, length, begin)

    def lock_elsewhere(self, path: str, begin: int, length: int) -> None:
        argv = [sys.executable, "-ISc", _LOCK_SCRIPT, path, str(begin), str(length)]
        result = subprocess.run(argv, check=False, timeout=PROGRAM_TIMEOUT)
        if result.returncode:
            raise OSError(result.returncode, os.strerror(result.returncode))

    def close_all(self) -> None:
        for mapped in self._maps:
            mapped.close()
        super().close_all()


@contextmanager
def host_directory(
    mount: HostMount, kernel_type: type[HostKernel] = HostKernel
) -> Iterator[HostKernel]:
    """Be in a new directory of the mount; afterwards where one was before."""
    before = os.open(".", O_DIRECTORY | O_PATH)
    mask = os.umask(0)
    try:
        directory = enter_new_directory(mount)
        kernel = kernel_type(mount, directory)
        try:
            yield kernel
        finally:
            kernel.close_all()
            os.close(directory)
    finally:
        os.fchdir(before)
        os.close(before)
        os.umask(mask)
