"""The inode table: the one owner of every inode, its lifetime and its space.

Every function below `Fs` takes the table and runs with its lock held. It checks
everything first, in the order its docstring states, and then changes; the
changes it made are noted in `changes` for whoever mirrors the store.
"""

from collections import Counter

from devdev_fs._clock import Clock
from devdev_fs._errno import Errno, FsError
from devdev_fs._inode import Directory, Inode, RegularFile, Symlink
from devdev_fs._types import (
    ID_MAX,
    PAGE_SIZE,
    ROOT_INO,
    S_IFMT,
    S_ISGID,
    Caller,
    Change,
    ChangeKind,
    Ino,
    Kind,
)

DEFAULT_MAX_BYTES = 2 * 1024**3
"""The quota on content, unless another is given: 2 GiB."""
DEFAULT_MAX_INODES = 2**20
"""The quota on inodes, unless another is given."""

_PRIVATE_INO = 2**62
"""Where the numbers begin that no snapshot has: those of open files, and of orphans
that a restore has moved out of the way."""


def check_owner(*ids: int | None) -> None:
    """Refuse user and group numbers that do not fit; None is none.

    Raises:
        FsError: EINVAL.
    """
    for number in ids:
        if number is not None and not 0 <= number <= ID_MAX:
            raise FsError(Errno.EINVAL, f"{number} is no user or group number")


