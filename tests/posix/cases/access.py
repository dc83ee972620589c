"""Who may read, write, execute and search: the permission bits.

path_resolution(7): the class that fits first counts, owner, group, others, even when a
later one would allow more.
"""

from tests.posix.abi import (
    F_OK,
    O_CREAT,
    O_RDONLY,
    O_RDWR,
    O_TRUNC,
    O_WRONLY,
    R_OK,
    W_OK,
    X_OK,
    Errno,
)
from tests.posix.checks import (
    ALICE,
    BOB,
    CAROL,
    KINDS,
    WITH_MODE,
    content,
    make,
    make_file,
    names,
    refused,
    user,
)
from tests.posix.protocol import ROOT, Posix, User
from tests.posix.table import Cases

cases = Cases("access")

CLASSES = {
    "owner": (ALICE, ALICE, 6),
    "group": (User(0, ALICE.gid), ALICE, 3),
    "supplementary": (User(0, BOB.gid), CAROL, 3),
    "other": (BOB, ALICE, 0),
}
"""Owner of a file, who comes, and how far their three bits are shifted."""

Class = tuple[User, User, int]
BITS = {f"{bits}": bits for bits in range(8)}
MASKS = range(8)
WANTED = {O_RDONLY: R_OK, O_WRONLY: W_OK, O_RDWR: R_OK | W_OK}


def _mode(shift: int, bits: int, otherwise: int) -> int:
    """`bits` for the class, and for the other two what would be wrong."""
    others = sum(otherwise << at for at in (0, 3, 6) if at != shift)
    return bits << shift | others


@cases(WITH_MODE, CLASSES, BITS)
def access_tells_what_the_class_may(p: Posix, kind: str, who: Class, bits: int) -> None:
    owner, caller, shift = who
    make(p, kind, "x", _mode(shift, bits, 7 & ~bits), owner)
    with p.as_user(caller):
        for mask in MASKS:
            if mask & ~bits:
                refused(Errno.EACCES, p.access, "x", mask)
            else:
                p.access("x", mask)


@cases(CLASSES, BITS)
def open_asks_for_what_it_is_for(p: Posix, who: Class, bits: int) -> None:
    owner, caller, shift = who
    make(p, "regular", "x", _mode(shift, bits, 7 & ~bits), owner)
    with p.as_user(caller):
        for flags, wanted in WANTED.items():
            if wanted & ~bits:
                refused(Errno.EACCES, p.open, "x", flags)
                refused(Errno.EACCES, p.open, "x", flags | O_CREAT)
            else:
                p.close(p.open("x", flags))
                p.close(p.open("x", flags | O_CREAT))


@cases(CLASSES, BITS)
def truncating_takes_write_permission(p: Posix, who: Class, bits: int) -> None:
    owner, caller, shift = who
    make(p, "regular", "x", _mode(shift, bits, 7 & ~bits), owner)
    p.truncate("x", 9)
    with p.as_user(caller):
        if bits & W_OK:
            p.truncate("x", 3)
        else:
            refused(Errno.EACCES, p.truncate, "x", 3)
            refused(Errno.EACCES, p.open, "x", O_RDONLY | O_TRUNC)
    assert p.stat("x").size == (3 if bits & W_OK else 9)


@cases(CLASSES, BITS)
def a_directory_is_listed_with_read_permission(p: Posix, who: Class, bits: int) -> None:
    owner, caller, shift = who
    p.mkdir("d")
    make(p, "regular", "d/x")
    p.chown("d", owner.uid, owner.gid)
    p.chmod("d", _mode(shift, bits, 7 & ~bits))
    with p.as_user(caller):
        if bits & R_OK:
            assert names(p, "d") == ["x"]
        else:
            refused(Errno.EACCES, p.open, "d", O_RDONLY)


@cases(CLASSES, BITS)
def a_directory_is_searched_with_execute_permission(
    p: Posix, who: Class, bits: int
) -> None:
    owner, caller, shift = who
    p.mkdir("d")
    make_file(p, "d/x", b"some", 0o666)
    p.chown("d", owner.uid, owner.gid)
    p.chmod("d", _mode(shift, bits, 7 & ~bits))
    with p.as_user(caller):
        if bits & X_OK:
            assert content(p, "d/x") == b"some"
        else:
            refused(Errno.EACCES, p.stat, "d/x")
            refused(Errno.EACCES, p.open, "d/x", O_RDONLY)
            refused(Errno.EACCES, p.stat, "d/.")


