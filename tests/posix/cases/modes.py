"""chmod and fchmod."""

from tests.posix.abi import O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, Errno
from tests.posix.checks import (
    ALICE,
    BOB,
    CAROL,
    WITH_MODE,
    content,
    keeps_times,
    make,
    make_file,
    refused,
    updates,
)
from tests.posix.protocol import Posix, User
from tests.posix.table import Cases

cases = Cases("modes")

MODES = {
    f"{mode:04o}": mode
    for mode in (0, 0o001, 0o111, 0o421, 0o644, 0o777, 0o1000, 0o2070, 0o4700, 0o7777)
}
OPENABLE = ("regular", "directory")
SET_ID = {f"{mode:04o}": mode for mode in (0o4755, 0o2755, 0o6755)}


@cases(WITH_MODE, MODES)
def sets_all_twelve_bits(p: Posix, kind: str, mode: int) -> None:
    before = make(p, kind, "x", 0o123)
    p.chmod("x", mode)
    after = p.lstat("x")
    assert (after.perm, after.kind) == (mode, before.kind)
    assert after == before._replace(mode=after.mode, ctime=after.ctime)


@cases(OPENABLE, MODES)
def sets_them_of_an_open_file(p: Posix, kind: str, mode: int) -> None:
    make(p, kind, "x", 0o700)
    fd = p.open("x", O_RDONLY)
    with updates(p, fd, "ctime"):
        p.chmod(fd, mode)
    assert p.lstat("x").perm == mode


@cases(WITH_MODE)
def stamps_the_file_only(p: Posix, kind: str) -> None:
    p.mkdir("d")
    make(p, kind, "d/x")
    with updates(p, "d/x", "ctime"), keeps_times(p, "d"):
        p.chmod("d/x", 0o700)
    with updates(p, "d/x", "ctime"):
        p.chmod("d/x", 0o700)


@cases(WITH_MODE)
def goes_through_a_link(p: Posix, kind: str) -> None:
    make(p, kind, "x", 0o600)
    p.symlink("x", "l")
    with updates(p, "x", "ctime"):
        p.chmod("l", 0o421)
    assert (p.stat("l").perm, p.lstat("l").perm) == (0o421, 0o777)


@cases(WITH_MODE)
def the_owner_may(p: Posix, kind: str) -> None:
    make(p, kind, "x", 0, ALICE)
    with p.as_user(ALICE):
        p.chmod("x", 0o421)
    assert p.lstat("x").perm == 0o421


@cases(WITH_MODE, {"other": BOB, "group": User(1009, ALICE.gid)})
def who_is_not_the_owner_may_not(p: Posix, kind: str, who: User) -> None:
    make(p, kind, "x", 0o666, ALICE)
    p.symlink("x", "l")
    with keeps_times(p, "x"), p.as_user(who):
        refused(Errno.EPERM, p.chmod, "x", 0o666)
        refused(Errno.EPERM, p.chmod, "l", 0o666)
    assert p.lstat("x").perm == 0o666


@cases()
def who_is_not_the_owner_may_not_by_an_open_file_either(p: Posix) -> None:
    make(p, "regular", "x", 0o666, ALICE)
    with p.as_user(BOB):
        fd = p.open("x", O_RDWR)
        refused(Errno.EPERM, p.chmod, fd, 0o600)


@cases(WITH_MODE)
def a_set_group_id_bit_needs_a_member(p: Posix, kind: str) -> None:
    """chmod(2): it is turned off, without an error."""
    make(p, kind, "x", 0o755, User(ALICE.uid, BOB.gid))
    with p.as_user(ALICE):
        p.chmod("x", 0o2755)
    assert p.lstat("x").perm == 0o755
    p.chmod("x", 0o2755)
    assert p.lstat("x").perm == 0o2755
    with p.as_user(ALICE):
        p.chmod("x", 0o2700)
    assert p.lstat("x").perm == 0o700


@cases(WITH_MODE)
def a_member_sets_the_set_group_id_bit(p: Posix, kind: str) -> None:
    make(p, kind, "x", 0o755, User(CAROL.uid, BOB.gid))
    with p.as_user(CAROL):
        p.chmod("x", 0o6755)
    assert p.lstat("x").perm == 0o6755


@cases(WITH_MODE)
def an_owner_sets_the_sticky_bit(p: Posix, kind: str) -> None:
    make(p, kind, "x", 0o755, ALICE)
    with p.as_user(ALICE):
        p.chmod("x", 0o1755)
    assert p.lstat("x").perm == 0o1755


