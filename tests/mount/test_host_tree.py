"""Changes of a filesystem brought back to the host directory that it came from."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from devdev_fs import Fs
from devdev_mount import HostChanged, HostTree, import_tree

from tests.conftest import may_mount

if sys.platform == "win32":
    pytest.skip("to bring changes back takes a POSIX host", allow_module_level=True)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    top = tmp_path / "top"
    (top / "d" / "deep").mkdir(parents=True)
    (top / "d" / "f").write_text("old\n")
    (top / "d" / "deep" / "x").write_text("x\n")
    (top / "g").write_text("g\n")
    (top / "same").write_text("same\n")
    (top / "link").symlink_to("g")
    os.link(top / "g", top / "also-g")
    return top


def change(fs: Fs) -> None:
    """Some of every kind of change."""
    fs.write_text("/d/f", "new and longer\n")
    fs.chmod("/d/f", 0o755)
    fs.rename("/d/deep", "/moved")
    fs.write_text("/g", "changed by one of its names\n")
    fs.remove("/link")
    fs.symlink("d/f", "/link")
    fs.mkdir("/new/er", parents=True)
    fs.write_text("/new/er/file", "1")
    fs.link("/new/er/file", "/new/hard")
    fs.chmod("/new/er", 0o500)
    fs.chmod("/d", 0o700)


def imported(top: Path) -> Fs:
    fs = Fs()
    import_tree(fs, top)
    return fs


def contents(top: Path) -> str:
    return imported(top).tree_digest()


def test_what_was_changed_is_changed_on_the_host(top: Path) -> None:
    tree = HostTree(top)
    fs = imported(top)
    before = fs.fork()
    untouched = (top / "same").lstat()
    change(fs)
    report = tree.apply(before, fs)
    assert contents(top) == fs.tree_digest()
    assert (top / "same").lstat() == untouched
    assert (top / "g").stat().st_ino == (top / "also-g").stat().st_ino
    assert report.removed == ("/d/deep", "/d/deep/x")
    assert "/new/er/file" in report.added
    assert "/d/f" in report.changed
    assert sorted(os.listdir(top)) == sorted(fs.listdir("/"))


def test_it_is_told_on_the_way_how_many_bytes_of_how_many_are_written(
    top: Path,
) -> None:
    """What has several names is counted once, what stays as it is not at all."""
    tree = HostTree(top)
    fs = imported(top)
    before = fs.fork()
    fs.write_bytes("/d/f", bytes(2_500_000))
    fs.write_text("/g", "changed by one of its names\n")
    notes: list[tuple[int, int]] = []
    tree.apply(before, fs, progress=lambda *note: notes.append(note))
    assert notes[-1] == (2_500_028, 2_500_028)
    assert len(notes) > 3
    assert notes == sorted(notes)


def test_nothing_to_do_touches_nothing(top: Path) -> None:
    tree = HostTree(top)
    fs = imported(top)
    old = top.stat().st_mtime_ns
    assert tree.apply(fs.fork(), fs).changed == ()
    assert top.stat().st_mtime_ns == old


def test_one_kind_of_thing_takes_the_place_of_another(top: Path) -> None:
    tree = HostTree(top)
    fs = imported(top)
    before = fs.fork()
    fs.remove_tree("/d")
    fs.write_text("/d", "a file")
    fs.remove("/g")
    fs.mkdir("/g/in", parents=True)
    tree.apply(before, fs)
    assert contents(top) == fs.tree_digest()


@pytest.mark.parametrize(
    ("meddle", "path"),
    [
        (lambda top: (top / "d" / "f").write_text("mine"), "/d/f"),
        (lambda top: (top / "d" / "f").chmod(0o600), "/d/f"),
        (lambda top: (top / "d" / "f").unlink(), "/d/f"),
        (lambda top: (top / "new").mkdir(), "/new"),
        (lambda top: (top / "d" / "deep" / "y").touch(), "/d/deep/y"),
        (lambda top: os.replace(top / "same", top / "link"), "/link"),
    ],
)
def test_what_changed_on_the_host_meanwhile_is_refused_and_named(
    top: Path, meddle: Callable[[Path], object], path: str
) -> None:
    tree = HostTree(top)
    fs = imported(top)
    before = fs.fork()
    change(fs)
    meddle(top)
    there = contents(top)
    with pytest.raises(HostChanged) as refused:
        tree.apply(before, fs)
    assert refused.value.paths == (path,)
    assert contents(top) == there


def test_what_changed_elsewhere_does_not_matter(top: Path) -> None:
    tree = HostTree(top)
    fs = imported(top)
    before = fs.fork()
    change(fs)
    (top / "same").write_text("mine")
    (top / "other").write_text("mine")
    tree.apply(before, fs)
    assert (top / "same").read_text() == "mine"
    assert (top / "link").read_text() == "new and longer\n"


def test_what_was_left_out_of_the_import_is_not_overwritten(top: Path) -> None:
    tree = HostTree(top)
    fs = Fs()
    import_tree(fs, top, exclude=["same", "deep"])
    before = fs.fork()
    fs.write_text("/same", "other")
    fs.remove_tree("/d")
    with pytest.raises(HostChanged) as refused:
        tree.apply(before, fs)
    assert refused.value.paths == ("/d/deep", "/same")
    assert (top / "same").read_text() == "same\n"


def test_where_there_is_no_room_nothing_is_changed(tmp_path: Path) -> None:
    if not may_mount():
        pytest.skip("a small filesystem cannot be mounted")
    top = tmp_path / "small"
    top.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-osize=1m", "none", top], check=True)
    try:
        (top / "f").write_text("old")
        tree = HostTree(top)
        fs = imported(top)
        before = fs.fork()
        fs.write_text("/f", "new")
        fs.write_bytes("/large", bytes(range(256)) * 8192)
        with pytest.raises(OSError, match="No space left"):
            tree.apply(before, fs)
        assert os.listdir(top) == ["f"]
        assert (top / "f").read_text() == "old"
    finally:
        subprocess.run(["umount", top], check=True)


# Ends itself at one of the calls that change the host.
_KILLED = """
import os, signal, sys
from devdev_fs import Fs
from devdev_mount import HostTree, import_tree
from tests.mount.test_host_tree import change
top, at = sys.argv[1], int(sys.argv[2])
tree = HostTree(top)
fs = Fs()
import_tree(fs, top)
before = fs.fork()
change(fs)
calls = 0
def killing(function):
    def call(*args, **options):
        global calls
        calls += 1
        if calls == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **options)
    return call
