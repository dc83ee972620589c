"""Mirrors: whoever shows the store is told what changed, and in time."""

from collections.abc import Callable, Iterator, Sequence
from threading import Thread

import pytest
from devdev_fs import (
    ROOT_INO,
    Attachment,
    Change,
    ChangeKind,
    Fs,
    FsError,
    Ino,
    RenameFlags,
    SetAttr,
)
from devdev_fs.testing import ManualClock

from tests.fs.checks import ino_of, names
from tests.fs.labelled import Tree, labelled_tree

PATIENCE = 5.0


class Recorder:
    """A mirror that writes down what it is told, and tries the lock meanwhile."""

    def __init__(self, fs: Fs) -> None:
        self.events: list[str] = []
        self.changes: list[Change] = []
        self.moves: list[tuple[Ino, Ino]] = []
        self.locked: list[str] = []
        self.attachment = fs.attach(self)

    def flush(self) -> None:
        self.note("flush")

    def orphaned(self, moves: Sequence[tuple[Ino, Ino]]) -> None:
        self.note("orphaned")
        self.moves += moves

    def changed(self, changes: Sequence[Change]) -> None:
        self.note("changed")
        self.changes += changes

    def note(self, event: str) -> None:
        self.events.append(event)
        if not is_free(self.attachment):
            self.locked.append(event)

    def take(self) -> list[Change]:
        changes, self.changes = self.changes, []
        self.events.clear()
        return changes


def is_free(attachment: Attachment) -> bool:
    """Whether another thread gets the store's lock."""
    got = []

    def try_it() -> None:
        if attachment.lock.acquire(blocking=False):
            attachment.lock.release()
            got.append(True)

    thread = Thread(target=try_it)
    thread.start()
    thread.join(PATIENCE)
    return bool(got)


@pytest.fixture
def fs() -> Fs:
    return Fs(clock=ManualClock(0, 1))


@pytest.fixture
def tree(fs: Fs) -> Iterator[Tree]:
    with labelled_tree(fs) as tree:
        yield tree


def spell(tree: Tree, change: Change) -> str:
    """A change in words; each field in its place, so that none is overlooked."""
    label = tree.label(change.ino)
    if change.kind is ChangeKind.ATTRIBUTES:
        assert change == Change(ChangeKind.ATTRIBUTES, change.ino)
        return f"attributes {label}"
    if change.kind is ChangeKind.ACCESS:
        assert change == Change(ChangeKind.ACCESS, change.ino)
        return f"access {label}"
    if change.kind is ChangeKind.ENTRY:
        assert change[4:] == Change(ChangeKind.ENTRY, ROOT_INO)[4:]
        was = f" was {tree.label(change.old)}" if change.old else ""
        return f"entry {label}/{change.name.decode()}{was}"
    assert (change.name, change.old) == (b"", 0)
    assert change.end >= -1 <= change.grown_to
    end = "" if change.end == -1 else change.end
    grew = f" grew to {change.grown_to}" if change.grown_to >= 0 else ""
    return f"content {label} {change.offset}:{end}{grew}"


Call = Callable[[Tree], object]

