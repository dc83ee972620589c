"""Reading tar: every block is checked, and a tree is built of what they say.

Read is what POSIX calls ustar and pax, and GNU tar's long names and sparse files
(those of its own format, and version 1.0). Anything else is refused rather than
taken for something it is not.
"""

from array import array
from collections.abc import Iterator
from typing import TypeAlias

from devdev_fs import _tarformat as tar
from devdev_fs._archive import ArchiveError, Reading, Window
from devdev_fs._tarformat import Header
from devdev_fs._types import FILE_SIZE_MAX, Kind
from devdev_fs._unpack import Member, Unpacking

EXTENDED_MAX = 2**20
"""The longest extended header, in bytes: names and extended attributes."""

_KINDS = {
    tar.REGULAR: Kind.REGULAR,
    tar.OLD_REGULAR: Kind.REGULAR,
    tar.CONTIGUOUS: Kind.REGULAR,
    tar.GNU_SPARSE: Kind.REGULAR,
    tar.LINK: Kind.REGULAR,
    tar.SYMLINK: Kind.SYMLINK,
    tar.CHARACTER_DEVICE: Kind.CHARACTER_DEVICE,
    tar.BLOCK_DEVICE: Kind.BLOCK_DEVICE,
    tar.DIRECTORY: Kind.DIRECTORY,
    tar.FIFO: Kind.FIFO,
}
_GNU_LONG = {tar.GNU_LONG_NAME: b"path", tar.GNU_LONG_LINK: b"linkpath"}
_ZLIB, _BZIP2, _XZ, _ZSTD = b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd"
DIGITS_MAX = 19
"""Of a number in the list of a sparse file's parts; then it has less than 64 bits."""
EXTENTS_MAX = 2**20
"""The most parts of a sparse file, of which each is held in memory."""
Extents: TypeAlias = "array[int]"
"""Offset and length of a part of a sparse file, and so on."""


def read_tar(unpacking: Unpacking) -> Reading[Unpacking]:
    """Unpack a tar archive, whose bytes are asked for in their order.

    What is behind the two blocks of zeros at its end is not looked at.

    Raises:
        ArchiveError: it is no tar archive, has no end, or a member breaks a rule.
        FsError: ENOSPC, EMLINK.
    """
    return _TarReader(unpacking).read()


