"""mmap: a file as memory, and read and write beside it."""

from tests.posix.abi import O_RDONLY, O_RDWR, O_WRONLY, PAGE, Errno
from tests.posix.cases.content import pattern
from tests.posix.cases.sizes import PUNCH
from tests.posix.checks import content, make_file, make_open, refused
from tests.posix.protocol import Feature, Kernel
from tests.posix.table import Cases

cases = Cases("mapping")


@cases(needs=Feature.MAPPING)
def a_map_shows_the_content(p: Kernel) -> None:
    data = pattern(3 * PAGE + 100)
    mapped = p.mmap(make_open(p, "x", data), len(data))
    assert mapped[:] == data


@cases(needs=Feature.MAPPING)
def what_is_written_to_memory_is_read(p: Kernel) -> None:
    fd = make_open(p, "x", pattern(3 * PAGE))
    mapped = p.mmap(fd, 3 * PAGE)
    mapped[PAGE - 2 : PAGE + 2] = b"over"
    assert p.pread(fd, 4, PAGE - 2) == b"over"
    assert content(p, "x")[PAGE - 2 : PAGE + 2] == b"over"


@cases(needs=Feature.MAPPING)
def what_is_written_to_the_file_is_in_memory(p: Kernel) -> None:
    fd = make_open(p, "x", pattern(3 * PAGE))
    mapped = p.mmap(fd, 3 * PAGE)
    assert mapped[0] == pattern(1)[0]
    p.pwrite(fd, b"over", PAGE - 2)
    assert mapped[PAGE - 2 : PAGE + 2] == b"over"
    other = p.open("x", O_WRONLY)
    p.write(other, b"begin")
    assert mapped[:5] == b"begin"


@cases(needs=Feature.MAPPING)
def writing_to_memory_and_file_in_turns(p: Kernel) -> None:
    fd = make_open(p, "x", b"." * 2 * PAGE)
    mapped = p.mmap(fd, 2 * PAGE)
    expected = bytearray(b"." * 2 * PAGE)
    for at in range(0, 2 * PAGE - 10, 77):
        mapped[at : at + 3] = b"map"
        expected[at : at + 3] = b"map"
        p.pwrite(fd, b"file", at + 5)
        expected[at + 5 : at + 9] = b"file"
        assert mapped[:] == expected
    assert content(p, "x") == expected


@cases(needs=Feature.MAPPING)
def two_maps_are_one(p: Kernel) -> None:
    first = p.mmap(make_open(p, "x", pattern(PAGE)), PAGE)
    second = p.mmap(p.open("x", O_RDWR), PAGE)
    first[:5] = b"first"
    second[5:11] = b"second"
    assert first[:11] == second[:11] == b"firstsecond"


@cases(needs=Feature.MAPPING)
def a_private_map_keeps_to_itself(p: Kernel) -> None:
    data = pattern(PAGE)
    fd = make_open(p, "x", data)
    mapped = p.mmap(fd, PAGE, shared=False)
    mapped[:4] = b"mine"
    assert content(p, fd) == data
    p.pwrite(fd, b"file", 0)
    assert mapped[:4] == b"mine"


@cases(needs=Feature.MAPPING)
def a_map_outlives_descriptor_and_name(p: Kernel) -> None:
    fd = make_open(p, "x", b"." * PAGE)
    p.link("x", "y")
    mapped = p.mmap(fd, PAGE)
    p.close(fd)
    p.unlink("x")
    mapped[:4] = b"some"
    assert content(p, "y")[:4] == b"some"
    p.unlink("y")
    mapped[4:8] = b"more"
    assert mapped[:8] == b"somemore"


@cases(needs=Feature.MAPPING)
def a_hole_is_zeros_until_it_is_written(p: Kernel) -> None:
    fd = make_open(p, "x")
    p.truncate(fd, 8 * PAGE)
    mapped = p.mmap(fd, 8 * PAGE)
    assert mapped[5 * PAGE : 6 * PAGE] == b"\0" * PAGE
    mapped[5 * PAGE] = 1
    mapped.flush()
    assert p.pread(fd, 2, 5 * PAGE) == b"\1\0"
    assert 0 < p.fstat(fd).blocks * 512 <= 2 * PAGE


@cases(needs=Feature.MAPPING)
def what_lies_behind_the_end_is_not_written(p: Kernel) -> None:
    """mmap(2): what is changed in the last page behind the end is not in the file."""
    fd = make_open(p, "x", b"some")
    mapped = p.mmap(fd, 4)
    mapped[:4] = b"more"
    mapped.flush()
    assert (p.fstat(fd).size, content(p, "x")) == (4, b"more")


@cases(needs=Feature.MAPPING)
def a_longer_file_is_mapped_further(p: Kernel) -> None:
    fd = make_open(p, "x", b"." * PAGE)
    p.truncate(fd, 2 * PAGE)
    mapped = p.mmap(fd, 2 * PAGE)
    p.truncate(fd, 100)
    p.truncate(fd, 2 * PAGE)
    assert mapped[:] == (b"." * 100).ljust(2 * PAGE, b"\0")


@cases(needs=Feature.MAPPING)
def a_hole_that_is_punched_shows_in_memory(p: Kernel) -> None:
    fd = make_open(p, "x", b"." * 4 * PAGE)
    mapped = p.mmap(fd, 4 * PAGE)
    mapped[PAGE] = 1
    p.fallocate(fd, PUNCH, PAGE, 2 * PAGE)
    assert mapped[:] == b"." * PAGE + b"\0" * 2 * PAGE + b"." * PAGE


@cases(needs=Feature.MAPPING)
def writing_back_stamps_the_file(p: Kernel) -> None:
    """POSIX mmap(): mtime and ctime, between the write and msync()."""
    fd = make_open(p, "x", b"." * PAGE)
    before = p.fstat(fd)
    p.tick()
    mapped = p.mmap(fd, PAGE)
    mapped[:4] = b"some"
    mapped.flush()
    after = p.fstat(fd)
    assert after.mtime > before.mtime
    assert after.ctime > before.ctime


@cases(needs=Feature.MAPPING)
def a_map_asks_how_the_file_is_open(p: Kernel) -> None:
    """mmap(2): EACCES; ENODEV of a directory."""
    make_file(p, "x", b"." * PAGE)
    refused(Errno.EACCES, p.mmap, p.open("x", O_RDONLY), PAGE)
    refused(Errno.EACCES, p.mmap, p.open("x", O_WRONLY), PAGE)
    p.mmap(p.open("x", O_RDONLY), PAGE, shared=False)
    p.mkdir("d")
    refused(Errno.ENODEV, p.mmap, p.open("d"), PAGE, shared=False)
