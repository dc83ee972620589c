"""Writing zip: a tree as a zip archive, the same bytes for the same tree.

Python's zipfile does it, into pieces that are handed on; it holds about a kilobyte a
member until the end, since the directory of a zip is there.
"""

from collections.abc import Iterator
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from devdev_fs._archive import ArchiveError, Entry, data, entries, pieces
from devdev_fs._content import Content
from devdev_fs._image import Image
from devdev_fs._inode import Directory, RegularFile, Symlink
from devdev_fs._types import Kind
from devdev_fs._zipformat import UNIX, dos_time, pack_extra

_NAME_MAX = 2**16 - 1
_DOS_DIRECTORY = 0x10


class _Outbox:
    """What zipfile writes to: a file that cannot be sought in."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """There is nothing to do."""

    close = flush

    def take(self) -> list[bytes]:
        """What was written since the last time."""
        parts, self._parts = self._parts, []
        return parts


def zip_parts(
    image: Image, path: str | bytes = b"/", compress: bool = True
) -> Iterator[bytes]:
    """What is at `path` as a zip archive, in pieces of about 1 MiB.

    A zip has no place for the attributes of the directory at `path` itself, for
    extended attributes and sockets, which are left out, nor for hard links: each
    name becomes a file of its own. Holes become zeros. Times are kept in units of
    100 ns. How well content is compressed, and so the bytes, depends on the build of
    zlib; `compress=False` gives the same ones everywhere.

    Raises:
        ArchiveError: a name is not UTF-8 or longer than 65535 bytes, or there is a
            FIFO or a device node.
        FsError: as a walk, ENOENT.
    """
    return pieces(_archive(image, path, ZIP_DEFLATED if compress else ZIP_STORED))


def _archive(image: Image, path: str | bytes, method: int) -> Iterator[bytes]:
    outbox = _Outbox()
    with ZipFile(outbox, "w") as archive:
        for entry in entries(image, path):
            if entry.name and entry.inode.kind != Kind.SOCKET:
                info = _info(entry, method)
                with archive.open(info, "w") as member:
                    for part in _content(entry):
                        member.write(part)
                        yield from outbox.take()
                yield from outbox.take()
    yield from outbox.take()


def _info(entry: Entry, method: int) -> ZipInfo:
    inode = entry.inode
    if inode.kind not in (Kind.REGULAR, Kind.DIRECTORY, Kind.SYMLINK):
        kind = inode.kind.name.lower().replace("_", " ")
        raise ArchiveError(f"a zip has no place for a {kind}; a tar has", entry.name)
    is_directory = isinstance(inode, Directory)
    name = entry.name + b"/" * is_directory
    if len(name) > _NAME_MAX:
        message = f"a zip has no place for a name of {len(name)} bytes"
        raise ArchiveError(message, entry.name)
    info = ZipInfo(date_time=dos_time(inode.mtime_ns))
    try:
        # zipfile's own way to take a name changes it on Windows.
        info.filename = name.decode()
    except UnicodeDecodeError as error:
        message = "a zip has no place for a name that is not UTF-8; a tar has"
        raise ArchiveError(message, entry.name) from error
    info.create_system = UNIX
    info.external_attr = inode.mode << 16 | _DOS_DIRECTORY * is_directory
    info.extra = pack_extra(inode.mtime_ns, inode.uid, inode.gid)
    info.file_size = inode.size
    if isinstance(inode, RegularFile) and inode.size:
        info.compress_type = method
    return info


def _content(entry: Entry) -> Iterator[bytes]:
    inode = entry.inode
    if isinstance(inode, Symlink):
        yield inode.target
    elif isinstance(inode, RegularFile):
        content: Content = inode.content
        yield from data(content, 0, content.size)
