"""Random sequences of calls: the filesystem does what its model does, step by step."""

from collections.abc import Callable
from functools import partial
from typing import cast

import pytest
from devdev_fs import (
    PAGE_SIZE,
    ROOT_INO,
    FallocateFlags,
    Fs,
    FsBase,
    FsError,
    Ino,
    Kind,
    OpenFile,
    RenameFlags,
    SetAttr,
    XattrFlags,
)
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.fs.checks import examples, used_inodes
from tests.fs.model import Model, Node, Refused

NAMES = st.sampled_from([b"a", b"b", b"c"])
INDEXES = st.integers(0, 15)
"""Of an inode among those that there are; see `Machine.pick`."""
OFFSETS = st.sampled_from([0, 1, PAGE_SIZE - 1, PAGE_SIZE, 3 * PAGE_SIZE])
FLAGS = st.sampled_from(
    [RenameFlags.NONE, *RenameFlags, RenameFlags.WHITEOUT | RenameFlags.NOREPLACE]
)
LENGTHS = st.sampled_from([1, PAGE_SIZE, PAGE_SIZE + 1, 2 * PAGE_SIZE])
XATTR_FLAGS = st.sampled_from([XattrFlags.NONE, *XattrFlags])
DATA = st.sampled_from([b"", b"x", b"\0", b"y" * PAGE_SIZE, b"z" * (PAGE_SIZE + 1)])


