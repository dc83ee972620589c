"""Random calls to the store and to a tmpfs, which are to do the same."""

import sys

if sys.platform != "linux":
    raise ImportError("only Linux has a tmpfs")

from collections.abc import Callable
from contextlib import suppress

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.posix.abi import (
    FALLOC_FL_PUNCH_HOLE,
    FILE_SIZE_MAX,
    O_CREAT,
    O_EXCL,
    PAGE,
    S_IFDIR,
    S_IFIFO,
    S_IFLNK,
    SEEK_DATA,
    SEEK_HOLE,
    SEEK_SET,
)
from tests.posix.checks import DEVICE, user
from tests.posix.choices import (
    ACCESS_MODES,
    DATA,
    FILES,
    KINDS,
    LENGTHS,
    MODES,
    NAMES,
    NEW_PLACES,
    OFFSETS,
    OPTIONS,
    PLACES,
    PROTECTS_LINKS,
    RANGE_MODES,
    READ_LENGTHS,
    SIZES,
    TARGETS,
    USERS,
    WHENCES,
    Place,
)
from tests.posix.namerules import NameRules
from tests.posix.observed import Side
from tests.posix.protocol import ROOT, Attributes, Posix, User

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


class Oracle(NameRules):
    """Calls by path, and these, which take a descriptor."""

    # --- descriptors ---------------------------------------------------------------

    @rule(place=NEW_PLACES, access=ACCESS_MODES, mode=MODES, who=USERS)
    def create(self, place: Place, access: int, mode: int, who: User) -> None:
        self.open_file(self.path(place), O_CREAT | O_EXCL | access, mode, who)

    @rule(place=PLACES, access=ACCESS_MODES, options=OPTIONS, mode=MODES, who=USERS)
    def open(
        self, place: Place, access: int, options: int, mode: int, who: User
    ) -> None:
        self.open_file(self.path(place), access | options, mode, who)

    @precondition(lambda self: self.theirs.files)
    @rule(index=FILES)
    def close(self, index: int) -> None:
        self.close_file(index)

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
    @rule(index=FILES, data=DATA, offset=OFFSETS, blocks=st.integers(1, 3))
    def write_when_full(
        self, index: int, data: bytes, offset: int, blocks: int
    ) -> None:
        if not self._hides_holes(self.theirs.held(index).attributes):
            self.at_file(
                index, lambda p, fd: _when_full(p, fd, blocks, p.pwrite, data, offset)
            )

    @precondition(lambda self: self.theirs.files)
    @rule(index=FILES, offset=OFFSETS, length=LENGTHS, blocks=st.integers(1, 3))
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
            # To enter it takes a permission that the store is not asked for.
            with side.posix.at(side.file(index).fd), user(side.posix, who):
                IN_DIRECTORY[call](side.posix, name)

        self.same(act)


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
