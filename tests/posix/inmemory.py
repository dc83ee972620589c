"""The cases' system calls on the store itself, without a kernel."""

from contextlib import suppress

from devdev_fs import (
    Errno,
    FsError,
    Ino,
    NotFound,
    RenameFlags,
    SetAttr,
    Stat,
)

from tests.posix.abi import (
    FALLOC_FL_COLLAPSE_RANGE,
    FALLOC_FL_INSERT_RANGE,
    FALLOC_FL_KEEP_SIZE,
    FALLOC_FL_PUNCH_HOLE,
    FALLOC_FL_ZERO_RANGE,
    FILE_SIZE_MAX,
    O_ACCMODE,
    O_APPEND,
    O_CREAT,
    O_DIRECTORY,
    O_EXCL,
    O_NOATIME,
    O_NOFOLLOW,
    O_PATH,
    O_RDONLY,
    O_TMPFILE,
    O_TRUNC,
    R_OK,
    RENAME_EXCHANGE,
    RENAME_NOREPLACE,
    RENAME_WHITEOUT,
    S_IFBLK,
    S_IFCHR,
    S_IFDIR,
    S_IFIFO,
    S_IFMT,
    S_IFREG,
    S_IFSOCK,
    SEEK_CUR,
    SEEK_DATA,
    SEEK_END,
    SEEK_HOLE,
    SEEK_SET,
    SYMLINKS_MAX,
    W_OK,
    XATTR_CREATE,
    XATTR_REPLACE,
)
from tests.posix.memorypaths import MemoryPaths, Open, Place, as_bytes, as_text
from tests.posix.protocol import Attributes, Dirent, Target, Time

MADE_BY_MKNOD = (0, S_IFREG, S_IFIFO, S_IFCHR, S_IFBLK, S_IFSOCK)

FALLOCATE_MODES = (
    0,
    FALLOC_FL_KEEP_SIZE,
    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
    FALLOC_FL_ZERO_RANGE,
    FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
    FALLOC_FL_COLLAPSE_RANGE,
    FALLOC_FL_INSERT_RANGE,
)
"""What fs/open.c:vfs_fallocate lets through."""

_DIRENT_SIZE = 19
"""Bytes of an entry of getdents64(2) before its name."""


