"""The digest of a tree: names and what they mean, wherever the tree is.

A directory's digest is one of its names with the digests of what they mean, so that
it stands for all below. What was computed for one image is taken over to the next
one of the same filesystem, but for what changed and the directories above it.

Hard links meet in a directory if more than one of its names leads to the same
inode; which names those are is a part of that directory's digest, and of none below.
"""

from collections.abc import Iterator
from hashlib import sha256
from operator import itemgetter
from typing import NamedTuple
from zlib import crc32

from devdev_fs._blocks import extent_of
from devdev_fs._cbor import encode
from devdev_fs._entries import Bucket, buckets_for
from devdev_fs._image import Image, Tree
from devdev_fs._inode import Directory, Inode, RegularFile, Special, Symlink
from devdev_fs._record import flat_xattrs
from devdev_fs._sparse import Sparse
from devdev_fs._types import ROOT_INO, Ino


def tree_digest(image: Image, inode: Inode) -> bytes:
    """The digest of the tree at an inode of the image.

    Costs as much as what changed since the last image of this filesystem that a
    digest was asked of, and the directories above that.
    """
    before = image.memo.trees
    assert before is None or isinstance(before, Trees)
    if before is not None and before.image is image:
        digest = before.digests.get(inode.ino)
        if digest is not None:
            return digest
    trees = Trees(image, before)
    digest = trees.digest(inode)
    image.memo.trees = trees
    return digest


class Meeting(NamedTuple):
    """The inodes whose names meet in a directory."""

    groups: dict[Ino, bytes]
    """Their groups' digests, in the order of those."""
    digest: bytes
    """The digest of all groups."""


class Trees:
    """What is known of the trees of one image. Does not change once it is in a memo."""

    def __init__(self, image: Image, before: "Trees | None") -> None:
        self.image = image
        self.digests: Sparse[bytes] = Sparse()
        """By inode number, the digest of the tree there."""
        self._buckets: Sparse[list[bytes]] = Sparse()
        """By number of a directory with several buckets, their digests, if known."""
        self._meetings: Sparse[Meeting] = Sparse()
        """By the number of the directory where they are."""
        self._dropped: set[Ino] = set()
        """The directories whose digests, and those above them, are dropped already."""
        self._own: set[Ino] = set()
        """The directories whose list of buckets is not shared."""
        if before is not None:
            self.digests.copy_of(before.digests)
            self._buckets.copy_of(before._buckets)
            self._meetings.copy_of(before._meetings)
        self._advance(before)

    # --- what changed ------------------------------------------------------------

    def _advance(self, before: "Trees | None") -> None:
        """Drop what is not known any more, and let the hard links meet."""
        old_image = None if before is None else before.image
        linked: set[Ino] = set()
        for ino, old, new in _changes(old_image, self.image):
            if before is not None:
                self._drop(ino, old, new)
                linked |= self._met_above(before, old, new)
            if _is_linked(old) or _is_linked(new):
                linked.add(ino)
        met: dict[Ino, dict[Ino, bytes | None]] = {}
        for ino in linked:
            for image, is_now in ((old_image, False), (self.image, True)):
                inode = None if image is None else image.inodes.get(ino)
                if image is not None and inode is not None and _is_linked(inode):
                    for directory, digest in _meetings(image, inode):
                        met.setdefault(directory, {})[ino] = digest if is_now else None
        for directory, changes in met.items():
            self._meet(directory, changes)

    def _drop(self, ino: Ino, old: Inode | None, new: Inode | None) -> None:
        if self.digests.get(ino) is not None:
            self.digests.remove(ino)
        if self._buckets.get(ino) is not None:
            self._drop_buckets(ino, old, new)
        if new is not None:
            for parent, name in new.links():
                self._drop_above(parent, name)

    def _drop_buckets(self, ino: Ino, old: Inode | None, new: Inode | None) -> None:
        """Drop the digests of the buckets where names differ."""
        if isinstance(old, Directory) and isinstance(new, Directory):
            spread = buckets_for(len(new.entries))
            if spread == buckets_for(len(old.entries)):
                for name in old.entries.differences(new.entries):
                    self._drop_bucket(ino, name)
                return
        self._buckets.remove(ino)

    def _drop_bucket(self, directory: Ino, name: bytes) -> None:
        """Drop the digest of the bucket that has the name, if it is kept."""
        digests = self._buckets.get(directory)
        if digests is not None:
            if directory not in self._own:
                self._own.add(directory)
                digests = [*digests]
                self._buckets.set(directory, digests)
            digests[crc32(name) & len(digests) - 1] = b""

    def _drop_above(self, directory: Ino, name: bytes) -> None:
        """Drop the digests of all that is above a name."""
        while True:
            self._drop_bucket(directory, name)
            if directory in self._dropped:
                return
            self._dropped.add(directory)
            if self.digests.get(directory) is not None:
                self.digests.remove(directory)
            if directory == ROOT_INO:
                return
            inode = self.image.inodes.get(directory)
            assert inode is not None
            directory, name = inode.parent, inode.name

    # --- hard links --------------------------------------------------------------

    def _met_above(
        self, before: "Trees", old: Inode | None, new: Inode | None
    ) -> set[Ino]:
        """The inodes whose names met above a directory, if that has moved."""
        met: set[Ino] = set()
        if not isinstance(old, Directory) or not isinstance(new, Directory):
            return met
        if old.links() != new.links():
            while old.ino != ROOT_INO:
                old = before.image.parent(old)
                meeting = before._meetings.get(old.ino)
                if meeting is not None:
                    met.update(meeting.groups)
        return met

    def _meet(self, directory: Ino, changes: dict[Ino, bytes | None]) -> None:
        """Let groups be what they are in `changes`, None being none."""
        before = self._meetings.get(directory)
        groups: list[tuple[Ino, bytes]] = []
        if before is not None:
            groups += [item for item in before.groups.items() if item[0] not in changes]
        groups += [(ino, digest) for ino, digest in changes.items() if digest]
        if groups:
            # What was there is in order: it takes little to sort the rest in.
            groups.sort(key=itemgetter(1))
            digest = sha256(b"".join(digest for _, digest in groups)).digest()
            self._meetings.set(directory, Meeting(dict(groups), digest))
        else:
            self._meetings.remove(directory)

    # --- digests -----------------------------------------------------------------

    def digest(self, top: Inode) -> bytes:
        """The digest of the tree at an inode."""
        todo = [top]
        while todo:
            inode = todo[-1]
            digest = self._try(inode, todo)
            if digest is not None:
                self.digests.set(inode.ino, digest)
                todo.pop()
        found = self.digests.get(top.ino)
        assert found is not None
        return found

    def _try(self, inode: Inode, todo: list[Inode]) -> bytes | None:
        """The digest, or None and in `todo` what has to be known before."""
        if not isinstance(inode, Directory):
            return sha256(_itself(inode)).digest()
        spread = inode.entries.spread(buckets_for(len(inode.entries)))
        known = self._buckets.get(inode.ino) or [b""] * len(spread)
        if len(spread) > 1 and inode.ino not in self._own:
            self._own.add(inode.ino)
            known = [*known]
            self._buckets.set(inode.ino, known)
        before = len(todo)
        for number, bucket in enumerate(spread):
            if not known[number]:
                known[number] = self._bucket(bucket, todo)
        if len(todo) > before:
            return None
        meeting = self._meetings.get(inode.ino)
        last = b"" if meeting is None else meeting.digest
        return sha256(b"".join((_itself(inode), *known, last))).digest()

    def _bucket(self, bucket: Bucket, todo: list[Inode]) -> bytes:
        """The digest of names and what they mean; or nothing, and what to do before."""
        flat: list[bytes] = []
        before = len(todo)
        for name in sorted(bucket):
            ino = bucket[name][0]
            digest = self.digests.get(ino)
            if digest is None:
                child = self.image.inodes.get(ino)
                assert child is not None
                if isinstance(child, Directory):
                    todo.append(child)
                    continue
                digest = sha256(_itself(child)).digest()
                self.digests.set(ino, digest)
            flat += (name, digest)
        return b"" if len(todo) > before else sha256(encode(flat)).digest()