class Machine(RuleBasedStateMachine):
    """Does each thing to both, and compares what they then are."""

    def __init__(self, fs: FsBase, empty: bytes) -> None:
        super().__init__()
        self.fs = fs
        self.fs.load(empty)
        self.model = Model()
        self.open: list[tuple[OpenFile, Node]] = []
        self.saved = [(empty, self.model.image())]

    def teardown(self) -> None:
        for file, _ in self.open:
            file.close()
        self.let_go_of_all_pins()

    def pick(self, index: int) -> Ino:
        """One of the inodes that there are, or one that is not."""
        numbers = [*self.model.nodes, 999]
        return Ino(numbers[index % len(numbers)])

    def both(self, call: Callable[[], object], model: Callable[[], object]) -> bool:
        """Whether both did it; one that refuses does so with the other's error."""
        refusals = []
        for attempt in (call, model):
            try:
                attempt()
            except (FsError, Refused) as error:
                refusals.append(error.errno)
            else:
                refusals.append(None)
        assert refusals[0] == refusals[1]
        return refusals == [None, None]

    # --- names -------------------------------------------------------------------

    @rule(parent=INDEXES, name=NAMES)
    def mkdir(self, parent: int, name: bytes) -> None:
        at = self.pick(parent)
        make = partial(self.model.make, at, name, Kind.DIRECTORY, mode=0o755)
        self.both(lambda: self.fs.inodes.mkdir(at, name), make)

    @rule(parent=INDEXES, name=NAMES)
    def create(self, parent: int, name: bytes) -> None:
        at = self.pick(parent)
        make = partial(self.model.make, at, name, Kind.REGULAR)
        self.both(lambda: self.fs.inodes.create(at, name), make)

    @rule(parent=INDEXES, name=NAMES, leads_to=NAMES)
    def symlink(self, parent: int, name: bytes, leads_to: bytes) -> None:
        at = self.pick(parent)
        make = partial(
            self.model.make, at, name, Kind.SYMLINK, mode=0o777, target=leads_to
        )
        self.both(lambda: self.fs.inodes.symlink(at, name, leads_to), make)

    @rule(parent=INDEXES)
    def tmpfile(self, parent: int) -> None:
        at = self.pick(parent)
        self.both(lambda: self.fs.inodes.tmpfile(at), lambda: self.model.tmpfile(at))

    @rule(index=INDEXES, parent=INDEXES, name=NAMES)
    def link(self, index: int, parent: int, name: bytes) -> None:
        ino, at = self.pick(index), self.pick(parent)
        self.both(
            lambda: self.fs.inodes.link(ino, at, name),
            lambda: self.model.link(ino, at, name),
        )

    @rule(parent=INDEXES, name=NAMES)
    def unlink(self, parent: int, name: bytes) -> None:
        at = self.pick(parent)
        self.both(
            lambda: self.fs.inodes.unlink(at, name),
            lambda: self.model.remove(at, name, is_rmdir=False),
        )

    @rule(parent=INDEXES, name=NAMES)
    def rmdir(self, parent: int, name: bytes) -> None:
        at = self.pick(parent)
        self.both(
            lambda: self.fs.inodes.rmdir(at, name),
            lambda: self.model.remove(at, name, is_rmdir=True),
        )

    @rule(
        parent=INDEXES,
        name=NAMES,
        to=INDEXES,
        new=NAMES,
        flags=FLAGS,
    )
    def rename(
        self, parent: int, name: bytes, to: int, new: bytes, flags: RenameFlags
    ) -> None:
        old, at = self.pick(parent), self.pick(to)
        self.both(
            lambda: self.fs.inodes.rename(old, name, at, new, flags),
            lambda: self.model.rename(old, name, at, new, flags),
        )

    # --- content and attributes --------------------------------------------------

    @rule(index=INDEXES, offset=OFFSETS, data=DATA)
    def write(self, index: int, offset: int, data: bytes) -> None:
        ino = self.pick(index)
        self.both(
            lambda: self.fs.inodes.write(ino, offset, data),
            lambda: self.model.write(ino, offset, data),
        )

    @rule(index=INDEXES, data=DATA)
    def append(self, index: int, data: bytes) -> None:
        ino = self.pick(index)
        self.both(
            lambda: self.fs.inodes.append(ino, data),
            lambda: self.model.append(ino, data),
        )

    @rule(index=INDEXES, size=OFFSETS)
    def truncate(self, index: int, size: int) -> None:
        ino = self.pick(index)
        self.both(
            lambda: self.fs.inodes.setattr(ino, SetAttr(size=size)),
            lambda: self.model.truncate(ino, size),
        )

    @rule(index=INDEXES, mode=st.sampled_from([0o600, 0o7777]))
    def chmod(self, index: int, mode: int) -> None:
        ino = self.pick(index)

        self.both(
            lambda: self.fs.inodes.setattr(ino, SetAttr(mode=mode)),
            lambda: self.model.chmod(ino, mode),
        )

    @rule(index=INDEXES, name=NAMES, value=DATA, flags=XATTR_FLAGS)
    def setxattr(
        self, index: int, name: bytes, value: bytes, flags: XattrFlags
    ) -> None:
        ino, name = self.pick(index), b"user." + name
        self.both(
            lambda: self.fs.inodes.setxattr(ino, name, value, flags),
            lambda: self.model.setxattr(ino, name, value, flags),
        )

    @rule(index=INDEXES, name=NAMES)
    def removexattr(self, index: int, name: bytes) -> None:
        ino, name = self.pick(index), b"user." + name
        self.both(
            lambda: self.fs.inodes.removexattr(ino, name),
            lambda: self.model.removexattr(ino, name),
        )

    # --- space -------------------------------------------------------------------

    @rule(index=INDEXES, offset=OFFSETS, length=LENGTHS, keep_size=st.booleans())
    def allocate(self, index: int, offset: int, length: int, keep_size: bool) -> None:
        ino = self.pick(index)
        mode = FallocateFlags.KEEP_SIZE if keep_size else FallocateFlags.ALLOCATE
        self.both(
            lambda: self.fs.inodes.fallocate(ino, mode, offset, length),
            lambda: self.model.allocate(ino, offset, length, keep_size=keep_size),
        )

    @rule(
        index=INDEXES,
        offset=OFFSETS,
        length=LENGTHS,
        how=st.sampled_from(["punch", "zero", "collapse", "insert"]),
    )
    def reshape(self, index: int, offset: int, length: int, how: str) -> None:
        ino = self.pick(index)
        mode, model = {
            "punch": (
                FallocateFlags.PUNCH_HOLE | FallocateFlags.KEEP_SIZE,
                self.model.punch,
            ),
            "zero": (FallocateFlags.ZERO_RANGE, self.model.zero),
            "collapse": (FallocateFlags.COLLAPSE_RANGE, self.model.collapse),
            "insert": (FallocateFlags.INSERT_RANGE, self.model.insert),
        }[how]
        self.both(
            lambda: self.fs.inodes.fallocate(ino, mode, offset, length),
            lambda: model(ino, offset, length),
        )

    @rule(index=INDEXES, offset=OFFSETS, other=INDEXES, to=OFFSETS, length=LENGTHS)
    def copy_file_range(
        self, index: int, offset: int, other: int, to: int, length: int
    ) -> None:
        ino, target = self.pick(index), self.pick(other)
        self.both(
            lambda: self.fs.inodes.copy_file_range(ino, offset, target, to, length),
            lambda: self.model.copy_range(ino, offset, target, to, length),
        )

    # --- holding -----------------------------------------------------------------

    @rule(index=INDEXES)
    def pin(self, index: int) -> None:
        ino = self.pick(index)

        def pin() -> None:
            self.model.get(ino).pins += 1

        self.both(lambda: self.fs.inodes.pin(ino), pin)

    @rule(index=INDEXES)
    def unpin(self, index: int) -> None:
        ino = self.pick(index)
        opened = sum(node.ino == ino for _, node in self.open)
        node = self.model.nodes.get(ino)
        if node is None or node.pins > opened or not opened:
            self.both(lambda: self.fs.inodes.unpin(ino), lambda: self.model.unpin(ino))

    @rule(name=NAMES)
    def open_file(self, name: bytes) -> None:
        """The one at /NAME, if there is one."""
        root = self.model.nodes[ROOT_INO]
        node = self.model.nodes.get(root.entries.get(name, 0))
        if node is not None and node.kind == Kind.REGULAR and len(self.open) < 3:
            self.open.append((self.fs.open(b"/" + name, "r+"), node))
            node.pins += 1

    @precondition(lambda self: self.open)
    @rule(data=DATA)
    def write_to_an_open_file(self, data: bytes) -> None:
        file, node = self.open[-1]
        at = file.tell()
        file.write(data)
        if node.ino in self.model.nodes:
            self.model.write(node.ino, at, data)

    @precondition(lambda self: self.open)
    @rule()
    def close_a_file(self) -> None:
        file, node = self.open.pop(0)
        file.close()
        node.pins -= 1
        self.model.free_unused()

    # --- the whole ---------------------------------------------------------------

    @rule()
    def save(self) -> None:
        self.saved.append((self.fs.dump(), self.model.image()))

    @rule(which=st.integers(0, 5))
    def restore(self, which: int) -> None:
        """Become what was saved; what is open goes on, or is an orphan."""
        self.let_go_of_all_pins()
        snapshot, image = self.saved[which % len(self.saved)]
        made = self.model.made
        self.fs.load(snapshot)
        self.model = image.image()
        self.model.made = made
        for at, (file, node) in enumerate(self.open):
            twin = self.model.nodes.get(node.ino)
            if twin is not None and twin.identity == node.identity:
                twin.pins += twin is not node
                self.open[at] = file, twin
            else:
                node.ino = file.stat().ino
                assert node.ino >= 2**62
                self.model.nodes[node.ino] = node

    def let_go_of_all_pins(self) -> None:
        """Of those that are not of open files."""
        for node in list(self.model.nodes.values()):
            opened = sum(node is other for _, other in self.open)
            for _ in range(node.pins - opened):
                self.fs.inodes.unpin(Ino(node.ino))
                self.model.unpin(node.ino)

    # --- comparing ---------------------------------------------------------------

    @invariant()
    def they_are_the_same(self) -> None:
        pages = 0
        for node in self.model.nodes.values():
            stat = self.fs.inodes.getattr(Ino(node.ino))
            assert (stat.ino, stat.kind, stat.perm) == (node.ino, node.kind, node.mode)
            assert stat.nlink == self.model.nlink(node.ino)
            space = sum(len(name) + len(node.xattrs[name]) for name in node.xattrs)
            space = len(node.written) + -(-max(space - 256, 0) // PAGE_SIZE)
            assert stat.blocks * 512 == space * PAGE_SIZE
            pages += space
            self.attributes_are_the_same(node)
            if node.kind == Kind.REGULAR:
                content = self.fs.inodes.read(stat.ino, 0, 10**6, True)
                assert content == node.content
            elif node.kind == Kind.SYMLINK:
                assert self.fs.inodes.readlink(stat.ino) == node.target
            elif node.kind == Kind.DIRECTORY:
                entries = self.fs.inodes.readdir(stat.ino)
                listed = [(entry.name, entry.ino) for entry in entries[2:]]
                assert listed == list(node.entries.items())
        assert self.fs.bytes_used == pages * PAGE_SIZE
        assert used_inodes(self.fs) == len(self.model.nodes)
        for file, node in self.open:
            assert file.stat().ino == node.ino

    def attributes_are_the_same(self, node: Node) -> None:
        names = self.fs.inodes.listxattr(Ino(node.ino))
        assert names == sorted(node.xattrs)
        for name in names:
            value = self.fs.inodes.getxattr(Ino(node.ino), name)
            assert value == node.xattrs[name]

    @invariant()
    def it_is_sound(self) -> None:
        self.fs.check_invariants()

    @invariant()
    def a_snapshot_brings_back_the_same(self) -> None:
        snapshot = self.fs.dump()
        other = Fs()
        other.load(snapshot)
        assert other.dump() == snapshot
        assert other.tree_digest() == self.fs.tree_digest()


@pytest.mark.timeout(180)  # what fails is made small before it is shown
def test_it_does_what_its_model_does(fs: FsBase) -> None:
    # A step is many calls, and each of them costs a client a message.
    count = 60 if isinstance(fs, Fs) else 12
    run_state_machine_as_test(
        cast(type[RuleBasedStateMachine], partial(Machine, fs, fs.dump())),
        settings=examples(count, stateful_step_count=50),
    )
