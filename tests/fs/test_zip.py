"""Zip archives: what other programs make of ours, and what we make of theirs."""

import os
import shutil
import struct
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from devdev_fs import (
    ROOT_INO,
    ArchiveError,
    Fs,
    FsBase,
    Kind,
    SetAttr,
)
from devdev_fs.testing import ManualClock
from hypothesis import given
from hypothesis import strategies as st

from tests.fs.archives import (
    PLAIN_NAMES,
    Step,
    grow,
    kept,
    populate,
    steps,
    unzip,
    zip_of,
)
from tests.fs.checks import examples
from tests.fs.zips import info, zipped

MakeFs = Callable[..., FsBase]
HELD = frozenset({"directory", "file", "sparse", "symlink", "link"})


def needs(program: str) -> pytest.MarkDecorator:
    missing = shutil.which(program) is None
    return pytest.mark.skipif(missing, reason=f"there is no {program}")


def plain_tree(fs: FsBase) -> None:
    """A tree of what a zip has a place for, apart from hard links."""
    populate(fs)
    for path in ("/fifo", "/fifo 2", "/second link", "/d/e/second"):
        fs.remove(path)
    for top, directories, files in fs.walk():
        for name in directories + files:
            path = f"{top}/{name}"
            mtime = fs.lstat(path).mtime_ns // 100 * 100
            fs.setattr(path, SetAttr(mtime_ns=mtime), follow=False)


# --- out, and back ---------------------------------------------------------------


@pytest.mark.parametrize("compress", [False, True])
def test_a_tree_comes_back_as_it_was(make_fs: MakeFs, compress: bool) -> None:
    fs, twin = make_fs(), make_fs()
    plain_tree(fs)
    archive = zip_of(fs, compress=compress)
    assert unzip(twin, archive) == sum(len(a) + len(b) for _, a, b in fs.walk())
    assert twin.tree_digest() == fs.tree_digest()
    found, expected = kept(twin), kept(fs)
    for path in {*expected} - {"/", "/d/sparse", "/hole", "/tail"}:
        assert found[path] == expected[path], path
    assert zip_of(twin, compress=compress) == archive
    twin.check_invariants()


