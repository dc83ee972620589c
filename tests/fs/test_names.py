"""Making, linking and removing names: kinds, link counts, modes, owners, names."""

from collections.abc import Callable

import pytest
from devdev_fs import NAME_MAX, ROOT_INO, Caller, Errno, FsBase, Ino, Kind, Stat

from tests.fs.checks import ino_of, names, parent_of, refused, used_inodes

MakeFs = Callable[..., FsBase]
Make = Callable[[FsBase, Ino, bytes], Stat]

MAKERS: dict[str, Make] = {
    "create": lambda fs, parent, name: fs.inodes.create(parent, name),
    "mkdir": lambda fs, parent, name: fs.inodes.mkdir(parent, name),
    "mknod": lambda fs, parent, name: fs.inodes.mknod(parent, name, Kind.FIFO | 0o666),
    "symlink": lambda fs, parent, name: fs.inodes.symlink(parent, name, b"target"),
}
makers = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)

GOOD_NAMES = [
    b"a",
    b"...",
    b".hidden",
    b" ",
    b"-rf",
    b"a\nb",
    b"back\\slash",
    b"\x01\x7f",
    b"\xff\xfe not utf-8",
    "\N{SNOWMAN}".encode(),
    b"A",
    b"x" * NAME_MAX,
]
BAD_NAMES = [
    (b"", Errno.EINVAL),
    (b".", Errno.EINVAL),
    (b"..", Errno.EINVAL),
    (b"a/b", Errno.EINVAL),
    (b"/", Errno.EINVAL),
    (b"a\0b", Errno.EINVAL),
    (b"x" * (NAME_MAX + 1), Errno.ENAMETOOLONG),
]


def test_a_new_filesystem_is_an_empty_root(fs: FsBase) -> None:
    root = fs.inodes.getattr(ROOT_INO)
    assert (root.ino, root.kind, root.perm) == (1, Kind.DIRECTORY, 0o755)
    assert (root.nlink, root.uid, root.gid, root.size, root.blocks) == (2, 0, 0, 0, 0)
    assert parent_of(fs, ROOT_INO) == ROOT_INO
    assert names(fs) == []


def test_numbers_ascend_from_two_and_are_not_used_again(fs: FsBase) -> None:
    assert fs.inodes.create(ROOT_INO, b"a").ino == 2
    with refused(fs, Errno.EEXIST):
        fs.inodes.create(ROOT_INO, b"a")
    assert fs.inodes.mkdir(ROOT_INO, b"b").ino == 3
    fs.inodes.rmdir(ROOT_INO, b"b")
    assert fs.inodes.symlink(ROOT_INO, b"b", b"x").ino == 4


@pytest.mark.parametrize("name", GOOD_NAMES)
@makers
def test_any_bytes_without_slash_and_nul_are_a_name(
    fs: FsBase, make: Make, name: bytes
) -> None:
    made = make(fs, ROOT_INO, name)
    assert fs.inodes.lookup(ROOT_INO, name) == made
    assert names(fs) == [name]


@pytest.mark.parametrize(("name", "errno"), BAD_NAMES)
@makers
def test_what_is_no_name_cannot_be_made(
    fs: FsBase, make: Make, name: bytes, errno: Errno
) -> None:
    with refused(fs, errno):
        make(fs, ROOT_INO, name)


@pytest.mark.parametrize(("name", "errno"), BAD_NAMES)
@pytest.mark.parametrize(
    "call",
    [
        lambda fs, name: fs.inodes.lookup(ROOT_INO, name),
        lambda fs, name: fs.inodes.unlink(ROOT_INO, name),
        lambda fs, name: fs.inodes.rmdir(ROOT_INO, name),
        lambda fs, name: fs.inodes.link(fs.stat("/f").ino, ROOT_INO, name),
        lambda fs, name: fs.inodes.rename(ROOT_INO, name, ROOT_INO, b"ok"),
        lambda fs, name: fs.inodes.rename(ROOT_INO, b"f", ROOT_INO, name),
    ],
    ids=["lookup", "unlink", "rmdir", "link", "rename from", "rename to"],
)
def test_what_is_no_name_is_refused_everywhere(
    fs: FsBase, call: Callable[[FsBase, bytes], object], name: bytes, errno: Errno
) -> None:
    fs.write_bytes("/f", b"")
    with refused(fs, errno):
        call(fs, name)


def test_names_are_told_apart_by_their_bytes_alone(fs: FsBase) -> None:
    composed, decomposed = "\xe9".encode(), b"e\xcc\x81"
    for name in (b"a", b"A", composed, decomposed):
        fs.inodes.create(ROOT_INO, name)
    assert names(fs) == [b"a", b"A", composed, decomposed]