for name in ("rename", "replace", "link", "mkdir", "chmod", "unlink", "rmdir"):
    setattr(os, name, killing(getattr(os, name)))
tree.apply(before, fs)
"""


def test_one_that_is_killed_at_any_moment_is_put_back_or_done(tmp_path: Path) -> None:
    ends = set()
    for at in range(1, 60, 5):
        top = tmp_path / str(at)
        subprocess.run(["cp", "-a", make(tmp_path), top], check=True)
        old = contents(top)
        program = [sys.executable, "-c", _KILLED, str(top), str(at)]
        code = subprocess.run(program, cwd=Path(__file__).parents[2]).returncode
        HostTree(top)
        names = [name for name in os.listdir(top) if name.startswith(".devdev")]
        for name in names:  # nothing is in it that would be missed
            assert not (top / name / "journal").exists()
            subprocess.run(["rm", "-r", top / name], check=True)
        fs = imported(make(tmp_path))
        change(fs)
        assert contents(top) in (old, fs.tree_digest())
        ends.add((code, contents(top) == old))
        if code == 0:
            break
    assert ends == {(-signal.SIGKILL, True), (-signal.SIGKILL, False), (0, False)}


def make(tmp_path: Path) -> Path:
    """The same tree again and again."""
    model = tmp_path / "model"
    if not model.exists():
        (model / "d" / "deep").mkdir(parents=True)
        (model / "d" / "f").write_text("old\n")
        (model / "d" / "deep" / "x").write_text("x\n")
        (model / "g").write_text("g\n")
        (model / "link").symlink_to("g")
    return model


def test_a_special_file_is_left_alone(top: Path) -> None:
    os.mkfifo(top / "pipe")
    tree = HostTree(top)
    fs = imported(top)
    before = fs.fork()
    fs.remove("/g")
    tree.apply(before, fs)
    assert stat.S_ISFIFO((top / "pipe").lstat().st_mode)
