"""Loading records: an inode from what a snapshot says of it, every rule checked."""

from hashlib import sha256
from typing import NamedTuple
from zlib import crc32

from devdev_fs._blocks import (
    BLOCK_MAX,
    NAME_SIZE,
    PAGES_MAX,
    Extent,
    chunk_of_block,
    chunk_of_pages,
    end_of,
    extent_of,
    has_page_of_zeros,
    pages_of,
    without_zeros,
)
from devdev_fs._content import Content, spread
from devdev_fs._entries import Bucket, Entries, buckets_for
from devdev_fs._errno import FsError
from devdev_fs._fields import Fields
from devdev_fs._inode import (
    COOKIE_MAX,
    FIRST_COOKIE,
    Directory,
    Inode,
    RegularFile,
    Special,
    Symlink,
    xattr_pages,
)
from devdev_fs._namei import check_name
from devdev_fs._record import LISTED_MAX, bucket_digest, buckets, seal
from devdev_fs._sparse import Chunk
from devdev_fs._storedxattrs import xattrs_of
from devdev_fs._types import (
    DEVICE_MAX,
    FILE_SIZE_MAX,
    ID_MAX,
    KINDS,
    PAGE_SIZE,
    PATH_MAX,
    ROOT_INO,
    S_IFMT,
    TIME_MAX,
    TIME_MIN,
    Ino,
    Kind,
)

INO_MAX = 2**62 - 1
_STAMP_BOUNDS = (
    (0, S_IFMT | 0o7777),
    *[(0, ID_MAX)] * 2,
    *[(TIME_MIN, TIME_MAX)] * 4,
)
"""Of mode, owner, group and four times."""
_CHUNK_MAX = FILE_SIZE_MAX // PAGE_SIZE // PAGES_MAX
_MASK_BOUNDS = ((0, (1 << PAGES_MAX) - 1),) * 2
_REGULAR, _DIRECTORY = int(Kind.REGULAR), int(Kind.DIRECTORY)


class _Placed(NamedTuple):
    """A bucket, and where it is known to belong."""

    bucket: Bucket
    number: int
    spread: int


