"""flock, and record locks of fcntl: of open file descriptions and of processes."""

from tests.posix.abi import O_RDONLY, O_RDWR, Errno
from tests.posix.checks import make, make_file, make_open, refused
from tests.posix.protocol import Feature, Kernel
from tests.posix.table import Cases

cases = Cases("locks")


@cases(needs=Feature.LOCKS)
def one_has_an_exclusive_lock(p: Kernel) -> None:
    first, second = make_open(p, "x"), p.open("x", O_RDWR)
    p.flock(first, "ex")
    refused(Errno.EAGAIN, p.flock, second, "ex")
    refused(Errno.EAGAIN, p.flock, second, "sh")
    p.flock(first, "un")
    p.flock(second, "ex")


@cases(needs=Feature.LOCKS)
def several_have_a_shared_lock(p: Kernel) -> None:
    first, second = make_open(p, "x"), p.open("x", O_RDONLY)
    p.flock(first, "sh")
    p.flock(second, "sh")
    refused(Errno.EAGAIN, p.flock, first, "ex")
    p.flock(second, "un")
    p.flock(first, "ex")


@cases(needs=Feature.LOCKS)
def closing_lets_go(p: Kernel) -> None:
    first, second = make_open(p, "x"), p.open("x", O_RDWR)
    p.flock(first, "ex")
    p.lock(first, "w", 0, 10)
    p.close(first)
    p.flock(second, "ex")
    p.lock(second, "w", 0, 10)


@cases(needs=Feature.LOCKS)
def a_lock_is_of_the_file_not_of_the_name(p: Kernel) -> None:
    first = make_open(p, "x")
    p.link("x", "y")
    p.flock(first, "ex")
    p.rename("x", "z")
    for path in ("y", "z"):
        refused(Errno.EAGAIN, p.flock, p.open(path, O_RDWR), "ex")
    make_file(p, "x")
    p.flock(p.open("x"), "ex")


@cases(needs=Feature.LOCKS)
def a_removed_file_is_still_locked(p: Kernel) -> None:
    first, second = make_open(p, "x"), p.open("x", O_RDWR)
    p.unlink("x")
    p.flock(first, "ex")
    refused(Errno.EAGAIN, p.flock, second, "ex")


@cases(needs=Feature.LOCKS)
def a_directory_is_locked(p: Kernel) -> None:
    make(p, "directory", "d")
    first, second = p.open("d"), p.open("d")
    p.flock(first, "ex")
    refused(Errno.EAGAIN, p.flock, second, "sh")


@cases(needs=Feature.LOCKS)
def records_are_locked_apart(p: Kernel) -> None:
    first, second = make_open(p, "x"), p.open("x", O_RDWR)
    p.lock(first, "w", 0, 10)
    p.lock(second, "w", 10, 10)
    refused(Errno.EAGAIN, p.lock, second, "w", 9, 1)
    refused(Errno.EAGAIN, p.lock, second, "r", 0, 1)
    refused(Errno.EAGAIN, p.lock, first, "w", 5, 0)
    p.lock(first, "un", 5, 3)
    p.lock(second, "w", 5, 3)
    refused(Errno.EAGAIN, p.lock, second, "w", 4, 3)


@cases(needs=Feature.LOCKS)
def records_are_read_together(p: Kernel) -> None:
    first, second = make_open(p, "x"), p.open("x", O_RDWR)
    p.lock(first, "r", 0, 0)
    p.lock(second, "r", 0, 0)
    refused(Errno.EAGAIN, p.lock, first, "w", 100, 1)
    p.lock(second, "un", 0, 0)
    p.lock(first, "w", 100, 1)
    refused(Errno.EAGAIN, p.lock, second, "r", 100, 1)


@cases(needs=Feature.LOCKS)
def a_record_lock_asks_how_the_file_is_open(p: Kernel) -> None:
    """fcntl(2): EBADF."""
    make_file(p, "x")
    fd = p.open("x", O_RDONLY)
    p.lock(fd, "r", 0, 1)
    refused(Errno.EBADF, p.lock, fd, "w", 0, 1)


@cases(needs=Feature.LOCKS)
def the_two_sorts_of_lock_do_not_meet(p: Kernel) -> None:
    """flock(2), NOTES."""
    first, second = make_open(p, "x"), p.open("x", O_RDWR)
    p.flock(first, "ex")
    p.lock(second, "w", 0, 0)


@cases(needs=Feature.LOCKS)
def another_process_is_kept_out(p: Kernel) -> None:
    fd = make_open(p, "x")
    p.lock_process(fd, 10, 5)
    refused(Errno.EAGAIN, p.lock_elsewhere, "x", 12, 1)
    p.lock_elsewhere("x", 0, 10)


@cases(needs=Feature.LOCKS)
def closing_any_descriptor_lets_go_of_a_process_lock(p: Kernel) -> None:
    """fcntl(2): whichever of the process's descriptors of the file it is."""
    fd = make_open(p, "x")
    p.lock_process(fd, 0, 5)
    p.close(p.open("x"))
    p.lock_elsewhere("x", 0, 5)
    p.close(fd)
