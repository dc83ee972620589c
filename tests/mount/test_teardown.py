"""However a mount ends, nothing of it is left: no mount, directory, process, thread."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Self

import pytest
from devdev_fs import Fs
from devdev_fs.testing import ManualClock
from devdev_mount import Mount, MountError, mount

from tests.leaks import find_mounts
from tests.mount.programs import run, run_python
from tests.processes import is_gone, wait_until

if sys.platform != "linux":
    pytest.skip("only Linux has a mount driver", allow_module_level=True)

pytestmark = pytest.mark.fuse

CLEAN_TIMEOUT = 2.0  # what is promised after a SIGKILL


class Owner:
    """Another process that mounts, in the directory given or a private one.

    Its script finds `fs` and `mounted`; it goes on after each line that it is sent.
    """

    def __init__(self, script: str = "input()", *arguments: Path) -> None:
        prologue = """
            import os, sys, time
            from devdev_fs import Fs
            from devdev_mount import mount
            fs = Fs()
            fs.write_bytes("/f", b"content" * 100_000)
            mounted = mount(fs, *sys.argv[1:])
            print(mounted.path, flush=True)
            """
        self._process = subprocess.Popen(
            [sys.executable, "-c", dedent(prologue) + dedent(script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid
        self.path = Path(self.read_line())

    def read_line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the owner ended"
        return line.rstrip("\n")

    def go_on(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def watcher(self) -> int:
        """The process that watches it."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        (child,) = (
            child
            for child in children.split()
            if os.fsencode(self.path) in Path(f"/proc/{child}/cmdline").read_bytes()
        )
        return int(child)

    def wait(self) -> int:
        return self._process.wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        with self._process:
            self._process.kill()


def is_mounted(path: Path) -> bool:
    return any(mount.path == os.fspath(path) for mount in find_mounts((path,)))


@contextlib.contextmanager
def nothing_left(owner: Owner) -> Iterator[None]:
    """What happens inside ends in no mount, directory and watcher, in time."""
    watcher = owner.watcher()
    yield
    what = "the watcher to clear away"
    wait_until(lambda: not is_mounted(owner.path), what, CLEAN_TIMEOUT)
    wait_until(lambda: not owner.path.exists(), what, CLEAN_TIMEOUT)
    wait_until(lambda: is_gone(watcher), what, CLEAN_TIMEOUT)


