"""A machine that makes the same calls to the store and to a tmpfs, and compares.

What a call returns or is refused with is the same, and so is the whole tree that it
leaves: names, which inodes they mean, attributes, which of the times moved, content
and extended attributes; of files without a name too, as long as they are open.
"""

import sys

if sys.platform != "linux":
    raise ImportError("only Linux has a tmpfs")

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import NamedTuple

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.posix.abi import (
    FALLOC_FL_PUNCH_HOLE,
    FILE_SIZE_MAX,
    O_CREAT,
    O_DIRECTORY,
    O_EXCL,
    O_NOATIME,
    O_NOFOLLOW,
    O_PATH,
    O_RDWR,
    PAGE,
    S_IFDIR,
    S_IFIFO,
    S_IFLNK,
    S_IFREG,
    SEEK_DATA,
    SEEK_HOLE,
    SEEK_SET,
)
from tests.posix.cases.acls import ACCESS
from tests.posix.checks import DEVICE, make, user
from tests.posix.choices import (
    ACCESS_MODES,
    ACCESSES,
    ANY_TIME,
    DATA,
    FILES,
    IDS,
    KINDS,
    LEADS_TO,
    LENGTHS,
    MADE,
    MODES,
    MOST_FILES,
    NAMES,
    NEW_PLACES,
    NO_ENTRIES,
    OFFSETS,
    OPTIONS,
    PLACES,
    PROTECTS_LINKS,
    RANGE_MODES,
    READ_LENGTHS,
    RENAME_FLAGS,
    SIZES,
    TARGETS,
    UMASKS,
    USERS,
    VALUES,
    WHENCES,
    XATTR_FLAGS,
    XATTRS,
    Place,
)
from tests.posix.host import HostMount, HostPosix
from tests.posix.inmemory import InMemoryPosix
from tests.posix.observed import Descriptor, Side, differences
from tests.posix.protocol import ROOT, Attributes, Posix, Target, Time, User
from tests.posix.tmpfs import Tmpfs

COPIED_HOLES = "the kernel copies the holes of a tmpfs as zeros, the store as holes"
UNWRITTEN = "what is allocated and was never written is a hole in a tmpfs, else data"


IN_DIRECTORY: dict[str, Callable[[Posix, str], object]] = {
    "mkdir": lambda p, name: p.mkdir(name),
    "create": lambda p, name: p.close(p.open(name, O_CREAT | O_EXCL)),
    "symlink": lambda p, name: p.symlink("a", name),
    "mknod": lambda p, name: p.mknod(name, S_IFIFO | 0o600),
    "link": lambda p, name: p.link(name, "a"),
    "unlink": lambda p, name: p.unlink(name),
    "rmdir": lambda p, name: p.rmdir(name),
    "rename": lambda p, name: p.rename(name, "b"),
    "stat": lambda p, name: p.lstat(name).mode,
}


class Refused(NamedTuple):
    """How a call ended that was refused."""

    error: str


class Making(NamedTuple):
    """What there is at the beginning, in one of the directories until then."""

    kind: str
    number: int
    name: str
    mode: int
    owner: User
    data: bytes
    """What is written to a file, which stays open; one without is closed."""


