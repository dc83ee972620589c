"""Digests keep what did not change: they are the same as if they were computed anew."""

from collections.abc import Callable
from time import perf_counter

import pytest
from devdev_fs import PAGE_SIZE, ROOT_INO, Fs, FsBase, FsError
from devdev_fs.testing import ManualClock
from hypothesis import given
from hypothesis import strategies as st

from tests.fs import reader
from tests.fs.checks import examples, ino_of
from tests.fs.edits import EDITS, START, Edit, apply, apply_all

MakeFs = Callable[..., FsBase]


def anew(fs: FsBase) -> tuple[str, str]:
    """Both digests, by a program that has never seen this filesystem."""
    (state,) = reader.read(fs.dump())
    root = reader.tree_digest(state, state.nodes[ROOT_INO])
    return state.digest().hex(), root.hex()


def kept(fs: FsBase) -> tuple[str, str]:
    return fs.image_digest(), fs.tree_digest()


@examples(100)
@given(edits=EDITS, more=EDITS, at=st.lists(st.booleans(), min_size=16, max_size=16))
def test_after_any_changes_they_are_as_if_computed_anew(
    edits: list[Edit], more: list[Edit], at: list[bool]
) -> None:
    with Fs(clock=ManualClock(1_000, 1)) as fs, fs.fork() as one:
        apply_all(one, START)
        # Some are asked for in between, of the whole or of a part.
        for edit, is_asked in zip([*edits, *more], at, strict=False):
            apply(one, edit)
            if is_asked:
                assert kept(one) == anew(one)
            elif one.exists("/a"):
                one.tree_digest("/a")
        assert kept(one) == anew(one)


@examples(60)
@given(edits=EDITS, one=EDITS, two=EDITS)
def test_forks_and_checkpoints_keep_digests_of_their_own(
    edits: list[Edit], one: list[Edit], two: list[Edit]
) -> None:
    with Fs(clock=ManualClock(1_000, 1)) as fs, fs.fork() as first:
        apply_all(first, [*START, *edits])
        point = first.checkpoint("")
        before = kept(first)
        with first.fork() as second:
            apply_all(first, one)
            apply_all(second, two)
            assert kept(second) == anew(second)
            assert kept(first) == anew(first)
        with first.fork(point) as again:
            assert kept(again) == before
            apply_all(again, two)
            assert kept(again) == anew(again)
        first.restore(point)
        assert first.tree_digest() == before[1]


@examples(40)
@given(edits=EDITS, more=EDITS)
def test_after_a_load_they_are_those_of_what_was_loaded(
    edits: list[Edit], more: list[Edit]
) -> None:
    """The numbers mean other inodes then."""
    with Fs(clock=ManualClock(1_000, 1)) as fs, fs.fork() as one, fs.fork() as other:
        apply_all(one, [*START, *edits])
        apply_all(other, more)
        for is_remembered in (True, False):
            with one.fork() as copy:
                kept(copy)
                if is_remembered:
                    copy.checkpoint("what was there")
                copy.load(other.dump())
                assert kept(copy) == kept(other) == anew(other)


def test_a_large_directory_that_changes_and_shrinks(make_fs: MakeFs) -> None:
    fs = make_fs()
    fs.mkdir("/d")
    fs.write_bytes("/f", b"")
    for number in range(600):
        fs.link("/f", f"/d/{number}")
    assert kept(fs) == anew(fs)
    fs.rename("/d/7", "/d/new")
    fs.append("/f", b"x")
    assert kept(fs) == anew(fs)
    fs.mkdir("/d/sub")
    fs.remove("/d/8")
    assert kept(fs) == anew(fs)
    for number in range(100, 250):
        fs.remove(f"/d/{number}")
    assert kept(fs) == anew(fs)
    fs.remove_tree("/d")
    fs.write_bytes("/d", b"no directory")
    assert kept(fs) == anew(fs)


def test_the_number_of_a_large_directory_means_a_file_after_a_load(fs: FsBase) -> None:
    with fs.fork() as other:
        other.write_bytes("/f", b"")
        fs.mkdir("/d")
        for number in range(600):
            fs.mkdir(f"/d/{number}")
        assert ino_of(fs, "/d") == ino_of(other, "/f")
        assert kept(fs) == anew(fs)
        fs.checkpoint("the digests are kept with it")
        fs.load(other.dump())
        assert kept(fs) == anew(fs)


def test_a_large_file_that_changes(make_fs: MakeFs) -> None:
    fs = make_fs()
    fs.write_bytes("/f", bytes(range(256)) * 8_192)
    assert kept(fs) == anew(fs)
    ino = ino_of(fs, "/f")
    fs.inodes.write(ino, 70 * PAGE_SIZE + 5, b"changed")
    assert kept(fs) == anew(fs)
    fs.inodes.write(ino, 64 * PAGE_SIZE, bytes(64 * PAGE_SIZE))
    assert kept(fs) == anew(fs)
    fs.truncate("/f", 65 * PAGE_SIZE)
    fs.truncate("/f", 2**40)
    assert kept(fs) == anew(fs)


def test_links_in_a_directory_that_moves(make_fs: MakeFs) -> None:
    fs = make_fs()
    for path in ("/a/b/c", "/x/y"):
        fs.mkdir(path, parents=True)
    for number in range(20):
        fs.write_bytes(f"/a/b/c/{number}", b"")
        fs.link(f"/a/b/c/{number}", f"/x/y/{number}")
    for source, destination in (
        ("/a/b/c", "/a/c"),
        ("/a/c", "/x/c"),
        ("/x/y", "/y"),
        ("/x", "/y/x"),
        ("/y", "/z"),
    ):
        before = fs.tree_digest()
        fs.rename(source, destination)
        assert fs.tree_digest() != before
        assert kept(fs) == anew(fs)


def test_one_name_more_or_less_of_a_file_with_names_in_many_directories(
    make_fs: MakeFs,
) -> None:
    fs = make_fs()
    path = ""
    fs.write_bytes("/f", b"")
    for _ in range(40):
        path += "/d"
        fs.mkdir(path)
        fs.link("/f", f"{path}/f")
    assert kept(fs) == anew(fs)
    fs.remove(f"{path}/f")
    assert kept(fs) == anew(fs)
    fs.link("/f", "/d/d/d/g")
    assert kept(fs) == anew(fs)


def test_a_path_that_leads_nowhere_has_none(fs: FsBase) -> None:
    kept(fs)
    with pytest.raises(FsError):
        fs.tree_digest("/missing")


def test_a_few_changes_in_a_large_tree_cost_a_fraction_of_all_of_it() -> None:
    """The bound is far above what it takes, and far below what all of it would."""
    fs = Fs()
    for directory in range(200):
        fs.mkdir(f"/{directory}")
        for number in range(50):
            fs.write_bytes(f"/{directory}/{number}", b"%d" % number)
    start = perf_counter()
    kept(fs)
    whole = perf_counter() - start
    best = whole
    for attempt in range(10):
        for number in range(10):
            fs.write_bytes(f"/{number * 19}/7", b"%d" % attempt)
        start = perf_counter()
        kept(fs)
        best = min(best, perf_counter() - start)
    assert best < whole / 10
