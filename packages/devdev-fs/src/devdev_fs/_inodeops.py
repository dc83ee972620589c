"""The inode-addressed operations: what a kernel asks of a filesystem.

Each operation is declared here once. Who runs it is the runner's business: `Fs`
under its lock, a driver's attachment, or a client in another process.
"""

from devdev_fs import _access, _attr, _namei, _rename
from devdev_fs._contentops import ContentOps
from devdev_fs._invariants import check_invariants
from devdev_fs._table import InodeTable
from devdev_fs._types import (
    ROOT_CALLER,
    Caller,
    Ino,
    RenameFlags,
    SetAttr,
    Stat,
    StatVfs,
)


class InodeOps(ContentOps):
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

    __slots__ = ()

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
        """Make a directory; the umask and set-id bits are taken off `mode`.

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
        self._run(check_invariants)
