"""Zip archives that lie, are cut or are bombs: refused, and nothing is changed."""

import struct
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from zipfile import ZIP_BZIP2, ZIP_DEFLATED

import pytest
from devdev_fs import (
    PAGE_SIZE,
    ArchiveError,
    Errno,
    Fs,
    FsBase,
    FsError,
)
from devdev_fs.testing import ManualClock
from hypothesis import given
from hypothesis import strategies as st

from tests.fs.archives import (
    Sink,
    unzip,
    zip_of,
)
from tests.fs.checks import examples, refused
from tests.fs.zips import DIRECTORY_END, ENTRY, LOCAL, info, long_end, patched, zipped

MakeFs = Callable[..., FsBase]

ONE = zipped(("f", b"data" * 100))
PACKED = zipped(("f", b"data" * 100), method=ZIP_DEFLATED)
LINK = info("x", external_attr=0o120777 << 16)


HOSTILE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not a zip archive"),
    "text": (b"hello" * 100, "not a zip archive"),
    "an end alone, cut off": (b"PK\5\6" + bytes(17), "not a zip archive"),
    "cut off": (ONE[:-1], "not a zip archive"),
    "only the end": (ONE[-22:], "not where its end says"),
    "a part of several": (patched(ONE, DIRECTORY_END, 4, b"\1"), "not where its end"),
    "more members than there are": (
        patched(ONE, DIRECTORY_END, 10, b"\2"),
        "not an entry",
    ),
    "fewer members than there are": (
        patched(ONE, DIRECTORY_END, 10, b"\0"),
        "longer than its members",
    ),
    "a ZIP64 end that is none": (long_end(ONE, b"PK\6\0"), "no end of a ZIP64"),
    "a ZIP64 locator before everything": (
        struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1) + ONE[-22:],
        "no end of a ZIP64",
    ),
    "a name that leads out of the directory": (
        patched(ONE, ENTRY, 28, b"\xff\xff"),
        "leads out of the directory",
    ),
    "encrypted": (patched(ONE, ENTRY, 8, b"\1"), "encrypted"),
    "bzip2": (zipped(("f", b"x"), method=ZIP_BZIP2), "compression 12"),
    "no member": (patched(ONE, ENTRY, 42, b"\1"), "no member at byte 1"),
    "a member beyond the end": (patched(ONE, ENTRY, 42, b"\0\0\0\x70"), "no member at"),
    "another name": (patched(ONE, LOCAL, 30, b"g"), "the member at byte 0 is b'g'"),
    "a wrong checksum": (patched(ONE, ENTRY, 16, b"\0\0\0\0"), "checksum"),
    "other bytes": (patched(ONE, LOCAL, 31, b"D"), "checksum does not match"),
    "no deflate": (patched(PACKED, LOCAL, 31, b"\xff" * 4), "corrupt: "),
    "shorter than it says": (
        patched(PACKED, ENTRY, 24, b"\x91\1"),
        "400 bytes instead",
    ),
    "longer than it says": (patched(PACKED, ENTRY, 24, b"\x8f\1"), "more than its 399"),
    "stored shorter": (patched(ONE, ENTRY, 20, b"\x8f\1"), "399 bytes instead of 400"),
    "stored beyond the end": (
        patched(ONE, ENTRY, 20, b"\xff\xff"),
        "more than its 400 bytes",
    ),
    "beyond the end": (
        patched(patched(ONE, ENTRY, 24, b"\xff\xff"), ENTRY, 20, b"\xff\xff"),
        "cut off",
    ),
    "a ZIP64 size without a field": (
        patched(ONE, ENTRY, 24, b"\xff" * 4),
        "a ZIP64 field without",
    ),
    # members
    "absolute": (zipped(("/f", b"")), "absolute name"),
    "upwards": (zipped(("a/../../f", b"")), "leads upwards"),
    "upwards, a directory": (zipped(("../", b"")), "leads upwards"),
    "the top": (zipped((info("."), b"")), "only a directory"),
    "a NUL": (ONE.replace(b"f", b"\0"), "a NUL in a name"),
    "a long component": (zipped(("n" * 256, b"")), "more than 255 bytes"),
    "twice": (zipped(("f", b""), ("f", b"")), "the name comes twice"),
    "twice, otherwise written": (zipped(("f", b""), ("./f", b"")), "comes twice"),
    "a directory twice": (zipped(("d/", b""), ("d/", b"")), "comes twice"),
    "a file and a directory": (
        zipped(("d/", b""), ("d", b"")),
        "a directory of this archive",
    ),
    "through a link": (zipped((LINK, b"/etc"), ("x/f", b"")), "archive is a symlink"),
    "a link to nothing": (zipped((LINK, b"")), "its target is empty"),
    "a link of 4096 bytes": (zipped((LINK, b"t" * 4096)), "is too long"),
    "a FIFO": (zipped((info("x", external_attr=0o010644 << 16), b"")), "of kind"),
    "a device": (zipped((info("x", external_attr=0o020644 << 16), b"")), "of kind"),
    "an owner of 5 bytes": (
        zipped(
            (
                info(
                    "x",
                    extra=struct.pack(
                        "<HH12B", 0x7875, 12, 1, 5, *[9] * 5, 4, *[0] * 4
                    ),
                ),
                b"",
            )
        ),
        "no user or group number",
    ),
}


