"""What a command does through the mount belongs to its span; the rest to nobody."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from devdev_fs import Fs
from devdev_mount import Mount, mount

from tests.mount.programs import TIMEOUT
from tests.processes import wait_until

if sys.platform != "linux":
    pytest.skip("only Linux has a mount driver", allow_module_level=True)

pytestmark = pytest.mark.fuse


@pytest.fixture
def mounted(fs: Fs) -> Iterator[Mount]:
    with mount(fs) as mounted:
        yield mounted


class Command:
    """A shell that waits for a line before it begins, so that it can be registered."""

    def __init__(self, script: str, cwd: Path, **environment: str) -> None:
        self._process = subprocess.Popen(
            ["sh", "-c", f'read line; cd "$0"; {script}', cwd],
            stdin=subprocess.PIPE,
            env=os.environ | environment,
        )
        self.pid = self._process.pid

    def finish(self) -> None:
        self._process.communicate(b"\n", timeout=TIMEOUT)
        assert self._process.returncode == 0

    def begin(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()


def wrote(fs: Fs) -> dict[str, set[str]]:
    """By actor, the paths of what it changed; "" is nobody."""
    found: dict[str, set[str]] = {}
    for span in fs.log().spans:
        paths = found.setdefault(span.actor, set())
        paths.update(change.path for change in span.changes)
    return found


def run_for(fs: Fs, mounted: Mount, actor: str, script: str) -> None:
    """Run a shell script as an actor's command."""
    command = Command(script, mounted.path)
    with fs.actor(actor) as span:
        mounted.attribute(command.pid, span)
        command.finish()
        mounted.attribute(command.pid, 0)


def test_what_a_command_and_its_children_change_belongs_to_it(
    fs: Fs, mounted: Mount
) -> None:
    run_for(fs, mounted, "one", "echo x > a; (sh -c 'echo y > b'; mkdir d)")
    run_for(fs, mounted, "two", "echo x | (cat > c); chmod 600 a")
    (mounted.path / "e").write_text("by this process")
    by = wrote(fs)
    assert {"/a", "/b", "/d"} <= by["one"]
    assert {"/c", "/a"} <= by["two"]
    assert not by["two"] & {"/b", "/d", "/e"}
    assert "/e" in by[""]


def test_commands_at_the_same_time_are_told_apart(fs: Fs, mounted: Mount) -> None:
    script = "for i in $(seq 30); do mkdir {0}; rmdir {0}; echo $i >> {0}.txt; done"
    commands = [Command(script.format(name), mounted.path) for name in ("p", "q")]
    with fs.actor("p") as first, fs.actor("q") as second:
        mounted.attribute(commands[0].pid, first)
        mounted.attribute(commands[1].pid, second)
        for command in commands:
            command.begin()
        for command in commands:
            command.finish()
    by = wrote(fs)
    assert "/p.txt" in by["p"] - by["q"]
    assert "/q.txt" in by["q"] - by["p"]
    assert not by.get("", set()) & {"/p.txt", "/q.txt"}


def test_threads_belong_to_their_process(fs: Fs, mounted: Mount) -> None:
    threaded = """
        import threading
        def write(number):
            open(str(number), "w").write("x")
        threads = [threading.Thread(target=write, args=[n]) for n in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """
    fs.write_text("/threaded.py", dedent(threaded))
    run_for(fs, mounted, "one", f"{sys.executable} threaded.py")
    assert {f"/{number}" for number in range(8)} <= wrote(fs)["one"]


def test_the_nearest_ancestor_that_is_registered_counts(fs: Fs, mounted: Mount) -> None:
    outer = Command("sh -c 'echo $$ > pid; read line < go; echo x > b'", mounted.path)
    os.mkfifo(mounted.path / "go")
    with fs.actor("outer") as first, fs.actor("inner") as second:
        mounted.attribute(outer.pid, first)
        outer.begin()
        wait_until(lambda: fs.exists("/pid") and bool(fs.read_text("/pid")), "a pid")
        mounted.attribute(int(fs.read_text("/pid")), second)
        (mounted.path / "go").write_text("\n")
        outer.finish()
    by = wrote(fs)
    assert "/pid" in by["outer"]
    assert "/b" in by["inner"] - by["outer"]