TOLD: list[tuple[str, Call, list[str]]] = [
    # reading
    ("getattr", lambda t: t.fs.inodes.getattr(t["file"]), []),
    ("lookup", lambda t: t.fs.inodes.lookup(t["d"], b"file"), []),
    ("stat", lambda t: t.fs.stat("/d/link"), []),
    ("walk", lambda t: t.fs.walk(), []),
    ("dump", lambda t: t.fs.dump(), []),
    ("read", lambda t: t.fs.read_bytes("/d/file"), ["access file"]),
    ("read nothing", lambda t: t.fs.inodes.read(t["file"], 0, 0), []),
    ("read noatime", lambda t: t.fs.inodes.read(t["file"], 0, 9, True), []),
    ("readlink", lambda t: t.fs.readlink("/d/link"), ["access link"]),
    ("readdir", lambda t: t.fs.inodes.readdir(t["d"]), ["access d"]),
    ("listdir", lambda t: t.fs.listdir("/d"), ["access d"]),
    ("scandir", lambda t: t.fs.scandir("/d"), ["access d"]),
    ("pin", lambda t: t.fs.inodes.pin(t["file"]), []),
    # content
    (
        "write",
        lambda t: t.fs.inodes.write(t["file"], 2, b"xy"),
        ["content file 2:4"],
    ),
    (
        "write beyond the end",
        lambda t: t.fs.inodes.write(t["file"], 9, b"xy"),
        ["content file 9:11 grew to 11"],
    ),
    ("write nothing", lambda t: t.fs.inodes.write(t["file"], 9, b""), []),
    (
        "append",
        lambda t: t.fs.append("/d/file", b"xy"),
        ["content file 7:9 grew to 9"],
    ),
    (
        "write_bytes of less",
        lambda t: t.fs.write_bytes("/d/file", b"x"),
        ["content file 0:"],
    ),
    (
        "write_bytes of more",
        lambda t: t.fs.write_bytes("/d/file", b"x" * 10),
        ["content file 0: grew to 10"],
    ),
    (
        "write_bytes of a new file",
        lambda t: t.fs.write_bytes("/new", b"x"),
        ["entry root/new", "content new 0: grew to 1"],
    ),
    (
        "cut",
        lambda t: t.fs.truncate("/d/file", 3),
        ["content file 3:", "attributes file"],
    ),
    (
        "extend",
        lambda t: t.fs.truncate("/d/file", 30),
        ["content file 7: grew to 30", "attributes file"],
    ),
    (
        "truncate to the same size",
        lambda t: t.fs.truncate("/d/file", 7),
        ["attributes file"],
    ),
    (
        "open for writing",
        lambda t: t.fs.open("/d/file", "w").close(),
        ["content file 0:", "attributes file"],
    ),
    (
        "copy over",
        lambda t: t.fs.copy("/d/file", "/e/other"),
        ["content other 0: grew to 7"],
    ),
    (
        "copy",
        lambda t: t.fs.copy("/d/file", "/new"),
        ["entry root/new", "content new 0: grew to 7"],
    ),
    (
        "copy a tree",
        lambda t: t.fs.copy("/e", "/new"),
        ["entry root/new", "entry new/other", "entry new/empty"],
    ),
    # attributes
    ("chmod", lambda t: t.fs.chmod("/d/file", 0o600), ["attributes file"]),
    ("touch", lambda t: t.fs.touch("/d/file"), ["attributes file"]),
    ("empty setattr", lambda t: t.fs.setattr("/d/file", SetAttr()), []),
    ("set_limits", lambda t: t.fs.set_limits(max_bytes=0), []),
    # names
    ("create", lambda t: t.fs.inodes.create(t["d"], b"new"), ["entry d/new"]),
    ("mkdir", lambda t: t.fs.mkdir("/d/new"), ["entry d/new"]),
    (
        "mkdir with parents",
        lambda t: t.fs.mkdir("/new/b/c", parents=True),
        ["entry root/new", "entry new/b", "entry new/c"],
    ),
    ("mknod", lambda t: t.fs.inodes.mknod(t["d"], b"new", 0o010600), ["entry d/new"]),
    ("symlink", lambda t: t.fs.symlink("x", "/d/new"), ["entry d/new"]),
    (
        "link",
        lambda t: t.fs.link("/d/file", "/e/new"),
        ["entry e/new", "attributes file"],
    ),
    (
        "unlink",
        lambda t: t.fs.remove("/d/file"),
        ["attributes file", "entry d/file was file"],
    ),
    (
        "rmdir",
        lambda t: t.fs.rmdir("/e/empty"),
        ["attributes empty", "entry e/empty was empty"],
    ),
    (
        "remove_tree",
        lambda t: t.fs.remove_tree("/e"),
        [
            "attributes empty",
            "entry e/empty was empty",
            "attributes other",
            "entry e/other was other",
            "attributes e",
            "entry root/e was e",
        ],
    ),
    (
        "rename",
        lambda t: t.fs.rename("/d/file", "/e/new"),
        ["attributes file", "entry d/file was file", "entry e/new"],
    ),
    (
        "rename over",
        lambda t: t.fs.rename("/d/file", "/e/other"),
        [
            "attributes other",
            "attributes file",
            "entry d/file was file",
            "entry e/other was other",
        ],
    ),
    (
        "exchange",
        lambda t: t.fs.rename("/d/sub", "/e/other", RenameFlags.EXCHANGE),
        [
            "attributes sub",
            "attributes other",
            "entry d/sub was sub",
            "entry e/other was other",
        ],
    ),
    ("rename to itself", lambda t: t.fs.rename("/d/file", "/d/file"), []),
]


@pytest.mark.parametrize(
    ("call", "told"), [row[1:] for row in TOLD], ids=[row[0] for row in TOLD]
)
def test_an_operation_tells_exactly_this(
    fs: Fs, tree: Tree, call: Call, told: list[str]
) -> None:
    mirror = Recorder(fs)
    call(tree)
    assert [spell(tree, change) for change in mirror.changes] == told
    assert mirror.locked == []
    assert mirror.events[0] == "flush"


