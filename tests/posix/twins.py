"""A store and a tmpfs on which the same calls are made, and that are to be the same.

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
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from tests.posix.abi import (
    O_DIRECTORY,
    O_NOATIME,
    O_NOFOLLOW,
    O_PATH,
    O_RDWR,
    S_IFDIR,
    S_IFLNK,
    S_IFREG,
)
from tests.posix.cases.acls import ACCESS, DEFAULT
from tests.posix.checks import make, user
from tests.posix.choices import (
    ACLS,
    DATA,
    DIRECTORY_MODES,
    MADE,
    MODES,
    MOST_FILES,
    NAMES,
    USERS,
    Place,
)
from tests.posix.host import HostMount, HostPosix
from tests.posix.inmemory import InMemoryPosix
from tests.posix.observed import Descriptor, Side, differences
from tests.posix.protocol import ROOT, Posix, Target, User
from tests.posix.tmpfs import Tmpfs


class Refused(NamedTuple):
    """How a call ended that was refused."""

    error: str


class Making(NamedTuple):
    """What there is at the beginning, in one of the directories until then."""

    kind: str
    number: int
    name: str
    owner: User
    mode: int
    acl: bytes
    """An access control list; of a directory the default one too."""
    data: bytes
    """What is written to a file, which stays open; one without is closed."""


def _makings(
    kinds: st.SearchStrategy[str], modes: st.SearchStrategy[int]
) -> st.SearchStrategy[Making]:
    numbers = st.integers(0, 30)
    return st.builds(Making, kinds, numbers, NAMES, USERS, modes, ACLS, DATA)


MAKINGS = _makings(MADE, MODES) | _makings(st.just("directory"), DIRECTORY_MODES)


class Twins(RuleBasedStateMachine):
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
        mode=DIRECTORY_MODES, makings=st.lists(MAKINGS, min_size=4, max_size=20)
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
            self.same(lambda side: _make(side.posix, path, making))
        if making.kind == "regular" and making.data:
            self.open_file(path, O_RDWR, 0, ROOT)
            self.at_file(-1, lambda p, fd: p.write(fd, making.data))

    # --- making the same call ------------------------------------------------------

    def path(self, place: Place) -> str:
        paths = {
            path: found.attributes.kind
            for path, found in self.theirs.tree.items()
            if path.startswith(".")
        }
        above = [path for path, kind in paths.items() if kind in (S_IFDIR, S_IFLNK)]
        # What comes behind it makes sense for those that may lead on, mostly.
        among = above if place.tail and place.number % 8 else [*paths]
        path = among[place.number % len(among)] + place.tail
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

    # --- descriptors ---------------------------------------------------------------

    def open_file(self, path: str, flags: int, mode: int, who: User) -> None:
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
            self.close_file(0)

    def close_file(self, index: int) -> None:
        self.at_file(index, lambda p, fd: p.close(fd))
        for side in (self.theirs, self.ours):
            side.files.remove(side.file(index))

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


def _make(p: Posix, path: str, making: Making) -> None:
    make(p, making.kind, path, making.mode, making.owner)
    if making.kind != "symlink":
        p.setxattr(path, ACCESS, making.acl)
    if making.kind == "directory":
        p.setxattr(path, DEFAULT, making.acl)


def _attempt(side: Side, call: Callable[[Side], object], who: User) -> object:
    try:
        with user(side.posix, who):
            return call(side)
    except OSError as error:
        return Refused(errno.errorcode[error.errno or 0])