class _TarReader:
    """Reads one archive, block by block."""

    def __init__(self, unpacking: Unpacking) -> None:
        self._unpacking = unpacking
        self._window = Window()
        self._offset = 0
        """Of the next byte."""
        self._start = 0
        """Where the present member begins, its extended headers included."""
        self._name: bytes | None = None
        """What it is called, as soon as that is known."""
        self._defaults: dict[bytes, bytes] = {}
        """The records for all members that follow."""

    def read(self) -> Reading[Unpacking]:
        records: dict[bytes, bytes] = {}
        while True:
            if not records:
                self._start, self._name = self._offset, None
            block = yield from self._block()
            if block == tar.ZEROS:
                break
            header = self._header(block)
            if header.type in (tar.EXTENDED, tar.GLOBAL, *_GNU_LONG):
                found = yield from self._extended(header)
                if header.type == tar.GLOBAL:
                    self._defaults |= found
                else:
                    records |= found
                continue
            yield from self._member(header, block, self._defaults | records)
            records = {}
        if records:
            raise self._wrong("an extended header without a member")
        if (yield from self._block()) != tar.ZEROS:
            raise self._wrong("a block of zeros that is not the end")
        return self._unpacking

    # --- blocks ------------------------------------------------------------------

    def _wrong(self, message: str) -> ArchiveError:
        return ArchiveError(message, self._name, self._start)

    def _take(self, size: int) -> Reading[bytes]:
        data = yield from self._window.take(self._offset, size)
        if len(data) < size:
            raise self._cut(len(data))
        self._offset += size
        return data

    def _cut(self, there: int) -> ArchiveError:
        end = self._offset + there
        return self._wrong(f"the archive is cut off: it ends at byte {end}")

    def _block(self) -> Reading[bytes]:
        return (yield from self._take(tar.BLOCK))

    def _padded(self, size: int) -> Reading[bytes]:
        data = yield from self._take(size)
        yield from self._take(tar.padding(size))
        return data

    def _header(self, block: bytes) -> Header:
        try:
            return tar.unpack(block)
        except ValueError as error:
            message = str(error)
            if not self._start and block.startswith((_ZLIB, _BZIP2, _XZ, _ZSTD)):
                message = "compressed: give what gzip.open or the like reads from it"
            raise self._wrong(message) from error

    def _extended(self, header: Header) -> Reading[dict[bytes, bytes]]:
        if not 0 <= header.size <= EXTENDED_MAX:
            found = f"an extended header of {header.size} bytes"
            raise self._wrong(f"{found}, {EXTENDED_MAX} is the limit")
        body = yield from self._padded(header.size)
        if header.type in _GNU_LONG:
            return {_GNU_LONG[header.type]: body.partition(b"\0")[0]}
        try:
            return tar.unpack_records(body)
        except ValueError as error:
            raise self._wrong(f"an extended header: {error}") from error

    # --- members -----------------------------------------------------------------

    def _member(
        self, header: Header, block: bytes, records: dict[bytes, bytes]
    ) -> Reading[None]:
        name = records.get(b"path") or header.name
        name = self._name = records.get(b"GNU.sparse.name") or name
        if header.type not in _KINDS:
            raise self._wrong(f"a member of type {header.type!r}")
        kind = _KINDS[header.type]
        # Before there were directories in headers, they were files with a slash.
        is_old = header.type in (tar.REGULAR, tar.OLD_REGULAR)
        if is_old and name.endswith(b"/"):
            kind = Kind.DIRECTORY
        member = self._describe(header, kind, records)
        size = self._number(records, b"size", header.size)
        if not 0 <= size <= FILE_SIZE_MAX:
            raise self._wrong(f"a size of {size}")
        link = records.get(b"linkpath") or header.link
        if header.type == tar.LINK:
            self._unpacking.add_link(member, link)
        elif kind == Kind.DIRECTORY:
            self._unpacking.add_directory(member)
        elif kind == Kind.REGULAR:
            yield from self._file(member, size, block, records)
        else:
            # Only files have content; what others give as a size means nothing.
            member.target = link
            self._unpacking.add_other(member)

    def _describe(
        self, header: Header, kind: Kind, records: dict[bytes, bytes]
    ) -> Member:
        device = 0
        if kind in (Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE):
            device = _device(header.major, header.minor)
        assert self._name is not None
        member = Member(
            self._name,
            self._start,
            kind | header.mode & 0o7777,
            uid=self._number(records, b"uid", header.uid),
            gid=self._number(records, b"gid", header.gid),
            mtime_ns=header.mtime * 10**9,
            device=device,
        )
        try:
            if records.get(b"mtime"):
                member.mtime_ns = tar.unpack_time(records[b"mtime"])
            if records.get(b"atime"):
                member.atime_ns = tar.unpack_time(records[b"atime"])
        except ValueError as error:
            raise self._wrong(str(error)) from error
        member.xattrs = {
            tar.unpack_xattr(key): value
            for key, value in records.items()
            if key.startswith(tar.XATTR)
        }
        return member

    def _number(self, records: dict[bytes, bytes], key: bytes, plain: int) -> int:
        """What a record says; without it, or where it is empty, what the header did."""
        text = records.get(key)
        if not text:
            return plain
        if not text.isdigit() or len(text) > 20:
            raise self._wrong(f"{key.decode()} is {text[:32]!r}, which is no number")
        return int(text)

    # --- content -----------------------------------------------------------------

    def _file(
        self, member: Member, size: int, block: bytes, records: dict[bytes, bytes]
    ) -> Reading[None]:
        stored = size
        extents = array("Q", [0, size] if size else [])
        if block[156:157] == tar.GNU_SPARSE:
            size = self._octal(block[483:495])
            extents = yield from self._gnu_extents(block)
        elif any(key.startswith(b"GNU.sparse.") for key in records):
            version = records.get(b"GNU.sparse.major"), records.get(b"GNU.sparse.minor")
            if version != (b"1", b"0"):
                raise self._wrong("a sparse file of a format other than GNU's 1.0")
            size = self._number(records, b"GNU.sparse.realsize", -1)
            begin = self._offset
            extents = yield from self._listed_extents(stored)
            stored -= self._offset - begin
        self._check(extents, size, stored)
        file = self._unpacking.add_file(member, size)
        for offset, length in _pairs(extents):
            end = offset + length
            while offset < end:
                data = yield from self._window.some(self._offset, end - offset)
                if not data:
                    raise self._cut(0)
                self._unpacking.write(member, file, offset, data)
                offset += len(data)
                self._offset += len(data)
        yield from self._take(tar.padding(stored))

    def _check(self, extents: Extents, size: int, stored: int) -> None:
        """Check that the parts of a file ascend, lie in it, and are what is stored."""
        end = total = 0
        for offset, length in _pairs(extents):
            if offset < end:
                raise self._wrong("the parts of a sparse file overlap or descend")
            end = offset + length
            total += length
        if not end <= size <= FILE_SIZE_MAX:
            raise self._wrong(f"content up to byte {end} in a file of {size} bytes")
        if total != stored:
            found = f"a sparse file with {stored} bytes stored"
            raise self._wrong(f"{found} and {total} in its parts")

    def _listed_extents(self, stored: int) -> Reading[Extents]:
        """What a sparse file of format 1.0 begins with: decimal numbers, padded."""
        end = self._offset + stored
        numbers = array("Q")
        rest = b""
        while not numbers or len(numbers) <= 2 * numbers[0]:
            if self._offset >= end or len(rest) > DIGITS_MAX:
                raise self._wrong("the list of the parts of a sparse file has no end")
            *lines, rest = (rest + (yield from self._block())).split(b"\n")
            for line in lines:
                if not line.isdigit() or len(line) > DIGITS_MAX:
                    found = repr(line[:32])
                    raise self._wrong(f"{found} in the list of a sparse file's parts")
                numbers.append(int(line))
            self._check_count(max(numbers[:1], default=0))
        return numbers[1 : 1 + 2 * numbers[0]]

    def _gnu_extents(self, block: bytes) -> Reading[Extents]:
        """The parts that a header of GNU's own format lists, and blocks behind it."""
        numbers = array("Q")
        fields, goes_on = block[386:482], block[482]
        while True:
            for at in range(0, len(fields), 24):
                if fields[at + 12]:
                    numbers.append(self._octal(fields[at : at + 12]))
                    numbers.append(self._octal(fields[at + 12 : at + 24]))
            self._check_count(len(numbers) // 2)
            if not goes_on:
                return numbers
            block = yield from self._block()
            fields, goes_on = block[:504], block[504]

    def _check_count(self, count: int) -> None:
        if count > EXTENTS_MAX:
            raise self._wrong(f"a sparse file in more than {EXTENTS_MAX} parts")

    def _octal(self, field: bytes) -> int:
        try:
            number = tar.unpack_number(field)
        except ValueError as error:
            raise self._wrong(str(error)) from error
        if not 0 <= number <= FILE_SIZE_MAX:
            raise self._wrong(f"an offset or a length of {number}")
        return number


def _pairs(extents: Extents) -> Iterator[tuple[int, int]]:
    return zip(extents[::2], extents[1::2], strict=True)


def _device(major: int, minor: int) -> int:
    """The device number, as makedev(3) packs it; -1 if there is none."""
    if not (0 <= major < 2**32 and 0 <= minor < 2**32):
        return -1
    high = (major & ~0xFFF) << 32 | (minor & ~0xFF) << 12
    return high | (major & 0xFFF) << 8 | minor & 0xFF
