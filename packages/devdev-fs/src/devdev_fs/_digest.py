"""Digests: `tree_digest` (the same tree?) and `image_digest` (the same state?)."""

from hashlib import sha256
from operator import itemgetter

from devdev_fs import _snapshot
from devdev_fs._cbor import encode
from devdev_fs._inode import Directory, Inode, RegularFile, Symlink
from devdev_fs._namei import find
from devdev_fs._table import InodeTable
from devdev_fs._types import PAGE_SIZE, Ino


def image_digest(table: InodeTable) -> str:
    """See `FsBase.image_digest`."""
    digest = sha256()
    for part in _snapshot.parts(table):
        digest.update(part)
    return digest.hexdigest()


def tree_digest(table: InodeTable, path: str | bytes) -> str:
    """See `FsBase.tree_digest`.

    The tree is visited parents first, names in the order of their bytes. Each
    inode is numbered when it is first met, so that a further name of it can say
    which one it is.
    """
    digest = sha256(b"devdev tree 1\n")
    seen: dict[Ino, int] = {}
    todo: list[tuple[int, bytes, Inode]] = [(0, b"", find(table, path))]
    while todo:
        depth, name, inode = todo.pop()
        if inode.ino in seen:
            digest.update(encode([depth, name, seen[inode.ino]]))
            continue
        seen[inode.ino] = len(seen)
        digest.update(encode([depth, name, inode.mode, inode.rdev, _own(inode)]))
        if isinstance(inode, Directory):
            entries = sorted(table.entries(inode), key=itemgetter(0), reverse=True)
            todo += [(depth + 1, name, child) for name, child in entries]
    return digest.hexdigest()


def _own(inode: Inode) -> bytes:
    """What an inode of its kind holds, in 32 bytes or the target itself."""
    if isinstance(inode, Symlink):
        return inode.target
    if not isinstance(inode, RegularFile):
        return b""
    content = sha256(inode.size.to_bytes(8, "big"))
    for run in inode.content.runs():
        for at in range(run.pages):
            page = run.data[at * PAGE_SIZE : (at + 1) * PAGE_SIZE].rstrip(b"\0")
            if page:
                content.update((run.first + at).to_bytes(8, "big"))
                content.update(sha256(page).digest())
    return content.digest()
