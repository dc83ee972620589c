"""The libfuse driver: what a path-addressed library makes hard, none of it lost."""

import sys

import pytest

if sys.platform != "linux":
    pytest.skip("only Linux has a mount driver", allow_module_level=True)

import errno
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

from devdev_mount import (
    Fs,
    MountOptions,
    Served,
    mount,
    serve,
)

from tests.mount.programs import Program, run, run_python

DEADLINE = 5.0


pytestmark = [pytest.mark.fuse, pytest.mark.libfuse]


@pytest.fixture
def served() -> Iterator[Served]:
    with serve(driver="libfuse") as served:
        yield served
        served.fs.check_invariants()


@pytest.fixture
def root(served: Served) -> Path:
    return Path(served.path)


def is_gone(path: Path) -> bool:
    """Looked at from outside: a mount that is just being ended is an error."""
    return path.name not in os.listdir(path.parent)


def wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < deadline, what


# --- names that go while a file is open ------------------------------------------


def test_an_open_file_without_a_name_is_whole_and_nowhere_listed(
    served: Served, root: Path
) -> None:
    with open(root / "x", "w+b") as file:
        file.write(b"some")
        file.flush()
        before = served.fs.stat("/x")
        os.unlink(root / "x")
        assert os.fstat(file.fileno()).st_nlink == 0
        assert os.fstat(file.fileno()).st_ino == before.ino
        assert os.listdir(root) == []
        assert served.fs.listdir("/") == []
        os.ftruncate(file.fileno(), 100_000)
        os.fchmod(file.fileno(), 0o600)
        file.seek(99_996)
        file.write(b"more")
        file.flush()
        assert os.pread(file.fileno(), 4, 0) == b"some"
        assert os.pread(file.fileno(), 4, 99_996) == b"more"


def test_what_an_open_file_without_a_name_held_is_freed_when_it_is_closed(
    served: Served, root: Path
) -> None:
    free = served.fs.inodes.statvfs()
    with open(root / "x", "wb") as file:
        file.write(b"x" * 100_000)
        file.flush()
        os.unlink(root / "x")
    # The kernel says that a file is closed after close(2) has returned.
    wait_until(lambda: served.fs.inodes.statvfs() == free, "it is not freed")


def test_a_directory_goes_with_an_open_file_that_was_removed_from_it(
    served: Served, root: Path
) -> None:
    free = served.fs.inodes.statvfs()
    os.mkdir(root / "d")
    with open(root / "d/x", "w+b") as file:
        file.write(b"some")
        file.flush()
        os.unlink(root / "d/x")
        os.rmdir(root / "d")
        assert os.listdir(root) == []
        assert os.pread(file.fileno(), 10, 0) == b"some"
    wait_until(lambda: served.fs.inodes.statvfs() == free, "it is not freed")


def test_a_temporary_file_of_python_works(root: Path) -> None:
    with tempfile.TemporaryFile(dir=root) as file:
        file.write(b"some")
        file.seek(0)
        assert file.read() == b"some"


def test_a_file_that_is_renamed_over_an_open_one_leaves_that_to_who_has_it(
    served: Served, root: Path
) -> None:
    (root / "old").write_bytes(b"old")
    (root / "new").write_bytes(b"new")
    with open(root / "old", "rb") as file:
        os.rename(root / "new", root / "old")
        assert file.read() == b"old"
        assert os.fstat(file.fileno()).st_nlink == 0
    assert served.fs.read_bytes("/old") == b"new"
    assert os.listdir(root) == ["old"]


def test_a_file_that_is_renamed_to_another_of_its_names_keeps_both(
    served: Served, root: Path
) -> None:
    (root / "x").write_bytes(b"some")
    os.link(root / "x", root / "y")
    with open(root / "y", "rb") as file:
        os.rename(root / "x", root / "y")
        assert file.read() == b"some"
    assert served.fs.read_bytes("/x") == served.fs.read_bytes("/y") == b"some"


def test_an_open_file_may_be_given_a_name_like_those_of_libfuse(
    served: Served, root: Path
) -> None:
    name = ".fuse_hidden0000000200000001"
    (root / "x").write_bytes(b"some")
    with open(root / "x", "rb"):
        os.rename(root / "x", root / name)
        assert os.listdir(root) == [name]
    run("true", cwd=root)
    assert served.fs.read_bytes(f"/{name}") == b"some"


# --- several names ---------------------------------------------------------------


def test_what_is_written_by_one_name_is_read_by_another(root: Path) -> None:
    (root / "x").write_bytes(b"short")
    os.link(root / "x", root / "y")
    assert (root / "y").read_bytes() == b"short"
    (root / "x").write_bytes(b"longer than before")
    assert (root / "y").read_bytes() == b"longer than before"
    assert os.stat(root / "y").st_nlink == 2
    os.unlink(root / "x")
    assert os.stat(root / "y").st_nlink == 1


