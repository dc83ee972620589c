"""open and its flags."""

from tests.posix.abi import (
    O_APPEND,
    O_CREAT,
    O_DIRECTORY,
    O_EXCL,
    O_NOFOLLOW,
    O_PATH,
    O_RDONLY,
    O_RDWR,
    O_TMPFILE,
    O_TRUNC,
    O_WRONLY,
    S_IFREG,
    Errno,
)
from tests.posix.checks import (
    ALICE,
    BOB,
    KINDS,
    NOT_DIRECTORIES,
    content,
    exists,
    keeps_times,
    make,
    make_file,
    names,
    refused,
    updates,
)
from tests.posix.protocol import Posix
from tests.posix.table import Cases

cases = Cases("opening")


@cases()
def creat_leaves_a_file_that_exists(p: Posix) -> None:
    make_file(p, "x", b"some", 0o640)
    with keeps_times(p, "x", "."):
        p.close(p.open("x", O_CREAT | O_RDWR, 0o777))
    assert content(p, "x") == b"some"
    assert p.stat("x").perm == 0o640


@cases(KINDS)
def exclusively_only_what_is_new(p: Posix, kind: str) -> None:
    make(p, kind, "x")
    with keeps_times(p, "x", "."):
        refused(Errno.EEXIST, p.open, "x", O_CREAT | O_EXCL | O_WRONLY)
    p.close(p.open("y", O_CREAT | O_EXCL | O_WRONLY))


@cases({"with_content": b"some", "empty": b""})
def truncating_stamps_the_file_only(p: Posix, data: bytes) -> None:
    """open(2) and POSIX open(): of an empty file as well."""
    p.mkdir("d")
    make_file(p, "d/x", data)
    with updates(p, "d/x", "mtime", "ctime"), keeps_times(p, "d"):
        p.close(p.open("d/x", O_WRONLY | O_TRUNC))
    assert (p.stat("d/x").size, p.stat("d/x").blocks) == (0, 0)


@cases()
def truncating_leaves_the_mode(p: Posix) -> None:
    make_file(p, "x", b"some", 0o640)
    p.close(p.open("x", O_CREAT | O_TRUNC | O_RDWR, 0o777))
    assert (p.stat("x").perm, p.stat("x").size) == (0o640, 0)


@cases()
def truncating_is_seen_by_who_has_it_open(p: Posix) -> None:
    make_file(p, "x", b"a long content")
    fd = p.open("x", O_RDWR)
    assert p.read(fd, 6) == b"a long"
    p.close(p.open("x", O_WRONLY | O_TRUNC))
    assert p.read(fd, 10) == b""
    p.write(fd, b"!")
    assert content(p, "x") == b"\0" * 6 + b"!"


@cases()
def a_directory_is_only_read(p: Posix) -> None:
    p.mkdir("d")
    with keeps_times(p, "d"):
        for flags in (O_WRONLY, O_RDWR, O_WRONLY | O_TRUNC, O_RDWR | O_APPEND):
            refused(Errno.EISDIR, p.open, "d", flags)
        refused(Errno.EISDIR, p.open, "d", O_CREAT | O_RDONLY)
        refused(Errno.EISDIR, p.open, "d/", O_CREAT | O_WRONLY)
    fd = p.open("d", O_RDONLY)
    refused(Errno.EISDIR, p.read, fd, 1)
    refused(Errno.EISDIR, p.pread, fd, 1, 0)
    refused(Errno.EBADF, p.write, fd, b"some")


