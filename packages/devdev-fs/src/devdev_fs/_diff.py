"""What differs between two images, by inode identity; in proportion to what does.

An inode that both images have is the same thing wherever its names are. What has
lost its name to another inode, as by an editor that saves to a new file and renames
it over the old one, is compared with that other by what they hold.
"""

from collections.abc import Iterator

from devdev_fs._compare import compare
from devdev_fs._differences import Difference, DifferenceKind
from devdev_fs._image import Image, is_same
from devdev_fs._inode import Inode, Link
from devdev_fs._paths import as_str
from devdev_fs._types import ROOT_INO, Ino
from devdev_fs._whereabouts import directory_path


def diff(a: Image, b: Image) -> list[Difference]:
    """In what `b` differs from `a`: sorted by path, one record per kind and name.

    What is below a directory that moved did not change. Of one that was added or
    removed, everything below it was too, and is listed. An inode with several names
    is listed under each. Times are no difference.

    The images need not be whole: a path goes as far up as its image does.
    """
    return [
        Difference(kind, as_str(path), as_str(old_path), ino)
        for path, kind, old_path, ino in sorted(_Comparison(a, b).run())
    ]


_Found = tuple[bytes, DifferenceKind, bytes, Ino]


class _Comparison:
    """The comparison of two images."""

    def __init__(self, a: Image, b: Image) -> None:
        self._changed = list(a.inodes.differences(b.inodes))
        self._places = _Places(
            a, b, {Ino(ino) for ino, old, new in self._changed if not is_same(old, new)}
        )
        self._removed: dict[bytes, list[tuple[bytes, Inode]]] = {}
        """By the path that a name would have now: the one it had, what it meant."""
        self._added: dict[bytes, Inode] = {}

    def run(self) -> Iterator[_Found]:
        for _, old, new in self._changed:
            if is_same(old, new):
                assert old is not None
                assert new is not None
                yield from self._compare_versions(old, new)
            else:
                if old is not None:
                    self._lose(old, self._places.names_before(old))
                if new is not None:
                    self._added.update(
                        dict.fromkeys(self._places.names_after(new), new)
                    )
        for path, new in self._added.items():
            yield from self._compare_names(path, new)
        for removed in self._removed.values():
            for path, old in removed:
                yield path, DifferenceKind.REMOVED, b"", old.ino

    def _lose(self, inode: Inode, names: dict[bytes, bytes]) -> None:
        for now, path in names.items():
            self._removed.setdefault(now, []).append((path, inode))

    def _compare_versions(self, old: Inode, new: Inode) -> Iterator[_Found]:
        """What became of an inode that both images have."""
        before, after = self._places.names_before(old), self._places.names_after(new)
        gone = sorted(before.keys() - after)
        come = sorted(after - before.keys())
        for now, path in zip(gone, come, strict=False):
            yield path, DifferenceKind.RENAMED, before[now], new.ino
        added = come[len(gone) :]
        self._added.update(dict.fromkeys(added, new))
        self._lose(old, {now: before[now] for now in gone[len(come) :]})
        for kind in compare(old, new):
            for path in after.difference(added):
                yield path, kind, b"", new.ino

    def _compare_names(self, path: bytes, new: Inode) -> Iterator[_Found]:
        """What a name that came to mean `new` tells, with what it meant before."""
        removed = self._removed.get(path)
        if not removed:
            yield path, DifferenceKind.ADDED, b"", new.ino
            return
        old_path, old = removed.pop(0)
        kinds = compare(old, new)
        for kind in kinds:
            yield path, kind, b"", new.ino
        if not kinds and not self._have_same_names(old, new):
            # All that changed is which names are links of one inode.
            yield old_path, DifferenceKind.REMOVED, b"", old.ino
            yield path, DifferenceKind.ADDED, b"", new.ino

    def _have_same_names(self, old: Inode, new: Inode) -> bool:
        return self._places.names_before(old).keys() == self._places.names_after(new)


class _Places:
    """Where names of the one image are, or would be, in the other."""

    def __init__(self, a: Image, b: Image, replaced: set[Ino]) -> None:
        self._a = a
        self._b = b
        self._replaced = replaced
        """Numbers that do not mean the same inode in both."""
        self._before: dict[Ino, bytes] = {}
        self._now: dict[Ino, bytes] = {}
        self._after: dict[Ino, bytes] = {}

    def names_before(self, inode: Inode) -> dict[bytes, bytes]:
        """The paths of an inode of `a`, each by the path it would have in `b`."""
        return {
            self._directory_now(parent) + name: self._directory_before(parent) + name
            for parent, name in _links(inode)
        }

    def names_after(self, inode: Inode) -> set[bytes]:
        """The paths of an inode of `b`."""
        return {self._directory_after(parent) + name for parent, name in _links(inode)}

    def _directory_before(self, ino: Ino) -> bytes:
        if ino not in self._before:
            self._before[ino] = directory_path(self._a, ino)
        return self._before[ino]

    def _directory_after(self, ino: Ino) -> bytes:
        if ino not in self._after:
            self._after[ino] = directory_path(self._b, ino)
        return self._after[ino]

    def _directory_now(self, ino: Ino) -> bytes:
        """Where a directory of `a` is in `b`; if it is gone, where it would be."""
        if ino in self._now:
            return self._now[ino]
        at, names, seen = ino, [b""], set()
        while at in self._replaced and at not in seen:
            seen.add(at)
            inode = self._a.inodes.get(at)
            if inode is not None:
                names.append(inode.name)
                at = inode.parent
        self._now[ino] = self._directory_after(at) + b"/".join(reversed(names))
        return self._now[ino]


def _links(inode: Inode) -> list[Link]:
    """The names of an inode; the root has one, too."""
    return [(ROOT_INO, b"")] if inode.ino == ROOT_INO else inode.links()