@given(plan=steps(PLAIN_NAMES))
@examples(50)
def test_any_such_tree_comes_back_as_it_was(plan: list[Step]) -> None:
    """But hard links, which become files of their own, and holes."""
    fs, twin = Fs(), Fs()
    grow(fs, plan, HELD)
    archive = zip_of(fs)
    unzip(twin, archive)
    found, expected = kept(twin), kept(fs)
    assert found.keys() == expected.keys()
    for path in {*expected} - {"/"}:
        a, b = found[path], expected[path]
        assert (a.mode, a.owner, a.size) == (b.mode, b.owner, b.size), path
        assert a.mtime_ns == max(b.mtime_ns // 100 * 100, -(2**63)), path
        if fs.lstat(path).is_file:
            assert twin.read_bytes(path) == fs.read_bytes(path)
        elif fs.lstat(path).is_symlink:
            assert twin.readlink(path) == fs.readlink(path)
    assert zip_of(twin) == archive
    twin.check_invariants()


@given(plan=steps(PLAIN_NAMES))
@examples(30)
def test_any_such_tree_is_the_same_to_pythons_zipfile(plan: list[Step]) -> None:
    fs = Fs()
    grow(fs, plan, HELD)
    with ZipFile(BytesIO(zip_of(fs))) as archive:
        assert archive.testzip() is None
        for each in archive.infolist():
            name = each.orig_filename  # on Windows the other one has its separators
            at = fs.lstat("/" + name.rstrip("/"))
            mode = each.external_attr >> 16
            assert (name.endswith("/"), mode) == (at.is_dir, at.mode)
            if at.is_file:
                assert archive.read(each) == fs.read_bytes("/" + name)
            elif at.is_symlink:
                target = archive.read(each).decode("utf-8", "surrogateescape")
                assert target == fs.readlink("/" + name)


def test_the_same_tree_gives_the_same_bytes() -> None:
    archives = set()
    for names in ("abc", "cab"):
        fs = Fs(clock=ManualClock(time_ns=5))
        for name in names:
            fs.write_bytes(name, b"x" * 99)
        archives.add(zip_of(fs))
    assert len(archives) == 1


def test_a_part_of_a_tree_is_an_archive_of_its_own(make_fs: MakeFs) -> None:
    fs, twin = make_fs(), make_fs()
    populate(fs)
    twin.mkdir("/x")
    unzip(twin, zip_of(fs, "/d"), "/x")
    assert [name for _, a, b in twin.walk("/x") for name in a + b] == [
        name for _, a, b in fs.walk("/d") for name in a + b
    ]


def test_an_empty_tree_is_an_empty_archive(fs: FsBase) -> None:
    archive = zip_of(fs)
    assert len(archive) == 22
    assert unzip(fs, archive) == 0


def test_times_are_shown_to_who_knows_only_those_of_dos() -> None:
    fs = Fs()
    stamps = {
        "1979-12-31T23:59:59": (1980, 1, 1, 0, 0, 0),
        "1980-02-29T01:02:04": (1980, 2, 29, 1, 2, 4),
        "1999-12-31T23:59:58": (1999, 12, 31, 23, 59, 58),
        "2000-03-01T00:00:00": (2000, 3, 1, 0, 0, 0),
        "2100-02-28T12:30:00": (2100, 2, 28, 12, 30, 0),
        "2107-12-31T23:59:59": (2107, 12, 31, 23, 59, 58),
        "2108-01-01T00:00:00": (2107, 12, 31, 23, 59, 58),
        "2200-01-01T00:00:00": (2107, 12, 31, 23, 59, 58),
    }
    for name in stamps:
        fs.write_bytes(name, b"")
        at = datetime.fromisoformat(name).replace(tzinfo=UTC)
        fs.setattr(name, SetAttr(mtime_ns=int(at.timestamp()) * 10**9))
    with ZipFile(BytesIO(zip_of(fs))) as archive:
        assert {each.filename: each.date_time for each in archive.infolist()} == stamps


@given(days=st.integers(0, 127 * 366), second=st.integers(0, 43199))
@examples(200)
def test_times_of_dos_are_read(days: int, second: int) -> None:
    at = min(315532800 + days * 86400 + second * 2, 4354819198)
    moment = datetime.fromtimestamp(at, UTC)
    stamp = info("f", date_time=tuple(moment.timetuple()[:6]))
    fs = Fs()
    unzip(fs, zipped((stamp, b"")))
    assert fs.stat("/f").mtime_ns == at * 10**9


@pytest.mark.parametrize("make", ["fifo", "device"])
def test_what_a_zip_has_no_place_for_is_refused(fs: FsBase, make: str) -> None:
    kind = Kind.FIFO if make == "fifo" else Kind.CHARACTER_DEVICE
    fs.inodes.mknod(ROOT_INO, b"node", kind | 0o600, 5)
    with pytest.raises(ArchiveError, match="a zip has no place") as caught:
        zip_of(fs)
    assert caught.value.member == b"node"


def test_names_that_are_not_utf8_are_refused(fs: FsBase) -> None:
    fs.write_bytes(b"/\xff", b"")
    with pytest.raises(ArchiveError, match="not UTF-8; a tar has"):
        zip_of(fs)


def test_names_that_are_too_long_are_refused(fs: FsBase) -> None:
    ino = ROOT_INO
    for _ in range(257):
        ino = fs.inodes.mkdir(ino, b"n" * 255).ino
    with pytest.raises(ArchiveError, match="no place for a name of 65536 bytes"):
        zip_of(fs)


def test_sockets_are_left_out(fs: FsBase) -> None:
    fs.inodes.mknod(ROOT_INO, b"socket", Kind.SOCKET | 0o600)
    assert len(zip_of(fs)) == 22


# --- other programs --------------------------------------------------------------


@needs("unzip")
def test_unzip_unpacks_what_is_written(tmp_path: Path) -> None:
    fs = Fs()
    plain_tree(fs)
    fs.chmod("/d/file", 0o755)
    (tmp_path / "archive.zip").write_bytes(zip_of(fs))
    root = tmp_path / "root"
    subprocess.run(
        ["unzip", "-q", "-K", tmp_path / "archive.zip", "-d", root],
        env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]},
        check=True,
        timeout=15,
    )
    for path, expected in kept(fs).items():
        there = root / path[1:]
        if path == "/":
            continue
        assert there.lstat().st_mode == expected.mode, path
        if there.is_symlink():
            assert os.readlink(there) == fs.readlink(path)
        elif there.is_file():
            assert there.read_bytes() == fs.read_bytes(path)
            seconds = expected.mtime_ns // 10**9
            if 0 <= seconds < 2**31:
                assert there.stat().st_mtime_ns // 10**9 == seconds, path


