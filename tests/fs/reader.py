"""A second reader of snapshots, written after docs/snapshot-format.md alone.

It imports nothing of the package that it is compared with, and has a CBOR decoder
of its own. It reads what is right, and checks only the digests: it is no judge of
what is wrong.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any
from zlib import crc32

PAGE = 4096
LISTED = 1024
DIRECTORY, REGULAR, SYMLINK = 0o040000, 0o100000, 0o120000


class Wrong(Exception):
    """It is not what the format says."""


# --- CBOR ------------------------------------------------------------------------


class Stream:
    """The items of a CBOR sequence; of the types that a snapshot has."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, length: int) -> bytes:
        self.at += length
        if self.at > len(self.data):
            raise Wrong("cut off")
        return self.data[self.at - length : self.at]

    def item(self) -> Any:
        first = self.take(1)[0]
        major, low = first >> 5, first & 31
        if low > 27:
            raise Wrong(f"initial byte {first:#x}")
        argument = low if low < 24 else int.from_bytes(self.take(1 << low - 24))
        if major == 0:
            return argument
        if major == 1:
            return -1 - argument
        if major == 2:
            return self.take(argument)
        if major == 4:
            return [self.item() for _ in range(argument)]
        raise Wrong(f"major type {major}")

    def raw_item(self) -> tuple[Any, bytes]:
        """An item, and the bytes that it is encoded in."""
        start = self.at
        item = self.item()
        return item, self.data[start : self.at]


def encode(item: Any) -> bytes:
    """The core deterministic encoding of integers, byte strings and arrays."""
    if isinstance(item, bytes):
        return _head(2, len(item)) + item
    if isinstance(item, list):
        return _head(4, len(item)) + b"".join(map(encode, item))
    return _head(0, item) if item >= 0 else _head(1, -1 - item)


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes([major << 5 | argument])
    for low, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << 8 * width:
            return bytes([major << 5 | low]) + argument.to_bytes(width)
    raise Wrong(f"{argument} is too large")


# --- what a snapshot holds -------------------------------------------------------


