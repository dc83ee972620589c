"""dump_to and load_from: in pieces, with little held."""

import tracemalloc
from collections.abc import Callable
from io import BytesIO

import pytest
from devdev_fs import Fs, FsBase, SnapshotError
from devdev_fs.testing import ManualClock

from tests.fs.hostile import GOOD
from tests.fs.vectors import populate

MakeFs = Callable[..., FsBase]
MIB = 2**20


class Trickle:
    """A file that gives a few bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        self._file = BytesIO(data)
        self._size = size

    def read(self, size: int = -1) -> bytes:
        return self._file.read(self._size if size >= 0 else -1)


class Sink:
    """A file that counts what is written, and keeps none of it."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def write(self, data: bytes) -> int:
        self.sizes.append(len(data))
        return len(data)


def test_a_file_gets_what_dump_returns(fs: FsBase) -> None:
    populate(fs)
    fs.write_bytes("/large", bytes(range(256)) * 3_000)
    point = fs.checkpoint("one")
    fs.mkdir("/new")
    for options in ({}, {"history": True}, {"since": point}):
        file = BytesIO()
        fs.dump_to(file, **options)
        assert file.getvalue() == fs.dump(**options)


@pytest.mark.parametrize("size", [1, 7, 4_096, MIB])
def test_it_does_not_matter_in_which_pieces_it_comes(
    make_fs: MakeFs, size: int
) -> None:
    # One of its own, which has given no number yet.
    fs = make_fs(clock=ManualClock())
    with fs.fork() as other:
        populate(other)
        if size > 7:
            other.set_limits(max_bytes=2**30)
            other.write_bytes("/large", bytes(range(256)) * 12_000)
        other.checkpoint("one")
        snapshot = other.dump(history=True)
    fs.load_from(Trickle(snapshot, size))
    assert fs.dump(history=True) == snapshot


def test_a_file_that_ends_early_changes_nothing(fs: FsBase) -> None:
    populate(fs)
    before = fs.dump()
    for length in range(0, len(GOOD), 5):
        with pytest.raises(SnapshotError, match="byte"):
            fs.load_from(Trickle(GOOD[:length], 64))
    assert fs.dump() == before


def test_ceilings_hold_for_files_too(fs: FsBase) -> None:
    with pytest.raises(SnapshotError, match="at most 5 may be"):
        fs.load_from(BytesIO(GOOD), max_inodes=5)
    with pytest.raises(SnapshotError, match="12288 bytes in pages, and at most 8192"):
        fs.load_from(BytesIO(GOOD), max_bytes=2 * 4_096)
    fs.load_from(BytesIO(GOOD), max_bytes=3 * 4_096, max_inodes=6)
    assert fs.dump() == GOOD


def large() -> Fs:
    """64 MiB in one file, none of it twice, and many names."""
    fs = Fs()
    for block in range(256):
        fs.append("/large", b"%d " % block * (2**18 // len(b"%d " % block)))
    for number in range(2_000):
        fs.mkdir(f"/{number}")
    return fs


def peak_of(call: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_dump_holds_no_more_than_a_few_blocks() -> None:
    fs, sink = large(), Sink()
    assert peak_of(lambda: fs.dump_to(sink)) < 4 * MIB
    assert max(sink.sizes) < 2 * MIB
    assert sum(sink.sizes) > 63 * MIB


def test_a_load_holds_no_more_than_what_it_makes_and_a_few_blocks() -> None:
    file = BytesIO()
    large().dump_to(file)
    file.seek(0)
    fs = Fs()
    assert peak_of(lambda: fs.load_from(file)) < 64 * MIB + 12 * MIB


def test_a_load_of_bytes_copies_no_content_and_reading_keeps_none() -> None:
    made, fs = large(), Fs()
    snapshot = made.dump()
    assert peak_of(lambda: fs.load(snapshot)) < 8 * MIB

    def read_all() -> None:
        with made.open("/large") as one, fs.open("/large") as other:
            while piece := one.read(MIB):
                assert other.read(MIB) == piece

    assert peak_of(read_all) < 4 * MIB


def test_what_was_loaded_stays_as_it_was_whoever_has_the_bytes() -> None:
    """Of a buffer that can change a copy is taken."""
    content = bytes(range(1, 256)) * 300
    with Fs() as made:
        made.write_bytes("/f", content)
        made.write_bytes("/short", content[:100])
        buffer = bytearray(made.dump())
    fs = Fs()
    fs.load(buffer)  # type: ignore[arg-type]
    buffer[:] = bytes(len(buffer))
    twin = fs.fork()
    assert fs.read_bytes("/f") == content
    ino = fs.stat("/f").ino
    assert fs.inodes.read(ino, 4_000, 200) == content[4_000:4_200]
    fs.inodes.write(ino, 4_000, b"new")
    assert fs.read_bytes("/f") == content[:4_000] + b"new" + content[4_003:]
    assert twin.read_bytes("/f") == content
    assert twin.read_bytes("/short") == content[:100]
    for each in (fs, twin):
        each.check_invariants()


def test_a_change_that_comes_too_late_is_refused() -> None:
    """What it goes on from has changed while it was read."""
    fs = Fs()
    with fs.fork() as other:
        point = other.checkpoint("")
        other.mkdir("/d")
        change = BytesIO(other.dump(since=point))

    class Meanwhile:
        def read(self, size: int, /) -> bytes:
            data = change.read(size)
            if not data:
                fs.mkdir("/meanwhile")
            return data

    with pytest.raises(SnapshotError, match="changed while"):
        fs.load_from(Meanwhile())
    assert fs.listdir() == ["meanwhile"]
