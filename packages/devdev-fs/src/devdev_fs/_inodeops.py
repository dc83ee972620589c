"""The inode-addressed operations: what a kernel asks of a filesystem.

Each operation is declared here once. Who runs it is the runner's business: `Fs`
under its lock, a driver's attachment, or a client in another process.
"""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from devdev_fs import _access, _attr, _data, _namei, _rename, _space, _xattr
from devdev_fs._content import Bytes
from devdev_fs._table import InodeTable
from devdev_fs._types import (
    ROOT_CALLER,
    Caller,
    Dirent,
    FallocateFlags,
    Ino,
    RenameFlags,
    SetAttr,
    Stat,
    StatVfs,
    Whence,
    XattrFlags,
)

P = ParamSpec("P")
T = TypeVar("T")

Operation = Callable[Concatenate[InodeTable, P], T]
"""What runs in one critical section: a function of the table and plain values."""


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

    What an operation may do is decided by its `caller`, as Linux decides; unless one
    is given it may do everything. EACCES and EPERM are for other callers, if it is not
    said what else they are for. Reading and writing content takes no permission, as
    with a file that is open: `open_check` is for opening it.
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

    def setattr(
        self,
        ino: Ino,
        change: SetAttr,
        caller: Caller = ROOT_CALLER,
        is_open: bool = False,
    ) -> Stat:
        """Change attributes, as chmod, chown, truncate and utimens in one step.

        ctime is stamped, and mtime with a size, unless a time is given. A change of
        owner, or of size, takes set-id bits off a file, before a mode is applied. An
        empty change stamps nothing. Growing makes a hole, which costs no space. Who
        `is_open` for writing needs no permission for a size, as ftruncate.

        Raises:
            FsError: ENOENT, EINVAL (an owner beyond 32 bits); for a size: EISDIR,
                EINVAL (no regular file, or negative), EFBIG; EOPNOTSUPP (the mode of
                a symbolic link); EACCES (a size, or both times "now"), EPERM (not
                the owner's, or not to be given away).
        """
        return self._run(_attr.setattr, ino, change, caller, is_open)

    def access(self, ino: Ino, mask: int, caller: Caller = ROOT_CALLER) -> None:
        """Check permissions, as access(2): R_OK (4), W_OK (2), X_OK (1) together.

        Nobody executes a file that has no permission to execute for anybody.

        Raises:
            FsError: EINVAL (other bits), ENOENT, EACCES.
        """
        self._run(_access.access, ino, mask, caller)

    def open_check(
        self,
        ino: Ino,
        mask: int,
        caller: Caller = ROOT_CALLER,
        noatime: bool = False,
    ) -> None:
        """Check what open(2) checks of what it opens, for access as in `access`.

        To truncate is to write. `noatime` is O_NOATIME, which is for the owner.

        Raises:
            FsError: EINVAL (other bits), ENOENT, ELOOP (a symbolic link), EISDIR
                (writing to a directory), EACCES (also: executing what is no regular
                file), EPERM (`noatime`), ENXIO (a socket).
        """
        self._run(_access.open_check, ino, mask, caller, noatime)

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

    # --- extended attributes -----------------------------------------------------

    def setxattr(
        self,
        ino: Ino,
        name: bytes,
        value: Bytes,
        flags: XattrFlags | int = XattrFlags.NONE,
        caller: Caller = ROOT_CALLER,
    ) -> None:
        """Set an extended attribute, as setxattr(2), and stamp ctime.

        An access control list (`system.posix_acl_access`, `system.posix_acl_default`)
        is checked, takes no notice of `flags`, and changes the mode; one that says no
        more than a mode is not kept; an empty one is removed. Of lists: EINVAL and
        EOPNOTSUPP (malformed), EOPNOTSUPP (of a symbolic link), EACCES (a default one
        of no directory), EPERM (not the owner), EINVAL (entries missing, or not in
        order), ENOSPC, in place of what comes after ENOENT.

        Raises:
            FsError: EINVAL (flags, or a NUL), ERANGE (a name of none or more than 255
                bytes), E2BIG (more than 65536), ENOENT, EPERM (`trusted.` or
                `security.` without the capability; `user.` of neither file nor
                directory), EACCES, EOPNOTSUPP (another namespace), EINVAL (nothing
                behind it), EEXIST (CREATE), ENODATA (REPLACE), ENOSPC (more than
                65536 bytes of names or values, or the quota).
        """
        self._run(_xattr.setxattr, ino, name, value, int(flags), caller)

    def getxattr(self, ino: Ino, name: bytes, caller: Caller = ROOT_CALLER) -> bytes:
        """The value of an extended attribute, as getxattr(2).

        Raises:
            FsError: EINVAL (a NUL), ERANGE, ENOENT, ENODATA (`trusted.` without the
                capability; `user.` of neither file nor directory), EACCES (`user.`),
                EOPNOTSUPP (another namespace; a list of a symbolic link), EINVAL
                (nothing behind it), ENODATA.
        """
        return self._run(_xattr.getxattr, ino, name, caller)

    def listxattr(self, ino: Ino, caller: Caller = ROOT_CALLER) -> list[bytes]:
        """The names of all extended attributes, sorted, as listxattr(2).

        Those that begin with `trusted.` only for who has SYS_ADMIN.

        Raises:
            FsError: ENOENT.
        """
        return self._run(_xattr.listxattr, ino, caller)

    def removexattr(self, ino: Ino, name: bytes, caller: Caller = ROOT_CALLER) -> None:
        """Remove an extended attribute, as removexattr(2), and stamp ctime.

        An access control list may be missing. Of lists: EOPNOTSUPP (of a symbolic
        link), EPERM (not the owner), in place of what comes after ENOENT.

        Raises:
            FsError: EINVAL (a NUL), ERANGE, ENOENT, EPERM, EACCES, EOPNOTSUPP, EINVAL
                (as `setxattr`), ENODATA.
        """
        self._run(_xattr.removexattr, ino, name, caller)

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

    def write(
        self, ino: Ino, offset: int, data: Bytes, caller: Caller = ROOT_CALLER
    ) -> int:
        """Write all of `data` at `offset`, as pwrite(2); returns its length.

        What lies between the end of the file and `offset` becomes a hole. No bytes
        are no write: nothing changes, no time is stamped. A caller without FSETID
        takes set-id bits off, anybody the attribute `security.capability`.

        Raises:
            FsError: ENOENT, EISDIR, EINVAL (no regular file, or negative), EFBIG,
                ENOSPC.
        """
        return self._run(_data.write, ino, offset, data, caller)

    def append(self, ino: Ino, data: Bytes, caller: Caller = ROOT_CALLER) -> int:
        """Write `data` at the end, wherever that now is; returns that offset.

        Raises:
            FsError: ENOENT, EISDIR, EINVAL (no regular file), EFBIG, ENOSPC.
        """
        return self._run(_data.append, ino, data, caller)

    def fallocate(
        self,
        ino: Ino,
        mode: FallocateFlags | int,
        offset: int,
        length: int,
        caller: Caller = ROOT_CALLER,
    ) -> None:
        """Change the space of a range, as fallocate(2); a write in all but content.

        Raises:
            FsError: EINVAL (negative, or no bytes), EOPNOTSUPP (a mode or a
                combination that is not known), ENOENT, EISDIR, ESPIPE (a FIFO), ENODEV
                (no regular file), EFBIG; to collapse or insert: EINVAL (no whole
                pages), EFBIG, EINVAL (at or behind the end); ENOSPC.
        """
        self._run(_space.fallocate, ino, int(mode), offset, length, caller)

    def lseek(self, ino: Ino, offset: int, whence: Whence | int) -> int:
        """Where the next data or hole is, as lseek(2) with SEEK_DATA or SEEK_HOLE.

        A page that is allocated and was never written is data.

        Raises:
            FsError: EINVAL (another `whence`), ENOENT, EISDIR, EINVAL (no regular
                file), ENXIO (not within the file; no data behind it).
        """
        return self._run(_space.lseek, ino, offset, int(whence))

    def copy_file_range(
        self,
        ino: Ino,
        offset: int,
        target: Ino,
        target_offset: int,
        length: int,
        caller: Caller = ROOT_CALLER,
    ) -> int:
        """Copy a range between files, or within one, as copy_file_range(2).

        Returns how many bytes it was: fewer at the end of the file. Holes are copied
        as holes. Pages are shared if both offsets are at the same place in a page.

        Raises:
            FsError: ENOENT, EISDIR, EINVAL (no regular file, or negative), EFBIG,
                EINVAL (ranges of one file overlap), ENOSPC.
        """
        return self._run(
            _space.copy_file_range, ino, offset, target, target_offset, length, caller
        )

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

    def lookup(self, parent: Ino, name: bytes, caller: Caller = ROOT_CALLER) -> Stat:
        """The attributes of what `name` in `parent` means.

        Raises:
            FsError: ENOENT (`parent`), ENOTDIR, EACCES, EINVAL, ENAMETOOLONG, ENOENT.
        """
        return self._run(_namei.lookup, parent, name, caller)

    def resolve(
        self, path: str | bytes, follow: bool = True, caller: Caller = ROOT_CALLER
    ) -> Ino:
        """The inode that `path` leads to; `follow` a link in its last component.

        Raises:
            FsError: ENOENT (empty), EINVAL (a NUL), ENAMETOOLONG; then ENOTDIR,
                EACCES, ENAMETOOLONG, ENOENT, ELOOP (more than 40 links in all) for
                each component, from left to right.
        """
        return self._run(_namei.resolve, path, follow, caller)

    def mkdir(
        self, parent: Ino, name: bytes, mode: int = 0o777, caller: Caller = ROOT_CALLER
    ) -> Stat:
        """Make a directory; the umask is taken off `mode`, and set-id bits are.

        Raises:
            FsError: ENOENT, ENOTDIR, EACCES, EINVAL, ENAMETOOLONG, EEXIST, ENOENT
                (`parent` was removed), EACCES (to write), ENOSPC, EINVAL (the
                caller's numbers do not fit).
        """
        return self._run(_namei.mkdir, parent, name, mode, caller)

    def create(
        self, parent: Ino, name: bytes, mode: int = 0o666, caller: Caller = ROOT_CALLER
    ) -> Stat:
        """Make an empty regular file, as open(2) with O_CREAT | O_EXCL.

        Raises:
            FsError: ENOENT, ENOTDIR, EACCES, EINVAL, ENAMETOOLONG, EEXIST, ENOENT
                (`parent` was removed), EACCES (to write), ENOSPC, EINVAL (the
                caller's numbers do not fit).
        """
        return self._run(_namei.create, parent, name, mode, caller)

    def tmpfile(
        self, parent: Ino, mode: int = 0o666, caller: Caller = ROOT_CALLER
    ) -> Stat:
        """Make a file without a name, as open(2) with O_TMPFILE; it is pinned once.

        `link` gives it a name; otherwise it is freed with its last pin.

        Raises:
            FsError: ENOENT, ENOTDIR, EACCES, ENOSPC, EINVAL (the caller's numbers do
                not fit).
        """
        return self._run(_namei.tmpfile, parent, mode, caller)

    def mknod(
        self,
        parent: Ino,
        name: bytes,
        mode: int,
        device: int = 0,
        caller: Caller = ROOT_CALLER,
    ) -> Stat:
        """Make a file, FIFO, socket or device node, by the type bits of `mode`.

        Raises:
            FsError: EPERM (a directory), EINVAL (a symlink, an unknown type, a
                device beyond 64 bits), ENOENT, ENOTDIR, EACCES, EINVAL, ENAMETOOLONG,
                EEXIST, ENOENT (`parent` was removed), EACCES (to write), EPERM (a
                device), ENOSPC, EINVAL (the caller's numbers do not fit).
        """
        return self._run(_namei.mknod, parent, name, mode, device, caller)

    def symlink(
        self, parent: Ino, name: bytes, target: bytes, caller: Caller = ROOT_CALLER
    ) -> Stat:
        """Make a symbolic link; `target` is not looked at, but may have 4095 bytes.

        Raises:
            FsError: ENOENT (empty target), EINVAL (NUL in it), ENAMETOOLONG, ENOENT,
                ENOTDIR, EACCES, EINVAL, ENAMETOOLONG, EEXIST, ENOENT (`parent` was
                removed), EACCES (to write), ENOSPC, EINVAL (the caller's numbers do
                not fit).
        """
        return self._run(_namei.symlink, parent, name, target, caller)

    def link(
        self, ino: Ino, parent: Ino, name: bytes, caller: Caller = ROOT_CALLER
    ) -> Stat:
        """Give an inode another name; symbolic links are linked, not followed.

        Raises:
            FsError: ENOENT (`ino`), ENOENT, ENOTDIR, EACCES, EINVAL, ENAMETOOLONG,
                EEXIST, ENOENT (`parent` was removed), EACCES (to write), EPERM (a
                directory), ENOENT (`ino` has no name left), EMLINK (it has 65000).
        """
        return self._run(_namei.link, ino, parent, name, caller)

    def unlink(self, parent: Ino, name: bytes, caller: Caller = ROOT_CALLER) -> None:
        """Remove the name of what is no directory.

        A pinned inode stays usable, and is freed when the last pin goes.

        Raises:
            FsError: ENOENT, ENOTDIR (`parent`), EACCES, EINVAL, ENAMETOOLONG, ENOENT,
                EACCES (to write), EPERM (`parent` is sticky), EISDIR.
        """
        self._run(_namei.unlink, parent, name, caller)

    def rmdir(self, parent: Ino, name: bytes, caller: Caller = ROOT_CALLER) -> None:
        """Remove an empty directory.

        Raises:
            FsError: ENOENT, ENOTDIR (`parent`), EACCES, EINVAL, ENAMETOOLONG, ENOENT,
                EACCES (to write), EPERM (`parent` is sticky), ENOTDIR, ENOTEMPTY.
        """
        self._run(_namei.rmdir, parent, name, caller)

    def rename(
        self,
        parent: Ino,
        name: bytes,
        new_parent: Ino,
        new_name: bytes,
        flags: RenameFlags = RenameFlags.NONE,
        caller: Caller = ROOT_CALLER,
    ) -> None:
        """Move a name, in one step, as renameat2(2).

        What `new_name` meant is replaced; with NOREPLACE that is refused, with
        EXCHANGE the two change places. Two names of one inode: nothing happens.

        Raises:
            FsError: EINVAL (flags), ENOENT, ENOTDIR, EACCES (`parent`), ENOENT,
                ENOTDIR, EACCES (`new_parent`), EINVAL, ENAMETOOLONG, ENOENT (`name`),
                EEXIST (NOREPLACE), ENOENT (EXCHANGE), EINVAL (a directory below
                itself), ENOTEMPTY (the target holds the source; EINVAL with
                EXCHANGE), EACCES, EPERM (`parent` is sticky), ENOENT (`new_parent`
                was removed), EACCES, EPERM (`new_parent` is sticky), ENOTDIR, EISDIR
                (the kinds do not match), EACCES (a directory to be moved that is not
                the caller's to write), ENOTEMPTY, ENOSPC (WHITEOUT).
        """
        self._run(_rename.rename, parent, name, new_parent, new_name, flags, caller)

    # --- proof -------------------------------------------------------------------

    def check_invariants(self) -> None:
        """Assert what must hold of the whole table; for tests. Costs O(inodes)."""
        self._run(InodeTable.check_invariants)
