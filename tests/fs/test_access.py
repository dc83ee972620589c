"""Permissions: what a caller may do, by mode, membership and capability."""

from collections.abc import Callable

import pytest
from devdev_fs import (
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
    RenameFlags,
    SetAttr,
)

from tests.fs.checks import ino_of, names, refused

OWNER = Caller(uid=10, gid=1)
MEMBER = Caller(uid=11, gid=1, groups=(20, 21))
OTHER = Caller(uid=12, gid=1)
Call = Callable[[FsBase], object]


@pytest.fixture
def file(fs: FsBase) -> Ino:
    """A file of user 10 and group 20."""
    fs.write_bytes("/f", b"content")
    fs.setattr("/f", SetAttr(uid=10, gid=20))
    return ino_of(fs, "/f")


def allowed(fs: FsBase, ino: Ino, caller: Caller) -> int:
    """The accesses that the caller has, one by one."""
    found = 0
    for mask in (R_OK, W_OK, X_OK):
        try:
            fs.inodes.access(ino, mask, caller)
            found |= mask
        except PermissionError:
            pass
    return found


@pytest.mark.parametrize("mode", [0o000, 0o124, 0o421, 0o241, 0o760, 0o070, 0o007])
def test_the_first_class_that_a_caller_is_in_decides(
    fs: FsBase, file: Ino, mode: int
) -> None:
    """Even if a later one would give more."""
    fs.chmod("/f", mode)
    assert allowed(fs, file, OWNER) == mode >> 6
    assert allowed(fs, file, MEMBER) == mode >> 3 & 7
    assert allowed(fs, file, Caller(uid=13, gid=20)) == mode >> 3 & 7
    assert allowed(fs, file, OTHER) == mode & 7


def test_all_of_what_is_asked_for_must_be_given(fs: FsBase, file: Ino) -> None:
    fs.chmod("/f", 0o640)
    fs.inodes.access(file, R_OK | W_OK, OWNER)
    fs.inodes.access(file, 0, OTHER)
    with refused(fs, Errno.EACCES):
        fs.inodes.access(file, R_OK | W_OK, MEMBER)
    with refused(fs, Errno.EACCES):
        fs.inodes.access(file, R_OK | X_OK, OWNER)


@pytest.mark.parametrize(
    ("capability", "mode", "of_file", "of_directory"),
    [
        (Capability.DAC_OVERRIDE, 0o000, 6, 7),
        (Capability.DAC_OVERRIDE, 0o100, 7, 7),
        (Capability.DAC_READ_SEARCH, 0o000, 4, 5),
        (Capability.FOWNER, 0o000, 0, 0),
    ],
)
def test_capabilities_pass_what_the_mode_refuses(
    fs: FsBase, capability: Capability, mode: int, of_file: int, of_directory: int
) -> None:
    fs.write_bytes("/f", b"")
    fs.mkdir("/d")
    fs.chmod("/f", mode)
    fs.chmod("/d", mode)
    caller = Caller(uid=5, capabilities=capability)
    assert allowed(fs, ino_of(fs, "/f"), caller) == of_file
    assert allowed(fs, ino_of(fs, "/d"), caller) == of_directory


def test_root_has_all_capabilities_unless_it_is_said_which(fs: FsBase) -> None:
    fs.write_bytes("/f", b"")
    fs.setattr("/f", SetAttr(uid=1, mode=0o100))
    file = ino_of(fs, "/f")
    assert allowed(fs, file, Caller()) == 7
    assert allowed(fs, file, Caller(uid=1, capabilities=Capability.CHOWN)) == 1
    assert allowed(fs, file, Caller(capabilities=0)) == 0
    fs.chmod("/f", 0o600)
    assert allowed(fs, file, Caller()) == 6


