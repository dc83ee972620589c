"""Tar archives that lie, are cut or are bombs: refused, and nothing is changed."""

import tracemalloc
from collections.abc import Callable, Iterator

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
    Endless,
    Sink,
    tar_of,
    untar,
)
from tests.fs.checks import examples, refused
from tests.fs.tars import (
    BLOCK,
    END,
    SPARSE,
    gnu_sparse,
    header,
    member,
    padded,
    pax,
    sparse,
)

MakeFs = Callable[..., FsBase]

LINK_OUT = header(b"x", type=b"2", link=b"/tmp")
LONG = b"x" * 2**20


HOSTILE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "byte 0: the archive is cut off"),
    "zeros": (bytes(BLOCK), "cut off: it ends at byte 512"),
    "no end": (header(), "byte 512: the archive is cut off"),
    "half an end": (header() + bytes(BLOCK), "cut off"),
    "a hole": (header() + bytes(BLOCK) + header(), "zeros that is not the end"),
    "text": (b"hello world\n" * 99, "no octal number"),
    "gzip": (b"\x1f\x8b" + bytes(BLOCK), "gzip.open"),
    "a wrong checksum": (header(checksum=7) + END, "the checksum does not match"),
    "a size that is no number": (header(size=b"zzz") + END, "no octal number"),
    "a negative size": (header(size=b"\xff" * 12) + END, "a size of -1"),
    "a huge size": (header(size=b"\x80" + b"\xff" * 11) + END, "a size of"),
    "cut in its content": (member(b"f", b"x" * 999)[:-BLOCK], "ends at byte 1024"),
    "cut in its padding": (member(b"f", b"x" * 999)[:-9], "cut off"),
    "a device number of base 256": (
        header(type=b"3", device=(b"\xff" * 8, 0)) + END,
        "no device number",
    ),
    "type A": (header(type=b"A") + END, "type b'A'"),
    "a negative owner": (header(uid=b"\xff" * 8) + END, "no user or group number"),
    "an owner of 33 bits": (pax((b"uid", b"4294967296")) + header() + END, "no user"),
    # names
    "absolute": (header(b"/etc/passwd") + END, "absolute name"),
    "absolute in a record": (pax((b"path", b"/x")) + header() + END, "absolute name"),
    "upwards": (header(b"../x") + END, "leads upwards"),
    "upwards within": (header(b"a/../../x") + END, "leads upwards"),
    "upwards at the end": (header(b"a/..", type=b"5") + END, "leads upwards"),
    "upwards in a prefix": (header(b"x", prefix=b"..") + END, "leads upwards"),
    "a NUL": (pax((b"path", b"a\0b")) + header() + END, "a NUL"),
    "a name of 256 bytes": (pax((b"path", b"n" * 256)) + header() + END, "255 bytes"),
    "a file at the top": (header(b"./.") + END, "only a directory"),
    "a link at the top": (header(b"", type=b"2", link=b"x") + END, "only a directory"),
    "through a link": (LINK_OUT + header(b"x/f") + END, "'x' in this archive is a sym"),
    "a directory through a link": (
        LINK_OUT + header(b"x/", type=b"5") + END,
        "in this archive is a symlink",
    ),
    "through a file": (header(b"f") + header(b"f/g") + END, "archive is a regular"),
    "a hard link through a link": (
        LINK_OUT + header(b"y", type=b"1", link=b"x/passwd") + END,
        "no file of the archive",
    ),
    "a file in place of a directory": (
        header(b"d/f") + header(b"d") + END,
        "a directory of this archive",
    ),
    # links
    "a hard link out": (
        header(b"y", type=b"1", link=b"../f") + END,
        "leads upwards",
    ),
    "a hard link to an absolute name": (
        header(b"y", type=b"1", link=b"/f") + END,
        "absolute name",
    ),
    "a hard link to nothing": (
        header(b"y", type=b"1", link=b"f") + END,
        "no file of the archive before it",
    ),
    "a hard link to what is there": (
        header(b"y", type=b"1", link=b"there") + END,
        "no file of the archive before it",
    ),
    "a hard link to a directory": (
        header(b"d", type=b"5") + header(b"y", type=b"1", link=b"d") + END,
        "no file of the archive before it",
    ),
    "a symlink to nothing": (header(type=b"2") + END, "its target is empty"),
    "a symlink with a NUL": (
        pax((b"linkpath", b"a\0b")) + header(type=b"2") + END,
        "has a NUL",
    ),
    "a symlink of 4096 bytes": (
        pax((b"linkpath", b"t" * 4096)) + header(type=b"2") + END,
        "too long",
    ),
    # extended headers
    "an extended header alone": (pax((b"path", b"p")) + END, "without a member"),
    "no record": (member(b"p", b"hello", type=b"x") + END, "no length of a record"),
    "a record without a key": (member(b"p", b"5 =x\n", type=b"x") + END, "no record"),
    "a record without a value": (member(b"p", b"4 x\n", type=b"x") + END, "no record"),
    "a record without an end": (member(b"p", b"5 x=y", type=b"x") + END, "no record"),
    "a record of length 0": (member(b"p", b"0 x=\n", type=b"x") + END, "no record"),
    "a record too long": (member(b"p", b"9 x=y\n", type=b"x") + END, "no record"),
    "a header of 2 MiB": (member(b"p", LONG * 2, type=b"x") + END, "is the limit"),
    "a name of 2 MiB": (member(b"p", LONG * 2, type=b"L") + END, "is the limit"),
    "a header of exabytes": (
        header(type=b"x", size=b"\x80" + b"\x7f" * 11) + END,
        "is the limit",
    ),
    "an mtime in words": (
        pax((b"mtime", b"now")) + header() + END,
        "b'now' is no time",
    ),
    "an atime in words": (
        pax((b"atime", b"nan")) + header() + END,
        "b'nan' is no time",
    ),
    "a size in words": (pax((b"size", b"1e9")) + header() + END, "size is b'1e9'"),
    "a size of many digits": (pax((b"size", b"9" * 5000)) + header() + END, "size is"),
    "a long xattr": (
        pax((b"SCHILY.xattr.user.x", b"v" * 65537)) + header() + END,
        "the extended attribute b'user.x'",
    ),
    "an xattr that a link cannot have": (
        pax((b"SCHILY.xattr.user.x", b"v")) + header(type=b"2", link=b"x") + END,
        "the extended attribute b'user.x'",
    ),
    # sparse files
    "another sparse format": (
        pax((b"GNU.sparse.map", b"0,1"), (b"GNU.sparse.size", b"9")) + header() + END,
        "other than GNU's 1.0",
    ),
    "a list without an end": (sparse(b"9\n0\n1\n"), "no end"),
    "a list of one long number": (sparse(b"1" * 600), "no end"),
    "a list of words": (sparse(b"one\n"), "b'one' in the list"),
    "a list of long numbers": (sparse(b"1\n%d\n1\n" % 10**19), "in the list"),
    "parts that overlap": (sparse(b"2\n0\n9\n5\n9\n", b"x" * 18), "overlap"),
    "parts that descend": (sparse(b"2\n9\n9\n0\n9\n", b"x" * 18), "descend"),
    "parts beyond the end": (sparse(b"1\n99\n9\n", b"x" * 9), "in a file of 100"),
    "less than its parts": (sparse(b"1\n0\n9\n", b"x"), "1 bytes stored and 9"),
    "more than its parts": (sparse(b"1\n0\n1\n", b"x" * 9), "9 bytes stored and 1"),
    "no size": (
        pax(*SPARSE) + member(b"f", padded(b"0\n")) + END,
        "in a file of -1 bytes",
    ),
    "too many parts": (sparse(b"1048577\n"), "in more than 1048576"),
    "old parts that overlap": (gnu_sparse([(0, 4), (2, 4)], b"x" * 8, 99), "overlap"),
    "old parts beyond the end": (gnu_sparse([(98, 4)], b"x" * 4, 99), "in a file of"),
    "an old list of words": (
        header(type=b"S", magic=b"ustar  \0", rest=b"zzz".ljust(12) + b"0" * 12) + END,
        "no octal number",
    ),
    "an old size in words": (
        header(type=b"S", rest=bytes(97) + b"zzz") + END,
        "no octal number",
    ),
    "an old offset below 0": (
        header(type=b"S", rest=b"\xff" * 12 + b"00000000001\0") + END,
        "an offset or a length of -1",
    ),
}


