"""POSIX access control lists: acl(5), and Linux's fs/posix_acl.c."""

from collections.abc import Callable
from struct import pack

import pytest
from devdev_fs import (
    PAGE_SIZE,
    R_OK,
    ROOT_INO,
    W_OK,
    X_OK,
    Caller,
    Capability,
    Errno,
    FsBase,
    Ino,
    Kind,
    SetAttr,
    XattrFlags,
)

from tests.fs.checks import ino_of, refused

ACCESS, DEFAULT = b"system.posix_acl_access", b"system.posix_acl_default"
OWNER, USER, GROUP_OBJ, GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32
NO_ID = 2**32 - 1
Call = Callable[[], object]
ALICE, BOB = Caller(uid=100, gid=100), Caller(uid=101, gid=101)


def acl(*entries: tuple[int, ...]) -> bytes:
    """A list: entries of tag, permissions and, of some, a number."""
    packed = [pack("<HHI", *(*entry, NO_ID)[:3]) for entry in entries]
    return pack("<I", 2) + b"".join(packed)


EXTENDED = acl((OWNER, 6), (USER, 7, 100), (GROUP_OBJ, 4), (MASK, 5), (OTHER, 1))


@pytest.fixture
def file(fs: FsBase) -> Ino:
    """A file of user 10 and group 20."""
    fs.write_bytes("/f", b"content")
    fs.setattr("/f", SetAttr(uid=10, gid=20, mode=0o640))
    return ino_of(fs, "/f")


def set_acl(fs: FsBase, ino: Ino, *entries: tuple[int, ...]) -> None:
    fs.inodes.setxattr(ino, ACCESS, acl(*entries))


def get_acl(fs: FsBase, ino: Ino) -> list[tuple[int, int]]:
    """Tags and permissions of the access list."""
    value = fs.inodes.getxattr(ino, ACCESS)
    return [(value[at], value[at + 2]) for at in range(4, len(value), 8)]


def may(fs: FsBase, ino: Ino, mask: int, caller: Caller) -> bool:
    try:
        fs.inodes.access(ino, mask, caller)
    except PermissionError:
        return False
    return True


# --- in step with the mode -------------------------------------------------------


def test_a_list_sets_the_mode_and_its_mask_is_the_modes_group(
    fs: FsBase, file: Ino
) -> None:
    fs.chmod("/f", 0o6777)
    fs.inodes.setxattr(file, ACCESS, EXTENDED)
    assert fs.stat("/f").perm == 0o6651
    assert fs.inodes.getxattr(file, ACCESS) == EXTENDED
    assert fs.inodes.listxattr(file) == [ACCESS]


def test_chmod_sets_the_mask_and_not_the_group(fs: FsBase, file: Ino) -> None:
    fs.inodes.setxattr(file, ACCESS, EXTENDED)
    fs.chmod("/f", 0o1724)
    assert get_acl(fs, file) == [
        (OWNER, 7),
        (USER, 7),
        (GROUP_OBJ, 4),
        (MASK, 2),
        (OTHER, 4),
    ]


def test_a_list_that_is_only_a_mode_is_not_kept(fs: FsBase, file: Ino) -> None:
    fs.inodes.setxattr(file, ACCESS, EXTENDED)
    set_acl(fs, file, (OWNER, 7), (GROUP_OBJ, 2), (OTHER, 1))
    assert fs.stat("/f").perm == 0o721
    assert fs.inodes.listxattr(file) == []
    with refused(fs, Errno.ENODATA):
        fs.inodes.getxattr(file, ACCESS)


@pytest.mark.parametrize("value", [b"", acl()])
def test_an_empty_list_removes_what_there_is(
    fs: FsBase, file: Ino, value: bytes
) -> None:
    fs.inodes.setxattr(file, ACCESS, EXTENDED)
    mode = fs.stat("/f").perm
    fs.inodes.setxattr(file, ACCESS, value)
    assert fs.inodes.listxattr(file) == []
    assert fs.stat("/f").perm == mode


def test_a_list_is_removed_whether_it_is_there_or_not(fs: FsBase, file: Ino) -> None:
    fs.inodes.setxattr(file, ACCESS, EXTENDED)
    for _ in range(2):
        fs.inodes.removexattr(file, ACCESS)
        assert fs.inodes.listxattr(file) == []
    fs.inodes.removexattr(file, DEFAULT)


def test_a_list_takes_no_notice_of_flags(fs: FsBase, file: Ino) -> None:
    fs.inodes.setxattr(file, ACCESS, EXTENDED, XattrFlags.REPLACE)
    fs.inodes.setxattr(file, ACCESS, EXTENDED, XattrFlags.CREATE)


