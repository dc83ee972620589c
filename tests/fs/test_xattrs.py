"""Extended attributes: what is kept, who may, and how much."""

from collections.abc import Callable
from typing import Literal

import pytest
from devdev_fs import (
    PAGE_SIZE,
    ROOT_INO,
    XATTR_NAME_MAX,
    XATTR_SIZE_MAX,
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

MakeFs = Callable[..., FsBase]
Call = Callable[[], object]
USER = Caller(uid=1000, gid=1000)
ADMIN = Caller(uid=1000, capabilities=Capability.SYS_ADMIN)


@pytest.fixture
def file(fs: FsBase) -> Ino:
    fs.write_bytes("/f", b"content")
    return ino_of(fs, "/f")


def test_what_was_set_is_read_and_listed_in_order(fs: FsBase, file: Ino) -> None:
    for name in (b"user.b", b"trusted.x", b"security.y", b"user.a"):
        fs.inodes.setxattr(file, name, b"\0value of " + name)
    names = fs.inodes.listxattr(file)
    assert names == [b"security.y", b"trusted.x", b"user.a", b"user.b"]
    for name in names:
        assert fs.inodes.getxattr(file, name) == b"\0value of " + name


def test_a_value_may_be_empty_and_is_there_all_the_same(fs: FsBase, file: Ino) -> None:
    fs.inodes.setxattr(file, b"user.x", b"")
    assert fs.inodes.getxattr(file, b"user.x") == b""
    assert fs.inodes.listxattr(file) == [b"user.x"]


def test_a_value_is_any_bytes_and_is_kept_as_it_was_then(fs: FsBase, file: Ino) -> None:
    value = bytearray(b"value")
    fs.inodes.setxattr(file, b"user.x", value)
    fs.inodes.setxattr(file, b"user.y", memoryview(value)[1:])
    value[:] = b"other"
    assert fs.inodes.getxattr(file, b"user.x") == b"value"
    assert fs.inodes.getxattr(file, b"user.y") == b"alue"


def test_attributes_of_a_directory_are_not_inherited(fs: FsBase) -> None:
    fs.mkdir("/d")
    fs.inodes.setxattr(ino_of(fs, "/d"), b"user.x", b"v")
    made = fs.inodes.create(ino_of(fs, "/d"), b"f")
    assert fs.inodes.listxattr(made.ino) == []


def test_a_removed_attribute_is_gone(fs: FsBase, file: Ino) -> None:
    before = fs.stat("/f")
    fs.inodes.setxattr(file, b"user.x", b"v")
    fs.inodes.removexattr(file, b"user.x")
    assert fs.inodes.listxattr(file) == []
    assert fs.stat("/f")._replace(ctime_ns=0) == before._replace(ctime_ns=0)
    with refused(fs, Errno.ENODATA):
        fs.inodes.getxattr(file, b"user.x")
    with refused(fs, Errno.ENODATA):
        fs.inodes.removexattr(file, b"user.x")


def test_a_change_stamps_ctime_only(fs: FsBase, file: Ino) -> None:
    changes: list[Call] = [
        lambda: fs.inodes.setxattr(file, b"user.x", b"v"),
        lambda: fs.inodes.removexattr(file, b"user.x"),
    ]
    for change in changes:
        before = fs.stat("/f")
        change()
        after = fs.stat("/f")
        assert after.ctime_ns > before.ctime_ns
        assert after == before._replace(ctime_ns=after.ctime_ns)


def test_create_and_replace_ask_for_what_is_there(fs: FsBase, file: Ino) -> None:
    with refused(fs, Errno.ENODATA):
        fs.inodes.setxattr(file, b"user.x", b"v", XattrFlags.REPLACE)
    fs.inodes.setxattr(file, b"user.x", b"1", XattrFlags.CREATE)
    with refused(fs, Errno.EEXIST):
        fs.inodes.setxattr(file, b"user.x", b"2", XattrFlags.CREATE)
    fs.inodes.setxattr(file, b"user.x", b"3", XattrFlags.REPLACE)
    assert fs.inodes.getxattr(file, b"user.x") == b"3"


@pytest.mark.parametrize("name", [b"user", b"foo.bar", b"system.x", b"system.", b"x"])
def test_there_are_four_namespaces(fs: FsBase, file: Ino, name: bytes) -> None:
    calls: list[Call] = [
        lambda: fs.inodes.setxattr(file, name, b""),
        lambda: fs.inodes.getxattr(file, name),
        lambda: fs.inodes.removexattr(file, name),
    ]
    for call in calls:
        with refused(fs, Errno.EOPNOTSUPP):
            call()


def test_names_and_values_have_the_limits_of_linux(fs: FsBase, file: Ino) -> None:
    longest = b"user." + b"x" * (XATTR_NAME_MAX - 5)
    fs.inodes.setxattr(file, longest, bytes(XATTR_SIZE_MAX))
    assert fs.inodes.getxattr(file, longest) == bytes(XATTR_SIZE_MAX)
    with refused(fs, Errno.ERANGE):
        fs.inodes.setxattr(file, longest + b"x", b"")
    with refused(fs, Errno.E2BIG):
        fs.inodes.setxattr(file, b"user.x", bytes(XATTR_SIZE_MAX + 1))


def test_an_inode_has_64_kib_for_values(fs: FsBase, file: Ino) -> None:
    fs.inodes.setxattr(file, b"user.a", bytes(XATTR_SIZE_MAX - 5))
    fs.inodes.setxattr(file, b"user.b", b"12345")
    with refused(fs, Errno.ENOSPC):
        fs.inodes.setxattr(file, b"user.c", b"1")
    fs.inodes.setxattr(file, b"user.a", b"")
    fs.inodes.setxattr(file, b"user.c", b"1")


def test_an_inode_has_64_kib_for_names(fs: FsBase, file: Ino) -> None:
    """As many as listxattr(2) can tell (XATTR_LIST_MAX)."""
    for number in range(256):
        name = b"user." + b"%03d" % number
        fs.inodes.setxattr(file, name.ljust(XATTR_NAME_MAX, b"x"), b"")
    with refused(fs, Errno.ENOSPC):
        fs.inodes.setxattr(file, b"user.x", b"")
    assert sum(len(name) + 1 for name in fs.inodes.listxattr(file)) == XATTR_SIZE_MAX


def test_what_is_beyond_256_bytes_counts_as_pages(make_fs: MakeFs) -> None:
    fs = make_fs(max_bytes=3 * PAGE_SIZE)
    fs.write_bytes("/f", b"x")
    file = ino_of(fs, "/f")
    fs.inodes.setxattr(file, b"user.x", bytes(250))
    assert (fs.bytes_used, fs.stat("/f").blocks) == (PAGE_SIZE, 8)
    fs.inodes.setxattr(file, b"user.x", bytes(251))
    assert (fs.bytes_used, fs.stat("/f").blocks) == (2 * PAGE_SIZE, 16)
    fs.inodes.setxattr(file, b"user.x", bytes(250 + 2 * PAGE_SIZE))
    assert fs.bytes_used == 3 * PAGE_SIZE
    with refused(fs, Errno.ENOSPC):
        fs.inodes.setxattr(file, b"user.x", bytes(251 + 2 * PAGE_SIZE))
    with refused(fs, Errno.ENOSPC):
        fs.inodes.write(file, PAGE_SIZE, b"x")
    fs.inodes.removexattr(file, b"user.x")
    assert fs.bytes_used == PAGE_SIZE
    fs.check_invariants()


def test_the_space_of_a_removed_inode_is_free(fs: FsBase, file: Ino) -> None:
    fs.inodes.setxattr(file, b"user.x", bytes(5000))
    fs.inodes.pin(file)
    fs.remove("/f")
    assert fs.bytes_used == 3 * PAGE_SIZE
    assert len(fs.inodes.getxattr(file, b"user.x")) == 5000
    fs.inodes.setxattr(file, b"user.y", b"an orphan has attributes too")
    fs.inodes.unpin(file)
    assert fs.bytes_used == 0


@pytest.mark.parametrize(
    "kind",
    [Kind.FIFO, Kind.SOCKET, Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE, Kind.SYMLINK],
)
def test_user_attributes_are_for_files_and_directories(fs: FsBase, kind: Kind) -> None:
    if kind is Kind.SYMLINK:
        fs.symlink("target", "/x")
    else:
        fs.inodes.mknod(ROOT_INO, b"x", kind | 0o666)
    ino = ino_of(fs, "/x")
    with refused(fs, Errno.EPERM):
        fs.inodes.setxattr(ino, b"user.x", b"")
    with refused(fs, Errno.EPERM):
        fs.inodes.removexattr(ino, b"user.x")
    with refused(fs, Errno.ENODATA):
        fs.inodes.getxattr(ino, b"user.x")
    fs.inodes.setxattr(ino, b"trusted.x", b"v")
    assert fs.inodes.getxattr(ino, b"trusted.x") == b"v"


class TestCallers:
    """Who may what: xattr(7), Linux's fs/xattr.c:xattr_permission."""

    def test_user_attributes_go_by_the_mode(self, fs: FsBase, file: Ino) -> None:
        fs.inodes.setxattr(file, b"user.x", b"v")
        assert fs.inodes.getxattr(file, b"user.x", USER) == b"v"
        calls: list[Call] = [
            lambda: fs.inodes.setxattr(file, b"user.x", b"", 0, USER),
            lambda: fs.inodes.removexattr(file, b"user.x", USER),
        ]
        for call in calls:
            with refused(fs, Errno.EACCES):
                call()
        fs.chmod("/f", 0o602)
        fs.inodes.setxattr(file, b"user.x", b"theirs", 0, USER)
        with refused(fs, Errno.EACCES):
            fs.inodes.getxattr(file, b"user.x", USER)
        assert fs.inodes.listxattr(file, USER) == [b"user.x"]
        fs.inodes.removexattr(file, b"user.x", USER)

    def test_trusted_attributes_are_not_there_for_others(
        self, fs: FsBase, file: Ino
    ) -> None:
        fs.inodes.setxattr(file, b"trusted.x", b"v")
        fs.setattr("/f", SetAttr(uid=USER.uid, mode=0o777))
        assert fs.inodes.listxattr(file, USER) == []
        with refused(fs, Errno.ENODATA):
            fs.inodes.getxattr(file, b"trusted.x", USER)
        with refused(fs, Errno.EPERM):
            fs.inodes.setxattr(file, b"trusted.x", b"", 0, USER)
        assert fs.inodes.getxattr(file, b"trusted.x", ADMIN) == b"v"
        assert fs.inodes.listxattr(file, ADMIN) == [b"trusted.x"]
        fs.inodes.removexattr(file, b"trusted.x", ADMIN)

    def test_security_attributes_are_read_by_all_and_set_by_few(
        self, fs: FsBase, file: Ino
    ) -> None:
        fs.inodes.setxattr(file, b"security.x", b"v", 0, ADMIN)
        fs.setattr("/f", SetAttr(uid=USER.uid, mode=0))
        assert fs.inodes.getxattr(file, b"security.x", USER) == b"v"
        with refused(fs, Errno.EPERM):
            fs.inodes.removexattr(file, b"security.x", USER)
        with refused(fs, Errno.EPERM):
            fs.inodes.setxattr(file, b"security.capability", b"", 0, ADMIN)
        setter = Caller(uid=1, capabilities=Capability.SETFCAP)
        fs.inodes.setxattr(file, b"security.capability", b"c", 0, setter)

    def test_those_of_a_sticky_directory_are_its_owners(self, fs: FsBase) -> None:
        fs.mkdir("/d")
        fs.chmod("/d", 0o1777)
        ino = ino_of(fs, "/d")
        with refused(fs, Errno.EPERM):
            fs.inodes.setxattr(ino, b"user.x", b"", 0, USER)
        fs.setattr("/d", SetAttr(uid=USER.uid))
        fs.inodes.setxattr(ino, b"user.x", b"v", 0, USER)
        assert fs.inodes.getxattr(ino, b"user.x", USER) == b"v"


@pytest.mark.parametrize(
    "change",
    [
        lambda fs, ino: fs.inodes.write(ino, 0, b"x"),
        lambda fs, ino: fs.inodes.append(ino, b"x"),
        lambda fs, ino: fs.truncate("/f", 1),
        lambda fs, ino: fs.write_bytes("/f", b"x"),
        lambda fs, ino: fs.setattr("/f", SetAttr(uid=5)),
        lambda fs, ino: fs.inodes.fallocate(ino, 0, 0, 1),
        lambda fs, ino: fs.inodes.copy_file_range(ino, 0, ino, 100, 5),
    ],
)
def test_a_changed_program_loses_its_capabilities_and_nothing_else(
    fs: FsBase, file: Ino, change: Callable[[FsBase, Ino], object]
) -> None:
    """Linux's security/commoncap.c:cap_inode_killpriv, whoever the caller is."""
    fs.inodes.setxattr(file, b"security.capability", b"all")
    fs.inodes.setxattr(file, b"user.x", b"stays")
    change(fs, file)
    assert fs.inodes.listxattr(file) == [b"user.x"]


def test_a_copy_of_a_version_keeps_what_it_had(fs: FsBase, file: Ino) -> None:
    fs.inodes.setxattr(file, b"user.x", b"before")
    point = fs.checkpoint("before")
    fs.inodes.setxattr(file, b"user.x", b"after")
    fs.inodes.setxattr(file, b"user.y", b"new")
    fs.restore(point)
    assert fs.inodes.listxattr(file) == [b"user.x"]
    assert fs.inodes.getxattr(file, b"user.x") == b"before"


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_merge_gives_no_inode_more_than_it_can_have(
    fs: FsBase, file: Ino, side: Literal["ours", "theirs"]
) -> None:
    base = fs.checkpoint("base")
    fork = fs.fork()
    fs.inodes.setxattr(file, b"user.ours", bytes(XATTR_SIZE_MAX - 1))
    fork.inodes.setxattr(file, b"user.theirs", b"12")
    merged = fs.merge(base, fork, side)
    assert [conflict.kind.name for conflict in merged.conflicts] == ["XATTR"]
    assert fs.inodes.listxattr(file) == [f"user.{side}".encode()]
    fs.check_invariants()