@cases()
def an_open_file_stays_as_it_was_opened(p: Posix) -> None:
    make(p, "regular", "x", 0o600, ALICE)
    with p.as_user(ALICE):
        fd = p.open("x", O_RDWR)
        p.chmod("x", 0)
        p.write(fd, b"some")
        assert p.pread(fd, 4, 0) == b"some"
        p.truncate(fd, 2)
        assert p.fstat(fd).size == 2
        refused(Errno.EACCES, p.open, "x", O_RDONLY)


# --- set-id bits go when a file changes ------------------------------------------


@cases(SET_ID)
def writing_takes_set_id_bits_off(p: Posix, mode: int) -> None:
    """write(2), inode(7): when who writes is not root."""
    make(p, "regular", "x", mode | 0o022, ALICE)
    with p.as_user(ALICE):
        fd = p.open("x", O_RDWR)
        with updates(p, fd, "mtime", "ctime"):
            p.write(fd, b"some")
    assert p.lstat("x").perm == 0o777


@cases(SET_ID)
def writing_takes_them_off_for_others_who_may(p: Posix, mode: int) -> None:
    make(p, "regular", "x", mode | 0o022, BOB)
    with p.as_user(ALICE):
        p.pwrite(p.open("x", O_RDWR), b"some", 100)
    assert p.lstat("x").perm == 0o777


@cases(SET_ID)
def writing_as_root_leaves_them(p: Posix, mode: int) -> None:
    make(p, "regular", "x", mode, ALICE)
    p.write(p.open("x", O_RDWR), b"some")
    assert p.lstat("x").perm == mode


@cases(SET_ID)
def writing_nothing_leaves_them(p: Posix, mode: int) -> None:
    make(p, "regular", "x", mode, ALICE)
    with p.as_user(ALICE):
        fd = p.open("x", O_RDWR)
        with keeps_times(p, fd):
            p.write(fd, b"")
    assert p.lstat("x").perm == mode


@cases(SET_ID)
def truncating_takes_them_off(p: Posix, mode: int) -> None:
    for path in ("x", "y"):
        make(p, "regular", path, mode, ALICE)
        p.truncate(path, 10)
        p.chmod(path, mode)
    with p.as_user(ALICE):
        p.truncate("x", 5)
        p.truncate(p.open("y", O_RDWR), 5)
    assert p.lstat("x").perm == p.lstat("y").perm == 0o755


@cases(SET_ID)
def truncating_as_root_leaves_them(p: Posix, mode: int) -> None:
    make(p, "regular", "x", mode, ALICE)
    p.truncate("x", 5)
    assert p.lstat("x").perm == mode


@cases(SET_ID)
def opening_to_truncate_takes_them_off(p: Posix, mode: int) -> None:
    make(p, "regular", "x", mode, ALICE)
    with p.as_user(ALICE):
        p.close(p.open("x", O_RDWR | O_TRUNC))
    assert p.lstat("x").perm == 0o755


@cases(SET_ID)
def preallocating_takes_them_off(p: Posix, mode: int) -> None:
    make(p, "regular", "x", mode, ALICE)
    with p.as_user(ALICE):
        p.fallocate(p.open("x", O_RDWR), 0, 0, 4096)
    assert p.lstat("x").perm == 0o755


@cases(SET_ID)
def copying_into_a_file_takes_them_off(p: Posix, mode: int) -> None:
    make(p, "regular", "x", mode, ALICE)
    make_file(p, "y", b"some", 0o644)
    with p.as_user(ALICE):
        p.copy_file_range(p.open("y", O_RDONLY), p.open("x", O_RDWR), 4)
    assert p.lstat("x").perm == 0o755
    assert content(p, "x") == b"some"


@cases()
def set_group_id_without_group_execution_stays(p: Posix) -> None:
    """Linux's fs/attr.c:setattr_should_drop_sgid: for a member of the group."""
    make(p, "regular", "x", 0o2745, ALICE)
    with p.as_user(ALICE):
        p.write(p.open("x", O_RDWR), b"some")
    assert p.lstat("x").perm == 0o2745


@cases()
def set_group_id_without_group_execution_goes_for_others(p: Posix) -> None:
    make(p, "regular", "x", 0o2746, ALICE)
    with p.as_user(BOB):
        p.write(p.open("x", O_WRONLY), b"some")
    assert p.lstat("x").perm == 0o746


@cases()
def the_sticky_bit_stays(p: Posix) -> None:
    make(p, "regular", "x", 0o7755, ALICE)
    with p.as_user(ALICE):
        p.write(p.open("x", O_RDWR), b"some")
    assert p.lstat("x").perm == 0o1755


@cases()
def making_names_in_a_directory_leaves_its_bits(p: Posix) -> None:
    make(p, "directory", "d", 0o7777, ALICE)
    with p.as_user(BOB):
        make(p, "regular", "d/x")
    with p.as_user(ALICE):
        make(p, "regular", "d/y")
    assert p.lstat("d").perm == 0o7777