def test_a_list_set_by_no_member_takes_the_set_group_id_bit_off(
    fs: FsBase, file: Ino
) -> None:
    fs.chmod("/f", 0o2755)
    fs.inodes.setxattr(file, ACCESS, EXTENDED, 0, Caller(uid=10, groups=(20,)))
    assert fs.stat("/f").perm == 0o2651
    fs.inodes.setxattr(file, ACCESS, EXTENDED, 0, Caller(uid=10, gid=10))
    assert fs.stat("/f").perm == 0o651


def test_a_change_of_a_list_stamps_ctime(fs: FsBase, file: Ino) -> None:
    before = fs.stat("/f")
    fs.inodes.setxattr(file, ACCESS, EXTENDED)
    after = fs.stat("/f")
    assert after == before._replace(mode=0o100651, ctime_ns=after.ctime_ns)
    assert after.ctime_ns > before.ctime_ns


# --- what is a list --------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "errno"),
    [
        (b"\2\0\0", Errno.EINVAL),
        (b"\3\0\0\0", Errno.EOPNOTSUPP),
        (EXTENDED[:-1], Errno.EINVAL),
        (acl((OWNER, 6), (GROUP_OBJ, 4)), Errno.EINVAL),
        (acl((OWNER, 6), (OTHER, 4)), Errno.EINVAL),
        (acl((GROUP_OBJ, 4), (OTHER, 4)), Errno.EINVAL),
        (acl((OWNER, 6), (OWNER, 6), (GROUP_OBJ, 4), (OTHER, 4)), Errno.EINVAL),
        (acl((OWNER, 6), (OTHER, 4), (GROUP_OBJ, 4)), Errno.EINVAL),
        (acl((OWNER, 6), (USER, 6, 5), (GROUP_OBJ, 4), (OTHER, 4)), Errno.EINVAL),
        (acl((OWNER, 6), (GROUP_OBJ, 4), (GROUP, 6, 5), (OTHER, 4)), Errno.EINVAL),
        (acl((OWNER, 8), (GROUP_OBJ, 4), (OTHER, 4)), Errno.EINVAL),
        (acl((OWNER, 6), (GROUP_OBJ, 4), (OTHER, 4), (64, 4)), Errno.EINVAL),
        (acl((OWNER, 6), (GROUP_OBJ, 4), (3, 4), (OTHER, 4)), Errno.EINVAL),
        (
            acl((OWNER, 6), (USER, 6, NO_ID), (GROUP_OBJ, 4), (MASK, 4), (OTHER, 4)),
            Errno.EINVAL,
        ),
    ],
)
@pytest.mark.parametrize("name", [ACCESS, DEFAULT])
def test_what_is_no_list_is_refused(
    fs: FsBase, name: bytes, value: bytes, errno: Errno
) -> None:
    fs.mkdir("/d")
    with refused(fs, errno):
        fs.inodes.setxattr(ino_of(fs, "/d"), name, value)


def test_lists_are_set_by_the_owner(fs: FsBase, file: Ino) -> None:
    fs.chmod("/f", 0o777)
    calls: list[Call] = [
        lambda: fs.inodes.setxattr(file, ACCESS, EXTENDED, 0, ALICE),
        lambda: fs.inodes.removexattr(file, ACCESS, ALICE),
    ]
    for call in calls:
        with refused(fs, Errno.EPERM):
            call()
    fs.inodes.setxattr(file, ACCESS, EXTENDED, 0, Caller(uid=10))
    assert fs.inodes.getxattr(file, ACCESS, ALICE) == EXTENDED
    fowner = Caller(uid=5, capabilities=Capability.FOWNER)
    fs.inodes.removexattr(file, ACCESS, fowner)


def test_a_default_list_is_for_directories(fs: FsBase, file: Ino) -> None:
    with refused(fs, Errno.EACCES):
        fs.inodes.setxattr(file, DEFAULT, EXTENDED)
    fs.inodes.setxattr(file, DEFAULT, b"")
    with refused(fs, Errno.ENODATA):
        fs.inodes.getxattr(file, DEFAULT)


def test_a_symbolic_link_has_none(fs: FsBase) -> None:
    fs.symlink("f", "/l")
    link = ino_of(fs, "/l")
    calls: list[Call] = [
        lambda: fs.inodes.setxattr(link, ACCESS, EXTENDED),
        lambda: fs.inodes.getxattr(link, ACCESS),
        lambda: fs.inodes.removexattr(link, ACCESS),
    ]
    for call in calls:
        with refused(fs, Errno.EOPNOTSUPP):
            call()