def test_what_nobody_holds_is_not_told_when_it_is_gone(fs: Fs) -> None:
    fs.write_bytes("/f", b"")
    ino = ino_of(fs, "/f")
    mirror = Recorder(fs)
    fs.remove("/f")
    assert mirror.changes == [Change(ChangeKind.ENTRY, ROOT_INO, b"f", ino)]


def test_each_call_flushes_before_and_tells_after(fs: Fs) -> None:
    class Looker(Recorder):
        """One that looks at the store, as it may: no lock is held meanwhile."""

        def note(self, event: str) -> None:
            super().note(event)
            found = self.attachment.inodes.readdir(ROOT_INO)[2:]
            seen.append((event, [entry.name for entry in found]))

    seen: list[tuple[str, list[bytes]]] = []
    Looker(fs)
    fs.mkdir("/d")
    assert seen == [("flush", []), ("changed", [b"d"])]


def test_a_refused_operation_tells_nothing(fs: Fs) -> None:
    mirror = Recorder(fs)
    with pytest.raises(FsError):
        fs.mkdir("/no/d")
    assert mirror.events == ["flush"]


def test_every_mirror_is_told(fs: Fs) -> None:
    first, second = Recorder(fs), Recorder(fs)
    fs.mkdir("/d")
    assert first.changes == second.changes == [Change(ChangeKind.ENTRY, ROOT_INO, b"d")]


def test_what_changed_before_attaching_is_not_told(fs: Fs) -> None:
    fs.mkdir("/before")
    mirror = Recorder(fs)
    fs.mkdir("/after")
    assert [change.name for change in mirror.changes] == [b"after"]


# --- attachments -----------------------------------------------------------------


def test_what_a_mirror_changes_itself_is_not_told_back_to_it(fs: Fs) -> None:
    mirror = Recorder(fs)
    made = mirror.attachment.inodes.mkdir(ROOT_INO, b"d")
    assert fs.stat("/d").ino == made.ino
    assert not mirror.attachment.has_unpublished
    mirror.attachment.publish()
    assert mirror.changes == []


def test_what_a_mirror_changes_is_told_to_the_others_when_it_publishes(fs: Fs) -> None:
    one, other = Recorder(fs), Recorder(fs)
    one.attachment.inodes.mkdir(ROOT_INO, b"a")
    one.attachment.inodes.mkdir(ROOT_INO, b"b")
    with pytest.raises(FsError):
        one.attachment.inodes.mkdir(ROOT_INO, b"a")
    assert one.attachment.has_unpublished
    assert other.changes == []
    one.attachment.publish()
    assert [change.name for change in other.changes] == [b"a", b"b"]
    assert one.changes == []
    assert not one.attachment.has_unpublished
    one.attachment.publish()
    assert len(other.changes) == 2
    assert other.locked == []


def test_an_operation_of_a_mirror_does_not_flush_anybody(fs: Fs) -> None:
    mirror = Recorder(fs)
    mirror.attachment.inodes.mkdir(ROOT_INO, b"d")
    assert mirror.events == []


def test_the_lock_holds_together_what_a_mirror_does_in_several_steps(fs: Fs) -> None:
    attachment = Recorder(fs).attachment
    done = []
    with attachment.lock:
        other = Thread(target=lambda: done.append(fs.listdir("/")))
        other.start()
        attachment.inodes.mkdir(ROOT_INO, b"a")
        attachment.inodes.mkdir(ROOT_INO, b"b")
        assert done == []
    other.join(PATIENCE)
    assert done == [["a", "b"]]


def test_after_detaching_a_mirror_is_told_nothing(fs: Fs) -> None:
    one, other = Recorder(fs), Recorder(fs)
    one.attachment.detach()
    fs.mkdir("/d")
    assert one.events == []
    assert [change.name for change in other.changes] == [b"d"]
    other.attachment.inodes.mkdir(ROOT_INO, b"e")
    assert not other.attachment.has_unpublished


def test_changes_do_not_pile_up_where_nobody_listens(fs: Fs) -> None:
    fs.mkdir("/d")
    mirror = Recorder(fs)
    mirror.attachment.inodes.mkdir(ROOT_INO, b"e")
    fs.inodes.getattr(ROOT_INO)
    assert mirror.changes == []


