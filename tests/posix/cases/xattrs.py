"""Extended attributes: xattr(7), setxattr(2) and its like."""

from tests.posix.abi import (
    O_PATH,
    O_RDONLY,
    O_RDWR,
    XATTR_CREATE,
    XATTR_NAME_MAX,
    XATTR_REPLACE,
    XATTR_SIZE_MAX,
    Errno,
)
from tests.posix.checks import (
    ALICE,
    BOB,
    KINDS,
    content,
    keeps_times,
    make,
    make_file,
    make_open,
    refused,
    updates,
)
from tests.posix.protocol import Posix
from tests.posix.table import Cases

cases = Cases("xattrs")

WITH_USER = ("regular", "directory")
WITHOUT_USER = [kind for kind in KINDS if kind not in WITH_USER]
VALUES = {
    "empty": b"",
    "text": b"some text",
    "bytes": bytes(range(256)),
    "page": b"p" * 4096,
    "largest": b"l" * XATTR_SIZE_MAX,
}
CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")
"""struct vfs_cap_data of linux/capability.h, revision 2."""


@cases(WITH_USER, VALUES)
def a_value_is_kept(p: Posix, kind: str, value: bytes) -> None:
    make(p, kind, "x")
    p.setxattr("x", "user.a", value)
    assert p.getxattr("x", "user.a") == value
    assert p.listxattr("x") == ["user.a"]


@cases(KINDS, VALUES)
def a_trusted_value_is_kept_of_any_kind(p: Posix, kind: str, value: bytes) -> None:
    make(p, kind, "x")
    p.lsetxattr("x", "trusted.a", value)
    assert p.lgetxattr("x", "trusted.a") == value
    assert p.llistxattr("x") == ["trusted.a"]


@cases(WITH_USER)
def a_new_file_has_none(p: Posix, kind: str) -> None:
    p.setxattr(".", "user.a", b"1")
    make(p, kind, "x")
    assert p.listxattr("x") == []
    refused(Errno.ENODATA, p.getxattr, "x", "user.a")


@cases(WITH_USER)
def names_are_kept_apart(p: Posix, kind: str) -> None:
    make(p, kind, "x")
    made = {
        name: name.encode("utf-8", "surrogateescape")
        for name in ("user.a", "user.A", "user.a.b", "user.\udcff", "trusted.a")
    }
    for name, value in made.items():
        p.setxattr("x", name, value)
    assert sorted(p.listxattr("x")) == sorted(made)
    for name, value in made.items():
        assert p.getxattr("x", name) == value


@cases()
def a_file_has_many(p: Posix) -> None:
    make(p, "regular", "x")
    made = {f"user.{number}": str(number).encode() for number in range(150)}
    for name, value in made.items():
        p.setxattr("x", name, value)
    assert {name: p.getxattr("x", name) for name in p.listxattr("x")} == made
    for name in list(made)[::2]:
        p.removexattr("x", name)
    assert sorted(p.listxattr("x")) == sorted(list(made)[1::2])


@cases(VALUES)
def sizes_are_told_without_a_buffer(p: Posix, value: bytes) -> None:
    """getxattr(2), listxattr(2): of size 0."""
    make(p, "regular", "x")
    p.setxattr("x", "user.a", value)
    p.setxattr("x", "user.long/name", b"")
    names = len("user.a\0") + len("user.long/name\0")
    assert p.xattr_sizes("x", "user.a") == (len(value), names)


@cases(WITH_USER)
def setting_replaces(p: Posix, kind: str) -> None:
    make(p, kind, "x")
    for value in (b"first", b"", b"another one", b"1"):
        p.setxattr("x", "user.a", value)
        assert p.getxattr("x", "user.a") == value
    assert p.listxattr("x") == ["user.a"]


