"""mkdir, mknod, symlink and open with O_CREAT: what a new file is like."""

from tests.posix.abi import (
    O_CREAT,
    O_RDONLY,
    O_RDWR,
    O_TMPFILE,
    S_IFBLK,
    S_IFCHR,
    S_IFDIR,
    S_IFLNK,
    S_ISGID,
    Errno,
    device,
)
from tests.posix.calls import MAKING, OTHER, REFUSING_EXISTING, PathCall, prepare
from tests.posix.checks import (
    ALICE,
    BOB,
    CAROL,
    DEVICE,
    DEVICES,
    KINDS,
    NODES,
    TYPE_BITS,
    WITH_MODE,
    exists,
    keeps_times,
    make,
    names,
    refused,
    updates,
)
from tests.posix.protocol import Posix, User
from tests.posix.table import Cases

cases = Cases("making")

PERMISSIONS = {f"{mode:04o}": mode for mode in (0, 0o151, 0o345, 0o644, 0o777)}
UMASKS = {f"{mask:03o}": mask for mask in (0o022, 0o070, 0o077, 0o501, 0o777)}
ORDINARY = [kind for kind in KINDS if kind not in DEVICES]
"""The kinds that an ordinary user may make."""


@cases(KINDS)
def gives_a_file_of_the_kind(p: Posix, kind: str) -> None:
    made = make(p, kind, "x")
    assert made.kind == TYPE_BITS[kind]
    assert made.nlink == (2 if kind == "directory" else 1)
    assert made.rdev == (DEVICE if kind in DEVICES else 0)
    if kind != "directory":
        assert made.size == (len("nowhere") if kind == "symlink" else 0)
    assert names(p, ".") == ["x"]


@cases(WITH_MODE, PERMISSIONS)
def takes_the_mode(p: Posix, kind: str, mode: int) -> None:
    assert make(p, kind, "x", mode).perm == mode


@cases(NODES)
def takes_set_id_and_sticky_bits(p: Posix, kind: str) -> None:
    for number, mode in enumerate((0o4755, 0o2755, 0o1755, 0o7777)):
        assert make(p, kind, f"x{number}", mode).perm == mode


@cases()
def a_directory_takes_the_sticky_bit_only(p: Posix) -> None:
    """mkdir(2): which other bits count is up to the system; Linux takes none."""
    assert make(p, "directory", "d", 0o7755).perm == 0o1755


@cases(WITH_MODE, UMASKS)
def takes_the_umask_off(p: Posix, kind: str, mask: int) -> None:
    p.umask(mask)
    with_mode = {
        "regular": lambda: p.close(p.open("x", O_CREAT, 0o777)),
        "directory": lambda: p.mkdir("x", 0o777),
    }
    with_mode.get(kind, lambda: p.mknod("x", TYPE_BITS[kind] | 0o777))()
    assert p.lstat("x").perm == 0o777 & ~mask
    assert p.umask(0) == mask


@cases(NODES)
def the_umask_leaves_set_id_bits(p: Posix, kind: str) -> None:
    p.umask(0o7777)
    p.mknod("x", TYPE_BITS[kind] | 0o7777)
    assert p.lstat("x").perm == 0o7000


@cases()
def a_link_has_all_permissions_whatever_the_umask(p: Posix) -> None:
    p.umask(0o777)
    p.symlink("nowhere", "l")
    assert p.lstat("l").perm == 0o777


@cases(ORDINARY, {"alice": ALICE, "carol": CAROL})
def gives_a_file_of_the_caller(p: Posix, kind: str, who: User) -> None:
    p.mkdir("d", 0o777)
    with p.as_user(who):
        made = make(p, kind, "d/x")
    assert made.owner == (who.uid, who.gid)


@cases(KINDS)
def gives_a_file_of_root(p: Posix, kind: str) -> None:
    make(p, "directory", "d", 0o777, ALICE)
    assert make(p, kind, "d/x").owner == (0, 0)


