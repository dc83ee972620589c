"""CBOR (RFC 8949): plain values to bytes and back; the only user of cbor2."""

from collections.abc import Iterator
from typing import NoReturn

import cbor2

from devdev_fs._errno import SnapshotError

ITEM_MAX = 512 * 1024
"""Longest item that is taken from a sequence, in bytes."""
_FIRST_LOOK = 2048
"""So much of what comes is given to the decoder at first, since it copies it."""
_DEPTH_MAX = 16
_BYTE_STRING = 2 << 5
_LEAST = {1: 24, 2: 2**8, 4: 2**16, 8: 2**32}
"""The least length that takes so many bytes in canonical form."""


def encode(value: object) -> bytes:
    """The core deterministic encoding (RFC 8949 section 4.2.1) of a plain value.

    The keys of a map must all be of one type; then cbor2's order is that one.
    """
    return cbor2.dumps(value, canonical=True)


def decode(data: bytes) -> object:
    """The value that `data` is the encoding of; for bytes from a trusted sender."""
    return cbor2.loads(data)


def byte_string_head(length: int) -> bytes:
    """What comes before the bytes of a byte string in its encoding."""
    head = encode(length)
    return bytes((head[0] | _BYTE_STRING,)) + head[1:]


class Items:
    """The items of a CBOR sequence (RFC 8742) that comes in pieces, in their order.

    Taken is only what is in canonical form, and no longer than `ITEM_MAX`; so what
    is held of the sequence is bounded by that and by the longest piece.

    Raises, in each method:
        SnapshotError: what comes is something else; says where.
    """

    def __init__(self, pieces: Iterator[memoryview]) -> None:
        self._pieces = pieces
        self._window = memoryview(b"")
        self._at = 0
        """Where in the window the next item begins."""
        self._safe = -1
        """Up to where in the window a whole item, or all that is left, is there."""
        self._before = 0
        """How many bytes came before the window."""

    @property
    def offset(self) -> int:
        """Where in the whole the next item begins."""
        return self._before + self._at

    def raw(self, length: int) -> bytes:
        """The next bytes as they are; fewer at the end."""
        self._look_ahead()
        data = bytes(self._window[self._at : self._at + length])
        self._at += len(data)
        return data

    def is_at_end(self) -> bool:
        """Whether nothing comes any more."""
        self._look_ahead()
        return self._at == len(self._window)

    def item(self, what: str) -> tuple[object, bytes]:
        """The next item and its encoding; `what` it should be is for the message."""
        self._look_ahead()
        size = _FIRST_LOOK
        while True:
            ahead = self._window[self._at : self._at + size]
            try:
                item = cbor2.loads(
                    ahead,
                    semantic_decoders=_NO_TAGS,
                    max_depth=_DEPTH_MAX,
                    strict_hashable_types=True,
                )
                canonical = encode(item)
                break
            except cbor2.CBORDecodeEOF as error:
                if len(ahead) < size or size >= ITEM_MAX:
                    raise self._cut_off(ahead, what) from error
                size *= 16
            except (cbor2.CBORError, MemoryError) as error:
                raise self._wrong(f"not CBOR: {error}") from error
        # What is not in canonical form is encoded in another way.
        if ahead[: len(canonical)] != canonical:
            raise self._wrong("not in canonical form")
        self._at += len(canonical)
        return item, canonical

    def byte_string(self, longest: int, what: str) -> memoryview:
        """The next item, which is a byte string of up to so many bytes."""
        self._look_ahead()
        ahead = self._window[self._at :]
        if not ahead:
            raise self._cut_off(ahead, what)
        # An initial byte of 24 and more says how many bytes have the length.
        short = ahead[0] & 31
        width = 1 << short - 24 if 24 <= short < 28 else 0
        length = int.from_bytes(ahead[1 : 1 + width]) if width else short
        if ahead[0] & 0xE0 != _BYTE_STRING or short > 27 or length > longest:
            raise self._wrong(f"not {what}: a byte string of up to {longest} bytes")
        if width and length < _LEAST[width]:
            raise self._wrong("not in canonical form")
        begin = 1 + width
        data = ahead[begin : begin + length]
        if len(data) < length:
            raise self._cut_off(ahead, what)
        self._at += begin + length
        return data

    def _wrong(self, what: str) -> SnapshotError:
        return SnapshotError(f"byte {self.offset}: {what}")

    def _cut_off(self, ahead: memoryview, what: str) -> SnapshotError:
        if len(ahead) >= ITEM_MAX:
            return self._wrong(f"an item of more than {ITEM_MAX} bytes")
        return self._wrong(f"ends {'within' if ahead else 'before'} {what}")

    def _look_ahead(self) -> None:
        """Have a whole item in the window, or all that is left."""
        if self._at <= self._safe:
            return
        parts = [self._window[self._at :]]
        length = len(parts[0])
        # Twice as much, so that few bytes are copied more than once.
        while length < 2 * ITEM_MAX:
            piece = next(self._pieces, None)
            if piece is None:
                break
            parts.append(piece)
            length += len(piece)
        self._before, self._at = self.offset, 0
        self._safe = length if length < 2 * ITEM_MAX else length - ITEM_MAX
        parts = [part for part in parts if part]
        self._window = parts[0] if len(parts) == 1 else memoryview(b"".join(parts))


class _NoTags(dict[int, NoReturn]):
    """The decoders of tags: there are none.

    Building what a tag asks for can take minutes: a long integer as a decimal does.
    """

    def __missing__(self, tag: int) -> NoReturn:
        raise ValueError(f"tag {tag}")


_NO_TAGS = _NoTags()
