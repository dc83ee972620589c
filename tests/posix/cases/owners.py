"""chown, lchown and fchown."""

from collections.abc import Callable

from tests.posix.abi import O_RDONLY, O_RDWR, Errno
from tests.posix.checks import (
    ALICE,
    BOB,
    CAROL,
    KINDS,
    NOT_DIRECTORIES,
    WITH_MODE,
    keeps_times,
    make,
    refused,
    updates,
)
from tests.posix.protocol import Posix, User
from tests.posix.table import Cases

cases = Cases("owners")

PAIRS = {"1-2": (1, 2), "0-5": (0, 5), "65534-65533": (65534, 65533)}
LARGE = {str(number): number for number in (65535, 65536, 2**31, 2**32 - 2)}


@cases(KINDS, PAIRS)
def root_gives_a_file_away(p: Posix, kind: str, owner: tuple[int, int]) -> None:
    before = make(p, kind, "x")
    p.lchown("x", *owner)
    after = p.lstat("x")
    assert after.owner == owner
    assert after == before._replace(uid=owner[0], gid=owner[1], ctime=after.ctime)


@cases(LARGE)
def numbers_have_32_bits(p: Posix, number: int) -> None:
    make(p, "regular", "x")
    p.chown("x", number, number)
    assert p.lstat("x").owner == (number, number)


@cases(KINDS)
def minus_one_leaves_a_number(p: Posix, kind: str) -> None:
    make(p, kind, "x")
    p.lchown("x", 3, 4)
    p.lchown("x", -1, 5)
    assert p.lstat("x").owner == (3, 5)
    p.lchown("x", 6, -1)
    assert p.lstat("x").owner == (6, 5)
    p.lchown("x", -1, -1)
    assert p.lstat("x").owner == (6, 5)


@cases(KINDS, {"both": (1, 2), "same": (0, 0), "uid": (1, -1), "gid": (-1, 2)})
def stamps_the_file_only(p: Posix, kind: str, owner: tuple[int, int]) -> None:
    p.mkdir("d")
    make(p, kind, "d/x")
    with updates(p, "d/x", "ctime"), keeps_times(p, "d"):
        p.lchown("d/x", *owner)


@cases(KINDS)
def changing_nothing_stamps_the_file(p: Posix, kind: str) -> None:
    """chown(2) leaves open whether it does; Linux's fs/open.c:chown_common does."""
    make(p, kind, "x")
    with updates(p, "x", "ctime"):
        p.lchown("x", -1, -1)


@cases(WITH_MODE)
def goes_through_a_link(p: Posix, kind: str) -> None:
    make(p, kind, "x")
    p.symlink("x", "l")
    with updates(p, "x", "ctime"):
        p.chown("l", 1, 2)
    assert (p.stat("l").owner, p.lstat("l").owner) == ((1, 2), (0, 0))
    with keeps_times(p, "x"):
        p.lchown("l", 3, 4)
    assert (p.stat("l").owner, p.lstat("l").owner) == ((1, 2), (3, 4))


@cases(["regular", "directory"])
def changes_an_open_file(p: Posix, kind: str) -> None:
    make(p, kind, "x")
    fd = p.open("x", O_RDONLY)
    with updates(p, fd, "ctime"):
        p.chown(fd, 1, 2)
    assert p.lstat("x").owner == (1, 2)


# --- ordinary users --------------------------------------------------------------


@cases(KINDS)
def an_owner_gives_it_to_a_group_of_theirs(p: Posix, kind: str) -> None:
    make(p, kind, "x", 0o644, CAROL)
    with p.as_user(CAROL):
        for gid in (*CAROL.groups, CAROL.gid):
            with updates(p, "x", "ctime"):
                p.lchown("x", -1, gid)
            p.lchown("x", CAROL.uid, gid)
            assert p.lstat("x").owner == (CAROL.uid, gid)


@cases(KINDS)
def an_owner_does_not_give_it_away(p: Posix, kind: str) -> None:
    make(p, kind, "x", 0o666, ALICE)
    with keeps_times(p, "x"), p.as_user(ALICE):
        refused(Errno.EPERM, p.lchown, "x", BOB.uid, -1)
        refused(Errno.EPERM, p.lchown, "x", BOB.uid, ALICE.gid)
        refused(Errno.EPERM, p.lchown, "x", -1, BOB.gid)
        refused(Errno.EPERM, p.lchown, "x", ALICE.uid, BOB.gid)
        refused(Errno.EPERM, p.lchown, "x", 0, 0)
    assert p.lstat("x").owner == (ALICE.uid, ALICE.gid)


@cases(KINDS)
def who_is_not_the_owner_changes_nothing(p: Posix, kind: str) -> None:
    make(p, kind, "x", 0o666, ALICE)
    with keeps_times(p, "x"), p.as_user(CAROL):
        refused(Errno.EPERM, p.lchown, "x", CAROL.uid, CAROL.gid)
        refused(Errno.EPERM, p.lchown, "x", -1, CAROL.gid)
        refused(Errno.EPERM, p.lchown, "x", -1, ALICE.gid)
        refused(Errno.EPERM, p.lchown, "x", ALICE.uid, -1)


@cases(KINDS)
def anybody_may_change_nothing_of_their_own(p: Posix, kind: str) -> None:
    make(p, kind, "x", 0o644, ALICE)
    with p.as_user(ALICE):
        p.lchown("x", ALICE.uid, ALICE.gid)
        p.lchown("x", -1, -1)
    assert p.lstat("x").owner == (ALICE.uid, ALICE.gid)


# --- set-id bits -----------------------------------------------------------------

CHANGES: dict[str, Callable[[Posix, str, User], None]] = {
    "group": lambda p, path, who: p.lchown(path, -1, who.gid),
    "same": lambda p, path, who: p.lchown(path, who.uid, who.gid),
    "nothing": lambda p, path, who: p.lchown(path, -1, -1),
}
NODES = [kind for kind in NOT_DIRECTORIES if kind != "symlink"]


@cases(NODES, CHANGES)
def takes_set_id_bits_off(
    p: Posix, kind: str, change: Callable[[Posix, str, User], None]
) -> None:
    """chown(2): root's call as well, on Linux, unless it is a directory."""
    for who in (ALICE, CAROL):
        make(p, kind, f"x{who.uid}", 0o6755, who)
        with p.as_user(who):
            change(p, f"x{who.uid}", who)
        assert p.lstat(f"x{who.uid}").perm == 0o755
    make(p, kind, "y", 0o6755)
    change(p, "y", BOB)
    assert p.lstat("y").perm == 0o755


@cases(CHANGES)
def leaves_those_of_a_directory(
    p: Posix, change: Callable[[Posix, str, User], None]
) -> None:
    make(p, "directory", "d", 0o6755, ALICE)
    with p.as_user(ALICE):
        change(p, "d", ALICE)
    assert p.lstat("d").perm == 0o6755
    change(p, "d", BOB)
    assert p.lstat("d").perm == 0o6755


@cases()
def leaves_set_group_id_without_group_execution(p: Posix) -> None:
    """chown(2): that is not cleared if the file is not executable by the group."""
    make(p, "regular", "x", 0o6745, ALICE)
    p.chown("x", BOB.uid, -1)
    assert p.lstat("x").perm == 0o2745


@cases()
def takes_them_off_an_open_file(p: Posix) -> None:
    make(p, "regular", "x", 0o6755, ALICE)
    with p.as_user(ALICE):
        p.chown(p.open("x", O_RDWR), -1, ALICE.gid)
    assert p.lstat("x").perm == 0o755
