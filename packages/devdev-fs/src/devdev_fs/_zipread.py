"""Reading zip: the directory at the end says what there is, and a tree is built of it.

Python's zipfile would hold the whole directory in memory, whatever its length, and
cannot be driven from another process. What is stored and what is deflated is read,
with ZIP64; encryption, other compressions and archives in several parts are refused.
"""

from collections.abc import Callable, Iterator
from struct import Struct
from typing import Any, NamedTuple
from zlib import MAX_WBITS, crc32, decompressobj
from zlib import error as ZlibError

from devdev_fs._archive import ArchiveError, Reading, Window
from devdev_fs._content import Bytes
from devdev_fs._types import PATH_MAX, S_IFMT, Kind
from devdev_fs._unpack import DIRECTORY_MODE, Member, Unpacking
from devdev_fs._zipformat import (
    DARWIN,
    UNIX,
    ZIP64,
    extra_fields,
    unpack_dos_time,
    unpack_extra,
)

FILE_MODE = 0o644
"""Of a file whose archive says nothing of modes."""
STORED, DEFLATED = 0, 8

_OUTPUT = 2**18
"""The most bytes that are inflated at a time."""
_COMMENT_MAX = 2**16 - 1
_END = Struct("<4sHHHHLLH")
_END_MAGIC = b"PK\5\6"
_LOCATOR = Struct("<4sLQL")
_LOCATOR_MAGIC = b"PK\6\7"
_END64 = Struct("<4sQHHLLQQQQ")
_END64_MAGIC = b"PK\6\6"
_ENTRY = Struct("<4sBBHHHHHLLLHHHHHLL")
_ENTRY_MAGIC = b"PK\1\2"
_LOCAL = Struct("<4sHHHHHLLLHH")
_LOCAL_MAGIC = b"PK\3\4"
_ENCRYPTED, _UTF8, _MASKED = 0x0001, 0x0800, 0x2000
_FULL = 2**32 - 1
"""In place of a number that the ZIP64 field has."""
_DOS_DIRECTORY = 0x10


class _Directory(NamedTuple):
    """Where the directory of an archive is, and how many members it has."""

    offset: int
    size: int
    members: int
    shift: int
    """How many bytes stand before the archive: it may follow a program."""


class _Content(NamedTuple):
    """Where and how the content of a member is stored."""

    raw_name: bytes
    offset: int
    method: int
    crc: int
    stored: int
    size: int


def read_zip(unpacking: Unpacking, size: int) -> Reading[Unpacking]:
    """Unpack a zip archive of `size` bytes, which are asked for to and fro.

    Raises:
        ArchiveError: it is no zip archive, or a member breaks a rule.
        FsError: ENOSPC.
    """
    return _ZipReader(unpacking, size).read()