class InMemoryPosix(MemoryPaths):
    """`protocol.Posix` on a filesystem of its own."""

    # --- attributes --------------------------------------------------------------

    def stat(self, path: str) -> Attributes:
        return _attributes(self.inodes.getattr(self.find(path)))

    def lstat(self, path: str) -> Attributes:
        return _attributes(self.inodes.getattr(self.find(path, follow=False)))

    def fstat(self, fd: int) -> Attributes:
        return _attributes(self.inodes.getattr(self.file(fd).ino))

    def birth(self, path: str) -> int:
        return self.inodes.getattr(self.find(path, follow=False)).btime_ns

    def access(self, path: str, mask: int = R_OK) -> None:
        self.inodes.access(self.find(path), mask, self.caller)

    def chmod(self, target: Target, mode: int) -> None:
        self._change(self.find(target), SetAttr(mode=mode))

    def chown(self, target: Target, uid: int, gid: int) -> None:
        self._chown(self.find(target), uid, gid)

    def lchown(self, path: str, uid: int, gid: int) -> None:
        self._chown(self.find(path, follow=False), uid, gid)

    def _chown(self, ino: Ino, uid: int, gid: int) -> None:
        if (uid, gid) == (-1, -1):
            # It is a change of owner all the same.
            uid = self.inodes.getattr(ino).uid
        owner = None if uid == -1 else uid
        self._change(ino, SetAttr(uid=owner, gid=None if gid == -1 else gid))

    def utimens(
        self, target: Target, atime: Time, mtime: Time, follow: bool = True
    ) -> None:
        if (atime, mtime) == ("omit", "omit"):
            return
        change = SetAttr(
            atime_ns=None if atime == "omit" else atime,
            mtime_ns=None if mtime == "omit" else mtime,
        )
        self._change(self.find(target, follow), change)

    def truncate(self, target: Target, size: int) -> None:
        if isinstance(target, str):
            self._change(self.find(target), SetAttr(size=size))
            return
        file = self.opened(target)
        if not file.is_writable:
            raise FsError(Errno.EINVAL, "the file is not open for writing")
        self.inodes.setattr(file.ino, SetAttr(size=size), self.caller, is_open=True)

    def _change(self, ino: Ino, change: SetAttr) -> None:
        self.inodes.setattr(ino, change, self.caller)

    # --- names -------------------------------------------------------------------

    def mkdir(self, path: str, mode: int = 0o755) -> None:
        place = self.place(path)
        if place.is_dots:
            raise FsError(Errno.EEXIST, path=path)
        # mkdir(2) on Linux: the sticky bit counts, set-id bits do not.
        mode &= 0o1777
        self.inodes.mkdir(place.parent, place.name, mode, self.caller)

    def mknod(self, path: str, mode: int, device: int = 0) -> None:
        # What cannot be made is refused before the path is looked at.
        if mode & S_IFMT == S_IFDIR:
            raise FsError(Errno.EPERM, "mknod makes no directories", path)
        if mode & S_IFMT not in MADE_BY_MKNOD:
            raise FsError(Errno.EINVAL, f"mknod cannot make {mode:#o}", path)
        parent, name, _ = self.new_place(path)
        self.inodes.mknod(parent, name, mode, device, self.caller)

    def symlink(self, content: str, path: str) -> None:
        if not content:
            raise FsError(Errno.ENOENT, "a link to nowhere", path)
        parent, name, _ = self.new_place(path)
        self.inodes.symlink(parent, name, as_bytes(content), self.caller)

    def readlink(self, path: str) -> str:
        return as_text(self.inodes.readlink(self.find(path, follow=False)))

    def link(self, old: str, new: str, follow: bool = False) -> None:
        ino = self.find(old, follow)
        parent, name, _ = self.new_place(new)
        self.inodes.link(ino, parent, name, self.caller)

    def link_open(self, fd: int, new: str) -> None:
        file = self.file(fd)
        place = self.new_place(new)
        if file.is_unlinkable:
            with suppress(NotFound):
                self.lookup(place)
                raise FsError(Errno.EEXIST, path=new)
            raise FsError(Errno.ENOENT, "the file is to stay without a name")
        parent, name, _ = place
        self.inodes.link(file.ino, parent, name, self.caller)

    def unlink(self, path: str) -> None:
        place = self.place(path)
        if place.is_dots:
            raise FsError(Errno.EISDIR, path=path)
        if place.has_slash:
            is_dir = self.lookup(place).is_dir
            raise FsError(Errno.EISDIR if is_dir else Errno.ENOTDIR, path=path)
        self.inodes.unlink(place.parent, place.name, self.caller)

    def rmdir(self, path: str) -> None:
        place = self.place(path)
        if place.is_dots:
            refused = Errno.EINVAL if place.name == b"." else Errno.ENOTEMPTY
            raise FsError(refused, path=path)
        self.inodes.rmdir(place.parent, place.name, self.caller)

    def rename(self, old: str, new: str, flags: int = 0) -> None:
        """The checks are in the order of Linux's fs/namei.c:do_renameat2."""
        others = RENAME_NOREPLACE | RENAME_WHITEOUT
        if flags & ~(others | RENAME_EXCHANGE) or (
            flags & RENAME_EXCHANGE and flags & others
        ):
            raise FsError(Errno.EINVAL, f"flags {flags:#x}")
        source, target = self.place(old), self.place(new)
        if source.is_dots:
            raise FsError(Errno.EBUSY, path=old)
        if target.is_dots:
            is_refused = flags & RENAME_NOREPLACE
            raise FsError(Errno.EEXIST if is_refused else Errno.EBUSY, path=new)
        if source.has_slash or target.has_slash:
            self._check_slashes(source, target, flags)
        self.inodes.rename(
            source.parent,
            source.name,
            target.parent,
            target.name,
            RenameFlags(flags),
            self.caller,
        )

    def _check_slashes(self, source: Place, target: Place, flags: int) -> None:
        """Refuse a slash behind what is no directory, and what comes before that."""
        moved, replaced = self.lookup(source), None
        with suppress(NotFound):
            replaced = self.lookup(target)
        if replaced is not None and flags & RENAME_NOREPLACE:
            raise FsError(Errno.EEXIST, path=target.name)
        if flags & RENAME_EXCHANGE:
            if replaced is None:
                raise FsError(Errno.ENOENT, path=target.name)
            if target.has_slash and not replaced.is_dir:
                raise FsError(Errno.ENOTDIR, path=target.name)
        needs_dir = source.has_slash or not flags & RENAME_EXCHANGE
        if needs_dir and not moved.is_dir:
            raise FsError(Errno.ENOTDIR, path=source.name)

    # --- opening -----------------------------------------------------------------

    def open(self, path: str, flags: int = 0, mode: int = 0o644) -> int:
        if flags & O_TMPFILE == O_TMPFILE:
            return self._open_temporary(path, flags, mode)
        if flags & O_CREAT:
            created = self._create(path, flags, mode)
            if created is not None:
                return self.add(created)
            found = self.find(path, follow=not flags & O_NOFOLLOW)
            if self.inodes.getattr(found).is_dir:
                raise FsError(Errno.EISDIR, path=path)
        return self._open_existing(path, flags)

    def _open_temporary(self, path: str, flags: int, mode: int) -> int:
        if flags & O_ACCMODE == O_RDONLY:
            raise FsError(Errno.EINVAL, "a temporary file is to be written")
        made = self.inodes.tmpfile(self.find(path), mode, self.caller)
        is_unlinkable = bool(flags & O_EXCL)
        return self.add(Open(made.ino, flags, is_unlinkable=is_unlinkable))

    def _create(self, path: str, flags: int, mode: int) -> Open | None:
        """Make the file, through links that lead nowhere; None if it is there."""
        for _ in range(SYMLINKS_MAX + 1):
            place = self.place(path)
            if place.is_dots and flags & O_EXCL:
                raise FsError(Errno.EEXIST, path=path)
            if place.is_dots or place.has_slash:
                raise FsError(Errno.EISDIR, path=path)
            try:
                found = self.lookup(place)
            except NotFound:
                args = place.parent, place.name, mode, self.caller
                ino = self.inodes.create(*args).ino
                self.inodes.pin(ino)
                return Open(ino, flags)
            if flags & O_EXCL:
                raise FsError(Errno.EEXIST, path=path)
            if not found.is_symlink or flags & O_NOFOLLOW:
                return None
            head = path.rstrip("/").rpartition("/")[0] or "."
            path = f"{head}/{as_text(self.inodes.readlink(found.ino))}"
        raise FsError(Errno.ELOOP, path=path)

    def _open_existing(self, path: str, flags: int) -> int:
        ino = self.find(path, follow=not flags & O_NOFOLLOW)
        if flags & O_DIRECTORY and not self.inodes.getattr(ino).is_dir:
            raise FsError(Errno.ENOTDIR, path=path)
        if not flags & O_PATH:
            file = Open(ino, flags)
            wanted = R_OK * file.is_readable | W_OK * file.is_writable
            wanted |= W_OK * bool(flags & O_TRUNC)
            noatime = bool(flags & O_NOATIME)
            self.inodes.open_check(ino, wanted, self.caller, noatime)
            if flags & O_TRUNC:
                self.inodes.setattr(ino, SetAttr(size=0), self.caller)
        self.inodes.pin(ino)
        return self.add(Open(ino, flags))

    # --- content -----------------------------------------------------------------

    def _readable(self, fd: int) -> Open:
        file = self.opened(fd)
        if not file.is_readable:
            raise FsError(Errno.EBADF, "the file is not open for reading")
        return file

    def _writable(self, fd: int) -> Open:
        file = self.opened(fd)
        if not file.is_writable:
            raise FsError(Errno.EBADF, "the file is not open for writing")
        return file

    def read(self, fd: int, size: int) -> bytes:
        file = self._readable(fd)
        data = self._read(file, size, file.offset)
        file.offset += len(data)
        return data

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        return self._read(self._readable(fd), size, offset)

    def _read(self, file: Open, size: int, offset: int) -> bytes:
        _check_end(offset, size)
        noatime = bool(file.flags & O_NOATIME)
        return self.inodes.read(file.ino, offset, size, noatime)

    def write(self, fd: int, data: bytes) -> int:
        file = self._writable(fd)
        length = self._write(file, data, file.offset)
        if file.flags & O_APPEND and length:
            file.offset = self.inodes.getattr(file.ino).size
        else:
            file.offset += length
        return length

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        return self._write(self._writable(fd), data, offset)

    def _write(self, file: Open, data: bytes, offset: int) -> int:
        _check_end(offset, len(data))
        if file.flags & O_APPEND:
            before = self.inodes.getattr(file.ino).size
            self.inodes.append(file.ino, data, self.caller, True)
            return self.inodes.getattr(file.ino).size - before
        return self.inodes.write(file.ino, offset, data, self.caller, partial=True)

    def lseek(self, fd: int, offset: int, whence: int = SEEK_SET) -> int:
        file = self.opened(fd)
        if whence in (SEEK_DATA, SEEK_HOLE):
            file.offset = self.inodes.lseek(file.ino, offset, whence)
            return file.offset
        if whence == SEEK_CUR:
            offset += file.offset
        elif whence == SEEK_END:
            offset += self.inodes.getattr(file.ino).size
        elif whence != SEEK_SET:
            raise FsError(Errno.EINVAL, f"whence {whence}")
        if not 0 <= offset <= FILE_SIZE_MAX:
            raise FsError(Errno.EINVAL, f"offset {offset}")
        file.offset = offset
        return offset

    def fsync(self, fd: int) -> None:
        self.opened(fd)

    def fallocate(self, fd: int, mode: int, offset: int, length: int) -> None:
        file = self.opened(fd)
        if offset < 0 or length <= 0:
            raise FsError(Errno.EINVAL, f"{length} bytes at {offset}")
        if mode not in FALLOCATE_MODES:
            raise FsError(Errno.EOPNOTSUPP, f"mode {mode:#x}")
        if not file.is_writable:
            raise FsError(Errno.EBADF, "the file is not open for writing")
        self.inodes.fallocate(file.ino, mode, offset, length, self.caller)

    def copy_file_range(
        self,
        source: int,
        target: int,
        length: int,
        offset: int | None = None,
        target_offset: int | None = None,
    ) -> int:
        inos = self.opened(source).ino, self.opened(target).ino
        if any(self.inodes.getattr(ino).is_dir for ino in inos):
            raise FsError(Errno.EISDIR, "a range of a directory")
        reading, writing = self._readable(source), self._writable(target)
        if writing.flags & O_APPEND:
            raise FsError(Errno.EBADF, "the target is open for appending")
        copied = self.inodes.copy_file_range(
            reading.ino,
            reading.offset if offset is None else offset,
            writing.ino,
            writing.offset if target_offset is None else target_offset,
            length,
            self.caller,
        )
        reading.offset += copied * (offset is None)
        writing.offset += copied * (target_offset is None)
        return copied

    def getdents(self, fd: int, size: int = 32768) -> list[Dirent]:
        file = self.opened(fd)
        found = self.inodes.getattr(file.ino)
        if found.is_dir and not found.nlink:
            raise FsError(Errno.ENOENT, "the directory was removed")
        entries: list[Dirent] = []
        for name, ino, kind, cookie in self.inodes.readdir(
            file.ino, file.offset, size // (_DIRENT_SIZE + 2)
        ):
            size -= -(-(_DIRENT_SIZE + len(name) + 1) // 8) * 8
            if size < 0:
                break
            entries.append(Dirent(as_text(name), ino, kind, cookie))
            file.offset = cookie
        return entries

    # --- extended attributes -----------------------------------------------------

    def setxattr(self, target: Target, name: str, value: bytes, flags: int = 0) -> None:
        self._setxattr(target, True, name, value, flags)

    def getxattr(self, target: Target, name: str) -> bytes:
        return self.inodes.getxattr(self.find(target), as_bytes(name), self.caller)

    def listxattr(self, target: Target) -> list[str]:
        found = self.inodes.listxattr(self.find(target), self.caller)
        return [as_text(name) for name in found]

    def xattr_sizes(self, path: str, name: str) -> tuple[int, int]:
        names = self.inodes.listxattr(self.find(path), self.caller)
        return len(self.getxattr(path, name)), sum(len(name) + 1 for name in names)

    def removexattr(self, target: Target, name: str) -> None:
        self.inodes.removexattr(self.find(target), as_bytes(name), self.caller)

    def lsetxattr(self, path: str, name: str, value: bytes) -> None:
        self._setxattr(path, False, name, value, 0)

    def _setxattr(
        self, target: Target, follow: bool, name: str, value: bytes, flags: int
    ) -> None:
        """Flags are refused before the path is looked at: fs/xattr.c:setxattr_copy."""
        if flags & ~(XATTR_CREATE | XATTR_REPLACE):
            raise FsError(Errno.EINVAL, f"flags {flags:#x}")
        ino = self.find(target, follow)
        self.inodes.setxattr(ino, as_bytes(name), value, flags, self.caller)

    def lgetxattr(self, path: str, name: str) -> bytes:
        ino = self.find(path, follow=False)
        return self.inodes.getxattr(ino, as_bytes(name), self.caller)

    def llistxattr(self, path: str) -> list[str]:
        found = self.inodes.listxattr(self.find(path, follow=False), self.caller)
        return [as_text(name) for name in found]

    def lremovexattr(self, path: str, name: str) -> None:
        ino = self.find(path, follow=False)
        self.inodes.removexattr(ino, as_bytes(name), self.caller)


def _check_end(offset: int, size: int) -> None:
    """As fs/read_write.c:rw_verify_area."""
    if offset + size > FILE_SIZE_MAX:
        raise FsError(Errno.EINVAL, "no offset can say where that ends")


def _attributes(found: Stat) -> Attributes:
    return Attributes(*found[: len(Attributes._fields)])
