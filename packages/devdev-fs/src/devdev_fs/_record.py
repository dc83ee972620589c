"""Records: what a snapshot says of an inode; and the digest of an image of them.

A record is a CBOR item, and further ones behind it: the extents of a file, or the
buckets of names of a directory. The digest of an inode is taken of these, of a group
of inodes of theirs, and of an image of its groups'; each is kept with what it is of,
which does not change any more, so that an image costs what is new in it.
"""

from hashlib import sha256

from devdev_fs._blocks import extent_of
from devdev_fs._cbor import encode
from devdev_fs._content import Content
from devdev_fs._entries import BUCKET_MAX, Bucket, Entries, buckets_for
from devdev_fs._image import Image
from devdev_fs._inode import Directory, Inode, RegularFile, Special, Symlink
from devdev_fs._sparse import Chunk

MAGIC = b"devdevfs"
VERSION = 3
LISTED_MAX = 1024
"""The most extents, names or numbers in an item."""

ChunkGroup = list[tuple[int, Chunk[bytes]]]
"""Chunks of a file, with their numbers."""


def state(image: Image) -> list[int]:
    """What an image has beside its inodes, and how much that is; version first."""
    return [
        VERSION,
        image.next_ino,
        image.max_pages,
        image.max_inodes,
        image.inodes.count,
        image.pages,
    ]


def head(inode: Inode) -> bytes:
    """The first item of an inode's record."""
    fields: list[object] = [
        inode.ino,
        inode.mode,
        inode.uid,
        inode.gid,
        inode.atime_ns,
        inode.mtime_ns,
        inode.ctime_ns,
        inode.btime_ns,
        flat_xattrs(inode),
    ]
    if isinstance(inode, RegularFile):
        groups = chunk_groups(inode.content)
        fields += (inode.content.size, sum(map(len, groups)), flat_extents(groups[0]))
    elif isinstance(inode, Directory):
        count = len(inode.entries)
        is_small = count <= BUCKET_MAX
        names = flat_names(inode.entries.spread(1)[0]) if is_small else []
        fields += (count, inode.next_cookie, names)
    elif isinstance(inode, Symlink):
        fields.append(inode.target)
    else:
        assert isinstance(inode, Special)
        fields.append(inode.device)
    return encode(fields)


def flat_xattrs(inode: Inode) -> list[bytes]:
    """Names and values of an inode's extended attributes in turn, sorted by name."""
    if not inode.xattrs:
        return []
    return [part for item in sorted(inode.xattrs.items()) for part in item]


def chunk_groups(content: Content) -> list[ChunkGroup]:
    """A file's chunks by the item that tells of them; at least one, for the first."""
    chunks = content.by_chunk()
    return [
        chunks[at : at + LISTED_MAX] for at in range(0, len(chunks) or 1, LISTED_MAX)
    ]


def flat_extents(group: ChunkGroup) -> list[int | bytes]:
    """What chunks hold: each one's number, and the fields of its extent."""
    return [part for number, chunk in group for part in (number, *extent_of(chunk))]


def flat_names(bucket: Bucket) -> list[bytes | int]:
    """The names of a bucket, each with its inode number and its cookie."""
    return [part for name, entry in bucket.items() for part in (name, *entry)]


def buckets(entries: Entries) -> list[Bucket]:
    """The buckets that are told behind the first item: those of a large directory."""
    spread = buckets_for(len(entries))
    return entries.spread(spread) if spread > 1 else []


def name_groups(found: list[Bucket]) -> list[list[Bucket]]:
    """Buckets by the item that tells of them."""
    return [found[at : at + LISTED_MAX] for at in range(0, len(found), LISTED_MAX)]


def name_items(bucket: Bucket) -> list[bytes]:
    """The items of a bucket's names; behind a full one comes another, if empty."""
    flat = flat_names(bucket)
    step = 3 * LISTED_MAX
    return [encode(flat[at : at + step]) for at in range(0, len(flat) + 1, step)]


def bucket_digest(bucket: Bucket) -> bytes:
    """The digest of a bucket's items, which the bucket keeps."""
    kept: bytes | None = getattr(bucket, "digest", None)
    if kept is None:
        kept = bucket.digest = sha256(b"".join(name_items(bucket))).digest()
    return kept


def seal(head: bytes, parts: list[bytes]) -> bytes:
    """The digest of an inode, from its first item and the digests of its parts."""
    return sha256(b"".join((head, *parts))).digest()


def inode_digest(inode: Inode) -> bytes:
    """The digest of an inode of an image, which the inode keeps."""
    if not inode.digest:
        parts: list[bytes] = []
        if isinstance(inode, RegularFile):
            groups = chunk_groups(inode.content)[1:]
            parts = [sha256(encode(flat_extents(group))).digest() for group in groups]
        elif isinstance(inode, Directory):
            parts = [bucket_digest(bucket) for bucket in buckets(inode.entries)]
        inode.digest = seal(head(inode), parts)
    return inode.digest


def _group_digest(group: Chunk[Inode]) -> bytes:
    """The digest of inodes with adjacent numbers, which their chunk keeps."""
    kept: bytes | None = getattr(group, "digest", None)
    if kept is None:
        digests = [inode_digest(inode) for inode in group if inode is not None]
        kept = group.digest = sha256(b"".join(digests)).digest()
    return kept


def image_digest(image: Image) -> bytes:
    """The digest of everything in an image.

    Costs as much as what no image before it had, and a look at each group.
    """
    digest = sha256(MAGIC + encode(state(image)))
    for _, group in image.inodes.by_chunk():
        digest.update(_group_digest(group))
    return digest.digest()