@pytest.mark.parametrize(("archive", "message"), HOSTILE.values(), ids=HOSTILE)
def test_this_is_refused_and_changes_nothing(
    fs: FsBase, archive: bytes, message: str
) -> None:
    fs.write_bytes("/there", b"")
    before = fs.image_digest()
    with pytest.raises(ArchiveError) as caught:
        untar(fs, archive, devices=True)
    assert message in str(caught.value)
    assert fs.image_digest() == before


def test_an_error_says_which_member_and_where(fs: FsBase) -> None:
    archive = member(b"good", b"x") + pax((b"uid", b"0")) + header(b"a/../b") + END
    with pytest.raises(ArchiveError) as caught:
        untar(fs, archive)
    error = caught.value
    assert (error.member, error.offset) == (b"a/../b", 1024)
    assert str(error) == "byte 1024: b'a/../b': b'a/../b' leads upwards"


def small_archive() -> bytes:
    fs = Fs(clock=ManualClock(time_ns=1))
    fs.mkdir("/d")
    fs.write_bytes("/d/f", b"x" * 600)
    fs.link("/d/f", "/link")
    fs.truncate("/d/f", 100_000)
    fs.symlink("d/f", "/symlink")
    return tar_of(fs)


SMALL = small_archive()


@pytest.mark.parametrize("length", range(0, len(SMALL.rstrip(b"\0")), 97))
def test_an_archive_that_is_cut_is_refused(length: int) -> None:
    fs = Fs()
    with pytest.raises(ArchiveError):
        untar(fs, SMALL[:length])
    assert fs.walk() == [("/", [], [])]


