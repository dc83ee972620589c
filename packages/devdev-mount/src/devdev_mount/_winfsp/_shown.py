"""How inodes are shown to Windows, and what it sets of them."""

from collections.abc import Callable
from dataclasses import dataclass

from devdev_fs import PAGE_SIZE, Attachment, Errno, FsError, Ino, SetAttr, Stat

from devdev_mount._winfsp._attributes import (
    STORED_IN,
    Attribute,
    attributes,
    mode_with,
    to_keep,
)
from devdev_mount._winfsp._links import TAG
from devdev_mount._winfsp._ntstatus import NtError, NtStatus
from devdev_mount._winfsp._security import (
    DACL_SECURITY_INFORMATION,
    Descriptor,
    Sid,
    describe,
    group_of,
    mode_of,
    sid_of_group,
    sid_of_user,
    user_of,
)
from devdev_mount._winfsp._times import to_filetime


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What Windows is told of a file; times in 100 ns since 1601."""

    file_attributes: int
    reparse_tag: int
    allocation_size: int
    file_size: int
    creation_time: int
    last_access_time: int
    last_write_time: int
    change_time: int
    index_number: int


@dataclass(frozen=True, slots=True)
class Owners:
    """Who Windows is told owns everything, where owners are mapped."""

    user: Sid
    group: Sid


class Shown:
    """Attributes and security of inodes. Every method needs the store's lock.

    Args:
        attachment: the store.
        owners: whose the files are; None if they are the store's users'.
        others: whether anybody but the owner is let in.
    """

    def __init__(
        self, attachment: Attachment, owners: Owners | None, *, others: bool
    ) -> None:
        self._attachment = attachment
        self._inodes = attachment.inodes
        self._owners = owners
        self._others = others

    def info(self, stat: Stat) -> FileInfo:
        """What there is to know of an inode.

        Space is told rounded up from the size: Windows takes less for a mistake.
        """
        size = stat.size if stat.is_file else 0
        return FileInfo(
            self.attributes(stat),
            TAG if stat.is_symlink else 0,
            -(-size // PAGE_SIZE) * PAGE_SIZE,
            size,
            to_filetime(stat.btime_ns),
            to_filetime(stat.atime_ns),
            to_filetime(stat.mtime_ns),
            to_filetime(stat.ctime_ns),
            stat.ino,
        )

    # --- attributes --------------------------------------------------------------

    def attributes(self, stat: Stat) -> int:
        """The file attributes."""
        found = attributes(stat, self._kept(stat))
        if stat.is_symlink and self._leads_to_directory(stat.ino):
            found = found & ~Attribute.NORMAL | Attribute.DIRECTORY
        return found

    def _kept(self, stat: Stat) -> bytes:
        if not _has_user_attributes(stat):
            return b""
        try:
            return self._inodes.getxattr(stat.ino, STORED_IN)
        except FsError as exc:
            if exc.errno != Errno.ENODATA:
                raise
            return b""

    def _leads_to_directory(self, link: Ino) -> bool:
        """Windows tells links to directories from those to files."""
        path = self._attachment.path(link)
        if path is None:
            return False
        try:
            with self._attachment.unobserved():
                return self._inodes.getattr(self._inodes.resolve(path)).is_dir
        except FsError:  # it leads nowhere, or in circles
            return False

    def set_attributes(self, stat: Stat, given: int) -> None:
        """Set the file attributes, as far as there is a place for them."""
        mode = mode_with(stat.mode, given)
        if mode != stat.mode and not stat.is_symlink:
            self._inodes.setattr(stat.ino, SetAttr(mode=mode))
        self.keep_attributes(stat, given)

    def keep_attributes(self, stat: Stat, given: int) -> None:
        """Set those that the mode does not say."""
        before, after = self._kept(stat), to_keep(given)
        if before == after or not _has_user_attributes(stat):
            return
        if after:
            self._inodes.setxattr(stat.ino, STORED_IN, after)
        else:
            self._inodes.removexattr(stat.ino, STORED_IN)

    # --- security ----------------------------------------------------------------

    def security(self, stat: Stat) -> bytes:
        """The security descriptor."""
        return self._described(stat).pack()

    def set_security(self, stat: Stat, information: int, given: bytes) -> None:
        """Set parts of a security descriptor, as far as owner, group and mode go.

        Where owners are mapped they stay as they are, and so does a link's mode.

        Raises:
            NtError: INVALID_SECURITY_DESCR: it is none; INVALID_OWNER: a user or group
                that the store cannot have.
        """
        try:
            descriptor = Descriptor.unpack(given)
        except ValueError:
            raise NtError(NtStatus.INVALID_SECURITY_DESCR) from None
        before = self._described(stat)
        after = before.changed(information, descriptor)
        mode = mode_of(after, stat, others=self._others)
        change = SetAttr(
            mode=None
            if stat.is_symlink or not information & DACL_SECURITY_INFORMATION
            else mode,
            uid=self._number(user_of, before.owner, after.owner),
            gid=self._number(group_of, before.group, after.group),
        )
        if change != SetAttr():
            self._inodes.setattr(stat.ino, change)

    def _number(
        self, of: Callable[[Sid], int | None], before: Sid | None, after: Sid | None
    ) -> int | None:
        """The store's number for a new owner; None for nothing new."""
        if self._owners or before == after:
            return None
        number = of(after) if after else None
        if number is None:
            raise NtError(NtStatus.INVALID_OWNER)
        return number

    def _described(self, stat: Stat) -> Descriptor:
        owners = self._owners or Owners(sid_of_user(stat.uid), sid_of_group(stat.gid))
        return describe(stat, owners.user, owners.group, others=self._others)


def _has_user_attributes(stat: Stat) -> bool:
    """Whether it can have extended attributes that begin with `user.`."""
    return stat.is_file or stat.is_dir