def test_who_has_it_open_by_another_name_soon_sees_what_is_written(root: Path) -> None:
    (root / "x").write_bytes(b"before")
    os.link(root / "x", root / "y")
    with open(root / "x", "rb", 0) as file:
        assert file.read() == b"before"
        fd = os.open(root / "y", os.O_WRONLY)
        os.write(fd, b"beyond")
        os.close(fd)
        wait_until(lambda: os.pread(file.fileno(), 6, 0) == b"beyond", "it is stale")


# --- flags and names -------------------------------------------------------------


def test_truncating_on_open_leaves_nothing_of_what_was_longer(
    served: Served, root: Path
) -> None:
    (root / "x").write_bytes(b"x" * 10_000)
    (root / "x").write_bytes(b"short")
    assert served.fs.read_bytes("/x") == b"short"


def test_what_is_appended_goes_behind_what_the_api_appended(
    served: Served, root: Path
) -> None:
    with open(root / "x", "ab", 0) as file:
        file.write(b"one ")
        served.fs.write_bytes("/x", b"one two ")
        file.write(b"three")
        assert served.fs.read_bytes("/x") == b"one two three"
        assert (root / "x").read_bytes() == b"one two three"


def test_only_the_time_that_is_set_changes(served: Served, root: Path) -> None:
    (root / "x").touch()
    os.utime(root / "x", ns=(1, -2))
    run("touch", "-a", root / "x")
    assert served.fs.stat("/x").mtime_ns == -2
    assert served.fs.stat("/x").atime_ns > 2


def test_names_that_are_no_text_are_kept(served: Served, root: Path) -> None:
    name = b"\xff\xfe caf\xe9"
    path = os.path.join(os.fsencode(root), name)
    with open(path, "wb") as file:
        file.write(b"some")
    os.symlink(name, path + b".link")
    os.setxattr(path, b"user.\xff", b"\0")
    assert sorted(os.listdir(os.fsencode(root))) == [name, name + b".link"]
    assert os.readlink(path + b".link") == name
    assert os.getxattr(path, b"user.\xff") == b"\0"
    assert served.fs.read_bytes(b"/" + name) == b"some"


def test_an_exchange_is_refused_and_destroys_nothing(root: Path) -> None:
    (root / "x").write_bytes(b"x")
    (root / "y").write_bytes(b"y")
    run_python(
        """
        import ctypes, errno, os
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.renameat2(-100, b"x", -100, b"y", 2) == -1
        assert ctypes.get_errno() == errno.EINVAL
        """,
        cwd=root,
    )
    assert ((root / "x").read_bytes(), (root / "y").read_bytes()) == (b"x", b"y")


def test_a_read_only_mount_refuses_changes() -> None:
    with serve(driver="libfuse", options=MountOptions(read_only=True)) as served:
        served.fs.write_bytes("/x", b"some")
        with pytest.raises(OSError, match="Read-only") as caught:
            os.unlink(Path(served.path) / "x")
        assert caught.value.errno == errno.EROFS
        assert (Path(served.path) / "x").read_bytes() == b"some"


# --- coherence -------------------------------------------------------------------


def test_changes_of_the_api_are_seen_at_once(served: Served, root: Path) -> None:
    with pytest.raises(FileNotFoundError):
        os.stat(root / "x")
    served.fs.write_bytes("/x", b"one")
    with open(root / "x", "rb", 0) as file:
        for content in (b"two", b"three", b"3"):
            served.fs.write_bytes("/x", content)
            assert os.pread(file.fileno(), 10, 0) == content
            assert os.stat(root / "x").st_size == len(content)
    served.fs.rename("/x", "/y")
    assert os.listdir(root) == ["y"]


def test_mapped_pages_reach_the_api_and_those_of_the_api_the_map(
    served: Served, root: Path
) -> None:
    (root / "x").write_bytes(b"." * 4096)
    script = """
        import mmap, sys
        file = open(sys.argv[1], "r+b")
        mapped = mmap.mmap(file.fileno(), 4096)
        file.close()
        for line in sys.stdin:
            begin, data = line.split()
            if data == "?":
                print(mapped[int(begin):int(begin) + 4].decode())
            else:
                mapped[int(begin):int(begin) + len(data)] = data.encode()
                print("written")
        """
    with Program(script, root / "x") as program:
        program.ask("0 some")
        assert served.fs.read_bytes("/x")[:8] == b"some...."
        with served.fs.open("/x", "r+b") as file:
            file.seek(4)
            file.write(b"more")
        assert program.ask("4 ?") == "more"
        assert program.ask("0 ?") == "some"


