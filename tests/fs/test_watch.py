"""Watches: what happened, where, and by whom."""

from collections.abc import Callable
from threading import Thread

import pytest
from devdev_fs import ROOT_INO, Event, EventKind, Fs, FsBase, SetAttr
from devdev_fs.wire import Answerer, RemoteFs

from tests.fs.checks import ino_of

MakeFs = Callable[..., FsBase]


def spell(events: list[Event]) -> list[str]:
    return [f"{event.kind.name.lower()} {event.path}" for event in events]


def test_a_watch_tells_what_changed_and_where(fs: FsBase) -> None:
    fs.write_bytes("/before", b"")
    with fs.watch() as watch:
        fs.mkdir("/d")
        assert spell(watch.take()) == ["created /d"]
        fs.write_bytes("/d/f", b"x")
        assert spell(watch.take()) == ["created /d/f", "modified /d/f"]
        fs.chmod("/d/f", 0o600)
        assert spell(watch.take()) == ["attributes /d/f"]
        fs.remove("/d/f")
        assert spell(watch.take()) == ["removed /d/f"]
        assert watch.take() == []


def test_a_rename_is_two_events_of_one_inode(fs: FsBase) -> None:
    fs.write_bytes("/a", b"")
    ino = ino_of(fs, "/a")
    with fs.watch() as watch:
        fs.rename("/a", "/b")
        events = {(event.kind, event.path): event.ino for event in watch.take()}
    assert events[EventKind.REMOVED, "/a"] == ino
    assert events[EventKind.CREATED, "/b"] == ino


def test_a_watch_tells_by_whom(fs: FsBase) -> None:
    with fs.watch() as watch:
        with fs.actor("alice"):
            fs.mkdir("/d")
        fs.mkdir("/e")
        assert [event.actor for event in watch.take()] == ["alice", ""]


def test_looking_is_no_event(fs: FsBase) -> None:
    fs.write_bytes("/f", b"x")
    with fs.watch() as watch:
        fs.read_bytes("/f")
        fs.listdir()
        fs.stat("/f")
        assert watch.take() == []


def test_what_has_no_name_is_no_event(fs: FsBase) -> None:
    fs.mkdir("/d")
    fs.inodes.pin(ino_of(fs, "/d"))
    d = ino_of(fs, "/d")
    fs.rmdir("/d")
    with fs.watch() as watch:
        fs.inodes.setattr(d, SetAttr(mode=0o700))
        assert watch.take() == []
    fs.inodes.unpin(d)


def test_a_restore_is_told(fs: FsBase) -> None:
    point = fs.checkpoint()
    fs.write_bytes("/f", b"")
    with fs.watch() as watch:
        fs.restore(point)
        assert "removed /f" in spell(watch.take())


def test_waiting_ends_with_the_first_event(fs: FsBase) -> None:
    with fs.watch() as watch:
        writer = Thread(target=fs.mkdir, args=("/d",))
        writer.start()
        assert spell(watch.take(timeout_s=10)) == ["created /d"]
        writer.join()


def test_waiting_is_bounded(fs: FsBase) -> None:
    with fs.watch() as watch:
        assert watch.take(timeout_s=0.01) == []


def test_iterating_ends_when_the_watch_is_closed(fs: FsBase) -> None:
    watch = fs.watch()
    fs.mkdir("/d")
    for event in watch:
        assert event.path == "/d"
        watch.close()
    watch.close()
    assert watch.closed
    fs.mkdir("/e")
    assert watch.take(1.0) == []


def test_two_watches_each_get_everything(fs: FsBase) -> None:
    with fs.watch() as one, fs.watch() as two:
        fs.mkdir("/d")
        assert spell(one.take()) == spell(two.take()) == ["created /d"]
        one.close()
        fs.mkdir("/e")
        assert spell(two.take()) == ["created /e"]


def test_a_watch_that_nobody_takes_from_drops_the_oldest_and_says_so() -> None:
    fs = Fs()
    with fs.watch() as watch:
        for number in range(70_000):
            fs.inodes.setattr(ROOT_INO, SetAttr(mode=number % 0o1000))
            if number % 10_000 == 0:
                fs.inodes.create(ROOT_INO, b"%d" % number)
        events = watch.take()
    assert events[0].kind is EventKind.LOST
    assert len(events) <= 65_536
    assert watch.take() == []


def test_what_a_mirror_changes_is_told_too() -> None:
    fs = Fs()

    class Silent:
        def flush(self) -> None: ...
        def orphaned(self, moves: object) -> None: ...
        def changed(self, changes: object) -> None: ...

    attachment = fs.attach(Silent())
    with fs.actor("program") as span, fs.watch() as watch:
        attachment.inodes.mkdir(ROOT_INO, b"unknown")
        attachment.span = span
        attachment.inodes.mkdir(ROOT_INO, b"known")
        events = watch.take()
    assert [(event.path, event.actor) for event in events] == [
        ("/unknown", ""),
        ("/known", "program"),
    ]
    attachment.detach()


def test_a_watch_elsewhere_takes_long_waits_in_pieces(
    make_fs: MakeFs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devdev_fs.wire._TAKE_TIMEOUT", 0.01)
    with make_fs().watch() as watch:
        assert watch.take(timeout_s=0.05) == []


def test_what_goes_with_its_directory_is_told_by_the_directory(fs: FsBase) -> None:
    fs.mkdir("/d")
    fs.write_bytes("/d/f", b"")
    with fs.watch() as watch:
        fs.remove_tree("/d")
        assert "removed /d" in spell(watch.take())


def test_a_watch_that_another_thread_closes_has_nothing_more_to_tell() -> None:
    frames: list[bytes] = []
    answerer = Answerer(Fs())

    def exchange(frame: bytes) -> bytes:
        frames.append(frame)
        return answerer.answer(frame)

    with RemoteFs(exchange).watch() as watch:
        assert watch.take() == []
        asked = frames[-1]
        answered = answerer.answer(asked)
    assert answerer.answer(asked) == answered