@given(
    at=st.integers(0, len(SMALL) - 1), byte=st.integers(0, 255), cut=st.integers(0, 600)
)
@examples(300)
def test_what_is_changed_in_an_archive_is_read_or_refused(
    at: int, byte: int, cut: int
) -> None:
    fs = Fs(clock=ManualClock())
    before = fs.image_digest()
    try:
        untar(fs, SMALL[:at] + bytes([byte]) + SMALL[at + 1 + cut % 3 :], devices=True)
    except (ArchiveError, FsError):
        assert fs.image_digest() == before
    fs.check_invariants()


@given(data=st.binary(max_size=2000), plan=st.lists(st.integers(0, 7), max_size=8))
@examples(100)
def test_anything_is_read_or_refused(data: bytes, plan: list[int]) -> None:
    fs = Fs()
    parts = [member(b"f", data, type=bytes([b"0xgLKS25"[number]])) for number in plan]
    try:
        untar(fs, b"".join(parts) + END)
    except (ArchiveError, FsError):
        assert fs.walk() == [("/", [], [])]
    fs.check_invariants()


# --- space -----------------------------------------------------------------------


def zeros(size: int) -> Iterator[bytes]:
    """An archive of one file of so many zeros; it has no end."""
    yield header(b"bomb", size=b"\x80" + size.to_bytes(11, "big"))
    while True:
        yield bytes(2**20)


