"""A file's content in blocks: what a chunk of its pages holds, and what it is called.

A block is the pages of a chunk that hold anything but zeros, one behind the other,
each filled up with zeros to its 4096 bytes; zeros at the end of it all left out.
"""

from collections.abc import Sequence
from hashlib import sha256
from struct import Struct
from typing import NamedTuple

from devdev_fs._content import Content, block_in, cut, packed
from devdev_fs._sparse import Chunk
from devdev_fs._types import PAGE_SIZE

PAGES_MAX = 1 << Content.BITS
"""The most pages in a block."""
BLOCK_MAX = PAGES_MAX * PAGE_SIZE
"""The most bytes in a block."""
NAME_SIZE = 32
"""Bytes of SHA-256. What is shorter than its name would be is its own."""

_ZEROS = bytes(PAGE_SIZE)
_MASKS = Struct(">QQ")


class Extent(NamedTuple):
    """What a chunk holds. In both numbers bit n stands for page n of the chunk."""

    pages: int
    """The pages that hold anything but zeros."""
    zeros: int
    """The pages that are there and hold zeros only."""
    reference: bytes
    """The SHA-256 of the block, or the block itself if that is shorter."""

    @property
    def end(self) -> int:
        """The number of the page behind the last one that is there."""
        return (self.pages | self.zeros).bit_length()


def is_zero(page: bytes) -> bool:
    """Whether a page holds zeros only."""
    return page == _ZEROS if len(page) == PAGE_SIZE else not page.strip(b"\0")


def extent_of(chunk: Chunk[bytes]) -> Extent:
    """What the chunk, which does not change any more, holds; kept in its digest."""
    kept = getattr(chunk, "digest", b"")
    if kept:
        pages, zeros = _MASKS.unpack_from(kept)
        return Extent(pages, zeros, kept[_MASKS.size :])
    pages, zeros = _pages_in(chunk)
    extent = Extent(pages, zeros, reference_to(block_of(chunk, zeros)))
    _keep(chunk, extent)
    return extent


def _pages_in(chunk: Chunk[bytes]) -> tuple[int, int]:
    """The pages that hold anything but zeros, and those that hold zeros only."""
    block = block_in(chunk)
    if block and block[-1] and not has_page_of_zeros(block):
        # So it is with most, and nothing need be cut for that.
        return (1 << -(-len(block) // PAGE_SIZE)) - 1, 0
    pages = zeros = 0
    for at, page in enumerate(cut(chunk)):
        if page is not None:
            if is_zero(page):
                zeros |= 1 << at
            else:
                pages |= 1 << at
    return pages, zeros


def _keep(chunk: Chunk[bytes], extent: Extent) -> None:
    chunk.digest = _MASKS.pack(extent.pages, extent.zeros) + extent.reference


def reference_to(block: bytes) -> bytes:
    """What stands for a block."""
    return block if len(block) < NAME_SIZE else sha256(block).digest()


def block_of(chunk: Chunk[bytes], zeros: int) -> bytes:
    """The block of what the chunk holds; of its extent, `zeros`."""
    block = block_in(chunk)
    if block and not zeros:
        return bytes(block).rstrip(b"\0")
    pages = pages_of(chunk)
    pages[:-1] = [page.ljust(PAGE_SIZE, b"\0") for page in pages[:-1]]
    return b"".join(pages).rstrip(b"\0")


def pages_of(chunk: Chunk[bytes]) -> list[bytes]:
    """The pages of a chunk that hold anything but zeros."""
    return [page for page in cut(chunk) if page is not None and not is_zero(page)]


def end_of(chunk: Chunk[bytes]) -> int:
    """How many bytes a chunk has, from its beginning up to the last one."""
    block = block_in(chunk)
    if block:
        return len(block)
    last = next((at for at in range(len(chunk) - 1, -1, -1) if chunk[at]), 0)
    return last * PAGE_SIZE + len(chunk[last] or b"")


def without_zeros(chunk: Chunk[bytes]) -> Chunk[bytes]:
    """A chunk that holds the same but for zeros behind the last byte that is none."""
    pages = pages_of(chunk)
    if pages:
        pages[-1] = pages[-1].rstrip(b"\0")
    return chunk_of_pages(extent_of(chunk), pages)


def has_page_of_zeros(block: bytes | memoryview) -> bool:
    """Whether one of the pages that were put into a block held zeros only."""
    # Such a page begins with a zero; few others do.
    return 0 in block[::PAGE_SIZE] and any(
        block[at : at + PAGE_SIZE] == _ZEROS for at in range(0, len(block), PAGE_SIZE)
    )


def chunk_of_block(extent: Extent, block: bytes | memoryview) -> Chunk[bytes]:
    """The chunk that holds the pages of a block, as many as `extent` says.

    Args:
        extent: what the chunk holds.
        block: bytes, or a view of some, which never change.
    """
    if extent.zeros or extent.pages & extent.pages + 1:
        starts = range(0, len(block), PAGE_SIZE)
        pages = [bytes(block[at : at + PAGE_SIZE]) for at in starts]
        return chunk_of_pages(extent, pages)
    chunk = packed(block)
    _keep(chunk, extent)
    return chunk


def chunk_of_pages(extent: Extent, pages: Sequence[bytes]) -> Chunk[bytes]:
    """The chunk that holds these pages, as many as `extent` says."""
    left = iter(pages)
    chunk: Chunk[bytes] = Chunk()
    for at in range(extent.end):
        if extent.pages >> at & 1:
            chunk.append(next(left))
        else:
            chunk.append(b"" if extent.zeros >> at & 1 else None)
    _keep(chunk, extent)
    return chunk
