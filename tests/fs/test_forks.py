"""Forks: filesystems that begin as one and then go their own ways."""

from collections.abc import Callable
from threading import Thread

import pytest
from devdev_fs import ROOT_INO, Errno, Fs, FsBase, MergeConflict
from devdev_fs.wire import Answerer, RemoteFs

from tests.fs.checks import ino_of, names, refused

MakeFs = Callable[..., FsBase]


def test_a_fork_begins_with_the_same_state(fs: FsBase) -> None:
    fs.mkdir("/d")
    fs.write_bytes("/d/f", b"content")
    before = fs.image_digest()
    with fs.fork() as fork:
        assert fork.image_digest() == before
        assert fork.dump() == fs.dump()
        fork.check_invariants()


def test_what_one_changes_the_other_does_not_see(fs: FsBase) -> None:
    fs.mkdir("/d")
    fs.write_bytes("/d/f", b"one")
    with fs.fork() as fork:
        fs.write_bytes("/d/f", b"parent")
        fork.write_bytes("/d/f", b"fork")
        fork.write_bytes("/d/new", b"")
        fs.rename("/d", "/e")
        assert fs.read_bytes("/e/f") == b"parent"
        assert fork.read_bytes("/d/f") == b"fork"
        assert fs.listdir("/e") == ["f"]
        assert fork.listdir("/d") == ["f", "new"]
        fork.check_invariants()


def test_a_fork_can_begin_at_a_checkpoint(fs: FsBase) -> None:
    fs.write_bytes("/f", b"then")
    point = fs.checkpoint()
    fs.write_bytes("/f", b"now")
    with fs.fork(point) as fork:
        assert fork.read_bytes("/f") == b"then"
        assert fork.log().spans == []
    with refused(fs, Errno.ENOENT):
        fs.fork(point.id + 1)


def test_forks_can_be_forked(fs: FsBase) -> None:
    fs.write_bytes("/f", b"0")
    with fs.fork() as one, one.fork() as two:
        one.write_bytes("/f", b"1")
        two.write_bytes("/f", b"2")
        contents = [each.read_bytes("/f") for each in (fs, one, two)]
        assert contents == [b"0", b"1", b"2"]


def test_a_fork_has_neither_orphans_nor_pins(fs: FsBase) -> None:
    fs.write_bytes("/f", b"x" * 5000)
    with fs.open("/f") as file:
        fs.remove("/f")
        with fs.fork() as fork:
            assert fork.bytes_used == 0
            fork.check_invariants()
        assert file.read() == b"x" * 5000


def test_a_fork_has_quotas_of_its_own(make_fs: MakeFs) -> None:
    fs = make_fs(max_bytes=2 * 4096)
    fs.write_bytes("/f", b"x")
    with fs.fork() as fork:
        fork.set_limits(max_bytes=4096)
        with refused(fork, Errno.ENOSPC):
            fork.write_bytes("/g", b"x")
        fs.write_bytes("/g", b"x")


def test_a_large_directory_is_shared_and_copied_in_parts(fs: FsBase) -> None:
    count = 1500
    for number in range(count):
        fs.inodes.create(ROOT_INO, b"%d" % number)
    listed = names(fs)
    assert listed == [b"%d" % number for number in range(count)]
    with fs.fork() as fork:
        fork.remove("/7")
        fork.rename("/8", "/new")
        fs.remove("/9")
        assert names(fork) == [n for n in listed if n not in (b"7", b"8")] + [b"new"]
        assert names(fs) == [name for name in listed if name != b"9"]
        assert [each.path for each in fs.diff(None, fork)] == ["/7", "/9", "/new"]
        fork.check_invariants()


def test_a_large_sparse_file_is_shared_and_copied_in_parts(fs: FsBase) -> None:
    fs.write_bytes("/f", b"")
    ino = ino_of(fs, "/f")
    offsets = [0, 300_000, 10**7, 2**40]
    for offset in offsets:
        fs.inodes.write(ino, offset, b"page")
    with fs.fork() as fork:
        fork.inodes.write(ino, 10**7 + 2, b"XX")
        fs.truncate("/f", 300_002)
        assert fork.inodes.read(ino, 10**7, 5) == b"paXX\0"
        assert fork.inodes.read(ino, 300_000, 5) == b"page\0"
        assert fs.inodes.read(ino, 299_999, 9) == b"\0pa"
        assert fork.stat("/f").size == 2**40 + 4
        fork.check_invariants()


def test_a_fork_is_merged_back(fs: FsBase) -> None:
    fs.write_bytes("/f", b"1\n2\n3\n4\n5\n")
    point = fs.checkpoint()
    with fs.fork(point) as fork:
        fork.write_bytes("/f", b"1\n2\n3\n4\nfive\n")
        fork.write_bytes("/theirs", b"")
        fs.write_bytes("/f", b"one\n2\n3\n4\n5\n")
        fs.write_bytes("/ours", b"")
        merged = fs.merge(point, fork)
        assert merged.conflicts == []
        assert fs.read_bytes("/f") == b"one\n2\n3\n4\nfive\n"
        assert fs.listdir() == ["f", "ours", "theirs"]
        fs.undo(merged.span)
        assert fs.listdir() == ["f", "ours"]
        assert fs.read_bytes("/f") == b"one\n2\n3\n4\n5\n"


