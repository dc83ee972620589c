"""Tar archives: what other programs make of ours, and what we make of theirs."""

import os
import shutil
import subprocess
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from devdev_fs import (
    PAGE_SIZE,
    ROOT_INO,
    ArchiveError,
    Errno,
    Fs,
    FsBase,
    FsError,
    Kind,
    SetAttr,
)
from devdev_fs.testing import ManualClock
from hypothesis import given
from hypothesis import strategies as st

from tests.fs.archives import (
    BLOCK,
    END,
    NAMES,
    Endless,
    Sink,
    Step,
    grow,
    header,
    ino_at,
    kept,
    member,
    padded,
    pax,
    populate,
    steps,
    tar_of,
)
from tests.fs.checks import examples, refused, used_inodes

MakeFs = Callable[..., FsBase]
EVERYTHING = frozenset(
    {"directory", "file", "sparse", "symlink", "link", "fifo", "device"}
)
needs_tar = pytest.mark.skipif(shutil.which("tar") is None, reason="there is no tar")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes such nodes")


def run_tar(*args: str | Path, data: bytes = b"") -> bytes:
    """What GNU tar writes; it must have nothing to complain about."""
    result = subprocess.run(["tar", *args], input=data, capture_output=True, timeout=15)
    assert (result.returncode, result.stderr) == (0, b"")
    return result.stdout


def read(fs: FsBase, archive: bytes, path: str = "/", *, devices: bool = False) -> int:
    return fs.read_tar(BytesIO(archive), path, devices=devices)


# --- out, and back ---------------------------------------------------------------


def test_a_tree_comes_back_as_it_was(make_fs: MakeFs) -> None:
    fs, twin = make_fs(), make_fs()
    populate(fs)
    archive = tar_of(fs)
    names = sum(len(a) + len(b) for _, a, b in fs.walk())
    assert read(twin, archive) == names + 1
    assert twin.tree_digest() == fs.tree_digest()
    assert kept(twin) == kept(fs)
    assert tar_of(twin) == archive
    twin.check_invariants()


@given(plan=steps(NAMES))
@examples(60)
def test_any_tree_comes_back_as_it_was(plan: list[Step]) -> None:
    fs, twin = Fs(), Fs()
    grow(fs, plan, EVERYTHING)
    archive = tar_of(fs)
    read(twin, archive, devices=True)
    assert twin.tree_digest() == fs.tree_digest()
    assert kept(twin) == kept(fs)
    assert tar_of(twin) == archive
    twin.check_invariants()


@given(plan=steps(NAMES))
@examples(30)
def test_any_tree_is_the_same_to_pythons_tarfile(plan: list[Step]) -> None:
    fs = Fs()
    grow(fs, plan, EVERYTHING)
    with tarfile.open(fileobj=BytesIO(tar_of(fs))) as archive:
        found = {info.name: info for info in archive}
        for info in found.values():
            at = fs.lstat("/" + info.name)
            if info.islnk():
                assert at.ino == fs.lstat("/" + info.linkname).ino
                continue
            assert (info.isdir(), info.issym()) == (at.is_dir, at.is_symlink)
            if info.issym():
                assert info.linkname == fs.readlink("/" + info.name)
            assert (info.mode, info.uid, info.gid) == (at.perm, at.uid, at.gid)
            file = archive.extractfile(info) if info.isfile() else None
            if file is not None:
                assert file.read() == fs.read_bytes("/" + info.name)
    names = [name for _, a, b in fs.walk() for name in a + b]
    assert len(found) == len(names) + 1


def test_the_same_tree_gives_the_same_bytes() -> None:
    """Whatever the order in which it was made, and whenever it was looked at."""
    first = Fs(clock=ManualClock(time_ns=5))
    for name in "abc":
        first.write_bytes(name, b"x")
    second = Fs(clock=ManualClock(time_ns=7), umask=0)
    second.remove_tree("/junk") if second.exists("/junk") else None
    for name in "cab":
        second.write_bytes(name, b"x")
        second.setattr(name, SetAttr(mode=0o644, mtime_ns=5, atime_ns=99))
    second.setattr("/", SetAttr(mtime_ns=5))
    assert tar_of(first) == tar_of(second)