class TestDirectories:
    """What it takes to look up, to add and to remove names."""

    @pytest.fixture(autouse=True)
    def tree(self, fs: FsBase) -> None:
        fs.mkdir("/d/sub", parents=True)
        fs.write_bytes("/d/f", b"content")
        fs.setattr("/d", SetAttr(uid=10, gid=20))
        fs.mkdir("/mine")
        fs.chmod("/mine", 0o777)

    CHANGES: tuple[Call, ...] = (
        lambda fs: fs.inodes.create(ino_of(fs, "/d"), b"new", 0o666, OTHER),
        lambda fs: fs.inodes.mkdir(ino_of(fs, "/d"), b"new", 0o777, OTHER),
        lambda fs: fs.inodes.symlink(ino_of(fs, "/d"), b"new", b"x", OTHER),
        lambda fs: fs.inodes.mknod(ino_of(fs, "/d"), b"new", Kind.FIFO, 0, OTHER),
        lambda fs: fs.inodes.tmpfile(ino_of(fs, "/d"), 0o600, OTHER),
        lambda fs: fs.inodes.link(ino_of(fs, "/d/f"), ino_of(fs, "/d"), b"new", OTHER),
        lambda fs: fs.inodes.unlink(ino_of(fs, "/d"), b"f", OTHER),
        lambda fs: fs.inodes.rmdir(ino_of(fs, "/d"), b"sub", OTHER),
        lambda fs: fs.inodes.rename(
            ino_of(fs, "/d"), b"f", ino_of(fs, "/mine"), b"f", RenameFlags(0), OTHER
        ),
        lambda fs: fs.inodes.rename(
            ino_of(fs, "/d"), b"f", ino_of(fs, "/d"), b"g", RenameFlags(0), OTHER
        ),
    )

    @pytest.mark.parametrize("change", CHANGES)
    @pytest.mark.parametrize("mode", [0o770, 0o771, 0o772, 0o775])
    def test_a_change_takes_search_and_write(
        self, fs: FsBase, change: Call, mode: int
    ) -> None:
        fs.chmod("/d", mode)
        with refused(fs, Errno.EACCES):
            change(fs)

    @pytest.mark.parametrize("change", CHANGES[:4] + CHANGES[5:])
    def test_and_then_nothing_more(self, fs: FsBase, change: Call) -> None:
        fs.chmod("/d", 0o773)
        change(fs)

    def test_a_name_is_looked_up_with_search_alone(self, fs: FsBase) -> None:
        fs.chmod("/d", 0o701)
        assert fs.inodes.lookup(ino_of(fs, "/d"), b"f", OTHER).size == 7
        assert fs.inodes.resolve("/d/f", True, OTHER) == ino_of(fs, "/d/f")
        fs.chmod("/d", 0o706)
        for path in ("/d/f", "/d/no", "/d/.", "/d/..", "/d/../mine", "/d/" + "x" * 300):
            with refused(fs, Errno.EACCES):
                fs.inodes.resolve(path, True, OTHER)
        with refused(fs, Errno.EACCES):
            fs.inodes.lookup(ino_of(fs, "/d"), b"no", OTHER)
        assert fs.inodes.resolve("/d", True, OTHER) == ino_of(fs, "/d")

    def test_where_a_link_leads_is_checked_too(self, fs: FsBase) -> None:
        fs.symlink("/d/f", "/mine/link")
        fs.chmod("/d", 0o700)
        with refused(fs, Errno.EACCES):
            fs.inodes.resolve("/mine/link", True, OTHER)
        assert fs.inodes.resolve("/mine/link", False, OTHER)

    def test_making_what_is_there_is_told_without_permission_to_write(
        self, fs: FsBase
    ) -> None:
        with refused(fs, Errno.EEXIST):
            fs.inodes.mkdir(ino_of(fs, "/d"), b"f", 0o777, OTHER)

    def test_an_exchange_needs_both_directories(self, fs: FsBase) -> None:
        fs.write_bytes("/mine/g", b"")
        d, mine = ino_of(fs, "/d"), ino_of(fs, "/mine")
        for parents in ((d, b"f", mine, b"g"), (mine, b"g", d, b"f")):
            with refused(fs, Errno.EACCES):
                fs.inodes.rename(*parents, RenameFlags.EXCHANGE, OTHER)
        fs.chmod("/d", 0o777)
        fs.inodes.rename(d, b"f", mine, b"g", RenameFlags.EXCHANGE, OTHER)
        assert fs.read_bytes("/mine/g") == b"content"

    def test_a_directory_gets_another_parent_only_by_who_may_write_to_it(
        self, fs: FsBase
    ) -> None:
        """Its `..` changes; not if it is only given another name."""
        fs.chmod("/d", 0o777)
        d, mine = ino_of(fs, "/d"), ino_of(fs, "/mine")
        with refused(fs, Errno.EACCES):
            fs.inodes.rename(d, b"sub", mine, b"sub", RenameFlags.NONE, OTHER)
        fs.write_bytes("/mine/g", b"")
        for parents in ((d, b"sub", mine, b"g"), (mine, b"g", d, b"sub")):
            with refused(fs, Errno.EACCES):
                fs.inodes.rename(*parents, RenameFlags.EXCHANGE, OTHER)
        fs.inodes.rename(d, b"sub", d, b"other", RenameFlags.NONE, OTHER)
        fs.setattr("/d/other", SetAttr(uid=OTHER.uid))
        fs.inodes.rename(d, b"other", mine, b"other", RenameFlags.NONE, OTHER)
        assert names(fs, mine) == [b"g", b"other"]


