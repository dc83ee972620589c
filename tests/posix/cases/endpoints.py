"""What is behind the name of a pipe, a socket or a device: the kernel, not the tree."""

from tests.posix.abi import (
    O_NONBLOCK,
    O_RDONLY,
    O_RDWR,
    O_WRONLY,
    S_IFBLK,
    S_IFCHR,
    S_IFSOCK,
    Errno,
    device,
)
from tests.posix.checks import ALICE, BOB, make, refused
from tests.posix.protocol import Feature, Kernel
from tests.posix.table import Cases

cases = Cases("endpoints")

NULL, ZERO, FULL = device(1, 3), device(1, 5), device(1, 7)


@cases(needs=Feature.ENDPOINTS)
def a_pipe_passes_bytes_on(p: Kernel) -> None:
    make(p, "fifo", "x")
    reading = p.open("x", O_RDONLY | O_NONBLOCK)
    writing = p.open("x", O_WRONLY | O_NONBLOCK)
    p.write(writing, b"some")
    assert p.read(reading, 10) == b"some"
    assert p.stat("x").size == 0
    p.close(writing)
    assert p.read(reading, 10) == b""


@cases(needs=Feature.ENDPOINTS)
def all_names_of_a_pipe_are_one_pipe(p: Kernel) -> None:
    make(p, "fifo", "x")
    p.link("x", "y")
    reading = p.open("x", O_RDONLY | O_NONBLOCK)
    p.rename("x", "z")
    p.write(p.open("y", O_WRONLY | O_NONBLOCK), b"some")
    p.unlink("y")
    p.unlink("z")
    assert p.read(reading, 10) == b"some"


@cases(needs=Feature.ENDPOINTS)
def a_pipe_without_a_reader_is_not_written(p: Kernel) -> None:
    """open(2): ENXIO."""
    make(p, "fifo", "x")
    refused(Errno.ENXIO, p.open, "x", O_WRONLY | O_NONBLOCK)


@cases(needs=Feature.ENDPOINTS)
def a_pipe_has_no_offset(p: Kernel) -> None:
    make(p, "fifo", "x")
    fd = p.open("x", O_RDWR | O_NONBLOCK)
    refused(Errno.ESPIPE, p.lseek, fd, 0)
    refused(Errno.ESPIPE, p.pread, fd, 1, 0)
    refused(Errno.EINVAL, p.truncate, fd, 0)
    refused(Errno.ESPIPE, p.fallocate, fd, 0, 0, 10)
    refused(Errno.EINVAL, p.fsync, fd)


@cases(needs=Feature.ENDPOINTS)
def a_pipe_asks_for_permission(p: Kernel) -> None:
    make(p, "fifo", "x", 0o640, ALICE)
    with p.as_user(BOB):
        refused(Errno.EACCES, p.open, "x", O_RDONLY | O_NONBLOCK)


@cases(needs=Feature.ENDPOINTS)
def a_socket_is_not_opened(p: Kernel) -> None:
    """open(2): ENXIO."""
    make(p, "socket", "x")
    for flags in (O_RDONLY, O_WRONLY, O_RDWR):
        refused(Errno.ENXIO, p.open, "x", flags)


@cases(needs=Feature.ENDPOINTS)
def binding_makes_a_socket(p: Kernel) -> None:
    p.umask(0o022)
    with p.bind("x"):
        found = p.lstat("x")
        assert (found.kind, found.perm, found.nlink) == (S_IFSOCK, 0o755, 1)
        p.connect("x")
        p.rename("x", "y")
        p.connect("y")
    assert p.lstat("y").kind == S_IFSOCK


@cases(needs=Feature.ENDPOINTS)
def a_socket_asks_for_permission(p: Kernel) -> None:
    with p.bind("x"):
        p.chmod("x", 0o755)
        with p.as_user(ALICE):
            refused(Errno.EACCES, p.connect, "x")
        p.chmod("x", 0o757)
        with p.as_user(ALICE):
            p.connect("x")


@cases(needs=Feature.ENDPOINTS)
def a_device_is_what_its_number_says(p: Kernel) -> None:
    for name, number in (("null", NULL), ("zero", ZERO), ("full", FULL)):
        p.mknod(name, S_IFCHR | 0o666, number)
    null, zero, full = (p.open(name, O_RDWR) for name in ("null", "zero", "full"))
    assert p.write(null, b"some") == 4
    assert p.read(null, 10) == b""
    assert p.read(zero, 10) == b"\0" * 10
    refused(Errno.ENOSPC, p.write, full, b"some")
    assert p.stat("null").size == 0


@cases(needs=Feature.ENDPOINTS)
def a_device_asks_for_permission(p: Kernel) -> None:
    p.mknod("x", S_IFCHR | 0o604, NULL)
    with p.as_user(ALICE):
        p.open("x", O_RDONLY)
        refused(Errno.EACCES, p.open, "x", O_WRONLY)


@cases(needs=(Feature.ENDPOINTS, Feature.MOUNTS))
def a_read_only_mount_passes_writes_on(p: Kernel) -> None:
    """open(2): EROFS is about what would change the filesystem."""
    p.mknod("x", S_IFCHR | 0o666, NULL)
    make(p, "fifo", "f")
    with p.read_only():
        assert p.write(p.open("x", O_WRONLY), b"some") == 4
        assert p.write(p.open("f", O_RDWR | O_NONBLOCK), b"some") == 4


@cases(needs=Feature.ENDPOINTS)
def a_number_without_a_device_is_not_opened(p: Kernel) -> None:
    """open(2): ENXIO."""
    for kind in ("c", "b"):
        bits = S_IFCHR if kind == "c" else S_IFBLK
        p.mknod(kind, bits | 0o666, device(4000, 77777))
        refused(Errno.ENXIO, p.open, kind, O_RDONLY)
