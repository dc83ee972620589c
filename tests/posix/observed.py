"""All that can be seen of a filesystem, and where two of them differ."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.posix.abi import (
    O_ACCMODE,
    O_NOATIME,
    O_PATH,
    O_RDONLY,
    O_WRONLY,
    PAGE,
    R_OK,
    S_IFDIR,
    S_IFLNK,
    S_IFREG,
    SEEK_CUR,
    W_OK,
    X_OK,
)
from tests.posix.checks import ALICE, BOB, CAROL
from tests.posix.protocol import Attributes, Posix

FIELDS = ("mode", "nlink", "uid", "gid", "rdev", "size")
"""The attributes that are the same in both; of times it is whether they moved."""

STAMPS = ("atime", "mtime", "ctime")

TIMES = (-1_000_000_001, 0, 1_600_000_000_123_456_789, 5_000_000_000_999_999_999)
"""Times that files are given, in nanoseconds; they are told as they are."""

UNALIKE = {
    (S_IFDIR, "size"): "POSIX leaves it open: tmpfs counts the entries, the store none",
    (S_IFLNK, "atime"): "the kernel reads a link where a path leads through it; who "
    "asks the store for a path has it found, and reads nothing",
}
"""What differs by kind of inode, with the reason."""

FREE_XATTRS = 256
"""Bytes of extended attributes that take no block. What is more does in the store; in
a tmpfs, where the limit on inodes pays for them, it does not."""

END = 16 * PAGE
"""How much is read of the beginning, and of the end, of a file."""


class Descriptor(NamedTuple):
    """An open file of one filesystem."""

    fd: int
    flags: int

    @property
    def is_opened(self) -> bool:
        """Whether it is more than a place."""
        return not self.flags & O_PATH

    @property
    def is_readable(self) -> bool:
        return self.is_opened and self.flags & O_ACCMODE != O_WRONLY


class Observed(NamedTuple):
    """What there is at a path, or behind a descriptor."""

    attributes: Attributes
    content: object
    """Bytes of a file, the target of a link, names and kinds in a directory."""
    xattrs: Mapping[str, bytes] | None
    """None where they are not looked at."""
    offset: int | None = None
    """Of a descriptor."""
    permits: tuple[int, ...] = ()
    """What each of the users may do with a path, as bits of access(2)."""

    @property
    def blocks(self) -> int | None:
        """Those of content: None where attributes may take some as well."""
        if self.xattrs is None:
            return None
        size = sum(map(len, [*self.xattrs, *self.xattrs.values()]))
        return self.attributes.blocks if size <= FREE_XATTRS else None

    @property
    def stamps(self) -> dict[str, int]:
        return {stamp: getattr(self.attributes, stamp) for stamp in STAMPS}


@dataclass
class Side:
    """One of two filesystems that are to be the same."""

    name: str
    posix: Posix
    files: list[Descriptor] = field(default_factory=list)
    tree: dict[str, Observed] = field(default_factory=dict)
    """What there was when it was last looked at, by path, and by descriptor."""
    before: dict[int, dict[str, int]] = field(default_factory=dict)
    """The times after that, by inode number."""
    _asked: Sequence[object] = field(default_factory=list)
    _permits: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def file(self, index: int) -> Descriptor:
        return self.files[index % len(self.files)]

    def held(self, index: int) -> Observed:
        """What there was behind a descriptor."""
        return self.tree[f"descriptor {index % len(self.files)}"]

    def look(self) -> None:
        """See what there is; descriptors first: to list a directory moves its atime."""
        self.tree = {
            f"descriptor {place}": _held(self.posix, file)
            for place, file in enumerate(self.files)
        }
        self.tree |= self._with_permissions(dict(_below(self.posix, ".")))

    def _with_permissions(self, tree: dict[str, Observed]) -> dict[str, Observed]:
        """The same with what users may do.

        They are asked again when there is another path, mode, owner or attribute.
        """
        asked = [
            (path, *each.attributes[1:5], each.xattrs) for path, each in tree.items()
        ]
        if asked != self._asked:
            self._asked = asked
            self._permits = dict.fromkeys(tree, ())
            for who in (ALICE, BOB, CAROL):
                with self.posix.as_user(who):
                    for path in tree:
                        self._permits[path] += (_permits(self.posix, path),)
        return {
            path: found._replace(permits=self._permits[path])
            for path, found in tree.items()
        }

    def settle(self) -> None:
        """Take note of the times: looking may have moved them."""
        paths = (path for path in self.tree if not path.startswith("descriptor "))
        found = [self.posix.lstat(path) for path in paths]
        found += [self.posix.fstat(file.fd) for file in self.files]
        self.before = {each.ino: _stamps(each) for each in found}


def _stamps(attributes: Attributes) -> dict[str, int]:
    return {stamp: getattr(attributes, stamp) for stamp in STAMPS}


# --- looking ---------------------------------------------------------------------


def _below(p: Posix, path: str) -> Iterator[tuple[str, Observed]]:
    """What is at the path, and all below it."""
    found = p.lstat(path)
    content = _content(p, path, found)
    xattrs = {name: p.lgetxattr(path, name) for name in sorted(p.llistxattr(path))}
    yield path, Observed(found, content, xattrs)
    if found.kind == S_IFDIR:
        assert isinstance(content, dict)
        for name in content:
            yield from _below(p, f"{path}/{name}")


def _content(p: Posix, path: str, found: Attributes) -> object:
    if found.kind == S_IFLNK:
        return p.readlink(path)
    if found.kind not in (S_IFDIR, S_IFREG):
        return None
    is_dir = found.kind == S_IFDIR
    # In memory no listing leaves the time of access as it is.
    fd = p.open(path, O_RDONLY if is_dir else O_RDONLY | O_NOATIME)
    try:
        return _names(p, fd) if is_dir else _ends(p, fd, found.size)
    finally:
        p.close(fd)


def _names(p: Posix, fd: int) -> dict[str, int]:
    """The names in a directory, and of what kind each is."""
    found = []
    while entries := p.getdents(fd):
        found += [(entry.name, entry.kind) for entry in entries]
    return {name: kind for name, kind in sorted(found) if name not in (".", "..")}


def _ends(p: Posix, fd: int, size: int) -> tuple[bytes, bytes]:
    return p.pread(fd, END, 0), p.pread(fd, END, max(size - END, END))


def _permits(p: Posix, path: str) -> int:
    """What access(2) allows of a path."""
    allowed = 0
    for mask in (R_OK, W_OK, X_OK):
        with suppress(OSError):  # a link may lead nowhere
            p.access(path, mask)
            allowed |= mask
    return allowed


def _held(p: Posix, file: Descriptor) -> Observed:
    """What is open; what a name leads to as well is looked at there."""
    found = p.fstat(file.fd)
    content: object = None
    xattrs: dict[str, bytes] | None = None
    if not found.nlink and file.is_opened:
        xattrs = {name: p.getxattr(file.fd, name) for name in p.listxattr(file.fd)}
        if file.is_readable and found.kind == S_IFREG:
            content = _ends(p, file.fd, found.size)
    has_offset = file.is_opened and found.kind == S_IFREG
    offset = p.lseek(file.fd, 0, SEEK_CUR) if has_offset else None
    return Observed(found, content, xattrs, offset)


# --- comparing -------------------------------------------------------------------


def differences(
    theirs: Side, ours: Side, expected: Mapping[tuple[int, str], str]
) -> Iterator[str]:
    """Where two sides differ, but for what is expected to, by inode and field.

    The inode's number is that of `theirs`.
    """
    if theirs.tree.keys() != ours.tree.keys():
        yield f"paths: {theirs.name} {[*theirs.tree]}, {ours.name} {[*ours.tree]}"
        return
    numbers: dict[int, int] = {}
    for path, their in theirs.tree.items():
        our = ours.tree[path]
        ino = their.attributes.ino
        if numbers.setdefault(ino, our.attributes.ino) != our.attributes.ino:
            yield f"{path} is another inode than before, or than at another path"
        values = zip(_comparable(theirs, their), _comparable(ours, our), strict=True)
        for (what, wanted), (_, got) in values:
            if wanted == got or (their.attributes.kind, what) in UNALIKE:
                continue
            if (ino, what) not in expected:
                yield f"{what} of {path}: {theirs.name} {wanted!r}, {ours.name} {got!r}"
    if len(set(numbers.values())) < len(numbers):
        yield "one inode is at several paths that mean different ones"


def _comparable(side: Side, found: Observed) -> Iterator[tuple[str, object]]:
    for name in FIELDS:
        yield name, getattr(found.attributes, name)
    yield "blocks", found.blocks
    yield "content", found.content
    yield "xattrs", found.xattrs
    yield "permits", found.permits
    yield "offset", found.offset
    before = side.before.get(found.attributes.ino)
    yield "age", before is not None
    for stamp, value in found.stamps.items():
        if value in TIMES:
            yield stamp, value
        elif before is None:
            yield stamp, "new"
        else:
            yield stamp, "moved" if value != before[stamp] else "as before"
