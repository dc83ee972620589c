"""link and symlink: several names of a file, and names that lead to names."""

from tests.posix.abi import (
    O_CREAT,
    O_EXCL,
    O_NOFOLLOW,
    O_PATH,
    O_RDONLY,
    O_RDWR,
    O_TMPFILE,
    O_WRONLY,
    PATH_MAX,
    Errno,
)
from tests.posix.checks import (
    ALICE,
    KINDS,
    NOT_DIRECTORIES,
    TYPE_BITS,
    content,
    exists,
    keeps_times,
    make,
    make_file,
    make_open,
    names,
    refused,
    updates,
)
from tests.posix.protocol import Feature, Kernel, Posix
from tests.posix.table import Cases

cases = Cases("linking")


@cases(NOT_DIRECTORIES)
def gives_a_file_another_name(p: Posix, kind: str) -> None:
    before = make(p, kind, "x", 0o640)
    p.link("x", "y")
    assert p.lstat("x") == p.lstat("y")
    after = p.lstat("y")
    assert (after.ino, after.nlink, after.mode) == (before.ino, 2, before.mode)


@cases(NOT_DIRECTORIES)
def stamps_the_file_and_the_new_directory(p: Posix, kind: str) -> None:
    p.mkdir("c")
    p.mkdir("d")
    make(p, kind, "c/x")
    with (
        updates(p, "c/x", "ctime"),
        updates(p, "d", "mtime", "ctime"),
        keeps_times(p, "c"),
    ):
        p.link("c/x", "d/y")


@cases(NOT_DIRECTORIES)
def a_name_that_goes_leaves_the_other(p: Posix, kind: str) -> None:
    before = make(p, kind, "x")
    p.link("x", "y")
    p.link("x", "z")
    with updates(p, "y", "ctime"):
        p.unlink("x")
    assert (p.lstat("y").nlink, p.lstat("y").ino) == (2, before.ino)
    with updates(p, "y", "ctime"):
        p.unlink("z")
    assert p.lstat("y").nlink == 1
    assert names(p, ".") == ["y"]


@cases(NOT_DIRECTORIES)
def all_names_show_a_change(p: Posix, kind: str) -> None:
    make(p, kind, "x")
    p.mkdir("d")
    p.link("x", "d/y")
    p.lchown("d/y", 3, 4)
    p.utimens("x", 5, 6, follow=False)
    assert p.lstat("x") == p.lstat("d/y")
    assert p.lstat("x").owner == (3, 4)


@cases()
def all_names_have_one_content(p: Posix) -> None:
    make_file(p, "x", b"first")
    p.link("x", "y")
    make_file(p, "y", b"second")
    assert content(p, "x") == b"second"
    p.unlink("x")
    assert content(p, "y") == b"second"


@cases()
def a_file_has_many_names(p: Posix) -> None:
    make(p, "regular", "x")
    p.mkdir("d")
    for number in range(200):
        p.link("x", f"d/{number}")
    assert p.lstat("x").nlink == 201
    for number in range(200):
        p.unlink(f"d/{number}")
    assert p.lstat("x").nlink == 1


@cases(KINDS)
def refuses_a_directory(p: Posix, kind: str) -> None:
    """link(2): EPERM; what exists at the new name is seen first."""
    make(p, kind, "y")
    p.mkdir("d")
    with keeps_times(p, "d", "."):
        refused(Errno.EPERM, p.link, "d", "x")
        refused(Errno.EPERM, p.link, ".", "x")
        refused(Errno.EEXIST, p.link, "d", "y")


@cases(NOT_DIRECTORIES, KINDS)
def refuses_a_name_that_is_taken(p: Posix, kind: str, other: str) -> None:
    make(p, kind, "x")
    make(p, other, "y")
    with keeps_times(p, "x", "y", "."):
        refused(Errno.EEXIST, p.link, "x", "y")
        refused(Errno.EEXIST, p.link, "x", "x")
    assert p.lstat("x").nlink == 1


@cases()
def a_link_is_not_followed(p: Posix) -> None:
    make(p, "regular", "x")
    p.symlink("x", "l")
    p.link("l", "m")
    assert p.readlink("m") == "x"
    assert p.lstat("x").nlink == 1
    assert p.lstat("m").nlink == 2