@cases(WITH_USER)
def creating_refuses_what_exists(p: Posix, kind: str) -> None:
    make(p, kind, "x")
    p.setxattr("x", "user.a", b"1", XATTR_CREATE)
    with keeps_times(p, "x"):
        refused(Errno.EEXIST, p.setxattr, "x", "user.a", b"2", XATTR_CREATE)
    assert p.getxattr("x", "user.a") == b"1"


@cases(WITH_USER)
def replacing_refuses_what_is_missing(p: Posix, kind: str) -> None:
    make(p, kind, "x")
    with keeps_times(p, "x"):
        refused(Errno.ENODATA, p.setxattr, "x", "user.a", b"1", XATTR_REPLACE)
    p.setxattr("x", "user.a", b"1")
    p.setxattr("x", "user.a", b"2", XATTR_REPLACE)
    assert p.getxattr("x", "user.a") == b"2"


@cases(WITH_USER)
def removing_removes_one(p: Posix, kind: str) -> None:
    make(p, kind, "x")
    p.setxattr("x", "user.a", b"1")
    p.setxattr("x", "user.b", b"2")
    p.removexattr("x", "user.a")
    assert p.listxattr("x") == ["user.b"]
    refused(Errno.ENODATA, p.getxattr, "x", "user.a")
    with keeps_times(p, "x"):
        refused(Errno.ENODATA, p.removexattr, "x", "user.a")


@cases(KINDS)
def a_change_updates_ctime(p: Posix, kind: str) -> None:
    p.mkdir("d")
    make(p, kind, "d/x")
    with updates(p, "d/x", "ctime"), keeps_times(p, "d"):
        p.lsetxattr("d/x", "trusted.a", b"1")
    with updates(p, "d/x", "ctime"):
        p.lsetxattr("d/x", "trusted.a", b"2")
    with keeps_times(p, "d/x"):
        p.lgetxattr("d/x", "trusted.a")
        p.llistxattr("d/x")
    with updates(p, "d/x", "ctime"), keeps_times(p, "d"):
        p.lremovexattr("d/x", "trusted.a")


# --- limits ----------------------------------------------------------------------


@cases()
def a_name_has_at_most_255_bytes(p: Posix) -> None:
    make(p, "regular", "x")
    longest = "user.".ljust(XATTR_NAME_MAX, "n")
    p.setxattr("x", longest, b"1")
    assert p.listxattr("x") == [longest]
    with keeps_times(p, "x"):
        refused(Errno.ERANGE, p.setxattr, "x", longest + "n", b"1")
        refused(Errno.ERANGE, p.getxattr, "x", longest + "n")
        refused(Errno.ERANGE, p.removexattr, "x", longest + "n")


@cases()
def an_empty_name_is_refused(p: Posix) -> None:
    make(p, "regular", "x")
    with keeps_times(p, "x"):
        refused(Errno.ERANGE, p.setxattr, "x", "", b"1")
        refused(Errno.ERANGE, p.getxattr, "x", "")
        refused(Errno.EINVAL, p.setxattr, "x", "user.", b"1")


@cases(["a", "usera", "unknown.a", "User.a", ".a", "system.a"])
def another_namespace_is_refused(p: Posix, name: str) -> None:
    make(p, "regular", "x")
    with keeps_times(p, "x"):
        refused(Errno.EOPNOTSUPP, p.setxattr, "x", name, b"1")
        refused(Errno.EOPNOTSUPP, p.getxattr, "x", name)
        refused(Errno.EOPNOTSUPP, p.removexattr, "x", name)


@cases()
def a_value_has_at_most_64_kib(p: Posix) -> None:
    make(p, "regular", "x")
    with keeps_times(p, "x"):
        refused(Errno.E2BIG, p.setxattr, "x", "user.a", b"l" * (XATTR_SIZE_MAX + 1))


@cases()
def unknown_flags_are_refused(p: Posix) -> None:
    make(p, "regular", "x")
    refused(Errno.EINVAL, p.setxattr, "x", "user.a", b"1", 4)


# --- what they stay with ---------------------------------------------------------


