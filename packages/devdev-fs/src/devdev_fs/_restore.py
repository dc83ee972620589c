"""Making a filesystem, or some paths of it, what it was at some point."""

from collections.abc import Iterable, Iterator, Sequence

from devdev_fs._assemble import Merged, Plan, assemble
from devdev_fs._compare import compare, is_equal
from devdev_fs._errno import Errno, FsError
from devdev_fs._image import Image, is_same
from devdev_fs._inode import Directory, Inode, Link
from devdev_fs._namei import as_bytes
from devdev_fs._types import Ino
from devdev_fs._whereabouts import find_below_root

_Names = tuple[bytes, ...]
"""A path, from the root."""


def restore_all(live: Image, point: Image) -> Merged:
    """What becomes of `live` if all of it is to be what it was."""
    changed = live.inodes.differences(point.inodes)
    target = {
        Ino(ino): version
        for ino, there, version in changed
        if not _is_as_it_was(there, version)
    }
    return Merged(target, [], max(live.next_ino, point.next_ino))


def _is_as_it_was(there: Inode | None, version: Inode | None) -> bool:
    """Whether two versions of an inode that both have are the same in all respects."""
    if there is None or version is None or not is_same(there, version):
        return False
    if there.links() != version.links() or not is_equal(there, version):
        return False
    if isinstance(there, Directory) and isinstance(version, Directory):
        cookies = there.next_cookie, version.next_cookie
        return cookies[0] == cookies[1] and [*there.entries] == [*version.entries]
    return True


def restore_paths(
    live: Image, point: Image, paths: Sequence[str | bytes], now_ns: int
) -> Merged:
    """What becomes of `live` if what is at some paths is to be what it was there.

    What was not there goes, with all below it; the rest stays. Directories above are
    made again if need be, as they were; a directory that gets or loses a name is
    stamped `now_ns`. Paths are taken as they are: links in them are not followed.

    What now has its place elsewhere stays there, and what comes back is another
    inode. Hard links to what is not restored come back if that is as it was; if it
    has changed, what comes back is an inode of its own.

    Raises:
        FsError: ENOENT (a path is in neither), ENOTDIR (something above it is no
            directory now), EINVAL (`..` in a path).
    """
    wanted = _outermost(_split(path) for path in paths)
    for names in wanted:
        _check(live, point, names)
    if () in wanted:
        return restore_all(live, point)
    return _Restoration(live, point, now_ns).run(wanted)


def _split(path: str | bytes) -> _Names:
    names = as_bytes(path).split(b"/")
    if b".." in names:
        raise FsError(Errno.EINVAL, "`..` in a path to restore", path)
    return tuple(name for name in names if name not in (b"", b"."))


def _outermost(paths: Iterable[_Names]) -> list[_Names]:
    """The paths that are below none of the others, sorted."""
    found: list[_Names] = []
    for names in sorted(set(paths)):
        if not found or names[: len(found[-1])] != found[-1]:
            found.append(names)
    return found


def _check(live: Image, point: Image, names: _Names) -> None:
    path = b"/" + b"/".join(names)
    if find_below_root(live, names) is None and find_below_root(point, names) is None:
        raise FsError(Errno.ENOENT, "neither here nor there", path)
    for depth in range(len(names)):
        inode = find_below_root(live, names[:depth])
        if not isinstance(inode, Directory | None):
            above = b"/" + b"/".join(names[:depth])
            raise FsError(Errno.ENOTDIR, "restore what is above it", above)


def _below(image: Image, top: Inode) -> Iterator[tuple[Link, Inode]]:
    """All names below a directory, with what they mean."""
    todo = [top]
    while todo:
        directory = todo.pop()
        if isinstance(directory, Directory):
            for name, inode in image.entries(directory):
                yield (directory.ino, name), inode
                todo.append(inode)


def _names_at(image: Image, names: _Names) -> Iterator[Link]:
    """The name at a path, and all below it."""
    inode = find_below_root(image, names)
    if inode is not None:
        parent = find_below_root(image, names[:-1])
        assert parent is not None
        yield parent.ino, names[-1]
        yield from (link for link, _ in _below(image, inode))


