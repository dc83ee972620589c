"""Random sequences over forks, checkpoints and undo: versions never affect each other.

Each filesystem is compared, after every step, with a plain dictionary of what it
should hold; checkpoints are dictionaries that were kept.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from devdev_fs import Fs, FsError, Stat
from devdev_fs.testing import ManualClock
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.fs.checks import examples

PATHS = st.sampled_from(["/a", "/b", "/d", "/d/a", "/d/b", "/d/e", "/d/e/a"])
INDEX = st.integers(0, 7)
OFFSETS = st.sampled_from([0, 1, 4095, 4096, 262_143, 262_144, 600_000])
DATA = st.sampled_from([b"x", b"\0\0", b"y" * 4096, b"z" * 9000])

Tree = dict[str, tuple[int, int, bytes]]
"""By path: mode, number of links, content or target."""


def look(fs: Fs) -> Tree:
    """Everything that a filesystem shows, without times."""
    found: Tree = {}
    for path, directories, others in fs.walk("/"):
        found[path] = (fs.stat(path).mode, len(directories), b"")
        for name in others:
            child = f"{path.rstrip('/')}/{name}"
            stat = fs.lstat(child)
            found[child] = (stat.mode, stat.nlink, content_of(fs, child, stat))
    return found


def content_of(fs: Fs, path: str, stat: Stat) -> bytes:
    return fs.read_bytes(path) if stat.is_file else fs.readlink(path).encode()


@dataclass
class Kept:
    """A filesystem, what it should be, and the moments to go back to."""

    fs: Fs
    expected: Tree
    checkpoints: list[tuple[int, Tree, str]] = field(default_factory=list)


class Machine(RuleBasedStateMachine):
    """Up to five filesystems, all forked from one."""

    def __init__(self) -> None:
        super().__init__()
        fs = Fs(clock=ManualClock(step_ns=1))
        self.kept = [Kept(fs, look(fs))]

    def change(self, index: int, do: str, *args: object) -> None:
        """Do something to one filesystem; refused is fine, and changes nothing."""
        kept = self.kept[index % len(self.kept)]
        try:
            getattr(kept.fs, do)(*args)
        except FsError:
            assert look(kept.fs) == kept.expected
        kept.expected = look(kept.fs)

    @rule(index=INDEX, path=PATHS, offset=OFFSETS, data=DATA)
    def write(self, index: int, path: str, offset: int, data: bytes) -> None:
        kept = self.kept[index % len(self.kept)]
        try:
            kept.fs.append(path, b"")
            ino = kept.fs.stat(path).ino
            before = kept.fs.read_bytes(path)
        except FsError:
            kept.expected = look(kept.fs)
            return
        kept.fs.inodes.write(ino, offset, data)
        after = before.ljust(offset, b"\0")
        after = after[:offset] + data + after[offset + len(data) :]
        assert kept.fs.read_bytes(path) == after
        kept.expected = look(kept.fs)

    @rule(index=INDEX, path=PATHS)
    def mkdir(self, index: int, path: str) -> None:
        self.change(index, "mkdir", path)

    @rule(index=INDEX, path=PATHS)
    def remove_tree(self, index: int, path: str) -> None:
        self.change(index, "remove_tree", path)

    @rule(index=INDEX, path=PATHS, to=PATHS)
    def rename(self, index: int, path: str, to: str) -> None:
        self.change(index, "rename", path, to)

    @rule(index=INDEX, path=PATHS, to=PATHS)
    def link(self, index: int, path: str, to: str) -> None:
        self.change(index, "link", path, to)

    @rule(index=INDEX, path=PATHS, to=PATHS)
    def copy(self, index: int, path: str, to: str) -> None:
        self.change(index, "copy", path, to)

    @rule(index=INDEX, path=PATHS, size=OFFSETS)
    def truncate(self, index: int, path: str, size: int) -> None:
        self.change(index, "truncate", path, size)

    @rule(index=INDEX, path=PATHS, mode=st.sampled_from([0o600, 0o755]))
    def chmod(self, index: int, path: str, mode: int) -> None:
        self.change(index, "chmod", path, mode)

    @rule(index=INDEX)
    def fork(self, index: int) -> None:
        kept = self.kept[index % len(self.kept)]
        if len(self.kept) < 5:
            self.kept.append(Kept(kept.fs.fork(), kept.expected))

    @rule(index=INDEX)
    def checkpoint(self, index: int) -> None:
        kept = self.kept[index % len(self.kept)]
        point = kept.fs.checkpoint().id
        kept.checkpoints.append((point, kept.expected, kept.fs.tree_digest()))

    @rule(index=INDEX, which=INDEX)
    def restore(self, index: int, which: int) -> None:
        kept = self.kept[index % len(self.kept)]
        if kept.checkpoints:
            point, expected, digest = kept.checkpoints[which % len(kept.checkpoints)]
            kept.fs.restore(point)
            kept.expected = expected
            assert kept.fs.tree_digest() == digest
            assert kept.fs.diff(point) == []

    @rule(index=INDEX, which=INDEX)
    def fork_of_a_checkpoint(self, index: int, which: int) -> None:
        kept = self.kept[index % len(self.kept)]
        if kept.checkpoints:
            point, expected, digest = kept.checkpoints[which % len(kept.checkpoints)]
            fork = kept.fs.fork(point)
            assert look(fork) == expected
            assert fork.tree_digest() == digest

    @rule(index=INDEX, path=PATHS, to=PATHS, data=DATA)
    def a_span_is_undone_and_redone(
        self, index: int, path: str, to: str, data: bytes
    ) -> None:
        kept = self.kept[index % len(self.kept)]
        fs = kept.fs
        with fs.actor("someone") as span:
            attempts: list[Callable[[], None]] = [
                partial(fs.write_bytes, path, data),
                partial(fs.rename, path, to),
                partial(fs.mkdir, path),
                partial(fs.remove, to),
            ]
            for attempt in attempts:
                with suppress(FsError):
                    attempt()
        after = look(fs)
        if not any(each.id == span for each in fs.log().spans):
            assert after == kept.expected
            return
        assert fs.undo(span).conflicts == []
        assert look(fs) == kept.expected
        assert fs.redo(span).conflicts == []
        assert look(fs) == after
        kept.expected = after

    @rule(index=INDEX)
    def a_snapshot_brings_back_the_same(self, index: int) -> None:
        kept = self.kept[index % len(self.kept)]
        digest = kept.fs.image_digest()
        kept.fs.load(kept.fs.dump())
        assert kept.fs.image_digest() == digest

    @invariant()
    def each_is_what_it_should_be(self) -> None:
        for kept in self.kept:
            kept.fs.check_invariants()
            assert look(kept.fs) == kept.expected

    @invariant()
    def a_digest_is_that_of_a_fresh_copy(self) -> None:
        for kept in self.kept[:2]:
            copy = Fs()
            copy.load(kept.fs.dump())
            assert copy.tree_digest() == kept.fs.tree_digest()
            assert copy.image_digest() == kept.fs.image_digest()


def test_versions_never_affect_each_other() -> None:
    run_state_machine_as_test(Machine, settings=examples(40, stateful_step_count=25))
