"""GNU tar: what it makes of our archives, and what we make of its own."""

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from devdev_fs import (
    ROOT_INO,
    Fs,
    FsBase,
    Kind,
)

from tests.fs.archives import (
    kept,
    populate,
    tar_of,
    untar,
)
from tests.fs.checks import ino_of

if sys.platform != "linux":
    pytest.skip("GNU tar and what it keeps are Linux's", allow_module_level=True)

if shutil.which("tar") is None:
    pytest.skip("there is no tar", allow_module_level=True)

MakeFs = Callable[..., FsBase]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes such nodes")


def run_tar(*args: str | Path, data: bytes = b"") -> bytes:
    """What GNU tar writes; it must have nothing to complain about."""
    result = subprocess.run(["tar", *args], input=data, capture_output=True, timeout=15)
    assert (result.returncode, result.stderr) == (0, b"")
    return result.stdout


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


def test_gnu_tar_lists_what_is_written_without_a_complaint() -> None:
    fs = Fs()
    populate(fs)
    listed = run_tar("-t", data=tar_of(fs)).decode().splitlines()
    assert len(listed) == sum(len(a) + len(b) for _, a, b in fs.walk()) + 1
    assert run_tar("-xO", "d/e/second", data=tar_of(fs)) == b"content\n"


def test_gnu_tar_sees_the_extended_attributes() -> None:
    fs = Fs()
    fs.write_bytes("/f", b"")
    fs.inodes.setxattr(ino_of(fs, "/f"), b"user.a=b%", b"12345")
    listed = run_tar("-t", "--xattrs", "-vv", data=tar_of(fs))
    assert b"x: 5 user.a=b%\n" in listed


@pytest.mark.parametrize(
    ("format", "sparse"),
    [
        *itertools.product(("gnu", "oldgnu", "pax"), (False, True)),
        ("ustar", False),
        ("v7", False),
    ],
)
def test_what_gnu_tar_packs_is_unpacked(
    make_fs: MakeFs, tmp_path: Path, format: str, sparse: bool
) -> None:
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
    untar(fs, archive)
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
