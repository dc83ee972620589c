"""Unpacking: a tree is built of an archive's members, apart, and then put in place.

Nothing is seen of it before it is whole. While it grows it is held against the
quotas of the filesystem that it is for, what it is to replace there being counted as
free; so an archive that is a bomb ends as ENOSPC and not as memory.

The rules are tar's: what comes later wins, directories are merged, a hard link means
a member that came before. A name never leads through a link, and none leads out.
"""

from dataclasses import dataclass

from devdev_fs import _namei
from devdev_fs._archive import ArchiveError
from devdev_fs._attr import set_mode
from devdev_fs._content import Bytes
from devdev_fs._errno import Errno, FsError
from devdev_fs._image import Image
from devdev_fs._inode import Directory, Inode, RegularFile, Special, Symlink
from devdev_fs._namei import find
from devdev_fs._table import InodeTable
from devdev_fs._types import (
    DEVICE_MAX,
    ID_MAX,
    NAME_MAX,
    PATH_MAX,
    S_IFMT,
    TIME_MAX,
    TIME_MIN,
    Caller,
    Ino,
    Kind,
)
from devdev_fs._xattr import setxattr

DIRECTORY_MODE = 0o755
"""Of a directory that an archive has members in, and no member for."""


_CALLER = Caller()


@dataclass(slots=True)
class Member:
    """What an archive says of one name."""

    name: bytes
    offset: int
    """Where in the archive it begins."""
    mode: int
    """Type and permission bits."""
    uid: int = 0
    gid: int = 0
    mtime_ns: int = 0
    atime_ns: int | None = None
    target: bytes = b""
    """Of a symbolic link."""
    device: int = 0
    xattrs: dict[bytes, bytes] | None = None

    def wrong(self, message: str) -> ArchiveError:
        """An error about this member."""
        return ArchiveError(message, self.name, self.offset)


def describe(table: InodeTable, inode: Inode, member: Member) -> None:
    """Give an inode, edited or new, the attributes of a member.

    Extended attributes of a kind that Linux has not are left out.

    Raises:
        ArchiveError: an extended attribute cannot be one of this inode.
        FsError: ENOSPC.
    """
    if inode.kind != Kind.SYMLINK:
        set_mode(inode, member.mode)
    inode.uid, inode.gid = member.uid, member.gid
    # Linux's fs/inode.c:timestamp_truncate clamps in the same way.
    inode.mtime_ns = min(max(member.mtime_ns, TIME_MIN), TIME_MAX)
    if member.atime_ns is not None:
        inode.atime_ns = min(max(member.atime_ns, TIME_MIN), TIME_MAX)
    for name, value in (member.xattrs or {}).items():
        try:
            setxattr(table, inode.ino, name, value, 0, _CALLER)
        except FsError as error:
            if error.errno == Errno.ENOSPC:
                raise FsError(Errno.ENOSPC, error.strerror, member.name) from error
            if error.errno != Errno.EOPNOTSUPP:
                found = f"the extended attribute {name[:64]!r}"
                raise member.wrong(f"{found}: {error.strerror}") from error


class Instant:
    """A clock that stands still: all of an archive is put in place at once."""

    def __init__(self, time_ns: int) -> None:
        self._time_ns = time_ns

    def now_ns(self) -> int:
        """When that is."""
        return self._time_ns