@cases(CLASSES, BITS)
def a_directory_is_changed_with_write_and_execute_permission(
    p: Posix, who: Class, bits: int
) -> None:
    owner, caller, shift = who
    make(p, "directory", "d", _mode(shift, bits, 7 & ~bits), owner)
    with p.as_user(caller):
        if bits & W_OK and bits & X_OK:
            p.mkdir("d/x")
            p.rmdir("d/x")
        else:
            refused(Errno.EACCES, p.mkdir, "d/x")
            refused(Errno.EACCES, p.open, "d/x", O_CREAT | O_WRONLY)


@cases(["regular", "directory"])
def root_reads_and_writes_anything(p: Posix, kind: str) -> None:
    make(p, kind, "x", 0, ALICE)
    p.access("x", R_OK | W_OK)
    if kind == "regular":
        make_file(p, "x", b"some")
        assert content(p, "x") == b"some"
    else:
        make(p, "regular", "x/y")
        assert names(p, "x") == ["y"]


@cases()
def root_executes_what_anybody_may(p: Posix) -> None:
    """path_resolution(7): one execute bit is needed, unless it is a directory."""
    for mode, allowed in ((0o666, False), (0o100, True), (0o010, True), (0o001, True)):
        make(p, "regular", f"x{mode}", mode, ALICE)
        if allowed:
            p.access(f"x{mode}", X_OK)
        else:
            refused(Errno.EACCES, p.access, f"x{mode}", X_OK)
    make(p, "directory", "d", 0, ALICE)
    p.access("d", X_OK)


@cases(KINDS, {"alice": ALICE, "root": ROOT})
def that_it_exists_takes_no_permission(p: Posix, kind: str, who: User) -> None:
    make(p, kind, "x", 0, BOB)
    with user(p, who):
        assert p.lstat("x").uid == BOB.uid
        if kind != "symlink":
            p.access("x", F_OK)


@cases()
def access_goes_through_a_link(p: Posix) -> None:
    make(p, "regular", "x", 0o600, BOB)
    p.symlink("x", "l")
    p.symlink("nowhere", "m")
    with p.as_user(ALICE):
        refused(Errno.EACCES, p.access, "l", R_OK)
        refused(Errno.ENOENT, p.access, "m", F_OK)
    p.chmod("x", 0o604)
    with p.as_user(ALICE):
        p.access("l", R_OK)


@cases()
def a_change_of_permissions_counts_at_once(p: Posix) -> None:
    make(p, "directory", "d", 0o755)
    make(p, "regular", "d/x", 0o644)
    for mode in (0o755, 0o754, 0o755, 0o700, 0o711):
        p.chmod("d", mode)
        with p.as_user(ALICE):
            if mode & 1:
                p.stat("d/x")
            else:
                refused(Errno.EACCES, p.stat, "d/x")
    for mode in (0o644, 0o640, 0o644):
        p.chmod("d/x", mode)
        with p.as_user(ALICE):
            if mode & 4:
                p.close(p.open("d/x"))
            else:
                refused(Errno.EACCES, p.open, "d/x")


@cases()
def a_change_of_owner_counts_at_once(p: Posix) -> None:
    make(p, "regular", "x", 0o600, ALICE)
    with p.as_user(ALICE):
        p.close(p.open("x"))
    p.chown("x", BOB.uid, -1)
    with p.as_user(ALICE):
        refused(Errno.EACCES, p.open, "x")
    with p.as_user(BOB):
        p.close(p.open("x"))


@cases()
def what_alice_makes_without_permissions_she_has_open(p: Posix) -> None:
    """open(2): the mode counts for later opens only."""
    p.mkdir("d", 0o777)
    with p.as_user(ALICE):
        fd = p.open("d/x", O_CREAT | O_RDWR, 0)
        p.write(fd, b"some")
        assert p.pread(fd, 4, 0) == b"some"
        refused(Errno.EACCES, p.open, "d/x", O_RDONLY)
        refused(Errno.EACCES, p.open, "d/x", O_CREAT | O_WRONLY)
