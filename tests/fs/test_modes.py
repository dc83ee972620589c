"""Set-id bits: who may set them, what they do in directories, what takes them off."""

from collections.abc import Callable

import pytest
from devdev_fs import (
    ROOT_INO,
    Caller,
    Capability,
    FallocateFlags,
    FsBase,
    Ino,
    Kind,
    SetAttr,
)

from tests.fs.checks import ino_of

OWNER = Caller(uid=10, gid=10)
MEMBER = Caller(uid=10, gid=10, groups=(20,))
FSETID = Caller(uid=10, gid=10, capabilities=Capability.FSETID)


@pytest.fixture
def file(fs: FsBase) -> Ino:
    """A file of user 10 and group 20 that anybody may change."""
    fs.write_bytes("/f", b"x" * 10_000)
    fs.setattr("/f", SetAttr(uid=10, gid=20, mode=0o666))
    return ino_of(fs, "/f")


CHANGES: dict[str, Callable[[FsBase, Ino, Caller], object]] = {
    "write": lambda fs, ino, caller: fs.inodes.write(ino, 0, b"y", caller),
    "append": lambda fs, ino, caller: fs.inodes.append(ino, b"y", caller),
    "truncate": lambda fs, ino, caller: fs.inodes.setattr(
        ino, SetAttr(size=5), caller, True
    ),
    "truncate to the same size": lambda fs, ino, caller: fs.inodes.setattr(
        ino, SetAttr(size=10_000), caller, True
    ),
    "allocate": lambda fs, ino, caller: fs.inodes.fallocate(ino, 0, 0, 1, caller),
    "punch": lambda fs, ino, caller: fs.inodes.fallocate(ino, 3, 0, 1, caller),
    "collapse": lambda fs, ino, caller: fs.inodes.fallocate(
        ino, FallocateFlags.COLLAPSE_RANGE, 0, 4096, caller
    ),
    "copy_file_range": lambda fs, ino, caller: fs.inodes.copy_file_range(
        ino, 0, ino, 5000, 10, caller
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize(
    ("mode", "after"),
    [
        (0o4755, 0o0755),
        (0o2755, 0o0755),
        (0o6775, 0o0775),
        (0o1777, 0o1777),
        (0o6640, 0o0640),  # not the caller's group: mandatory locking goes too
        (0o0644, 0o0644),
    ],
)
def test_a_change_of_content_takes_set_id_bits_off(
    fs: FsBase,
    file: Ino,
    change: Callable[[FsBase, Ino, Caller], object],
    mode: int,
    after: int,
) -> None:
    """Linux's fs/inode.c:file_remove_privs, fs/attr.c:setattr_should_drop_suidgid."""
    fs.chmod("/f", mode)
    change(fs, file, OWNER)
    assert fs.stat("/f").perm == after


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_not_by_who_may_set_them(
    fs: FsBase, file: Ino, change: Callable[[FsBase, Ino, Caller], object]
) -> None:
    fs.chmod("/f", 0o6755)
    change(fs, file, FSETID)
    change(fs, file, Caller())
    assert fs.stat("/f").perm == 0o6755


def test_a_member_keeps_the_bit_that_means_mandatory_locking(
    fs: FsBase, file: Ino
) -> None:
    fs.chmod("/f", 0o6644)
    fs.inodes.write(file, 0, b"x", MEMBER)
    assert fs.stat("/f").perm == 0o2644


def test_what_writes_nothing_takes_nothing_off(fs: FsBase, file: Ino) -> None:
    fs.chmod("/f", 0o6755)
    fs.inodes.write(file, 0, b"", OWNER)
    fs.inodes.copy_file_range(file, 99_999, file, 0, 5, OWNER)
    assert fs.stat("/f").perm == 0o6755


@pytest.mark.parametrize(
    ("caller", "mode", "after"),
    [
        (OWNER, 0o6775, 0o4775),
        (MEMBER, 0o6775, 0o6775),
        (FSETID, 0o6775, 0o6775),
        (OWNER, 0o1777, 0o1777),
    ],
)
@pytest.mark.parametrize("kind", ["file", "directory"])
def test_the_set_group_id_bit_is_set_by_members(
    fs: FsBase, caller: Caller, mode: int, after: int, kind: str
) -> None:
    """chmod(2); Linux's fs/attr.c:setattr_prepare."""
    if kind == "file":
        fs.write_bytes("/x", b"")
    else:
        fs.mkdir("/x")
    fs.setattr("/x", SetAttr(uid=10, gid=20))
    assert fs.inodes.setattr(ino_of(fs, "/x"), SetAttr(mode=mode), caller).perm == after


def test_it_is_the_new_group_that_counts(fs: FsBase, file: Ino) -> None:
    change = SetAttr(gid=10, mode=0o2755)
    assert fs.inodes.setattr(file, change, OWNER).perm == 0o2755


@pytest.mark.parametrize(
    ("mode", "after"), [(0o6755, 0o0755), (0o6644, 0o0644), (0o0644, 0o0644)]
)
def test_giving_a_file_to_another_group_takes_them_off(
    fs: FsBase, file: Ino, mode: int, after: int
) -> None:
    fs.chmod("/f", mode)
    assert fs.inodes.setattr(file, SetAttr(gid=10), OWNER).perm == after


class TestSetGroupIdDirectories:
    """inode(7); Linux's fs/inode.c:inode_init_owner, mode_strip_sgid."""

    @pytest.fixture
    def shared(self, fs: FsBase) -> Ino:
        fs.mkdir("/shared")
        fs.setattr("/shared", SetAttr(gid=20))
        fs.chmod("/shared", 0o2777)
        return ino_of(fs, "/shared")

    def test_a_program_does_not_get_the_bit_from_who_is_no_member(
        self, fs: FsBase, shared: Ino
    ) -> None:
        caller = Caller(uid=10, gid=10, umask=0)
        made = fs.inodes.create(shared, b"program", 0o2775, caller)
        assert (made.gid, made.perm) == (20, 0o0775)
        made = fs.inodes.create(shared, b"data", 0o2664, caller)
        assert (made.gid, made.perm) == (20, 0o2664)
        made = fs.inodes.mkdir(shared, b"d", 0o775, caller)
        assert (made.gid, made.perm) == (20, 0o2775)
        made = fs.inodes.tmpfile(shared, 0o2775, caller)
        assert (made.gid, made.perm) == (20, 0o0775)
        fs.inodes.unpin(made.ino)

    @pytest.mark.parametrize(
        "caller",
        [
            Caller(umask=0),
            Caller(uid=10, gid=20, umask=0),
            Caller(uid=10, groups=(20,), umask=0),
            Caller(uid=10, umask=0, capabilities=Capability.FSETID),
        ],
    )
    def test_it_does_from_members_and_who_may_set_it(
        self, fs: FsBase, shared: Ino, caller: Caller
    ) -> None:
        made = fs.inodes.create(shared, b"program", 0o2775, caller)
        assert (made.gid, made.perm) == (20, 0o2775)

    def test_elsewhere_the_makers_group_is_the_makers(self, fs: FsBase) -> None:
        fs.chmod("/", 0o777)
        caller = Caller(uid=10, gid=10, umask=0)
        made = fs.inodes.mknod(ROOT_INO, b"x", Kind.REGULAR | 0o6775, 0, caller)
        assert (made.gid, made.perm) == (10, 0o6775)