@makers
def test_an_existing_name_of_any_kind_is_not_made_again(fs: FsBase, make: Make) -> None:
    for other in MAKERS.values():
        other(fs, ROOT_INO, b"there")
        with refused(fs, Errno.EEXIST):
            make(fs, ROOT_INO, b"there")
        fs.remove_tree("/there")


@makers
def test_a_new_inode_is_counted_and_freed_again(fs: FsBase, make: Make) -> None:
    before = used_inodes(fs)
    make(fs, ROOT_INO, b"x")
    assert used_inodes(fs) == before + 1
    fs.remove_tree("/x")
    assert used_inodes(fs) == before


# --- kinds -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Kind.FIFO, Kind.SOCKET])
def test_mknod_makes_fifos_and_sockets_without_a_device(fs: FsBase, kind: Kind) -> None:
    made = fs.inodes.mknod(ROOT_INO, b"x", kind | 0o640, device=77)
    assert (made.kind, made.perm, made.rdev, made.nlink) == (kind, 0o640, 0, 1)
    assert (made.size, made.blocks) == (0, 0)


@pytest.mark.parametrize("kind", [Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE])
@pytest.mark.parametrize("device", [0, 0x0103, 2**64 - 1])
def test_mknod_makes_devices(fs: FsBase, kind: Kind, device: int) -> None:
    made = fs.inodes.mknod(ROOT_INO, b"x", kind | 0o600, device)
    assert (made.kind, made.perm, made.rdev) == (kind, 0o600, device)


@pytest.mark.parametrize("kind", [0, Kind.REGULAR])
def test_mknod_makes_a_regular_file_where_the_mode_says_so_or_nothing(
    fs: FsBase, kind: int
) -> None:
    made = fs.inodes.mknod(ROOT_INO, b"x", kind | 0o640, device=77)
    assert (made.kind, made.perm, made.rdev) == (Kind.REGULAR, 0o640, 0)
    fs.append("/x", b"usable")


@pytest.mark.parametrize(
    ("mode", "device", "errno"),
    [
        (Kind.DIRECTORY | 0o755, 0, Errno.EPERM),
        (Kind.SYMLINK | 0o777, 0, Errno.EINVAL),
        (0o150000, 0, Errno.EINVAL),
        (Kind.BLOCK_DEVICE, -1, Errno.EINVAL),
        (Kind.BLOCK_DEVICE, 2**64, Errno.EINVAL),
    ],
)
def test_mknod_refuses_what_it_cannot_make(
    fs: FsBase, mode: int, device: int, errno: Errno
) -> None:
    with refused(fs, errno):
        fs.inodes.mknod(ROOT_INO, b"x", mode, device)


@pytest.mark.parametrize("kind", [0, Kind.FIFO, Kind.REGULAR])
def test_mknod_ignores_bits_beyond_the_mode(fs: FsBase, kind: int) -> None:
    made = fs.inodes.mknod(ROOT_INO, b"x", 0o7000000 | kind | 0o600)
    assert (made.mode & ~0o777) == (kind or Kind.REGULAR)


@pytest.mark.parametrize(
    "target",
    [b"x", b"/", b"../..", b"not/there", b"\xff\n ", b"x" * 4095],
)
def test_a_symlink_keeps_its_target_as_given(fs: FsBase, target: bytes) -> None:
    made = fs.inodes.symlink(ROOT_INO, b"l", target)
    assert fs.inodes.readlink(made.ino) == target
    assert (made.kind, made.perm, made.size) == (Kind.SYMLINK, 0o777, len(target))
    assert made.blocks == 0


@pytest.mark.parametrize(
    ("target", "errno"),
    [
        (b"", Errno.ENOENT),
        (b"a\0b", Errno.EINVAL),
        (b"x" * 4096, Errno.ENAMETOOLONG),
    ],
)
def test_what_can_be_no_target_is_refused(
    fs: FsBase, target: bytes, errno: Errno
) -> None:
    with refused(fs, errno):
        fs.inodes.symlink(ROOT_INO, b"l", target)


def test_only_a_symlink_has_a_target(fs: FsBase) -> None:
    fs.write_bytes("/file", b"x")
    for ino in (ROOT_INO, ino_of(fs, "/file")):
        with refused(fs, Errno.EINVAL):
            fs.inodes.readlink(ino)
    with refused(fs, Errno.ENOENT):
        fs.inodes.readlink(Ino(99))