@cases(WITH_USER)
def they_move_with_the_file(p: Posix, kind: str) -> None:
    make(p, kind, "x")
    p.setxattr("x", "user.a", b"1")
    p.chmod("x", 0o700)
    p.chown("x", 3, 4)
    p.mkdir("d")
    p.rename("x", "d/y")
    assert p.getxattr("d/y", "user.a") == b"1"
    make(p, kind, "x")
    assert p.listxattr("x") == []


@cases()
def all_names_of_a_file_have_them(p: Posix) -> None:
    make(p, "regular", "x")
    p.link("x", "y")
    p.setxattr("y", "user.a", b"1")
    assert p.getxattr("x", "user.a") == b"1"
    p.unlink("y")
    assert p.getxattr("x", "user.a") == b"1"


@cases()
def an_open_file_has_them(p: Posix) -> None:
    fd = make_open(p, "x")
    p.setxattr(fd, "user.a", b"1")
    assert p.getxattr("x", "user.a") == b"1"
    p.unlink("x")
    p.setxattr(fd, "user.b", b"2")
    assert sorted(p.listxattr(fd)) == ["user.a", "user.b"]
    p.removexattr(fd, "user.a")
    refused(Errno.ENODATA, p.getxattr, fd, "user.a")


@cases()
def a_place_has_none(p: Posix) -> None:
    make(p, "regular", "x")
    fd = p.open("x", O_PATH)
    refused(Errno.EBADF, p.setxattr, fd, "user.a", b"1")
    refused(Errno.EBADF, p.getxattr, fd, "user.a")
    refused(Errno.EBADF, p.listxattr, fd)


@cases()
def content_and_they_are_apart(p: Posix) -> None:
    fd = make_open(p, "x", b"some")
    p.setxattr("x", "user.a", b"1" * 5000)
    assert p.stat("x").size == 4
    p.truncate(fd, 0)
    p.write(fd, b"more")
    assert p.getxattr("x", "user.a") == b"1" * 5000


@cases()
def a_link_has_its_own(p: Posix) -> None:
    make(p, "regular", "x")
    p.symlink("x", "l")
    p.setxattr("l", "trusted.a", b"of the file")
    p.lsetxattr("l", "trusted.a", b"of the link")
    assert p.getxattr("x", "trusted.a") == b"of the file"
    assert p.getxattr("l", "trusted.a") == b"of the file"
    assert p.lgetxattr("l", "trusted.a") == b"of the link"
    p.lremovexattr("l", "trusted.a")
    assert p.llistxattr("l") == []
    assert p.listxattr("l") == ["trusted.a"]


# --- who may ---------------------------------------------------------------------


@cases(WITHOUT_USER)
def ordinary_ones_are_for_files_and_directories(p: Posix, kind: str) -> None:
    """xattr(7); Linux's fs/xattr.c:xattr_permission."""
    make(p, kind, "x", 0o666)
    with keeps_times(p, "x"):
        refused(Errno.EPERM, p.lsetxattr, "x", "user.a", b"1")
        refused(Errno.EPERM, p.lremovexattr, "x", "user.a")
        refused(Errno.ENODATA, p.lgetxattr, "x", "user.a")
    assert p.llistxattr("x") == []


@cases(WITH_USER)
def ordinary_ones_need_permission(p: Posix, kind: str) -> None:
    """xattr(7): as for the content, whoever is the owner."""
    for path, mode in (("r", 0o444), ("w", 0o222), ("n", 0)):
        make(p, kind, path, 0o666)
        p.setxattr(path, "user.a", b"1")
        p.chown(path, *ALICE[:2])
        p.chmod(path, mode)
    with p.as_user(ALICE):
        assert p.getxattr("r", "user.a") == b"1"
        with keeps_times(p, "r"):
            refused(Errno.EACCES, p.setxattr, "r", "user.a", b"2")
            refused(Errno.EACCES, p.removexattr, "r", "user.a")
        refused(Errno.EACCES, p.getxattr, "w", "user.a")
        p.setxattr("w", "user.a", b"2")
        p.removexattr("w", "user.a")
        refused(Errno.EACCES, p.getxattr, "n", "user.a")
        refused(Errno.EACCES, p.setxattr, "n", "user.a", b"2")