@cases(ORDINARY)
def takes_the_group_of_a_set_group_id_directory(p: Posix, kind: str) -> None:
    """inode(7): and a directory takes the bit as well."""
    make(p, "directory", "d", 0o2777, BOB)
    with p.as_user(ALICE):
        made = make(p, kind, "d/x", 0o755)
    assert made.owner == (ALICE.uid, BOB.gid)
    assert bool(made.mode & S_ISGID) == (kind == "directory")


@cases()
def a_set_group_id_directory_hands_the_bit_down(p: Posix) -> None:
    make(p, "directory", "d", 0o2755, BOB)
    p.mkdir("d/e", 0o700)
    p.mkdir("d/e/f", 0o755)
    assert p.lstat("d/e/f").perm == 0o2755
    assert p.lstat("d/e/f").gid == BOB.gid


@cases({"member": CAROL, "other": ALICE})
def a_set_group_id_program_needs_a_member(p: Posix, who: User) -> None:
    """Linux's fs/inode.c:mode_strip_sgid: in a set-group-ID directory."""
    make(p, "directory", "d", 0o2777, BOB)
    with p.as_user(who):
        made = make(p, "regular", "d/x", 0o2755)
    assert made.gid == BOB.gid
    assert made.perm == (0o2755 if who == CAROL else 0o755)


@cases()
def so_does_a_temporary_one(p: Posix) -> None:
    make(p, "directory", "d", 0o2777, BOB)
    with p.as_user(ALICE):
        fd = p.open("d", O_TMPFILE | O_RDWR, 0o2755)
    assert (p.fstat(fd).gid, p.fstat(fd).perm) == (BOB.gid, 0o755)


@cases()
def set_group_id_without_group_execution_needs_no_member(p: Posix) -> None:
    make(p, "directory", "d", 0o2777, BOB)
    with p.as_user(ALICE):
        assert make(p, "regular", "d/x", 0o2745).perm == 0o2745


@cases(KINDS)
def stamps_the_new_file_and_its_directory(p: Posix, kind: str) -> None:
    p.mkdir("d")
    before = p.lstat("d")
    with updates(p, "d", "mtime", "ctime"):
        made = make(p, kind, "d/x")
    assert made.atime == made.mtime == made.ctime > before.ctime
    assert p.lstat("d").mtime == p.lstat("d").ctime == made.ctime


@cases(KINDS)
def the_time_of_birth_stays(p: Posix, kind: str) -> None:
    born = make(p, kind, "x").ctime
    assert p.birth("x") == born
    p.tick()
    p.lchown("x", 1, 1)
    p.utimens("x", 5, 6, follow=False)
    p.rename("x", "y")
    assert p.birth("y") == born


@cases(KINDS)
def a_directory_counts_the_directories_in_it(p: Posix, kind: str) -> None:
    p.mkdir("d")
    make(p, kind, "d/x")
    assert p.lstat("d").nlink == (3 if kind == "directory" else 2)


@cases()
def numbers_of_files_differ(p: Posix) -> None:
    made = [make(p, kind, kind).ino for kind in KINDS]
    assert len(set(made)) == len(KINDS)


@cases(
    {
        "0-0": (0, 0),
        "1-3": (1, 3),
        "255-255": (255, 255),
        "4095-1048575": (4095, 1048575),
    }
)
def a_device_keeps_its_number(p: Posix, number: tuple[int, int]) -> None:
    for kind, bits in (("c", S_IFCHR), ("b", S_IFBLK)):
        p.mknod(kind, bits | 0o600, device(*number))
        assert p.lstat(kind).rdev == device(*number)


# --- what is refused -------------------------------------------------------------