# --- modes and owners ------------------------------------------------------------


@pytest.mark.parametrize("umask", [0, 0o022, 0o077, 0o777])
def test_the_filesystems_umask_is_taken_off_what_is_made(
    make_fs: MakeFs, umask: int
) -> None:
    fs = make_fs(umask=umask)
    assert fs.inodes.create(ROOT_INO, b"f", 0o6777).perm == 0o6777 & ~umask
    assert fs.inodes.mkdir(ROOT_INO, b"d", 0o1777).perm == 0o1777 & ~umask
    assert fs.inodes.mknod(ROOT_INO, b"p", Kind.FIFO | 0o666).perm == 0o666 & ~umask
    assert fs.inodes.symlink(ROOT_INO, b"l", b"x").perm == 0o777


def test_the_callers_umask_comes_before_the_filesystems(fs: FsBase) -> None:
    caller = Caller(umask=0o007)
    assert fs.inodes.create(ROOT_INO, b"f", 0o666, caller).perm == 0o660
    assert fs.inodes.mkdir(ROOT_INO, b"d", 0o777, Caller(umask=0)).perm == 0o777


def test_only_the_permission_bits_of_a_umask_count(fs: FsBase) -> None:
    """umask(2): `mask & 0777`."""
    caller = Caller(umask=0o177777)
    made = fs.inodes.create(ROOT_INO, b"f", 0o6777, caller)
    assert (made.kind, made.perm) == (Kind.REGULAR, 0o6000)


@makers
def test_what_the_root_makes_without_a_caller_is_owned_by_root(
    fs: FsBase, make: Make
) -> None:
    made = make(fs, ROOT_INO, b"x")
    assert (made.uid, made.gid) == (0, 0)


@pytest.mark.parametrize(
    "make",
    [
        lambda fs, parent, caller: fs.inodes.create(parent, b"x", 0o666, caller),
        lambda fs, parent, caller: fs.inodes.mkdir(parent, b"x", 0o777, caller),
        lambda fs, parent, caller: fs.inodes.symlink(parent, b"x", b"t", caller),
        lambda fs, parent, caller: fs.inodes.mknod(parent, b"x", 0o010666, 0, caller),
    ],
    ids=["create", "mkdir", "symlink", "mknod"],
)
class TestOwner:
    """What a new inode gets from its maker and from its directory."""

    def test_a_new_inode_is_its_makers(
        self, fs: FsBase, make: Callable[[FsBase, Ino, Caller], Stat]
    ) -> None:
        fs.chmod("/", 0o777)
        made = make(fs, ROOT_INO, Caller(uid=1000, gid=2**32 - 1))
        assert (made.uid, made.gid) == (1000, 2**32 - 1)

    def test_in_a_setgid_directory_it_takes_the_directorys_group(
        self, fs: FsBase, make: Callable[[FsBase, Ino, Caller], Stat]
    ) -> None:
        """inode(7); and only directories inherit the bit itself."""
        caller = Caller(gid=7)
        shared = fs.inodes.mkdir(ROOT_INO, b"shared", 0o777, caller).ino
        fs.chmod("/shared", 0o2777)
        made = make(fs, shared, Caller(uid=1, gid=2))
        assert (made.uid, made.gid) == (1, 7)
        assert bool(made.mode & 0o2000) == made.is_dir

    @pytest.mark.parametrize("caller", [Caller(uid=-1), Caller(gid=2**32)])
    def test_numbers_that_do_not_fit_are_refused(
        self,
        fs: FsBase,
        make: Callable[[FsBase, Ino, Caller], Stat],
        caller: Caller,
    ) -> None:
        fs.chmod("/", 0o777)
        with refused(fs, Errno.EINVAL):
            make(fs, ROOT_INO, caller)


def test_modes_keep_their_bits_but_directories_the_set_id_ones(fs: FsBase) -> None:
    """mkdir(2): on Linux those of the mode are ignored."""
    caller = Caller(umask=0)
    assert fs.inodes.create(ROOT_INO, b"f", 0o177777, caller).mode == 0o107777
    assert fs.inodes.mkdir(ROOT_INO, b"d", 0o177777, caller).mode == 0o041777


# --- link counts -----------------------------------------------------------------


def test_a_directory_has_a_link_for_itself_its_name_and_each_subdirectory(
    fs: FsBase,
) -> None:
    fs.mkdir("/d")
    assert (fs.stat("/").nlink, fs.stat("/d").nlink) == (3, 2)
    fs.mkdir("/d/a")
    fs.mkdir("/d/b")
    fs.write_bytes("/d/f", b"")
    assert (fs.stat("/").nlink, fs.stat("/d").nlink) == (3, 4)
    fs.rmdir("/d/a")
    assert fs.stat("/d").nlink == 3
    assert parent_of(fs, ino_of(fs, "/d/b")) == ino_of(fs, "/d")