@dataclass
class Node:
    """An inode."""

    fields: list[int]
    """Number, mode, owner, group, four times."""
    xattrs: list[bytes]
    digest: bytes
    size: int = 0
    extents: dict[int, tuple[int, int, bytes]] = field(default_factory=dict)
    names: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    next_cookie: int = 0
    buckets: dict[bytes, dict[bytes, tuple[int, int]]] = field(default_factory=dict)
    """The names once more by the digests of buckets, if it has some."""
    target: bytes = b""
    device: int = 0

    @property
    def ino(self) -> int:
        return self.fields[0]

    @property
    def mode(self) -> int:
        return self.fields[1]

    @property
    def kind(self) -> int:
        return self.mode & 0o170000

    @property
    def pages(self) -> int:
        content = sum((a | b).bit_count() for a, b, _ in self.extents.values())
        return content + max(-(-(sum(map(len, self.xattrs)) - 256) // PAGE), 0)


@dataclass
class Step:
    """A step of the history: a checkpoint, a span, or that it touched an inode."""

    fields: list[Any]
    links: list[tuple[int, bytes]] = field(default_factory=list)
    """The names that the inode had."""
    before: Node | None = None
    """What it was."""


@dataclass
class Parts:
    """What came in a snapshot, by digest, and is not written again."""

    blocks: dict[bytes, bytes] = field(default_factory=dict)
    buckets: dict[bytes, dict[bytes, tuple[int, int]]] = field(default_factory=dict)
    versions: dict[bytes, Node] = field(default_factory=dict)

    def learn(self, state: "State | None", node: Node | None) -> None:
        """Take note of what an inode that is there has."""
        if state is None or node is None:
            return
        for _, _, reference in node.extents.values():
            if len(reference) == 32:
                self.blocks[reference] = state.blocks[reference]
        self.buckets |= node.buckets


@dataclass
class State:
    """An image: what one section of a snapshot gives."""

    numbers: list[int]
    """Version, next inode number, page limit, inode limit, inodes, pages."""
    nodes: dict[int, Node]
    blocks: dict[bytes, bytes]
    about: list[Any]
    """Of a checkpoint number, label and time; of the state nothing, or its history."""
    header: bytes = b""
    steps: list[Step] = field(default_factory=list)
    """How the state came about."""

    def digest(self) -> bytes:
        """The image digest."""
        groups: dict[int, list[bytes]] = {}
        for ino in sorted(self.nodes):
            groups.setdefault(ino // 256, []).append(self.nodes[ino].digest)
        parts = [sha256(b"".join(group)).digest() for group in groups.values()]
        return sha256(b"devdevfs" + encode(self.numbers) + b"".join(parts)).digest()

    def end(self) -> bytes:
        """The section's last item."""
        digest = self.digest()
        return encode([digest, sha256(self.header + digest).digest()])

    def block(self, reference: bytes) -> bytes:
        return self.blocks[reference] if len(reference) == 32 else reference

    def content(self, node: Node) -> bytes:
        """What a file holds."""
        data = bytearray(node.size)
        for number, (pages, _, reference) in node.extents.items():
            block = self.block(reference)
            held = [at for at in range(64) if pages >> at & 1]
            for index, at in enumerate(held):
                page = block[index * PAGE : (index + 1) * PAGE]
                start = (number * 64 + at) * PAGE
                data[start : start + len(page)] = page
        return bytes(data)

    def walk(self) -> Iterator[tuple[bytes, Node]]:
        """Every path and what is there; the names in a directory by their cookies."""
        todo = [(b"/", self.nodes[1])]
        while todo:
            path, node = todo.pop()
            yield path, node
            names = sorted(node.names, key=lambda name: node.names[name][1])
            for name in reversed(names):
                child = self.nodes[node.names[name][0]]
                todo.append((path.rstrip(b"/") + b"/" + name, child))


def read(data: bytes, base: State | None = None) -> list[State]:
    """The images of a snapshot: the state, and its checkpoints, the newest first."""
    return list(sections(data, base))


def sections(
    data: bytes, base: State | None = None, *, check: bool = True
) -> Iterator[State]:
    """The same one by one; without `check` the digests may be wrong."""
    stream = Stream(data)
    if stream.take(8) != b"devdevfs":
        raise Wrong("no magic")
    parts = Parts()
    state: State | None = None
    left = 1
    while left:
        base, left = _section(stream, base, parts)
        state = state or base
        _, end = stream.raw_item()
        if check and end != base.end():
            raise Wrong("the digest")
        yield base
    if state is not None and state.about:
        end, right = _steps(stream, state, parts)
        if check and end != right:
            raise Wrong("the digest of the history")
    if stream.at != len(data):
        raise Wrong("more follows")


def _section(stream: Stream, base: State | None, parts: Parts) -> tuple[State, int]:
    header, encoded = stream.raw_item()
    *numbers, base_digest, removed, records, about, left = header
    if numbers[0] != 3 or len(numbers) != 6:
        raise Wrong("another version")
    if base_digest and (base is None or base.digest() != base_digest):
        raise Wrong("another base")
    nodes = dict(base.nodes) if base is not None and base_digest else {}
    for _ in range(-(-removed // LISTED)):
        for ino in stream.item():
            parts.learn(base, nodes.pop(ino))
    for _ in range(records):
        node = _node(stream, base, nodes, parts)
        nodes[node.ino] = node
    # What is read later is not to be added to what this state has.
    kept = parts.blocks.copy() if base is None else base.blocks | parts.blocks
    return State(numbers, nodes, kept, about, encoded), left


def _steps(stream: Stream, state: State, parts: Parts) -> tuple[bytes, bytes]:
    """Read the steps to a state; their end, and what it should be."""
    told = b""
    for _ in range(state.about[2]):
        fields, encoded = stream.raw_item()
        told += encoded
        step = Step(fields)
        state.steps.append(step)
        if len(fields) != 4:
            continue
        _, ino, digest, flat = fields
        while True:
            step.links += zip(flat[::2], flat[1::2], strict=True)
            if len(flat) < 2 * LISTED:
                break
            flat, encoded = stream.raw_item()
            told += encoded
        if digest:
            step.before = _version(stream, state, parts, ino, digest)
    return stream.raw_item()[1], encode([sha256(told).digest()])


def _version(
    stream: Stream, state: State, parts: Parts, ino: int, digest: bytes
) -> Node:
    live = state.nodes.get(ino)
    if live is not None and live.digest == digest:
        parts.versions[digest] = live
    if digest not in parts.versions:
        node = _node(stream, state, state.nodes, parts, ino)
        if node.digest != digest:
            raise Wrong("the name of a version")
        parts.versions[digest] = node
    return parts.versions[digest]


def _node(
    stream: Stream,
    base: State | None,
    nodes: dict[int, Node],
    parts: Parts,
    ino: int = 0,
) -> Node:
    head, encoded = stream.raw_item()
    parts.learn(base, nodes.get(ino or head[0]))
    fields, xattrs, body = head[:8], head[8], head[9:]
    node = Node(fields, xattrs, b"")
    digests: list[bytes] = []
    if node.kind == REGULAR:
        node.size, left, flat = body
        while True:
            _extents(node, flat, stream, parts.blocks)
            left -= len(flat) // 4
            if not left:
                break
            flat, part = stream.raw_item()
            digests.append(sha256(part).digest())
    elif node.kind == DIRECTORY:
        count, node.next_cookie, flat = body
        _names(node.names, flat)
        left = buckets_for(count) if count > 512 else 0
        while len(digests) < left:
            some = stream.item()
            digests += some
            for digest in some:
                node.buckets[digest] = _bucket(stream, digest, parts)
                node.names |= node.buckets[digest]
    elif node.kind == SYMLINK:
        (node.target,) = body
    else:
        (node.device,) = body
    return replace(node, digest=sha256(encoded + b"".join(digests)).digest())


def _bucket(
    stream: Stream, digest: bytes, parts: Parts
) -> dict[bytes, tuple[int, int]]:
    if digest not in parts.buckets:
        names: dict[bytes, tuple[int, int]] = {}
        encoded = b""
        flat = [b""] * 3 * LISTED
        while len(flat) == 3 * LISTED:
            flat, part = stream.raw_item()
            encoded += part
            _names(names, flat)
        if sha256(encoded).digest() != digest:
            raise Wrong("the name of a bucket")
        parts.buckets[digest] = names
    return parts.buckets[digest]


def _extents(
    node: Node, flat: list[Any], stream: Stream, blocks: dict[bytes, bytes]
) -> None:
    for at in range(0, len(flat), 4):
        number, pages, zeros, reference = flat[at : at + 4]
        node.extents[number] = (pages, zeros, reference)
        if len(reference) == 32 and reference not in blocks:
            block = stream.item()
            if sha256(block).digest() != reference:
                raise Wrong("the name of a block")
            blocks[reference] = block


def _names(names: dict[bytes, tuple[int, int]], flat: list[Any]) -> None:
    for at in range(0, len(flat), 3):
        name, ino, cookie = flat[at : at + 3]
        names[name] = (ino, cookie)


def buckets_for(count: int) -> int:
    buckets = 1
    while count > 512 * buckets:
        buckets *= 16
    return buckets


# --- the digest of a tree --------------------------------------------------------


def tree_digest(state: State, top: Node) -> bytes:
    """The digest of the tree at an inode, taken from nothing."""
    if top.kind != DIRECTORY:
        return sha256(_itself(top)).digest()
    buckets: list[list[bytes]] = [[] for _ in range(buckets_for(len(top.names)))]
    for name in sorted(top.names):
        child = state.nodes[top.names[name][0]]
        bucket = buckets[crc32(name) % len(buckets)]
        bucket += [name, tree_digest(state, child)]
    parts = [sha256(encode(bucket)).digest() for bucket in buckets]
    groups = sorted(_groups(_ways(state, top)).values())
    if groups:
        parts.append(sha256(b"".join(groups)).digest())
    return sha256(_itself(top) + b"".join(parts)).digest()


def _itself(node: Node) -> bytes:
    fields: list[Any] = [node.mode, node.xattrs]
    if node.kind == REGULAR:
        fields.append(node.size)
        for number, (pages, _, reference) in node.extents.items():
            if pages:
                fields += [number, pages, reference]
    elif node.kind == DIRECTORY:
        fields.append(len(node.names))
    elif node.kind == SYMLINK:
        fields.append(node.target)
    else:
        fields.append(node.device)
    return encode(fields)


def _groups(ways_of: dict[int, dict[bytes, bytes]]) -> dict[int, bytes]:
    """By inode number, the digest of the names that meet in a directory."""
    found: dict[int, bytes] = {}
    for ino, ways in ways_of.items():
        if len(ways) > 1:
            flat = [part for way in sorted(ways.items()) for part in way]
            found[ino] = sha256(encode(flat)).digest()
    return found


def _ways(state: State, top: Node) -> dict[int, dict[bytes, bytes]]:
    """Of each inode below that is no directory, the ways down to it."""
    found: dict[int, dict[bytes, bytes]] = {}
    for name, (ino, _) in top.names.items():
        child = state.nodes[ino]
        if child.kind != DIRECTORY:
            found.setdefault(ino, {})[name] = b""
            continue
        below = _ways(state, child)
        groups = _groups(below)
        for other, ways in below.items():
            if other in groups:
                found.setdefault(other, {})[name] = groups[other]
            else:
                ((way, digest),) = ways.items()
                found.setdefault(other, {})[name + b"/" + way] = digest
    return found
