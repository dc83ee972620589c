"""Dumping: an image, or what changed since another, as a stream of canonical CBOR.

docs/snapshot-format.md describes the format; `_snapshotload` reads it.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

from devdev_fs._blocks import NAME_SIZE, block_of, extent_of
from devdev_fs._cbor import byte_string_head, encode
from devdev_fs._image import Image
from devdev_fs._inode import Directory, Inode, RegularFile
from devdev_fs._namei import as_bytes
from devdev_fs._record import (
    LISTED_MAX,
    MAGIC,
    buckets,
    chunk_groups,
    flat_extents,
    head,
    image_digest,
    inode_digest,
    name_items,
    seal,
    state,
)
from devdev_fs._sparse import Chunk
from devdev_fs._types import Ino


class Kept(NamedTuple):
    """A checkpoint as a snapshot has it."""

    number: int
    label: str
    time_ns: int
    image: Image


class Whole(NamedTuple):
    """The state of a filesystem, and its checkpoints, oldest first, of one moment."""

    image: Image
    checkpoints: Sequence[Kept]


def parts(
    image: Image, base: Image | None = None, checkpoints: Sequence[Kept] = ()
) -> Iterator[bytes]:
    """The snapshot of an image, bit by bit: what is held of it is a block at most.

    Beside that, the names of the blocks that were written are held: 32 bytes each.

    Args:
        image: what to write.
        base: what the reader has; then only what differs from it is written.
        checkpoints: what to write behind it, oldest first.
    """
    writer = _Writer()
    yield MAGIC
    yield from writer.section(image, base, [], len(checkpoints))
    for left, kept in zip(
        range(len(checkpoints) - 1, -1, -1), reversed(checkpoints), strict=True
    ):
        about = [kept.number, as_bytes(kept.label), kept.time_ns]
        yield from writer.section(kept.image, image, about, left)
        image = kept.image


class _Writer:
    """Writes sections of one snapshot, and knows the blocks that it has written."""

    def __init__(self) -> None:
        self._known: set[bytes] = set()

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
        """Take note that the reader has the blocks of an inode of its own."""
        if isinstance(inode, RegularFile):
            self._known.update(
                extent_of(chunk).reference for _, chunk in inode.content.by_chunk()
            )

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
            for bucket in buckets(inode.entries):
                items = name_items(bucket)
                yield from items
                bucket.digest = sha256(b"".join(items)).digest()
                parts.append(bucket.digest)
        inode.digest = seal(first, parts)

    def _block(self, chunk: Chunk[bytes]) -> Iterator[bytes]:
        _, zeros, reference = extent_of(chunk)
        if len(reference) == NAME_SIZE and reference not in self._known:
            self._known.add(reference)
            block = block_of(chunk, zeros)
            yield byte_string_head(len(block))
            yield block