class _ZipReader:
    """Reads one archive: its directory, and what each entry of it leads to."""

    def __init__(self, unpacking: Unpacking, size: int) -> None:
        # Which of two is meant, readers of zips do not agree on.
        unpacking.later_wins = False
        self._unpacking = unpacking
        self._size = size
        self._entries = Window()
        self._contents = Window()

    def read(self) -> Reading[Unpacking]:
        directory = yield from self._directory()
        at = directory.offset
        for _ in range(directory.members):
            at = yield from self._entry(at, directory)
        if at != directory.offset + directory.size:
            message = "the directory is longer than its members"
            raise ArchiveError(message, None, at)
        return self._unpacking

    # --- the directory -----------------------------------------------------------

    def _directory(self) -> Reading[_Directory]:
        start = max(self._size - _END.size - _COMMENT_MAX, 0)
        tail = yield from self._entries.take(start, self._size - start)
        at = tail.rfind(_END_MAGIC)
        while at >= 0:
            if len(tail) - at >= _END.size:
                fields = _END.unpack_from(tail, at)
                if at + _END.size + fields[7] == len(tail):
                    break
            at = tail.rfind(_END_MAGIC, 0, at)
        if at < 0:
            message = "not a zip archive, or cut off: it has no directory at its end"
            raise ArchiveError(message, None, self._size)
        end = start + at
        _, disk, first_disk, _, count, size, offset, _ = fields
        locator = yield from self._part(self._entries, end - _LOCATOR.size, _LOCATOR)
        if locator is not None and locator[0] == _LOCATOR_MAGIC:
            end -= _LOCATOR.size + _END64.size
            long = yield from self._part(self._entries, end, _END64)
            if long is None or long[0] != _END64_MAGIC:
                raise ArchiveError("no end of a ZIP64 directory", None, end)
            disk, first_disk, _, count, size, offset = long[4:]
        shift = end - size - offset
        if disk or first_disk or shift < 0:
            raise ArchiveError("the directory is not where its end says", None, end)
        return _Directory(offset + shift, size, count, shift)

    def _part(
        self, window: Window, at: int, layout: Struct
    ) -> Reading[tuple[Any, ...] | None]:
        """The numbers at a place; None if the archive has not so many bytes there."""
        if at < 0:
            return None
        data = yield from window.take(at, layout.size)
        return layout.unpack(data) if len(data) == layout.size else None

    def _entry(self, at: int, directory: _Directory) -> Reading[int]:
        """Unpack what an entry of the directory is about; the offset behind it."""
        fields = yield from self._part(self._entries, at, _ENTRY)
        if fields is None or fields[0] != _ENTRY_MAGIC:
            raise ArchiveError("not an entry of the directory", None, at)
        system, flags, method, time, date = fields[2], *fields[4:8]
        name_size, extra_size, comment_size = fields[11:14]
        length = name_size + extra_size + comment_size
        rest = yield from self._entries.take(at + _ENTRY.size, length)
        end = at + _ENTRY.size + length
        if end > directory.offset + directory.size:
            raise ArchiveError("an entry leads out of the directory", None, at)
        raw_name, extra = rest[:name_size], rest[name_size : name_size + extra_size]
        name = raw_name
        if not flags & _UTF8 and system not in (UNIX, DARWIN):
            name = raw_name.decode("cp437").encode()
        mtime_ns, uid, gid = unpack_extra(extra)
        if mtime_ns is None:
            mtime_ns = unpack_dos_time(date, time)
        mode = _mode(name, system, fields[16])
        member = Member(name, at, mode, uid=uid, gid=gid, mtime_ns=mtime_ns)
        if flags & (_ENCRYPTED | _MASKED):
            raise member.wrong("it is encrypted")
        if method not in (STORED, DEFLATED):
            raise member.wrong(f"compression {method}; stored and deflated are read")
        sizes = _long_numbers(member, extra, [fields[10], fields[9], fields[17]])
        content = _Content(
            raw_name, sizes[2] + directory.shift, method, fields[8], *sizes[1::-1]
        )
        yield from self._member(member, content)
        return int(end)

    # --- members -----------------------------------------------------------------

    def _member(self, member: Member, content: _Content) -> Reading[None]:
        kind = member.mode & S_IFMT
        if kind == Kind.DIRECTORY:
            self._unpacking.add_directory(member)
        elif kind == Kind.SYMLINK:
            if content.size >= PATH_MAX:
                raise member.wrong("the target of a symbolic link is too long")
            target = bytearray()
            yield from self._copy(member, content, target.extend)
            member.target = bytes(target)
            self._unpacking.add_other(member)
        elif kind == Kind.REGULAR:
            file = self._unpacking.add_file(member)

            def write(data: Bytes) -> None:
                self._unpacking.write(member, file, file.size, data)

            yield from self._copy(member, content, write)
        else:
            raise member.wrong(f"a member of kind {kind:#o}")

    def _copy(
        self, member: Member, content: _Content, write: Callable[[Bytes], object]
    ) -> Reading[None]:
        """Give the bytes of a member to `write`, and check that they are right."""
        at = yield from self._begin(member, content)
        end = at + content.stored
        expand = _inflater() if content.method == DEFLATED else _stored
        size = crc = 0
        while at < end:
            data = yield from self._contents.some(at, end - at)
            if not data:
                raise member.wrong(f"the archive is cut off: it ends at byte {at}")
            at += len(data)
            try:
                for part in expand(data):
                    size += len(part)
                    if size > content.size:
                        raise member.wrong(f"more than its {content.size} bytes")
                    crc = crc32(part, crc)
                    write(part)
            except ZlibError as error:
                raise member.wrong(f"corrupt: {error}") from error
        if size != content.size:
            raise member.wrong(f"{size} bytes instead of {content.size}")
        if crc != content.crc:
            raise member.wrong("corrupt: the checksum does not match")

    def _begin(self, member: Member, content: _Content) -> Reading[int]:
        """Where the bytes of a member begin, behind a header that names it too."""
        local = yield from self._part(self._contents, content.offset, _LOCAL)
        if local is None or local[0] != _LOCAL_MAGIC:
            raise member.wrong(f"no member at byte {content.offset}")
        name_size, extra_size = local[9:]
        at = content.offset + _LOCAL.size
        name = yield from self._contents.take(at, name_size)
        if name != content.raw_name:
            raise member.wrong(f"the member at byte {content.offset} is {name!r}")
        return int(at + name_size + extra_size)


def _stored(data: memoryview) -> Iterator[memoryview]:
    yield data


def _inflater() -> Callable[[memoryview], Iterator[bytes]]:
    """What inflates piece after piece, into pieces of bounded length."""
    inflater = decompressobj(-MAX_WBITS)

    def inflate(data: memoryview) -> Iterator[bytes]:
        part = inflater.decompress(data, _OUTPUT)
        yield part
        # A full piece may have left more behind, even where all input is used.
        while len(part) == _OUTPUT and not inflater.eof:
            part = inflater.decompress(inflater.unconsumed_tail, _OUTPUT)
            yield part

    return inflate


def _mode(name: bytes, system: int, attributes: int) -> int:
    """Type and permission bits, as far as the archive has them."""
    mode = attributes >> 16 if system in (UNIX, DARWIN) else 0
    kind = mode & S_IFMT or Kind.REGULAR
    if name.endswith(b"/") or (not mode & S_IFMT and attributes & _DOS_DIRECTORY):
        kind = Kind.DIRECTORY
    if mode:
        return kind | mode & 0o7777
    return kind | (DIRECTORY_MODE if kind == Kind.DIRECTORY else FILE_MODE)


def _long_numbers(member: Member, extra: bytes, numbers: list[int]) -> list[int]:
    """The numbers, of which those without room are in the ZIP64 field, in order."""
    if _FULL not in numbers:
        return numbers
    body = next((body for id, body in extra_fields(extra) if id == ZIP64), b"")
    found = []
    for number in numbers:
        if number == _FULL:
            if len(body) < 8:
                raise member.wrong("a ZIP64 field without what it is needed for")
            number, body = int.from_bytes(body[:8], "little"), body[8:]
        found.append(number)
    return found
