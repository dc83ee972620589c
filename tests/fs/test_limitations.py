"""What LIMITATIONS.md says of devdev-fs."""

import shutil
import tracemalloc
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from random import Random

import pytest
from devdev_fs import Checkpoint, Fs

from tests.fs.hosted import Files, read_files, write_files
from tests.fs.patching import run_tool


def test_the_api_reads_a_file_that_nobody_may_read() -> None:
    fs = Fs()
    fs.write_text("/f", "secret")
    fs.chmod("/f", 0)
    assert fs.read_text("/f") == "secret"


def test_an_open_span_is_counted_when_it_ends() -> None:
    fs = Fs()
    fs.write_bytes("/f", b"x" * 100_000)
    fs.set_history_limits(max_bytes=4096)
    with fs.actor("a") as span:
        fs.write_bytes("/f", b"y" * 100_000)
        assert [each.id for each in fs.log().spans] == [span]
    assert fs.log().spans == []


def patch_files(tool: str, fs: Fs, since: Checkpoint, top: Path) -> tuple[bool, Files]:
    """Have `tool` patch files as they were at a checkpoint to what they are now.

    Returns:
        Whether it says that it succeeded, and the files as it left them.
    """
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    top.mkdir()
    with fs.fork(since) as before:
        write_files(before, top)
    done = run_tool(tool, fs.diff_text(since), top)
    return done.returncode == 0, read_files(top)


def make_a_file(fs: Fs) -> None:
    fs.write_text("/x", "one\n")


def make_a_directory(fs: Fs) -> None:
    fs.mkdir("/x")
    fs.write_text("/x/f", "two\n")


@pytest.mark.parametrize(
    ("old", "new"), [(make_a_file, make_a_directory), (make_a_directory, make_a_file)]
)
def test_gnu_patch_puts_no_file_in_a_directorys_place(
    tmp_path: Path, old: Callable[[Fs], None], new: Callable[[Fs], None]
) -> None:
    """Nor the other way round; git does."""
    fs = Fs()
    old(fs)
    since = fs.checkpoint()
    fs.remove_tree("/x")
    new(fs)
    write_files(fs, tmp_path / "expected")
    expected = read_files(tmp_path / "expected")
    assert patch_files("git", fs, since, tmp_path / "git") == (True, expected)
    succeeds, files = patch_files("patch", fs, since, tmp_path / "patch")
    assert not succeeds
    assert files != expected


def test_a_patch_with_a_binary_file_is_refused_or_leaves_it_as_it_is(
    tmp_path: Path,
) -> None:
    fs = Fs()
    fs.write_bytes("/binary", b"\0")
    fs.write_text("/text", "one\n")
    since = fs.checkpoint()
    fs.append("/binary", b"more")
    fs.write_text("/text", "two\n")
    before = {b"binary": (b"\0", False), b"text": (b"one\n", False)}
    after = before | {b"text": (b"two\n", False)}
    assert patch_files("git", fs, since, tmp_path / "git") == (False, before)
    assert patch_files("patch", fs, since, tmp_path / "patch") == (True, after)


def kept_by_one_file_of(load: Callable[[Fs, bytes], None]) -> int:
    """The bytes that are held for the last of 16 files of 1 MiB that were loaded."""
    made, random = Fs(), Random(0)
    for number in range(16):
        made.write_bytes(f"/{number}", random.randbytes(2**20))
    tracemalloc.start()
    try:
        fs = Fs()
        load(fs, made.dump())
        for number in range(1, 16):
            fs.remove(f"/{number}")
        one_left, _ = tracemalloc.get_traced_memory()
        fs.remove("/0")
        none_left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return one_left - none_left


def test_a_file_that_was_loaded_from_bytes_keeps_all_of_them() -> None:
    by_bytes = kept_by_one_file_of(Fs.load)
    by_file = kept_by_one_file_of(lambda fs, data: fs.load_from(BytesIO(data)))
    assert by_bytes == pytest.approx(16 * 2**20, rel=0.02)
    assert by_file == pytest.approx(2**20, rel=0.02)


def test_a_page_that_changed_makes_a_snapshot_longer_by_a_block() -> None:
    fs = Fs()
    fs.write_bytes("/f", bytes(range(1, 256)) * 4096)
    with fs.actor("a"):
        fs.inodes.write(fs.stat("/f").ino, 0, b"x")
    longer = len(fs.dump(history=True)) - len(fs.dump())
    assert 2**18 < longer < 2**18 + 1_000