class _Restoration:
    """The restoration of some paths, none of which is below another."""

    def __init__(self, live: Image, point: Image, now_ns: int) -> None:
        self._live = live
        self._point = point
        self._now_ns = now_ns
        self._next_ino = live.next_ino
        self._cleared: set[Link] = set()
        """Names in `live` that go, unless they come back."""
        self._returning: set[Link] = set()
        """Names in `point` that come back, by numbers there."""
        self._numbers: dict[Ino, Ino] = {}
        """The number in the result of what comes back, by that in `point`."""
        self._links: dict[Ino, set[Link]] = {}
        """The names that come back, of the inodes by their numbers in the result."""
        self._bodies: dict[Ino, Inode] = {}
        """What they hold."""

    def run(self, paths: list[_Names]) -> Merged:
        for names in paths:
            self._cleared.update(_names_at(self._live, names))
            self._returning.update(_names_at(self._point, names))
        for names in paths:
            self._bring_back(names)
        plans = {
            ino: Plan(body, self._links[ino] | self._kept(ino))
            for ino, body in self._bodies.items()
        }
        for ino in self._bereft():
            inode = self._live.inodes.get(ino)
            assert inode is not None
            plans[ino] = Plan(inode, self._kept(ino))
        target = assemble(self._live, plans)
        for ino, made in target.items():
            if made is not None and ino not in self._bodies:
                made.ctime_ns = self._now_ns
                if isinstance(made, Directory):
                    made.mtime_ns = self._now_ns
        return Merged(target, [], self._next_ino)

    def _bring_back(self, names: _Names) -> None:
        inode = find_below_root(self._point, names)
        if inode is None:
            return
        self._name(self._directory(names[:-1]), names[-1], inode)
        for (parent, name), child in _below(self._point, inode):
            self._name(self._numbers[parent], name, child)

    def _name(self, parent: Ino, name: bytes, inode: Inode) -> None:
        """Let an inode of `point` have a name again."""
        ino = self._numbers.get(inode.ino)
        if ino is None:
            ino = self._numbers[inode.ino] = self._number(inode)
            there = self._live.inodes.get(ino)
            # What has names that stay is as it was: see `_number`.
            self._bodies[ino] = there if there and self._kept(ino) else inode
        self._links.setdefault(ino, set()).add((parent, name))

    def _directory(self, names: _Names) -> Ino:
        """The number of the directory above what comes back, which is made if need be.

        The path to it has no links, in neither image.
        """
        depth = len(names)
        while (there := find_below_root(self._live, names[:depth])) is None:
            depth -= 1
        ino = there.ino
        for end in range(depth + 1, len(names) + 1):
            inode = find_below_root(self._point, names[:end])
            assert inode is not None
            self._name(ino, names[end - 1], inode)
            ino = self._numbers[inode.ino]
        return ino

    def _number(self, inode: Inode) -> Ino:
        """The number that an inode of `point` has in the result."""
        there = self._live.inodes.get(inode.ino)
        if there is None and inode.ino < self._live.next_ino:
            return inode.ino
        if there is not None and is_same(there, inode):
            kept = self._kept(inode.ino)
            if not kept or self._is_link(there, inode, kept):
                return inode.ino
        self._next_ino = Ino(self._next_ino + 1)
        return Ino(self._next_ino - 1)

    def _is_link(self, there: Inode, inode: Inode, kept: set[Link]) -> bool:
        """Whether a name that stays was a hard link, of what has not changed."""
        linked = kept.intersection(inode.links()) - self._returning
        return (
            bool(linked)
            and not isinstance(there, Directory)
            and not compare(there, inode)
        )

    def _kept(self, ino: Ino) -> set[Link]:
        """The names of an inode of `live` that stay."""
        inode = self._live.inodes.get(ino)
        return set() if inode is None else set(inode.links()) - self._cleared

    def _bereft(self) -> set[Ino]:
        """The inodes of `live` that lose names and do not come back."""
        found = set()
        for parent, name in self._cleared:
            directory = self._live.inodes.get(parent)
            assert isinstance(directory, Directory)
            ino = directory.child(name)
            assert ino is not None
            found.add(ino)
        return found - self._bodies.keys()