class InodeTable:
    """Inodes by number, the clock they are stamped by, and the limits they share."""

    __slots__ = (
        "changes",
        "clock",
        "inodes",
        "max_inodes",
        "max_pages",
        "next_ino",
        "next_private",
        "open_files",
        "orphaned",
        "pages_used",
        "umask",
    )

    def __init__(
        self, *, clock: Clock, umask: int, max_pages: int, max_inodes: int
    ) -> None:
        self.clock = clock
        self.umask = umask
        self.max_pages = max_pages
        self.max_inodes = max_inodes
        self.pages_used = 0
        self.inodes: dict[Ino, Inode] = {}
        self.next_ino = ROOT_INO
        self.next_private = Ino(_PRIVATE_INO)
        self.open_files: dict[Ino, Inode] = {}
        """By a number that stays theirs when a restore renumbers the inode."""
        self.changes: list[Change] = []
        self.orphaned: list[tuple[Ino, Ino]] = []
        """Old and new numbers of the orphans that `become` moved out of the way."""

    # --- finding -----------------------------------------------------------------

    @property
    def root(self) -> Directory:
        """The root directory."""
        root = self.inodes[ROOT_INO]
        assert isinstance(root, Directory)
        return root

    def get(self, ino: Ino) -> Inode:
        """The inode of that number, or of that open file.

        Raises:
            FsError: ENOENT.
        """
        inode = self.inodes.get(ino) or self.open_files.get(ino)
        if inode is None:
            raise FsError(Errno.ENOENT, f"no inode {ino}")
        return inode

    def directory(self, ino: Ino) -> Directory:
        """The directory of that number.

        Raises:
            FsError: ENOENT, ENOTDIR.
        """
        inode = self.get(ino)
        if not isinstance(inode, Directory):
            raise FsError(Errno.ENOTDIR, f"inode {ino} is not a directory")
        return inode

    def regular(self, ino: Ino) -> RegularFile:
        """The regular file of that number.

        Raises:
            FsError: ENOENT, EISDIR, EINVAL (another kind).
        """
        inode = self.get(ino)
        if isinstance(inode, RegularFile):
            return inode
        if isinstance(inode, Directory):
            raise FsError(Errno.EISDIR, f"inode {ino} is a directory")
        raise FsError(Errno.EINVAL, f"inode {ino} is not a regular file")

    # --- space -------------------------------------------------------------------

    def check_pages(self, extra: int) -> None:
        """Refuse what would need `extra` more pages than the quota has left.

        Raises:
            FsError: ENOSPC.
        """
        if extra > 0 and self.pages_used + extra > self.max_pages:
            limit = self.max_pages * PAGE_SIZE
            raise FsError(Errno.ENOSPC, f"no space left: the limit is {limit} bytes")

    def check_inodes(self, extra: int = 1) -> None:
        """Refuse what would need more inodes than the quota has left.

        Raises:
            FsError: ENOSPC.
        """
        if len(self.inodes) + extra > self.max_inodes:
            raise FsError(
                Errno.ENOSPC, f"no inode left: the limit is {self.max_inodes}"
            )

    # --- life --------------------------------------------------------------------

    def make_root(self) -> None:
        """Make the root directory of an empty table."""
        now = self.clock.now_ns()
        mode = Kind.DIRECTORY | 0o755
        ino = self.take_number()
        root = Directory(ino, mode, 0, 0, now, now, now, now, nlink=2, parent=ROOT_INO)
        self.inodes[ino] = root

    def take_number(self) -> Ino:
        """The next inode number."""
        ino = self.next_ino
        self.next_ino = Ino(ino + 1)
        return ino

    def take_private_number(self) -> Ino:
        """The next number that no snapshot has."""
        ino = self.next_private
        self.next_private = Ino(ino + 1)
        return ino

    def stamp(
        self, parent: Directory, mode: int, caller: Caller
    ) -> tuple[Ino, int, int, int, int, int, int, int]:
        """What a new inode in `parent` begins with: `Inode`'s first eight fields.

        The umask is taken off here, and only here. In a set-group-ID directory
        the inode takes the directory's group, and a directory the bit too
        (inode(7); Linux's fs/inode.c:inode_init_owner).

        Raises:
            FsError: EINVAL (the caller's numbers do not fit).
        """
        check_owner(caller.uid, caller.gid)
        umask = self.umask if caller.umask is None else caller.umask
        if mode & S_IFMT != Kind.SYMLINK:
            mode &= ~(umask & 0o777)
        gid = caller.gid
        if parent.mode & S_ISGID:
            gid = parent.gid
            if mode & S_IFMT == Kind.DIRECTORY:
                mode |= S_ISGID
        now = self.clock.now_ns()
        return self.take_number(), mode, caller.uid, gid, now, now, now, now

    def enter(self, parent: Directory, name: bytes, inode: Inode) -> None:
        """Put a new inode into the table and under `name` in `parent`."""
        self.inodes[inode.ino] = inode
        parent.add(name, inode.ino)
        if isinstance(inode, Directory):
            parent.nlink += 1
        parent.mtime_ns = parent.ctime_ns = inode.ctime_ns
        self.note_entry(parent.ino, name)

    def pin(self, ino: Ino, count: int = 1) -> None:
        """Hold the inode `count` more times: it outlives its last name.

        Raises:
            FsError: ENOENT, EINVAL (negative).
        """
        inode = self.get(ino)
        if count < 0:
            raise FsError(Errno.EINVAL, f"{count} pins")
        inode.pins += count

    def unpin(self, ino: Ino, count: int = 1) -> None:
        """Let go `count` times; an inode without names and pins is freed.

        Raises:
            FsError: ENOENT, EINVAL (negative, or it is not held so often).
        """
        inode = self.get(ino)
        if not 0 <= count <= inode.pins:
            message = f"inode {ino} has {inode.pins} pins, not {count}"
            raise FsError(Errno.EINVAL, message)
        inode.pins -= count
        self.reclaim(inode)

    def reclaim(self, inode: Inode) -> None:
        """Free the inode if neither a name nor a pin holds it."""
        if not inode.nlink and not inode.pins:
            del self.inodes[inode.ino]
            self.pages_used -= inode.pages

    # --- changes -----------------------------------------------------------------

    def note_attributes(self, ino: Ino) -> None:
        """Note that the inode's metadata changed."""
        self.changes.append(Change(ChangeKind.ATTRIBUTES, ino))

    def note_content(self, ino: Ino, offset: int, end: int, grown_to: int) -> None:
        """Note that bytes of a file changed; see `Change` for the numbers."""
        change = Change(ChangeKind.CONTENT, ino, b"", Ino(0), offset, end, grown_to)
        self.changes.append(change)

    def note_entry(self, parent: Ino, name: bytes, old: Ino = Ino(0)) -> None:
        """Note that a name came, went or means another inode."""
        self.changes.append(Change(ChangeKind.ENTRY, parent, name, old))

    def take_changes(self) -> list[Change]:
        """What was noted since the last time."""
        changes, self.changes = self.changes, []
        return changes

    # --- replacing everything ----------------------------------------------------

    def become(self, other: "InodeTable") -> None:
        """Take over the whole state of a freshly loaded `other`, in place.

        An inode that is pinned here and is part of `other` too (the same number,
        kind and birth time; the root is always the root) keeps its pins. One that
        is not becomes an orphan under a number out of the way, so that whoever
        holds it reads on what it was. Limits and the next number are taken over;
        clock and umask stay.
        """
        before, self.inodes = self.inodes, other.inodes
        self.next_ino = other.next_ino
        self.max_pages, self.max_inodes = other.max_pages, other.max_inodes
        self.pages_used = other.pages_used
        for inode in before.values():
            if inode.pins:
                self._keep_pinned(inode)
        for handle, inode in self.open_files.items():
            self.open_files[handle] = self.inodes[inode.ino]
        # From the leaves to the root: a kernel lets go of an inode through its name.
        for inode in reversed(before.values()):
            self._note_replaced(inode, before)

    def _keep_pinned(self, inode: Inode) -> None:
        twin = self.inodes.get(inode.ino)
        if twin is not None and (
            inode.ino == ROOT_INO
            or (twin.kind == inode.kind and twin.btime_ns == inode.btime_ns)
        ):
            twin.pins = inode.pins
            return
        old = inode.ino
        if old < _PRIVATE_INO:
            inode.ino = self.take_private_number()
            self.orphaned.append((old, inode.ino))
        inode.nlink = 0
        if isinstance(inode, Directory):
            # The number of its parent can by now be that of something else.
            inode.parent = inode.ino
        self.inodes[inode.ino] = inode
        self.pages_used += inode.pages

    def _note_replaced(self, inode: Inode, before: dict[Ino, Inode]) -> None:
        twin = self.inodes.get(inode.ino)
        if twin is None:
            return
        if isinstance(inode, Directory):
            entries = inode.entries
            if twin is inode:
                inode.entries = {}
            after = twin.entries if isinstance(twin, Directory) else {}
            for name in sorted(entries.keys() | after.keys()):
                old = before[entries[name][0]].ino if name in entries else Ino(0)
                is_same = name in after and after[name][0] == old
                self.note_entry(inode.ino, name, Ino(0) if is_same else old)
        are_files = isinstance(inode, RegularFile) and isinstance(twin, RegularFile)
        if are_files and twin is not inode:
            grown_to = twin.size if twin.size > inode.size else -1
            self.note_content(inode.ino, 0, -1, grown_to)
        else:
            self.note_attributes(inode.ino)

    # --- checking ----------------------------------------------------------------

    def check_invariants(self) -> None:
        """Assert everything that must hold between two operations. Costs O(inodes)."""
        names: dict[Ino, int] = {}
        subdirectories: dict[Ino, int] = {}
        for ino, inode in self.inodes.items():
            assert inode.ino == ino
            assert inode.nlink or inode.pins or ino == ROOT_INO, f"{ino} leaked"
            if isinstance(inode, RegularFile):
                inode.content.check()
            if isinstance(inode, Symlink):
                assert inode.target
            if not isinstance(inode, Directory):
                continue
            assert inode.nlink or not inode.entries, f"{ino} removed but not empty"
            cookies = [cookie for _, cookie in inode.entries.values()]
            assert cookies == sorted(set(cookies)), f"{ino} has cookies out of order"
            for child_ino, _ in inode.entries.values():
                names[child_ino] = names.get(child_ino, 0) + 1
                child = self.inodes[child_ino]
                if isinstance(child, Directory):
                    assert child.parent == ino, f"{child_ino} has a wrong parent"
                    subdirectories[ino] = subdirectories.get(ino, 0) + 1
        for ino, inode in self.inodes.items():
            linked = names.get(ino, 0)
            if not isinstance(inode, Directory):
                assert inode.nlink == linked, f"{ino}: nlink {inode.nlink}, {linked}"
            elif ino == ROOT_INO or linked:
                assert linked == (ino != ROOT_INO)
                assert inode.nlink == 2 + subdirectories.get(ino, 0)
            else:
                assert inode.nlink == 0
        assert self.pages_used == sum(inode.pages for inode in self.inodes.values())
        opened = Counter(inode.ino for inode in self.open_files.values())
        for ino, times in opened.items():
            assert self.inodes[ino].pins >= times, f"{ino} is open and not held"