def test_a_fifo_has_one(fs: FsBase) -> None:
    fifo = fs.inodes.mknod(ROOT_INO, b"p", Kind.FIFO | 0o600).ino
    fs.inodes.setxattr(fifo, ACCESS, EXTENDED)
    assert fs.stat("/p").perm == 0o651


# --- who may ---------------------------------------------------------------------


def test_a_named_user_has_what_the_entry_and_the_mask_give(
    fs: FsBase, file: Ino
) -> None:
    fs.inodes.setxattr(file, ACCESS, EXTENDED)
    assert may(fs, file, R_OK | X_OK, ALICE)
    assert not may(fs, file, W_OK, ALICE)
    assert may(fs, file, X_OK, BOB)
    assert not may(fs, file, R_OK, BOB)


def test_the_owner_goes_by_the_mode_alone(fs: FsBase, file: Ino) -> None:
    set_acl(fs, file, (OWNER, 4), (USER, 7, 10), (GROUP_OBJ, 7), (MASK, 7), (OTHER, 7))
    assert may(fs, file, R_OK, Caller(uid=10, gid=20))
    assert not may(fs, file, W_OK, Caller(uid=10, gid=20))


def test_any_group_entry_that_gives_all_of_it_will_do(fs: FsBase, file: Ino) -> None:
    set_acl(
        fs,
        file,
        (OWNER, 6),
        (GROUP_OBJ, 4),
        (GROUP, 2, 30),
        (GROUP, 6, 31),
        (MASK, 6),
        (OTHER, 7),
    )
    both = Caller(uid=100, gid=20, groups=(30,))
    assert may(fs, file, R_OK, both)
    assert may(fs, file, W_OK, both)
    assert not may(fs, file, R_OK | W_OK, both), "no one entry gives both"
    assert may(fs, file, R_OK | W_OK, Caller(uid=100, gid=31))
    assert not may(fs, file, X_OK, Caller(uid=100, gid=31)), "a member is no other"
    assert may(fs, file, X_OK, ALICE)


def test_the_mask_limits_groups_too(fs: FsBase, file: Ino) -> None:
    set_acl(fs, file, (OWNER, 6), (GROUP_OBJ, 6), (GROUP, 6, 30), (MASK, 4), (OTHER, 0))
    for gid in (20, 30):
        member = Caller(uid=100, gid=gid)
        assert may(fs, file, R_OK, member)
        assert not may(fs, file, W_OK, member)


def test_a_named_user_comes_before_its_groups(fs: FsBase, file: Ino) -> None:
    set_acl(fs, file, (OWNER, 6), (USER, 0, 100), (GROUP_OBJ, 6), (MASK, 7), (OTHER, 7))
    assert not may(fs, file, R_OK, Caller(uid=100, gid=20))
    assert may(fs, file, R_OK, Caller(uid=101, gid=20))


def test_an_empty_mask_leaves_the_mode(fs: FsBase, file: Ino) -> None:
    """Linux looks at the list only if the mode's group bits are not empty."""
    set_acl(fs, file, (OWNER, 6), (USER, 7, 100), (GROUP_OBJ, 7), (MASK, 0), (OTHER, 4))
    assert may(fs, file, R_OK, ALICE)
    assert not may(fs, file, R_OK, Caller(uid=101, gid=20))


def test_a_capability_passes_a_list(fs: FsBase, file: Ino) -> None:
    set_acl(fs, file, (OWNER, 6), (USER, 0, 100), (GROUP_OBJ, 7), (MASK, 7), (OTHER, 0))
    caller = Caller(uid=100, capabilities=Capability.DAC_READ_SEARCH)
    assert may(fs, file, R_OK, caller)
    assert not may(fs, file, W_OK, caller)


# --- inheriting ------------------------------------------------------------------


@pytest.fixture
def shared(fs: FsBase) -> Ino:
    """A directory whose default list names user 100."""
    fs.mkdir("/d")
    ino = ino_of(fs, "/d")
    entries = [(OWNER, 7), (USER, 7, 100), (GROUP_OBJ, 5), (MASK, 7), (OTHER, 5)]
    fs.inodes.setxattr(ino, DEFAULT, acl(*entries))
    return ino


def test_a_file_gets_the_default_list_within_its_mode(fs: FsBase, shared: Ino) -> None:
    caller = Caller(umask=0o777)
    made = fs.inodes.create(shared, b"f", 0o664, caller)
    assert made.perm == 0o664, "the list takes the place of the umask"
    assert get_acl(fs, made.ino) == [
        (OWNER, 6),
        (USER, 7),
        (GROUP_OBJ, 5),
        (MASK, 6),
        (OTHER, 4),
    ]
    assert fs.inodes.listxattr(made.ino) == [ACCESS]
    assert may(fs, made.ino, R_OK | W_OK, ALICE)


