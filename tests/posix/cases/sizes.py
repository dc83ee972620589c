"""truncate, ftruncate and fallocate."""

from tests.posix.abi import (
    FALLOC_FL_COLLAPSE_RANGE,
    FALLOC_FL_INSERT_RANGE,
    FALLOC_FL_KEEP_SIZE,
    FALLOC_FL_PUNCH_HOLE,
    FALLOC_FL_ZERO_RANGE,
    FILE_SIZE_MAX,
    O_PATH,
    O_RDONLY,
    O_RDWR,
    O_WRONLY,
    PAGE,
    SEEK_CUR,
    SEEK_DATA,
    SEEK_HOLE,
    Errno,
)
from tests.posix.cases.content import pattern
from tests.posix.checks import (
    DEVICES,
    content,
    keeps_times,
    make,
    make_open,
    refused,
    updates,
)
from tests.posix.protocol import Feature, Kernel, Posix, Target
from tests.posix.table import Cases

cases = Cases("sizes")

SIZES = {str(size): size for size in (0, 1, 511, PAGE - 1, PAGE, PAGE + 1, 12345)}
WAYS = ("path", "descriptor")
PUNCH = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE


def _target(p: Posix, way: str, path: str) -> Target:
    return path if way == "path" else p.open(path, O_RDWR)


@cases(WAYS, SIZES)
def truncating_cuts(p: Posix, way: str, size: int) -> None:
    data = pattern(20000)
    make_open(p, "x", data)
    p.truncate(_target(p, way, "x"), size)
    assert p.stat("x").size == size
    assert content(p, "x") == data[:size]


@cases(WAYS, SIZES)
def truncating_extends_by_zeros(p: Posix, way: str, size: int) -> None:
    data = pattern(size)
    make_open(p, "x", data)
    p.truncate(_target(p, way, "x"), 20000)
    assert content(p, "x") == data.ljust(20000, b"\0")


@cases(WAYS, SIZES)
def what_was_cut_does_not_come_back(p: Posix, way: str, size: int) -> None:
    data = pattern(20000)
    make_open(p, "x", data)
    p.truncate(_target(p, way, "x"), size)
    p.truncate(_target(p, way, "x"), 20000)
    assert content(p, "x") == data[:size].ljust(20000, b"\0")


@cases(WAYS)
def truncating_stamps_the_file_only(p: Posix, way: str) -> None:
    p.mkdir("d")
    make_open(p, "d/x", b"some")
    target = _target(p, way, "d/x")
    for size in (2, 100, 0):
        with updates(p, "d/x", "mtime", "ctime"), keeps_times(p, "d"):
            p.truncate(target, size)


@cases()
def truncating_an_open_file_to_its_size_stamps_it(p: Posix) -> None:
    """POSIX ftruncate(): upon success, whatever the size was."""
    fd = make_open(p, "x", b"some")
    with updates(p, "x", "mtime", "ctime"):
        p.truncate(fd, 4)


@cases()
def truncating_leaves_the_offset(p: Posix) -> None:
    fd = make_open(p, "x", b"0123456789")
    p.truncate(fd, 3)
    assert p.lseek(fd, 0, SEEK_CUR) == 10
    p.write(fd, b"!")
    assert content(p, "x") == b"012" + b"\0" * 7 + b"!"


@cases()
def truncating_goes_through_a_link(p: Posix) -> None:
    make_open(p, "x", b"some")
    p.symlink("x", "l")
    p.truncate("l", 1)
    assert (p.stat("x").size, p.lstat("l").size) == (1, 1)
    assert content(p, "x") == b"s"


@cases()
def truncating_a_directory_is_refused(p: Posix) -> None:
    p.mkdir("d")
    with keeps_times(p, "d"):
        refused(Errno.EISDIR, p.truncate, "d", 0)
        refused(Errno.EINVAL, p.truncate, p.open("d"), 0)


@cases(["fifo", "socket", *DEVICES])
def truncating_what_has_no_size_is_refused(p: Posix, kind: str) -> None:
    make(p, kind, "x")
    with keeps_times(p, "x"):
        refused(Errno.EINVAL, p.truncate, "x", 0)


@cases(WAYS)
def a_negative_size_is_refused(p: Posix, way: str) -> None:
    make_open(p, "x", b"some")
    with keeps_times(p, "x"):
        refused(Errno.EINVAL, p.truncate, _target(p, way, "x"), -1)


@cases(WAYS)
def the_largest_size_is_possible(p: Posix, way: str) -> None:
    make_open(p, "x", b"some")
    p.truncate(_target(p, way, "x"), FILE_SIZE_MAX)
    assert p.stat("x").size == FILE_SIZE_MAX
    p.truncate(_target(p, way, "x"), 2)
    assert content(p, "x") == b"so"


