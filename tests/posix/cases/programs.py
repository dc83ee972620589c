"""Programs that are run from the tree, and handles and requests on open files."""

from tests.posix.abi import O_RDWR, O_TRUNC, O_WRONLY, Errno
from tests.posix.checks import (
    ALICE,
    content,
    exists,
    make,
    make_file,
    make_open,
    refused,
)
from tests.posix.protocol import Feature, Kernel
from tests.posix.table import Cases

cases = Cases("programs")

SCRIPT = b"#!/bin/sh\nexit 0\n"


@cases(needs=Feature.PROGRAMS)
def what_runs_is_not_written(p: Kernel) -> None:
    """open(2), truncate(2): ETXTBSY."""
    with p.running("x"):
        before = content(p, "x")
        for flags in (O_WRONLY, O_RDWR, O_WRONLY | O_TRUNC):
            refused(Errno.ETXTBSY, p.open, "x", flags)
        refused(Errno.ETXTBSY, p.truncate, "x", 0)
        assert content(p, "x") == before
    p.close(p.open("x", O_RDWR))


@cases(needs=Feature.PROGRAMS)
def what_runs_is_renamed_replaced_and_removed(p: Kernel) -> None:
    make_file(p, "new", b"new")
    with p.running("x"):
        p.rename("x", "y")
        p.chmod("y", 0o700)
        p.rename("new", "y")
        assert content(p, "y") == b"new"
    with p.running("z"):
        p.unlink("z")
    assert not exists(p, "z")


@cases(needs=Feature.PROGRAMS)
def what_is_open_for_writing_does_not_run(p: Kernel) -> None:
    """execve(2): ETXTBSY."""
    with p.running("x"):
        pass
    fd = p.open("x", O_RDWR)
    refused(Errno.ETXTBSY, p.execute, "x")
    p.close(fd)
    p.execute("x")


@cases(needs=Feature.PROGRAMS)
def a_program_needs_execute_permission(p: Kernel) -> None:
    make_file(p, "x", SCRIPT, 0o644)
    refused(Errno.EACCES, p.execute, "x")
    p.chmod("x", 0o744)
    p.execute("x")
    with p.as_user(ALICE):
        refused(Errno.EACCES, p.execute, "x")
    p.chmod("x", 0o755)
    with p.as_user(ALICE):
        p.execute("x")


@cases(needs=Feature.PROGRAMS)
def only_a_file_is_a_program(p: Kernel) -> None:
    p.mkdir("d", 0o755)
    refused(Errno.EACCES, p.execute, "d")
    make(p, "fifo", "f", 0o755)
    refused(Errno.EACCES, p.execute, "f")
    refused(Errno.ENOENT, p.execute, "missing")


@cases(needs=Feature.PROGRAMS)
def a_program_is_found_through_a_link(p: Kernel) -> None:
    make_file(p, "x", SCRIPT, 0o755)
    p.symlink("x", "l")
    p.execute("l")


# --- handles ---------------------------------------------------------------------


@cases(["regular", "directory"], needs=Feature.HANDLES)
def a_handle_opens_its_file(p: Kernel, kind: str) -> None:
    made = make(p, kind, "x")
    handle = p.handle("x")
    p.rename("x", "y")
    make(p, "regular", "x")
    assert p.fstat(p.open_handle(handle)).ino == made.ino


@cases(needs=Feature.HANDLES)
def a_handle_opens_a_removed_file_while_it_lives(p: Kernel) -> None:
    """open_by_handle_at(2): ESTALE afterwards."""
    fd = make_open(p, "x", b"some")
    handle = p.handle("x")
    p.unlink("x")
    other = p.open_handle(handle)
    assert content(p, other) == b"some"
    p.close(fd)
    p.close(other)
    refused(Errno.ESTALE, p.open_handle, handle)


@cases(needs=Feature.HANDLES)
def a_handle_does_not_open_another_file(p: Kernel) -> None:
    make_file(p, "x", b"old")
    handle = p.handle("x")
    p.unlink("x")
    for number in range(20):
        make_file(p, f"new{number}", b"new")
    refused(Errno.ESTALE, p.open_handle, handle)


@cases(needs=Feature.HANDLES)
def every_name_of_a_file_has_the_same_handle(p: Kernel) -> None:
    make_file(p, "x", b"some")
    p.link("x", "y")
    assert p.handle("x") == p.handle("y")
    make_file(p, "z", b"some")
    assert p.handle("x") != p.handle("z")


# --- requests --------------------------------------------------------------------


@cases(["regular", "directory"], needs=Feature.DESCRIPTOR_CALLS)
def an_unknown_request_is_refused(p: Kernel, kind: str) -> None:
    """ioctl(2): ENOTTY."""
    make(p, kind, "x")
    refused(Errno.ENOTTY, p.ioctl, p.open("x"), 0x7FFF)


@cases(needs=Feature.DESCRIPTOR_CALLS)
def a_file_is_always_ready(p: Kernel) -> None:
    """POSIX poll(): a regular file can be read and written, at its end as well."""
    assert p.poll(make_open(p, "x")) == (True, True)
