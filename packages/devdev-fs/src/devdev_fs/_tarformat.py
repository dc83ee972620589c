"""The blocks of a tar archive: headers and extended headers, to bytes and back.

POSIX.1-2017, pax, "pax Interchange Format" and "ustar Interchange Format"; what GNU
tar has beside it is read too. Python's tarfile would do for neither way: it takes a
corrupt header or a missing end for the end of the archive, reads a header of any
length into memory, and keeps times as floating point numbers.
"""

import re
from collections.abc import Iterable
from struct import Struct
from typing import NamedTuple

BLOCK = 512
ZEROS = bytes(BLOCK)
NAME_LENGTH = 100
"""The longest name and link target that a header itself has room for."""
SIZE_MAX = 8**11 - 1
"""The largest size and mtime that a header itself has room for."""
ID_MAX = 8**7 - 1
"""The largest user and group number that a header itself has room for."""

REGULAR, OLD_REGULAR, LINK, SYMLINK = b"0", b"\0", b"1", b"2"
CHARACTER_DEVICE, BLOCK_DEVICE, DIRECTORY, FIFO, CONTIGUOUS = (
    b"3",
    b"4",
    b"5",
    b"6",
    b"7",
)
EXTENDED, GLOBAL = b"x", b"g"
GNU_LONG_NAME, GNU_LONG_LINK, GNU_SPARSE = b"L", b"K", b"S"

XATTR = b"SCHILY.xattr."
"""What the keys of extended attributes begin with, in star's and GNU tar's records."""

_LAYOUT = Struct("100s 8s 8s 8s 12s 12s 8s c 100s 8s 32s 32s 8s 8s 155s 12s")
_USTAR = b"ustar\x0000"
_TIME = re.compile(rb"(-?)(\d{1,20})(?:\.(\d{1,40}))?")
_BILLION = 10**9


class Header(NamedTuple):
    """What a header block says, its kind last. What has no room is cut or 0."""

    name: bytes
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime: int = 0
    link: bytes = b""
    major: int = 0
    minor: int = 0
    type: bytes = REGULAR


def padding(size: int) -> int:
    """How many bytes lack to whole blocks."""
    return -size % BLOCK


# --- to bytes --------------------------------------------------------------------


def pack(header: Header) -> bytes:
    """The block."""
    block = _LAYOUT.pack(
        header.name[:NAME_LENGTH],
        b"%07o" % header.mode,
        b"%07o" % min(header.uid, ID_MAX),
        b"%07o" % min(header.gid, ID_MAX),
        b"%011o" % min(header.size, SIZE_MAX),
        b"%011o" % min(max(header.mtime, 0), SIZE_MAX),
        b"        ",
        header.type,
        header.link[:NAME_LENGTH],
        _USTAR,
        b"",
        b"",
        _pack_device(header.major),
        _pack_device(header.minor),
        b"",
        b"",
    )
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def _pack_device(number: int) -> bytes:
    """In octal, or where that has no room in GNU's base 256, which POSIX has not."""
    if number <= ID_MAX:
        return b"%07o" % number
    return b"\x80" + number.to_bytes(7, "big")


def pack_records(records: Iterable[tuple[bytes, bytes]]) -> bytes:
    """An extended header of these records, padded; nothing if there are none."""
    body = b"".join(_pack_record(key, value) for key, value in records)
    if not body:
        return b""
    header = Header(b"././@PaxHeader", size=len(body), type=EXTENDED)
    return pack(header) + body + bytes(padding(len(body)))


def _pack_record(key: bytes, value: bytes) -> bytes:
    """A record; its length counts the digits of the length too."""
    rest = b" %b=%b\n" % (key, value)
    length = len(rest) + len(str(len(rest)))
    length += len(str(length)) - len(str(len(rest)))
    return b"%d%b" % (length, rest)


def pack_xattr(name: bytes) -> bytes:
    """The key of an extended attribute; a key has no `=`, which GNU tar escapes."""
    return XATTR + name.replace(b"%", b"%25").replace(b"=", b"%3D")


def pack_time(time_ns: int) -> bytes:
    """Seconds, with as many decimals as there are."""
    seconds, ns = divmod(abs(time_ns), _BILLION)
    sign = b"-" if time_ns < 0 else b""
    return sign + (b"%d.%09d" % (seconds, ns)).rstrip(b"0").rstrip(b".")


# --- back ------------------------------------------------------------------------


def unpack(block: bytes) -> Header:
    """What a block says.

    Raises:
        ValueError: it is not a header.
    """
    fields = _LAYOUT.unpack(block)
    found = unpack_number(fields[6]) - 8 * ord(" ")
    rest = block[:148] + block[156:]
    total = sum(rest)
    # Old programs summed the bytes as signed ones.
    if found != total and found != total - 256 * sum(byte > 127 for byte in rest):
        raise ValueError("not a tar header: the checksum does not match")
    name = _text(fields[0])
    prefix = _text(fields[14])
    if prefix and fields[9][:6] == _USTAR[:6]:
        name = prefix + b"/" + name
    mode, uid, gid, size, mtime = map(unpack_number, fields[1:6])
    major, minor = map(unpack_number, fields[12:14])
    link = _text(fields[8])
    return Header(name, mode, uid, gid, size, mtime, link, major, minor, fields[7])


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def unpack_number(field: bytes) -> int:
    """A number: octal, or in GNU's base 256.

    Raises:
        ValueError: it is neither.
    """
    if field[0] in (0x80, 0xFF):
        number = int.from_bytes(field[1:], "big")
        return number - (1 << 8 * len(field) - 8) if field[0] == 0xFF else number
    digits = _text(field).strip(b" ")
    if digits.strip(b"01234567"):
        raise ValueError(f"not a tar header: {field!r} is no octal number")
    return int(digits or b"0", 8)


def unpack_records(body: bytes) -> dict[bytes, bytes]:
    """The records of an extended header; of a key that comes twice the last one.

    Raises:
        ValueError: they are no records.
    """
    records: dict[bytes, bytes] = {}
    at = 0
    while at < len(body):
        space = body.find(b" ", at, at + 20)
        digits = body[at:space] if space >= 0 else b""
        if not digits.isdigit():
            raise ValueError(f"no length of a record at byte {at} of it")
        end = at + int(digits)
        key, equals, value = body[space + 1 : end].partition(b"=")
        if not key or not equals or not value.endswith(b"\n") or end > len(body):
            raise ValueError(f"no record at byte {at} of it")
        records[key] = value[:-1]
        at = end
    return records


def unpack_xattr(key: bytes) -> bytes:
    """The name of the extended attribute that a key stands for."""
    name = key.removeprefix(XATTR)
    return name.replace(b"%3D", b"=").replace(b"%25", b"%")


def unpack_time(text: bytes) -> int:
    """Nanoseconds; what is less than one is cut.

    Raises:
        ValueError: it is no time.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:32]!r} is no time")
    sign, seconds, decimals = match.groups()
    ns = int(seconds) * _BILLION + int((decimals or b"0")[:9].ljust(9, b"0"))
    return -ns if sign else ns
