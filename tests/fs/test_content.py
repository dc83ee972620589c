"""Bytes of a file: reading, writing, holes; against a model that is a bytearray."""

from array import array
from collections.abc import Callable

import pytest
from devdev_fs import PAGE_SIZE, ROOT_INO, Errno, Fs, FsBase, Ino, Kind, SetAttr
from hypothesis import given
from hypothesis import strategies as st

from tests.fs.checks import examples, ino_of, refused

MakeFs = Callable[..., FsBase]
SIZE_MAX = 2**63 - 1


@pytest.fixture
def ino(fs: FsBase) -> Ino:
    return fs.inodes.create(ROOT_INO, b"f").ino


def test_a_file_reads_back_what_was_written(fs: FsBase, ino: Ino) -> None:
    assert fs.inodes.write(ino, 0, b"hello") == 5
    assert fs.inodes.read(ino, 0, 100) == b"hello"
    assert fs.inodes.read(ino, 1, 3) == b"ell"
    assert fs.inodes.read(ino, 5, 10) == b""
    assert fs.inodes.read(ino, 10**18, 10) == b""
    assert fs.inodes.read(ino, 0, 0) == b""


def test_what_lies_between_the_end_and_a_write_reads_as_zeros(
    fs: FsBase, ino: Ino
) -> None:
    fs.inodes.write(ino, 0, b"a")
    fs.inodes.write(ino, 3 * PAGE_SIZE, b"b")
    assert fs.read_bytes("/f") == b"a" + bytes(3 * PAGE_SIZE - 1) + b"b"
    assert fs.stat("/f").blocks == 2 * PAGE_SIZE // 512


def test_a_hole_costs_nothing(fs: FsBase, ino: Ino) -> None:
    fs.truncate("/f", SIZE_MAX)
    assert fs.stat("/f").size == SIZE_MAX
    assert (fs.stat("/f").blocks, fs.bytes_used) == (0, 0)
    fs.inodes.write(ino, SIZE_MAX - 1, b"x")
    assert fs.bytes_used == PAGE_SIZE
    assert fs.inodes.read(ino, SIZE_MAX - 3, 10) == b"\0\0x"
    fs.truncate("/f", 0)
    assert fs.bytes_used == 0


def test_what_was_cut_off_does_not_come_back(fs: FsBase, ino: Ino) -> None:
    fs.write_bytes("/f", b"x" * 2 * PAGE_SIZE)
    fs.truncate("/f", 10)
    assert fs.bytes_used == PAGE_SIZE
    fs.truncate("/f", 2 * PAGE_SIZE)
    assert fs.read_bytes("/f") == b"x" * 10 + bytes(2 * PAGE_SIZE - 10)
    fs.inodes.write(ino, 20, b"y")
    assert fs.inodes.read(ino, 8, 14) == b"xx" + bytes(10) + b"y\0"


@pytest.mark.parametrize("pages", [1, 100])
def test_cutting_a_huge_sparse_file_costs_as_much_as_it_holds(
    fs: FsBase, ino: Ino, pages: int
) -> None:
    for number in range(pages):
        fs.inodes.write(ino, number * 2**40, b"x")
    fs.truncate("/f", 1)
    assert fs.bytes_used == PAGE_SIZE


def test_no_bytes_are_no_write(fs: FsBase, ino: Ino) -> None:
    before = fs.image_digest()
    assert fs.inodes.write(ino, 100, b"") == 0
    assert fs.inodes.write(ino, 2**70, b"") == 0
    assert fs.inodes.append(ino, b"") == 0
    assert fs.image_digest() == before


def test_appending_returns_where_it_put_the_bytes(fs: FsBase, ino: Ino) -> None:
    assert fs.inodes.append(ino, b"abc") == 0
    assert fs.inodes.append(ino, b"de") == 3
    fs.truncate("/f", 100)
    assert fs.inodes.append(ino, b"!") == 100
    assert fs.stat("/f").size == 101


def test_the_largest_file_ends_at_2_to_63(fs: FsBase, ino: Ino) -> None:
    fs.inodes.write(ino, SIZE_MAX - 1, b"x")
    with refused(fs, Errno.EFBIG):
        fs.inodes.write(ino, SIZE_MAX - 1, b"xx")
    with refused(fs, Errno.EFBIG):
        fs.inodes.append(ino, b"x")
    with refused(fs, Errno.EFBIG):
        fs.inodes.write(ino, 2**100, b"x")