def test_members_are_sorted_by_their_bytes_and_parents_come_first(fs: FsBase) -> None:
    for name in (b"/b", b"/B", b"/\xff", b"/a/z", b"/a/\xc3\xbc", b"/a.x"):
        fs.mkdir(os.path.dirname(name), parents=True, exist_ok=True)
        fs.write_bytes(name, b"")
    with tarfile.open(fileobj=BytesIO(tar_of(fs))) as archive:
        names = [os.fsencode(name) for name in archive.getnames()]
    assert names == [
        b".", b"B", b"a", b"a/z", b"a/\xc3\xbc", b"a.x", b"b", b"\xff"
    ]  # fmt: skip


def test_a_part_of_a_tree_is_an_archive_of_its_own(make_fs: MakeFs) -> None:
    fs, twin = make_fs(), make_fs()
    populate(fs)
    twin.mkdir("/x/y", parents=True)
    read(twin, tar_of(fs, "/d"), "/x/y")
    assert twin.tree_digest("/x/y") == fs.tree_digest("/d")
    assert kept(twin, "/x/y") == kept(fs, "/d")


def test_a_file_is_an_archive_of_one_member(make_fs: MakeFs) -> None:
    fs, twin = make_fs(), make_fs()
    fs.mkdir("/d")
    fs.write_bytes("/d/file", b"x")
    fs.symlink("d/file", "/link")
    read(twin, tar_of(fs, "/link"))
    assert twin.walk() == [("/", [], ["file"])]


def test_what_is_not_there_makes_no_archive(fs: FsBase) -> None:
    sink = Sink()
    with refused(fs, Errno.ENOENT):
        fs.write_tar(sink, "/missing")
    assert sink.sizes == []


def test_sockets_are_left_out(fs: FsBase) -> None:
    fs.inodes.mknod(ROOT_INO, b"socket", Kind.SOCKET | 0o600)
    assert len(tar_of(fs)) == 20 * BLOCK
    with tarfile.open(fileobj=BytesIO(tar_of(fs))) as archive:
        assert archive.getnames() == ["."]


def test_extended_attributes_come_back(make_fs: MakeFs) -> None:
    fs, twin = make_fs(), make_fs()
    fs.write_bytes("/f", b"")
    fs.mkdir("/d")
    found = {
        b"user.plain": b"value",
        b"user.empty": b"",
        b"user.%25=\xff\n": bytes(range(256)),
        b"security.x": b"\n" * 98,
        b"trusted.y": b"=" * 1000,
    }
    for path in ("/f", "/d", "/"):
        for name, value in found.items():
            fs.inodes.setxattr(ino_at(fs, path), name, value)
    read(twin, tar_of(fs))
    for path in ("/f", "/d", "/"):
        ino = ino_at(twin, path)
        names = twin.inodes.listxattr(ino)
        assert {name: twin.inodes.getxattr(ino, name) for name in names} == found
    assert tar_of(twin) == tar_of(fs)


def test_an_archive_is_of_the_moment_in_which_it_was_begun(make_fs: MakeFs) -> None:
    fs, twin = make_fs(), make_fs()
    for number in range(30):
        fs.write_bytes(f"/{number}", bytes([number]) * 200_000)
    expected = tar_of(fs)
    parts: list[bytes] = []

    class Changing:
        def write(self, data: bytes, /) -> None:
            parts.append(data)
            fs.write_bytes("/29", b"later")
            fs.remove(fs.listdir("/")[0])

    fs.write_tar(Changing())
    assert len(parts) > 3
    assert b"".join(parts) == expected
    read(twin, expected)
    assert twin.read_bytes("/29") == bytes([29]) * 200_000


