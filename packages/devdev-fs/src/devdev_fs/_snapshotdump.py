"""Dumping: an image, or what changed since another, as a stream of canonical CBOR.

docs/snapshot-format.md describes the format; `_snapshotload` reads it.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import NamedTuple

from devdev_fs._blocks import NAME_SIZE, block_of, extent_of
from devdev_fs._cbor import byte_string_head, encode
from devdev_fs._entries import Bucket
from devdev_fs._image import Image
from devdev_fs._inode import Directory, Inode, RegularFile
from devdev_fs._namei import as_bytes
from devdev_fs._past import Begun, Kept, Past, Touch
from devdev_fs._record import (
    LISTED_MAX,
    MAGIC,
    bucket_digest,
    buckets,
    chunk_groups,
    flat_extents,
    head,
    image_digest,
    inode_digest,
    name_groups,
    name_items,
    seal,
    state,
)
from devdev_fs._sparse import Chunk
from devdev_fs._types import Ino


class Whole(NamedTuple):
    """The state of a filesystem, and how it came about if that is asked for."""

    image: Image
    past: Past | None


def parts(
    image: Image, base: Image | None = None, past: Past | None = None
) -> Iterator[bytes]:
    """The snapshot of an image, bit by bit: what is held of it is a block at most.

    Beside that, the names of what was written are held: 32 bytes for each block,
    bucket of names, and version of an inode that the history has.

    Args:
        image: what to write.
        base: what the reader has; then only what differs from it is written.
        past: what to write behind it.
    """
    writer = _Writer()
    yield MAGIC
    if past is None:
        yield from writer.section(image, base, [], 0)
        return
    left = len(past.checkpoints)
    about: list[object] = [past.next_number, past.dropped, len(past.steps)]
    yield from writer.section(image, base, about, left)
    later = image
    for kept in reversed(past.checkpoints):
        left -= 1
        about = [kept.number, as_bytes(kept.label), kept.time_ns]
        yield from writer.section(kept.image, later, about, left)
        later = kept.image
    yield from writer.steps(past, image)


class _Writer:
    """Writes sections of one snapshot, and knows the blocks that it has written."""

    def __init__(self) -> None:
        self._known: set[bytes] = set()
        """The names of blocks and buckets that the reader has."""
        self._versions: set[bytes] = set()
        """The digests of inodes that came in the history."""

    def section(
        self, image: Image, base: Image | None, about: list[object], left: int
    ) -> Iterator[bytes]:
        """An image, as what differs from `base` if there is one."""
        removed: list[Ino] = []
        changed: Iterable[Inode] = image.inodes.values()
        count = image.inodes.count
        if base is not None:
            removed, fresh = self._changes(base, image)
            changed, count = fresh, len(fresh)
        base_digest = b"" if base is None else image_digest(base)
        fields = [*state(image), base_digest, len(removed), count, about, left]
        header = encode(fields)
        yield header
        for at in range(0, len(removed), LISTED_MAX):
            yield encode(removed[at : at + LISTED_MAX])
        for inode in changed:
            if base is not None:
                self._learn(base.inodes.get(inode.ino))
            yield from self._record(inode)
        digest = image_digest(image)
        yield encode([digest, sha256(header + digest).digest()])

    def _changes(self, base: Image, image: Image) -> tuple[list[Ino], list[Inode]]:
        """Which numbers are gone, and which inodes are not the same."""
        removed, changed = [], []
        for ino, old, new in base.inodes.differences(image.inodes):
            if new is None:
                removed.append(Ino(ino))
                self._learn(old)
            elif old is None or inode_digest(old) != inode_digest(new):
                changed.append(new)
        return removed, changed

    def _learn(self, inode: Inode | None) -> None:
        """Take note that the reader has the parts of an inode of its own."""
        if isinstance(inode, RegularFile):
            self._known.update(
                extent_of(chunk).reference for _, chunk in inode.content.by_chunk()
            )
        elif isinstance(inode, Directory):
            self._known.update(map(bucket_digest, buckets(inode.entries)))

    def _record(self, inode: Inode) -> Iterator[bytes]:
        first = head(inode)
        yield first
        parts: list[bytes] = []
        if isinstance(inode, RegularFile):
            for number, group in enumerate(chunk_groups(inode.content)):
                if number:
                    item = encode(flat_extents(group))
                    yield item
                    parts.append(sha256(item).digest())
                for _, chunk in group:
                    yield from self._block(chunk)
        elif isinstance(inode, Directory):
            for some in name_groups(buckets(inode.entries)):
                digests = [*map(bucket_digest, some)]
                yield encode(digests)
                parts += digests
                for bucket in some:
                    yield from self._bucket(bucket)
        inode.digest = seal(first, parts)

    def _bucket(self, bucket: Bucket) -> Iterator[bytes]:
        digest = bucket_digest(bucket)
        if digest not in self._known:
            self._known.add(digest)
            yield from name_items(bucket)

    def _block(self, chunk: Chunk[bytes]) -> Iterator[bytes]:
        _, zeros, reference = extent_of(chunk)
        if len(reference) == NAME_SIZE and reference not in self._known:
            self._known.add(reference)
            block = block_of(chunk, zeros)
            yield byte_string_head(len(block))
            yield block

    # --- history -----------------------------------------------------------------

    def steps(self, past: Past, image: Image) -> Iterator[bytes]:
        """How the image came about."""
        digest = sha256()
        for step in past.steps:
            items = _step_items(step)
            digest.update(b"".join(items))
            yield from items
            if isinstance(step, Touch) and step.before is not None:
                yield from self._version(step.before, image.inodes.get(step.ino))
        yield encode([digest.digest()])

    def _version(self, inode: Inode, live: Inode | None) -> Iterator[bytes]:
        """The record of an inode as it once was, unless the reader has that."""
        digest = inode_digest(inode)
        if digest in self._versions:
            return
        self._versions.add(digest)
        if live is None or inode_digest(live) != digest:
            self._learn(live)
            yield from self._record(inode)


def _step_items(step: Begun | Kept | Touch) -> list[bytes]:
    """What is said of a step, without the version of the inode in it."""
    if isinstance(step, Kept):
        return [encode([step.number])]
    if isinstance(step, Begun):
        actor, is_partial = as_bytes(step.actor), int(step.is_partial)
        fields = [step.number, actor, step.time_ns, is_partial, step.undoes]
        return [encode(fields)]
    if step.before is None:
        return [encode([step.span, step.ino, b"", []])]
    links = [part for link in step.before.links() for part in link]
    size = 2 * LISTED_MAX
    groups = [links[at : at + size] for at in range(0, len(links) + 1, size)]
    first = [step.span, step.ino, inode_digest(step.before), groups[0]]
    return [encode(first), *map(encode, groups[1:])]
