"""The inode-addressed operations: what a kernel asks of a filesystem.

Each operation is declared here once. Who runs it is the runner's business: `Fs`
under its lock, a driver's attachment, or a client in another process.
"""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from devdev_fs import _attr, _data, _namei
from devdev_fs._content import Bytes
from devdev_fs._table import InodeTable
from devdev_fs._types import (
    Caller,
    Dirent,
    Ino,
    RenameFlags,
    SetAttr,
    Stat,
    StatVfs,
)

P = ParamSpec("P")
T = TypeVar("T")

Operation = Callable[Concatenate[InodeTable, P], T]
"""What runs in one critical section: a function of the table and plain values."""

_CALLER = Caller()


class Runner(Protocol):
    """Runs an operation on a filesystem, wherever its table lives."""

    def __call__(
        self,
        op: Callable[Concatenate[InodeTable, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `op` in one critical section and return what it returns."""
        ...


class InodeOps:
    """Operations addressed by inode number and name, with POSIX semantics.

    A refused operation raises `FsError` and changes nothing. Each docstring lists
    the errors in the order in which they are checked. A name is one component,
    1 to 255 bytes without `/` and NUL, and not `.` or `..`; another is EINVAL or
    ENAMETOOLONG, checked after the directory it is looked up in.
    """

    __slots__ = ("_run",)

    def __init__(self, run: Runner) -> None:
        self._run = run

    # --- holding -----------------------------------------------------------------

    def pin(self, ino: Ino, count: int = 1) -> None:
        """Hold an inode: it stays usable when its last name goes.

        Raises:
            FsError: ENOENT, EINVAL (negative).
        """
        self._run(InodeTable.pin, ino, count)

    def unpin(self, ino: Ino, count: int = 1) -> None:
        """Let go of an inode `count` times; without names and pins it is freed.

        Raises:
            FsError: ENOENT, EINVAL (negative, or it is not held so often).
        """
        self._run(InodeTable.unpin, ino, count)

    # --- attributes --------------------------------------------------------------

    def getattr(self, ino: Ino) -> Stat:
        """Read the attributes, as fstat(2).

        Raises:
            FsError: ENOENT.
        """
        return self._run(_attr.getattr, ino)

    def setattr(self, ino: Ino, change: SetAttr) -> Stat:
        """Change attributes, as fchmod, fchown, ftruncate and futimens in one step.

        ctime is stamped, and mtime with a size, unless a time is given. A change of
        owner takes the set-id bits off a file, before a mode is applied. An empty
        change stamps nothing. Growing makes a hole, which costs no space.

        Raises:
            FsError: ENOENT, EINVAL (an owner beyond 32 bits); for a size: EISDIR,
                EINVAL (no regular file, or negative), EFBIG.
        """
        return self._run(_attr.setattr, ino, change)

    def statvfs(self) -> StatVfs:
        """Space and inodes, as statvfs(3), in units of 4096 bytes."""
        return self._run(_attr.statvfs)

    def set_limits(
        self, max_bytes: int | None = None, max_inodes: int | None = None
    ) -> None:
        """Set the quotas; None leaves one as it is.

        A limit below what is used refuses growth, and takes nothing away.

        Raises:
            FsError: EINVAL (negative, or beyond 63 bits).
        """
        self._run(_attr.set_limits, max_bytes, max_inodes)

    # --- content -----------------------------------------------------------------

    def read(self, ino: Ino, offset: int, size: int, noatime: bool = False) -> bytes:
        """Read up to `size` bytes, fewer at the end of the file, as pread(2).

        As on Linux one read returns at most 0x7ffff000 bytes, which only matters for
        long holes.
        With `noatime` the file is not taken for accessed, as with O_NOATIME.

        Raises:
            FsError: ENOENT, EISDIR, EINVAL (no regular file, or negative).
        """
        return self._run(_data.read, ino, offset, size, noatime)

    def read_chunks(
        self, ino: Ino, offset: int, size: int, noatime: bool = False
    ) -> list[bytes]:
        """Read as `read`, in pieces of at most 4096 bytes, whole pages uncopied.

        Raises:
            FsError: ENOENT, EISDIR, EINVAL (no regular file, or negative).
        """
        return self._run(_data.read_chunks, ino, offset, size, noatime)

    def write(self, ino: Ino, offset: int, data: Bytes) -> int:
        """Write all of `data` at `offset`, as pwrite(2); returns its length.

        What lies between the end of the file and `offset` becomes a hole. No bytes
        are no write: nothing changes, no time is stamped.

        Raises:
            FsError: ENOENT, EISDIR, EINVAL (no regular file, or negative), EFBIG,
                ENOSPC.
        """
        return self._run(_data.write, ino, offset, data)

    def append(self, ino: Ino, data: Bytes) -> int:
        """Write `data` at the end, wherever that now is; returns that offset.

        Raises:
            FsError: ENOENT, EISDIR, EINVAL (no regular file), EFBIG, ENOSPC.
        """
        return self._run(_data.append, ino, data)

    def readlink(self, ino: Ino) -> bytes:
        """The target of a symbolic link, as it was given.

        Raises:
            FsError: ENOENT, EINVAL (no symbolic link).
        """
        return self._run(_data.readlink, ino)

    def readdir(
        self, ino: Ino, cookie: int = 0, limit: int | None = None
    ) -> list[Dirent]:
        """List a directory behind `cookie`, at most `limit` entries.

        `.` and `..` come first, the others in the order in which they were added.
        To go on, pass the last entry's cookie: what is there throughout comes
        exactly once, whatever is added and removed meanwhile. What is added after
        the listing began, and so a new name too, comes in the next one.

        Raises:
            FsError: ENOENT, ENOTDIR, EINVAL (negative).
        """
        return self._run(_data.readdir, ino, cookie, limit)

    # --- names -------------------------------------------------------------------

    def lookup(self, parent: Ino, name: bytes) -> Stat:
        """The attributes of what `name` in `parent` means.

        Raises:
            FsError: ENOENT (`parent`), ENOTDIR, EINVAL, ENAMETOOLONG, ENOENT.
        """
        return self._run(_namei.lookup, parent, name)

    def resolve(self, path: str | bytes, follow: bool = True) -> Ino:
        """The inode that `path` leads to; `follow` a link in its last component.

        Raises:
            FsError: ENOENT, EINVAL, ENAMETOOLONG, ENOTDIR, ELOOP (more than 40
                links in all), as they are met from left to right.
        """
        return self._run(_namei.resolve, path, follow)

    def mkdir(
        self, parent: Ino, name: bytes, mode: int = 0o777, caller: Caller = _CALLER
    ) -> Stat:
        """Make a directory; the umask is taken off `mode`.

        Raises:
            FsError: ENOENT, ENOTDIR, EINVAL, ENAMETOOLONG, EEXIST, ENOENT (`parent`
                was removed), ENOSPC, EINVAL (the caller's numbers do not fit).
        """
        return self._run(_namei.mkdir, parent, name, mode, caller)

    def create(
        self, parent: Ino, name: bytes, mode: int = 0o666, caller: Caller = _CALLER
    ) -> Stat:
        """Make an empty regular file, as open(2) with O_CREAT | O_EXCL.

        Raises:
            FsError: ENOENT, ENOTDIR, EINVAL, ENAMETOOLONG, EEXIST, ENOENT (`parent`
                was removed), ENOSPC, EINVAL (the caller's numbers do not fit).
        """
        return self._run(_namei.create, parent, name, mode, caller)

    def mknod(
        self,
        parent: Ino,
        name: bytes,
        mode: int,
        device: int = 0,
        caller: Caller = _CALLER,
    ) -> Stat:
        """Make a file, FIFO, socket or device node, by the type bits of `mode`.

        Raises:
            FsError: EPERM (a directory), EINVAL (a symlink, an unknown type, a
                device beyond 64 bits), ENOENT, ENOTDIR, EINVAL, ENAMETOOLONG, EEXIST,
                ENOENT (`parent` was removed), ENOSPC, EINVAL (the caller's numbers do
                not fit).
        """
        return self._run(_namei.mknod, parent, name, mode, device, caller)

    def symlink(
        self, parent: Ino, name: bytes, target: bytes, caller: Caller = _CALLER
    ) -> Stat:
        """Make a symbolic link; `target` is not looked at, but may have 4095 bytes.

        Raises:
            FsError: ENOENT (empty target), EINVAL (NUL in it), ENAMETOOLONG, ENOENT,
                ENOTDIR, EINVAL, ENAMETOOLONG, EEXIST, ENOENT (`parent` was removed),
                ENOSPC, EINVAL (the caller's numbers do not fit).
        """
        return self._run(_namei.symlink, parent, name, target, caller)

    def link(self, ino: Ino, parent: Ino, name: bytes) -> Stat:
        """Give an inode another name; symbolic links are linked, not followed.

        Raises:
            FsError: ENOENT (`ino`), ENOENT, ENOTDIR, EINVAL, ENAMETOOLONG, EEXIST,
                ENOENT (`parent` was removed), EPERM (a directory), ENOENT (`ino` has
                no name left).
        """
        return self._run(_namei.link, ino, parent, name)

    def unlink(self, parent: Ino, name: bytes) -> None:
        """Remove the name of what is no directory.

        A pinned inode stays usable, and is freed when the last pin goes.

        Raises:
            FsError: ENOENT, ENOTDIR (`parent`), EINVAL, ENAMETOOLONG, ENOENT, EISDIR.
        """
        self._run(_namei.unlink, parent, name)

    def rmdir(self, parent: Ino, name: bytes) -> None:
        """Remove an empty directory.

        Raises:
            FsError: ENOENT, ENOTDIR (`parent`), EINVAL, ENAMETOOLONG, ENOENT,
                ENOTDIR, ENOTEMPTY.
        """
        self._run(_namei.rmdir, parent, name)

    def rename(
        self,
        parent: Ino,
        name: bytes,
        new_parent: Ino,
        new_name: bytes,
        flags: RenameFlags = RenameFlags.NONE,
    ) -> None:
        """Move a name, in one step, as renameat2(2).

        What `new_name` meant is replaced; with NOREPLACE that is refused, with
        EXCHANGE the two change places. Two names of one inode: nothing happens.

        Raises:
            FsError: EINVAL (flags), ENOENT, ENOTDIR (the parents), EINVAL,
                ENAMETOOLONG, ENOENT (`name`), EEXIST (NOREPLACE), ENOENT (EXCHANGE),
                EINVAL (a directory below itself), ENOTEMPTY (the target holds the
                source; EINVAL with EXCHANGE), ENOENT (`new_parent` was removed),
                ENOTDIR, EISDIR (the kinds do not match), ENOTEMPTY.
        """
        self._run(_namei.rename, parent, name, new_parent, new_name, flags)

    # --- proof -------------------------------------------------------------------

    def check_invariants(self) -> None:
        """Assert what must hold of the whole table; for tests. Costs O(inodes)."""
        self._run(InodeTable.check_invariants)