@pytest.mark.parametrize("kind", [Kind.FIFO, Kind.SOCKET, Kind.BLOCK_DEVICE])
def test_there_is_nothing_to_read_behind_other_kinds(fs: FsBase, kind: Kind) -> None:
    ino = fs.inodes.mknod(ROOT_INO, b"x", kind | 0o600).ino
    for call in (
        lambda: fs.inodes.read(ino, 0, 1),
        lambda: fs.inodes.write(ino, 0, b"x"),
        lambda: fs.inodes.append(ino, b"x"),
        lambda: fs.read_bytes("/x"),
        lambda: fs.write_bytes("/x", b""),
        lambda: fs.append("/x", b""),
    ):
        with refused(fs, Errno.EINVAL):
            call()


def test_a_directory_has_no_bytes(fs: FsBase) -> None:
    for call in (
        lambda: fs.inodes.read(ROOT_INO, 0, 1),
        lambda: fs.inodes.write(ROOT_INO, 0, b"x"),
        lambda: fs.inodes.append(ROOT_INO, b"x"),
        lambda: fs.read_bytes("/"),
        lambda: fs.write_bytes("/", b""),
        lambda: fs.append("/", b""),
    ):
        with refused(fs, Errno.EISDIR):
            call()


BUFFERS = [
    b"\1\0\0\0\2\0\0\0",
    bytearray(b"\1\0\0\0\2\0\0\0"),
    memoryview(b"\1\0\0\0\2\0\0\0"),
    memoryview(b"\1.\0.\0.\0.\2.\0.\0.\0.")[::2],
    memoryview(array("I", [1, 2])),
    memoryview(b"\1\0\0\0\2\0\0\0").cast("B", (2, 4)),
]


@pytest.mark.parametrize("data", BUFFERS)
def test_any_buffer_is_written_byte_for_byte(
    fs: FsBase, ino: Ino, data: bytes | bytearray | memoryview
) -> None:
    expected = b"\1\0\0\0\2\0\0\0"
    assert fs.inodes.write(ino, 0, data) == 8
    assert fs.inodes.append(ino, data) == 8
    with fs.open("/f", "a") as file:
        assert file.write(data) == 8
        assert file.tell() == 24
    assert fs.read_bytes("/f") == expected * 3


def test_what_was_written_stays_when_the_buffer_changes(fs: FsBase, ino: Ino) -> None:
    data = bytearray(b"x" * 2 * PAGE_SIZE)
    fs.inodes.write(ino, 0, data)
    data[:] = bytes(len(data))
    assert fs.read_bytes("/f") == b"x" * 2 * PAGE_SIZE


def test_chunks_join_to_what_read_gives(fs: FsBase, ino: Ino) -> None:
    content = bytes(range(256)) * 40
    fs.inodes.write(ino, 0, content)
    whole = content
    for write_at in (5 * PAGE_SIZE, 100 * PAGE_SIZE):
        for offset, size in [
            (0, 9999999),
            (1, 5000),
            (4096, 4096),
            (4095, 2),
            (9000, 9000),
            (60 * PAGE_SIZE + 1, 20 * PAGE_SIZE),
            (70 * PAGE_SIZE, 1),
        ]:
            chunks = fs.inodes.read_chunks(ino, offset, size)
            assert b"".join(chunks) == whole[offset : offset + size]
            assert fs.inodes.read(ino, offset, size) == whole[offset : offset + size]
        fs.inodes.write(ino, write_at, b"end")
        whole = whole.ljust(write_at, b"\0") + b"end"


def test_several_files_are_read_at_once(fs: FsBase) -> None:
    fs.mkdir("/directory")
    inos = [fs.stat("/directory").ino, Ino(10**6)]
    for name, content in (("a", b"first"), ("b", b""), ("c", b"third"), ("d", b"4")):
        fs.write_bytes(f"/{name}", content)
        inos.append(ino_of(fs, f"/{name}"))
    read = fs.inodes.read_files
    assert read(inos, 100, 100) == [None, None, b"first", b"", b"third", b"4"]
    assert read(inos, 2, 100) == [None, None, b"fi", b"", b"th", b"4"]
    assert read([], 100, 100) == []


def test_reading_several_files_ends_with_the_one_that_is_enough(fs: FsBase) -> None:
    for name in "abc":
        fs.write_bytes(f"/{name}", b"12345")
    inos = [ino_of(fs, f"/{name}") for name in "abc"]
    assert fs.inodes.read_files(inos, 100, 6) == [b"12345", b"12345"]
    assert fs.inodes.read_files(inos, 100, 5) == [b"12345"]
    assert fs.inodes.read_files(inos, 100, 0) == [b"12345"]