@contextlib.contextmanager
def visitors(path: Path) -> Iterator[list["subprocess.Popen[str]"]]:
    """One program that sits in the mount, and one that reads there all the time."""
    scripts = (
        f"cd {path}; echo in; read line",
        f"exec < {path}/f; echo in; while cat {path}/f > /dev/null; do :; done",
    )
    programs = [
        subprocess.Popen(
            ["sh", "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for script in scripts
    ]
    try:
        for program in programs:
            assert program.stdout is not None
            assert program.stdout.readline() == "in\n"
        yield programs
    finally:
        for program in programs:
            with program:
                program.kill()


# --- the owner ends in order --------------------------------------------------------


def test_an_unmount_removes_the_private_directory() -> None:
    with mount(Fs()) as mounted:
        assert is_mounted(mounted.path)
        assert mounted.is_alive
        assert mounted.driver == "fuse"
    assert not mounted.path.exists()
    assert not mounted.is_alive


def test_an_unmount_keeps_a_directory_that_was_given(tmp_path: Path) -> None:
    with mount(Fs(), tmp_path) as mounted:
        (mounted.path / "f").touch()
    assert list(tmp_path.iterdir()) == []


def test_an_exception_unmounts() -> None:
    with pytest.raises(KeyError), mount(Fs()) as mounted:
        raise KeyError
    assert not mounted.path.exists()


def test_a_second_unmount_does_nothing() -> None:
    mounted = mount(Fs())
    threads = [threading.Thread(target=mounted.unmount) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not mounted.path.exists()
    mounted.unmount()


@pytest.mark.parametrize("end", ["", "sys.exit()", "fs.nonsense", "del mounted"])
def test_an_owner_that_ends_without_unmounting_has_unmounted(end: str) -> None:
    with Owner(f"input()\n{end}") as owner, nothing_left(owner):
        owner.go_on()
        owner.wait()
        # Not by the watcher: it is over when the process is.
        assert not is_mounted(owner.path)


# --- the owner is ended -------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_an_owner_that_is_killed_leaves_nothing(number: signal.Signals) -> None:
    with Owner() as owner, visitors(owner.path) as programs:
        with nothing_left(owner):
            os.kill(owner.pid, number)
        # Who reads in the mount is told, and does not hang.
        programs[1].wait(CLEAN_TIMEOUT)


def test_an_owner_that_is_suspended_and_killed_leaves_nothing() -> None:
    with Owner() as owner, visitors(owner.path):
        os.kill(owner.pid, signal.SIGSTOP)
        reader = subprocess.Popen(["cat", owner.path / "missing"], stderr=-3)
        with nothing_left(owner):
            os.kill(owner.pid, signal.SIGKILL)
        assert reader.wait(CLEAN_TIMEOUT) != 0


def test_a_child_that_was_forked_does_not_keep_the_mount() -> None:
    script = """
        child = os.fork()
        if child == 0:
            time.sleep(60)
        print(child, flush=True)
        input()
        """
    with Owner(script) as owner, visitors(owner.path):
        child = int(owner.read_line())
        try:
            with nothing_left(owner):
                os.kill(owner.pid, signal.SIGKILL)
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_child_that_was_forked_and_ends_unmounts_nothing() -> None:
    script = """
        child = os.fork()
        if child == 0:
            mounted.unmount()
            assert not mounted.is_alive
            fs.write_bytes("/child", b"in its own copy")
            sys.exit(7)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
        input()
        """
    with Owner(script) as owner:
        assert owner.read_line() == "7"
        assert os.listdir(owner.path) == ["f"]
        with nothing_left(owner):
            owner.go_on()


def test_a_directory_that_was_given_is_kept_when_the_owner_is_killed(
    tmp_path: Path,
) -> None:
    with Owner("input()", tmp_path) as owner:
        os.kill(owner.pid, signal.SIGKILL)
        wait_until(lambda: not is_mounted(tmp_path), "the watcher", CLEAN_TIMEOUT)
    assert list(tmp_path.iterdir()) == []


def test_the_watcher_is_not_reached_by_signals_that_end_programs() -> None:
    with Owner() as owner, nothing_left(owner):
        watcher = owner.watcher()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(watcher, number)
        os.kill(owner.pid, signal.SIGKILL)


def test_the_watcher_holds_nothing_of_the_owners() -> None:
    script = """
        os.set_inheritable(os.open("/dev/zero", os.O_RDONLY), True)
        input()
        """
    with Owner(script) as owner:
        watcher = Path(f"/proc/{owner.watcher()}/fd")

        def held() -> list[str]:
            return sorted(os.readlink(fd).partition(":")[0] for fd in watcher.iterdir())

        wait_until(lambda: held() == ["/dev/null"] * 3 + ["pipe"], f"only {held()}")


def test_a_mount_whose_watcher_was_killed_ends_in_order() -> None:
    script = "input()\nmounted.unmount()\nprint('done', flush=True)"
    with Owner(script) as owner, nothing_left(owner):
        os.kill(owner.watcher(), signal.SIGKILL)
        owner.go_on()
        assert owner.read_line() == "done"
        assert owner.wait() == 0


# --- the mount is in use, or broken ------------------------------------------------


def test_an_unmount_does_not_wait_for_who_uses_it() -> None:
    fs = Fs()
    fs.write_bytes("/f", b"x")
    with mount(fs) as mounted, visitors(mounted.path) as programs:
        begun = time.monotonic()
        mounted.unmount()
        assert time.monotonic() - begun < 3
        assert not mounted.path.exists()
        programs[1].wait(CLEAN_TIMEOUT)
        assert programs[0].poll() is None  # it only sits there


def test_what_was_written_to_a_mapping_is_kept_by_a_forced_unmount() -> None:
    fs = Fs()
    fs.write_bytes("/f", b"." * 10_000)
    with mount(fs) as mounted, visitors(mounted.path):
        run_python(
            """
            import mmap, os
            mmap.mmap(os.open("f", os.O_RDWR), 0)[7:8] = b"X"
            """,
            cwd=mounted.path,
        )
        mounted.unmount()
    assert fs.read_bytes("/f")[7:8] == b"X"


def test_what_is_written_where_the_mount_was_is_removed_with_the_directory() -> None:
    with mount(Fs()) as mounted:
        run("umount", "-l", mounted.path)
        run("mkdir", "-p", mounted.path / "by/a/program/that/goes/on")
    assert list(mounted.path.parent.glob(f"{mounted.path.name}*")) == []


@pytest.mark.parametrize("how", ["umount -l", "umount -f -l"])
def test_a_mount_that_somebody_else_undid_is_noticed(how: str) -> None:
    fs = Fs()
    with mount(fs) as mounted:
        run(*how.split(), mounted.path)
        assert not mounted.is_alive
        fs.write_bytes("/f", b"x")
        mounted.unmount()
        assert not mounted.path.exists()


def test_a_mount_below_the_mount_does_not_keep_it(fs: Fs) -> None:
    fs.mkdir("/below")
    with mount(fs) as mounted:
        run("mount", "-t", "tmpfs", "none", mounted.path / "below")
        mounted.unmount()
        assert not mounted.path.exists()


def test_what_covers_the_mount_is_left_alone(fs: Fs, tmp_path: Path) -> None:
    with mount(fs, tmp_path) as mounted:
        run("mount", "-t", "tmpfs", "none", tmp_path)
        (tmp_path / "theirs").touch()
        with pytest.raises(MountError, match="covers"):
            mounted.unmount()
        assert os.listdir(tmp_path) == ["theirs"]
        run("umount", tmp_path)
        run("umount", "-l", tmp_path)


class HangingClock(ManualClock):
    """A clock that stops the whole filesystem on demand."""

    def __init__(self) -> None:
        super().__init__()
        self.hang = False
        self.hanging = threading.Event()
        self.resume = threading.Event()

    def now_ns(self) -> int:
        if self.hang:
            self.hanging.set()
            self.resume.wait(15)
        return super().now_ns()


def test_a_server_that_hangs_is_cut_off_within_bounds() -> None:
    clock = HangingClock()
    fs = Fs(clock=clock)
    with mount(fs) as mounted:
        clock.hang = True
        visitor = subprocess.Popen(["touch", mounted.path / "f"], stderr=-3)
        assert clock.hanging.wait(5)
        begun = time.monotonic()
        with pytest.raises(MountError, match="hangs"):
            mounted.unmount()
        assert time.monotonic() - begun < 12
        assert visitor.wait(CLEAN_TIMEOUT) != 0
        assert not mounted.path.exists()
        clock.resume.set()


class BrokenClock(ManualClock):
    """A clock with a bug."""

    is_broken = False

    def now_ns(self) -> int:
        if self.is_broken:
            raise RuntimeError("no time today")
        return super().now_ns()


def test_a_bug_is_logged_and_told_as_eio(caplog: pytest.LogCaptureFixture) -> None:
    clock = BrokenClock()
    fs = Fs(clock=clock)
    with mount(fs) as mounted:
        clock.is_broken = True
        with pytest.raises(OSError, match="Input/output error"):
            (mounted.path / "f").touch()
        clock.is_broken = False
        (mounted.path / "f").touch()
    assert "no time today" in caplog.text


# --- the process around it ----------------------------------------------------------


def test_subprocess_is_kept_off_its_fast_paths_while_a_mount_lives() -> None:
    def switches() -> tuple[bool, bool]:
        return subprocess._USE_VFORK, subprocess._USE_POSIX_SPAWN

    before = switches()
    assert any(before)
    with mount(Fs()):
        with mount(Fs()):
            assert switches() == (False, False)
        assert switches() == (False, False)
    assert switches() == before


def test_programs_are_run_in_and_from_a_mount_of_this_process(fs: Fs) -> None:
    fs.write_bytes("/program", b"#!/bin/sh\npwd\n")
    fs.chmod("/program", 0o755)
    with mount(fs) as mounted:
        done = subprocess.run([mounted.path / "program"], stdout=-1, check=True)
        assert done.stdout
        if sys.version_info >= (3, 11, 4):
            done = subprocess.run(
                ["./program"], cwd=mounted.path, stdout=-1, check=True
            )
            assert done.stdout == os.fsencode(mounted.path) + b"\n"


def fill(path: Path) -> Path:
    (path / "file").touch()
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path / "missing", "does not exist"),
        (lambda path: fill(path) / "file", "is not a directory"),
        (fill, "is not empty"),
    ],
    ids=["missing", "file", "full"],
)
def test_a_bad_mountpoint_is_refused_in_clear_words(
    tmp_path: Path, make: Callable[[Path], Path], message: str
) -> None:
    with pytest.raises(MountError, match=message):
        mount(Fs(), make(tmp_path))


