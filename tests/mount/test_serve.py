"""A filesystem and its mount in a process of their own, and the client's interface."""

import ctypes
import errno
import importlib.util
import mmap
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest
from devdev_fs.testing import ManualClock
from devdev_mount import (
    AtimePolicy,
    DriverName,
    Fs,
    FsError,
    MergeConflict,
    MountError,
    MountOptions,
    Served,
    ServerDied,
    SnapshotError,
    serve,
)
from devdev_mount._messages import decode_failure, encode_failure

from tests.processes import is_gone, is_listed, wait_until

if sys.platform != "linux":
    pytest.skip("only Linux has a mount driver", allow_module_level=True)

pytestmark = pytest.mark.fuse


@pytest.fixture
def served() -> Iterator[Served]:
    with serve() as served:
        yield served


def run(*argv: str | Path, cwd: Path | None = None) -> str:
    """Run a program to its end and return what it wrote."""
    return subprocess.run(
        argv, check=True, capture_output=True, text=True, timeout=10, cwd=cwd
    ).stdout


# --- the interface ---------------------------------------------------------------


def test_what_the_client_writes_is_at_the_mount(served: Served) -> None:
    served.fs.write_text("/hello.txt", "world\n")
    assert run("cat", served.path / "hello.txt") == "world\n"


def test_what_a_program_writes_is_at_the_client(served: Served) -> None:
    run(
        "sh",
        "-c",
        "echo one > f; ln f g; mkdir -p a/b; ln -s ../f a/l",
        cwd=served.path,
    )
    assert served.fs.read_text("/a/l") == "one\n"
    assert served.fs.stat("/f").nlink == 2


def test_a_refused_operation_raises_what_the_filesystem_raises(served: Served) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        served.fs.read_bytes("/missing")
    assert isinstance(caught.value, FsError)
    assert caught.value.filename == "/missing"


def test_a_bad_snapshot_is_refused_and_nothing_is_left() -> None:
    with pytest.raises(SnapshotError, match="byte 0"):
        serve(snapshot=b"nonsense")


def test_a_bad_snapshot_restored_changes_nothing(served: Served) -> None:
    served.fs.write_text("/f", "kept")
    with pytest.raises(SnapshotError):
        served.fs.load(served.fs.dump()[:-1])
    assert served.fs.read_text("/f") == "kept"


def test_a_snapshot_goes_from_one_server_to_another(served: Served) -> None:
    run("sh", "-c", "echo data > f; chmod 640 f; ln -s f l", cwd=served.path)
    snapshot = served.fs.dump()
    with serve(snapshot=snapshot) as other:
        assert other.fs.dump() == snapshot
        assert run("cat", other.path / "l") == "data\n"


def test_many_threads_call_at_once(served: Served) -> None:
    def work(number: int) -> None:
        for count in range(50):
            served.fs.write_text(f"/{number}", f"{count}")
            assert served.fs.read_text(f"/{number}") == f"{count}"

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    served.fs.check_invariants()


def test_a_missing_mountpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(MountError, match="nowhere"):
        serve(tmp_path / "nowhere")


def test_a_mountpoint_of_the_caller_is_used_and_kept(tmp_path: Path) -> None:
    with serve(tmp_path) as served:
        served.fs.write_text("/f", "x")
        assert run("ls", tmp_path) == "f\n"
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_mount_refuses_programs_but_not_the_client() -> None:
    with serve(options=MountOptions(read_only=True)) as served:
        served.fs.write_text("/f", "x")
        done = subprocess.run(
            ["touch", served.path / "g"], capture_output=True, text=True, timeout=10
        )
        assert "Read-only file system" in done.stderr
        assert run("cat", served.path / "f") == "x"


# --- the end ---------------------------------------------------------------------


def test_closing_removes_mount_directory_and_processes(served: Served) -> None:
    pid, path = served.pid, served.path
    served.close()
    served.close()
    assert not is_listed(path)
    assert is_gone(pid)
    with pytest.raises(MountError, match="closed"):
        served.fs.exists("/")


def test_closing_while_a_program_uses_the_mount_does_not_wait(served: Served) -> None:
    child = subprocess.Popen(["sleep", "60"], cwd=served.path)
    try:
        served.close()
        assert not is_listed(served.path)
    finally:
        child.kill()
        child.wait()


