"""A filesystem as one would write it down: dictionaries, and no care for speed.

It says what each operation does and which error it gives, so that a random sequence
of calls can be checked against it. What it leaves out are times and quotas.
"""

from copy import deepcopy
from dataclasses import dataclass, field

from devdev_fs import PAGE_SIZE, Errno, Kind, RenameFlags, XattrFlags

ROOT = 1


class Refused(Exception):
    """The operation is refused."""

    def __init__(self, errno: Errno) -> None:
        self.errno = errno


def require(condition: object, errno: Errno) -> None:
    if not condition:
        raise Refused(errno)


@dataclass
class Node:
    """One inode; `identity` tells it from another that once had the same number."""

    ino: int
    kind: Kind
    identity: int
    mode: int = 0o644
    content: bytearray = field(default_factory=bytearray)
    written: set[int] = field(default_factory=set)
    """Pages that are no holes."""
    target: bytes = b""
    entries: dict[bytes, int] = field(default_factory=dict)
    parent: int = ROOT
    pins: int = 0
    xattrs: dict[bytes, bytes] = field(default_factory=dict)
    was_named: bool = True
    """False for what `tmpfile` made, until it is linked."""


class Model:
    """The state, and one method for each operation."""

    def __init__(self) -> None:
        self.nodes = {ROOT: Node(ROOT, Kind.DIRECTORY, 0, 0o755)}
        self.next_ino = 2
        self.made = 0

    # --- looking -----------------------------------------------------------------

    def nlink(self, ino: int) -> int:
        named = [
            node
            for node in self.nodes.values()
            for child in node.entries.values()
            if child == ino
        ]
        if self.nodes[ino].kind != Kind.DIRECTORY:
            return len(named)
        if ino != ROOT and not named:
            return 0
        below = map(self.nodes.__getitem__, self.nodes[ino].entries.values())
        return 2 + sum(node.kind == Kind.DIRECTORY for node in below)

    def get(self, ino: int) -> Node:
        require(ino in self.nodes, Errno.ENOENT)
        return self.nodes[ino]

    def directory(self, ino: int) -> Node:
        node = self.get(ino)
        require(node.kind == Kind.DIRECTORY, Errno.ENOTDIR)
        return node

    def file(self, ino: int, other: Errno = Errno.EINVAL) -> Node:
        node = self.get(ino)
        require(node.kind != Kind.DIRECTORY, Errno.EISDIR)
        require(node.kind == Kind.REGULAR, other)
        return node

    def is_within(self, ino: int, above: int) -> bool:
        while ino not in (above, ROOT):
            ino = self.nodes[ino].parent
            if ino not in self.nodes:
                return False
        return ino == above

    def orphans(self) -> list[Node]:
        return [node for node in self.nodes.values() if not self.nlink(node.ino)]

    # --- changing ----------------------------------------------------------------

    def free_unused(self) -> None:
        for node in self.orphans():
            if not node.pins:
                del self.nodes[node.ino]

    def make(self, parent: int, name: bytes, kind: Kind, **fields: object) -> Node:
        directory = self.directory(parent)
        require(name not in directory.entries, Errno.EEXIST)
        require(self.nlink(parent), Errno.ENOENT)
        self.made += 1
        node = Node(self.next_ino, kind, self.made, parent=parent, **fields)  # type: ignore[arg-type]
        self.next_ino += 1
        if kind == Kind.DIRECTORY:
            node.mode |= directory.mode & 0o2000
        self.nodes[node.ino] = node
        directory.entries[name] = node.ino
        return node

    def tmpfile(self, parent: int) -> None:
        self.directory(parent)
        self.made += 1
        node = Node(self.next_ino, Kind.REGULAR, self.made, pins=1, was_named=False)
        self.nodes[node.ino] = node
        self.next_ino += 1

    def link(self, ino: int, parent: int, name: bytes) -> None:
        node, directory = self.get(ino), self.directory(parent)
        require(name not in directory.entries, Errno.EEXIST)
        require(self.nlink(parent), Errno.ENOENT)
        require(node.kind != Kind.DIRECTORY, Errno.EPERM)
        require(self.nlink(ino) or not node.was_named, Errno.ENOENT)
        node.was_named = True
        directory.entries[name] = ino

    def remove(self, parent: int, name: bytes, *, is_rmdir: bool) -> None:
        directory = self.directory(parent)
        require(name in directory.entries, Errno.ENOENT)
        node = self.nodes[directory.entries[name]]
        if is_rmdir:
            require(node.kind == Kind.DIRECTORY, Errno.ENOTDIR)
            require(not node.entries, Errno.ENOTEMPTY)
        else:
            require(node.kind != Kind.DIRECTORY, Errno.EISDIR)
        del directory.entries[name]
        self.free_unused()

    def rename(
        self, parent: int, name: bytes, to: int, new: bytes, flags: RenameFlags
    ) -> None:
        old_dir, new_dir = self.directory(parent), self.directory(to)
        require(name in old_dir.entries, Errno.ENOENT)
        source = self.nodes[old_dir.entries[name]]
        target = self.nodes.get(new_dir.entries.get(new, 0))
        is_exchange = flags == RenameFlags.EXCHANGE
        require(not flags & RenameFlags.NOREPLACE or target is None, Errno.EEXIST)
        require(not is_exchange or target is not None, Errno.ENOENT)
        require(
            source.kind != Kind.DIRECTORY or not self.is_within(to, source.ino),
            Errno.EINVAL,
        )
        if target is not None and target.kind == Kind.DIRECTORY:
            refused = Errno.EINVAL if is_exchange else Errno.ENOTEMPTY
            require(not self.is_within(parent, target.ino), refused)
        if source is target:
            return
        require(self.nlink(to), Errno.ENOENT)
        if is_exchange:
            assert target is not None
            old_dir.entries[name], target.parent = target.ino, parent
        else:
            if target is not None and source.kind == Kind.DIRECTORY:
                require(target.kind == Kind.DIRECTORY, Errno.ENOTDIR)
                require(not target.entries, Errno.ENOTEMPTY)
            elif target is not None:
                require(target.kind != Kind.DIRECTORY, Errno.EISDIR)
            del old_dir.entries[name]
        new_dir.entries[new], source.parent = source.ino, to
        if flags & RenameFlags.WHITEOUT:
            self.make(parent, name, Kind.CHARACTER_DEVICE, mode=0)
        self.free_unused()

    def write(self, ino: int, offset: int, data: bytes) -> None:
        node = self.file(ino)
        put(node, offset, data)

    def append(self, ino: int, data: bytes) -> None:
        node = self.file(ino)
        put(node, len(node.content), data)

    def truncate(self, ino: int, size: int) -> None:
        node = self.file(ino)
        if size <= len(node.content):
            node.written -= set(range(pages(size), max(node.written, default=0) + 1))
        del node.content[size:]
        grow(node, size)

    def chmod(self, ino: int, mode: int) -> None:
        node = self.get(ino)
        require(node.kind != Kind.SYMLINK, Errno.EOPNOTSUPP)
        node.mode = mode

    # --- space -------------------------------------------------------------------

    def allocate(self, ino: int, offset: int, length: int, *, keep_size: bool) -> None:
        node = self.file(ino, other=Errno.ENODEV)
        node.written |= set(range(offset // PAGE_SIZE, pages(offset + length)))
        if not keep_size:
            grow(node, offset + length)

    def punch(self, ino: int, offset: int, length: int) -> None:
        node = self.file(ino, other=Errno.ENODEV)
        zero(node, offset, length)
        node.written -= set(range(pages(offset), (offset + length) // PAGE_SIZE))

    def zero(self, ino: int, offset: int, length: int) -> None:
        zero(self.file(ino, other=Errno.ENODEV), offset, length)
        self.allocate(ino, offset, length, keep_size=False)

    def collapse(self, ino: int, offset: int, length: int) -> None:
        node = self.file(ino, other=Errno.ENODEV)
        require(not offset % PAGE_SIZE and not length % PAGE_SIZE, Errno.EINVAL)
        require(offset + length < len(node.content), Errno.EINVAL)
        del node.content[offset : offset + length]
        first, count = pages(offset), pages(length)
        stay = {page for page in node.written if page < first}
        moved = {page - count for page in node.written if page >= first + count}
        node.written = stay | moved

    def insert(self, ino: int, offset: int, length: int) -> None:
        node = self.file(ino, other=Errno.ENODEV)
        require(not offset % PAGE_SIZE and not length % PAGE_SIZE, Errno.EINVAL)
        require(offset < len(node.content), Errno.EINVAL)
        node.content[offset:offset] = bytes(length)
        first, count = pages(offset), pages(length)
        stay = {page for page in node.written if page < first}
        node.written = stay | {page + count for page in node.written - stay}

    def copy_range(
        self, ino: int, offset: int, target: int, to: int, length: int
    ) -> None:
        nodes = self.get(ino), self.get(target)
        is_dir = any(node.kind == Kind.DIRECTORY for node in nodes)
        require(not is_dir, Errno.EISDIR)
        source, sink = self.file(ino), self.file(target)
        length = min(length, max(len(source.content) - offset, 0))
        is_apart = source is not sink or abs(offset - to) >= length
        require(is_apart, Errno.EINVAL)
        if not length:
            return
        data, written = source.content[offset : offset + length], {*source.written}
        grow(sink, to + length)
        zero(sink, to, length)
        sink.written -= set(range(pages(to), (to + length) // PAGE_SIZE))
        sink.content[to : to + length] = data
        for page in written:
            first = max(page * PAGE_SIZE, offset) - offset + to
            last = min((page + 1) * PAGE_SIZE, offset + length) - offset + to - 1
            if first <= last:
                sink.written |= {first // PAGE_SIZE, last // PAGE_SIZE}

    # --- extended attributes -----------------------------------------------------

    def setxattr(self, ino: int, name: bytes, value: bytes, flags: XattrFlags) -> None:
        node = self.get(ino)
        require(node.kind in (Kind.REGULAR, Kind.DIRECTORY), Errno.EPERM)
        require(not flags & XattrFlags.CREATE or name not in node.xattrs, Errno.EEXIST)
        require(not flags & XattrFlags.REPLACE or name in node.xattrs, Errno.ENODATA)
        node.xattrs[name] = value

    def removexattr(self, ino: int, name: bytes) -> None:
        node = self.get(ino)
        require(node.kind in (Kind.REGULAR, Kind.DIRECTORY), Errno.EPERM)
        require(name in node.xattrs, Errno.ENODATA)
        del node.xattrs[name]

    def unpin(self, ino: int) -> None:
        node = self.get(ino)
        require(node.pins, Errno.EINVAL)
        node.pins -= 1
        self.free_unused()

    def image(self) -> "Model":
        """What a snapshot keeps: what has a name, without pins."""
        image = deepcopy(self)
        for node in image.nodes.values():
            node.pins = 0
        image.free_unused()
        return image


def pages(size: int) -> int:
    """How many pages so many bytes begin."""
    return -(-size // PAGE_SIZE)


def grow(node: Node, size: int) -> None:
    node.content.extend(bytes(max(size - len(node.content), 0)))


def zero(node: Node, offset: int, length: int) -> None:
    end = min(offset + length, len(node.content))
    node.content[offset:end] = bytes(max(end - offset, 0))


def put(node: Node, offset: int, data: bytes) -> None:
    if data:
        grow(node, offset)
        node.content[offset : offset + len(data)] = data
        last = offset + len(data) - 1
        node.written |= set(range(offset // PAGE_SIZE, last // PAGE_SIZE + 1))
