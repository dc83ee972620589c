"""Open file descriptions: an inode that is held, an offset, and a way of access."""

from devdev_fs._attr import setattr
from devdev_fs._closing import Closing
from devdev_fs._content import Bytes
from devdev_fs._errno import Errno, FsError
from devdev_fs._inodeops import InodeOps
from devdev_fs._namei import create, walk
from devdev_fs._paths import Path
from devdev_fs._runner import Runner
from devdev_fs._table import InodeTable
from devdev_fs._types import READ_MAX, Ino, SetAttr, Stat, Whence

_MODES = ("r", "r+", "w", "w+", "a", "a+", "x", "x+")


def open_pinned(table: InodeTable, path: Path, mode: str) -> Ino:
    """Find, truncate or make the file as `mode` asks for, and pin it; one step.

    The number is the open file's own, and good for every operation on the inode.
    """
    # open(2) with O_EXCL does not follow a link, not even one that leads nowhere.
    at = walk(table, path, follow=mode[0] != "x")
    if at.inode is None:
        if mode[0] == "r":
            raise FsError(Errno.ENOENT, path=path)
        if at.must_be_directory:
            raise FsError(Errno.EISDIR, path=path)
        assert at.parent is not None
        ino = create(table, at.parent.ino, at.name, 0o666).ino
    else:
        if mode[0] == "x":
            raise FsError(Errno.EEXIST, path=path)
        ino = table.regular(at.inode.ino).ino
        if mode[0] == "w":
            setattr(table, ino, SetAttr(size=0))
    table.pin(ino)
    handle = table.take_private_number()
    table.open_files[handle] = ino
    return handle


def close_pinned(table: InodeTable, handle: Ino) -> None:
    """Undo what `open_pinned` did."""
    table.unpin(table.open_files.pop(handle))


class OpenFile(Closing):
    """One open() of a regular file (POSIX.1 section 3.258), in bytes.

    Not for several threads at once: the offset is shared. Close it, or use it as a
    context manager; until then it holds the inode and its space.
    """

    def __init__(self, run: Runner, handle: Ino, mode: str) -> None:
        self._run = run
        self._inodes = InodeOps(run)
        self._ino = handle
        self._readable = mode[0] == "r" or "+" in mode
        self._writable = mode[0] != "r" or "+" in mode
        self._appending = mode[0] == "a"
        self._offset = 0
        self.closed = False

    @classmethod
    def open(cls, run: Runner, path: Path, mode: str) -> "OpenFile":
        """Open `path`; `PathOps.open` has the modes."""
        mode = mode.replace("b", "")
        if mode not in _MODES:
            known = ", ".join(_MODES)
            raise ValueError(f"mode {mode!r}: must be one of {known}; files are bytes")
        return cls(run, run(open_pinned, path, mode), mode)

    def read(self, size: int = -1) -> bytes:
        """Read from the offset, to the end if `size` is negative.

        Raises:
            FsError: EBADF (closed, or not open for reading), EFBIG (more to the end
                than one read returns).
        """
        self._check(self._readable)
        if size < 0:
            size = max(self.stat().size - self._offset, 0)
            if size > READ_MAX:
                raise FsError(Errno.EFBIG, f"{size} bytes are too many for one read")
        data = self._inodes.read(self._ino, self._offset, size)
        self._offset += len(data)
        return data

    def write(self, data: Bytes) -> int:
        """Write at the offset, or at the end when appending; returns the length.

        Raises:
            FsError: EBADF (closed, or not open for writing), EFBIG, ENOSPC.
        """
        self._check(self._writable)
        length = memoryview(data).nbytes
        if self._appending:
            self._offset = self._inodes.append(self._ino, data)
        else:
            self._inodes.write(self._ino, self._offset, data)
        self._offset += length
        return length

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move the offset: from the start (0), from itself (1), from the end (2).

        Or to the next data (3) or hole (4) behind `offset`; see `Whence`.

        Raises:
            FsError: EBADF (closed), EINVAL (before the start, another `whence`), ENXIO
                (no data or hole before the end of the file).
        """
        self._check(True)
        if whence == Whence.CUR:
            offset += self._offset
        elif whence == Whence.END:
            offset += self.stat().size
        elif whence != Whence.SET:
            offset = self._inodes.lseek(self._ino, offset, whence)
        if offset < 0:
            raise FsError(Errno.EINVAL, f"offset {offset}")
        self._offset = offset
        return offset

    def tell(self) -> int:
        """The offset."""
        return self._offset

    def truncate(self, size: int | None = None) -> int:
        """Cut or extend to `size`, or to the offset; returns the size.

        Raises:
            FsError: EBADF (closed, or not open for writing), EINVAL, EFBIG.
        """
        self._check(self._writable)
        size = self._offset if size is None else size
        self._inodes.setattr(self._ino, SetAttr(size=size))
        return size

    def stat(self) -> Stat:
        """The attributes, also when the file has no name any more.

        Raises:
            FsError: EBADF (closed).
        """
        self._check(True)
        return self._inodes.getattr(self._ino)

    def close(self) -> None:
        """Let go of the file; again is nothing."""
        if not self.closed:
            self.closed = True
            self._run(close_pinned, self._ino)

    def _check(self, allowed: bool) -> None:
        if self.closed:
            raise FsError(Errno.EBADF, "the file is closed")
        if not allowed:
            raise FsError(Errno.EBADF, "the file is not open for that")