@pytest.mark.parametrize(
    ("on_conflict", "content"),
    [("ours", b"ours\n"), ("theirs", b"theirs\n")],
)
def test_a_conflict_can_be_decided_beforehand(
    fs: FsBase, on_conflict: str, content: bytes
) -> None:
    fs.write_bytes("/f", b"base\n")
    point = fs.checkpoint()
    with fs.fork(point) as fork:
        fork.write_bytes("/f", b"theirs\n")
        fs.write_bytes("/f", b"ours\n")
        fs.merge(point, fork, on_conflict=on_conflict)  # type: ignore[arg-type]
    assert fs.read_bytes("/f") == content


def test_a_conflict_raises_or_is_data_and_changes_nothing(fs: FsBase) -> None:
    fs.write_bytes("/f", b"base\n")
    point = fs.checkpoint()
    with fs.fork(point) as fork:
        fork.write_bytes("/f", b"theirs\n")
        fork.write_bytes("/new", b"")
        fs.write_bytes("/f", b"ours\n")
        before = fs.image_digest()
        with pytest.raises(MergeConflict, match="/f") as caught:
            fs.merge(point, fork)
        assert [each.path for each in caught.value.conflicts] == ["/f"]
        merged = fs.merge(point, fork, on_conflict="data")
        assert merged.span == 0
        assert merged.conflicts == caught.value.conflicts
        assert fs.image_digest() == before


def test_markers_show_both_sides(fs: FsBase) -> None:
    fs.write_bytes("/f", b"base\n")
    point = fs.checkpoint()
    with fs.fork(point) as fork:
        fork.write_bytes("/f", b"theirs\n")
        fs.write_bytes("/f", b"ours\n")
        merged = fs.merge(point, fork, on_conflict="markers")
    assert merged.span
    assert [each.path for each in merged.conflicts] == ["/f"]
    text = fs.read_bytes("/f")
    assert text.startswith(b"<<<<<<< ")
    assert b"\nours\n=======\ntheirs\n>>>>>>> " in text


def test_an_unknown_way_with_conflicts_is_refused(fs: FsBase) -> None:
    with pytest.raises(ValueError, match="must be one of fail, data"):
        fs.merge(None, fs, on_conflict="guess")  # type: ignore[arg-type]


def test_a_merge_keeps_within_the_quotas(make_fs: MakeFs) -> None:
    fs = make_fs(max_bytes=4096)
    point = fs.checkpoint()
    with fs.fork(point) as fork:
        fork.write_bytes("/theirs", b"x")
        fs.write_bytes("/ours", b"x")
        with refused(fs, Errno.ENOSPC):
            fs.merge(point, fork)


def test_a_closed_fork_elsewhere_is_gone(make_fs: MakeFs) -> None:
    fs = make_fs()
    fork = fs.fork()
    fork.close()
    if isinstance(fs, Fs):
        assert fork.listdir() == []
    else:
        with pytest.raises(OSError, match="fork is closed"):
            fork.listdir()
    fs.close()
    assert fs.listdir() == []


def test_forks_are_used_from_many_threads_at_once() -> None:
    """What they share never changes, so none needs another's lock."""
    fs = Fs()
    for number in range(300):
        fs.write_bytes(f"/{number}", b"%d" % number)
    point = fs.checkpoint()

    def work(number: int) -> None:
        fork = fs.fork(point)
        for turn in range(200):
            path = f"/{(turn * 7 + number) % 300}"
            fork.write_bytes(path, b"%d in %d" % (turn, number))
            fork.rename(path, path + "x")
            fork.rename(path + "x", path)
        fork.check_invariants()
        forks.append(fork)

    forks: list[Fs] = []
    threads = [Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for number in range(300):
        fs.write_bytes(f"/{number}", b"parent")
    for thread in threads:
        thread.join()
    assert len(forks) == 6
    assert {fs.read_bytes(f"/{number}") for number in range(300)} == {b"parent"}
    untouched = fs.fork(point)
    assert untouched.read_bytes("/299") == b"299"


def test_links_that_came_and_went_are_not_shared(fs: FsBase) -> None:
    fs.symlink("target", "/a")
    fs.link("/a", "/b")
    fs.remove("/b")
    with fs.fork() as fork:
        fork.link("/a", "/c")
        fs.check_invariants()
        fork.check_invariants()


def test_filesystems_of_two_processes_are_not_compared() -> None:
    one, other = (RemoteFs(Answerer(Fs()).answer) for _ in range(2))
    assert (one.number, other.number) == (0, 0), "each is the first of its own"
    with refused(one, Errno.EXDEV):
        one.diff(None, other)
    with refused(one, Errno.EXDEV):
        one.merge(None, other)
    local = Fs()
    with refused(local, Errno.EXDEV):
        local.diff(one)