class TestSticky:
    """A sticky directory: names go by who owns the inode or the directory."""

    @pytest.fixture(autouse=True)
    def tree(self, fs: FsBase) -> None:
        fs.mkdir("/t/sub", parents=True)
        fs.write_bytes("/t/f", b"")
        fs.setattr("/t", SetAttr(uid=10, mode=0o1777))
        fs.setattr("/t/f", SetAttr(uid=11))
        fs.setattr("/t/sub", SetAttr(uid=11))

    REMOVALS: tuple[Callable[[FsBase, Caller], object], ...] = (
        lambda fs, caller: fs.inodes.unlink(ino_of(fs, "/t"), b"f", caller),
        lambda fs, caller: fs.inodes.rmdir(ino_of(fs, "/t"), b"sub", caller),
        lambda fs, caller: fs.inodes.rename(
            ino_of(fs, "/t"), b"f", ino_of(fs, "/t"), b"g", RenameFlags(0), caller
        ),
    )

    @pytest.mark.parametrize("remove", REMOVALS)
    def test_others_may_not(
        self, fs: FsBase, remove: Callable[[FsBase, Caller], object]
    ) -> None:
        with refused(fs, Errno.EPERM):
            remove(fs, OTHER)

    @pytest.mark.parametrize("remove", REMOVALS)
    @pytest.mark.parametrize(
        "caller",
        [OWNER, MEMBER, Caller(uid=5, capabilities=Capability.FOWNER)],
        ids=["directory's owner", "inode's owner", "capability"],
    )
    def test_owners_may(
        self, fs: FsBase, remove: Callable[[FsBase, Caller], object], caller: Caller
    ) -> None:
        remove(fs, caller)

    def test_what_is_replaced_is_removed(self, fs: FsBase) -> None:
        t = ino_of(fs, "/t")
        fs.inodes.create(t, b"mine", 0o666, OTHER)
        with refused(fs, Errno.EPERM):
            fs.inodes.rename(t, b"mine", t, b"f", RenameFlags.NONE, OTHER)
        with refused(fs, Errno.EPERM):
            fs.inodes.rename(t, b"mine", t, b"f", RenameFlags.EXCHANGE, OTHER)
        fs.inodes.rename(t, b"mine", t, b"new", RenameFlags.NONE, OTHER)