def test_what_is_read_as_it_is_held_is_not_copied() -> None:
    fs = Fs()
    content = bytes(range(256)) * 2048
    fs.write_bytes("/f", content)
    ino = ino_of(fs, "/f")
    first, last = fs.inodes.read_chunks(ino, 0, len(content))
    assert fs.inodes.read(ino, 0, len(content) // 2) is first
    fs.inodes.write(ino, len(content) - 1, b"x")
    pages = fs.inodes.read_chunks(ino, 0, len(content))
    again = fs.inodes.read_chunks(ino, 2**18, len(content))
    assert pages[0] is first
    assert pages[1:-1] == [
        last[at : at + PAGE_SIZE] for at in range(0, 63 * 4096, 4096)
    ]
    assert all(one is other for one, other in zip(pages[1:], again, strict=True))


def test_a_small_file_is_kept_as_the_bytes_that_were_given() -> None:
    fs = Fs()
    content = b"x" * 5000
    fs.write_bytes("/f", content)
    assert fs.read_bytes("/f") is content
    with fs.open("/f", "r+") as file:
        file.seek(4999)
        file.write(b"y")
    assert fs.read_bytes("/f") == b"x" * 4999 + b"y"
    assert content == b"x" * 5000


def test_one_read_returns_what_linux_lets_it_at_most() -> None:
    """read(2): at most 0x7ffff000 bytes; a hole can be longer than memory."""
    fs = Fs()
    fs.write_bytes("/f", b"")
    fs.truncate("/f", 2**62)
    chunks = fs.inodes.read_chunks(ino_of(fs, "/f"), 0, 2**62)
    assert sum(map(len, chunks)) == 0x7FFFF000


def test_a_file_too_long_for_one_read_is_not_read_in_one(fs: FsBase) -> None:
    fs.write_bytes("/f", b"")
    fs.truncate("/f", 0x7FFFF000 + 1)
    with refused(fs, Errno.EFBIG):
        fs.read_bytes("/f")
    with refused(fs, Errno.EFBIG), fs.open("/f") as file:
        file.read()


def test_a_file_longer_than_what_is_wanted_is_not_read(fs: FsBase) -> None:
    fs.write_bytes("/f", b"12345")
    assert fs.read_bytes("/f", 5) == b"12345"
    with refused(fs, Errno.EFBIG):
        fs.read_bytes("/f", 4)


# --- against a model -------------------------------------------------------------

LIMIT = 6 * PAGE_SIZE
offsets = st.one_of(
    st.integers(0, LIMIT),
    st.builds(
        lambda page, delta: max(page * PAGE_SIZE + delta, 0),
        st.integers(0, 5),
        st.integers(-2, 2),
    ),
)
lengths = st.one_of(
    st.integers(0, 10),
    st.sampled_from([PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1, 2 * PAGE_SIZE]),
)
steps = st.lists(
    st.tuples(
        st.sampled_from(["write", "append", "truncate", "read", "replace", "restore"]),
        offsets,
        lengths,
        st.sampled_from([b"x", b"\0", b"ab\0"]),
    ),
    max_size=12,
)


def pages_of(model: bytearray, written: set[int]) -> int:
    """How many pages hold content: those written that are not cut off."""
    return sum(page * PAGE_SIZE < len(model) for page in written)


@examples(60)
@given(steps=steps)
def test_a_file_behaves_as_a_bytearray_does(
    fs: FsBase, steps: list[tuple[str, int, int, bytes]]
) -> None:
    fs.write_bytes("/f", b"")
    ino = ino_of(fs, "/f")
    model, written = bytearray(), set[int]()

    def put(offset: int, data: bytes) -> None:
        model.extend(bytes(max(offset - len(model), 0)))
        model[offset : offset + len(data)] = data
        last = offset + len(data) - 1
        written.update(range(offset // PAGE_SIZE, last // PAGE_SIZE + 1))

    for step, offset, length, pattern in steps:
        data = (pattern * length)[:length]
        if step == "write":
            fs.inodes.write(ino, offset, data)
            if data:
                put(offset, data)
        elif step == "append":
            assert fs.inodes.append(ino, data) == len(model)
            if data:
                put(len(model), data)
        elif step == "truncate":
            fs.inodes.setattr(ino, SetAttr(size=offset))
            del model[offset:]
            written = {page for page in written if page * PAGE_SIZE < offset}
            model.extend(bytes(offset - len(model)))
        elif step == "read":
            got = fs.inodes.read(ino, offset, length)
            assert got == model[offset : offset + length]
        elif step == "replace":
            fs.write_bytes("/f", data)
            model, written = bytearray(), set()
            if data:
                put(0, data)
        else:
            fs.load(fs.dump())
        stat = fs.inodes.getattr(ino)
        assert stat.size == len(model)
        assert stat.blocks * 512 == pages_of(model, written) * PAGE_SIZE
        assert fs.bytes_used == stat.blocks * 512
    assert fs.read_bytes("/f") == model
    fs.check_invariants()
