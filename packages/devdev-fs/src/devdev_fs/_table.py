"""The inode table: the one owner of every inode, its lifetime and its space.

Every function below `Fs` takes the table and runs with its lock held. It checks
everything first, in the order its docstring states, and then changes; the
changes it made are noted in `changes` for whoever mirrors the store.

Inodes are shared with images and the journal. What is about to change one asks
`edit` for the inode to change, and says so before it changes anything.
"""

from collections.abc import Mapping
from itertools import count
from typing import TypeVar

from devdev_fs._clock import Clock
from devdev_fs._entries import Entries
from devdev_fs._errno import Errno, FsError
from devdev_fs._image import Image, Memo, Tree, is_same
from devdev_fs._inode import Directory, Inode, RegularFile
from devdev_fs._journal import (
    DEFAULT_MAX_HISTORY_BYTES,
    DEFAULT_MAX_HISTORY_ENTRIES,
    Journal,
    SpanEntry,
)
from devdev_fs._listings import Listings
from devdev_fs._sparse import Sparse
from devdev_fs._types import (
    ID_MAX,
    PAGE_SIZE,
    ROOT_INO,
    S_IFMT,
    S_ISGID,
    AtimePolicy,
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

PRIVATE_INO = 2**62
"""Where the numbers begin that no snapshot has: those of open files, and of orphans
that a restore has moved out of the way."""

_DAY_NS = 24 * 60 * 60 * 10**9

_EPOCHS = count(1)
"""Never used twice in a process, since inodes are shared between filesystems."""
_SEGMENT_BITS = 32

RENEW = -1
"""Acting for nobody known: whoever acts next is to be looked up."""

AnyInode = TypeVar("AnyInode", bound=Inode)


def check_owner(*ids: int | None) -> None:
    """Refuse user and group numbers that do not fit; None is none.

    Raises:
        FsError: EINVAL.
    """
    for number in ids:
        if number is not None and not 0 <= number <= ID_MAX:
            raise FsError(Errno.EINVAL, f"{number} is no user or group number")


def _was_accessed(inode: Inode, now: int) -> bool:
    """Whether it was accessed since it changed, and within a day.

    As Linux's fs/inode.c:relatime_need_update.
    """
    is_later = inode.atime_ns > max(inode.mtime_ns, inode.ctime_ns)
    return is_later and now - inode.atime_ns < _DAY_NS


class InodeTable(Tree):
    """Inodes by number, the clock they are stamped by, and the limits they share."""

    __slots__ = (
        "_epoch",
        "_image",
        "acting",
        "atime_policy",
        "changes",
        "clock",
        "heads",
        "history_limits",
        "inodes",
        "journal",
        "listings",
        "max_inodes",
        "max_pages",
        "memo",
        "next_ino",
        "next_private",
        "open_files",
        "orphaned",
        "orphans",
        "pages_used",
        "pins",
        "span",
        "tells",
        "token",
        "umask",
        "unnamed",
    )

    def __init__(
        self, *, clock: Clock, umask: int, max_pages: int, max_inodes: int
    ) -> None:
        self.clock = clock
        self.umask = umask
        self.atime_policy: AtimePolicy = "strict"
        self.max_pages = max_pages
        self.max_inodes = max_inodes
        self.pages_used = 0
        self.inodes: Sparse[Inode] = Sparse()
        """Those that have a name, by number."""
        self.heads: dict[str | bytes, Ino] = {}
        """Directories by paths through no link, forgotten when one moves or goes."""
        self.orphans: dict[Ino, Inode] = {}
        """Those that have none and are pinned."""
        self.unnamed: set[Ino] = set()
        """Those of them that never had a name, and may get one."""
        self.pins: dict[Ino, int] = {}
        """References other than names: kernel lookups and open files."""
        self.next_ino = ROOT_INO
        self.next_private = Ino(PRIVATE_INO)
        self.open_files: dict[Ino, Ino] = {}
        """Inodes by a number that stays the file's when a restore renumbers them."""
        self.tells = True
        """Whether there is anybody to be told of changes."""
        self.changes: list[Change] = []
        self.orphaned: list[tuple[Ino, Ino]] = []
        """Old and new numbers of the orphans that `put` moved out of the way."""
        self.history_limits = (DEFAULT_MAX_HISTORY_BYTES, DEFAULT_MAX_HISTORY_ENTRIES)
        self.journal: Journal | None = None
        self.acting = 0
        """The number of the span that acts; 0 for none, or `RENEW`."""
        self.span: SpanEntry | None = None
        """What changes are attributed to; None before the journal begins."""
        self.memo = Memo()
        """What the digests of this filesystem's images remember."""
        self.token = 0
        self._epoch = 0
        self._image: Image | None = None
        self.listings = Listings()
        self._renew()

    # --- finding -----------------------------------------------------------------

    @property
    def inode_count(self) -> int:
        """Inodes in use, orphans among them."""
        return self.inodes.count + len(self.orphans)

    def find(self, ino: Ino) -> Inode | None:
        """The inode of that number, or of that open file; or None."""
        if ino >= PRIVATE_INO:
            ino = self.open_files.get(ino, ino)
        return self.inodes.get(ino) or self.orphans.get(ino)

    def get(self, ino: Ino) -> Inode:
        """The inode of that number, or of that open file.

        Raises:
            FsError: ENOENT.
        """
        if ino >= PRIVATE_INO:
            ino = self.open_files.get(ino, ino)
        inode = self.inodes.get(ino) or self.orphans.get(ino)
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

    # --- versions ----------------------------------------------------------------

    def edit(self, inode: AnyInode) -> AnyInode:
        """The inode to change instead of `inode`, which may be this one itself.

        It is a copy, put in its place, if an image has it, or if another span
        touched it last: then the journal keeps `inode` as it was.
        """
        return inode if inode.token == self.token else self._copy_up(inode)

    def _copy_up(self, inode: AnyInode) -> AnyInode:
        if inode.ino in self.orphans:
            inode.token = self.token
            return inode
        if self.journal is not None:
            self.journal.touch(self._segment, inode.ino, inode)
        return self._replace(inode, self.token)

    def _replace(self, inode: AnyInode, token: int) -> AnyInode:
        twin = inode.copy()
        twin.token = token
        self.inodes.set(inode.ino, twin)
        self._image = None
        return twin

    def touch_atime(self, inode: Inode) -> None:
        """Take note of an access, as the policy has it; it is nobody's change.

        A time that is up to date is left (Linux's fs/inode.c:atime_needs_update).
        """
        if self.atime_policy == "never":
            return
        now = self.clock.now_ns()
        if now == inode.atime_ns:
            return
        if self.atime_policy == "relative" and _was_accessed(inode, now):
            return
        is_shared = inode.token >> _SEGMENT_BITS != self._epoch
        if is_shared and inode.ino not in self.orphans:
            inode = self._replace(inode, self._epoch << _SEGMENT_BITS)
        inode.atime_ns = now
        if self.tells:
            self.changes.append(Change(ChangeKind.ACCESS, inode.ino))

    def freeze(self) -> Image:
        """The present state as a value, in O(1)."""
        if self._image is None:
            frozen: Sparse[Inode] = Sparse()
            frozen.copy_of(self.inodes)
            orphaned = sum(inode.pages for inode in self.orphans.values())
            self._image = Image(
                frozen,
                self.next_ino,
                self.max_pages,
                self.max_inodes,
                self.pages_used - orphaned,
                self.memo,
            )
            self._renew()
        return self._image

    def forget_image(self) -> None:
        """Take note that the limits changed, which are part of the state too."""
        self._image = None

    @property
    def is_unobserved(self) -> bool:
        """Whether nobody holds, watches or remembers what there is."""
        return not self.pins and not self.tells and self.journal is None

    def thaw(self, image: Image) -> None:
        """Become an image, in O(1); only of a table that nobody observes."""
        self.heads.clear()
        self.listings.clear()
        self.inodes.copy_of(image.inodes)
        self.next_ino = image.next_ino
        self.max_pages, self.max_inodes = image.max_pages, image.max_inodes
        self.pages_used = image.pages
        self.memo = Memo(image.memo.trees)
        self._image = image

    def act_for(self, number: int) -> None:
        """Attribute changes to a span from now on; to none if it is 0 or has ended."""
        self.acting = number
        if self.journal is not None:
            span = self.journal.span(number)
            if span is None or not span.is_open:
                span = self.journal.anonymous(self.clock.now_ns())
            self.span = span
            self.token = self._epoch << _SEGMENT_BITS | span.segment

    def keep_history(self, journal: Journal) -> None:
        """Let a journal take note of what comes from now on."""
        self.journal = journal
        self.acting = RENEW
        self._renew()

    def _renew(self) -> None:
        """Make everything there is so far be copied before it is changed."""
        self._epoch = next(_EPOCHS)
        self.token = self._epoch << _SEGMENT_BITS | (
            0 if self.span is None else self.span.segment
        )

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
        if self.inode_count + extra > self.max_inodes:
            message = f"no inode left: the limit is {self.max_inodes}"
            raise FsError(Errno.ENOSPC, message)

    # --- life --------------------------------------------------------------------

    def make_root(self) -> None:
        """Make the root directory of an empty table."""
        now = self.clock.now_ns()
        mode = Kind.DIRECTORY | 0o755
        ino = self.take_number()
        root = Directory(ino, mode, 0, 0, now, now, now, now, nlink=2, parent=ROOT_INO)
        self.inodes.set(ino, root)

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
        """Put a new inode into the table and under `name` in `parent`, edited."""
        inode.token = self.token
        inode.parent, inode.name = parent.ino, name
        self.inodes.set(inode.ino, inode)
        self._image = None
        if self.journal is not None:
            self.journal.touch(self._segment, inode.ino, None)
        parent.add(name, inode.ino)
        if isinstance(inode, Directory):
            parent.nlink += 1
        parent.mtime_ns = parent.ctime_ns = inode.ctime_ns
        self.note_entry(parent.ino, name)

    @property
    def _segment(self) -> int:
        """The segment of the journal that changes belong to; 0 without a journal."""
        return self.token & (1 << _SEGMENT_BITS) - 1

    def pin(self, ino: Ino, count: int = 1) -> None:
        """Hold the inode `count` more times: it outlives its last name.

        Raises:
            FsError: ENOENT, EINVAL (negative).
        """
        ino = self.get(ino).ino
        if count < 0:
            raise FsError(Errno.EINVAL, f"{count} pins")
        if count:
            self.pins[ino] = self.pins.get(ino, 0) + count

    def unpin(self, ino: Ino, count: int = 1) -> None:
        """Let go `count` times; an inode without names and pins is freed.

        Raises:
            FsError: ENOENT, EINVAL (negative, or it is not held so often).
        """
        ino = self.get(ino).ino
        pins = self.pins.get(ino, 0)
        if not 0 <= count <= pins:
            raise FsError(Errno.EINVAL, f"inode {ino} has {pins} pins, not {count}")
        if count < pins:
            self.pins[ino] = pins - count
        elif pins:
            del self.pins[ino]
            orphan = self.orphans.pop(ino, None)
            if orphan is not None:
                self._free(orphan)

    def unname(self, inode: Inode) -> None:
        """Take an inode, edited, whose last name is gone, out of what has names."""
        self.inodes.remove(inode.ino)
        self._image = None
        if inode.ino in self.pins:
            self.orphans[inode.ino] = inode
            self.note_attributes(inode.ino)
        else:
            self._free(inode)

    def add_unnamed(self, inode: Inode) -> None:
        """Put a new inode, which has no name yet, into the table, pinned once."""
        inode.token = self.token
        self.orphans[inode.ino] = inode
        self.unnamed.add(inode.ino)
        self.pins[inode.ino] = 1
        self._image = None

    def name_orphan(self, inode: Inode) -> None:
        """Bring an orphan, edited, among what has names."""
        del self.orphans[inode.ino]
        self.unnamed.discard(inode.ino)
        self.inodes.set(inode.ino, inode)
        self._image = None
        if self.journal is not None:
            self.journal.touch(self._segment, inode.ino, None)

    def _free(self, inode: Inode) -> None:
        self.pages_used -= inode.pages
        self.unnamed.discard(inode.ino)
        self.listings.forget(inode.ino)

    # --- changes -----------------------------------------------------------------

    def note_attributes(self, ino: Ino) -> None:
        """Note that the inode's metadata changed."""
        if self.tells:
            self.changes.append(Change(ChangeKind.ATTRIBUTES, ino))

    def note_content(self, ino: Ino, offset: int, end: int, grown_to: int) -> None:
        """Note that bytes of a file changed; see `Change` for the numbers."""
        if self.tells:
            kind = ChangeKind.CONTENT
            change = Change(kind, ino, b"", Ino(0), offset, end, grown_to)
            self.changes.append(change)

    def note_entry(self, parent: Ino, name: bytes, old: Ino = Ino(0)) -> None:
        """Note that a name came, went or means another inode."""
        if self.tells:
            self.changes.append(Change(ChangeKind.ENTRY, parent, name, old))

    def take_changes(self) -> list[Change]:
        """What was noted since the last time."""
        changes, self.changes = self.changes, []
        return changes

    # --- replacing what there is -------------------------------------------------

    def put(self, target: Mapping[Ino, Inode | None]) -> None:
        """Let inodes be what they are in `target`, None being none; attributed.

        All of `target` together keeps the tree whole: that is the caller's business.
        Whoever has an inode pinned stays on it if it is the same one, and otherwise
        on an orphan of it, which gets a number out of the way.
        """
        self.heads.clear()
        before = {ino: self.inodes.get(ino) for ino in target}
        for ino, inode in target.items():
            self._put(ino, before[ino], inode)
        # From the leaves to the root: a kernel lets go of an inode through its name.
        moved = dict(self.orphaned)
        for ino in sorted(target, reverse=True):
            self._note_put(before[ino], target[ino], moved)

    def _put(self, ino: Ino, old: Inode | None, new: Inode | None) -> None:
        if self.journal is not None:
            self.journal.touch(self._segment, ino, old)
        self._image = None
        self.listings.forget(ino)
        held = old or self.orphans.get(ino)
        if new is None:
            if old is not None:
                self.inodes.remove(ino)
        else:
            self.inodes.set(ino, new)
            self.pages_used += new.pages
        if old is not None:
            self.pages_used -= old.pages
        if ino in self.pins and held is not None:
            self._keep_pinned(held, old, new)

    def _keep_pinned(self, held: Inode, old: Inode | None, new: Inode | None) -> None:
        """Decide what becomes of the pins on `held`, the named `old` or an orphan."""
        if new is not None and is_same(held, new):
            if old is None:
                self.pages_used -= self.orphans.pop(held.ino).pages
                self.unnamed.discard(held.ino)
            return
        if old is None:
            del self.orphans[held.ino]
        else:
            held = held.copy()
            self.pages_used += held.pages
        held.nlink, held.parent, held.name, held.others = 0, Ino(0), b"", None
        if isinstance(held, Directory):
            held.entries = Entries()
        if held.ino < PRIVATE_INO:
            self._renumber(held)
        self.orphans[held.ino] = held
        self.note_attributes(held.ino)

    def _renumber(self, orphan: Inode) -> None:
        old, orphan.ino = orphan.ino, self.take_private_number()
        self.pins[orphan.ino] = self.pins.pop(old)
        self.orphaned.append((old, orphan.ino))
        if old in self.unnamed:
            self.unnamed.remove(old)
            self.unnamed.add(orphan.ino)
        for handle, ino in self.open_files.items():
            if ino == old:
                self.open_files[handle] = orphan.ino

    def _note_put(
        self, old: Inode | None, new: Inode | None, moved: Mapping[Ino, Ino]
    ) -> None:
        self._note_entries(old, new, moved)
        if new is None:
            return
        if isinstance(old, RegularFile) and isinstance(new, RegularFile):
            grown_to = new.size if new.size > old.size else -1
            self.note_content(new.ino, 0, -1, grown_to)
        else:
            self.note_attributes(new.ino)

    def _note_entries(
        self, old: Inode | None, new: Inode | None, moved: Mapping[Ino, Ino]
    ) -> None:
        """Note the names that mean something else; under the numbers of now."""
        before = old.entries if isinstance(old, Directory) else Entries()
        after = new.entries if isinstance(new, Directory) else Entries()
        there = old or new
        if there is None:
            return
        directory = there.ino
        if not is_same(old, new):
            directory = moved.get(directory, directory)
        for name in before.differences(after):
            ino, _ = before.get(name) or (Ino(0), 0)
            self.note_entry(directory, name, moved.get(ino, ino))
        if old is not None and new is not None and not is_same(old, new):
            for parent, name in old.links():
                self.note_entry(parent, name, moved.get(old.ino, old.ino))
