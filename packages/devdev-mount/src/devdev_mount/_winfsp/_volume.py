"""What Windows asks of a volume, as operations of the store: one method per callback.

Values are the store's and Windows', with nothing of WinFsp's binding in them. The
caller holds the store's lock over each call.
"""

from bisect import bisect_right
from collections.abc import Iterator
from operator import itemgetter

from devdev_fs import (
    ROOT_INO,
    Errno,
    FsError,
    InodeOps,
    NotFound,
    RenameFlags,
    SetAttr,
    Stat,
)

from devdev_mount._winfsp import _links
from devdev_mount._winfsp._attributes import UNCHANGED, Attribute, mode_with
from devdev_mount._winfsp._handles import Handle, Handles
from devdev_mount._winfsp._names import shown, stored
from devdev_mount._winfsp._ntstatus import NtError, NtStatus
from devdev_mount._winfsp._places import Place, Places
from devdev_mount._winfsp._shown import FileInfo, Shown
from devdev_mount._winfsp._times import time_to_set

FILE_DIRECTORY_FILE = 1
"""A create option: it is a directory that is made."""
CLEANUP_DELETE = 1
"""A flag of Cleanup: the name is to go."""

Entry = tuple[str, FileInfo]
"""A name in a directory, as it is shown, and what it means."""

_DOTS = (".", "..")
_FILE_MODE, _DIRECTORY_MODE = 0o666, 0o777


