"""Snapshots: a table as canonical CBOR, and back from what that wrote and no other.

A snapshot is eight bytes of magic and a sequence of CBOR items (RFC 8742), each an
array of integers, byte strings and arrays in the core deterministic encoding
(RFC 8949 section 4.2.1):

    header   [version, next_ino, max_pages, max_inodes, number of inodes]
    inode    [ino, mode, uid, gid, atime, mtime, ctime, btime, body]
    run      [first page, pages, data]
    entries  [[name, ino], ...]
    end      [SHA-256 of everything before]

There is an inode for each that has a name, ascending by number. By its kind,
`body` is [size, number of runs], [number of entries], [target] or [device], and
the runs of a file or the entries of a directory (up to 1024 in an item, in the
directory's order) come right behind it. A run is up to 256 adjacent pages of 4096
bytes, zeros at its end left out. Link counts, parents and the space used follow
from the rest.
"""

from collections.abc import Iterator
from hashlib import sha256

from devdev_fs._cbor import encode
from devdev_fs._inode import Directory, Inode, RegularFile, Special, Symlink
from devdev_fs._snapshotload import ENTRIES_PER_ITEM, MAGIC, VERSION, load
from devdev_fs._table import InodeTable
from devdev_fs._types import Ino


def dump(table: InodeTable) -> bytes:
    """See `FsBase.dump`."""
    return b"".join(parts(table))


def parts(table: InodeTable) -> Iterator[bytes]:
    """The snapshot in pieces of about 1 MiB at most."""
    digest = sha256()
    for part in _body(table):
        digest.update(part)
        yield part
    yield encode([digest.digest()])


def _body(table: InodeTable) -> Iterator[bytes]:
    count = table.inodes.count
    header = [VERSION, table.next_ino, table.max_pages, table.max_inodes, count]
    yield MAGIC + encode(header)
    for inode in table.inodes.values():
        yield from _inode(inode)


def _inode(inode: Inode) -> Iterator[bytes]:
    head = [inode.ino, inode.mode, inode.uid, inode.gid]
    times = [inode.atime_ns, inode.mtime_ns, inode.ctime_ns, inode.btime_ns]
    if isinstance(inode, RegularFile):
        count = sum(1 for _ in inode.content.spans())
        yield encode([*head, *times, [inode.size, count]])
        for run in inode.content.runs():
            yield encode(list(run))
    elif isinstance(inode, Directory):
        yield encode([*head, *times, [len(inode.entries)]])
        entries = [[name, ino] for name, (ino, _) in inode.entries]
        for at in range(0, len(entries), ENTRIES_PER_ITEM):
            yield encode(entries[at : at + ENTRIES_PER_ITEM])
    elif isinstance(inode, Symlink):
        yield encode([*head, *times, [inode.target]])
    else:
        assert isinstance(inode, Special)
        yield encode([*head, *times, [inode.device]])


def restore(table: InodeTable, snapshot: bytes) -> None:
    """See `FsBase.restore`."""
    loaded = load(snapshot, table.clock, table.umask).freeze()
    table.next_ino = loaded.next_ino
    table.max_pages, table.max_inodes = loaded.max_pages, loaded.max_inodes
    there = (*table.inodes.numbers(), *table.orphans)
    target: dict[Ino, Inode | None] = dict.fromkeys(map(Ino, there))
    target |= {inode.ino: inode for inode in loaded.inodes.values()}
    table.put(target)