def _changes(
    old: Image | None, new: Image
) -> Iterator[tuple[Ino, Inode | None, Inode | None]]:
    if old is None:
        for inode in new.inodes.values():
            yield inode.ino, None, inode
    else:
        for ino, before, after in old.inodes.differences(new.inodes):
            yield Ino(ino), before, after


def _is_linked(inode: Inode | None) -> bool:
    return inode is not None and bool(inode.others)


def _itself(inode: Inode) -> bytes:
    """What an inode itself has that counts."""
    fields: list[object] = [inode.mode, flat_xattrs(inode)]
    if isinstance(inode, RegularFile):
        fields.append(inode.content.size)
        for number, chunk in inode.content.by_chunk():
            extent = extent_of(chunk)
            if extent.pages:
                fields += (number, extent.pages, extent.reference)
    elif isinstance(inode, Directory):
        fields.append(len(inode.entries))
    elif isinstance(inode, Symlink):
        fields.append(inode.target)
    else:
        assert isinstance(inode, Special)
        fields.append(inode.device)
    return encode(fields)


def _meetings(tree: Tree, inode: Inode) -> Iterator[tuple[Ino, bytes]]:
    """The directories where names of an inode meet, and the digest of each group.

    A group is told by the ways that lead down from the directory: each to a name, or
    to the next directory where names meet, whose group's digest then stands for what
    is below. So it costs as much as there are directories above the names.
    """
    ways: dict[Ino, list[tuple[list[bytes], bytes]]] = {}
    rises: list[list[Directory]] = []
    for parent, name in inode.links():
        rise: list[Directory] = []
        directory = tree.inodes.get(parent)
        while isinstance(directory, Directory) and directory.ino not in ways:
            ways[directory.ino] = []
            rise.append(directory)
            if directory.ino == ROOT_INO:
                break
            directory = tree.parent(directory)
        rises.append(rise)
        ways[parent].append(([name], b""))
    # A rise ends below one before it: so each directory comes after all below it.
    for directory in (each for rise in reversed(rises) for each in rise):
        found = ways[directory.ino]
        names, below = found[0]
        if len(found) > 1:
            told = sorted([b"/".join(reversed(way)), digest] for way, digest in found)
            below = sha256(encode([part for way in told for part in way])).digest()
            names = []
            yield directory.ino, below
        names.append(directory.name)
        ways.setdefault(directory.parent, []).append((names, below))