@cases(needs=Feature.FILE_SIZE_LIMIT)
def the_process_has_a_limit(p: Kernel) -> None:
    """setrlimit(2), RLIMIT_FSIZE: EFBIG; a write that begins below it is cut."""
    fd = make_open(p, "x", b"some")
    with p.file_size_limit(PAGE):
        with keeps_times(p, "x"):
            refused(Errno.EFBIG, p.truncate, "x", PAGE + 1)
            refused(Errno.EFBIG, p.truncate, fd, PAGE + 1)
            refused(Errno.EFBIG, p.pwrite, fd, b"x", PAGE)
            refused(Errno.EFBIG, p.fallocate, fd, 0, 0, PAGE + 1)
        assert p.pwrite(fd, b"x" * 10, PAGE - 4) == 4
        p.truncate(fd, PAGE)
        p.truncate(fd, 1)
    p.truncate(fd, PAGE + 1)


# --- fallocate -------------------------------------------------------------------


@cases(SIZES)
def preallocating_extends_by_zeros(p: Posix, size: int) -> None:
    data = pattern(size)
    fd = make_open(p, "x", data)
    p.fallocate(fd, 0, 0, 20000)
    found = p.fstat(fd)
    assert found.size == 20000
    assert found.blocks * 512 >= 20000
    assert content(p, fd) == data.ljust(20000, b"\0")


@cases()
def preallocating_inside_changes_no_byte(p: Posix) -> None:
    data = pattern(20000)
    fd = make_open(p, "x", data)
    p.fallocate(fd, 0, 100, 5000)
    assert content(p, fd) == data


@cases()
def preallocating_may_keep_the_size(p: Posix) -> None:
    fd = make_open(p, "x", b"some")
    p.fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 8 * PAGE)
    found = p.fstat(fd)
    assert found.size == 4
    assert found.blocks * 512 >= 8 * PAGE
    assert content(p, fd) == b"some"
    p.truncate(fd, 6)
    assert content(p, fd) == b"some\0\0"


@cases({"extending": 0, "keeping_the_size": FALLOC_FL_KEEP_SIZE})
def preallocating_stamps_the_file(p: Posix, mode: int) -> None:
    fd = make_open(p, "x", b"some")
    before = p.fstat(fd)
    p.tick()
    p.fallocate(fd, mode, 0, 8 * PAGE)
    after = p.fstat(fd)
    assert after.ctime > before.ctime
    assert after.atime == before.atime


@cases()
def preallocating_leaves_the_offset(p: Posix) -> None:
    fd = make_open(p, "x", b"some")
    p.fallocate(fd, 0, 0, 100)
    assert p.lseek(fd, 0, SEEK_CUR) == 4


RANGES = {
    "a_page": (PAGE, PAGE),
    "pages": (PAGE, 3 * PAGE),
    "inside_a_page": (100, 50),
    "over_an_edge": (PAGE - 10, 20),
    "from_the_beginning": (0, 5000),
    "to_the_end": (5000, 15000),
    "over_the_end": (5000, 50000),
    "behind_the_end": (30000, 5000),
}


@cases(RANGES)
def a_hole_reads_as_zeros(p: Posix, where: tuple[int, int]) -> None:
    offset, length = where
    data = pattern(20000)
    fd = make_open(p, "x", data)
    p.fallocate(fd, PUNCH, offset, length)
    end = offset + length
    expected = data[:offset] + b"\0" * length + data[end:]
    assert p.fstat(fd).size == 20000
    assert content(p, "x") == expected[:20000]


@cases()
def a_hole_gives_blocks_back(p: Posix) -> None:
    fd = make_open(p, "x", pattern(16 * PAGE))
    before = p.fstat(fd).blocks
    with updates(p, fd, "mtime", "ctime"):
        p.fallocate(fd, PUNCH, 4 * PAGE, 8 * PAGE)
    assert before - p.fstat(fd).blocks == 8 * PAGE // 512
    assert p.lseek(fd, 0, SEEK_HOLE) == 4 * PAGE
    assert p.lseek(fd, 4 * PAGE, SEEK_DATA) == 12 * PAGE


@cases()
def a_hole_must_keep_the_size(p: Posix) -> None:
    """fallocate(2): FALLOC_FL_PUNCH_HOLE without FALLOC_FL_KEEP_SIZE."""
    fd = make_open(p, "x", b"some")
    with keeps_times(p, "x"):
        refused(Errno.EOPNOTSUPP, p.fallocate, fd, FALLOC_FL_PUNCH_HOLE, 0, 2)


@cases({"0-0": (0, 0), "-1-5": (-1, 5), "0--1": (0, -1)})
def a_range_must_have_a_length(p: Posix, where: tuple[int, int]) -> None:
    fd = make_open(p, "x", b"some")
    with keeps_times(p, "x"):
        for mode in (0, FALLOC_FL_KEEP_SIZE, PUNCH):
            refused(Errno.EINVAL, p.fallocate, fd, mode, *where)


@cases()
def a_range_ends_at_the_largest_size(p: Posix) -> None:
    """fallocate(2): EFBIG."""
    fd = make_open(p, "x", b"some")
    with keeps_times(p, "x"):
        refused(Errno.EFBIG, p.fallocate, fd, 0, FILE_SIZE_MAX, 2)
        refused(Errno.EFBIG, p.fallocate, fd, 0, FILE_SIZE_MAX - 10, 20)