def test_a_mountpoint_is_not_used_twice(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("dir")
    (tmp_path / "dir").mkdir()
    with mount(Fs(), tmp_path / "link") as mounted:
        assert mounted.path == tmp_path / "dir"
        for path in (tmp_path / "dir", tmp_path / "link"):
            with pytest.raises(MountError, match="already"):
                mount(Fs(), path)


def test_a_mountpoint_may_have_any_name(tmp_path: Path) -> None:
    path = tmp_path / "with space\\and\nnew line,comma"
    path.mkdir()
    with mount(Fs(), path) as mounted:
        (path / "f").write_bytes(b"x")
        assert mounted.is_alive
    assert list(path.iterdir()) == []


def test_a_dead_mount_is_refused_in_clear_words(tmp_path: Path) -> None:
    with Owner("input()", tmp_path) as owner:
        os.kill(owner.watcher(), signal.SIGKILL)
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait()
        with pytest.raises(MountError, match="already a mount"):
            mount(Fs(), tmp_path)
        run("umount", "-l", tmp_path)


def test_a_mount_that_is_told_to_is_ended_when_another_process_is() -> None:
    """The lifeline: a server that hangs when its owner ends is killed."""
    script = """
        import threading
        read_end, write_end = os.pipe()
        owner = os.fork()
        if owner == 0:
            os.read(sys.stdin.fileno(), 1)
            os._exit(0)
        os.close(write_end)
        with mount(Fs(), lifeline=read_end) as other:
            print(other.path, flush=True)
            time.sleep(60)
        """
    with Owner(script) as owner:
        other = Path(owner.read_line())
        owner.go_on()
        wait_until(lambda: is_gone(owner.pid), "the server to be killed", 3.0)
        wait_until(lambda: not other.exists(), "both mounts to go", 3.0)
        wait_until(lambda: not owner.path.exists(), "both mounts to go", 3.0)


def test_a_mount_is_a_readable_value(fs: Fs, tmp_path: Path) -> None:
    with mount(fs, tmp_path) as mounted:
        assert isinstance(mounted, Mount)
        assert repr(mounted) == f"<Mount: {str(tmp_path)!r}, driver 'fuse'>"
        assert mounted.fs is fs