class TestAttributes:
    """chmod, chown, truncate and utimens: who may (Linux's fs/attr.c)."""

    def test_the_mode_is_the_owners(self, fs: FsBase, file: Ino) -> None:
        fs.chmod("/f", 0o777)
        fs.inodes.setattr(file, SetAttr(mode=0o700), OWNER)
        for caller in (MEMBER, OTHER):
            with refused(fs, Errno.EPERM):
                fs.inodes.setattr(file, SetAttr(mode=0o777), caller)
        fowner = Caller(uid=5, capabilities=Capability.FOWNER)
        assert fs.inodes.setattr(file, SetAttr(mode=0o4711), fowner).perm == 0o4711

    def test_owners_give_nothing_away(self, fs: FsBase, file: Ino) -> None:
        for uid in (0, 11):
            with refused(fs, Errno.EPERM):
                fs.inodes.setattr(file, SetAttr(uid=uid), OWNER)
        fs.inodes.setattr(file, SetAttr(uid=10), OWNER)
        with refused(fs, Errno.EPERM):
            fs.inodes.setattr(file, SetAttr(uid=10), OTHER)
        chown = Caller(uid=5, capabilities=Capability.CHOWN)
        assert fs.inodes.setattr(file, SetAttr(uid=7, gid=8), chown).uid == 7

    def test_owners_give_to_groups_that_they_are_in(
        self, fs: FsBase, file: Ino
    ) -> None:
        owner = Caller(uid=10, gid=1, groups=(30,))
        for gid in (30, 1, 1):
            assert fs.inodes.setattr(file, SetAttr(gid=gid), owner).gid == gid
        with refused(fs, Errno.EPERM):
            fs.inodes.setattr(file, SetAttr(gid=20), owner)
        with refused(fs, Errno.EPERM):
            fs.inodes.setattr(file, SetAttr(gid=1), OTHER)

    def test_a_file_keeps_a_group_that_its_owner_is_not_in(
        self, fs: FsBase, file: Ino
    ) -> None:
        assert fs.inodes.setattr(file, SetAttr(gid=20), OWNER).gid == 20

    def test_a_size_takes_write_permission_or_an_open_file(
        self, fs: FsBase, file: Ino
    ) -> None:
        fs.chmod("/f", 0o602)
        fs.inodes.setattr(file, SetAttr(size=5), OTHER)
        with refused(fs, Errno.EACCES):
            fs.inodes.setattr(file, SetAttr(size=3), MEMBER)
        fs.inodes.setattr(file, SetAttr(size=3), MEMBER, True)
        assert fs.stat("/f").size == 3

    def test_times_are_the_owners(self, fs: FsBase, file: Ino) -> None:
        fs.chmod("/f", 0o666)
        for change in (
            SetAttr(atime_ns=5),
            SetAttr(mtime_ns=5),
            SetAttr(atime_ns="now"),
            SetAttr(atime_ns="now", mtime_ns=5),
        ):
            with refused(fs, Errno.EPERM):
                fs.inodes.setattr(file, change, OTHER)
            fs.inodes.setattr(file, change, OWNER)

    def test_both_times_to_now_is_for_who_may_write(
        self, fs: FsBase, file: Ino
    ) -> None:
        touch = SetAttr(atime_ns="now", mtime_ns="now")
        fs.chmod("/f", 0o602)
        fs.inodes.setattr(file, touch, OTHER)
        with refused(fs, Errno.EACCES):
            fs.inodes.setattr(file, touch, MEMBER)
        fs.chmod("/f", 0)
        fs.inodes.setattr(file, touch, OWNER)

    def test_a_symbolic_link_has_no_mode_to_set(self, fs: FsBase) -> None:
        fs.symlink("f", "/l")
        with refused(fs, Errno.EOPNOTSUPP):
            fs.setattr("/l", SetAttr(mode=0o600), follow=False)