def test_a_filesystem_shows_what_it_holds(fs: Fs) -> None:
    fs.write_bytes("/f", b"x")
    assert repr(fs) == "<Fs: 2 inodes, 4096 bytes>"


# --- restore ---------------------------------------------------------------------


def test_a_restore_tells_everything_that_a_mirror_may_have_cached(
    fs: Fs, tree: Tree
) -> None:
    snapshot = fs.dump()
    fs.write_bytes("/d/file", b"other")
    fs.remove("/d/twin")
    fs.mkdir("/d/new")
    fs.rename("/e/other", "/e/renamed")
    fs.chmod("/e", 0o700)
    mirror = Recorder(fs)

    fs.load(snapshot)

    assert mirror.events == ["flush", "changed"]
    assert mirror.moves == []
    told = {spell(tree, change) for change in mirror.changes}
    assert told >= {
        "entry d/new was new",
        "entry d/twin",
        "entry e/other",
        "entry e/renamed was other",
        "content file 0: grew to 7",
        "content other 0:",
        "attributes root",
        "attributes d",
        "attributes e",
    }
    assert "entry d/file" not in told, "the name means the same inode"


def test_a_restore_says_which_pinned_inodes_got_other_numbers(fs: Fs) -> None:
    empty = fs.dump()
    fs.mkdir("/d/sub", parents=True)
    fs.write_bytes("/d/f", b"held")
    d, sub, f = (ino_of(fs, path) for path in ("/d", "/d/sub", "/d/f"))
    for ino in (ROOT_INO, d, f):
        fs.inodes.pin(ino)
    mirror = Recorder(fs)

    fs.load(empty)

    assert mirror.events == ["flush", "orphaned", "changed"]
    assert mirror.locked == ["orphaned"]
    moved = dict(mirror.moves)
    assert moved.keys() == {d, f}
    assert min(moved.values()) >= 2**62
    assert fs.inodes.read(moved[f], 0, 9) == b"held"
    assert fs.inodes.getattr(moved[f]).nlink == 0
    assert names(fs, moved[d]) == []
    entries = {
        (change.ino, change.name): change.old
        for change in mirror.changes
        if change.kind is ChangeKind.ENTRY
    }
    assert entries == {
        (ROOT_INO, b"d"): moved[d],
        (moved[d], b"sub"): sub,
        (moved[d], b"f"): moved[f],
    }
    fs.check_invariants()
    for ino in moved.values():
        fs.inodes.unpin(ino)
    assert fs.bytes_used == 0


def test_the_new_numbers_of_orphans_are_never_given_again(fs: Fs) -> None:
    empty = fs.dump()
    seen = set()
    for _ in range(3):
        fs.write_bytes("/f", b"x")
        fs.inodes.pin(ino_of(fs, "/f"))
        mirror = Recorder(fs)
        fs.load(empty)
        mirror.attachment.detach()
        (move,) = mirror.moves
        seen.add(move[1])
    assert len(seen) == 3
    fs.load(empty)
    assert all(fs.inodes.read(ino, 0, 9) == b"x" for ino in seen)


def test_a_refused_restore_tells_nothing(fs: Fs, tree: Tree) -> None:
    mirror = Recorder(fs)
    with pytest.raises(ValueError, match="magic"):
        fs.load(b"")
    assert mirror.events == ["flush"]


class FailingClock(ManualClock):
    """A clock that fails after some readings."""

    def now_ns(self) -> int:
        self.time_ns += 1
        if self.time_ns > 12:
            raise RuntimeError("the clock is broken")
        return self.time_ns


def test_what_an_operation_did_before_it_failed_by_a_bug_is_told() -> None:
    """Whoever mirrors the store must not be left with what is no longer so."""
    fs = Fs(clock=FailingClock())
    for number in range(5):
        fs.mkdir(f"/d/{number}", parents=True)
    mirror = Recorder(fs)
    with pytest.raises(RuntimeError, match="broken"):
        fs.copy("/d", "/e")
    assert [change.name for change in mirror.changes] == [b"e", b"0", b"1", b"2", b"3"]


def test_what_a_mirror_looks_at_by_itself_is_no_access() -> None:
    fs = Fs(clock=ManualClock(step_ns=1))
    mirror = Recorder(fs)
    before = fs.stat("/")
    with mirror.attachment.unobserved():
        assert not is_free(mirror.attachment)
        mirror.attachment.inodes.readdir(ROOT_INO)
    assert fs.stat("/") == before
    mirror.attachment.inodes.readdir(ROOT_INO)
    assert fs.stat("/").atime_ns > before.atime_ns