@pytest.mark.parametrize(
    "make",
    [MAKERS["create"], MAKERS["mknod"], MAKERS["symlink"]],
    ids=["file", "fifo", "symlink"],
)
def test_a_hard_link_is_a_second_name_of_the_same_inode(fs: FsBase, make: Make) -> None:
    made = make(fs, ROOT_INO, b"a")
    fs.mkdir("/d")
    linked = fs.inodes.link(made.ino, ino_of(fs, "/d"), b"b")
    assert (linked.ino, linked.nlink) == (made.ino, 2)
    assert fs.lstat("/a") == fs.lstat("/d/b") == linked
    fs.remove("/a")
    assert fs.lstat("/d/b").nlink == 1
    fs.remove("/d/b")
    assert used_inodes(fs) == 2


def test_a_hard_link_shares_content_and_attributes(fs: FsBase) -> None:
    fs.write_bytes("/a", b"one")
    fs.link("/a", "/b")
    fs.append("/b", b" two")
    fs.chmod("/b", 0o400)
    assert fs.read_bytes("/a") == b"one two"
    assert fs.stat("/a").perm == 0o400


def test_a_directory_gets_no_second_name(fs: FsBase) -> None:
    """POSIX link(): EPERM."""
    fs.mkdir("/d")
    with refused(fs, Errno.EPERM):
        fs.inodes.link(ino_of(fs, "/d"), ROOT_INO, b"e")


def test_an_inode_without_names_gets_none_again(fs: FsBase) -> None:
    """As linkat(2) of an unlinked file."""
    ino = fs.inodes.create(ROOT_INO, b"f").ino
    fs.inodes.pin(ino)
    fs.remove("/f")
    with refused(fs, Errno.ENOENT):
        fs.inodes.link(ino, ROOT_INO, b"g")
    fs.inodes.unpin(ino)


# --- removing --------------------------------------------------------------------


def test_unlink_takes_no_directory_and_rmdir_nothing_else(fs: FsBase) -> None:
    fs.mkdir("/d")
    fs.write_bytes("/f", b"")
    fs.symlink("d", "/l")
    with refused(fs, Errno.EISDIR):
        fs.inodes.unlink(ROOT_INO, b"d")
    for name in (b"f", b"l"):
        with refused(fs, Errno.ENOTDIR):
            fs.inodes.rmdir(ROOT_INO, name)
    fs.inodes.rmdir(ROOT_INO, b"d")
    fs.inodes.unlink(ROOT_INO, b"f")
    fs.inodes.unlink(ROOT_INO, b"l")
    assert names(fs) == []


def test_a_directory_with_entries_stays(fs: FsBase) -> None:
    fs.mkdir("/d")
    fs.symlink("nowhere", "/d/l")
    with refused(fs, Errno.ENOTEMPTY):
        fs.inodes.rmdir(ROOT_INO, b"d")


def test_what_is_not_there_is_not_found(fs: FsBase) -> None:
    for call in (fs.inodes.lookup, fs.inodes.unlink, fs.inodes.rmdir):
        with refused(fs, Errno.ENOENT):
            call(ROOT_INO, b"missing")


@makers
def test_nothing_can_be_made_in_a_removed_directory(fs: FsBase, make: Make) -> None:
    fs.mkdir("/gone")
    gone = ino_of(fs, "/gone")
    fs.inodes.pin(gone)
    fs.rmdir("/gone")
    with refused(fs, Errno.ENOENT):
        make(fs, gone, b"x")
    fs.write_bytes("/f", b"")
    with refused(fs, Errno.ENOENT):
        fs.inodes.link(ino_of(fs, "/f"), gone, b"x")
    assert fs.inodes.getattr(gone).nlink == 0
    fs.inodes.unpin(gone)
    with refused(fs, Errno.ENOENT):
        make(fs, gone, b"x")


@makers
def test_only_a_directory_holds_names(fs: FsBase, make: Make) -> None:
    file = fs.inodes.create(ROOT_INO, b"f").ino
    with refused(fs, Errno.ENOTDIR):
        make(fs, file, b"x")
    for call in (fs.inodes.lookup, fs.inodes.unlink, fs.inodes.rmdir):
        with refused(fs, Errno.ENOTDIR):
            call(file, b"x")