def test_a_file_that_the_api_puts_in_the_place_of_an_open_one_is_another(
    served: Served, root: Path
) -> None:
    served.fs.write_bytes("/x", b"first")
    with open(root / "x", "r+b", 0) as first:
        assert first.read() == b"first"
        served.fs.write_bytes("/new", b"other")
        served.fs.rename("/new", "/x")
        with open(root / "x", "rb", 0) as second:
            assert second.read() == b"other"
            os.pwrite(first.fileno(), b"FIRST", 0)
            assert os.pread(second.fileno(), 10, 0) == b"other"
            assert os.pread(first.fileno(), 10, 0) == b"FIRST"
    assert served.fs.read_bytes("/x") == b"other"


def test_an_open_file_outlives_a_restore(served: Served, root: Path) -> None:
    point = served.fs.checkpoint()
    with open(root / "x", "w+b", 0) as file:
        file.write(b"some")
        served.fs.restore(point)
        assert os.listdir(root) == []
        assert os.pread(file.fileno(), 10, 0) == b"some"
        assert os.fstat(file.fileno()).st_nlink == 0


# --- whose it is -----------------------------------------------------------------


def test_what_a_registered_process_changes_belongs_to_its_span(
    served: Served, root: Path
) -> None:
    with served.fs.actor("one") as span:
        served.attribute(os.getpid(), span)
        (root / "x").write_bytes(b"some")
        served.attribute(os.getpid(), 0)
        (root / "y").write_bytes(b"some")
    by = {each.actor: each.changes for each in served.fs.log().spans}
    assert [change.path for change in by["one"]] == ["/x"]
    assert [change.path for change in by[""]] == ["/y"]


# --- programs --------------------------------------------------------------------


def test_git_tar_make_and_sqlite_work(served: Served, root: Path) -> None:
    run("git", "init", "-q", "repo", cwd=root)
    repo = root / "repo"
    for number in range(20):
        (repo / f"f{number}.txt").write_text(f"{number}\n" * 50)
    (repo / "Makefile").write_text("all: out\nout: f0.txt\n\tcp f0.txt out\n")
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    run("git", *identity, "add", ".", cwd=repo)
    run("git", *identity, "commit", "-qm", "one", cwd=repo)
    run("git", "gc", "-q", cwd=repo)
    run("git", "fsck", "--strict", cwd=repo)
    assert run("git", "status", "--porcelain", cwd=repo) == ""
    run("make", "-s", cwd=repo)
    assert served.fs.read_bytes("/repo/out") == b"0\n" * 50
    run("tar", "cf", root / "all.tar", "repo", cwd=root)
    run("rm", "-r", repo)
    run("tar", "xf", root / "all.tar", cwd=root)
    assert run("git", "status", "--porcelain", "-uno", cwd=repo) == ""
    for mode in ("delete", "wal"):
        run_python(
            """
            import sqlite3, sys
            with sqlite3.connect("base") as base:
                base.execute(f"pragma journal_mode={sys.argv[1]}")
                base.execute("create table if not exists t (x)")
                for number in range(50):
                    base.execute("insert into t values (?)", (number,))
                    base.commit()
                assert base.execute("pragma integrity_check").fetchone() == ("ok",)
            """,
            mode,
            cwd=root,
        )


# --- the end ---------------------------------------------------------------------


def test_a_mount_that_is_used_is_ended_within_seconds(tmp_path: Path) -> None:
    begin = time.monotonic()
    with mount(Fs(), driver="libfuse") as mounted:
        path = mounted.path
        (path / "x").write_bytes(b"some")
        fd = os.open(path / "x", os.O_RDONLY)
    try:
        assert time.monotonic() - begin < DEADLINE
        with pytest.raises(OSError, match="not connected"):
            os.fstat(fd)
        assert not path.exists()
    finally:
        os.close(fd)


def test_signals_are_left_to_the_program() -> None:
    script = """
        import os, signal, sys
        from devdev_mount import Fs, mount
        with mount(Fs(), driver="libfuse") as mounted:
            print(mounted.path, flush=True)
            os.kill(os.getpid(), signal.SIGTERM)
        """
    done = subprocess.run(
        [sys.executable, "-c", dedent(script)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=15,
        check=False,
    )
    assert done.returncode == -signal.SIGTERM
    path = Path(done.stdout.strip())
    assert path.is_absolute()
    wait_until(lambda: is_gone(path), "the mount is still there")


def test_nothing_is_left_of_a_killed_process() -> None:
    script = """
        import sys
        from devdev_mount import Fs, mount
        mounted = mount(Fs(), driver="libfuse")
        (mounted.path / "x").write_bytes(b"some")
        file = open(mounted.path / "x")
        print(mounted.path, flush=True)
        sys.stdin.read()
        """
    with Program(script) as program:
        path = Path(program.ask())
        assert (path / "x").read_bytes() == b"some"
    wait_until(lambda: is_gone(path), "the mount is still there")