def test_a_killed_server_is_reported_and_its_mount_is_removed(served: Served) -> None:
    os.kill(served.pid, signal.SIGKILL)
    with pytest.raises(ServerDied, match="SIGKILL"):
        served.fs.exists("/")
    wait_until(lambda: not is_listed(served.path), "the mount and its directory to go")
    assert not served.is_alive


def test_a_stopped_server_is_killed_when_closed(served: Served) -> None:
    os.kill(served.pid, signal.SIGSTOP)
    served.close()
    wait_until(lambda: not is_listed(served.path), "the mount and its directory to go")


OWNER = """
    import os, sys, time
    from devdev_mount import serve
    served = serve()
    served.fs.write_text("/f", "x" * 100000)
    print(served.path, served.pid, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("victim", ["owner", "server", "both"])
def test_after_sigkill_nothing_is_left_within_two_seconds(victim: str) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(OWNER)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    path_text, pid_text = owner.stdout.readline().split()
    path, pid = Path(path_text), int(pid_text)
    user = subprocess.Popen(
        ["sh", "-c", "while touch f; do :; done"],
        cwd=path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for each in {"owner": [owner.pid], "server": [pid]}.get(
            victim, [owner.pid, pid]
        ):
            os.kill(each, signal.SIGKILL)
        wait_until(lambda: is_gone(pid), "the server to end", 2.0)
        wait_until(lambda: not is_listed(path), "the mount to go", 2.0)
        user.wait(2.0)
    finally:
        user.kill()
        user.wait()
        owner.kill()
        owner.wait()
        owner.stdout.close()


def test_a_stopped_server_ends_with_its_owner() -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(OWNER)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    path_text, pid_text = owner.stdout.readline().split()
    os.kill(int(pid_text), signal.SIGSTOP)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    wait_until(lambda: is_gone(int(pid_text)), "the server to end", 4.0)
    wait_until(lambda: not is_listed(Path(path_text)), "the mount to go", 4.0)


def test_a_forked_child_does_not_keep_the_server_up(served: Served) -> None:
    read_end, write_end = os.pipe()
    child = os.fork()
    if not child:
        os.close(write_end)
        os.read(read_end, 1)
        os._exit(0)
    os.close(read_end)
    try:
        served.close()
        assert is_gone(served.pid)
    finally:
        os.close(write_end)
        os.waitpid(child, 0)


# --- from the process that owns it -----------------------------------------------


@pytest.fixture
def program(served: Served) -> Path:
    """A real binary on the mount."""
    true = shutil.which("true")
    assert true is not None
    served.fs.write_bytes("/prog", Path(true).read_bytes())
    served.fs.chmod("/prog", 0o755)
    return served.path / "prog"


def test_a_subprocess_with_its_directory_there_runs(served: Served) -> None:
    assert subprocess.run(["true"], cwd=served.path, timeout=10).returncode == 0


def test_a_subprocess_of_a_program_there_runs(program: Path) -> None:
    assert subprocess.run([program], timeout=10).returncode == 0


def test_posix_spawn_of_a_program_there_runs(program: Path) -> None:
    pid = os.posix_spawn(program, [str(program)], {})
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_mapped_file_can_be_read_and_written(served: Served) -> None:
    served.fs.write_bytes("/f", b"a" * 8192)
    with (
        open(served.path / "f", "r+b") as file,
        mmap.mmap(file.fileno(), 8192) as mapped,
    ):
        assert mapped[5000] == ord("a")
        mapped[5000:5003] = b"xyz"
        mapped.flush()
    assert served.fs.read_bytes("/f")[4999:5004] == b"axyza"


def test_the_client_reads_what_a_mapping_has_not_written_back(served: Served) -> None:
    served.fs.write_bytes("/f", b"a" * 8192)
    with (
        open(served.path / "f", "r+b") as file,
        mmap.mmap(file.fileno(), 8192) as mapped,
    ):
        mapped[0:3] = b"xyz"
        assert served.fs.read_bytes("/f")[:4] == b"xyza"
        served.fs.inodes.write(served.fs.inodes.resolve("/f"), 100, b"client")
        mapped[200:203] = b"abc"
        assert mapped[100:106] == b"client"
        assert served.fs.read_bytes("/f")[198:204] == b"aaabca"


def test_an_extension_module_there_can_be_imported(served: Served) -> None:
    spec = importlib.util.find_spec("_json")
    if spec is None or not spec.origin or not spec.origin.endswith(".so"):
        pytest.skip("this Python has _json built in, and no file of it to import")
    built = Path(spec.origin)
    served.fs.write_bytes(f"/{built.name}", built.read_bytes())
    ctypes.PyDLL(str(served.path / built.name))
    code = "import sys; sys.path.insert(0, '.'); import _json; print(_json.__file__)"
    assert built.name in run(sys.executable, "-S", "-c", code, cwd=served.path)


COUNT_FILES = """
    import os, time
    end = time.monotonic() + 0.5
    count = 0
    while time.monotonic() < end:
        os.close(os.open("f", os.O_CREAT))
        os.unlink("f")
        count += 1
    print(count)
