"""The parts of a zip archive that carry what POSIX has: modes, times and owners.

PKWARE's APPNOTE.TXT 6.3.10; the extra fields as Info-ZIP's `extrafld.txt` and
`ux` describe them.
"""

from collections.abc import Iterator
from struct import Struct, error
from typing import NamedTuple

UNIX, DARWIN = 3, 19
"""Systems whose members have a mode, as the high byte of "version made by"."""

TIMESTAMP, NTFS, OWNER, ZIP64 = 0x5455, 0x000A, 0x7875, 0x0001
"""Ids of extra fields."""

DOS_FIRST, DOS_LAST = 315532800, 4354819198
"""The first and the last second of DOS: from 1980-01-01 to 2107-12-31 23:59:58."""
_EPOCH = -11644473600
"""1601-01-01, from which NTFS counts units of 100 ns."""
_TICKS = 10**7
_HEAD = Struct("<HH")
_SECONDS = Struct("<Bi")
_NTFS = Struct("<LHHQQQ")
_OWNER = Struct("<BBLBL")

DateTime = tuple[int, int, int, int, int, int]


class Extra(NamedTuple):
    """What extra fields say; None where they say nothing."""

    mtime_ns: int | None
    uid: int
    gid: int


# --- to bytes --------------------------------------------------------------------


def pack_extra(mtime_ns: int, uid: int, gid: int) -> bytes:
    """The extra fields of a member: times in units of 100 ns, and in seconds."""
    seconds = mtime_ns // 10**9
    ticks = mtime_ns // 100 - _EPOCH * _TICKS
    fields = [
        (NTFS, _NTFS.pack(0, 1, 24, ticks, ticks, ticks)),
        (OWNER, _OWNER.pack(1, 4, uid, 4, gid)),
    ]
    if -(2**31) <= seconds < 2**31:
        fields.insert(0, (TIMESTAMP, _SECONDS.pack(1, seconds)))
    return b"".join(_HEAD.pack(id, len(body)) + body for id, body in fields)


def dos_time(mtime_ns: int) -> DateTime:
    """Year, month, day, hour, minute, second in UTC; the nearest that DOS has."""
    seconds = min(max(mtime_ns // 10**9, DOS_FIRST), DOS_LAST)
    days, second = divmod(seconds, 86400)
    # Days and years are counted from 1 March, so that a leap day is a year's last.
    era, day = divmod(days + 719468, 146097)
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5
    year += era * 400 + (month >= 10)
    month = month + 3 if month < 10 else month - 9
    return year, month, day + 1, second // 3600, second // 60 % 60, second % 60


# --- back ------------------------------------------------------------------------


def extra_fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    """The extra fields, each with its id; what is cut off at the end is left out."""
    at = 0
    while at + _HEAD.size <= len(extra):
        id, size = _HEAD.unpack_from(extra, at)
        at += _HEAD.size + size
        if at <= len(extra):
            yield id, extra[at - size : at]


def unpack_extra(extra: bytes) -> Extra:
    """What the extra fields of a member say; what cannot be is passed over."""
    mtime_ns: int | None = None
    uid = gid = 0
    is_exact = False
    for id, body in extra_fields(extra):
        try:
            if id == NTFS and body[4:8] == b"\1\0\x18\0":
                ticks = _NTFS.unpack_from(body)[3]
                mtime_ns, is_exact = (ticks + _EPOCH * _TICKS) * 100, True
            elif id == TIMESTAMP and body[:1] and body[0] & 1 and not is_exact:
                mtime_ns = _SECONDS.unpack_from(body)[1] * 10**9
            elif id == OWNER:
                uid, gid = _unpack_owner(body)
        except error:
            continue
    return Extra(mtime_ns, uid, gid)


def unpack_dos_time(date: int, time: int) -> int:
    """Nanoseconds of a DOS date and time in UTC; 1980 if it is no date."""
    year, month, day = (date >> 9) + 1980, date >> 5 & 15, date & 31
    if not 1 <= month <= 12 or not day:
        return DOS_FIRST * 10**9
    # As in `dos_time`, a year begins in March.
    month = month - 3 if month > 2 else month + 9
    year -= month > 9
    days = 365 * year + year // 4 - year // 100 + year // 400
    days += (153 * month + 2) // 5 + day - 719469
    seconds = (time >> 11) * 3600 + (time >> 5 & 63) * 60 + (time & 31) * 2
    return (days * 86400 + seconds) * 10**9


def _unpack_owner(body: bytes) -> tuple[int, int]:
    """User and group number, each behind its length.

    Raises:
        struct.error: the field is cut off.
    """
    numbers = []
    at = 1
    for _ in range(2):
        if at >= len(body) or at + 1 + body[at] > len(body):
            raise error("cut off")
        end = at + 1 + body[at]
        numbers.append(int.from_bytes(body[at + 1 : end], "little"))
        at = end
    return numbers[0], numbers[1]