class RecordLoader:
    """Reads records and what is among them, and knows the parts that it has read.

    Raises, in each method:
        SnapshotError: a rule of the format is broken.
    """

    def __init__(self, fields: Fields, *, share: bool) -> None:
        self._fields = fields
        self._share = share
        """Whether blocks may be views of what comes."""
        self._known: dict[bytes, Chunk[bytes]] = {}
        """By the name of a block, a chunk that holds it."""
        self._buckets: dict[bytes, _Placed] = {}
        """By its digest, a bucket of names."""
        self._cookies: dict[Ino, tuple[list[Bucket], set[int]]] = {}
        """By directory, the buckets that were read last, and all cookies in them."""
        self._next_ino = ROOT_INO
        self._last = Ino(0)
        """The number of the inode before."""
        self._pages_max = 0
        self.pages = 0
        """How many pages the records of this image have."""

    def begin(self, next_ino: Ino, pages: int) -> None:
        """Begin with an image that has numbers and pages below these."""
        self._next_ino = next_ino
        self._pages_max, self.pages = pages, 0
        self._last = Ino(0)

    def learn(self, inode: Inode | None) -> None:
        """Take note of the parts of an inode that is there already."""
        if isinstance(inode, RegularFile):
            for _, chunk in inode.content.by_chunk():
                self._known.setdefault(extent_of(chunk).reference, chunk)
        elif isinstance(inode, Directory):
            found = buckets(inode.entries)
            for number, bucket in enumerate(found):
                placed = _Placed(bucket, number, len(found))
                self._buckets.setdefault(bucket_digest(bucket), placed)

    def record(self, head: list[object], encoded: bytes) -> Inode:
        """The inode that a record is of; `head` is the record's first item."""
        fields, number = self._fields, self._fields.number
        if len(head) < 10:
            raise fields.wrong(f"not an inode: of {len(head)} fields")
        ino = self._last = Ino(number(head[0], self._last + 1, self._next_ino - 1))
        stamp = fields.numbers(head[1:8], _STAMP_BOUNDS)
        mode, uid, gid, atime, mtime, ctime, btime = stamp
        made = (ino, mode, uid, gid, atime, mtime, ctime, btime)
        kind = mode & S_IFMT
        has_list = kind in (_REGULAR, _DIRECTORY)
        fields.check_length(head, 12 if has_list else 10, "an inode")
        parts: list[bytes] = []
        inode: Inode
        if kind == _REGULAR:
            content = self._content(head, parts)
            inode = RegularFile(*made, content=content)
        elif kind == _DIRECTORY:
            inode = Directory(*made)
            self._entries(inode, head, parts)
        elif kind == Kind.SYMLINK:
            inode = Symlink(*made, target=self._target(head[9]))
        elif kind in KINDS:
            inode = Special(*made, device=self._device(kind, head[9]))
        else:
            raise fields.wrong(f"mode {mode:#o} names no kind of inode")
        if head[8] != []:
            inode.xattrs = xattrs_of(inode, head[8], fields)
            self._count(xattr_pages(inode.xattrs))
        inode.digest = seal(encoded, parts)
        return inode

    def _count(self, pages: int) -> None:
        """Count pages before they are made."""
        self.pages += pages
        if self.pages > self._pages_max:
            raise self._fields.wrong("more pages than the header says")

    def _target(self, field: object) -> bytes:
        target = self._fields.data(field, PATH_MAX - 1)
        if not target or b"\0" in target:
            raise self._fields.wrong("a symlink target is empty or holds a NUL")
        return target

    def _device(self, kind: int, field: object) -> int:
        is_device = kind in (Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE)
        return self._fields.number(field, 0, DEVICE_MAX if is_device else 0)

    # --- content -----------------------------------------------------------------

    def _content(self, head: list[object], parts: list[bytes]) -> Content:
        size = self._fields.number(head[9], 0, FILE_SIZE_MAX)
        left = self._fields.number(head[10], 0, _CHUNK_MAX + 1)
        before = self.pages
        chunks: dict[int, Chunk[bytes]] = {}
        flat = self._fields.as_array(head[11], "extents")
        self._extents(flat, min(left, LISTED_MAX), size, chunks)
        left -= len(chunks)
        while left:
            flat, encoded = self._fields.array("extents")
            self._extents(flat, min(left, LISTED_MAX), size, chunks)
            parts.append(sha256(encoded).digest())
            left -= len(flat) // 4
        return Content.of(chunks, self.pages - before, size)

    def _extents(
        self, flat: list[object], count: int, size: int, chunks: dict[int, Chunk[bytes]]
    ) -> None:
        """Make the chunks that an item tells of."""
        fields = self._fields
        if len(flat) != 4 * count:
            fields.check_length(flat, 4 * count, f"{count} extents")
        last = next(reversed(chunks), -1)
        for at in range(0, len(flat), 4):
            bounds = ((last + 1, _CHUNK_MAX), *_MASK_BOUNDS)
            last, pages, zeros = fields.numbers(flat[at : at + 3], bounds)
            held = pages | zeros
            if pages & zeros or not held:
                raise fields.wrong("an extent with a page twice, or with none")
            self._count(held.bit_count())
            extent = Extent(pages, zeros, fields.data(flat[at + 3], NAME_SIZE))
            chunk = self._chunk(extent)
            room = max(size - last * BLOCK_MAX, 0)
            if end_of(chunk) > room:
                # In the file where it is known from, zeros may come behind it.
                chunk = without_zeros(chunk)
                if end_of(chunk) > room:
                    raise fields.wrong("content beyond the end of its file")
            chunks[last] = chunk

    def _chunk(self, extent: Extent) -> Chunk[bytes]:
        known = self._known.get(extent.reference)
        if known is None:
            block = self._block(extent)
            self._check_count(extent, -(-len(block) // PAGE_SIZE))
            chunk = self._known[extent.reference] = chunk_of_block(extent, block)
            return chunk
        if extent_of(known) == extent:
            return known
        pages = pages_of(spread(known))
        self._check_count(extent, len(pages))
        return chunk_of_pages(extent, pages)

    def _check_count(self, extent: Extent, pages: int) -> None:
        if pages != extent.pages.bit_count():
            raise self._fields.wrong(f"an extent with a block of {pages} pages")

    def _block(self, extent: Extent) -> bytes | memoryview:
        """A block that was not there before."""
        block: bytes | memoryview = extent.reference
        if len(block) == NAME_SIZE:
            most = extent.pages.bit_count() * PAGE_SIZE
            block = self._fields.byte_string(most, "a block")
            if len(block) < NAME_SIZE or sha256(block).digest() != extent.reference:
                raise self._fields.wrong("a block that is not the one named")
            if not self._share or len(block) < PAGE_SIZE:
                # A view takes some hundred bytes itself.
                block = bytes(block)
        if (block and not block[-1]) or has_page_of_zeros(block):
            raise self._fields.wrong(
                "a block with zeros at its end, or a page of zeros"
            )
        return block

    # --- directories -------------------------------------------------------------

    def _entries(
        self, inode: Directory, head: list[object], parts: list[bytes]
    ) -> None:
        count = self._fields.number(head[9], 0, INO_MAX)
        inode.next_cookie = self._fields.number(head[10], FIRST_COOKIE, COOKIE_MAX)
        flat = self._fields.as_array(head[11], "names")
        spread = buckets_for(count)
        found: list[Bucket] = []
        if spread == 1:
            found.append(Bucket())
            self._names(found[0], flat, inode.next_cookie)
        else:
            self._fields.check_length(flat, 0, "names in buckets")
            while len(found) < spread:
                self._named_buckets(found, spread, inode.next_cookie)
            parts += map(bucket_digest, found)
        inode.entries = Entries.of(found)
        if len(inode.entries) != count:
            names = f"{len(inode.entries)} names"
            raise self._fields.wrong(f"{names} in a directory that says {count}")
        if spread > 1:
            self._check_cookies(inode.ino, found)

    def _check_cookies(self, ino: Ino, found: list[Bucket]) -> None:
        """Check that no cookie is in two buckets; looks at what is not as it was."""
        before, cookies = self._cookies.pop(ino, ([], set()))
        if len(before) != len(found):
            before, cookies = [Bucket() for _ in found], set()
        fresh = [(a, b) for a, b in zip(before, found, strict=True) if a is not b]
        for old, _ in fresh:
            cookies.difference_update(cookie for _, cookie in old.values())
        for _, new in fresh:
            added = {cookie for _, cookie in new.values()}
            if not cookies.isdisjoint(added):
                raise self._fields.wrong(f"a cookie twice in directory {ino}")
            cookies |= added
        self._cookies[ino] = found, cookies

    def _named_buckets(
        self, found: list[Bucket], spread: int, next_cookie: int
    ) -> None:
        """Read an item of digests, and the buckets behind it that are not known."""
        count = min(spread - len(found), LISTED_MAX)
        what = f"the digests of {count} buckets"
        digests, _ = self._fields.array(what)
        self._fields.check_length(digests, count, what)
        for field in digests:
            digest = self._fields.data(field, NAME_SIZE)
            number = len(found)
            placed = self._buckets.get(digest)
            if placed is None:
                placed = _Placed(self._bucket(next_cookie), number, spread)
                if placed.bucket.digest != digest:
                    raise self._fields.wrong("a bucket that is not the one named")
                self._check_place(placed)
                self._buckets[digest] = placed
            elif placed[1:] != (number, spread):
                self._check_place(_Placed(placed.bucket, number, spread))
            last = next(reversed(placed.bucket.values()), None)
            if last is not None and last[1] >= next_cookie:
                raise self._fields.wrong(f"cookie {last[1]} is not below the next one")
            found.append(placed.bucket)

    def _check_place(self, placed: "_Placed") -> None:
        bucket, number, spread = placed
        if any(crc32(name) & spread - 1 != number for name in bucket):
            raise self._fields.wrong("a name in the wrong bucket")

    def _bucket(self, next_cookie: int) -> Bucket:
        """Read the items of a bucket: all but the last one are full."""
        bucket, digest = Bucket(), sha256()
        is_full = True
        while is_full:
            flat, encoded = self._fields.array("names")
            digest.update(encoded)
            self._names(bucket, flat, next_cookie)
            is_full = len(flat) == 3 * LISTED_MAX
        bucket.digest = digest.digest()
        return bucket

    def _names(self, bucket: Bucket, flat: list[object], next_cookie: int) -> None:
        """Add the names that an item tells of."""
        if len(flat) % 3 or len(flat) > 3 * LISTED_MAX:
            raise self._fields.wrong(f"not names: an array of {len(flat)}")
        last = next(reversed(bucket), None)
        cookie = FIRST_COOKIE - 1 if last is None else bucket[last][1]
        inos = (ROOT_INO + 1, self._next_ino - 1)
        for at in range(0, len(flat), 3):
            name = self._name(flat[at])
            if name in bucket:
                raise self._fields.wrong(f"the name {name!r} twice")
            bounds = (inos, (cookie + 1, next_cookie - 1))
            ino, cookie = self._fields.numbers(flat[at + 1 : at + 3], bounds)
            bucket[name] = (Ino(ino), cookie)

    def _name(self, field: object) -> bytes:
        name = self._fields.data(field, PATH_MAX)
        try:
            check_name(name)
        except FsError as error:
            raise self._fields.wrong(f"{name[:64]!r}: {error.strerror}") from error
        return name