class Oracle(RuleBasedStateMachine):
    """The tmpfs is `theirs`, the store `ours`."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        tmpfs = self._stack.enter_context(Tmpfs())
        self._root = tmpfs.root
        self._home = os.open(".", O_DIRECTORY | O_PATH)
        self._stack.callback(os.close, self._home)
        self._mask = 0
        mount = HostMount(
            root=tmpfs.root,
            elsewhere=tmpfs.root,
            set_limits=tmpfs.set_limits,
            has_coarse_clock=True,
        )
        self._host, self._store = HostPosix(mount, tmpfs.root), InMemoryPosix()
        self.theirs, self.ours = Side("tmpfs", self._host), Side("store", self._store)
        self._expected: dict[tuple[int, str], str] = {}
        """Differences by inode number of theirs and field, with the reason."""

    def teardown(self) -> None:
        with self._stack:
            self._host.close_all()
            self._store.close_all()

    @contextmanager
    def _inside(self) -> Iterator[None]:
        """Have the process in the tmpfs; Hypothesis too works in its directory."""
        os.fchdir(self._root)
        before = os.umask(self._mask)
        try:
            yield
        finally:
            os.umask(before)
            os.fchdir(self._home)

    @initialize(
        mode=st.sampled_from([0o777, 0o2777, 0o755]),
        makings=st.lists(
            st.builds(Making, MADE, st.integers(0, 30), NAMES, MODES, USERS, DATA),
            min_size=4,
            max_size=20,
        ),
    )
    def begin(self, mode: int, makings: list[Making]) -> None:
        with self._inside():
            for side in (self.theirs, self.ours):
                side.posix.chmod(".", mode)
                side.look()
        self._settle()
        for making in makings:
            self._make(making)
            self.they_are_the_same_and_the_store_is_sound()

    def _make(self, making: Making) -> None:
        tree = self.theirs.tree
        above = [at for at in tree if tree[at].attributes.kind == S_IFDIR]
        path = f"{above[making.number % len(above)]}/{making.name}"
        if path not in tree:
            self.same(
                lambda side: make(side.posix, making.kind, path, making.mode).mode
            )
            self.same(lambda side: side.posix.lchown(path, *making.owner[:2]))
        if making.kind == "regular" and making.data:
            self._open(path, O_RDWR, 0, ROOT)
            self.at_file(-1, lambda p, fd: p.write(fd, making.data))

    # --- making the same call ------------------------------------------------------

    def path(self, place: Place) -> str:
        paths = [path for path in self.theirs.tree if path.startswith(".")]
        path = paths[place.number % len(paths)] + place.tail
        note(f"# {place.number}, {place.tail!r} is {path}")
        return path

    def both(
        self, call: Callable[[Side], object], who: User = ROOT
    ) -> tuple[object, object]:
        """Make a call to both, and demand that both refuse it alike, or neither."""
        with self._inside():
            theirs = _attempt(self.theirs, call, who)
        ours = _attempt(self.ours, call, who)
        if isinstance(theirs, Refused) or isinstance(ours, Refused):
            assert theirs == ours, f"tmpfs: {theirs}, store: {ours}"
        return theirs, ours

    def same(self, call: Callable[[Side], object], who: User = ROOT) -> object:
        """Make a call to both, and demand that it returns the same."""
        theirs, ours = self.both(call, who)
        assert theirs == ours, f"tmpfs: {theirs!r}, store: {ours!r}"
        return theirs

    def at_path(
        self, place: Place, call: Callable[[Posix, str], object], who: User
    ) -> object:
        path = self.path(place)
        return self.same(lambda side: call(side.posix, path), who)

    def at_file(
        self, index: int, call: Callable[[Posix, int], object], who: User = ROOT
    ) -> object:
        """A call on one of the descriptors; none if there are none."""
        if not self.theirs.files:
            return None
        return self.same(lambda side: call(side.posix, side.file(index).fd), who)

    def at(
        self, what: Place | int, call: Callable[[Posix, Target], object], who: User
    ) -> object:
        if isinstance(what, int):
            return self.at_file(what, call, who)
        return self.at_path(what, call, who)

    def attribute(self, name: str, path: str, follow: bool = True) -> object:
        """Of what a path leads to, if it does."""
        stat = self._host.stat if follow else self._host.lstat
        with self._inside(), suppress(OSError):
            return getattr(stat(path), name)
        return None

    # --- names ---------------------------------------------------------------------

    @rule(place=NEW_PLACES, mode=MODES, who=USERS)
    def mkdir(self, place: Place, mode: int, who: User) -> None:
        self.at_path(place, lambda p, path: p.mkdir(path, mode), who)

    @rule(place=NEW_PLACES, kind=KINDS, mode=MODES, who=USERS)
    def mknod(self, place: Place, kind: int, mode: int, who: User) -> None:
        self.at_path(place, lambda p, path: p.mknod(path, kind | mode, DEVICE), who)

    @rule(place=NEW_PLACES, leads_to=LEADS_TO, who=USERS)
    def symlink(self, place: Place, leads_to: str, who: User) -> None:
        self.at_path(place, lambda p, path: p.symlink(leads_to, path), who)

    @rule(place=PLACES, who=USERS)
    def readlink(self, place: Place, who: User) -> None:
        self.at_path(place, lambda p, path: p.readlink(path), who)

    @rule(old=PLACES, new=NEW_PLACES, follow=st.booleans(), who=USERS)
    def link(self, old: Place, new: Place, follow: bool, who: User) -> None:
        source, target = self.path(old), self.path(new)
        if PROTECTS_LINKS and self.attribute("uid", source, follow) != who.uid:
            who = ROOT
        self.same(lambda side: side.posix.link(source, target, follow), who)

    @rule(place=PLACES, who=USERS)
    def unlink(self, place: Place, who: User) -> None:
        self.at_path(place, lambda p, path: p.unlink(path), who)

    @rule(place=PLACES, who=USERS)
    def rmdir(self, place: Place, who: User) -> None:
        self.at_path(place, lambda p, path: p.rmdir(path), who)

    @rule(old=PLACES, new=NEW_PLACES, flags=RENAME_FLAGS, who=USERS)
    def rename(self, old: Place, new: Place, flags: int, who: User) -> None:
        source, target = self.path(old), self.path(new)
        self.same(lambda side: side.posix.rename(source, target, flags), who)

    @rule(place=PLACES, who=USERS, follow=st.booleans())
    def stat(self, place: Place, who: User, follow: bool) -> None:
        def stat(p: Posix, path: str) -> int:
            return (p.stat(path) if follow else p.lstat(path)).mode

        self.at_path(place, stat, who)

    # --- attributes ----------------------------------------------------------------

    @rule(mask=UMASKS)
    def umask(self, mask: int) -> None:
        self._mask = mask
        self._store.umask(mask)

    @rule(what=TARGETS, mode=MODES, who=USERS)
    def chmod(self, what: Place | int, mode: int, who: User) -> None:
        self.at(what, lambda p, at: p.chmod(at, mode), who)

    @rule(what=TARGETS, uid=IDS, gid=IDS, who=USERS)
    def chown(self, what: Place | int, uid: int, gid: int, who: User) -> None:
        who = _who_chowns(uid, gid, who)
        self.at(what, lambda p, at: p.chown(at, uid, gid), who)

    @rule(place=PLACES, uid=IDS, gid=IDS, who=USERS)
    def lchown(self, place: Place, uid: int, gid: int, who: User) -> None:
        who = _who_chowns(uid, gid, who)
        self.at_path(place, lambda p, path: p.lchown(path, uid, gid), who)

    @rule(what=TARGETS, atime=ANY_TIME, mtime=ANY_TIME, who=USERS)
    def utimens(self, what: Place | int, atime: Time, mtime: Time, who: User) -> None:
        self.at(what, lambda p, at: p.utimens(at, atime, mtime), who)

    @rule(place=PLACES, atime=ANY_TIME, mtime=ANY_TIME, who=USERS)
    def lutimens(self, place: Place, atime: Time, mtime: Time, who: User) -> None:
        self.at_path(
            place, lambda p, path: p.utimens(path, atime, mtime, follow=False), who
        )

    @rule(place=PLACES, mask=ACCESSES, who=USERS)
    def access(self, place: Place, mask: int, who: User) -> None:
        self.at_path(place, lambda p, path: p.access(path, mask), who)

    @rule(what=TARGETS, name=XATTRS, value=VALUES, flags=XATTR_FLAGS, who=USERS)
    def setxattr(
        self, what: Place | int, name: str, value: bytes, flags: int, who: User
    ) -> None:
        who = _who_changes(name, value, who)
        self.at(what, lambda p, at: p.setxattr(at, name, value, flags), who)

    @rule(what=TARGETS, name=XATTRS, who=USERS)
    def getxattr(self, what: Place | int, name: str, who: User) -> None:
        self.at(what, lambda p, at: p.getxattr(at, name), who)

    @rule(what=TARGETS, who=USERS)
    def listxattr(self, what: Place | int, who: User) -> None:
        self.at(what, lambda p, at: sorted(p.listxattr(at)), who)

    @rule(what=TARGETS, name=XATTRS, who=USERS)
    def removexattr(self, what: Place | int, name: str, who: User) -> None:
        who = _who_changes(name, NO_ENTRIES, who)
        self.at(what, lambda p, at: p.removexattr(at, name), who)

    @rule(place=PLACES, name=XATTRS, value=VALUES, who=USERS)
    def lsetxattr(self, place: Place, name: str, value: bytes, who: User) -> None:
        who = _who_changes(name, value, who)
        self.at_path(place, lambda p, path: p.lsetxattr(path, name, value), who)

    @rule(place=PLACES, name=XATTRS, who=USERS)
    def lgetxattr(self, place: Place, name: str, who: User) -> None:
        self.at_path(place, lambda p, path: p.lgetxattr(path, name), who)

    # --- descriptors ---------------------------------------------------------------

    @rule(place=NEW_PLACES, access=ACCESS_MODES, mode=MODES, who=USERS)
    def create(self, place: Place, access: int, mode: int, who: User) -> None:
        self._open(self.path(place), O_CREAT | O_EXCL | access, mode, who)

    @rule(place=PLACES, access=ACCESS_MODES, options=OPTIONS, mode=MODES, who=USERS)
    def open(
        self, place: Place, access: int, options: int, mode: int, who: User
    ) -> None:
        self._open(self.path(place), access | options, mode, who)

    def _open(self, path: str, flags: int, mode: int, who: User) -> None:
        kind = self.attribute("kind", path)
        if kind not in (S_IFREG, S_IFDIR, None):
            # What is behind such a name is not the filesystem's, and can block.
            flags = O_PATH | flags & O_NOFOLLOW
        if kind == S_IFDIR:
            # A listing in the store always counts as an access.
            flags &= ~O_NOATIME
        ends = self.both(lambda side: side.posix.open(path, flags, mode), who)
        for side, fd in zip((self.theirs, self.ours), ends, strict=True):
            if isinstance(fd, int):
                side.files.append(Descriptor(fd, flags))
        if len(self.theirs.files) > MOST_FILES:
            self.close(index=0)

    @precondition(lambda self: self.theirs.files)
    @rule(index=FILES)
    def close(self, index: int) -> None:
        self.at_file(index, lambda p, fd: p.close(fd))
        for side in (self.theirs, self.ours):
            side.files.remove(side.file(index))

    @precondition(lambda self: self.theirs.files)
    @rule(index=FILES, size=READ_LENGTHS)
    def read(self, index: int, size: int) -> None:
        self.at_file(index, lambda p, fd: p.read(fd, size))

    @precondition(lambda self: self.theirs.files)
    @rule(index=FILES, size=READ_LENGTHS, offset=OFFSETS)
    def pread(self, index: int, size: int, offset: int) -> None:
        self.at_file(index, lambda p, fd: p.pread(fd, size, offset))

    @precondition(lambda self: self.theirs.files)
    @rule(index=FILES, data=DATA, who=USERS)
    def write(self, index: int, data: bytes, who: User) -> None:
        self.at_file(index, lambda p, fd: p.write(fd, data), who)

    @precondition(lambda self: self.theirs.files)
    @rule(index=FILES, data=DATA, offset=OFFSETS, who=USERS)
    def pwrite(self, index: int, data: bytes, offset: int, who: User) -> None:
        self.at_file(index, lambda p, fd: p.pwrite(fd, data, offset), who)

    @rule(what=TARGETS, size=SIZES, who=USERS)
    def truncate(self, what: Place | int, size: int, who: User) -> None:
        """To the size that a file has already, only by descriptor.

        By path a tmpfs then leaves the times; the store does not know that from
        opening a file with O_TRUNC, for which POSIX has them move.
        """
        if isinstance(what, Place) and self.attribute("size", self.path(what)) == size:
            size += 1
        self.at(what, lambda p, at: p.truncate(at, size), who)

    @precondition(lambda self: self.theirs.files)
    @rule(index=FILES, offset=OFFSETS, whence=WHENCES)
    def lseek(self, index: int, offset: int, whence: int) -> None:
        """In files: what an offset in a directory is, each filesystem decides."""
        found = self.theirs.held(index).attributes
        is_for_holes = whence in (SEEK_DATA, SEEK_HOLE)
        if found.kind != S_IFDIR and not (is_for_holes and self._hides_holes(found)):
            self.at_file(index, lambda p, fd: p.lseek(fd, offset, whence))

    def _hides_holes(self, found: Attributes) -> bool:
        """Whether a tmpfs does not tell where they are, or has others.

        In the last page that a file can have, its answer overflows.
        """
        is_longest = found.size > FILE_SIZE_MAX - PAGE
        return is_longest or (found.ino, "holes") in self._expected

    @precondition(lambda self: self.theirs.files)
    @rule(index=FILES, mode=RANGE_MODES, offset=OFFSETS, length=LENGTHS, who=USERS)
    def fallocate(
        self, index: int, mode: int, offset: int, length: int, who: User
    ) -> None:
        end = self.at_file(
            index, lambda p, fd: p.fallocate(fd, mode, offset, length), who
        )
        if end is None and not mode & FALLOC_FL_PUNCH_HOLE:
            self._expected[self.theirs.held(index).attributes.ino, "holes"] = UNWRITTEN

    @precondition(lambda self: self.theirs.files)
    @rule(
        source=FILES,
        sink=FILES,
        length=LENGTHS,
        offset=st.none() | OFFSETS,
        target_offset=st.none() | OFFSETS,
    )
    def copy_file_range(
        self,
        source: int,
        sink: int,
        length: int,
        offset: int | None,
        target_offset: int | None,
    ) -> None:
        def copy(side: Side) -> int:
            fds = side.file(source).fd, side.file(sink).fd
            return side.posix.copy_file_range(*fds, length, offset, target_offset)

        held = self.theirs.held(source)
        begin = (held.offset or 0) if offset is None else offset
        has_holes = self._has_holes(source, begin, length)
        copied = self.same(copy)
        if has_holes and isinstance(copied, int) and copied:
            ino = self.theirs.held(sink).attributes.ino
            self._expected[ino, "blocks"] = self._expected[ino, "holes"] = COPIED_HOLES

    def _has_holes(self, index: int, begin: int, length: int) -> bool:
        """Whether there are any in a range of a file, in one of the two."""
        held = self.theirs.held(index)
        if held.offset is None or self._hides_holes(held.attributes):
            return True
        fd = self.theirs.file(index).fd
        try:
            return self._host.lseek(fd, begin, SEEK_HOLE) < begin + length
        except OSError:  # it does not begin in the file
            return False
        finally:
            self._host.lseek(fd, held.offset)

    @precondition(lambda self: self.theirs.files)
    @rule(index=FILES)
    def getdents(self, index: int) -> None:
        def getdents(p: Posix, fd: int) -> list[tuple[str, int]]:
            p.lseek(fd, 0, SEEK_SET)
            found = []
            while entries := p.getdents(fd):
                found += [(entry.name, entry.kind) for entry in entries]
            return sorted(found)

        self.at_file(index, getdents)

    # --- with little room ----------------------------------------------------------

    @precondition(lambda self: self.theirs.files)
    @rule(index=FILES, data=DATA, offset=OFFSETS, blocks=st.integers(0, 2))
    def write_when_full(
        self, index: int, data: bytes, offset: int, blocks: int
    ) -> None:
        if not self._hides_holes(self.theirs.held(index).attributes):
            self.at_file(
                index, lambda p, fd: _when_full(p, fd, blocks, p.pwrite, data, offset)
            )

    @precondition(lambda self: self.theirs.files)
    @rule(index=FILES, offset=OFFSETS, length=LENGTHS, blocks=st.integers(0, 2))
    def allocate_when_full(
        self, index: int, offset: int, length: int, blocks: int
    ) -> None:
        found = self.theirs.held(index).attributes
        if not self._hides_holes(found):
            self.at_file(
                index,
                lambda p, fd: _when_full(p, fd, blocks, p.fallocate, 0, offset, length),
            )
            self._expected[found.ino, "holes"] = UNWRITTEN

    @rule(place=NEW_PLACES, kind=KINDS)
    def make_when_full(self, place: Place, kind: int) -> None:
        def make_one(p: Posix, path: str) -> None:
            with p.leave(inodes=0):
                if kind == S_IFDIR:
                    p.mkdir(path)
                elif kind == S_IFLNK:
                    p.symlink("a", path)
                else:
                    p.mknod(path, kind | 0o644, DEVICE)

        self.at_path(place, make_one, ROOT)

    # --- directories that are open -------------------------------------------------

    @precondition(lambda self: self.theirs.files)
    @rule(index=FILES, new=NEW_PLACES)
    def link_open(self, index: int, new: Place) -> None:
        """For root: others may for what they opened with the same credentials."""
        path = self.path(new)
        self.at_file(index, lambda p, fd: p.link_open(fd, path))

    @precondition(lambda self: self.theirs.files)
    @rule(index=FILES, name=NAMES, call=st.sampled_from([*IN_DIRECTORY]), who=USERS)
    def in_directory(self, index: int, name: str, call: str, who: User) -> None:
        """By a name in a directory that is open, and may have been removed."""
        if self.theirs.held(index).attributes.kind != S_IFDIR:
            return
        if call == "link" and PROTECTS_LINKS:
            who = ROOT

        def act(side: Side) -> None:
            with side.posix.at(side.file(index).fd):
                IN_DIRECTORY[call](side.posix, name)

        self.same(act, who)

    # --- comparing -----------------------------------------------------------------

    @invariant()
    def they_are_the_same_and_the_store_is_sound(self) -> None:
        with self._inside():
            self.theirs.look()
        self.ours.look()
        found = list(differences(self.theirs, self.ours, self._expected))
        assert not found, "\n".join(found)
        self._store.inodes.check_invariants()
        self._settle()

    def _settle(self) -> None:
        """Look again when stamps will be later ones than those that there are."""
        with self._inside():
            self.theirs.settle()
        self.ours.settle()
        self._host.tick(max(max(each.values()) for each in self.theirs.before.values()))


def _when_full(
    p: Posix, fd: int, blocks: int, call: Callable[..., int | None], *args: object
) -> int | None:
    """Make a call that changes a file when there are only so many blocks left.

    Linux stamps the file before it finds that there is no room. POSIX and the store do
    not, so both are given times then.
    """
    try:
        with p.leave(blocks=blocks):
            return call(fd, *args)
    except OSError:
        with suppress(OSError):
            p.utimens(fd, 0, 0)
        raise


def _who_chowns(uid: int, gid: int, who: User) -> User:
    """Who may change nothing about an owner is decided above filesystems."""
    return ROOT if uid == gid == -1 else who


def _who_changes(name: str, value: bytes, who: User) -> User:
    """Root takes access lists off.

    Where the owner is not in the file's group, a tmpfs takes off the set-group-ID bit
    with it, and disk filesystems do not (fs/ext4/acl.c:ext4_set_acl).
    """
    return ROOT if name == ACCESS and value in (b"", NO_ENTRIES) else who


def _attempt(side: Side, call: Callable[[Side], object], who: User) -> object:
    try:
        with user(side.posix, who):
            return call(side)
    except OSError as error:
        return Refused(errno.errorcode[error.errno or 0])