class TestOpening:
    """What open(2) checks of what it opens (Linux's fs/namei.c:may_open)."""

    def test_reading_and_writing_go_by_the_mode(self, fs: FsBase, file: Ino) -> None:
        fs.chmod("/f", 0o604)
        fs.inodes.open_check(file, R_OK, OTHER)
        fs.inodes.open_check(file, R_OK | W_OK, OWNER)
        for mask in (W_OK, R_OK | W_OK, X_OK):
            with refused(fs, Errno.EACCES):
                fs.inodes.open_check(file, mask, OTHER)

    def test_a_directory_is_read_only(self, fs: FsBase) -> None:
        fs.mkdir("/d")
        fs.inodes.open_check(ino_of(fs, "/d"), R_OK, OTHER)
        with refused(fs, Errno.EISDIR):
            fs.inodes.open_check(ino_of(fs, "/d"), W_OK)

    def test_only_a_program_is_executed(self, fs: FsBase, file: Ino) -> None:
        with refused(fs, Errno.EACCES):
            fs.inodes.open_check(file, X_OK)
        fs.chmod("/f", 0o100)
        fs.inodes.open_check(file, X_OK)
        with refused(fs, Errno.EACCES):
            fs.inodes.open_check(ROOT_INO, X_OK)

    def test_leaving_the_time_of_access_is_for_the_owner(
        self, fs: FsBase, file: Ino
    ) -> None:
        fs.chmod("/f", 0o666)
        fs.inodes.open_check(file, R_OK, OWNER, True)
        with refused(fs, Errno.EPERM):
            fs.inodes.open_check(file, R_OK, OTHER, True)

    def test_what_is_no_file_is_opened_by_its_kind(self, fs: FsBase) -> None:
        for kind in (Kind.FIFO, Kind.CHARACTER_DEVICE, Kind.SOCKET):
            fs.inodes.mknod(ROOT_INO, kind.name.encode(), kind | 0o600)
        fs.symlink("x", "/LINK")
        fs.inodes.open_check(ino_of(fs, "/FIFO"), R_OK | W_OK)
        fs.inodes.open_check(ino_of(fs, "/CHARACTER_DEVICE"), W_OK)
        with refused(fs, Errno.ENXIO):
            fs.inodes.open_check(ino_of(fs, "/SOCKET"), R_OK)
        with refused(fs, Errno.ELOOP):
            fs.inodes.open_check(ino_of(fs, "/LINK"), R_OK)


def test_devices_are_made_by_who_has_the_capability(fs: FsBase) -> None:
    fs.chmod("/", 0o777)
    for kind in (Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE):
        with refused(fs, Errno.EPERM):
            fs.inodes.mknod(ROOT_INO, b"x", kind, 0x103, OTHER)
    maker = Caller(uid=5, capabilities=Capability.MKNOD)
    assert fs.inodes.mknod(ROOT_INO, b"x", Kind.BLOCK_DEVICE, 0x103, maker).uid == 5
    for kind in (Kind.FIFO, Kind.SOCKET, Kind.REGULAR):
        fs.inodes.mknod(ROOT_INO, kind.name.encode(), kind, 0, OTHER)


@pytest.mark.parametrize("flags", RenameFlags.WHITEOUT | RenameFlags.NOREPLACE)
def test_a_whiteout_is_left_by_anybody_and_is_theirs(
    fs: FsBase, flags: RenameFlags
) -> None:
    fs.mkdir("/d")
    fs.chmod("/d", 0o777)
    d = ino_of(fs, "/d")
    fs.inodes.create(d, b"f", 0o666, OTHER)
    fs.inodes.rename(d, b"f", d, b"g", flags | RenameFlags.WHITEOUT, OTHER)
    left = fs.lstat("/d/f")
    assert (left.mode, left.rdev) == (Kind.CHARACTER_DEVICE, 0)
    assert (left.uid, left.nlink) == (OTHER.uid, 1)
