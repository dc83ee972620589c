"""rename and renameat2."""

from tests.posix.abi import (
    O_NOFOLLOW,
    O_PATH,
    O_RDONLY,
    RENAME_EXCHANGE,
    RENAME_NOREPLACE,
    RENAME_WHITEOUT,
    S_IFCHR,
    Errno,
)
from tests.posix.cases.making import CLASSES
from tests.posix.checks import (
    ALICE,
    KINDS,
    NOT_DIRECTORIES,
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
from tests.posix.protocol import Attributes, Feature, Kernel, Posix, User
from tests.posix.table import Cases

cases = Cases("renaming")


def _hold(p: Posix, path: str) -> int:
    """A descriptor of anything, a link itself included."""
    return p.open(path, O_PATH | O_NOFOLLOW)


def _same_but_ctime(before: Attributes, after: Attributes) -> bool:
    return before == after._replace(ctime=before.ctime)


@cases(KINDS)
def moves_a_file_of_any_kind(p: Posix, kind: str) -> None:
    before = make(p, kind, "x", 0o640)
    p.rename("x", "y")
    assert _same_but_ctime(before, p.lstat("y"))
    assert names(p, ".") == ["y"]
    refused(Errno.ENOENT, p.lstat, "x")


@cases(KINDS)
def moves_between_directories(p: Posix, kind: str) -> None:
    p.mkdir("c")
    p.mkdir("d")
    before = make(p, kind, "c/x")
    p.rename("c/x", "d/y")
    assert _same_but_ctime(before, p.lstat("d/y"))
    assert (names(p, "c"), names(p, "d")) == ([], ["y"])
    is_directory = kind == "directory"
    assert (p.lstat("c").nlink, p.lstat("d").nlink) == (2, 2 + is_directory)


@cases(KINDS)
def stamps_both_directories_and_the_file(p: Posix, kind: str) -> None:
    """That the file's ctime is updated is Linux's choice."""
    p.mkdir("c")
    p.mkdir("d")
    make(p, kind, "c/x")
    with (
        updates(p, "c", "mtime", "ctime"),
        updates(p, "d", "mtime", "ctime"),
        updates(p, _hold(p, "c/x"), "ctime"),
    ):
        p.rename("c/x", "d/y")


@cases(KINDS)
def stamps_its_directory_when_it_stays_there(p: Posix, kind: str) -> None:
    make(p, kind, "x")
    with updates(p, ".", "mtime", "ctime"), updates(p, _hold(p, "x"), "ctime"):
        p.rename("x", "y")


@cases(NOT_DIRECTORIES, NOT_DIRECTORIES)
def replaces_a_file_by_a_file(p: Posix, kind: str, other: str) -> None:
    p.mkdir("d")
    before = make(p, kind, "x")
    make(p, other, "d/y")
    replaced = _hold(p, "d/y")
    with (
        updates(p, "d", "mtime", "ctime"),
        updates(p, ".", "mtime", "ctime"),
        updates(p, replaced, "ctime"),
    ):
        p.rename("x", "d/y")
    assert _same_but_ctime(before, p.lstat("d/y"))
    assert p.fstat(replaced).nlink == 0
    assert (names(p, "."), names(p, "d")) == (["d"], ["y"])


@cases(NOT_DIRECTORIES)
def a_replaced_file_keeps_its_other_names(p: Posix, kind: str) -> None:
    make(p, "regular", "x")
    make(p, kind, "y")
    p.link("y", "z")
    with updates(p, "z", "ctime"):
        p.rename("x", "y")
    assert p.lstat("z").nlink == 1


@cases()
def replaces_an_empty_directory(p: Posix) -> None:
    p.mkdir("c")
    p.mkdir("d")
    p.mkdir("c/x")
    make(p, "regular", "c/x/f")
    p.mkdir("d/y")
    replaced = p.open("d/y", O_RDONLY)
    with updates(p, "c", "mtime", "ctime"), updates(p, "d", "mtime", "ctime"):
        p.rename("c/x", "d/y")
    assert names(p, "d/y") == ["f"]
    assert (p.lstat("c").nlink, p.lstat("d").nlink) == (2, 3)
    assert p.fstat(replaced).nlink == 0


@cases(KINDS)
def keeps_a_directory_with_anything_in_it(p: Posix, kind: str) -> None:
    p.mkdir("x")
    p.mkdir("y")
    make(p, kind, "y/f")
    with keeps_times(p, "x", "y", ".", "y/f"):
        refused(Errno.ENOTEMPTY, p.rename, "x", "y")
    assert names(p, ".") == ["x", "y"]


@cases(NOT_DIRECTORIES)
def keeps_files_and_directories_apart(p: Posix, kind: str) -> None:
    make(p, kind, "x")
    p.mkdir("d")
    p.mkdir("e")
    make(p, "regular", "e/f")
    with keeps_times(p, "x", "d", "e", "."):
        refused(Errno.EISDIR, p.rename, "x", "d")
        refused(Errno.EISDIR, p.rename, "x", "e")
        refused(Errno.ENOTDIR, p.rename, "d", "x")
    assert names(p, ".") == ["d", "e", "x"]


@cases(NOT_DIRECTORIES)
def two_names_of_one_file_both_stay(p: Posix, kind: str) -> None:
    """POSIX rename(): if both are the same file, nothing is done."""
    make(p, kind, "x")
    p.mkdir("d")
    p.link("x", "d/y")
    with keeps_times(p, "x", "d", "."):
        p.rename("x", "d/y")
        p.rename("d/y", "x")
    assert p.lstat("x").nlink == 2
    assert exists(p, "d/y")


@cases(KINDS)
def onto_itself_does_nothing(p: Posix, kind: str) -> None:
    make(p, kind, "x")
    with keeps_times(p, "x", "."):
        p.rename("x", "x")
        p.rename("x", "./x")


@cases()
def a_directory_does_not_move_below_itself(p: Posix) -> None:
    p.mkdir("d")
    p.mkdir("d/e")
    p.mkdir("d/e/f")
    with keeps_times(p, "d", "d/e", "d/e/f", "."):
        refused(Errno.EINVAL, p.rename, "d", "d/x")
        refused(Errno.EINVAL, p.rename, "d", "d/e/x")
        refused(Errno.EINVAL, p.rename, "d", "d/e/f")
        refused(Errno.ENOTEMPTY, p.rename, "d/e/f", "d")
        refused(Errno.ENOTEMPTY, p.rename, "d/e", "d")


@cases()
def dot_and_dot_dot_do_not_move(p: Posix) -> None:
    p.mkdir("d")
    p.mkdir("d/e")
    with keeps_times(p, "d", "d/e"):
        refused(Errno.EBUSY, p.rename, "d/.", "x")
        refused(Errno.EBUSY, p.rename, "d/e/..", "x")
        refused(Errno.EBUSY, p.rename, "d/e", "d/.")
        refused(Errno.EBUSY, p.rename, "d/e", "d/e/..")


@cases()
def a_moved_directory_has_a_new_parent(p: Posix) -> None:
    p.mkdir("c")
    p.mkdir("d")
    p.mkdir("c/x")
    p.rename("c/x", "d/x")
    assert p.lstat("d/x/..").ino == p.lstat("d").ino
    fd = p.open("d/x")
    dots = {entry.name: entry.ino for entry in p.getdents(fd)}
    assert dots == {".": p.lstat("d/x").ino, "..": p.lstat("d").ino}


@cases()
def a_directory_moves_with_all_that_is_in_it(p: Posix) -> None:
    p.mkdir("c")
    p.mkdir("c/d")
    make_file(p, "c/d/f", b"deep")
    fd = p.open("c/d/f")
    p.mkdir("e")
    p.rename("c", "e/new")
    assert content(p, "e/new/d/f") == b"deep"
    assert p.lstat("e/new/d/f").ino == p.fstat(fd).ino
    refused(Errno.ENOENT, p.lstat, "c/d/f")
    p.mkdir("c")
    assert names(p, "c") == []


@cases()
def a_link_moves_itself(p: Posix) -> None:
    make(p, "regular", "x")
    p.symlink("x", "l")
    make(p, "regular", "y")
    p.symlink("y", "m")
    with keeps_times(p, "x", "y"):
        p.rename("l", "m")
    assert p.readlink("m") == "x"
    assert names(p, ".") == ["m", "x", "y"]


@cases()
def a_slash_is_for_directories(p: Posix) -> None:
    p.mkdir("d")
    make(p, "regular", "x")
    p.rename("d/", "e/")
    refused(Errno.ENOTDIR, p.rename, "x/", "y")
    refused(Errno.ENOTDIR, p.rename, "x", "y/")
    refused(Errno.ENOTDIR, p.rename, "x", "e/")
    p.symlink("e", "l")
    refused(Errno.ENOTDIR, p.rename, "l/", "m")
    assert names(p, ".") == ["e", "l", "x"]


@cases()
def an_open_file_is_not_touched_by_what_replaces_it(p: Posix) -> None:
    old = make_open(p, "y", b"old")
    make_file(p, "x", b"new")
    p.rename("x", "y")
    assert (content(p, old), content(p, "y")) == (b"old", b"new")
    p.write(old, b"er")
    assert (content(p, old), content(p, "y")) == (b"older", b"new")
    assert p.fstat(old).nlink == 0


@cases()
def a_moved_file_stays_open(p: Posix) -> None:
    fd = make_open(p, "x", b"some")
    p.rename("x", "y")
    p.write(fd, b" more")
    assert content(p, "y") == b"some more"


@cases()
def names_change_places_through_a_third(p: Posix) -> None:
    make_file(p, "x", b"x")
    make_file(p, "y", b"y")
    for _ in range(3):
        p.rename("x", "z")
        p.rename("y", "x")
        p.rename("z", "y")
    assert (content(p, "x"), content(p, "y")) == (b"y", b"x")


@cases()
def into_a_removed_directory_is_refused(p: Posix) -> None:
    p.mkdir("d")
    make(p, "regular", "x")
    fd = p.open("d", O_RDONLY)
    p.rmdir("d")
    with p.at(fd):
        refused(Errno.ENOENT, p.rename, "../x", "y")
    assert exists(p, "x")


@cases(needs=Feature.MOUNTS)
def does_not_reach_another_mount(p: Kernel) -> None:
    make(p, "regular", "x")
    with keeps_times(p, "x", "."):
        refused(Errno.EXDEV, p.rename, "x", f"{p.elsewhere}/x")


# --- permissions -----------------------------------------------------------------


@cases(KINDS, CLASSES)
def needs_write_permission_in_the_old_directory(
    p: Posix, kind: str, who: tuple[User, User, int]
) -> None:
    owner, caller, bits = who
    make(p, "directory", "d", 0o777 & ~(bits & 0o222), owner)
    make(p, kind, "d/x", 0o777, caller)
    p.chmod(".", 0o777)
    with keeps_times(p, "d", "d/x", "."), p.as_user(caller):
        refused(Errno.EACCES, p.rename, "d/x", "y")


@cases(KINDS, CLASSES)
def needs_write_permission_in_the_new_directory(
    p: Posix, kind: str, who: tuple[User, User, int]
) -> None:
    owner, caller, bits = who
    make(p, "directory", "d", 0o777 & ~(bits & 0o222), owner)
    p.chmod(".", 0o777)
    make(p, kind, "x", 0o777, caller)
    with keeps_times(p, "d", "x", "."), p.as_user(caller):
        refused(Errno.EACCES, p.rename, "x", "d/y")


@cases([kind for kind in KINDS if kind != "directory"], CLASSES)
def needs_only_the_permission_of_its_class(
    p: Posix, kind: str, who: tuple[User, User, int]
) -> None:
    owner, caller, bits = who
    for path in ("c", "d"):
        make(p, "directory", path, bits & 0o333, owner)
    made = make(p, kind, "c/x", 0, User(77, 77))
    make(p, "regular", "d/y", 0, User(77, 77))
    with p.as_user(caller):
        p.rename("c/x", "d/y")
    assert p.lstat("d/y").ino == made.ino
    assert not exists(p, "c/x")


@cases()
def a_directory_that_gets_another_parent_must_be_writable(p: Posix) -> None:
    """rename(2): EACCES; its entry `..` is to change."""
    for path in ("c", "d"):
        make(p, "directory", path, 0o777)
    make(p, "directory", "c/x", 0o755, User(77, 77))
    with p.as_user(ALICE):
        p.rename("c/x", "c/y")
        with keeps_times(p, "c", "d", "c/y"):
            refused(Errno.EACCES, p.rename, "c/y", "d/y")
    p.chmod("c/y", 0o757)
    with p.as_user(ALICE):
        p.rename("c/y", "d/y")


# --- flags -----------------------------------------------------------------------


@cases(KINDS, KINDS)
def noreplace_refuses_a_name_that_is_taken(p: Posix, kind: str, other: str) -> None:
    make(p, kind, "x")
    make(p, other, "y")
    with keeps_times(p, "x", "y", "."):
        refused(Errno.EEXIST, p.rename, "x", "y", RENAME_NOREPLACE)
        refused(Errno.EEXIST, p.rename, "x", "x", RENAME_NOREPLACE)


@cases(KINDS)
def noreplace_takes_a_new_name(p: Posix, kind: str) -> None:
    before = make(p, kind, "x")
    p.rename("x", "y", RENAME_NOREPLACE)
    assert _same_but_ctime(before, p.lstat("y"))
    assert not exists(p, "x")


@cases(KINDS, KINDS)
def exchange_swaps_two_names(p: Posix, kind: str, other: str) -> None:
    p.mkdir("c")
    p.mkdir("d")
    first, second = make(p, kind, "c/x"), make(p, other, "d/y")
    with (
        updates(p, "c", "mtime", "ctime"),
        updates(p, "d", "mtime", "ctime"),
        updates(p, _hold(p, "c/x"), "ctime"),
        updates(p, _hold(p, "d/y"), "ctime"),
    ):
        p.rename("c/x", "d/y", RENAME_EXCHANGE)
    assert _same_but_ctime(first, p.lstat("d/y"))
    assert _same_but_ctime(second, p.lstat("c/x"))
    assert p.lstat("c").nlink == 2 + (other == "directory")
    assert p.lstat("d").nlink == 2 + (kind == "directory")


@cases()
def exchange_keeps_what_is_in_directories(p: Posix) -> None:
    p.mkdir("c")
    p.mkdir("d")
    make(p, "regular", "c/in_c")
    make(p, "regular", "d/in_d")
    p.rename("c", "d", RENAME_EXCHANGE)
    assert (names(p, "c"), names(p, "d")) == (["in_d"], ["in_c"])


@cases()
def exchange_needs_both(p: Posix) -> None:
    make(p, "regular", "x")
    with keeps_times(p, "x", "."):
        refused(Errno.ENOENT, p.rename, "x", "y", RENAME_EXCHANGE)
        refused(Errno.ENOENT, p.rename, "y", "x", RENAME_EXCHANGE)


@cases()
def exchange_does_not_put_a_directory_below_itself(p: Posix) -> None:
    p.mkdir("d")
    p.mkdir("d/e")
    with keeps_times(p, "d", "d/e", "."):
        refused(Errno.EINVAL, p.rename, "d", "d/e", RENAME_EXCHANGE)
        refused(Errno.EINVAL, p.rename, "d/e", "d", RENAME_EXCHANGE)


@cases({"exchange": RENAME_EXCHANGE, "whiteout": RENAME_WHITEOUT, "unknown": 0x80})
def flags_that_do_not_go_together_are_refused(p: Posix, flag: int) -> None:
    """renameat2(2): EINVAL."""
    make(p, "regular", "x")
    make(p, "regular", "y")
    other = RENAME_EXCHANGE if flag == RENAME_WHITEOUT else RENAME_NOREPLACE
    with keeps_times(p, "x", "y", "."):
        refused(Errno.EINVAL, p.rename, "x", "y", flag | other)


@cases(NOT_DIRECTORIES)
def whiteout_leaves_a_device(p: Posix, kind: str) -> None:
    """renameat2(2): a character device 0/0 takes the old name's place."""
    before = make(p, kind, "x")
    p.rename("x", "y", RENAME_WHITEOUT)
    assert _same_but_ctime(before, p.lstat("y"))
    left = p.lstat("x")
    assert (left.kind, left.rdev, left.nlink) == (S_IFCHR, 0, 1)


@cases(KINDS, KINDS)
def a_refused_exchange_changes_nothing(p: Posix, kind: str, other: str) -> None:
    p.mkdir("c", 0o755)
    p.mkdir("d", 0o777)
    make(p, kind, "c/x")
    make(p, other, "d/y")
    with keeps_times(p, "c", "d", "c/x", "d/y"), p.as_user(ALICE):
        refused(Errno.EACCES, p.rename, "c/x", "d/y", RENAME_EXCHANGE)
