"""unlink and rmdir."""

from tests.posix.abi import O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY, Errno
from tests.posix.cases.making import CLASSES
from tests.posix.checks import (
    ALICE,
    KINDS,
    NOT_DIRECTORIES,
    content,
    exists,
    keeps_times,
    make,
    make_open,
    names,
    refused,
    remove,
    updates,
)
from tests.posix.protocol import Posix, User
from tests.posix.table import Cases

cases = Cases("removing")


@cases(NOT_DIRECTORIES)
def unlink_removes_a_name(p: Posix, kind: str) -> None:
    p.mkdir("d")
    make(p, kind, "d/x")
    with updates(p, "d", "mtime", "ctime"):
        p.unlink("d/x")
    refused(Errno.ENOENT, p.lstat, "d/x")
    refused(Errno.ENOENT, p.unlink, "d/x")
    assert names(p, "d") == []


@cases()
def unlink_of_a_link_leaves_where_it_leads(p: Posix) -> None:
    make(p, "regular", "x")
    p.symlink("x", "l")
    with keeps_times(p, "x"):
        p.unlink("l")
    assert names(p, ".") == ["x"]


@cases()
def unlink_refuses_a_directory(p: Posix) -> None:
    """unlink(2): EISDIR is Linux's, where POSIX has EPERM."""
    p.mkdir("d")
    with keeps_times(p, "d", "."):
        refused(Errno.EISDIR, p.unlink, "d")
        refused(Errno.EISDIR, p.unlink, "d/")
        refused(Errno.EISDIR, p.unlink, ".")
        refused(Errno.EISDIR, p.unlink, "d/..")
    with p.as_user(ALICE):
        refused(Errno.EISDIR, p.unlink, ".")


@cases()
def an_open_file_lives_on_without_a_name(p: Posix) -> None:
    fd = make_open(p, "x", b"some")
    with updates(p, fd, "ctime"):
        p.unlink("x")
    assert p.fstat(fd).nlink == 0
    p.write(fd, b" more")
    assert content(p, fd) == b"some more"
    p.truncate(fd, 2)
    p.chmod(fd, 0o600)
    p.utimens(fd, 5, 6)
    found = p.fstat(fd)
    assert (found.size, found.perm, found.atime, found.mtime) == (2, 0o600, 5, 6)


@cases()
def a_new_file_of_the_same_name_is_another(p: Posix) -> None:
    fd = make_open(p, "x", b"old")
    p.unlink("x")
    new = make_open(p, "x", b"new")
    assert p.fstat(fd).ino != p.fstat(new).ino
    assert (content(p, fd), content(p, new)) == (b"old", b"new")


@cases(KINDS)
def a_held_file_lives_on_without_a_name(p: Posix, kind: str) -> None:
    made = make(p, kind, "x")
    fd = p.open("x", O_PATH | O_NOFOLLOW)
    with updates(p, fd, "ctime"):
        remove(p, kind, "x")
    assert (p.fstat(fd).nlink, p.fstat(fd).ino) == (0, made.ino)


# --- rmdir -----------------------------------------------------------------------


@cases()
def rmdir_removes_an_empty_directory(p: Posix) -> None:
    p.mkdir("c")
    p.mkdir("c/d")
    assert p.lstat("c").nlink == 3
    with updates(p, "c", "mtime", "ctime"):
        p.rmdir("c/d")
    assert p.lstat("c").nlink == 2
    refused(Errno.ENOENT, p.lstat, "c/d")
    refused(Errno.ENOENT, p.rmdir, "c/d")


@cases()
def rmdir_takes_a_slash(p: Posix) -> None:
    p.mkdir("d")
    p.rmdir("d//")
    assert names(p, ".") == []


@cases(KINDS)
def rmdir_refuses_a_directory_with_anything_in_it(p: Posix, kind: str) -> None:
    p.mkdir("d")
    make(p, kind, "d/x")
    with keeps_times(p, "d", "."):
        refused(Errno.ENOTEMPTY, p.rmdir, "d")
    remove(p, kind, "d/x")
    p.rmdir("d")


@cases(NOT_DIRECTORIES)
def rmdir_refuses_what_is_no_directory(p: Posix, kind: str) -> None:
    make(p, kind, "x")
    with keeps_times(p, "x", "."):
        refused(Errno.ENOTDIR, p.rmdir, "x")
    assert exists(p, "x")


@cases()
def rmdir_refuses_dot_and_dot_dot(p: Posix) -> None:
    p.mkdir("d")
    p.mkdir("d/e")
    with keeps_times(p, "d", "d/e"):
        refused(Errno.EINVAL, p.rmdir, "d/e/.")
        refused(Errno.ENOTEMPTY, p.rmdir, "d/e/..")
        refused(Errno.EINVAL, p.rmdir, ".")


@cases()
def a_removed_directory_has_no_entries_for_who_holds_it(p: Posix) -> None:
    p.mkdir("d")
    fd = p.open("d", O_RDONLY | O_DIRECTORY)
    with updates(p, fd, "ctime"):
        p.rmdir("d")
    assert p.fstat(fd).nlink == 0
    refused(Errno.ENOENT, p.getdents, fd)
    with p.at(fd):
        refused(Errno.ENOENT, p.lstat, "x")
        assert p.lstat(".").ino == p.fstat(fd).ino


@cases()
def a_directory_is_removed_and_made_again(p: Posix) -> None:
    p.mkdir("d")
    first = p.lstat("d").ino
    fd = p.open("d", O_RDONLY)
    p.rmdir("d")
    p.mkdir("d")
    make(p, "regular", "d/x")
    assert p.lstat("d").ino != first
    assert names(p, "d") == ["x"]
    with p.at(fd):
        refused(Errno.ENOENT, p.lstat, "x")


# --- permissions -----------------------------------------------------------------


@cases(KINDS, CLASSES)
def needs_write_permission_in_the_directory(
    p: Posix, kind: str, who: tuple[User, User, int]
) -> None:
    owner, caller, class_bits = who
    make(p, "directory", "d", 0o777 & ~(class_bits & 0o222), owner)
    make(p, kind, "d/x", 0o777, caller)
    with keeps_times(p, "d", "d/x"), p.as_user(caller):
        refused(Errno.EACCES, remove, p, kind, "d/x")
    assert exists(p, "d/x")


@cases(KINDS, CLASSES)
def needs_only_the_permission_of_its_class(
    p: Posix, kind: str, who: tuple[User, User, int]
) -> None:
    """It does not matter whose the file is, nor what its mode is."""
    owner, caller, class_bits = who
    make(p, "directory", "d", class_bits & 0o333, owner)
    make(p, kind, "d/x", 0, User(77, 77))
    with p.as_user(caller):
        remove(p, kind, "d/x")
    assert not exists(p, "d/x")
