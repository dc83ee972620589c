"""The inode-addressed operations on what an inode holds: content and attributes."""

from devdev_fs import _data, _space, _xattr
from devdev_fs._content import Bytes
from devdev_fs._runner import Runner
from devdev_fs._types import (
    ROOT_CALLER,
    Caller,
    Dirent,
    FallocateFlags,
    Ino,
    Whence,
    XattrFlags,
)


class ContentOps:
    """What `InodeOps` has for content, space and extended attributes."""

    __slots__ = ("_run",)

    def __init__(self, run: Runner) -> None:
        self._run = run

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
        """Read as `read`, in pieces; what is held as one of them comes uncopied.

        Raises:
            FsError: ENOENT, EISDIR, EINVAL (no regular file, or negative).
        """
        return self._run(_data.read_chunks, ino, offset, size, noatime)

    def read_files(
        self, inos: list[Ino], size: int, total: int, noatime: bool = False
    ) -> list[bytes | None]:
        """Read the first `size` bytes of each of several files, in one instant.

        None stands for what is no regular file, or is there no more. It ends with the
        file that brings what was read to `total` bytes, so the answer can be shorter
        than the question, though never empty. Where the filesystem is in another
        process this is one round trip.

        Raises:
            FsError: EINVAL (negative size).
        """
        return self._run(_data.read_files, inos, size, total, noatime)

    def write(
        self,
        ino: Ino,
        offset: int,
        data: Bytes,
        caller: Caller = ROOT_CALLER,
        partial: bool = False,
    ) -> int:
        """Write `data` at `offset`, as pwrite(2); returns how many bytes.

        That is all of it; with `partial` it may be the part for which there is room,
        as POSIX has it. What lies between the end of the file and `offset` becomes a
        hole. No bytes are no write: nothing changes, no time is stamped. A caller
        without FSETID takes set-id bits off, anybody the attribute
        `security.capability`.

        Raises:
            FsError: ENOENT, EISDIR, EINVAL (no regular file, or negative), EFBIG,
                ENOSPC.
        """
        return self._run(_data.write, ino, offset, data, caller, partial)

    def append(
        self,
        ino: Ino,
        data: Bytes,
        caller: Caller = ROOT_CALLER,
        partial: bool = False,
    ) -> int:
        """Write `data` at the end, wherever that now is; returns that offset.

        With `partial` as `write`; how many bytes it was the size tells.

        Raises:
            FsError: ENOENT, EISDIR, EINVAL (no regular file), EFBIG, ENOSPC.
        """
        return self._run(_data.append, ino, data, caller, partial)

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