def test_what_a_process_does_after_it_was_taken_back_is_nobodys(
    fs: Fs, mounted: Mount
) -> None:
    os.mkfifo(mounted.path / "go")
    command = Command("echo x > a; read line < go; echo x > b", mounted.path)
    with fs.actor("one") as span:
        mounted.attribute(command.pid, span)
        command.begin()
        wait_until(lambda: fs.exists("/a"), "the first file")
        mounted.attribute(command.pid, 0)
    (mounted.path / "go").write_text("\n")
    command.finish()
    by = wrote(fs)
    assert "/b" in by[""] - by["one"]


def test_a_process_that_is_not_there_is_refused(mounted: Mount) -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    with pytest.raises(ProcessLookupError, match=str(gone.pid)):
        mounted.attribute(gone.pid, 1)
    mounted.attribute(gone.pid, 0)


# --- processes whose parents ended ------------------------------------------------

DAEMON = """
    import os, sys, time
    if os.fork():
        os.wait()
        sys.exit()
    told, tell = os.pipe()
    if os.fork():
        os.close(tell)
        os.read(told, 1)
        os._exit(0)
    parent = os.getppid()
    if "early" in sys.argv:
        os.mkdir("early")
    os.write(tell, b"x")
    deadline = time.monotonic() + 5
    while os.getppid() == parent and time.monotonic() < deadline:
        pass
    open("by-the-daemon", "w").write("x")
    os.mkdir("done")
    """


def run_daemon(
    fs: Fs, mounted: Mount, *arguments: str, is_marked: bool = False
) -> dict[str, set[str]]:
    """Who wrote what, a file of a daemon among it, both of whose parents ended."""
    fs.write_text("/daemon.py", dedent(DAEMON))
    with fs.actor("one") as span:
        environment = mounted.environment(span) if is_marked else {}
        script = " ".join([sys.executable, "daemon.py", *arguments])
        command = Command(f"{script}; true", mounted.path, **environment)
        mounted.attribute(command.pid, span)
        command.finish()
        wait_until(lambda: fs.exists("/done"), "the daemon")
    return wrote(fs)


def test_a_daemon_is_known_by_its_mark(fs: Fs, mounted: Mount) -> None:
    by = run_daemon(fs, mounted, is_marked=True)
    assert "/by-the-daemon" in by["one"]


def test_a_daemon_that_was_seen_in_time_is_remembered(fs: Fs, mounted: Mount) -> None:
    by = run_daemon(fs, mounted, "early")
    assert "/by-the-daemon" in by["one"]


def test_a_daemon_that_was_not_and_has_no_mark_is_nobodys(
    fs: Fs, mounted: Mount
) -> None:
    by = run_daemon(fs, mounted)
    assert "/by-the-daemon" in by[""] - by.get("one", set())


def test_the_mark_of_another_mount_does_not_count(fs: Fs, mounted: Mount) -> None:
    with mount(Fs()) as other, fs.actor("one") as span:
        marked = Command("echo x > a", mounted.path, **other.environment(span))
        known = Command("echo x > b", mounted.path)
        mounted.attribute(known.pid, span)
        marked.finish()
        known.finish()
    by = wrote(fs)
    assert "/a" in by[""] - by["one"]
    assert "/b" in by["one"]


# --- pages that are written back --------------------------------------------------


def test_pages_written_back_belong_to_the_last_writer(fs: Fs, mounted: Mount) -> None:
    mapped = """
        import mmap, os, time
        fd = os.open("mapped", os.O_RDWR | os.O_CREAT)
        os.ftruncate(fd, 8192)
        with mmap.mmap(fd, 0) as mapping:
            mapping[5000:5003] = b"abc"
        """
    fs.write_text("/mapped.py", dedent(mapped))
    with fs.actor("one") as span:
        command = Command(f"{sys.executable} mapped.py", mounted.path)
        mounted.attribute(command.pid, span)
        command.finish()
        assert fs.read_bytes("/mapped")[5000:5003] == b"abc"
    assert "/mapped" in wrote(fs)["one"]
    assert "/mapped" not in wrote(fs).get("", set())
