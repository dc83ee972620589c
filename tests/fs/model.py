"""A filesystem as one would write it down: dictionaries, and no care for speed.

It says what each operation does and which error it gives, so that a random sequence
of calls can be checked against it. What it leaves out are times and quotas.
"""

from copy import deepcopy
from dataclasses import dataclass, field

from devdev_fs import PAGE_SIZE, Errno, Kind, RenameFlags

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

    @property
    def pages(self) -> set[int]:
        return {page for page in self.written if page * PAGE_SIZE < len(self.content)}


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

    def file(self, ino: int) -> Node:
        node = self.get(ino)
        require(node.kind != Kind.DIRECTORY, Errno.EISDIR)
        require(node.kind == Kind.REGULAR, Errno.EINVAL)
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

    def link(self, ino: int, parent: int, name: bytes) -> None:
        node, directory = self.get(ino), self.directory(parent)
        require(name not in directory.entries, Errno.EEXIST)
        require(self.nlink(parent), Errno.ENOENT)
        require(node.kind != Kind.DIRECTORY, Errno.EPERM)
        require(self.nlink(ino), Errno.ENOENT)
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
        require(flags != RenameFlags.NOREPLACE or target is None, Errno.EEXIST)
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
        self.free_unused()

    def write(self, ino: int, offset: int, data: bytes) -> None:
        node = self.file(ino)
        put(node, offset, data)

    def append(self, ino: int, data: bytes) -> None:
        node = self.file(ino)
        put(node, len(node.content), data)

    def truncate(self, ino: int, size: int) -> None:
        node = self.file(ino)
        del node.content[size:]
        node.written = node.pages
        node.content.extend(bytes(size - len(node.content)))

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


def put(node: Node, offset: int, data: bytes) -> None:
    if data:
        node.content.extend(bytes(max(offset - len(node.content), 0)))
        node.content[offset : offset + len(data)] = data
        last = offset + len(data) - 1
        node.written |= set(range(offset // PAGE_SIZE, last // PAGE_SIZE + 1))