@needs("zip")
@pytest.mark.parametrize("options", [[], ["-0"], ["-fz"]])
def test_what_zip_packs_is_unpacked(
    make_fs: MakeFs, tmp_path: Path, options: list[str]
) -> None:
    """With ZIP64 and without."""
    root = tmp_path / "root"
    (root / "d").mkdir(parents=True)
    (root / "d/file").write_bytes(b"content" * 10_000)
    (root / "d/file").chmod(0o640)
    (root / "empty").write_bytes(b"")
    (root / "link").symlink_to("d/missing")
    (root / "\u2603").write_bytes(b"snow")
    subprocess.run(
        ["zip", "-q", "-r", "-y", *options, tmp_path / "archive.zip", "."],
        cwd=root,
        env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]},
        check=True,
        timeout=15,
    )
    fs = make_fs()
    unzip(fs, (tmp_path / "archive.zip").read_bytes())
    found = {path.relative_to(root).as_posix(): path for path in root.rglob("*")}
    assert {path[1:] for path in kept(fs)} == {"", *found}
    for path, there in found.items():
        at, expected = fs.lstat("/" + path), there.lstat()
        assert (at.mode, at.uid) == (expected.st_mode, expected.st_uid), path
        assert at.mtime_ns // 10**9 == expected.st_mtime_ns // 10**9, path
        if there.is_file():
            assert fs.read_bytes("/" + path) == there.read_bytes(), path


def test_a_program_may_stand_before_the_archive(fs: FsBase) -> None:
    unzip(fs, b"#!/usr/bin/env python3\n" + zipped(("f", b"data")))
    assert fs.read_bytes("/f") == b"data"


def test_a_comment_may_stand_behind_it(fs: FsBase) -> None:
    file = BytesIO()
    with ZipFile(file, "w") as archive:
        archive.comment = b"PK\5\6" + b"x" * 60_000 + b"PK\5\6"
        archive.writestr("f", b"data")
    unzip(fs, file.getvalue())
    assert fs.read_bytes("/f") == b"data"


def test_names_from_dos_are_of_its_code_page(fs: FsBase) -> None:
    # zipfile writes a name that is not ASCII as UTF-8, and says so.
    archive = zipped((info("m\u00fcll", create_system=0), b""), ("xyz", b""))
    unzip(fs, archive)
    raw = archive.replace(b"xyz", b"\x81yz").replace(b"\0\0\x21\0", b"\0\0\x21\0")
    at = raw.rindex(b"PK\1\2")
    raw = raw[: at + 5] + b"\0" + raw[at + 6 :]
    fs.remove("/m\u00fcll")
    unzip(fs, raw)
    assert fs.listdir("/") == ["m\u00fcll", "xyz", "\u00fcyz"]


def test_without_modes_there_are_plain_ones(fs: FsBase) -> None:
    unzip(
        fs,
        zipped(
            (info("f", create_system=0), b""),
            (info("d", create_system=0, external_attr=0x10), b""),
            (info("e/", create_system=0), b""),
            (info("g", external_attr=0o600 << 16), b""),
        ),
    )
    assert [fs.stat(path).mode for path in "fdeg"] == [
        0o100644, 0o040755, 0o040755, 0o100600
    ]  # fmt: skip


EXTRAS = {
    "seconds": (struct.pack("<HHBi", 0x5455, 5, 1, -9), -9 * 10**9),
    "an atime only": (struct.pack("<HHBi", 0x5455, 5, 2, -9), 315532800 * 10**9),
    "units of 100 ns": (
        struct.pack("<HHLHHQQQ", 10, 32, 0, 1, 24, 116444736000000001, 0, 0),
        100,
    ),
    "both": (
        struct.pack("<HHLHHQQQ", 10, 32, 0, 1, 24, 116444736000000001, 0, 0)
        + struct.pack("<HHBi", 0x5455, 5, 1, -9),
        100,
    ),
    "a time that is cut": (struct.pack("<HHB", 0x5455, 1, 1), 315532800 * 10**9),
    "a field that is cut": (struct.pack("<HHB", 0x5455, 9, 1), 315532800 * 10**9),
    "an owner that is cut": (
        struct.pack("<HHBBL", 0x7875, 6, 1, 4, 7),
        315532800 * 10**9,
    ),
    "an owner of no length": (struct.pack("<HHB", 0x7875, 1, 1), 315532800 * 10**9),
    "something else": (struct.pack("<HH", 0xCAFE, 0), 315532800 * 10**9),
}


@pytest.mark.parametrize(("extra", "mtime_ns"), EXTRAS.values(), ids=EXTRAS)
def test_times_are_those_of_the_extra_fields(
    fs: FsBase, extra: bytes, mtime_ns: int
) -> None:
    unzip(fs, zipped((info("f", extra=extra), b"")))
    assert (fs.stat("/f").mtime_ns, fs.stat("/f").uid) == (mtime_ns, 0)


def test_a_date_that_is_none_is_1980(fs: FsBase) -> None:
    for date in (0, 0xFFFF):
        archive = bytearray(zipped(("f", b"")))
        at = archive.rindex(b"PK\1\2")
        archive[at + 14 : at + 16] = date.to_bytes(2, "little")
        unzip(fs, bytes(archive))
        assert fs.stat("/f").mtime_ns == 315532800 * 10**9