@cases()
def a_link_is_followed_on_request(p: Posix) -> None:
    """linkat(2): AT_SYMLINK_FOLLOW."""
    made = make(p, "regular", "x")
    p.symlink("x", "l")
    p.link("l", "m", follow=True)
    assert p.lstat("m").ino == made.ino
    p.symlink("nowhere", "n")
    refused(Errno.ENOENT, p.link, "n", "o", follow=True)


@cases()
def needs_permission_in_the_new_directory_only(p: Posix) -> None:
    p.mkdir("d", 0o755)
    make(p, "directory", "own", 0o755, ALICE)
    make(p, "regular", "d/x", 0o644, ALICE)
    with p.as_user(ALICE):
        p.link("d/x", "own/y")
        with keeps_times(p, "d", "own/y"):
            refused(Errno.EACCES, p.link, "own/y", "d/z")
    assert p.lstat("d/x").nlink == 2


@cases()
def an_open_file_gets_a_name(p: Posix) -> None:
    """linkat(2): AT_EMPTY_PATH."""
    fd = make_open(p, "x", b"some")
    with updates(p, fd, "ctime"):
        p.link_open(fd, "y")
    assert p.fstat(fd).nlink == 2
    assert content(p, "y") == b"some"


@cases()
def a_removed_file_gets_no_name_again(p: Posix) -> None:
    fd = make_open(p, "x")
    p.unlink("x")
    with keeps_times(p, fd, "."):
        refused(Errno.ENOENT, p.link_open, fd, "y")


@cases()
def an_open_directory_gets_no_name(p: Posix) -> None:
    p.mkdir("d")
    refused(Errno.EPERM, p.link_open, p.open("d"), "e")


@cases()
def a_temporary_file_gets_a_name(p: Posix) -> None:
    """open(2): O_TMPFILE without O_EXCL."""
    fd = p.open(".", O_TMPFILE | O_RDWR, 0o640)
    p.write(fd, b"some")
    assert (p.fstat(fd).nlink, p.fstat(fd).perm) == (0, 0o640)
    assert names(p, ".") == []
    with updates(p, fd, "ctime"), updates(p, ".", "mtime", "ctime"):
        p.link_open(fd, "x")
    assert (p.fstat(fd).nlink, content(p, "x")) == (1, b"some")
    p.unlink("x")
    refused(Errno.ENOENT, p.link_open, fd, "y")


@cases()
def an_exclusive_temporary_file_gets_no_name(p: Posix) -> None:
    fd = p.open(".", O_TMPFILE | O_EXCL | O_RDWR, 0o600)
    refused(Errno.ENOENT, p.link_open, fd, "x")


@cases(needs=Feature.MOUNTS)
def does_not_reach_another_mount(p: Kernel) -> None:
    make(p, "regular", "x")
    with keeps_times(p, "x", "."):
        refused(Errno.EXDEV, p.link, "x", f"{p.elsewhere}/x")


# --- symbolic links --------------------------------------------------------------

LENGTHS = {str(length): length for length in (1, 39, 40, 59, 60, 255, 256, 1023, 4095)}


@cases(LENGTHS)
def a_link_keeps_what_it_was_given(p: Posix, length: int) -> None:
    given = ("target/" * 600)[:length]
    p.symlink(given, "l")
    assert p.readlink("l") == given
    assert p.lstat("l").size == length


@cases()
def a_link_holds_at_most_4095_bytes(p: Posix) -> None:
    with keeps_times(p, "."):
        refused(Errno.ENAMETOOLONG, p.symlink, "t" * PATH_MAX, "l")
    assert not exists(p, "l")


@cases()
def a_link_to_nothing_is_refused(p: Posix) -> None:
    with keeps_times(p, "."):
        refused(Errno.ENOENT, p.symlink, "", "l")


@cases(["/", "//", ".", "..", "l", "\udcff\udc80", "a b\nc"])
def a_link_may_say_anything(p: Posix, given: str) -> None:
    p.symlink(given, "l")
    assert p.readlink("l") == given