"""


def test_a_busy_thread_of_the_owner_does_not_slow_the_mount_down(
    served: Served,
) -> None:
    def measure() -> int:
        """How many files a program makes and removes in half a second."""
        code = textwrap.dedent(COUNT_FILES)
        return int(run(sys.executable, "-S", "-c", code, cwd=served.path))

    def spin() -> None:
        while not stop.is_set():
            pass

    stop = threading.Event()
    elsewhere, here = [], []
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-S", "-c", "while True: pass"]
        ) as other:
            elsewhere.append(measure())
            other.kill()
        stop.clear()
        busy = threading.Thread(target=spin)
        busy.start()
        here.append(measure())
        stop.set()
        busy.join()
    # As with a busy process beside it; through a shared GIL it is a fiftieth of that.
    assert max(here) > max(elsewhere) / 3


# --- import ----------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A host directory with all that an import keeps."""
    top = tmp_path / "tree"
    (top / "sub").mkdir(parents=True)
    (top / "a").write_bytes(b"alpha" * 1000)
    (top / "a").chmod(0o640)
    os.utime(top / "a", ns=(1_000_000_001, -1_000_000_001))
    os.link(top / "a", top / "sub" / "hard")
    (top / "sub" / "soft").symlink_to("../a")
    os.mkfifo(top / "sub" / "pipe")
    os.utime(top / "sub", ns=(5, 7))
    return top


def test_an_import_keeps_modes_times_and_links(served: Served, tree: Path) -> None:
    report = served.import_tree(tree, "/in")
    fs = served.fs
    assert (report.files, report.directories, report.symlinks) == (1, 1, 1)
    assert report.skipped == (str(tree / "sub" / "pipe"),)
    stat = fs.stat("/in/a")
    assert (stat.perm, stat.nlink, stat.uid) == (0o640, 2, 0)
    assert (stat.atime_ns, stat.mtime_ns) == (1_000_000_001, -1_000_000_001)
    assert fs.stat("/in/sub/hard").ino == stat.ino
    assert fs.readlink("/in/sub/soft") == "../a"
    assert fs.stat("/in/sub").mtime_ns == 7
    assert run("cat", served.path / "in" / "a") == "alpha" * 1000


def test_an_import_leaves_out_the_names_it_is_given(served: Served, tree: Path) -> None:
    """Wherever they are, and before anything is made of what is below them."""
    (tree / "sub" / "deep" / "cache").mkdir(parents=True)
    (tree / "sub" / "deep" / "cache" / "file").touch()
    (tree / "cache").touch()
    report = served.import_tree(tree, "/in", exclude=["cache", "pipe", "absent"])
    assert (report.files, report.total_files, report.skipped) == (1, 1, ())
    assert [top for top, _, _ in served.fs.walk("/in")] == [
        "/in",
        "/in/sub",
        "/in/sub/deep",
    ]
    assert served.fs.listdir("/in") == ["a", "sub"]


def test_what_an_import_leaves_out_is_not_in_its_way(
    served: Served, tree: Path
) -> None:
    served.fs.write_text("/a", "mine")
    served.import_tree(tree, "/", exclude=["a"])
    assert served.fs.read_text("/a") == "mine"


def test_an_import_overwrites_nothing(served: Served, tree: Path) -> None:
    served.fs.write_text("/sub", "mine")
    before = served.fs.image_digest()
    with pytest.raises(FileExistsError, match="/sub"):
        served.import_tree(tree, "/")
    assert served.fs.image_digest() == before


