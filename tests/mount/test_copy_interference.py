"""Programs that change the copied directory just while the driver is at work there."""

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from devdev_fs import Change, Fs, Ino
from devdev_mount import MergeConflict, Mount, MountError

if sys.platform != "linux":
    pytest.skip("these tests look at Linux's files", allow_module_level=True)

from tests.trees import tree_of_directory, tree_of_store


@pytest.fixture
def root(copy: Mount) -> Path:
    return copy.path


class Interference:
    """Calls back when this process lists directories of the host, or changes names."""

    def __init__(self, event: str, callback: Callable[[object], None]) -> None:
        self._event, self._callback = event, callback
        self._is_on = False
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == self._event and self._is_on:
            self._is_on = False
            try:
                self._callback(arguments[0])
            finally:
                self._is_on = True

    def __enter__(self) -> None:
        self._is_on = True

    def __exit__(self, *_: object) -> None:
        self._is_on = False


_EXCHANGE = """
import ctypes, os, sys
os.chdir(sys.argv[1])
os.symlink(sys.argv[2], "link")
exchange = ctypes.CDLL(None).renameat2
print(flush=True)
while True:
    exchange(-100, b"d", -100, b"link", 2)
"""
"""A program that has a directory and a link change places all the time."""


def test_nothing_gets_out_while_a_directory_and_a_link_change_places(
    fs: Fs, copy: Mount, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "f").write_text("outside")
    before = (tmp_path / "f").stat()
    fs.mkdir("/d")
    copy.push()
    command = [sys.executable, "-c", _EXCHANGE, str(root), str(tmp_path)]
    deadline = time.monotonic() + 3
    with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
        try:
            assert program.stdout
            assert program.stdout.readline()
            for number in range(200):
                with contextlib.suppress(MountError, MergeConflict):
                    if "d" in fs.listdir() and fs.lstat("/d").is_symlink:
                        fs.remove("/d")
                    fs.mkdir("/d", exist_ok=True)
                    fs.write_text("/d/f", f"inside {number}")
                    copy.push()
                    copy.pull()
                if time.monotonic() > deadline:
                    break
        finally:
            program.kill()
    assert os.listdir(tmp_path) == ["f"]
    assert (tmp_path / "f").stat().st_ctime_ns == before.st_ctime_ns
    copy.pull()
    assert tree_of_store(fs) == tree_of_directory(root)


def test_two_directories_that_are_always_seen_within_each_other(
    fs: Fs, copy: Mount, root: Path
) -> None:
    for name in "ab":
        fs.mkdir(f"/{name}")
        fs.write_text(f"/{name}/{name}", name)
    copy.push()
    numbers = {os.stat(root / name).st_ino: root / name for name in "ab"}
    looked_at: list[int] = []

    def confuse(what: object) -> None:
        """Whichever is listed second is in the first, and has the first in it."""
        number = os.fstat(int(str(what))).st_ino
        if number == os.stat(root).st_ino:
            for nested in (root / "a/b", root / "b/a"):
                if nested.exists():
                    os.rename(nested, root / nested.name)
            looked_at.clear()
        elif number in numbers:
            looked_at.append(number)
            (other,) = numbers.keys() - {number}
            here, there = numbers[number], numbers[other]
            if len(looked_at) == 2:
                os.rename(there / here.name, here)
            os.rename(there, here / there.name)

    with Interference("os.scandir", confuse), contextlib.suppress(MountError):
        copy.pull()
    copy.pull()
    assert tree_of_store(fs) == tree_of_directory(root)
    assert {b"/a/b/b", b"/b/a/a"} & tree_of_store(fs).keys()


def test_a_program_that_never_stops_moving_is_named(
    fs: Fs, copy: Mount, root: Path, tmp_path: Path
) -> None:
    (root / "a").mkdir()
    numbers = itertools.count()

    def replace(what: object) -> None:
        """It is another one whenever it is looked into."""
        os.rename(root / "a", tmp_path / str(next(numbers)))
        (root / "a").mkdir()

    begun = time.monotonic()
    with Interference("open", replace), pytest.raises(MountError, match="/a"):
        copy.pull()
    assert time.monotonic() - begun < 10
    copy.pull()
    assert tree_of_store(fs) == tree_of_directory(root)


@pytest.mark.parametrize("event", ["os.rename", "os.remove", "os.rmdir", "os.link"])
def test_a_push_goes_on_when_a_program_takes_away_what_it_moves(
    fs: Fs, copy: Mount, root: Path, event: str
) -> None:
    for name in ("moved", "removed", "stays"):
        fs.mkdir(f"/{name}/below", parents=True)
        fs.write_text(f"/{name}/below/f", name)
    fs.write_text("/linked", "linked")
    fs.write_text("/gone", "gone")
    copy.push()
    fs.rename("/moved", "/stays/moved")
    fs.remove_tree("/removed")
    fs.remove("/gone")
    fs.link("/linked", "/link")
    names = os.listdir(root)

    def take_away(what: object) -> None:
        """All that there was, once; a file comes in place of what was none."""
        while names:
            path = root / names.pop()
            if path.is_file():
                path.unlink()
                path.mkdir()
            elif path.is_dir():
                shutil.rmtree(path)
                path.write_text("by a program")

    with Interference(event, take_away):
        copy.push()
    assert not names
    assert (root / "stays/moved/below/f").read_text() == "moved"
    assert (root / "link").read_text() == (root / "linked").read_text() == "linked"
    copy.pull()
    assert tree_of_store(fs) == tree_of_directory(root)
    fs.check_invariants()


class DuringMerge:
    """Does something once, when a pull has brought in what programs changed."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callbacks = [callback]

    def flush(self) -> None:
        """Nothing is held back."""

    def orphaned(self, moves: Sequence[tuple[Ino, Ino]]) -> None:
        """Nothing is pinned."""

    def changed(self, changes: Sequence[Change]) -> None:
        while self._callbacks:
            self._callbacks.pop()()


def test_programs_go_on_while_what_others_changed_is_still_to_be_shown(
    fs: Fs, copy: Mount, root: Path
) -> None:
    fs.mkdir("/d")
    fs.write_text("/d/f", "f")
    fs.write_bytes("/a", b"\0before")
    copy.push()
    fs.rename("/d", "/e")
    fs.write_bytes("/a", b"\0by the api")
    (root / "b").write_text("b")

    def go_on() -> None:
        os.rename(root / "d", root / "x")
        (root / "a").write_bytes(b"\0by a program")

    attachment = fs.attach(DuringMerge(go_on))
    copy.pull()
    attachment.detach()
    copy.pull()
    assert tree_of_store(fs) == tree_of_directory(root)
    assert fs.read_text("/e/f") == fs.read_text("/x/f") == "f"
    assert fs.read_bytes("/a") == b"\0by the api"
    assert fs.read_bytes("/a~devdev-1") == b"\0by a program"