@pytest.mark.parametrize(("archive", "message"), HOSTILE.values(), ids=HOSTILE)
def test_this_is_refused_and_changes_nothing(
    fs: FsBase, archive: bytes, message: str
) -> None:
    fs.write_bytes("/there", b"")
    before = fs.image_digest()
    with pytest.raises(ArchiveError) as caught:
        unzip(fs, archive)
    assert message in str(caught.value)
    assert fs.image_digest() == before


def test_a_zip64_archive_is_read(fs: FsBase) -> None:
    unzip(fs, long_end(PACKED))
    assert fs.read_bytes("/f") == b"data" * 100


def test_an_error_says_which_member_and_where(fs: FsBase) -> None:
    archive = zipped(("good", b""), ("../bad", b""))
    with pytest.raises(ArchiveError) as caught:
        unzip(fs, archive)
    assert caught.value.member == b"../bad"
    assert caught.value.offset == archive.rindex(ENTRY)


@pytest.mark.parametrize("length", range(0, len(PACKED), 7))
def test_an_archive_that_is_cut_is_refused(length: int) -> None:
    fs = Fs()
    with pytest.raises(ArchiveError):
        unzip(fs, PACKED[:length])
    assert fs.walk() == [("/", [], [])]


def small_archive() -> bytes:
    fs = Fs(clock=ManualClock(time_ns=1))
    fs.mkdir("/d")
    fs.write_bytes("/d/f", bytes(range(200)) * 5)
    fs.symlink("d/f", "/symlink")
    return zip_of(fs)


SMALL = small_archive()


@given(
    at=st.integers(0, len(SMALL) - 1), byte=st.integers(0, 255), cut=st.integers(0, 2)
)
@examples(300)
def test_what_is_changed_in_an_archive_is_read_or_refused(
    at: int, byte: int, cut: int
) -> None:
    fs = Fs(clock=ManualClock())
    before = fs.image_digest()
    try:
        unzip(fs, SMALL[:at] + bytes([byte]) + SMALL[at + 1 + cut :])
    except (ArchiveError, FsError):
        assert fs.image_digest() == before
    fs.check_invariants()


# --- space -----------------------------------------------------------------------


def test_a_bomb_ends_at_the_quota_and_not_in_memory(make_fs: MakeFs) -> None:
    fs = make_fs(max_bytes=4 * 2**20)
    archive = zipped(("bomb", bytes(50 * 2**20)), method=ZIP_DEFLATED)
    tracemalloc.start()
    with refused(fs, Errno.ENOSPC):
        unzip(fs, archive)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * 2**20


def test_what_is_deflated_to_almost_nothing_is_whole(make_fs: MakeFs) -> None:
    """The last piece of input can give more than one piece of output."""
    for size in (2**18, 2**18 - 1, 2**18 + 1, 3 * 2**18 + 257, 5 * 2**20):
        fs = make_fs()
        unzip(fs, zipped(("f", bytes(size)), method=ZIP_DEFLATED))
        assert fs.stat("/f").size == size


def test_too_many_members_end_at_the_quota(make_fs: MakeFs) -> None:
    fs = make_fs(max_inodes=10)
    with refused(fs, Errno.ENOSPC):
        unzip(fs, zipped(*((str(number), b"") for number in range(100))))


def test_a_full_filesystem_takes_what_replaces_what_there_is(make_fs: MakeFs) -> None:
    fs = make_fs(max_bytes=PAGE_SIZE, max_inodes=2)
    fs.write_bytes("/f", b"x")
    unzip(fs, zipped(("f", b"y" * PAGE_SIZE)))
    assert fs.read_bytes("/f") == b"y" * PAGE_SIZE


def noise(size: int) -> Iterator[bytes]:
    state = b"seed"
    for _ in range(size // 2**16):
        state = zlib.crc32(state).to_bytes(4, "big")
        yield state * 2**14


@pytest.mark.parametrize("compress", [False, True])
def test_writing_takes_memory_for_a_piece_and_not_for_the_tree(compress: bool) -> None:
    fs = Fs()
    with fs.open("/f", "w") as file:
        for part in noise(60 * 2**20):
            file.write(part)
    sink = Sink()
    tracemalloc.start()
    fs.write_zip(sink, compress=compress)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(sink.sizes) > (0 if compress else 60 * 2**20)
    assert peak < 5 * 2**20