def test_an_import_that_does_not_fit_brings_nothing_in(tree: Path) -> None:
    with serve(max_bytes=4096) as served:
        with pytest.raises(OSError, match="needs 8192 bytes"):
            served.import_tree(tree, "/in")
        assert served.fs.listdir("/") == []


def test_an_import_that_is_given_up_is_removed(served: Served, tree: Path) -> None:
    for number in range(500):
        (tree / f"f{number}").write_bytes(b"x")

    def give_up(report: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        served.import_tree(tree, "/in", progress=give_up)
    wait_until(lambda: not served.fs.exists("/in"), "the import to be undone")


def test_an_import_of_no_directory_says_so(served: Served, tree: Path) -> None:
    with pytest.raises(NotADirectoryError, match="a"):
        served.import_tree(tree / "a")
    with pytest.raises(FileNotFoundError):
        served.import_tree(tree / "missing")


# --- how it is served ------------------------------------------------------------


@pytest.mark.parametrize(
    ("atime", "moves"),
    [("strict", [True, True]), ("relative", [True, False]), ("never", [False, False])],
)
def test_reading_moves_the_time_of_access_as_asked_for(
    atime: AtimePolicy, moves: list[bool]
) -> None:
    with serve(atime=atime, clock=ManualClock(10**18, 1000)) as served:
        served.fs.write_text("/f", "x")
        seen = []
        for _ in moves:
            before = served.fs.stat("/f").atime_ns
            served.fs.read_text("/f")
            seen.append(served.fs.stat("/f").atime_ns > before)
        assert seen == moves


def test_a_served_copy_is_kept_in_step_on_request() -> None:
    with serve(driver="copy") as served:
        assert (served.driver, served.path.name) == ("copy", "files")
        served.fs.write_text("/f", "one\n")
        assert served.push().made == 1
        run("sh", "-c", "cat f; echo two > f; mkdir d", cwd=served.path)
        report = served.pull("me")
        assert served.fs.read_text("/f") == "two\n"
        (span,) = (each for each in served.fs.log().spans if each.id == report.span)
        assert (span.actor, len(span.changes)) == ("me", 2)
        served.attribute(os.getpid(), report.span)
        assert served.requests == {}
    assert not is_listed(served.path.parent)


def test_what_a_pull_reports_and_refuses_comes_over_the_wire() -> None:
    with serve(driver="copy", max_bytes=64 * 1024) as served:
        served.fs.write_bytes("/f", b"\0before")
        served.fs.inodes.mknod(served.fs.stat("/").ino, b"null", 0o020666, 0x103)
        (unkept,) = served.push().unkept
        assert unkept.path == "/null"
        served.fs.write_bytes("/f", b"\0api")
        (served.path / "f").write_bytes(b"\0program")
        report = served.pull()
        assert [each.kind.name for each in report.conflicts] == ["CONTENT"]
        assert report.kept_beside == ("/f~devdev-1",)
        (served.path / "large").write_bytes(b"x" * 100_000)
        with pytest.raises(FsError, match="large") as caught:
            served.pull()
        assert caught.value.errno == errno.ENOSPC
    assert not is_listed(served.path.parent)


def test_a_conflict_that_cannot_be_settled_comes_over_the_wire_whole() -> None:
    """Others would have to win the same race five times: the frame alone is tried."""
    fs = Fs()
    fs.write_text("/f\udcff", "1")
    base, other = fs.fork(), fs.fork()
    fs.write_bytes("/f\udcff", b"\0a")
    other.write_bytes("/f\udcff", b"\0b")
    with pytest.raises(MergeConflict) as caught:
        fs.merge(base, other)
    again = decode_failure(encode_failure(caught.value))
    assert isinstance(again, MergeConflict)
    assert again.conflicts == caught.value.conflicts
    assert str(again) == str(caught.value)


def test_a_driver_that_there_is_not_is_named() -> None:
    with pytest.raises(ValueError, match="'nfs'"):
        serve(driver=cast(DriverName, "nfs"))
    with pytest.raises(ValueError, match="'sometimes'"):
        serve(atime=cast(AtimePolicy, "sometimes"))