def test_a_bomb_ends_at_the_quota_and_not_in_memory() -> None:
    fs = Fs(max_bytes=4 * 2**20)
    fs.write_bytes("/full", bytes(2 * 2**20))
    tracemalloc.start()
    with refused(fs, Errno.ENOSPC):
        fs.read_tar(Endless(zeros(2**50)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * 2**20


def test_too_many_members_end_at_the_quota(make_fs: MakeFs) -> None:
    fs = make_fs(max_inodes=10)
    parts = (header(b"%d" % number) for number in range(10**9))
    with refused(fs, Errno.ENOSPC):
        fs.read_tar(Endless(parts))
    with refused(fs, Errno.ENOSPC):
        untar(fs, header(b"/".join([b"d"] * 20)) + END)
    with refused(fs, Errno.ENOSPC):
        untar(fs, header(b"/".join([b"d"] * 20), type=b"5") + END)


def test_a_full_filesystem_takes_what_replaces_what_there_is(make_fs: MakeFs) -> None:
    fs = make_fs(max_bytes=4 * PAGE_SIZE, max_inodes=5)
    fs.mkdir("/d")
    fs.write_bytes("/d/f", b"x" * 3 * PAGE_SIZE)
    fs.link("/d/f", "/g")
    fs.symlink("x", "/link")
    fs.write_bytes("/h", b"x" * PAGE_SIZE)
    page = b"y" * PAGE_SIZE
    whole = member(b"d/f", page * 3) + header(b"g", type=b"1", link=b"d/f")
    untar(fs, whole + member(b"h", page) + END)
    assert fs.read_bytes("/g") == page * 3
    for archive in (
        member(b"d/f", page),
        member(b"h", page * 2),
        member(b"i"),
        member(b"link") + member(b"d/i"),
    ):
        with refused(fs, Errno.ENOSPC):
            untar(fs, archive + END)


def test_an_open_file_keeps_its_space(make_fs: MakeFs) -> None:
    fs = make_fs(max_bytes=3 * PAGE_SIZE)
    fs.write_bytes("/f", b"x" * 2 * PAGE_SIZE)
    with fs.open("/f"), refused(fs, Errno.ENOSPC):
        untar(fs, member(b"f", b"y" * 2 * PAGE_SIZE) + END)
    untar(fs, member(b"f", b"y" * 2 * PAGE_SIZE) + END)


def test_what_others_use_meanwhile_is_counted(make_fs: MakeFs) -> None:
    fs = make_fs(max_bytes=600 * PAGE_SIZE)
    archive = member(b"f", b"x" * 400 * PAGE_SIZE) + END
    source = Endless(
        iter([archive]), lambda: fs.write_bytes("/mine", b"x" * 300 * PAGE_SIZE)
    )
    with pytest.raises(FsError) as caught:
        fs.read_tar(source)
    assert caught.value.errno == Errno.ENOSPC
    assert fs.listdir("/") == ["mine"]


def test_a_hole_needs_no_space(make_fs: MakeFs) -> None:
    fs = make_fs(max_bytes=2 * PAGE_SIZE)
    untar(fs, sparse(b"1\n%d\n1\n" % (2**62), b"x", b"%d" % (2**62 + 1)))
    assert fs.stat("/s").size == 2**62 + 1
    assert fs.bytes_used == PAGE_SIZE
    untar(fs, gnu_sparse([(2**32, 1)], b"x", 2**32 + 1))
    assert fs.stat("/s").size == 2**32 + 1


def test_extended_attributes_need_space(make_fs: MakeFs) -> None:
    fs = make_fs(max_bytes=PAGE_SIZE)
    for each in (header(b"f"), header(b"d", type=b"5")):
        with refused(fs, Errno.ENOSPC):
            untar(fs, pax((b"SCHILY.xattr.user.x", b"v" * 60_000)) + each + END)


@pytest.mark.parametrize("holes", [False, True])
def test_writing_takes_memory_for_a_piece_and_not_for_the_tree(holes: bool) -> None:
    fs = Fs()
    for number in range(10):
        path = f"/{number}"
        fs.write_bytes(path, b"x" * 2**22 * (1 if holes else 5))
        if holes:
            fs.truncate(path, 2**40)
    sink = Sink()
    tracemalloc.start()
    fs.write_tar(sink)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(sink.sizes) > 40 * 2**20
    assert max(sink.sizes) < 2 * 2**20
    assert peak < 5 * 2**20


def test_reading_takes_memory_for_a_piece_beside_what_it_makes() -> None:
    """Of a file that comes ever again, nothing but the last one is kept."""
    fs = Fs(max_bytes=2**22)
    one = member(b"f", bytes(2**22))
    tracemalloc.start()
    fs.read_tar(Endless(iter([one] * 20 + [END])))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert fs.bytes_used == 2**22
    assert peak < 14 * 2**20