@cases(NOT_DIRECTORIES)
def only_a_directory_on_request(p: Posix, kind: str) -> None:
    make(p, kind, "x")
    p.symlink("x", "l")
    with keeps_times(p, "x"):
        refused(Errno.ENOTDIR, p.open, "x", O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        if kind != "symlink":
            refused(Errno.ENOTDIR, p.open, "x", O_RDONLY | O_DIRECTORY)
            refused(Errno.ENOTDIR, p.open, "l", O_RDONLY | O_DIRECTORY)


@cases()
def no_link_on_request(p: Posix) -> None:
    """open(2): O_NOFOLLOW is about the last component only."""
    make(p, "directory", "d")
    make(p, "regular", "d/x")
    p.symlink("d", "l")
    p.symlink("x", "d/m")
    p.symlink("nowhere", "n")
    for path in ("d/m", "n"):
        refused(Errno.ELOOP, p.open, path, O_RDONLY | O_NOFOLLOW)
        refused(Errno.ELOOP, p.open, path, O_CREAT | O_RDWR | O_NOFOLLOW)
    refused(Errno.ENOTDIR, p.open, "l", O_RDONLY | O_NOFOLLOW | O_DIRECTORY)
    p.open("l/x", O_RDONLY | O_NOFOLLOW)
    p.open("l/", O_RDONLY | O_NOFOLLOW)


@cases()
def what_it_is_not_open_for_is_refused(p: Posix) -> None:
    make_file(p, "x", b"some")
    fd = p.open("x", O_RDONLY)
    with keeps_times(p, "x"):
        refused(Errno.EBADF, p.write, fd, b"more")
        refused(Errno.EBADF, p.pwrite, fd, b"more", 0)
        refused(Errno.EINVAL, p.truncate, fd, 0)
        refused(Errno.EBADF, p.fallocate, fd, 0, 0, 10)
    fd = p.open("x", O_WRONLY)
    with keeps_times(p, "x"):
        refused(Errno.EBADF, p.read, fd, 1)
        refused(Errno.EBADF, p.pread, fd, 1, 0)
    assert content(p, "x") == b"some"


@cases(KINDS)
def a_place_is_held_without_opening(p: Posix, kind: str) -> None:
    """open(2): O_PATH takes no permission, and gives no content."""
    make(p, kind, "x", 0, BOB)
    with p.as_user(ALICE), keeps_times(p, "x"):
        fd = p.open("x", O_PATH | O_NOFOLLOW)
        assert p.fstat(fd) == p.lstat("x")
        refused(Errno.EBADF, p.read, fd, 1)
        refused(Errno.EBADF, p.write, fd, b"some")
        refused(Errno.EBADF, p.chmod, fd, 0o777)
        refused(Errno.EBADF, p.chown, fd, 1, 1)
        refused(Errno.EBADF, p.truncate, fd, 1)


@cases()
def two_descriptors_have_two_offsets(p: Posix) -> None:
    make_file(p, "x", b"0123456789")
    first, second = p.open("x", O_RDWR), p.open("x", O_RDWR)
    assert p.read(first, 4) == b"0123"
    assert p.read(second, 2) == b"01"
    p.write(first, b"ab")
    assert p.read(second, 6) == b"23ab67"


@cases()
def missing_files_and_flags(p: Posix) -> None:
    for flags in (O_RDONLY, O_WRONLY, O_RDWR, O_WRONLY | O_TRUNC, O_PATH):
        refused(Errno.ENOENT, p.open, "x", flags)
    assert not exists(p, "x")


# --- temporary files -------------------------------------------------------------


@cases()
def a_temporary_file_has_no_name(p: Posix) -> None:
    p.mkdir("d")
    p.umask(0o027)
    with keeps_times(p, "d"):
        fd = p.open("d", O_TMPFILE | O_RDWR, 0o666)
    found = p.fstat(fd)
    assert (found.nlink, found.kind, found.perm) == (0, S_IFREG, 0o640)
    p.write(fd, b"some")
    assert content(p, fd) == b"some"
    assert names(p, "d") == []
    p.close(fd)
    p.rmdir("d")


@cases()
def a_temporary_file_is_the_callers(p: Posix) -> None:
    make(p, "directory", "d", 0o777)
    make(p, "directory", "e", 0o2777, BOB)
    with p.as_user(ALICE):
        assert p.fstat(p.open("d", O_TMPFILE | O_RDWR)).owner == ALICE[:2]
        assert p.fstat(p.open("e", O_TMPFILE | O_RDWR)).owner == (ALICE.uid, BOB.gid)


@cases()
def a_temporary_file_must_be_written(p: Posix) -> None:
    """open(2): EINVAL without write access, ENOTDIR where there is no directory."""
    make(p, "regular", "x")
    refused(Errno.EINVAL, p.open, ".", O_TMPFILE | O_RDONLY)
    refused(Errno.ENOTDIR, p.open, "x", O_TMPFILE | O_RDWR)
    refused(Errno.ENOENT, p.open, "missing", O_TMPFILE | O_RDWR)


@cases()
def a_temporary_file_needs_permission_in_the_directory(p: Posix) -> None:
    p.mkdir("d", 0o755)
    with p.as_user(ALICE):
        refused(Errno.EACCES, p.open, "d", O_TMPFILE | O_RDWR)