@cases(REFUSING_EXISTING, KINDS)
def refuses_a_name_that_is_taken(p: Posix, call: PathCall, kind: str) -> None:
    p.mkdir("d")
    before = make(p, kind, "d/x")
    prepare(p, call)
    with keeps_times(p, "d", "d/x", OTHER):
        refused(Errno.EEXIST, call.run, p, "d/x")
    assert p.lstat("d/x") == before


@cases(REFUSING_EXISTING)
def refuses_dot_and_dot_dot(p: Posix, call: PathCall) -> None:
    prepare(p, call)
    p.mkdir("d")
    for path in (".", "d/.", "d/.."):
        refused(Errno.EEXIST, call.run, p, path)
    refused(Errno.ENOENT, call.run, p, "missing/.")


@cases()
def opening_dot_to_make_it_finds_a_directory(p: Posix) -> None:
    p.mkdir("d")
    for path in (".", "d/.", "d/.."):
        refused(Errno.EISDIR, p.open, path, O_CREAT | O_RDONLY)


@cases()
def mkdir_takes_a_slash_behind_the_name(p: Posix) -> None:
    p.mkdir("d/")
    p.mkdir("d/e///")
    assert names(p, "d") == ["e"]
    refused(Errno.EEXIST, p.mkdir, "d/")


NEW = {name: MAKING[name] for name in MAKING if name not in ("link_to", "rename_to")}


@cases(NEW)
def refuses_a_directory_that_was_removed(p: Posix, call: PathCall) -> None:
    p.mkdir("d")
    fd = p.open("d", O_RDONLY)
    p.rmdir("d")
    with p.at(fd), keeps_times(p, fd):
        refused(Errno.ENOENT, call.run, p, "x")


CLASSES = {
    "owner": (ALICE, ALICE, 0o700),
    "group": (User(0, CAROL.gid), CAROL, 0o070),
    "supplementary": (User(0, BOB.gid), CAROL, 0o070),
    "other": (BOB, ALICE, 0o007),
}
"""Owner of a directory, who comes, and the bits that are looked at for them."""


@cases(MAKING, CLASSES)
def needs_write_permission_in_the_directory(
    p: Posix, call: PathCall, who: tuple[User, User, int]
) -> None:
    owner, caller, bits = who
    make(p, "directory", "d", 0o777 & ~(bits & 0o222), owner)
    make(p, "regular", OTHER, 0o666, caller)
    p.chmod(".", 0o777)
    with keeps_times(p, "d", OTHER), p.as_user(caller):
        refused(Errno.EACCES, call.run, p, "d/x")
    assert not exists(p, "d/x")


@cases(MAKING, CLASSES)
def needs_only_the_permission_of_its_class(
    p: Posix, call: PathCall, who: tuple[User, User, int]
) -> None:
    owner, caller, bits = who
    make(p, "directory", "d", bits & 0o333, owner)
    make(p, "regular", OTHER, 0o666, caller)
    p.chmod(".", 0o777)
    with p.as_user(caller):
        call.run(p, "d/x")
    assert exists(p, "d/x")


@cases(DEVICES)
def an_ordinary_user_makes_no_device(p: Posix, kind: str) -> None:
    p.mkdir("d", 0o777)
    with keeps_times(p, "d"), p.as_user(ALICE):
        refused(Errno.EPERM, p.mknod, "d/x", TYPE_BITS[kind] | 0o644, DEVICE)


@cases()
def mknod_without_a_kind_makes_a_file(p: Posix) -> None:
    p.mknod("x", 0o640)
    assert (p.lstat("x").kind, p.lstat("x").perm) == (TYPE_BITS["regular"], 0o640)


@cases()
def mknod_makes_no_directory_and_no_link(p: Posix) -> None:
    with keeps_times(p, "."):
        refused(Errno.EPERM, p.mknod, "x", S_IFDIR | 0o755)
        refused(Errno.EINVAL, p.mknod, "x", S_IFLNK | 0o755)
        refused(Errno.EINVAL, p.mknod, "x", 0o150000 | 0o755)