@cases([kind for kind in KINDS if kind != "symlink"])
def what_is_no_link_is_not_read_as_one(p: Posix, kind: str) -> None:
    make(p, kind, "x")
    refused(Errno.EINVAL, p.readlink, "x")


@cases()
def anybody_reads_a_link(p: Posix) -> None:
    p.symlink("nowhere", "l")
    with p.as_user(ALICE):
        assert p.readlink("l") == "nowhere"


@cases()
def a_link_is_read_through_its_descriptor_only_by_name(p: Posix) -> None:
    """open(2): O_NOFOLLOW refuses a link, and with O_PATH opens it."""
    p.symlink("nowhere", "l")
    refused(Errno.ELOOP, p.open, "l", O_NOFOLLOW | O_RDONLY)
    fd = p.open("l", O_PATH | O_NOFOLLOW)
    assert p.fstat(fd) == p.lstat("l")
    refused(Errno.EBADF, p.read, fd, 1)


@cases()
def a_file_is_made_through_a_dangling_link(p: Posix) -> None:
    p.mkdir("d")
    p.symlink("d/new", "l")
    with updates(p, "d", "mtime", "ctime"), keeps_times(p, "."):
        p.close(p.open("l", O_CREAT | O_WRONLY))
    assert names(p, "d") == ["new"]
    assert p.readlink("l") == "d/new"


@cases()
def a_file_is_made_through_links_in_a_row(p: Posix) -> None:
    p.mkdir("d")
    p.symlink("d/m", "l")
    p.symlink("../n", "d/m")
    p.symlink("new", "n")
    p.close(p.open("l", O_CREAT | O_WRONLY))
    assert p.lstat("new").kind == TYPE_BITS["regular"]


@cases()
def nothing_is_made_exclusively_through_a_link(p: Posix) -> None:
    p.symlink("new", "l")
    with keeps_times(p, "."):
        refused(Errno.EEXIST, p.open, "l", O_CREAT | O_EXCL | O_WRONLY)
    assert not exists(p, "new")


@cases()
def no_directory_is_made_through_a_dangling_link(p: Posix) -> None:
    p.symlink("new", "l")
    refused(Errno.EEXIST, p.mkdir, "l")
    assert not exists(p, "new")


@cases()
def a_slash_makes_a_link_mean_the_directory(p: Posix) -> None:
    p.mkdir("d")
    p.symlink("d", "l")
    assert p.lstat("l/") == p.lstat("d")
    assert p.lstat("l/.") == p.lstat("d")
    refused(Errno.EINVAL, p.readlink, "l/")
    p.symlink("x", "m")
    make(p, "regular", "x")
    refused(Errno.ENOTDIR, p.lstat, "m/")


@cases()
def a_link_to_a_directory_is_not_that_directory(p: Posix) -> None:
    p.mkdir("d")
    p.symlink("d", "l")
    with keeps_times(p, "d", "l", "."):
        refused(Errno.ENOTDIR, p.rmdir, "l")
        refused(Errno.ENOTDIR, p.rmdir, "l/")
        refused(Errno.ENOTDIR, p.unlink, "l/")
    p.unlink("l")
    assert exists(p, "d")


@cases()
def a_link_inside_counts_from_its_directory(p: Posix) -> None:
    p.mkdir("d")
    make_file(p, "d/x", b"inside")
    make_file(p, "x", b"outside")
    p.symlink("x", "d/l")
    p.symlink("../x", "d/m")
    assert content(p, "d/l") == b"inside"
    assert content(p, "d/m") == b"outside"
    p.rename("d/l", "l")
    assert content(p, "l") == b"outside"


@cases()
def a_new_link_of_the_same_name_says_the_new(p: Posix) -> None:
    make_file(p, "x", b"x")
    make_file(p, "y", b"y")
    p.symlink("x", "l")
    assert (p.readlink("l"), content(p, "l")) == ("x", b"x")
    p.unlink("l")
    p.symlink("y", "l")
    assert (p.readlink("l"), content(p, "l")) == ("y", b"y")
    p.symlink("x", "m")
    p.rename("m", "l")
    assert (p.readlink("l"), content(p, "l")) == ("x", b"x")