def test_a_directory_gets_it_as_its_default_too(fs: FsBase, shared: Ino) -> None:
    made = fs.inodes.mkdir(shared, b"sub", 0o700)
    assert made.perm == 0o700
    assert fs.inodes.listxattr(made.ino) == [ACCESS, DEFAULT]
    value = fs.inodes.getxattr(shared, DEFAULT)
    assert fs.inodes.getxattr(made.ino, DEFAULT) == value
    below = fs.inodes.mkdir(made.ino, b"below", 0o777)
    assert fs.inodes.getxattr(below.ino, DEFAULT) == value


def test_other_kinds_get_it_but_no_link(fs: FsBase, shared: Ino) -> None:
    fifo = fs.inodes.mknod(shared, b"p", Kind.FIFO | 0o666)
    assert fs.inodes.listxattr(fifo.ino) == [ACCESS]
    link = fs.inodes.symlink(shared, b"l", b"x")
    assert (fs.inodes.listxattr(link.ino), link.perm) == ([], 0o777)
    unnamed = fs.inodes.tmpfile(shared, 0o600)
    assert fs.inodes.listxattr(unnamed.ino) == [ACCESS]
    fs.inodes.unpin(unnamed.ino)


def test_a_default_list_that_is_only_a_mode_takes_the_place_of_the_umask(
    fs: FsBase,
) -> None:
    fs.mkdir("/d")
    ino = ino_of(fs, "/d")
    value = acl((OWNER, 7), (GROUP_OBJ, 7), (OTHER, 1))
    fs.inodes.setxattr(ino, DEFAULT, value)
    made = fs.inodes.create(ino, b"f", 0o666)
    assert (made.perm, fs.inodes.listxattr(made.ino)) == (0o660, [])
    made = fs.inodes.mkdir(ino, b"sub", 0o777)
    assert (made.perm, fs.inodes.listxattr(made.ino)) == (0o771, [DEFAULT])


def test_a_default_list_says_nothing_of_the_directory_itself(
    fs: FsBase, shared: Ino
) -> None:
    assert fs.stat("/d").perm == 0o755
    assert not may(fs, shared, W_OK, ALICE)
    fs.chmod("/d", 0o700)
    value = fs.inodes.getxattr(shared, DEFAULT)
    assert value[:4] + value[4:12] == acl((OWNER, 7))


def test_a_copy_of_a_file_into_such_a_directory_has_the_mode_of_the_source(
    fs: FsBase, shared: Ino
) -> None:
    fs.write_bytes("/f", b"content")
    fs.chmod("/f", 0o640)
    fs.copy("/f", "/d/f")
    assert fs.stat("/d/f").perm == 0o640
    assert (MASK, 4) in get_acl(fs, ino_of(fs, "/d/f"))
    assert not may(fs, ino_of(fs, "/d/f"), W_OK, ALICE)


def test_a_merge_of_a_mode_and_a_list_is_in_step(fs: FsBase, file: Ino) -> None:
    fs.inodes.setxattr(file, ACCESS, EXTENDED)
    base = fs.checkpoint("base")
    fork = fs.fork()
    more = acl(
        (OWNER, 6),
        (USER, 7, 100),
        (USER, 7, 101),
        (GROUP_OBJ, 4),
        (MASK, 5),
        (OTHER, 1),
    )
    fork.inodes.setxattr(file, ACCESS, more)
    fs.chmod("/f", 0o600)
    merged = fs.merge(base, fork, "theirs")
    assert [conflict.kind.name for conflict in merged.conflicts] == ["XATTR"]
    assert fs.stat("/f").perm == 0o600
    assert get_acl(fs, file) == [
        (OWNER, 6),
        (USER, 7),
        (USER, 7),
        (GROUP_OBJ, 4),
        (MASK, 0),
        (OTHER, 0),
    ]
    fs.check_invariants()


def test_a_long_list_takes_space_and_is_refused_without(fs: FsBase) -> None:
    users = [(USER, 7, number) for number in range(100)]
    entries = acl((OWNER, 7), *users, (GROUP_OBJ, 5), (MASK, 7), (OTHER, 5))
    fs.mkdir("/d")
    shared = ino_of(fs, "/d")
    fs.inodes.setxattr(shared, DEFAULT, entries)
    fs.set_limits(max_bytes=2 * PAGE_SIZE)
    fs.inodes.create(shared, b"f")
    assert fs.bytes_used == 2 * PAGE_SIZE
    with refused(fs, Errno.ENOSPC):
        fs.inodes.create(shared, b"g")
    fs.remove("/d/f")
    assert fs.bytes_used == PAGE_SIZE