def test_an_error_of_the_file_ends_the_writing(fs: FsBase) -> None:
    class Full:
        def write(self, data: bytes, /) -> None:
            raise OSError("the disk is full")

    populate(fs)
    with pytest.raises(OSError, match="disk is full"):
        fs.write_tar(Full())


# --- GNU tar ---------------------------------------------------------------------


@needs_tar
@needs_root
def test_gnu_tar_unpacks_what_is_written(tmp_path: Path) -> None:
    fs = Fs()
    populate(fs)
    fs.write_bytes(b"/bytes \xff\xfe", b"not UTF-8")
    fs.write_bytes(b"/" + b"\xfe" * 200, b"long, and not UTF-8")
    fs.inodes.mknod(ROOT_INO, b"null", Kind.CHARACTER_DEVICE | 0o666, 0x103)
    fs.inodes.mknod(ROOT_INO, b"block", Kind.BLOCK_DEVICE | 0o600, 0x12345678)
    subprocess.run(
        ["tar", "-xp", "--same-owner", "-C", tmp_path],
        input=tar_of(fs),
        check=True,
        timeout=15,
    )
    for path, expected in kept(fs).items():
        there = tmp_path / path[1:]
        at = there.lstat()
        assert (at.st_mode, at.st_size) == (
            (expected.mode, expected.size)
            if not there.is_dir()
            else (expected.mode, at.st_size)
        ), path
        assert (at.st_uid, at.st_gid) == expected.owner, path
        assert at.st_mtime_ns == expected.mtime_ns, path
        assert at.st_rdev == expected.device, path
        if there.is_symlink():
            assert os.readlink(there) == fs.readlink(path)
        elif there.is_file():
            assert there.read_bytes() == fs.read_bytes(path)
    file, second = (tmp_path / name for name in ("d/file", "d/e/second"))
    assert file.samefile(second)
    assert (tmp_path / "dangling").lstat().st_nlink == 2
    assert (tmp_path / "d/sparse").stat().st_blocks < 1_000_000 // 512


@needs_tar
def test_gnu_tar_lists_what_is_written_without_a_complaint() -> None:
    fs = Fs()
    populate(fs)
    listed = run_tar("-t", data=tar_of(fs)).decode().splitlines()
    assert len(listed) == sum(len(a) + len(b) for _, a, b in fs.walk()) + 1
    assert run_tar("-xO", "d/e/second", data=tar_of(fs)) == b"content\n"


@needs_tar
def test_gnu_tar_sees_the_extended_attributes() -> None:
    fs = Fs()
    fs.write_bytes("/f", b"")
    fs.inodes.setxattr(ino_at(fs, "/f"), b"user.a=b%", b"12345")
    listed = run_tar("-t", "--xattrs", "-vv", data=tar_of(fs))
    assert b"x: 5 user.a=b%\n" in listed


