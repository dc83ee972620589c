"""A tree of a filesystem written to the host, whole or not at all."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from devdev_fs import Errno, Fs, Kind, SetAttr
from devdev_mount import ExportReport, export_tree, import_tree, serve

from tests.conftest import may_mount
from tests.processes import wait_until

if sys.platform == "win32":
    pytest.skip("to export takes a POSIX host", allow_module_level=True)


@pytest.fixture
def fs() -> Fs:
    """One of everything that a host can have."""
    fs = Fs()
    fs.mkdir("/d/deep", parents=True)
    fs.write_text("/d/f", "content\n")
    fs.write_text("/d/deep/script", "#!/bin/sh\n")
    fs.chmod("/d/deep/script", 0o4755)
    fs.link("/d/f", "/hard")
    fs.symlink("d/f", "/soft")
    fs.symlink("nowhere", "/broken")
    fs.write_bytes(b"/\xff odd", b"")
    fs.chmod(b"/\xff odd", 0o600)
    fs.setattr("/d/f", SetAttr(atime_ns=1_000_000_001, mtime_ns=-1_500_000_001))
    fs.chmod("/d/deep", 0o555)
    fs.setattr("/d", SetAttr(mtime_ns=123_456_789_123))
    return fs


def leftovers(directory: Path) -> list[str]:
    return [name for name in os.listdir(directory) if name.startswith(".devdev-")]


def test_what_is_exported_and_imported_again_is_the_same_tree(
    fs: Fs, tmp_path: Path
) -> None:
    target = tmp_path / "out"
    report = export_tree(fs, target)
    again = Fs()
    import_tree(again, target)
    assert again.tree_digest() == fs.tree_digest()
    assert (report.files, report.directories, report.symlinks) == (3, 2, 2)
    assert (target / "d" / "f").stat().st_mtime_ns == -1_500_000_001
    assert (target / "d").stat().st_mtime_ns == 123_456_789_123
    assert (target / "hard").stat().st_nlink == 2
    assert leftovers(tmp_path) == []


def test_what_is_served_is_exported_as_it_is_at_that_moment(tmp_path: Path) -> None:
    with serve(driver="copy") as served:
        served.fs.write_text("/f", "before")

        def change(report: ExportReport) -> None:
            served.fs.write_text("/f", "after")

        export_tree(served.fs, tmp_path / "out", progress=change)
        assert served.fs.read_text("/f") == "after"
    assert (tmp_path / "out" / "f").read_text() == "before"


def test_extended_attributes_and_holes_are_kept(tmp_path: Path) -> None:
    fs = Fs()
    fs.write_bytes("/f", b"x")
    fs.truncate("/f", 64 * 2**20)
    fs.inodes.setxattr(fs.stat("/f").ino, b"user.note", b"\x00")
    report = export_tree(fs, tmp_path / "out")
    info = (tmp_path / "out" / "f").stat()
    assert info.st_size == 64 * 2**20
    assert info.st_blocks * 512 < 2**20
    if report.unkept:
        pytest.skip(f"no extended attributes in {tmp_path}")
    assert os.getxattr(tmp_path / "out" / "f", "user.note") == b"\x00"


def test_a_part_can_be_a_file_or_a_link(fs: Fs, tmp_path: Path) -> None:
    export_tree(fs, tmp_path / "f", "/d/f")
    export_tree(fs, tmp_path / "link", "/soft")
    assert (tmp_path / "f").read_text() == "content\n"
    assert os.readlink(tmp_path / "link") == "d/f"
    with pytest.raises(FileNotFoundError):
        export_tree(fs, tmp_path / "none", "/none")


@pytest.mark.parametrize("path", ["/", "/d/f"])
def test_what_is_there_is_left_alone(fs: Fs, tmp_path: Path, path: str) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "mine").write_text("mine")
    with pytest.raises(FileExistsError) as refused:
        export_tree(fs, target, path)
    assert refused.value.filename == str(target)
    assert os.listdir(tmp_path) == ["out"]
    assert os.listdir(target) == ["mine"]


def test_an_empty_directory_is_as_good_as_a_free_name(fs: Fs, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    export_tree(fs, tmp_path / "out")
    assert (tmp_path / "out" / "hard").exists()


def test_a_link_to_an_empty_directory_is_left_alone(fs: Fs, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "out").symlink_to("empty")
    with pytest.raises(FileExistsError):
        export_tree(fs, tmp_path / "out")
    assert os.listdir(tmp_path / "empty") == []


def test_what_is_there_can_be_replaced(fs: Fs, tmp_path: Path) -> None:
    target = tmp_path / "out"
    (target / "old").mkdir(parents=True)
    (target / "old").chmod(0o500)
    export_tree(fs, target, replace=True)
    assert not (target / "old").exists()
    assert (target / "hard").exists()
    export_tree(fs, target, "/d/f", replace=True)
    assert target.read_text() == "content\n"
    assert os.listdir(tmp_path) == ["out"]


def test_sockets_and_devices_are_left_out_and_named(tmp_path: Path) -> None:
    fs = Fs()
    fs.inodes.mknod(fs.stat("/").ino, b"socket", Kind.SOCKET | 0o600)
    fs.inodes.mknod(fs.stat("/").ino, b"pipe", Kind.FIFO | 0o640)
    report = export_tree(fs, tmp_path / "out")
    assert report.skipped == ("/socket",)
    assert stat.S_ISFIFO((tmp_path / "out" / "pipe").lstat().st_mode)


def test_where_there_is_no_room_nothing_is_changed(tmp_path: Path) -> None:
    if not may_mount():
        pytest.skip("a small filesystem cannot be mounted")
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-osize=1m", "none", small], check=True)
    try:
        fs = Fs()
        fs.write_bytes("/f", bytes(range(256)) * 8192)
        with pytest.raises(OSError, match="No space left") as refused:
            export_tree(fs, small / "out")
        assert refused.value.errno == Errno.ENOSPC
        assert os.listdir(small) == []
    finally:
        subprocess.run(["umount", small], check=True)


_EXPORT_FOR_EVER = """
import sys
from devdev_fs import Fs
from devdev_mount import export_tree
fs = Fs()
for number in range(40):
    fs.write_text(f"/f{number}", sys.argv[2])
