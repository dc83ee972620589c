"""Real mounts on Windows: WinFsp's driver below, the host's own calls above."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from devdev_fs import Fs
from devdev_mount import Mount, MountError, mount

pytestmark = pytest.mark.winfsp


@pytest.fixture
def mounted() -> Iterator[Mount]:
    with mount(Fs()) as mounted:
        yield mounted


def test_a_drive_shows_the_filesystem(mounted: Mount) -> None:
    mounted.fs.write_bytes("/file", b"from the API")
    assert (mounted.path / "file").read_bytes() == b"from the API"
    (mounted.path / "other").write_bytes(b"from the host")
    assert mounted.fs.read_bytes("/other") == b"from the host"
    assert sorted(os.listdir(mounted.path)) == ["file", "other"]


def test_what_the_api_changes_is_seen_when_it_returns(mounted: Mount) -> None:
    place = mounted.path / "file"
    for text in ("one", "longer than that", "x"):
        mounted.fs.write_text("/file", text)
        assert place.read_text() == text
    mounted.fs.remove("/file")
    assert not place.exists()


def test_case_does_not_matter(mounted: Mount) -> None:
    (mounted.path / "ReadMe").write_bytes(b"text")
    assert (mounted.path / "README").read_bytes() == b"text"
    assert os.listdir(mounted.path) == ["ReadMe"]


def test_names_are_moved_replaced_and_removed(mounted: Mount) -> None:
    (mounted.path / "d").mkdir()
    (mounted.path / "a").write_bytes(b"a")
    os.replace(mounted.path / "a", mounted.path / "d" / "b")
    with pytest.raises(OSError, match="not empty"):
        (mounted.path / "d").rmdir()
    (mounted.path / "c").write_bytes(b"c")
    with pytest.raises(FileExistsError):
        os.rename(mounted.path / "c", mounted.path / "d" / "b")
    os.replace(mounted.path / "c", mounted.path / "d" / "b")
    assert mounted.fs.read_bytes("/d/b") == b"c"
    (mounted.path / "d" / "b").unlink()
    (mounted.path / "d").rmdir()
    assert mounted.fs.listdir() == []


def test_append_and_a_read_only_file(mounted: Mount) -> None:
    place = mounted.path / "log"
    for piece in (b"one,", b"two"):
        with place.open("ab") as file:
            file.write(piece)
    assert mounted.fs.read_bytes("/log") == b"one,two"
    place.chmod(0o444)
    assert mounted.fs.stat("/log").perm == 0o444
    with pytest.raises(PermissionError):
        place.write_bytes(b"")


def test_links_of_the_store_are_followed(mounted: Mount) -> None:
    mounted.fs.mkdir("/d")
    mounted.fs.write_bytes("/d/file", b"x")
    mounted.fs.symlink("d", "/link")
    assert (mounted.path / "link" / "file").read_bytes() == b"x"
    assert os.readlink(mounted.path / "link") == "d"


def test_a_program_runs_there(mounted: Mount) -> None:
    code = "import pathlib; pathlib.Path('made').write_text('by a program')"
    subprocess.run(
        [sys.executable, "-c", code], cwd=mounted.path, check=True, timeout=15
    )
    assert mounted.fs.read_text("/made") == "by a program"


def test_a_directory_is_mounted_on(tmp_path: Path) -> None:
    place = tmp_path / "here"
    with mount(Fs(), place) as mounted:
        mounted.fs.write_bytes("/file", b"x")
        assert (place / "file").read_bytes() == b"x"
    assert not place.exists()


def test_a_place_that_is_in_use_is_refused(mounted: Mount) -> None:
    with pytest.raises(MountError):
        mount(Fs(), mounted.path.drive)