@cases()
def unknown_modes_are_refused(p: Posix) -> None:
    fd = make_open(p, "x", b"some")
    with keeps_times(p, "x"):
        refused(Errno.EOPNOTSUPP, p.fallocate, fd, 0x4000, 0, 2)


@cases()
def a_directory_and_a_place_have_no_range(p: Posix) -> None:
    """fallocate(2): EBADF."""
    p.mkdir("d")
    make(p, "regular", "x")
    refused(Errno.EBADF, p.fallocate, p.open("d"), 0, 0, 10)
    refused(Errno.EBADF, p.fallocate, p.open("x", O_PATH), 0, 0, 10)
    refused(Errno.EBADF, p.fallocate, p.open("x", O_RDONLY), PUNCH, 0, 10)
    p.fallocate(p.open("x", O_WRONLY), 0, 0, 10)


@cases(RANGES, needs=Feature.ZEROED_RANGES)
def a_range_becomes_zeros(p: Posix, where: tuple[int, int]) -> None:
    offset, length = where
    data = pattern(20000)
    fd = make_open(p, "x", data)
    with updates(p, fd, "mtime", "ctime"):
        p.fallocate(fd, FALLOC_FL_ZERO_RANGE, offset, length)
    end = offset + length
    padded = data.ljust(offset, b"\0")
    assert content(p, "x") == padded[:offset] + b"\0" * length + data[end:]
    p.truncate(fd, 20000)


@cases(RANGES, needs=Feature.ZEROED_RANGES)
def a_range_becomes_zeros_within_the_size(p: Posix, where: tuple[int, int]) -> None:
    offset, length = where
    data = pattern(20000)
    fd = make_open(p, "x", data)
    p.fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, length)
    expected = data[:offset] + b"\0" * length + data[offset + length :]
    assert content(p, "x") == expected[:20000]


@cases(needs=Feature.MOVED_RANGES)
def a_range_is_taken_out(p: Posix) -> None:
    data = pattern(4 * PAGE + 100)
    fd = make_open(p, "x", data)
    with updates(p, fd, "mtime", "ctime"):
        p.fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, PAGE, 2 * PAGE)
    assert content(p, "x") == data[:PAGE] + data[3 * PAGE :]


@cases(needs=Feature.MOVED_RANGES)
def a_range_is_put_in(p: Posix) -> None:
    data = pattern(2 * PAGE + 100)
    fd = make_open(p, "x", data)
    with updates(p, fd, "mtime", "ctime"):
        p.fallocate(fd, FALLOC_FL_INSERT_RANGE, PAGE, 2 * PAGE)
    assert content(p, "x") == data[:PAGE] + b"\0" * 2 * PAGE + data[PAGE:]


@cases(
    {"taken_out": FALLOC_FL_COLLAPSE_RANGE, "put_in": FALLOC_FL_INSERT_RANGE},
    needs=Feature.MOVED_RANGES,
)
def a_range_that_moves_others_is_of_whole_blocks(p: Posix, mode: int) -> None:
    """fallocate(2): EINVAL; and if it reaches the end of the file."""
    fd = make_open(p, "x", pattern(4 * PAGE))
    with keeps_times(p, "x"):
        refused(Errno.EINVAL, p.fallocate, fd, mode, 1, PAGE)
        refused(Errno.EINVAL, p.fallocate, fd, mode, 0, PAGE + 1)
        refused(Errno.EINVAL, p.fallocate, fd, mode, 4 * PAGE, PAGE)
        refused(Errno.EINVAL, p.fallocate, fd, mode, 8 * PAGE, PAGE)


@cases(needs=Feature.MOVED_RANGES)
def what_is_taken_out_leaves_something(p: Posix) -> None:
    fd = make_open(p, "x", pattern(4 * PAGE))
    with keeps_times(p, "x"):
        for length in (3 * PAGE, 4 * PAGE):
            mode = FALLOC_FL_COLLAPSE_RANGE
            refused(Errno.EINVAL, p.fallocate, fd, mode, PAGE, length)


@cases(needs=Feature.MOVED_RANGES)
def what_is_put_in_keeps_to_the_largest_size(p: Posix) -> None:
    fd = make_open(p, "x", pattern(2 * PAGE))
    mode = FALLOC_FL_INSERT_RANGE
    with keeps_times(p, "x"):
        refused(Errno.EFBIG, p.fallocate, fd, mode, PAGE, 2**63 - 2 * PAGE)


@cases(needs=Feature.ZEROED_RANGES)
def a_hole_and_zeros_do_not_go_together(p: Posix) -> None:
    """fallocate(2): EOPNOTSUPP."""
    fd = make_open(p, "x", pattern(4 * PAGE))
    with keeps_times(p, "x"):
        mode = PUNCH | FALLOC_FL_ZERO_RANGE
        refused(Errno.EOPNOTSUPP, p.fallocate, fd, mode, 0, PAGE)
