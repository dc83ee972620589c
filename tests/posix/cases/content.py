"""read, write, lseek, copy_file_range: the bytes of a file."""

from tests.posix.abi import (
    FILE_SIZE_MAX,
    O_APPEND,
    O_DIRECT,
    O_DSYNC,
    O_RDONLY,
    O_RDWR,
    O_SYNC,
    O_WRONLY,
    PAGE,
    SEEK_CUR,
    SEEK_DATA,
    SEEK_END,
    SEEK_HOLE,
    SEEK_SET,
    Errno,
)
from tests.posix.checks import (
    content,
    keeps_times,
    make,
    make_file,
    make_open,
    refused,
    updates,
    write_all,
)
from tests.posix.protocol import Posix
from tests.posix.table import Cases

cases = Cases("content")

EDGES = {
    str(at): at for at in (0, 1, 511, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE - 1, 70000)
}
LENGTHS = {str(length): length for length in (1, 2, 511, PAGE, PAGE + 1, 3 * PAGE + 7)}


CYCLE = bytes(range(1, 252))
"""As long as a prime number, so that blocks begin at different places in it."""


def pattern(length: int, begin: int = 0) -> bytes:
    """Bytes that say where they belong, none of them 0."""
    begin %= len(CYCLE)
    return (CYCLE * ((begin + length) // len(CYCLE) + 1))[begin : begin + length]


@cases(EDGES, LENGTHS)
def what_is_written_is_read(p: Posix, offset: int, length: int) -> None:
    """Behind the end of the file: what lies between reads as zeros."""
    data = pattern(length)
    fd = make_open(p, "x")
    assert p.pwrite(fd, data, offset) == length
    assert p.fstat(fd).size == offset + length
    assert content(p, "x") == b"\0" * offset + data
    assert p.pread(fd, length + 10, offset) == data


@cases(EDGES, LENGTHS)
def what_is_overwritten_is_replaced(p: Posix, offset: int, length: int) -> None:
    old = pattern(5 * PAGE)
    fd = make_open(p, "x", old)
    p.pwrite(fd, b"!" * length, offset)
    new = old.ljust(offset, b"\0")
    assert content(p, fd) == new[:offset] + b"!" * length + new[offset + length :]


@cases()
def the_offset_moves_on(p: Posix) -> None:
    fd = make_open(p, "x", b"0123456789")
    assert p.lseek(fd, 0, SEEK_CUR) == 10
    assert p.read(fd, 5) == b""
    p.lseek(fd, 3)
    assert p.read(fd, 3) == b"345"
    p.write(fd, b"ab")
    assert p.read(fd, 10) == b"89"
    assert p.pread(fd, 4, 4) == b"45ab"
    p.pwrite(fd, b"c", 0)
    assert p.lseek(fd, 0, SEEK_CUR) == 10
    assert content(p, "x") == b"c12345ab89"


@cases()
def the_end_cuts_a_read(p: Posix) -> None:
    fd = make_open(p, "x", b"0123456789")
    assert p.pread(fd, 100, 7) == b"789"
    for offset in (10, 11, PAGE, 2**40):
        assert p.pread(fd, 100, offset) == b""
    assert p.pread(fd, 0, 0) == b""


@cases()
def many_small_writes_add_up(p: Posix) -> None:
    fd = make_open(p, "x")
    data = pattern(3 * PAGE + 5)
    for at in range(0, len(data), 97):
        p.write(fd, data[at : at + 97])
    assert content(p, "x") == data


@cases()
def a_large_write_is_whole(p: Posix) -> None:
    data = pattern(251) * 12345
    fd = make_open(p, "x", data)
    assert p.fstat(fd).size == len(data)
    assert content(p, "x") == data


@cases()
def appending_goes_to_the_end(p: Posix) -> None:
    make_file(p, "x", b"some")
    first, second = p.open("x", O_WRONLY | O_APPEND), p.open("x", O_RDWR | O_APPEND)
    p.write(first, b"1")
    p.write(second, b"2")
    p.lseek(first, 0)
    p.write(first, b"3")
    assert p.lseek(first, 0, SEEK_CUR) == 7
    assert content(p, "x") == b"some123"


@cases()
def appending_ignores_the_offset_of_pwrite(p: Posix) -> None:
    """pwrite(2), BUGS: Linux appends whatever the offset is."""
    make_file(p, "x", b"some")
    fd = p.open("x", O_WRONLY | O_APPEND)
    p.pwrite(fd, b"more", 1)
    assert content(p, "x") == b"somemore"


@cases()
def appending_follows_a_truncation(p: Posix) -> None:
    make_file(p, "x", b"some")
    fd = p.open("x", O_WRONLY | O_APPEND)
    p.truncate("x", 1)
    p.write(fd, b"!")
    p.truncate("x", 5)
    p.write(fd, b"?")
    assert content(p, "x") == b"s!\0\0\0?"


@cases()
def two_descriptors_see_one_file(p: Posix) -> None:
    fd = make_open(p, "x")
    other = p.open("x", O_RDWR)
    for at in range(0, 5 * PAGE, 1000):
        p.pwrite(fd, pattern(1000, at), at)
        assert p.pread(other, 1000, at) == pattern(1000, at)
        assert p.fstat(other).size == at + 1000


@cases()
def a_hole_takes_no_blocks(p: Posix) -> None:
    fd = make_open(p, "x")
    p.pwrite(fd, b"x", 100 * PAGE)
    found = p.fstat(fd)
    assert found.size == 100 * PAGE + 1
    assert 0 < found.blocks * 512 <= 10 * PAGE
    assert p.pread(fd, PAGE, 50 * PAGE) == b"\0" * PAGE


@cases()
def blocks_are_counted(p: Posix) -> None:
    fd = make_open(p, "x")
    assert p.fstat(fd).blocks == 0
    p.write(fd, pattern(8 * PAGE))
    assert p.fstat(fd).blocks * 512 >= 8 * PAGE
    p.truncate(fd, 0)
    assert p.fstat(fd).blocks == 0


@cases()
def the_last_offset_is_the_limit(p: Posix) -> None:
    """Linux's fs/read_write.c:rw_verify_area: EINVAL for what no offset can name."""
    fd = make_open(p, "x", b"some")
    with keeps_times(p, "x"):
        refused(Errno.EINVAL, p.pwrite, fd, b"x", FILE_SIZE_MAX)
        refused(Errno.EINVAL, p.pwrite, fd, b"some", FILE_SIZE_MAX - 2)
    assert p.pread(fd, 1, FILE_SIZE_MAX - 1) == b""
    assert p.fstat(fd).size == 4
    p.pwrite(fd, b"x", FILE_SIZE_MAX - 1)
    assert p.fstat(fd).size == FILE_SIZE_MAX
    assert p.pread(fd, 1, FILE_SIZE_MAX - 1) == b"x"
    p.truncate(fd, 0)


@cases({"2^32": 2**32, "2^40": 2**40, "2^62": 2**62})
def a_sparse_file_is_large(p: Posix, offset: int) -> None:
    fd = make_open(p, "x")
    p.pwrite(fd, b"far", offset)
    assert p.fstat(fd).size == offset + 3
    assert p.pread(fd, 10, offset - 4) == b"\0\0\0\0far"
    assert p.lseek(fd, 0, SEEK_END) == offset + 3
    p.truncate(fd, 0)


@cases()
def negative_offsets_are_refused(p: Posix) -> None:
    fd = make_open(p, "x", b"some")
    with keeps_times(p, "x"):
        refused(Errno.EINVAL, p.pread, fd, 1, -1)
        refused(Errno.EINVAL, p.pwrite, fd, b"x", -1)


FLAGS = {"direct": O_DIRECT, "sync": O_SYNC, "dsync": O_DSYNC}


@cases(FLAGS)
def how_it_is_written_makes_no_difference(p: Posix, flag: int) -> None:
    data = pattern(4 * PAGE)
    plain = make_open(p, "x", data)
    fd = p.open("x", O_RDWR | flag)
    assert p.pread(fd, 2 * PAGE, PAGE) == data[PAGE : 3 * PAGE]
    p.pwrite(fd, b"!" * PAGE, 2 * PAGE)
    assert p.pread(plain, 4 * PAGE, 0) == data[: 2 * PAGE] + b"!" * PAGE + data[-PAGE:]
    p.pwrite(plain, b"?" * PAGE, 0)
    assert p.pread(fd, PAGE, 0) == b"?" * PAGE
    p.pwrite(fd, b"." * PAGE, 4 * PAGE)
    assert p.fstat(plain).size == 5 * PAGE
    assert p.pread(plain, PAGE, 4 * PAGE) == b"." * PAGE


@cases()
def a_directory_has_no_bytes(p: Posix) -> None:
    p.mkdir("d")
    fd = p.open("d", O_RDONLY)
    refused(Errno.EISDIR, p.read, fd, 10)
    p.fsync(fd)


@cases()
def syncing_changes_nothing(p: Posix) -> None:
    fd = make_open(p, "x", b"some")
    with keeps_times(p, "x"):
        p.fsync(fd)
    p.unlink("x")
    p.fsync(fd)
    assert content(p, fd) == b"some"


# --- lseek -----------------------------------------------------------------------


@cases()
def seeking_counts_from_three_places(p: Posix) -> None:
    fd = make_open(p, "x", b"0123456789")
    assert p.lseek(fd, 3, SEEK_SET) == 3
    assert p.lseek(fd, 3, SEEK_CUR) == 6
    assert p.lseek(fd, -2, SEEK_CUR) == 4
    assert p.lseek(fd, -2, SEEK_END) == 8
    assert p.lseek(fd, 100, SEEK_END) == 110
    assert p.read(fd, 1) == b""
    assert p.fstat(fd).size == 10


@cases()
def seeking_before_the_beginning_is_refused(p: Posix) -> None:
    fd = make_open(p, "x", b"0123456789")
    p.lseek(fd, 4)
    refused(Errno.EINVAL, p.lseek, fd, -1, SEEK_SET)
    refused(Errno.EINVAL, p.lseek, fd, -5, SEEK_CUR)
    refused(Errno.EINVAL, p.lseek, fd, -11, SEEK_END)
    refused(Errno.EINVAL, p.lseek, fd, 0, 99)
    assert p.lseek(fd, 0, SEEK_CUR) == 4


@cases()
def data_and_holes_are_found(p: Posix) -> None:
    """lseek(2): SEEK_DATA, SEEK_HOLE; there is a hole at the end of every file."""
    fd = make_open(p, "x")
    p.pwrite(fd, b"x" * PAGE, 16 * PAGE)
    p.pwrite(fd, b"x" * 2 * PAGE, 64 * PAGE)
    p.truncate(fd, 100 * PAGE)
    for offset, data, hole in (
        (0, 16, 0),
        (16, 16, 17),
        (17, 64, 17),
        (20, 64, 20),
        (65, 65, 66),
    ):
        assert p.lseek(fd, offset * PAGE, SEEK_DATA) == data * PAGE
        assert p.lseek(fd, offset * PAGE, SEEK_HOLE) == hole * PAGE
    refused(Errno.ENXIO, p.lseek, fd, 66 * PAGE, SEEK_DATA)
    assert p.lseek(fd, 80 * PAGE, SEEK_HOLE) == 80 * PAGE


@cases()
def a_file_without_holes_ends_in_one(p: Posix) -> None:
    fd = make_open(p, "x", pattern(PAGE + 10))
    assert p.lseek(fd, 0, SEEK_HOLE) == PAGE + 10
    assert p.lseek(fd, PAGE + 9, SEEK_HOLE) == PAGE + 10
    assert p.lseek(fd, 5, SEEK_DATA) == 5
    assert p.lseek(fd, 0, SEEK_CUR) == 5


@cases({"data": SEEK_DATA, "hole": SEEK_HOLE})
def neither_is_found_behind_the_end(p: Posix, whence: int) -> None:
    """lseek(2): ENXIO."""
    fd = make_open(p, "x", b"some")
    p.lseek(fd, 2)
    refused(Errno.ENXIO, p.lseek, fd, 4, whence)
    refused(Errno.ENXIO, p.lseek, fd, 1000, whence)
    refused(Errno.ENXIO, p.lseek, fd, -1, whence)
    assert p.lseek(fd, 0, SEEK_CUR) == 2
    p.truncate(fd, 0)
    refused(Errno.ENXIO, p.lseek, fd, 0, whence)


# --- copy_file_range -------------------------------------------------------------


@cases(EDGES)
def a_range_is_copied(p: Posix, offset: int) -> None:
    data = pattern(80000)
    source, target = make_open(p, "x", data), make_open(p, "y", b"!" * 100)
    done = 0
    while done < 5000:
        copied = p.copy_file_range(
            source, target, 5000 - done, offset + done, 50 + done
        )
        assert copied > 0
        done += copied
    assert content(p, target) == b"!" * 50 + data[offset : offset + 5000]
    assert p.lseek(source, 0, SEEK_CUR) == 80000


@cases()
def copying_moves_offsets(p: Posix) -> None:
    source, target = make_open(p, "x", b"0123456789"), make_open(p, "y")
    p.lseek(source, 2)
    assert p.copy_file_range(source, target, 4) == 4
    assert p.copy_file_range(source, target, 100) == 4
    assert p.copy_file_range(source, target, 100) == 0
    assert (p.lseek(source, 0, SEEK_CUR), p.lseek(target, 0, SEEK_CUR)) == (10, 8)
    assert content(p, target) == b"23456789"


@cases()
def copying_stamps_the_target(p: Posix) -> None:
    source, target = make_open(p, "x", b"some"), make_open(p, "y")
    before = p.fstat(source)
    with updates(p, target, "mtime", "ctime"):
        p.copy_file_range(source, target, 4, 0, 0)
    after = p.fstat(source)
    assert (after.mtime, after.ctime) == (before.mtime, before.ctime)


@cases()
def copying_from_the_end_copies_nothing(p: Posix) -> None:
    source, target = make_open(p, "x", b"some"), make_open(p, "y", b"other")
    with keeps_times(p, target):
        assert p.copy_file_range(source, target, 10, 4, 0) == 0
        assert p.copy_file_range(source, target, 10, 400, 0) == 0
        assert p.copy_file_range(source, target, 0, 0, 0) == 0
    assert content(p, target) == b"other"


@cases()
def copying_within_a_file(p: Posix) -> None:
    fd = make_open(p, "x", b"0123456789")
    assert p.copy_file_range(fd, fd, 3, 0, 7) == 3
    assert content(p, fd) == b"0123456012"
    with keeps_times(p, fd):
        refused(Errno.EINVAL, p.copy_file_range, fd, fd, 5, 0, 3)
        refused(Errno.EINVAL, p.copy_file_range, fd, fd, 5, 3, 0)


@cases()
def copying_needs_the_right_descriptors(p: Posix) -> None:
    """copy_file_range(2): EBADF, EISDIR, EINVAL."""
    make_file(p, "x", b"some")
    make_file(p, "y")
    p.mkdir("d")
    readable, writable = p.open("x", O_RDONLY), p.open("y", O_WRONLY)
    refused(Errno.EBADF, p.copy_file_range, writable, writable, 4)
    refused(Errno.EBADF, p.copy_file_range, readable, readable, 4)
    appending = p.open("y", O_WRONLY | O_APPEND)
    refused(Errno.EBADF, p.copy_file_range, readable, appending, 4)
    refused(Errno.EISDIR, p.copy_file_range, p.open("d"), writable, 4)
    assert p.stat("y").size == 0


@cases()
def copying_reads_holes_as_zeros(p: Posix) -> None:
    source, target = make_open(p, "x"), make_open(p, "y", b"!" * 3 * PAGE)
    p.pwrite(source, b"end", 2 * PAGE)
    assert p.copy_file_range(source, target, 3 * PAGE, 0, 0) == 2 * PAGE + 3
    assert content(p, target) == b"\0" * 2 * PAGE + b"end" + b"!" * (PAGE - 3)


@cases()
def writing_all_at_once_or_in_parts_is_the_same(p: Posix) -> None:
    data = pattern(3 * PAGE)
    make(p, "regular", "x")
    fd = p.open("x", O_WRONLY)
    write_all(p, fd, data)
    other = make_open(p, "y")
    for at in reversed(range(0, len(data), 1000)):
        p.pwrite(other, data[at : at + 1000], at)
    assert content(p, "x") == content(p, "y") == data
