"""What cases make, and how they judge: kinds of files, refusals, times."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import ParamSpec

from tests.posix.abi import (
    O_CREAT,
    O_DIRECTORY,
    O_EXCL,
    O_RDONLY,
    O_RDWR,
    O_WRONLY,
    S_IFBLK,
    S_IFCHR,
    S_IFDIR,
    S_IFIFO,
    S_IFLNK,
    S_IFREG,
    S_IFSOCK,
    Errno,
    device,
)
from tests.posix.protocol import ROOT, Attributes, Posix, Target, User

P = ParamSpec("P")

TYPE_BITS = {
    "regular": S_IFREG,
    "directory": S_IFDIR,
    "symlink": S_IFLNK,
    "fifo": S_IFIFO,
    "socket": S_IFSOCK,
    "character": S_IFCHR,
    "block": S_IFBLK,
}
"""The type bits of a mode, by the name that cases give the kind of file."""

KINDS = tuple(TYPE_BITS)
NODES = ("regular", "fifo", "socket", "character", "block")
"""The kinds that mknod(2) makes."""

DEVICES = ("character", "block")
NOT_DIRECTORIES = [kind for kind in KINDS if kind != "directory"]
WITH_MODE = [kind for kind in KINDS if kind != "symlink"]
"""The kinds whose permission bits can be changed."""

ALICE = User(1001, 2001)
BOB = User(1002, 2002)
CAROL = User(1003, 2003, (2001, 2002))
"""A member of the groups of the other two."""

DEVICE = device(1, 7)


def make(
    p: Posix, kind: str, path: str, mode: int = 0o644, owner: User | None = None
) -> Attributes:
    """Make a file of any kind with exactly this mode; a symlink leads nowhere."""
    mask = p.umask(0)
    if kind == "regular":
        p.close(p.open(path, O_CREAT | O_EXCL | O_WRONLY, mode))
    elif kind == "directory":
        p.mkdir(path, mode)
    elif kind == "symlink":
        p.symlink("nowhere", path)
    else:
        p.mknod(path, TYPE_BITS[kind] | mode, DEVICE if kind in DEVICES else 0)
    p.umask(mask)
    if owner is not None:
        p.lchown(path, owner.uid, owner.gid)
        if kind != "symlink":
            p.chmod(path, mode)  # a change of owner takes set-id bits off
    return p.lstat(path)


def make_file(p: Posix, path: str, data: bytes = b"", mode: int = 0o644) -> None:
    """Make a regular file with content, or replace what it has."""
    fd = p.open(path, O_CREAT | O_WRONLY, mode)
    p.truncate(fd, 0)
    write_all(p, fd, data)
    p.close(fd)


def write_all(p: Posix, fd: int, data: bytes) -> None:
    while data:
        data = data[p.write(fd, data) :]


def content(p: Posix, target: Target) -> bytes:
    """All bytes of a file, by path or descriptor."""
    fd = p.open(target, O_RDONLY) if isinstance(target, str) else target
    data = b""
    while more := p.pread(fd, 1 << 20, len(data)):
        data += more
    if isinstance(target, str):
        p.close(fd)
    return data


def make_open(p: Posix, path: str, data: bytes = b"") -> int:
    """Make a regular file and leave it open for reading and writing."""
    fd = p.open(path, O_CREAT | O_EXCL | O_RDWR, 0o644)
    write_all(p, fd, data)
    return fd


def remove(p: Posix, kind: str, path: str) -> None:
    """Remove a file of any kind."""
    if kind == "directory":
        p.rmdir(path)
    else:
        p.unlink(path)


def names(p: Posix, path: str) -> list[str]:
    """What a directory holds, without `.` and `..`, in alphabetical order."""
    fd = p.open(path, O_RDONLY | O_DIRECTORY)
    found = []
    while entries := p.getdents(fd):
        found += [entry.name for entry in entries]
    p.close(fd)
    return sorted(name for name in found if name not in (".", ".."))


def exists(p: Posix, path: str) -> bool:
    """Whether there is something, a dangling link included."""
    try:
        p.lstat(path)
    except FileNotFoundError:
        return False
    return True


def padded(path: str, length: int) -> str:
    """The same path, made longer by slashes."""
    return "." + "/" * (length - 1 - len(path)) + path


@contextmanager
def user(p: Posix, who: User) -> Iterator[None]:
    """Make calls as this user; as root they simply go on."""
    with ExitStack() as stack:
        if who != ROOT:
            stack.enter_context(p.as_user(who))
        yield


# --- judging ---------------------------------------------------------------------


def refused(
    expected: Errno, call: Callable[P, object], *args: P.args, **kwargs: P.kwargs
) -> None:
    """Call, and demand that it is refused with this error."""
    refusal = None
    try:
        call(*args, **kwargs)
    except OSError as error:
        refusal = error
    assert refusal is not None, f"not refused with {expected.name}"
    # Where a host has one word for several refusals, any of them is meant.
    meant = getattr(refusal, "errnos", (refusal.errno,))
    assert expected in meant, f"refused with {refusal}, not {expected.name}"


STAMPS = ("atime", "mtime", "ctime")


@contextmanager
def updates(p: Posix, target: Target, *which: str) -> Iterator[None]:
    """Demand that meanwhile these times of a file are updated and the others not.

    A path means the file that it led to at the beginning; it may be another's later:
    it then is to be held open and given as a descriptor.
    """
    before = _attributes(p, target)
    p.tick(max(before.atime, before.mtime, before.ctime))
    yield
    after = _attributes(p, target)
    assert after.ino == before.ino, f"{target} is another file now"
    for stamp in STAMPS:
        was, now = getattr(before, stamp), getattr(after, stamp)
        if stamp in which:
            assert now > was, f"{stamp} of {target} was not updated"
        else:
            assert now == was, f"{stamp} of {target} changed by {now - was} ns"


def keeps_times(p: Posix, *targets: Target) -> ExitStack:
    """Demand that no time of any of these files changes meanwhile."""
    stack = ExitStack()
    for target in targets:
        stack.enter_context(updates(p, target))
    return stack


def _attributes(p: Posix, target: Target) -> Attributes:
    return p.fstat(target) if isinstance(target, int) else p.lstat(target)
