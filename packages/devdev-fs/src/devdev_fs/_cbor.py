"""CBOR (RFC 8949): plain values to bytes and back; the only user of cbor2."""

from collections.abc import Iterator
from io import BytesIO
from typing import NoReturn

import cbor2

from devdev_fs._errno import SnapshotError

_DEPTH_MAX = 16


def encode(value: object) -> bytes:
    """The core deterministic encoding (RFC 8949 section 4.2.1) of a plain value.

    The keys of a map must all be of one type; then cbor2's order is that one.
    """
    return cbor2.dumps(value, canonical=True)


def decode(data: bytes) -> object:
    """The value that `data` is the encoding of; for bytes from a trusted sender."""
    return cbor2.loads(data)


def decode_sequence(data: bytes, start: int) -> Iterator[tuple[object, int]]:
    """The items of a CBOR sequence (RFC 8742), each with the offset behind it.

    Raises:
        SnapshotError: an item is not CBOR or not in canonical form.
    """
    stream = BytesIO(data)
    stream.seek(start)
    decoder = cbor2.CBORDecoder(
        stream,
        semantic_decoders=_NoTags(),
        allow_duplicate_keys=False,
        allow_indefinite=False,
        max_depth=_DEPTH_MAX,
        strict_hashable_types=True,
    )
    while start < len(data):
        try:
            item = decoder.decode()
            canonical = encode(item)
        except (cbor2.CBORError, MemoryError) as error:
            raise SnapshotError(f"byte {start}: not CBOR: {error}") from error
        end = start + len(canonical)
        if data[start:end] != canonical:
            raise SnapshotError(f"byte {start}: not in canonical form")
        start = end
        yield item, end


class _NoTags(dict[int, NoReturn]):
    """The decoders of tags: there are none.

    Building what a tag asks for can take minutes: a long integer as a decimal does.
    """

    def __missing__(self, tag: int) -> NoReturn:
        raise ValueError(f"tag {tag}")
