"""Zip archives made by Python's zipfile, and such that were changed by hand."""

import struct
import warnings
from io import BytesIO
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

ENTRY, LOCAL, DIRECTORY_END = b"PK\1\2", b"PK\3\4", b"PK\5\6"


def zipped(*members: tuple[ZipInfo | str, bytes], method: int = ZIP_STORED) -> bytes:
    """What Python's zipfile makes of these members."""
    file = BytesIO()
    with ZipFile(file, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def info(name: str, **fields: Any) -> ZipInfo:
    """A member with other fields than zipfile would give it."""
    found = ZipInfo(name)
    found.create_system = 3  # Unix, whatever this host is
    for field, value in fields.items():
        setattr(found, field, value)
    return found


def patched(archive: bytes, magic: bytes, at: int, value: bytes) -> bytes:
    """The archive with other bytes in the last record that begins with `magic`."""
    start = archive.rindex(magic) + at
    return archive[:start] + value + archive[start + len(value) :]


def long_end(archive: bytes, magic: bytes = b"PK\6\6") -> bytes:
    """The same archive with a ZIP64 end, whose magic may be another."""
    at = archive.rindex(DIRECTORY_END)
    _, _, _, _, count, size, offset, _ = struct.unpack("<4sHHHHLLH", archive[at:])
    long = struct.pack(
        "<4sQHHLLQQQQ", magic, 44, 45, 45, 0, 0, count, count, size, offset
    )
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, at, 1)
    full = struct.pack(
        "<4sHHHHLLH", DIRECTORY_END, 0, 0, 2**16 - 1, 2**16 - 1, 2**32 - 1, 2**32 - 1, 0
    )
    return archive[:at] + long + locator + full
