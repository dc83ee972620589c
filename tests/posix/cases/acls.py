"""POSIX access control lists: acl(5), as extended attributes.

The attribute holds a version and entries of tag, permissions and number, in the
order of tags and numbers (Linux's include/uapi/linux/posix_acl_xattr.h).
"""

import struct

from tests.posix.abi import O_CREAT, O_RDONLY, O_WRONLY, R_OK, W_OK, X_OK, Errno
from tests.posix.checks import (
    ALICE,
    BOB,
    CAROL,
    TYPE_BITS,
    keeps_times,
    make,
    names,
    refused,
    updates,
)
from tests.posix.protocol import Posix, User
from tests.posix.table import Cases

cases = Cases("acls")

ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
TAGS = {"u": 0x01, "user": 0x02, "g": 0x04, "group": 0x08, "m": 0x10, "o": 0x20}
"""Owner, a user, the owning group, a group, the mask, others."""
NO_ID = 2**32 - 1

Entry = tuple[str, int] | tuple[str, int, int]


def acl(*entries: Entry) -> bytes:
    """An attribute of entries: tag and permissions, and whose they are."""
    packed = [
        struct.pack("<HHI", TAGS[tag], permissions, *(number or (NO_ID,)))
        for tag, permissions, *number in entries
    ]
    return struct.pack("<I", 2) + b"".join(packed)


MINIMAL = acl(("u", 6), ("g", 4), ("o", 0))
FOR_BOB = acl(("u", 6), ("user", 6, BOB.uid), ("g", 0), ("m", 6), ("o", 0))


@cases(["regular", "directory"])
def a_new_file_has_none(p: Posix, kind: str) -> None:
    make(p, kind, "x")
    refused(Errno.ENODATA, p.getxattr, "x", ACCESS)
    refused(Errno.ENODATA, p.getxattr, "x", DEFAULT)
    assert p.listxattr("x") == []


@cases(["regular", "directory", "fifo"])
def it_is_kept(p: Posix, kind: str) -> None:
    make(p, kind, "x")
    with updates(p, "x", "ctime"):
        p.setxattr("x", ACCESS, FOR_BOB)
    assert p.getxattr("x", ACCESS) == FOR_BOB
    assert p.listxattr("x") == [ACCESS]
    assert p.lstat("x").perm == 0o660


@cases(["regular", "directory"])
def a_minimal_one_is_the_mode(p: Posix, kind: str) -> None:
    make(p, kind, "x", 0o777)
    p.setxattr("x", ACCESS, FOR_BOB)
    p.setxattr("x", ACCESS, MINIMAL)
    assert p.lstat("x").perm == 0o640
    refused(Errno.ENODATA, p.getxattr, "x", ACCESS)
    assert p.listxattr("x") == []


@cases()
def the_mask_is_the_groups_bits_of_the_mode(p: Posix) -> None:
    make(p, "regular", "x")
    p.setxattr("x", ACCESS, FOR_BOB)
    p.chmod("x", 0o744)
    expected = acl(("u", 7), ("user", 6, BOB.uid), ("g", 0), ("m", 4), ("o", 4))
    assert p.getxattr("x", ACCESS) == expected
    assert p.lstat("x").perm == 0o744


@cases()
def a_changed_one_changes_the_mode(p: Posix) -> None:
    make(p, "regular", "x", 0o4777)
    entries = ("u", 7), ("user", 0, BOB.uid), ("g", 7), ("m", 1), ("o", 2)
    p.setxattr("x", ACCESS, acl(*entries))
    assert p.lstat("x").perm == 0o4712


@cases()
def removing_it_leaves_the_mode(p: Posix) -> None:
    make(p, "regular", "x")
    p.setxattr("x", ACCESS, FOR_BOB)
    with updates(p, "x", "ctime"):
        p.removexattr("x", ACCESS)
    refused(Errno.ENODATA, p.getxattr, "x", ACCESS)
    assert p.lstat("x").perm == 0o660
    with p.as_user(BOB):
        refused(Errno.EACCES, p.access, "x", R_OK)


# --- who may ---------------------------------------------------------------------

OWNER = User(77, 77)


def _make(p: Posix, *entries: Entry) -> None:
    make(p, "regular", "x", 0o600, OWNER)
    p.setxattr("x", ACCESS, acl(*entries))


def _allowed(p: Posix, who: User) -> int:
    """What access(2) and open(2) both allow on `x`."""
    allowed = 0
    with p.as_user(who):
        for bit, flags in ((R_OK, O_RDONLY), (W_OK, O_WRONLY)):
            try:
                p.close(p.open("x", flags))
            except PermissionError:
                refused(Errno.EACCES, p.access, "x", bit)
            else:
                p.access("x", bit)
                allowed |= bit
        try:
            p.access("x", X_OK)
        except PermissionError:
            return allowed
        return allowed | X_OK