@cases(WITH_USER)
def who_may_write_sets_ordinary_ones(p: Posix, kind: str) -> None:
    make(p, kind, "x", 0o666, ALICE)
    with p.as_user(BOB):
        p.setxattr("x", "user.a", b"1")
        assert p.getxattr("x", "user.a") == b"1"


@cases()
def in_a_sticky_directory_only_its_owner_sets_ordinary_ones(p: Posix) -> None:
    """xattr(7): the directory's own."""
    make(p, "directory", "d", 0o1777, ALICE)
    with p.as_user(BOB), keeps_times(p, "d"):
        refused(Errno.EPERM, p.setxattr, "d", "user.a", b"1")
    with p.as_user(ALICE):
        p.setxattr("d", "user.a", b"1")
    with p.as_user(BOB):
        assert p.getxattr("d", "user.a") == b"1"


@cases(KINDS)
def trusted_ones_are_for_root(p: Posix, kind: str) -> None:
    """xattr(7): they do not even exist for others."""
    make(p, kind, "x", 0o666, ALICE)
    p.lsetxattr("x", "trusted.a", b"1")
    with keeps_times(p, "x"), p.as_user(ALICE):
        refused(Errno.EPERM, p.lsetxattr, "x", "trusted.a", b"2")
        refused(Errno.EPERM, p.lremovexattr, "x", "trusted.a")
        refused(Errno.ENODATA, p.lgetxattr, "x", "trusted.a")
        assert p.llistxattr("x") == []
    assert p.lgetxattr("x", "trusted.a") == b"1"


@cases(KINDS)
def security_ones_are_set_by_root(p: Posix, kind: str) -> None:
    """Linux's security/commoncap.c:cap_inode_setxattr."""
    make(p, kind, "x", 0o666, ALICE)
    p.lsetxattr("x", "security.a", b"1")
    with keeps_times(p, "x"), p.as_user(ALICE):
        refused(Errno.EPERM, p.lsetxattr, "x", "security.a", b"2")
        refused(Errno.EPERM, p.lremovexattr, "x", "security.a")
        assert p.lgetxattr("x", "security.a") == b"1"
        assert p.llistxattr("x") == ["security.a"]


# --- the capabilities of a program -----------------------------------------------


@cases()
def capabilities_go_when_a_file_is_written(p: Posix) -> None:
    """capabilities(7), as set-id bits, but also if root writes."""
    make_file(p, "x", b"some", 0o755)
    p.setxattr("x", "security.capability", CAPABILITY)
    assert p.getxattr("x", "security.capability") == CAPABILITY
    p.write(p.open("x", O_RDWR), b"more")
    refused(Errno.ENODATA, p.getxattr, "x", "security.capability")


@cases()
def capabilities_go_when_a_file_is_truncated(p: Posix) -> None:
    make_file(p, "x", b"some", 0o755)
    p.setxattr("x", "security.capability", CAPABILITY)
    p.truncate("x", 1)
    assert p.listxattr("x") == []


@cases()
def capabilities_go_when_a_file_is_given_away(p: Posix) -> None:
    make_file(p, "x", b"some", 0o755)
    p.setxattr("x", "security.capability", CAPABILITY)
    p.chown("x", 1, 1)
    assert p.listxattr("x") == []


@cases()
def capabilities_stay_otherwise(p: Posix) -> None:
    make_file(p, "x", b"some", 0o755)
    p.setxattr("x", "security.capability", CAPABILITY)
    p.chmod("x", 0o700)
    p.utimens("x", 5, 6)
    p.rename("x", "y")
    assert content(p, "y") == b"some"
    p.close(p.open("y", O_RDONLY))
    assert p.getxattr("y", "security.capability") == CAPABILITY
