"""Loading a snapshot: every rule of the format is checked, and then it is an image.

docs/snapshot-format.md describes the format. Nothing is taken on trust: a number of
a snapshot is used only after it has been checked against what it numbers.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import NamedTuple

from devdev_fs._archive import ByteSource
from devdev_fs._blocks import NAME_SIZE
from devdev_fs._cbor import Items
from devdev_fs._content import Bytes
from devdev_fs._errno import SnapshotError
from devdev_fs._fields import Fields
from devdev_fs._image import Image, Memo
from devdev_fs._inode import Inode
from devdev_fs._past import TEXT_MAX, Kept, Past
from devdev_fs._pastload import PastLoader
from devdev_fs._record import LISTED_MAX, MAGIC, VERSION, image_digest, inode_digest
from devdev_fs._recordload import INO_MAX, RecordLoader
from devdev_fs._relink import BrokenTree, relink
from devdev_fs._sparse import Sparse
from devdev_fs._types import LIMIT_MAX, PAGE_SIZE, ROOT_INO, TIME_MAX, TIME_MIN, Ino

PIECE_SIZE = 2**20
"""How much of a file is read at once."""


class Loaded(NamedTuple):
    """What a snapshot holds."""

    base: Image | None
    """The image that it goes on from; None if it stands for itself."""
    image: Image
    past: Past | None
    """How it came about; None if the snapshot does not tell."""


def load(
    pieces: Iterable[Bytes],
    base: Image,
    *,
    max_bytes: int | None = None,
    max_inodes: int | None = None,
    share: bool = False,
) -> Loaded:
    """Read a snapshot, piece by piece.

    Beside what it makes, no more than a piece and an item is held; space is taken
    only for what has come, and only after it has been counted.

    Args:
        pieces: its bytes.
        base: what is there: it goes on from that if it has only what changed.
        max_bytes: the most content, in pages, that an image may have.
        max_inodes: the most inodes that an image may have.
        share: take the content of files as views of the pieces, which stay as long as
            one of these does, and not as copies.

    Raises:
        SnapshotError: it breaks a rule of the format, or goes on from another image,
            or is too large; says where and how.
    """
    pages = None if max_bytes is None else max_bytes // PAGE_SIZE
    # What is checked must be what is taken: a buffer that others can change is copied.
    views = (memoryview(bytes(piece)) for piece in pieces)
    return _Loader(Items(views), pages, max_inodes, share).load(base)


def each_piece(file: ByteSource) -> Iterator[bytes]:
    """What a file gives, piece by piece."""
    while piece := file.read(PIECE_SIZE):
        yield piece


class _Header(NamedTuple):
    """The first item of a section."""

    state: list[int]
    base: bytes
    removed: int
    records: int
    about: list[object]
    """What is said beside: of a checkpoint, or of the history."""
    left: int
    encoded: bytes


class _Loader:
    """Reads the sections of one snapshot, in their order."""

    def __init__(
        self,
        items: Items,
        max_pages: int | None,
        max_inodes: int | None,
        share: bool,
    ) -> None:
        self._items = items
        self._fields = Fields(items)
        self._records = RecordLoader(self._fields, share=share)
        self._max_pages = max_pages
        self._max_inodes = max_inodes

    def load(self, live: Image) -> Loaded:
        if self._items.raw(len(MAGIC)) != MAGIC:
            raise SnapshotError("byte 0: not a devdev-fs snapshot (no magic)")
        header = self._header()
        about = self._history(header)
        base = self._base(header, live)
        image = self._section(header, base)
        past = None if about is None else self._past(about, header.left, image)
        if not self._items.is_at_end():
            raise SnapshotError(f"byte {self._items.offset}: bytes follow the end")
        return Loaded(base, image, past)

    def _past(self, about: tuple[int, int, int], sections: int, image: Image) -> Past:
        """What is behind the state: the checkpoints, and the steps."""
        checkpoints: list[Kept] = []
        later = image
        for left in range(sections - 1, -1, -1):
            header = self._header()
            kept = self._checkpoint(header)
            if header.left != left:
                raise self._wrong(f"not a checkpoint with {left} behind it")
            if checkpoints and kept[0] >= checkpoints[-1].number:
                raise self._wrong("checkpoints out of order")
            if header.base != image_digest(later):
                raise self._wrong("a checkpoint that does not go on from what is there")
            later = self._section(header, later)
            checkpoints.append(Kept(*kept, later))
        most = LIMIT_MAX if self._max_pages is None else self._max_pages
        loader = PastLoader(self._fields, self._records, image, most)
        return loader.load(*about, checkpoints[::-1])

    def _wrong(self, what: str) -> SnapshotError:
        return self._fields.wrong(what)

    def _base(self, header: _Header, live: Image) -> Image | None:
        """What the first section goes on from."""
        if not header.base:
            return None
        found = image_digest(live)
        if found != header.base:
            wanted = f"a change of the image {header.base.hex()}"
            raise self._wrong(f"{wanted}, and not of {found.hex()}, which is here")
        return live

    # --- sections ----------------------------------------------------------------

    def _header(self) -> _Header:
        items, encoded = self._fields.array("a header")
        # Another version may have another header: only this is looked at first.
        if not items or items[0] != VERSION or type(items[0]) is not int:
            found = self._fields.shown(items[0]) if items else "none"
            message = f"version {found} cannot be loaded, only version {VERSION}"
            raise self._wrong(message)
        self._fields.check_length(items, 11, "a header")
        number = self._fields.number
        state = [
            VERSION,
            number(items[1], ROOT_INO + 1, INO_MAX),
            number(items[2], 0, LIMIT_MAX // PAGE_SIZE),
            number(items[3], 0, LIMIT_MAX),
            number(items[4], 1, INO_MAX),
            number(items[5], 0, LIMIT_MAX),
        ]
        self._check_size(inodes=state[4], pages=state[5])
        base = self._fields.data(items[6], NAME_SIZE)
        if len(base) not in (0, NAME_SIZE):
            raise self._wrong(f"a base of {len(base)} bytes")
        return _Header(
            state,
            base,
            number(items[7], 0, INO_MAX if base else 0),
            number(items[8], 0 if base else state[4], state[4]),
            self._fields.as_array(items[9], "what is said beside"),
            number(items[10], 0, INO_MAX),
            encoded,
        )

    def _check_size(self, inodes: int, pages: int) -> None:
        if self._max_inodes is not None and inodes > self._max_inodes:
            raise self._wrong(f"{inodes} inodes, and at most {self._max_inodes} may be")
        if self._max_pages is not None and pages > self._max_pages:
            found, most = pages * PAGE_SIZE, self._max_pages * PAGE_SIZE
            raise self._wrong(f"{found} bytes in pages, and at most {most} may be")

    def _history(self, header: _Header) -> tuple[int, int, int] | None:
        """The next number, how many were dropped, and how many steps there are."""
        if not header.about and not header.left:
            return None
        self._fields.check_length(header.about, 3, "what is said of a history")
        bounds = ((1, INO_MAX), (0, INO_MAX), (header.left, INO_MAX))
        number, dropped, steps = self._fields.numbers(header.about, bounds)
        return number, dropped, steps

    def _checkpoint(self, header: _Header) -> tuple[int, str, int]:
        """Number, label and time."""
        about = header.about
        self._fields.check_length(about, 3, "what is said of a checkpoint")
        label = self._fields.data(about[1], TEXT_MAX)
        return (
            self._fields.number(about[0], 1, INO_MAX),
            label.decode("utf-8", "surrogateescape"),
            self._fields.number(about[2], TIME_MIN, TIME_MAX),
        )

    def _section(self, header: _Header, base: Image | None) -> Image:
        """Read what is behind a header, and make the image of it."""
        _, next_ino, max_pages, max_inodes, count, pages = header.state
        before: Sparse[Inode] = Sparse()
        inodes: Sparse[Inode] = Sparse()
        if base is not None:
            before = base.inodes
            inodes.copy_of(before)
        touched = self._removed(header.removed, inodes)
        self._records.begin(Ino(next_ino), pages)
        for _ in range(header.records):
            ino, old, new = self._record(before, inodes)
            touched[ino] = (old, new)
        try:
            relink(before, inodes, touched)
        except BrokenTree as error:
            raise self._wrong(str(error)) from error
        found = self._records.pages
        if base is not None:
            gone = (old for old, _ in touched.values() if old is not None)
            found += base.pages - sum(old.pages for old in gone)
        if (inodes.count, found) != (count, pages):
            there = f"{inodes.count} inodes and {found} pages"
            raise self._wrong(f"{there}, and the header says {count} and {pages}")
        groups = inodes.by_chunk()
        end = max((number << inodes.BITS) + len(group) for number, group in groups)
        if end > next_ino:
            raise self._wrong(f"an inode with a number from {next_ino} on")
        image = Image(inodes, Ino(next_ino), max_pages, max_inodes, pages, Memo())
        self._end(header, image)
        return image

    def _removed(
        self, left: int, inodes: Sparse[Inode]
    ) -> dict[Ino, tuple[Inode | None, Inode | None]]:
        """Read numbers, and take their inodes away."""
        removed: dict[Ino, tuple[Inode | None, Inode | None]] = {}
        before = 0
        while left:
            count = min(left, LISTED_MAX)
            what = f"{count} numbers"
            flat, _ = self._fields.array(what)
            self._fields.check_length(flat, count, what)
            for field in flat:
                before = self._fields.number(field, before + 1, INO_MAX)
                inode = inodes.get(before)
                if inode is None:
                    raise self._wrong(f"inode {before} is gone, and was not there")
                self._records.learn(inode)
                inodes.remove(before)
                removed[Ino(before)] = (inode, None)
            left -= count
        return removed

    def _record(
        self, before: Sparse[Inode], inodes: Sparse[Inode]
    ) -> tuple[Ino, Inode | None, Inode]:
        """Read a record, and put its inode in its place."""
        head, encoded = self._fields.array("an inode")
        ino = self._fields.number(head[0] if head else None, ROOT_INO, INO_MAX)
        old = before.get(ino)
        if old is not None:
            if inodes.get(ino) is not old:
                raise self._wrong(f"inode {ino} is gone, and here")
            self._records.learn(old)
        inode = self._records.record(head, encoded)
        if old is not None and inode_digest(old) == inode.digest:
            raise self._wrong(f"inode {ino} has not changed")
        inodes.set(ino, inode)
        return inode.ino, old, inode

    def _end(self, header: _Header, image: Image) -> None:
        """Read the end of a section, which says what came before."""
        items, _ = self._fields.array("the end")
        digest = image_digest(image)
        if items != [digest, sha256(header.encoded + digest).digest()]:
            raise self._wrong("the digest is not that of what came before")