class Volume:
    """Answers Windows out of the store.

    Args:
        inodes: the store.
        places: where paths lead.
        handles: what is open.
        aspect: how inodes are shown.
        is_read_only: whether changes are refused.
    """

    def __init__(
        self,
        inodes: InodeOps,
        places: Places,
        handles: Handles,
        aspect: Shown,
        *,
        is_read_only: bool,
    ) -> None:
        self._inodes = inodes
        self._places = places
        self._handles = handles
        self._shown = aspect
        self._is_read_only = is_read_only
        self.label = "devdev"
        """The volume's name; it lasts as long as the mount."""

    # --- the volume --------------------------------------------------------------

    def space(self) -> tuple[int, int]:
        """The size of the volume and what of it is free, in bytes."""
        vfs = self._inodes.statvfs()
        return vfs.blocks * vfs.block_size, vfs.blocks_free * vfs.block_size

    # --- files -------------------------------------------------------------------

    def create(self, path: str, options: int, given: int) -> Handle:
        """Make a file or directory, which is then open; `given` are its attributes.

        It has the mode that the store's umask leaves; the security descriptor that
        Windows proposes, which is mostly everybody's default, is not taken over.
        """
        self._check_writable()
        place = self._places.place(path)
        if options & FILE_DIRECTORY_FILE:
            stat = self._inodes.mkdir(*place, _DIRECTORY_MODE)
        else:
            stat = self._inodes.create(*place, mode_with(_FILE_MODE, given))
        self._places.added(place)
        self._shown.keep_attributes(stat, given)
        return self._handles.open(stat.ino)

    def open(self, path: str) -> Handle:
        """Open what is there; a link itself."""
        return self._handles.open(self._places.stat(path).ino)

    def normalized(self, path: str) -> str:
        """A path in the case that the store has it in."""
        return self._places.normalized(path)

    def overwrite(self, handle: Handle, given: int, *, replaces: bool) -> None:
        """Empty a file, and add attributes to it or replace them."""
        self._check_writable()
        stat = self._inodes.setattr(handle.ino, SetAttr(size=0), is_open=True)
        if not replaces:
            given |= self._shown.attributes(stat)
        self._shown.set_attributes(stat, given)

    def cleanup(self, handle: Handle, path: str | None, flags: int) -> None:
        """Remove a name, if that was asked for; the inode lives until it is closed.

        A name that means something else by now stays.
        """
        if not flags & CLEANUP_DELETE or path is None:
            return
        self._check_writable()
        place = self._places.place(path)
        stat = self._inodes.lookup(*place)
        if stat.ino == handle.ino:
            self._remove(place, stat)

    def close(self, handle: Handle) -> None:
        """Close it."""
        self._handles.close(handle)

    def can_delete(self, handle: Handle) -> None:
        """Refuse to remove what is read-only, and a directory that is not empty."""
        self._check_writable()
        stat = self._inodes.getattr(handle.ino)
        if self._shown.attributes(stat) & Attribute.READONLY or stat.ino == ROOT_INO:
            raise NtError(NtStatus.CANNOT_DELETE)
        if stat.is_dir and self._places.names(stat.ino):
            raise NtError(NtStatus.DIRECTORY_NOT_EMPTY)

    def rename(self, path: str, new_path: str, *, replaces: bool) -> None:
        """Move a name; another file may be replaced by it, a directory not.

        Raises:
            NtError: OBJECT_NAME_COLLISION (something is there, and it is not to be
                replaced), ACCESS_DENIED (a directory is there).
        """
        self._check_writable()
        old, new = self._places.place(path), self._places.place(new_path)
        moved = self._inodes.lookup(*old)
        if old != new and self._exists(new):
            there = self._inodes.lookup(*new)
            if not replaces:
                raise NtError(NtStatus.OBJECT_NAME_COLLISION)
            if there.is_dir or moved.is_dir:
                raise NtError(NtStatus.ACCESS_DENIED)
            if there.ino == moved.ino:  # for which POSIX has nothing happen
                self._remove(old, moved)
            else:
                self._move(old, new)
            old = new
        # What is there may differ from what is wanted in case.
        wanted = Place(new.parent, stored(new_path.rpartition("\\")[2]))
        if old != wanted:
            self._move(old, wanted, RenameFlags.NOREPLACE)

    def _exists(self, place: Place) -> bool:
        return self._places.actual(*place) is not None

    def _move(
        self, old: Place, new: Place, flags: RenameFlags = RenameFlags.NONE
    ) -> None:
        self._inodes.rename(*old, *new, flags)
        self._places.drop((old.parent, new.parent))

    def _remove(self, place: Place, stat: Stat) -> None:
        if stat.is_dir:
            self._inodes.rmdir(*place)
        else:
            self._inodes.unlink(*place)
        self._places.removed(place)

    # --- content -----------------------------------------------------------------

    def read(self, handle: Handle, offset: int, length: int) -> bytes:
        """Read a file.

        Raises:
            NtError: END_OF_FILE: nothing is there.
        """
        data = self._inodes.read(handle.ino, offset, length, noatime=self._is_read_only)
        if length and not data:
            raise NtError(NtStatus.END_OF_FILE)
        return data

    def write(
        self,
        handle: Handle,
        data: bytes,
        offset: int,
        *,
        to_end: bool,
        is_constrained: bool,
    ) -> int:
        """Write a file, `to_end` at its end wherever that is; returns how many bytes.

        What `is_constrained` cannot make the file longer: what lies beyond its end
        is left. Windows writes pages of mapped files back so.
        """
        self._check_writable()
        if is_constrained:
            size = self._inodes.getattr(handle.ino).size
            data = data[: 0 if to_end else max(size - offset, 0)]
        if to_end:
            self._inodes.append(handle.ino, data)
        else:
            self._inodes.write(handle.ino, offset, data)
        return len(data)

    def set_size(self, handle: Handle, size: int, *, is_allocation: bool) -> None:
        """Cut or extend a file; to allocate more than it has is not needed here."""
        self._check_writable()
        if is_allocation and size >= self._inodes.getattr(handle.ino).size:
            return
        self._inodes.setattr(handle.ino, SetAttr(size=size), is_open=True)

    # --- attributes --------------------------------------------------------------

    def info(self, handle: Handle) -> FileInfo:
        """What there is to know of an open file."""
        return self._shown.info(self._inodes.getattr(handle.ino))

    def set_basic(
        self, handle: Handle, given: int, access_time: int, write_time: int
    ) -> None:
        """Set attributes and times. The time of birth and that of change stay."""
        self._check_writable()
        stat = self._inodes.getattr(handle.ino)
        if given != UNCHANGED:
            self._shown.set_attributes(stat, given)
        times = SetAttr(
            atime_ns=time_to_set(access_time), mtime_ns=time_to_set(write_time)
        )
        if times != SetAttr():
            self._inodes.setattr(handle.ino, times)

    def look(self, path: str) -> tuple[int, bytes]:
        """The attributes of what a path leads to, and its security descriptor."""
        stat = self._places.stat(path)
        return self._shown.attributes(stat), self._shown.security(stat)

    def security(self, handle: Handle) -> bytes:
        """The security descriptor of an open file."""
        return self._shown.security(self._inodes.getattr(handle.ino))

    def set_security(self, handle: Handle, information: int, given: bytes) -> None:
        """Set parts of a security descriptor; see `Shown.set_security`."""
        self._check_writable()
        self._shown.set_security(self._inodes.getattr(handle.ino), information, given)

    # --- directories -------------------------------------------------------------

    def list(self, handle: Handle, marker: str | None) -> Iterator[Entry]:
        """List a directory behind the name `marker`; None is from the beginning.

        What is there throughout a listing comes exactly once; what comes later, in
        the next one. It is sorted as Python sorts text.
        """
        if marker is None or not handle.listing:
            entries = self._inodes.readdir(handle.ino)[2:]
            handle.listing = sorted((shown(each.name), each.name) for each in entries)
        begin = 0
        if marker is not None and marker not in _DOTS:
            begin = bisect_right(handle.listing, marker, key=itemgetter(0))
        elif handle.ino != ROOT_INO:
            info = self.info(handle)  # nobody asks which directory is above
            yield from ((dots, info) for dots in _DOTS if (marker or "") < dots)
        for name, stored_name in handle.listing[begin:]:
            try:
                stat = self._inodes.lookup(handle.ino, stored_name)
            except NotFound:
                continue
            yield name, self._shown.info(stat)

    def find(self, handle: Handle, name: str) -> Entry:
        """One name of a directory, in the case that it has.

        Raises:
            NtError: OBJECT_NAME_NOT_FOUND, OBJECT_NAME_INVALID.
        """
        actual = self._places.actual(handle.ino, stored(name))
        if actual is None:
            raise NtError(NtStatus.OBJECT_NAME_NOT_FOUND)
        return shown(actual), self._shown.info(self._inodes.lookup(handle.ino, actual))

    # --- links -------------------------------------------------------------------

    def resolve(self, path: str, *, last: bool) -> bytes:
        """A reparse point that leads to where a path with links in it does."""
        return _links.pack(self._places.resolve(path, last=last))

    def link(self, handle: Handle) -> bytes:
        """The reparse point that a link is.

        Raises:
            NtError: NOT_A_REPARSE_POINT: it is no link.
        """
        if not self._inodes.getattr(handle.ino).is_symlink:
            raise NtError(NtStatus.NOT_A_REPARSE_POINT)
        return _links.pack(_links.target_shown(self._inodes.readlink(handle.ino)))

    def set_link(self, handle: Handle, path: str, data: bytes) -> None:
        """Make a link of an empty file or directory, or let a link lead elsewhere.

        Raises:
            NtError: as `_links.unpack` and `_links.target_stored`;
                DIRECTORY_NOT_EMPTY, and IO_REPARSE_DATA_INVALID of a file that is not.
        """
        self._check_writable()
        target = _links.target_stored(_links.unpack(data))
        place = self._places.place(path)
        stat = self._inodes.lookup(*place)
        if stat.is_dir and self._places.names(stat.ino):
            raise NtError(NtStatus.DIRECTORY_NOT_EMPTY)
        if stat.is_file and stat.size:
            raise NtError(NtStatus.IO_REPARSE_DATA_INVALID)
        # What it is to replace only goes when there is a link.
        new = Place(place.parent, b".devdev-link-%d" % stat.ino)
        link = self._inodes.symlink(*new, target)
        self._remove(place, stat)
        self._inodes.rename(*new, *place, RenameFlags.NOREPLACE)
        self._places.added(place)
        self._handles.become(handle, link.ino)

    def _check_writable(self) -> None:
        if self._is_read_only:
            raise FsError(Errno.EROFS, "the mount is read-only")
