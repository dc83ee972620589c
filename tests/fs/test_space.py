"""The space of a file: fallocate, lseek to data and holes, copy_file_range."""

from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

import pytest
from devdev_fs import (
    PAGE_SIZE,
    ROOT_INO,
    Errno,
    FallocateFlags,
    Fs,
    FsBase,
    FsError,
    Ino,
    Kind,
    SetAttr,
    Whence,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.fs.checks import examples, ino_of, refused

MakeFs = Callable[..., FsBase]
ALLOCATE, KEEP_SIZE = FallocateFlags.ALLOCATE, FallocateFlags.KEEP_SIZE
PUNCH = FallocateFlags.PUNCH_HOLE | KEEP_SIZE
ZERO, COLLAPSE = FallocateFlags.ZERO_RANGE, FallocateFlags.COLLAPSE_RANGE
INSERT = FallocateFlags.INSERT_RANGE
P = PAGE_SIZE


@pytest.fixture
def file(fs: FsBase) -> Ino:
    """Three pages and a half: a, b, c, d."""
    fs.write_bytes("/f", b"a" * P + b"b" * P + b"c" * P + b"d" * (P // 2))
    return ino_of(fs, "/f")


def content(fs: FsBase) -> bytes:
    return fs.inodes.read(ino_of(fs, "/f"), 0, 10**6, True)


def blocks(fs: FsBase) -> int:
    """Pages that the file has."""
    return fs.stat("/f").blocks * 512 // P


# --- allocating ------------------------------------------------------------------


def test_what_is_allocated_can_be_written_when_the_space_is_used_up(
    make_fs: MakeFs,
) -> None:
    fs = make_fs(max_bytes=3 * P)
    fs.write_bytes("/f", b"")
    file = ino_of(fs, "/f")
    fs.inodes.fallocate(file, KEEP_SIZE, 0, 2 * P)
    fs.write_bytes("/other", b"x")
    with refused(fs, Errno.ENOSPC):
        fs.append("/other", bytes(P))
    assert (fs.stat("/f").size, blocks(fs)) == (0, 2)
    fs.inodes.write(file, 0, b"x" * 2 * P)
    assert content(fs) == b"x" * 2 * P
    assert fs.bytes_used == 3 * P


def test_allocating_fills_holes_and_leaves_what_is_there(fs: FsBase) -> None:
    fs.write_bytes("/f", b"")
    file = ino_of(fs, "/f")
    fs.inodes.write(file, 2 * P, b"x")
    fs.inodes.fallocate(file, ALLOCATE, P - 1, 2)
    assert blocks(fs) == 3
    fs.inodes.fallocate(file, ALLOCATE, 0, 4 * P + 1)
    assert content(fs) == bytes(2 * P) + b"x" + bytes(2 * P)
    assert (fs.stat("/f").size, blocks(fs)) == (4 * P + 1, 5)


def test_a_range_too_large_for_the_quota_is_refused_at_once(fs: FsBase) -> None:
    fs.write_bytes("/f", b"")
    with refused(fs, Errno.ENOSPC):
        fs.inodes.fallocate(ino_of(fs, "/f"), ALLOCATE, 0, 2**62)


def test_a_size_that_does_not_grow_frees_what_is_behind_it(fs: FsBase) -> None:
    fs.write_bytes("/f", b"x")
    fs.inodes.fallocate(ino_of(fs, "/f"), KEEP_SIZE, 0, 10 * P)
    fs.truncate("/f", 3 * P)
    assert blocks(fs) == 10
    fs.truncate("/f", 3 * P)
    assert blocks(fs) == 3


def test_pages_behind_the_end_are_part_of_the_state(fs: FsBase) -> None:
    fs.write_bytes("/f", b"x")
    fs.inodes.fallocate(ino_of(fs, "/f"), KEEP_SIZE, 0, 3 * P)
    snapshot = fs.dump()
    fs.truncate("/f", 0)
    fs.load(snapshot)
    assert (fs.stat("/f").size, blocks(fs)) == (1, 3)
    assert fs.dump() == snapshot


# --- holes and zeros -------------------------------------------------------------


def test_a_punched_range_is_a_hole_of_whole_pages(fs: FsBase, file: Ino) -> None:
    fs.inodes.fallocate(file, PUNCH, P // 2, 2 * P)
    half = P // 2
    expected = b"a" * half + bytes(2 * P) + b"c" * half + b"d" * half
    assert (content(fs), blocks(fs)) == (expected, 3)


@pytest.mark.parametrize(("offset", "length"), [(10, 20), (P + 1, P - 1), (P, 1)])
def test_punching_within_a_page_makes_zeros(
    fs: FsBase, file: Ino, offset: int, length: int
) -> None:
    before = content(fs)
    fs.inodes.fallocate(file, PUNCH, offset, length)
    after = before[:offset] + bytes(length) + before[offset + length :]
    assert (content(fs), blocks(fs)) == (after, 4)


def test_punching_changes_no_size_even_behind_the_end(fs: FsBase, file: Ino) -> None:
    fs.inodes.fallocate(file, PUNCH, 3 * P, 2**62)
    assert fs.stat("/f").size == 3 * P + P // 2
    assert blocks(fs) == 3


def test_zeroing_leaves_pages_of_zeros(fs: FsBase, file: Ino) -> None:
    fs.inodes.fallocate(file, ZERO, P // 2, 4 * P)
    assert content(fs) == b"a" * (P // 2) + bytes(4 * P)
    assert blocks(fs) == 5


def test_zeroing_can_keep_the_size(fs: FsBase, file: Ino) -> None:
    size = fs.stat("/f").size
    fs.inodes.fallocate(file, ZERO | KEEP_SIZE, 0, 10 * P)
    assert content(fs) == bytes(size)
    assert blocks(fs) == 10


def test_a_range_taken_out_closes_the_gap(fs: FsBase, file: Ino) -> None:
    fs.inodes.fallocate(file, COLLAPSE, P, 2 * P)
    assert content(fs) == b"a" * P + b"d" * (P // 2)
    assert blocks(fs) == 2


def test_a_range_put_in_is_a_hole(fs: FsBase, file: Ino) -> None:
    fs.inodes.fallocate(file, INSERT, P, 2 * P)
    assert content(fs)[: 4 * P] == b"a" * P + bytes(2 * P) + b"b" * P
    assert (fs.stat("/f").size, blocks(fs)) == (5 * P + P // 2, 4)


def test_ranges_of_a_large_file_move(fs: FsBase) -> None:
    pages = [bytes([number % 251]) * P for number in range(700)]
    fs.write_bytes("/f", b"".join(pages))
    file = ino_of(fs, "/f")
    fs.inodes.fallocate(file, INSERT, 300 * P, 1000 * P)
    fs.inodes.fallocate(file, COLLAPSE, 10 * P, 50 * P)
    assert fs.inodes.read(file, 0, 250 * P) == b"".join(pages[:10] + pages[60:300])
    assert fs.inodes.read(file, 1250 * P, 400 * P) == b"".join(pages[300:])
    assert blocks(fs) == 650


@pytest.mark.parametrize("mode", [ALLOCATE, PUNCH, ZERO, COLLAPSE, INSERT])
def test_each_mode_stamps_mtime_and_ctime(
    fs: FsBase, file: Ino, mode: FallocateFlags
) -> None:
    before = fs.stat("/f")
    fs.inodes.fallocate(file, mode, 0, P)
    after = fs.stat("/f")
    assert after.mtime_ns == after.ctime_ns > before.ctime_ns
    assert after.atime_ns == before.atime_ns


@pytest.mark.parametrize("mode", [2, 4, 9, 10, 18, 24, 33, 40, 64, 128, -1])
def test_other_modes_are_refused(fs: FsBase, file: Ino, mode: int) -> None:
    with refused(fs, Errno.EOPNOTSUPP):
        fs.inodes.fallocate(file, mode, 0, P)


@pytest.mark.parametrize(
    ("kind", "errno"),
    [
        (Kind.FIFO, Errno.ESPIPE),
        (Kind.SOCKET, Errno.ENODEV),
        (Kind.CHARACTER_DEVICE, Errno.ENODEV),
        (Kind.BLOCK_DEVICE, Errno.ENODEV),
    ],
)
def test_only_regular_files_have_space(fs: FsBase, kind: Kind, errno: Errno) -> None:
    made = fs.inodes.mknod(ROOT_INO, b"x", kind)
    with refused(fs, errno):
        fs.inodes.fallocate(made.ino, ALLOCATE, 0, 1)


def test_a_mirror_and_a_version_see_each_its_own_content(fs: FsBase, file: Ino) -> None:
    before = content(fs)
    point = fs.checkpoint("before")
    for mode in (PUNCH, INSERT, ZERO, COLLAPSE):
        fs.inodes.fallocate(file, mode, P, P)
    fs.inodes.copy_file_range(file, 0, file, 100 * P, P)
    fs.restore(point)
    assert content(fs) == before


# --- data and holes --------------------------------------------------------------


def seek(fs: FsBase, ino: Ino, offset: int) -> tuple[int | None, int]:
    """Where the next data and the next hole are; None for no data."""
    hole = fs.inodes.lseek(ino, offset, Whence.HOLE)
    data = None
    with suppress(FsError):
        data = fs.inodes.lseek(ino, offset, Whence.DATA)
    return data, hole


def test_data_and_holes_are_found_page_by_page(fs: FsBase) -> None:
    fs.write_bytes("/f", b"")
    file = ino_of(fs, "/f")
    for page in (1, 2, 70, 71, 200):
        fs.inodes.write(file, page * P, b"x")
    fs.truncate("/f", 300 * P)
    assert seek(fs, file, 0) == (P, 0)
    assert seek(fs, file, P + 5) == (P + 5, 3 * P)
    assert seek(fs, file, 3 * P) == (70 * P, 3 * P)
    assert seek(fs, file, 70 * P - 1) == (70 * P, 70 * P - 1)
    assert seek(fs, file, 71 * P + 1) == (71 * P + 1, 72 * P)
    assert seek(fs, file, 100 * P) == (200 * P, 100 * P)
    assert seek(fs, file, 201 * P) == (None, 201 * P)
    with refused(fs, Errno.ENXIO):
        fs.inodes.lseek(file, 201 * P, Whence.DATA)


def test_the_end_of_a_file_is_a_hole(fs: FsBase, file: Ino) -> None:
    size = fs.stat("/f").size
    assert seek(fs, file, 0) == (0, size)
    assert seek(fs, file, size - 1) == (size - 1, size)
    for whence in (Whence.DATA, Whence.HOLE):
        with refused(fs, Errno.ENXIO):
            fs.inodes.lseek(file, size, whence)


def test_pages_behind_the_end_are_no_data(fs: FsBase) -> None:
    fs.write_bytes("/f", b"")
    file = ino_of(fs, "/f")
    fs.inodes.fallocate(file, KEEP_SIZE, 2 * P, P)
    fs.truncate("/f", P)
    fs.inodes.fallocate(file, KEEP_SIZE, 2 * P, P)
    assert seek(fs, file, 0) == (None, 0)


def test_an_open_file_seeks_to_data_and_holes(fs: FsBase) -> None:
    fs.write_bytes("/f", b"")
    fs.inodes.write(ino_of(fs, "/f"), 3 * P, b"x")
    with fs.open("/f") as file:
        assert file.seek(1, Whence.DATA) == 3 * P == file.tell()
        assert file.read() == b"x"
        assert file.seek(1, Whence.HOLE) == 1
        with refused(fs, Errno.ENXIO):
            file.seek(10 * P, Whence.HOLE)
        assert file.tell() == 1


@given(pages=st.sets(st.integers(0, 300), max_size=20), size=st.integers(1, 310))
@examples(50)
def test_a_file_is_the_data_between_its_holes(pages: set[int], size: int) -> None:
    fs = Fs()
    fs.write_bytes("/f", b"")
    file = ino_of(fs, "/f")
    for page in pages:
        fs.inodes.write(file, page * P, b"x")
    fs.truncate("/f", size * P)
    found, at = set(), 0
    while at < size * P:
        data, _ = seek(fs, file, at)
        if data is None:
            break
        at = fs.inodes.lseek(file, data, Whence.HOLE)
        found |= set(range(data // P, at // P))
    assert found == {page for page in pages if page < size}


# --- copying ---------------------------------------------------------------------


def test_a_copied_range_is_as_long_as_the_source_goes(fs: FsBase, file: Ino) -> None:
    other = fs.inodes.create(ROOT_INO, b"other").ino
    size = fs.stat("/f").size
    assert fs.inodes.copy_file_range(file, 3 * P, other, 5, 10 * P) == P // 2
    assert fs.read_bytes("/other") == bytes(5) + b"d" * (P // 2)
    assert fs.inodes.copy_file_range(file, size, other, 0, 1) == 0
    assert fs.inodes.copy_file_range(file, 0, other, 0, 0) == 0
    assert fs.stat("/other").size == 5 + P // 2


def test_a_copy_of_nothing_stamps_nothing(fs: FsBase, file: Ino) -> None:
    before = fs.stat("/f")
    fs.inodes.copy_file_range(file, 10 * P, file, 0, P)
    assert fs.stat("/f") == before


def test_a_copy_stamps_the_target_and_reads_the_source(fs: FsBase, file: Ino) -> None:
    other = fs.inodes.create(ROOT_INO, b"other").ino
    source, target = fs.stat("/f"), fs.stat("/other")
    fs.inodes.copy_file_range(file, 0, other, 0, P)
    read, written = fs.stat("/f"), fs.stat("/other")
    assert read == source._replace(atime_ns=read.atime_ns)
    assert read.atime_ns > source.atime_ns
    assert written.mtime_ns == written.ctime_ns > target.ctime_ns
    assert written.atime_ns == target.atime_ns


def test_holes_are_copied_as_holes_over_what_was_there(fs: FsBase) -> None:
    fs.write_bytes("/f", b"")
    fs.truncate("/f", 100 * P)
    file = ino_of(fs, "/f")
    fs.inodes.write(file, 50 * P, b"x")
    fs.write_bytes("/other", b"y" * 100 * P)
    other = ino_of(fs, "/other")
    fs.inodes.copy_file_range(file, 0, other, 0, 100 * P)
    assert fs.read_bytes("/other") == content(fs)
    assert fs.stat("/other").blocks == fs.stat("/f").blocks == P // 512


@pytest.mark.parametrize("shift", [0, 1, P - 1, P])
def test_a_range_is_copied_within_a_file(fs: FsBase, file: Ino, shift: int) -> None:
    before = content(fs)
    assert fs.inodes.copy_file_range(file, 10, file, 10 + P + shift, P) == P
    end = 10 + P + shift + P
    assert content(fs) == before[: end - P] + before[10 : 10 + P] + before[end:]


def test_ranges_of_a_file_may_touch_and_not_overlap(fs: FsBase, file: Ino) -> None:
    with refused(fs, Errno.EINVAL):
        fs.inodes.copy_file_range(file, 0, file, P - 1, P)
    with refused(fs, Errno.EINVAL):
        fs.inodes.copy_file_range(file, P - 1, file, 0, P)
    assert fs.inodes.copy_file_range(file, 0, file, P, P) == P


def test_a_copy_needs_room_for_what_it_adds_only(make_fs: MakeFs) -> None:
    fs = make_fs(max_bytes=4 * P)
    fs.write_bytes("/f", b"x" * 2 * P)
    fs.write_bytes("/other", b"y" * P)
    file, other = ino_of(fs, "/f"), ino_of(fs, "/other")
    with refused(fs, Errno.ENOSPC):
        fs.inodes.copy_file_range(file, 0, other, P + 1, 2 * P)
    assert fs.inodes.copy_file_range(file, 0, other, 0, 2 * P) == 2 * P
    assert fs.bytes_used == 4 * P


def test_an_aligned_copy_of_a_large_file_takes_no_time_of_its_length() -> None:
    """Its pages are shared: there is nothing to be read."""
    fs = Fs()
    fs.write_bytes("/f", b"x" * 64 * 1024**2)
    file = ino_of(fs, "/f")
    other = fs.inodes.create(ROOT_INO, b"other").ino
    assert fs.inodes.copy_file_range(file, 0, other, P, 2**40) == 64 * 1024**2
    first, last = fs.inodes.read_chunks(file, P, P), fs.inodes.read_chunks(other, P, P)
    assert first[0] is not last[0]
    assert fs.inodes.read_chunks(file, 0, P)[0] is last[0]


def test_a_copy_ends_at_the_largest_size(fs: FsBase, file: Ino) -> None:
    fs.write_bytes("/other", b"")
    other = ino_of(fs, "/other")
    at = 2**63 - 1 - 100
    assert fs.inodes.copy_file_range(file, 0, other, at, P) == 100
    assert fs.stat("/other").size == 2**63 - 1
    with refused(fs, Errno.EFBIG):
        fs.inodes.copy_file_range(file, 0, other, 2**63 - 1, P)


# --- writing into the last space -------------------------------------------------


def test_a_partial_write_takes_what_is_left(make_fs: MakeFs) -> None:
    """POSIX write(): only as many bytes as there is room for."""
    fs = make_fs(max_bytes=2 * P)
    fs.write_bytes("/f", b"x")
    file = ino_of(fs, "/f")
    with refused(fs, Errno.ENOSPC):
        fs.inodes.write(file, 10, bytes(3 * P))
    assert fs.inodes.write(file, 10, b"y" * 3 * P, partial=True) == 2 * P - 10
    assert fs.stat("/f").size == 2 * P
    with refused(fs, Errno.ENOSPC):
        fs.inodes.write(file, 2 * P, b"z", partial=True)
    assert fs.inodes.write(file, 0, b"z" * 2 * P, partial=True) == 2 * P
    fs.truncate("/f", P - 5)
    assert fs.inodes.append(file, b"y" * 3 * P, partial=True) == P - 5
    assert fs.stat("/f").size == 2 * P


def test_a_partial_write_ends_at_the_largest_size(fs: FsBase, file: Ino) -> None:
    assert fs.inodes.write(file, 2**63 - 3, b"12345", partial=True) == 2
    assert fs.stat("/f").size == 2**63 - 1
    with refused(fs, Errno.EFBIG):
        fs.inodes.write(file, 2**63 - 1, b"x", partial=True)


def test_the_pieces_of_a_file_add_up(fs: FsBase, file: Ino) -> None:
    fs.setattr("/f", SetAttr(size=100 * P))
    bounds = [0, 1, P, P + 7, 3 * P, 50 * P, 100 * P]
    other = fs.inodes.create(ROOT_INO, b"other").ino
    for start, end in pairwise(bounds):
        fs.inodes.copy_file_range(file, start, other, start, end - start)
    assert fs.read_bytes("/other") == fs.read_bytes("/f")
