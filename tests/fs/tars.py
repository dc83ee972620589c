"""Tar archives made by hand, block by block: right ones, and ones that lie."""

from typing import Any

BLOCK = 512
END = bytes(2 * BLOCK)
SPARSE = (b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0")


def header(
    name: bytes = b"f",
    *,
    size: Any = 0,
    type: bytes = b"0",
    link: bytes = b"",
    mode: Any = 0o644,
    uid: Any = 0,
    mtime: Any = 0,
    device: tuple[Any, Any] = (0, 0),
    magic: bytes = b"ustar\x0000",
    prefix: bytes = b"",
    rest: bytes = b"",
    checksum: int | None = None,
) -> bytes:
    """A header block; numbers are octal, or the bytes that are given."""
    block = bytearray(BLOCK)
    fields = [
        (0, 100, name),
        (100, 8, number(mode, 8)),
        (108, 8, number(uid, 8)),
        (116, 8, number(0, 8)),
        (124, 12, number(size, 12)),
        (136, 12, number(mtime, 12)),
        (148, 8, b" " * 8),
        (156, 1, type),
        (157, 100, link),
        (257, 8, magic),
        (329, 8, number(device[0], 8)),
        (337, 8, number(device[1], 8)),
        (345, 155, prefix),
        (386 if rest else 511, len(rest), rest),
    ]
    for at, length, value in fields:
        block[at : at + min(length, len(value))] = value[:length]
    total = sum(block) if checksum is None else checksum
    block[148:156] = b"%06o\0 " % total
    assert len(block) == BLOCK
    return bytes(block)


def number(value: Any, length: int) -> bytes:
    return value if isinstance(value, bytes) else b"%0*o" % (length - 1, value)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def member(name: bytes = b"f", data: bytes = b"", **fields: Any) -> bytes:
    """A header and what it is the header of."""
    return header(name, **{"size": len(data)} | fields) + padded(data)


def pax(*records: tuple[bytes, bytes], type: bytes = b"x") -> bytes:
    """An extended header."""
    body = b""
    for key, value in records:
        length = len(key) + len(value) + 3
        total = length + len(str(length))
        total = length + len(str(total))
        body += b"%d %b=%b\n" % (total, key, value)
    return member(b"pax", body, type=type)


def sparse(listed: bytes, data: bytes = b"", size: bytes = b"100") -> bytes:
    """A sparse file of format 1.0."""
    records = pax(*SPARSE, (b"GNU.sparse.name", b"s"), (b"GNU.sparse.realsize", size))
    return records + member(b"s", padded(listed) + data) + END


def gnu_sparse(parts: list[tuple[int, int]], data: bytes, size: int) -> bytes:
    """A sparse file of GNU tar's own format."""
    listed = b"".join(b"%011o\0%011o\0" % part for part in parts)
    rest = listed.ljust(96, b"\0") + b"\0" + b"%011o\0" % size
    fields = header(b"s", size=len(data), type=b"S", magic=b"ustar  \0", rest=rest)
    return fields + padded(data) + END