@cases()
def a_named_user_has_what_is_said(p: Posix) -> None:
    _make(p, ("u", 7), ("user", 5, BOB.uid), ("g", 0), ("m", 7), ("o", 2))
    assert _allowed(p, BOB) == 5
    assert _allowed(p, ALICE) == 2
    assert _allowed(p, OWNER) == 7


@cases()
def a_named_user_is_kept_out(p: Posix) -> None:
    _make(p, ("u", 7), ("user", 0, BOB.uid), ("g", 7), ("m", 7), ("o", 7))
    assert _allowed(p, BOB) == 0
    assert _allowed(p, ALICE) == 7


@cases()
def the_mask_limits_all_but_owner_and_others(p: Posix) -> None:
    group = ("group", 7, ALICE.gid)
    _make(p, ("u", 7), ("user", 7, BOB.uid), ("g", 7), group, ("m", 4), ("o", 7))
    assert _allowed(p, BOB) == 4
    assert _allowed(p, ALICE) == 4
    assert _allowed(p, User(1, OWNER.gid)) == 4
    assert _allowed(p, OWNER) == 7
    assert _allowed(p, User(5, 5)) == 7


@cases()
def a_named_group_counts_for_its_members(p: Posix) -> None:
    _make(p, ("u", 6), ("g", 0), ("group", 6, BOB.gid), ("m", 7), ("o", 1))
    assert _allowed(p, BOB) == 6
    assert _allowed(p, CAROL) == 6
    assert _allowed(p, ALICE) == 1


@cases()
def one_of_several_groups_is_enough_but_it_takes_one(p: Posix) -> None:
    """acl(5): permissions of two groups are not added up."""
    groups = ("group", 4, ALICE.gid), ("group", 3, BOB.gid)
    _make(p, ("u", 6), ("g", 0), *groups, ("m", 7), ("o", 7))
    assert _allowed(p, CAROL) == 7
    with p.as_user(CAROL):
        refused(Errno.EACCES, p.access, "x", R_OK | W_OK)
    assert _allowed(p, User(1, OWNER.gid)) == 0


@cases()
def a_named_user_is_seen_before_a_group(p: Posix) -> None:
    entries = ("user", 0, CAROL.uid), ("g", 0), ("group", 7, BOB.gid)
    _make(p, ("u", 6), *entries, ("m", 7), ("o", 7))
    assert _allowed(p, CAROL) == 0


@cases()
def the_owner_has_the_owners(p: Posix) -> None:
    _make(p, ("u", 1), ("user", 7, OWNER.uid), ("g", 7), ("m", 7), ("o", 7))
    assert _allowed(p, OWNER) == 1


@cases()
def it_counts_for_directories(p: Posix) -> None:
    make(p, "directory", "d", 0o700)
    entries = ("u", 7), ("user", 7, BOB.uid), ("g", 0), ("m", 7), ("o", 0)
    p.setxattr("d", ACCESS, acl(*entries))
    with p.as_user(BOB):
        make(p, "regular", "d/x")
        assert names(p, "d") == ["x"]
    with p.as_user(ALICE):
        refused(Errno.EACCES, p.lstat, "d/x")
        refused(Errno.EACCES, p.open, "d")


# --- who may change it -----------------------------------------------------------


@cases()
def only_an_owner_changes_it(p: Posix) -> None:
    make(p, "regular", "x", 0o666, ALICE)
    with keeps_times(p, "x"), p.as_user(BOB):
        refused(Errno.EPERM, p.setxattr, "x", ACCESS, FOR_BOB)
        refused(Errno.EPERM, p.removexattr, "x", ACCESS)
    with p.as_user(ALICE):
        p.setxattr("x", ACCESS, FOR_BOB)
    with p.as_user(BOB):
        assert p.getxattr("x", ACCESS) == FOR_BOB


@cases()
def a_set_group_id_bit_needs_a_member(p: Posix) -> None:
    """As with chmod(2); Linux's fs/posix_acl.c:posix_acl_update_mode."""
    make(p, "regular", "x", 0o2777, User(ALICE.uid, BOB.gid))
    with p.as_user(ALICE):
        p.setxattr("x", ACCESS, FOR_BOB)
    assert p.lstat("x").perm == 0o660


@cases()
def a_link_has_none(p: Posix) -> None:
    p.symlink("nowhere", "l")
    refused(Errno.EOPNOTSUPP, p.lsetxattr, "l", ACCESS, FOR_BOB)


