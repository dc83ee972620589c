"""Writing tar: a tree as a pax archive, the same bytes for the same tree.

Members come in the order of their names, with nothing of the host: no names of users
and no times but each member's own mtime. Extended headers are only where a plain one
has no room. Files with holes are stored without them (GNU's sparse format 1.0, which
GNU tar, libarchive and Python read).
"""

from collections.abc import Iterator

from devdev_fs import _tarformat as tar
from devdev_fs._archive import Entry, data, entries, extents, pieces
from devdev_fs._content import Content
from devdev_fs._image import Image
from devdev_fs._inode import Directory, Inode, RegularFile, Symlink
from devdev_fs._tarformat import Header
from devdev_fs._types import PAGE_SIZE, Kind

RECORD = 20 * tar.BLOCK
"""What an archive is a multiple of, as if it were for a tape."""

_TYPES = {
    Kind.FIFO: tar.FIFO,
    Kind.CHARACTER_DEVICE: tar.CHARACTER_DEVICE,
    Kind.DIRECTORY: tar.DIRECTORY,
    Kind.BLOCK_DEVICE: tar.BLOCK_DEVICE,
    Kind.REGULAR: tar.REGULAR,
    Kind.SYMLINK: tar.SYMLINK,
}
_Records = list[tuple[bytes, bytes]]


def tar_parts(image: Image, path: str | bytes = b"/") -> Iterator[bytes]:
    """What is at `path` as a tar archive, in pieces of about 1 MiB.

    A directory's own attributes are those of the member `./`. Sockets are left out:
    an archive has no place for them.

    Raises:
        FsError: as a walk, ENOENT.
    """
    return pieces(_archive(image, path))


def _archive(image: Image, path: str | bytes) -> Iterator[bytes]:
    size = 0
    for entry in entries(image, path):
        if entry.inode.kind != Kind.SOCKET:
            for part in _member(entry):
                size += len(part)
                yield part
    end = size + 2 * tar.BLOCK
    yield bytes(2 * tar.BLOCK + -end % RECORD)


def _member(entry: Entry) -> Iterator[bytes]:
    inode = entry.inode
    if entry.first is not None:
        yield from _headers(inode, entry.name, [], link=entry.first, type=tar.LINK)
    elif isinstance(inode, RegularFile):
        yield from _file(inode, entry.name)
    elif isinstance(inode, Directory):
        name = (entry.name or b".") + b"/"
        yield from _headers(inode, name, _xattrs(inode), type=tar.DIRECTORY)
    else:
        link = inode.target if isinstance(inode, Symlink) else b""
        kind = _TYPES[inode.kind]
        yield from _headers(inode, entry.name, _xattrs(inode), link=link, type=kind)


def _file(inode: RegularFile, name: bytes) -> Iterator[bytes]:
    content, records = inode.content, _xattrs(inode)
    size = content.size
    if content.page_count == -(-size // PAGE_SIZE):
        yield from _headers(inode, name, records, size=size)
        yield from data(content, 0, size)
        yield bytes(tar.padding(size))
        return
    table = _table(content)
    size = len(table) + sum(length for _, length in extents(content))
    records += [
        (b"GNU.sparse.major", b"1"),
        (b"GNU.sparse.minor", b"0"),
        (b"GNU.sparse.name", name),
        (b"GNU.sparse.realsize", b"%d" % content.size),
    ]
    # Seen by who does not know the format.
    above, slash, last = name.rpartition(b"/")
    shown = above + slash + b"GNUSparseFile.0/" + last
    yield from _headers(inode, shown, records, size=size)
    yield table
    for offset, length in extents(content):
        yield from data(content, offset, length)
    yield bytes(tar.padding(size))


def _table(content: Content) -> bytes:
    """Where the parts of a sparse file are: as decimal numbers, padded."""
    numbers = [number for extent in extents(content) for number in extent]
    if sum(numbers[-2:]) < content.size:
        # GNU tar says where the file ends in this way.
        numbers += [content.size, 0]
    lines = [len(numbers) // 2, *numbers]
    table = b"".join(b"%d\n" % number for number in lines)
    return table + bytes(tar.padding(len(table)))


def _headers(
    inode: Inode,
    name: bytes,
    records: _Records,
    *,
    size: int = 0,
    link: bytes = b"",
    type: bytes = tar.REGULAR,
) -> Iterator[bytes]:
    """The header, and before it an extended one with what has no room in it."""
    texts: _Records = []
    for key, text in ((b"path", name), (b"linkpath", link)):
        if len(text) > tar.NAME_LENGTH or (not text.isascii() and _is_utf8(text)):
            texts.append((key, text))
    if not all(_is_utf8(text) for _, text in texts):
        texts.insert(0, (b"hdrcharset", b"BINARY"))
    numbers = [
        (b"uid", inode.uid, tar.ID_MAX),
        (b"gid", inode.gid, tar.ID_MAX),
        (b"size", size, tar.SIZE_MAX),
    ]
    texts += [(key, b"%d" % number) for key, number, most in numbers if number > most]
    mtime, ns = divmod(inode.mtime_ns, 10**9)
    if ns or not 0 <= mtime <= tar.SIZE_MAX:
        texts.append((b"mtime", tar.pack_time(inode.mtime_ns)))
    yield tar.pack_records(texts + records)
    major, minor = _device(inode.rdev)
    yield tar.pack(
        Header(
            name,
            inode.mode & 0o7777,
            inode.uid,
            inode.gid,
            size,
            mtime,
            link,
            major,
            minor,
            type,
        )
    )


def _is_utf8(text: bytes) -> bool:
    return text.decode("utf-8", "replace").encode() == text


def _xattrs(inode: Inode) -> _Records:
    xattrs = sorted((inode.xattrs or {}).items())
    return [(tar.pack_xattr(name), value) for name, value in xattrs]


def _device(number: int) -> tuple[int, int]:
    """Major and minor of a device number, as makedev(3) packs it."""
    major = number >> 32 & ~0xFFF | number >> 8 & 0xFFF
    minor = number >> 12 & 0xFFFFFF00 | number & 0xFF
    return major, minor