class Unpacking:
    """A tree that is being unpacked for a directory of a filesystem.

    Args:
        image: the filesystem as it is.
        path: the directory.
        max_pages: how many pages are free in it.
        max_inodes: how many inodes are free in it.
        now_ns: when what the archive gives no atime for was last read.
        devices: whether device nodes may be made.

    Raises:
        FsError: as a walk, ENOENT, ENOTDIR.
    """

    def __init__(
        self,
        image: Image,
        path: str | bytes,
        *,
        max_pages: int,
        max_inodes: int,
        now_ns: int,
        devices: bool,
    ) -> None:
        top = find(image, path)
        if not isinstance(top, Directory):
            raise FsError(Errno.ENOTDIR, path=path)
        self.path = path
        self.later_wins = True
        """Whether a name may come twice."""
        self.members = 0
        self.table = InodeTable(
            clock=Instant(now_ns),
            umask=0,
            max_pages=max_pages,
            max_inodes=max_inodes + 1,
        )
        """The tree; what its directories are to be is in `directories`."""
        self.table.make_root()
        self.directories: dict[Ino, Member] = {}
        """The directories that are members themselves."""
        self._image = image
        self._devices = devices
        self._twins: dict[Ino, Directory] = {self.table.root.ino: top}
        """The directories there are at the same path already."""
        self._covered: set[Ino] = set()
        """What there is and is to be replaced."""

    # --- names -------------------------------------------------------------------

    def _parts(self, member: Member, name: bytes) -> list[bytes]:
        """The components of a name that stays below the top.

        Raises:
            ArchiveError: it is absolute, has `..`, or cannot be a path.
        """
        if name.startswith(b"/"):
            raise member.wrong(f"{name[:128]!r} is an absolute name")
        parts = [part for part in name.split(b"/") if part not in (b"", b".")]
        if b".." in parts:
            raise member.wrong(f"{name[:128]!r} leads upwards")
        if b"\0" in name:
            raise member.wrong("a NUL in a name")
        if max(map(len, parts), default=0) > NAME_MAX:
            raise member.wrong(f"a component of more than {NAME_MAX} bytes")
        return parts

    def _slot(self, member: Member) -> tuple[Directory, bytes]:
        """The directory to make a member in, and under which name.

        Raises:
            ArchiveError: as `_parts`; it is the top, or below what is no directory.
            FsError: ENOSPC.
        """
        *above, name = self._parts(member, member.name) or [b""]
        if not name:
            raise member.wrong("only a directory can be at the top")
        return self._directory(member, above), name

    def _directory(self, member: Member, parts: list[bytes]) -> Directory:
        """The directory at a path, made where it is missing."""
        directory = self.table.root
        for at, name in enumerate(parts):
            child = self.table.child(directory, name)
            if child is None:
                child = self._make_directory(member, directory, name)
            elif not isinstance(child, Directory):
                kind = child.kind.name.lower().replace("_", " ")
                path = b"/".join(parts[: at + 1])
                found = f"{path[:128]!r} in this archive is a {kind}"
                raise member.wrong(f"{found}, nothing can be below it")
            directory = child
        return directory

    def _make_directory(
        self, member: Member, parent: Directory, name: bytes
    ) -> Directory:
        twin = self._cover(parent, name)
        self._check_inodes(member)
        stamp = self._stamp(Kind.DIRECTORY | DIRECTORY_MODE)
        directory = Directory(*stamp, nlink=2)
        self.table.enter(self.table.edit(parent), name, directory)
        if isinstance(twin, Directory):
            self._twins[directory.ino] = twin
        return directory

    def _stamp(self, mode: int) -> tuple[Ino, int, int, int, int, int, int, int]:
        now = self.table.clock.now_ns()
        return self.table.take_number(), mode, 0, 0, now, now, now, now

    def _cover(self, parent: Directory, name: bytes) -> Inode | None:
        """What a new name is to replace; the space of it counts as free from now on.

        It is not, if it has further names that stay: that is seen in the end.
        """
        twin = self._twins.get(parent.ino)
        old = None if twin is None else self._image.child(twin, name)
        if old is not None and old.ino not in self._covered:
            self._covered.add(old.ino)
            self.table.max_inodes += 1
            self.table.max_pages += old.pages
        return old

    # --- members -----------------------------------------------------------------

    def add_directory(self, member: Member) -> None:
        """Add a directory, or say of one that is there what it is.

        Raises:
            ArchiveError: as `_slot`, or its name is one of something else.
            FsError: ENOSPC.
        """
        self._check(member)
        directory = self._directory(member, self._parts(member, member.name))
        if directory.ino in self.directories and not self.later_wins:
            raise member.wrong("the name comes twice")
        self.directories[directory.ino] = member
        self.members += 1

    def add_file(self, member: Member, size: int = 0) -> RegularFile:
        """Add a regular file, which is a hole of `size`, to be written to.

        Raises:
            ArchiveError: as `_slot`.
            FsError: ENOSPC.
        """
        file = RegularFile(*self._stamp(member.mode), nlink=1)
        file.content.size = size
        self._add(member, file)
        return file

    def write(
        self, member: Member, file: RegularFile, offset: int, data: Bytes
    ) -> None:
        """Put bytes into a file that was added.

        Raises:
            FsError: ENOSPC.
        """
        added = file.content.pages_to_add(offset, len(data))
        if added > self.table.max_pages - self.table.pages_used:
            message = "no space left for the content of the archive"
            raise FsError(Errno.ENOSPC, message, member.name)
        file.content.write(offset, data)
        self.table.pages_used += added

    def add_other(self, member: Member) -> None:
        """Add a symbolic link, a FIFO or a device node.

        Raises:
            ArchiveError: as `_slot`; the target or the device number is none, or it
                is a device node and they are not allowed.
            FsError: ENOSPC.
        """
        if member.mode & S_IFMT == Kind.SYMLINK:
            if not 0 < len(member.target) < PATH_MAX or b"\0" in member.target:
                raise member.wrong("its target is empty, too long or has a NUL")
            stamp = self._stamp(Kind.SYMLINK | 0o777)
            self._add(member, Symlink(*stamp, target=member.target))
            return
        if member.mode & S_IFMT != Kind.FIFO:
            if not self._devices:
                raise member.wrong("a device node, which only `devices=True` allows")
            if not 0 <= member.device <= DEVICE_MAX:
                raise member.wrong("no device number")
        self._add(member, Special(*self._stamp(member.mode), device=member.device))

    def add_link(self, member: Member, target: bytes) -> None:
        """Add a further name of a member that came before.

        Raises:
            ArchiveError: as `_slot`; `target` is no earlier member or a directory.
        """
        inode: Inode | None = self.table.root
        for part in self._parts(member, target):
            if not isinstance(inode, Directory):
                inode = None
                break
            inode = self.table.child(inode, part)
        if inode is None or isinstance(inode, Directory):
            shown = f"a hard link to {target[:128]!r}"
            raise member.wrong(f"{shown}, which is no file of the archive before it")
        parent, name = self._slot(member)
        if self.table.child(parent, name) is not inode:
            self._clear(member, parent, name)
            _namei.link(self.table, inode.ino, parent.ino, name)
        self.members += 1

    def _add(self, member: Member, inode: Inode) -> None:
        self._check(member)
        parent, name = self._slot(member)
        self._clear(member, parent, name)
        self._check_inodes(member)
        self.table.enter(self.table.edit(parent), name, inode)
        describe(self.table, inode, member)
        self.members += 1

    def _clear(self, member: Member, parent: Directory, name: bytes) -> None:
        """Make room for a member that comes later under the same name."""
        old = self.table.child(parent, name)
        if old is None:
            self._cover(parent, name)
        elif isinstance(old, Directory):
            raise member.wrong("a directory of this archive has the same name")
        elif not self.later_wins:
            raise member.wrong("the name comes twice")
        else:
            _namei.unlink(self.table, parent.ino, name)

    def _check(self, member: Member) -> None:
        for number in (member.uid, member.gid):
            if not 0 <= number <= ID_MAX:
                raise member.wrong(f"{number} is no user or group number")

    def _check_inodes(self, member: Member) -> None:
        if self.table.inode_count >= self.table.max_inodes:
            message = "no inode left for a member of the archive"
            raise FsError(Errno.ENOSPC, message, member.name)