WRONG = {
    "no_mask": acl(("u", 6), ("user", 6, 1), ("g", 0), ("o", 0)),
    "no_owner": acl(("g", 6), ("o", 0)),
    "no_others": acl(("u", 6), ("g", 0)),
    "two_owners": acl(("u", 6), ("u", 6), ("g", 0), ("o", 0)),
    "disorder": acl(("g", 0), ("u", 6), ("o", 0)),
    "permissions": acl(("u", 8), ("g", 0), ("o", 0)),
    "cut": FOR_BOB[:-1],
    "no_version": b"\2",
}


@cases(WRONG)
def a_wrong_one_is_refused(p: Posix, value: bytes) -> None:
    make(p, "regular", "x")
    with keeps_times(p, "x"):
        refused(Errno.EINVAL, p.setxattr, "x", ACCESS, value)
    assert p.lstat("x").perm == 0o644


@cases()
def another_version_is_refused(p: Posix) -> None:
    make(p, "regular", "x")
    value = struct.pack("<I", 3) + FOR_BOB[4:]
    refused(Errno.EOPNOTSUPP, p.setxattr, "x", ACCESS, value)


# --- what new files get ----------------------------------------------------------

INHERITED = acl(("u", 7), ("user", 7, BOB.uid), ("g", 5), ("m", 7), ("o", 1))


@cases()
def a_default_is_for_directories(p: Posix) -> None:
    make(p, "regular", "x")
    with keeps_times(p, "x"):
        refused(Errno.EACCES, p.setxattr, "x", DEFAULT, INHERITED)
    p.mkdir("d", 0o750)
    with updates(p, "d", "ctime"):
        p.setxattr("d", DEFAULT, INHERITED)
    assert p.getxattr("d", DEFAULT) == INHERITED
    assert p.lstat("d").perm == 0o750
    assert p.listxattr("d") == [DEFAULT]


@cases(["regular", "fifo", "socket"])
def a_file_takes_the_default(p: Posix, kind: str) -> None:
    """acl(5): cut by the mode that it is made with; the umask does not count."""
    p.mkdir("d")
    p.setxattr("d", DEFAULT, INHERITED)
    p.umask(0o077)
    if kind == "regular":
        p.close(p.open("d/x", O_CREAT | O_WRONLY, 0o640))
    else:
        p.mknod("d/x", TYPE_BITS[kind] | 0o640)
    assert p.lstat("d/x").perm == 0o640
    expected = acl(("u", 6), ("user", 7, BOB.uid), ("g", 5), ("m", 4), ("o", 0))
    assert p.getxattr("d/x", ACCESS) == expected
    assert p.listxattr("d/x") == [ACCESS]


@cases()
def a_directory_takes_the_default_and_hands_it_down(p: Posix) -> None:
    p.mkdir("d")
    p.setxattr("d", DEFAULT, INHERITED)
    p.umask(0o077)
    p.mkdir("d/e", 0o777)
    assert p.lstat("d/e").perm == 0o771
    assert p.getxattr("d/e", DEFAULT) == INHERITED
    assert p.getxattr("d/e", ACCESS) == INHERITED
    p.mkdir("d/e/f", 0o700)
    assert p.getxattr("d/e/f", DEFAULT) == INHERITED


@cases()
def a_link_takes_no_default(p: Posix) -> None:
    p.mkdir("d")
    p.setxattr("d", DEFAULT, INHERITED)
    p.symlink("nowhere", "d/l")
    assert p.lstat("d/l").perm == 0o777
    assert p.llistxattr("d/l") == []


@cases()
def a_minimal_default_stands_for_the_umask(p: Posix) -> None:
    p.mkdir("d")
    p.setxattr("d", DEFAULT, MINIMAL)
    p.umask(0o777)
    p.close(p.open("d/x", O_CREAT | O_WRONLY, 0o666))
    assert p.lstat("d/x").perm == 0o640
    assert p.listxattr("d/x") == []


@cases()
def without_a_default_the_umask_counts_again(p: Posix) -> None:
    p.mkdir("d")
    p.setxattr("d", DEFAULT, INHERITED)
    p.removexattr("d", DEFAULT)
    p.umask(0o027)
    p.close(p.open("d/x", O_CREAT | O_WRONLY, 0o666))
    assert p.lstat("d/x").perm == 0o640
    assert p.listxattr("d/x") == []
    refused(Errno.ENODATA, p.getxattr, "d", DEFAULT)


@cases()
def it_moves_with_the_file(p: Posix) -> None:
    make(p, "regular", "x")
    p.setxattr("x", ACCESS, FOR_BOB)
    p.link("x", "y")
    p.rename("x", "z")
    p.chown("z", 3, 4)
    assert p.getxattr("y", ACCESS) == p.getxattr("z", ACCESS) == FOR_BOB