while True:
    export_tree(fs, sys.argv[1], replace=True)
    print(".", end="", flush=True)
"""


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that writes the same place again and again."""
    program = [sys.executable, "-c", _EXPORT_FOR_EVER, str(tmp_path / "out"), "new"]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("pause", [0.0, 0.002, 0.005])
def test_a_killed_export_leaves_all_or_nothing(
    exporter: "subprocess.Popen[bytes]", tmp_path: Path, pause: float
) -> None:
    assert exporter.stdout is not None
    assert exporter.stdout.read(1) == b"."
    with pytest.raises(subprocess.TimeoutExpired):
        exporter.wait(pause)
    exporter.send_signal(signal.SIGKILL)
    exporter.wait(5)
    names = {f"f{number}" for number in range(40)}
    assert set(os.listdir(tmp_path / "out")) == names
    assert all((tmp_path / "out" / name).read_text() == "new" for name in names)
    # The next one clears up after it, and not after one that is still at work.
    export_tree(Fs(), tmp_path / "out", replace=True)
    wait_until(lambda: leftovers(tmp_path) == [], "the leftovers' end")


def test_one_that_is_at_work_is_left_alone(fs: Fs, tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def export_another(report: ExportReport) -> None:
        if not seen:
            seen.append(leftovers(tmp_path))
            export_tree(fs, tmp_path / "another")
            assert set(seen[0]) <= set(leftovers(tmp_path))

    export_tree(fs, tmp_path / "out", progress=export_another)
    assert len(seen[0]) == 1
    assert (tmp_path / "out" / "hard").exists()