@needs_tar
@pytest.mark.parametrize("format", ["gnu", "oldgnu", "pax", "ustar", "v7"])
@pytest.mark.parametrize("sparse", [False, True])
def test_what_gnu_tar_packs_is_unpacked(
    make_fs: MakeFs, tmp_path: Path, format: str, sparse: bool
) -> None:
    if sparse and format in ("ustar", "v7"):
        pytest.skip(f"{format} has no sparse files")
    root = tmp_path / "root"
    (root / "d").mkdir(parents=True)
    (root / "d/file").write_bytes(b"content")
    (root / "d/file").chmod(0o640)
    os.link(root / "d/file", root / "link")
    (root / "symlink").symlink_to("d/missing")
    with (root / "sparse").open("wb") as file:
        for number in range(60):
            file.seek(number * 100_000)
            file.write(b"data %d" % number)
        file.truncate(7_000_000)
    if format in ("gnu", "oldgnu", "pax"):
        (root / "d" / ("n" * 200)).write_bytes(b"a long name")
        (root / "long").symlink_to("t" * 200 + "/t" * 200)
        (root / "\u2603").write_bytes(b"")
        os.utime(root / "d", ns=(0, -(10**9)))
    else:
        (root / ("p" * 90)).mkdir()
        (root / ("p" * 90) / "q").write_bytes(b"")
    if format == "pax":
        os.utime(root / "d/file", ns=(5, 1_234_567_891))
    options = ["-S"] if sparse else []
    archive = run_tar("-c", *options, f"--format={format}", "-C", root, ".")
    fs = make_fs()
    read(fs, archive)
    found = {path.relative_to(root).as_posix(): path for path in root.rglob("*")}
    assert {path[1:] for path in kept(fs)} == {"", *found}
    for path, there in found.items():
        at, expected = fs.lstat("/" + path), there.lstat()
        assert at.mode == expected.st_mode, path
        if format == "pax":
            assert at.mtime_ns == expected.st_mtime_ns, path
        assert at.mtime_ns // 10**9 == expected.st_mtime_ns // 10**9, path
        if there.is_file():
            assert fs.read_bytes("/" + path) == there.read_bytes(), path
    assert fs.lstat("/link").ino == fs.lstat("/d/file").ino
    assert (fs.lstat("/sparse").blocks < 7_000_000 // 512) == sparse


# --- in: what becomes of what is there -------------------------------------------


def test_directories_are_merged_and_other_things_replaced(make_fs: MakeFs) -> None:
    fs, other = make_fs(), make_fs()
    for each, content in ((fs, b"old"), (other, b"new")):
        each.mkdir("/d/e", parents=True)
        each.write_bytes("/d/both", content)
    fs.write_bytes("/d/e/mine", b"mine")
    fs.link("/d/both", "/kept")
    fs.symlink("nowhere", "/link")
    other.write_bytes("/link", b"a file")
    other.write_bytes("/d/theirs", b"theirs")
    other.chmod("/d", 0o700)
    ino = ino_at(fs, "/d")
    read(fs, tar_of(other))
    assert fs.read_bytes("/d/both") == b"new"
    assert fs.read_bytes("/kept") == b"old"
    assert fs.read_bytes("/d/e/mine") == b"mine"
    assert fs.read_bytes("/d/theirs") == b"theirs"
    assert fs.read_bytes("/link") == b"a file"
    assert (ino_at(fs, "/d"), fs.stat("/d").perm) == (ino, 0o700)
    fs.check_invariants()


def test_an_open_file_that_is_replaced_stays_readable(fs: FsBase) -> None:
    fs.write_bytes("/f", b"old")
    with fs.open("/f") as file:
        read(fs, member(b"f", b"new") + END)
        assert file.read() == b"old"
        assert fs.read_bytes("/f") == b"new"
        fs.check_invariants()


def test_what_others_do_meanwhile_stays(fs: FsBase) -> None:
    fs.mkdir("/d")
    archive = member(b"d/f", b"x" * 3_000_000) + END

    def work() -> None:
        fs.write_bytes("/d/mine", b"mine")

    assert fs.read_tar(Endless(iter([archive]), work)) == 1
    assert fs.listdir("/d") == ["f", "mine"]


def test_nothing_is_seen_before_the_end(fs: FsBase) -> None:
    archive = member(b"f", b"x" * 3_000_000) + member(b"g") + END
    seen: list[list[str]] = []
    source = Endless(iter([archive]), lambda: seen.append(fs.listdir("/")))
    fs.read_tar(source)
    assert len(seen) > 2
    assert seen == [[]] * len(seen)
    assert fs.listdir("/") == ["f", "g"]


def test_a_directory_that_goes_meanwhile_is_missed(fs: FsBase) -> None:
    fs.mkdir("/d")
    archive = member(b"f") + END
    source = Endless(iter([archive]), lambda: fs.exists("/d") and fs.rmdir("/d"))
    with pytest.raises(FileNotFoundError):
        fs.read_tar(source, "/d")
    fs.write_bytes("/d", b"")
    with refused(fs, Errno.ENOTDIR):
        read(fs, archive, "/d")


def test_a_directory_that_becomes_a_file_meanwhile_is_missed(fs: FsBase) -> None:
    fs.mkdir("/d")

    def swap() -> None:
        if fs.stat("/d").is_dir:
            fs.rmdir("/d")
            fs.write_bytes("/d", b"")

    with pytest.raises(NotADirectoryError):
        fs.read_tar(Endless(iter([member(b"f") + END]), swap), "/d")


def test_a_directory_takes_no_other_things_place(fs: FsBase) -> None:
    fs.write_bytes("/f", b"")
    fs.symlink("f", "/link")
    for name in (b"f/", b"f/below", b"link/below"):
        with refused(fs, Errno.ENOTDIR):
            read(fs, member(b"a") + member(name) + END)


def test_no_other_thing_takes_a_directorys_place(fs: FsBase) -> None:
    fs.mkdir("/d")
    with refused(fs, Errno.EISDIR):
        read(fs, member(b"a") + member(b"d") + END)


def test_directories_without_a_member_are_made(fs: FsBase) -> None:
    fs.mkdir("/there", 0o700)
    read(fs, member(b"there/f") + member(b"a/b/c") + END)
    assert [fs.stat(path).perm for path in ("/a", "/a/b", "/there")] == [
        0o755, 0o755, 0o700
    ]  # fmt: skip


def test_of_a_name_that_comes_twice_the_later_one_wins(fs: FsBase) -> None:
    archive = (
        member(b"f", b"first")
        + header(b"hard", type=b"1", link=b"f")
        + member(b"f", b"second")
        + header(b"d", type=b"5", mode=0o700)
        + header(b"d/", type=b"5", mode=0o711)
        + header(b"link", type=b"2", link=b"x")
        + member(b"link", b"file")
        + header(b"hard2", type=b"1", link=b"f")
        + header(b"hard2", type=b"1", link=b"f")
        + END
    )
    assert read(fs, archive) == 9
    assert fs.read_bytes("/f") == fs.read_bytes("/hard2") == b"second"
    assert fs.read_bytes("/hard") == b"first"
    assert fs.read_bytes("/link") == b"file"
    assert fs.stat("/d").perm == 0o711
    assert used_inodes(fs) == 5


def test_a_link_that_the_archive_replaces_is_not_followed(fs: FsBase) -> None:
    fs.mkdir("/secret")
    archive = header(b"x", type=b"2", link=b"/secret") + member(b"x", b"data") + END
    read(fs, archive)
    assert fs.listdir("/secret") == []
    assert fs.read_bytes("/x") == b"data"


def test_device_nodes_are_made_only_if_asked_for(make_fs: MakeFs) -> None:
    fs, twin = make_fs(), make_fs()
    for name, number in ((b"a", 0x103), (b"b", 2**64 - 1), (b"c", 0)):
        fs.inodes.mknod(ROOT_INO, name, Kind.BLOCK_DEVICE | 0o600, number)
    archive = tar_of(fs)
    before = twin.image_digest()
    with pytest.raises(ArchiveError, match="devices=True"):
        read(twin, archive)
    assert twin.image_digest() == before
    read(twin, archive, devices=True)
    assert kept(twin) == kept(fs)


def test_atimes_are_taken_from_an_archive_that_has_them(make_fs: MakeFs) -> None:
    fs = make_fs(clock=ManualClock(time_ns=77))
    read(fs, pax((b"atime", b"-12.5")) + member(b"f") + member(b"g") + END)
    assert fs.stat("/f").atime_ns == -12_500_000_000
    assert (fs.stat("/g").atime_ns, fs.stat("/g").ctime_ns) == (77, 77)


def test_times_beyond_what_is_kept_become_the_nearest(fs: FsBase) -> None:
    times = (b"99999999999999", b"-99999999999999.1")
    archive = b"".join(
        pax((b"mtime", time), (b"atime", time)) + member(time[:2]) for time in times
    )
    read(fs, archive + END)
    assert fs.stat("/99").mtime_ns == fs.stat("/99").atime_ns == 2**63 - 1
    assert fs.stat("/-9").mtime_ns == fs.stat("/-9").atime_ns == -(2**63)


def test_what_is_behind_the_end_is_not_looked_at(fs: FsBase) -> None:
    assert read(fs, member(b"f") + END + b"junk") == 1


def test_a_pipe_gives_what_it_has(fs: FsBase) -> None:
    """A raw file's read(2) returns less than asked for."""
    archive = member(b"f", b"x" * 1000) + END
    fs.read_tar(
        Endless(iter([archive[at : at + 7] for at in range(0, len(archive), 7)]))
    )
    assert fs.read_bytes("/f") == b"x" * 1000


GOOD: dict[str, tuple[bytes, str]] = {
    "a signed checksum": (
        header(
            b"\xfc",
            checksum=sum(header(b"\xfc")) - sum(header(b"\xfc")[148:156]) + 256 - 256,
        ),
        "\udcfc",
    ),
    "an old directory": (header(b"old/", magic=b""), "old"),
    "an old file": (header(b"old", magic=b"", type=b"\0"), "old"),
    "a contiguous file": (member(b"f", b"x", type=b"7"), "f"),
    "a prefix": (header(b"f", prefix=b"a/b"), "a/b/f"),
    "what GNU tar has for a prefix": (
        header(b"f", prefix=b"00000", magic=b"ustar  \0"),
        "f",
    ),
    "dots and slashes": (header(b"./a//./b"), "a/b"),
    "a size with spaces": (header(b"f", size=b"         0 \0"), "f"),
    "no size at all": (header(b"f", size=b"\0" * 12), "f"),
    "a directory with a size": (header(b"d", type=b"5", size=99), "d"),
    "an mtime in base 256": (header(b"f", mtime=b"\xff" * 12), "f"),
    "a comment for all": (pax((b"comment", b"c"), type=b"g") + header(b"f"), "f"),
    "a path for all": (pax((b"path", b"p"), type=b"g") + header(b"f"), "p"),
    "an extended header of nothing": (pax() + header(b"f"), "f"),
    "an empty record": (pax((b"path", b""), (b"uid", b"")) + header(b"f"), "f"),
    "a path twice": (pax((b"path", b"p")) + pax((b"path", b"q")) + header(b"f"), "q"),
    "an xattr that Linux has not": (
        pax((b"SCHILY.xattr.com.apple.x", b"v")) + header(b"f"),
        "f",
    ),
}


@pytest.mark.parametrize(("archive", "path"), GOOD.values(), ids=GOOD)
def test_this_is_read(fs: FsBase, archive: bytes, path: str) -> None:
    read(fs, archive + END)
    assert fs.exists(path)


# --- in: what is refused ---------------------------------------------------------

LINK_OUT = header(b"x", type=b"2", link=b"/tmp")
LONG = b"x" * 2**20
SPARSE = (b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0")


def sparse(listed: bytes, data: bytes = b"", size: bytes = b"100") -> bytes:
    """A sparse file of format 1.0."""
    records = pax(*SPARSE, (b"GNU.sparse.name", b"s"), (b"GNU.sparse.realsize", size))
    return records + member(b"s", padded(listed) + data) + END


def gnu_sparse(parts: list[tuple[int, int]], data: bytes, size: int) -> bytes:
    """A sparse file of GNU tar's own format."""
    listed = b"".join(b"%011o\0%011o\0" % part for part in parts)
    rest = listed.ljust(96, b"\0") + b"\0" + b"%011o\0" % size
    fields = header(b"s", size=len(data), type=b"S", magic=b"ustar  \0", rest=rest)
    return fields + padded(data) + END


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
        read(fs, archive, devices=True)
    assert message in str(caught.value)
    assert fs.image_digest() == before


def test_an_error_says_which_member_and_where(fs: FsBase) -> None:
    archive = member(b"good", b"x") + pax((b"uid", b"0")) + header(b"a/../b") + END
    with pytest.raises(ArchiveError) as caught:
        read(fs, archive)
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


@pytest.mark.parametrize("length", range(0, SMALL.rstrip(b"\0").__len__(), 97))
def test_an_archive_that_is_cut_is_refused(length: int) -> None:
    fs = Fs()
    with pytest.raises(ArchiveError):
        read(fs, SMALL[:length])
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
        read(fs, SMALL[:at] + bytes([byte]) + SMALL[at + 1 + cut % 3 :], devices=True)
    except (ArchiveError, FsError):
        assert fs.image_digest() == before
    fs.check_invariants()


@given(data=st.binary(max_size=2000), plan=st.lists(st.integers(0, 7), max_size=8))
@examples(100)
def test_anything_is_read_or_refused(data: bytes, plan: list[int]) -> None:
    fs = Fs()
    parts = [member(b"f", data, type=bytes([b"0xgLKS25"[number]])) for number in plan]
    try:
        read(fs, b"".join(parts) + END)
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
        read(fs, header(b"/".join([b"d"] * 20)) + END)
    with refused(fs, Errno.ENOSPC):
        read(fs, header(b"/".join([b"d"] * 20), type=b"5") + END)


def test_a_full_filesystem_takes_what_replaces_what_there_is(make_fs: MakeFs) -> None:
    fs = make_fs(max_bytes=4 * PAGE_SIZE, max_inodes=5)
    fs.mkdir("/d")
    fs.write_bytes("/d/f", b"x" * 3 * PAGE_SIZE)
    fs.link("/d/f", "/g")
    fs.symlink("x", "/link")
    fs.write_bytes("/h", b"x" * PAGE_SIZE)
    page = b"y" * PAGE_SIZE
    whole = member(b"d/f", page * 3) + header(b"g", type=b"1", link=b"d/f")
    read(fs, whole + member(b"h", page) + END)
    assert fs.read_bytes("/g") == page * 3
    for archive in (
        member(b"d/f", page),
        member(b"h", page * 2),
        member(b"i"),
        member(b"link") + member(b"d/i"),
    ):
        with refused(fs, Errno.ENOSPC):
            read(fs, archive + END)


def test_an_open_file_keeps_its_space(make_fs: MakeFs) -> None:
    fs = make_fs(max_bytes=3 * PAGE_SIZE)
    fs.write_bytes("/f", b"x" * 2 * PAGE_SIZE)
    with fs.open("/f"), refused(fs, Errno.ENOSPC):
        read(fs, member(b"f", b"y" * 2 * PAGE_SIZE) + END)
    read(fs, member(b"f", b"y" * 2 * PAGE_SIZE) + END)


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
    read(fs, sparse(b"1\n%d\n1\n" % (2**62), b"x", b"%d" % (2**62 + 1)))
    assert fs.stat("/s").size == 2**62 + 1
    assert fs.bytes_used == PAGE_SIZE
    read(fs, gnu_sparse([(2**32, 1)], b"x", 2**32 + 1))
    assert fs.stat("/s").size == 2**32 + 1


def test_extended_attributes_need_space(make_fs: MakeFs) -> None:
    fs = make_fs(max_bytes=PAGE_SIZE)
    for each in (header(b"f"), header(b"d", type=b"5")):
        with refused(fs, Errno.ENOSPC):
            read(fs, pax((b"SCHILY.xattr.user.x", b"v" * 60_000)) + each + END)


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
