"""More than one mount by one server: of the filesystem, of forks, of checkpoints."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType

import pytest
from devdev_mount import (
    DriverUnavailable,
    Fs,
    FsError,
    MountError,
    MountOptions,
    Served,
    serve,
)

from tests.processes import is_listed, wait_until

if sys.platform != "linux":
    pytest.skip("only Linux has a mount driver", allow_module_level=True)

pytestmark = pytest.mark.fuse

READ_ONLY = MountOptions(read_only=True)


@pytest.fixture
def served() -> Iterator[Served]:
    with serve() as served:
        yield served
    assert not is_listed(served.path)


def run(script: str, cwd: Path) -> str:
    """Run a shell script and return what it wrote, errors too."""
    return subprocess.run(
        ["sh", "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=10,
        cwd=cwd,
        check=False,
    ).stdout


def is_gone_from(path: Path) -> bool:
    return not is_listed(path)


def test_a_checkpoint_is_shown_read_only_beside_the_live_mount(served: Served) -> None:
    run("mkdir d; echo then > d/f; ln d/f g", served.path)
    point = served.fs.checkpoint("then")
    with served.fs.fork(point) as then, served.mount(then, options=READ_ONLY) as view:
        run("echo now > d/f; rm g; echo new > new", served.path)
        assert run("cat d/f; ls", served.path) == "now\nd\nnew\n"
        assert run("cat d/f; ls", view.path) == "then\nd\ng\n"
        assert "Read-only file system" in run("echo x > d/f", view.path)
        difference = subprocess.run(
            ["diff", "-rq", view.path, served.path],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        ).stdout
        assert len(difference.splitlines()) == 3
        path = view.path
    assert not is_listed(path)
    assert served.fs.read_text("/d/f") == "now\n"


def test_a_fork_is_worked_on_at_its_own_mount_and_merged_back(served: Served) -> None:
    served.fs.write_text("/f", "1\n2\n3\n4\n5\n")
    served.fs.write_text("/gone", "x")
    point = served.fs.checkpoint()
    with served.fs.fork(point) as fork, served.mount(fork) as mounted:
        run("sed -i s/5/five/ f; rm gone; mkdir d; echo by fork > d/new", mounted.path)
        run("sed -i s/1/one/ f; echo live > live", served.path)
        assert fork.read_text("/d/new") == "by fork\n"
        assert not served.fs.exists("/d")
        assert served.fs.merge(point, fork).span
        assert run("cat f; ls", served.path) == "one\n2\n3\n4\nfive\nd\nf\nlive\n"
        assert run("ls", mounted.path) == "d\nf\n"
        served.fs.check_invariants()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_two_forks_are_worked_on_at_the_same_time(served: Served) -> None:
    git = "git -c user.name=a -c user.email=a@example.org"
    run(f"git init -q -b main; echo x > f; git add f; {git} commit -qm 1", served.path)
    forks = [served.fs.fork() for _ in range(2)]
    mounts = [served.mount(fork) for fork in forks]
    for number, mounted in enumerate(mounts):
        run(f"echo {number} > f; {git} commit -qam 'by {number}'", mounted.path)
    for number, (fork, mounted) in enumerate(zip(forks, mounts, strict=True)):
        assert run("git log --format=%s", mounted.path) == f"by {number}\n1\n"
        assert fork.read_text("/f") == f"{number}\n"
        mounted.close()
        fork.close()
    assert run("git log --format=%s; cat f", served.path) == "1\nx\n"


def test_a_further_mount_of_the_filesystem_shows_it_as_it_is(
    served: Served, tmp_path: Path
) -> None:
    with served.mount(mountpoint=tmp_path, options=READ_ONLY) as view:
        assert view.path == tmp_path
        run("echo one > f", served.path)
        assert run("cat f", view.path) == "one\n"
        served.fs.write_text("/f", "two\n")
        assert run("cat f", view.path) == "two\n"
        run("mv f g; echo three >> g", served.path)
        assert run("ls; cat g", view.path) == "g\ntwo\nthree\n"
        assert "Read-only file system" in run("touch g", view.path)
        assert view.driver == "fuse"
        assert view.requests["INIT"] == 1
    assert os.listdir(tmp_path) == []


def test_a_mounted_fork_stays_when_the_fork_is_closed(served: Served) -> None:
    fork = served.fs.fork()
    fork.write_text("/f", "x\n")
    with served.mount(fork) as mounted:
        fork.close()
        assert run("cat f; echo y > g; cat g", mounted.path) == "x\ny\n"
    with pytest.raises(FsError, match="closed"):
        served.mount(fork)


def test_what_a_command_does_at_a_fork_is_the_forks(served: Served) -> None:
    with served.fs.fork() as fork, served.mount(fork) as mounted:
        script = 'read line; cd "$0"; echo x > f'
        with fork.actor("one") as span:
            with subprocess.Popen(
                ["sh", "-c", script, mounted.path],
                stdin=subprocess.PIPE,
                env=os.environ | mounted.environment(span),
            ) as command:
                mounted.attribute(command.pid, span)
                command.communicate(b"\n", timeout=10)
            mounted.attribute(command.pid, 0)
        assert [each.actor for each in fork.log().spans] == ["one"]
        assert served.fs.log().spans == []


def test_another_filesystem_is_refused(served: Served) -> None:
    with serve() as other, pytest.raises(ValueError, match="no fork"):
        served.mount(other.fs)
    with pytest.raises(ValueError, match="no fork"):
        served.mount(Fs())


def test_a_mountpoint_that_is_not_there_is_named(served: Served) -> None:
    with pytest.raises(MountError, match="nowhere"):
        served.mount(mountpoint="/nowhere")
    assert run("echo x > f; cat f", served.path) == "x\n"


def test_a_copy_beside_a_mount_is_kept_in_step_on_request(served: Served) -> None:
    with pytest.raises(DriverUnavailable, match="read_only"):
        served.mount(driver="copy", options=READ_ONLY)
    with served.mount(driver="copy") as copy:
        run("echo one > f", served.path)
        copy.push()
        assert run("cat f; echo two > f; echo new > g", copy.path) == "one\n"
        assert copy.pull("copier").changed == 3
        assert run("cat f g", served.path) == "two\nnew\n"
        assert served.fs.log().spans[-1].actor == "copier"
    assert not is_listed(copy.path.parent)
    with pytest.raises(MountError, match="closed"):
        copy.push()


def test_a_busy_further_mount_ends_with_the_server(served: Served) -> None:
    mounted = served.mount(served.fs.fork())
    with subprocess.Popen(
        ["sh", "-c", "echo up; exec sleep 60"],
        stdout=subprocess.PIPE,
        cwd=mounted.path,
    ) as program:
        assert program.stdout
        assert program.stdout.readline() == b"up\n"
        served.close()
        assert not is_listed(mounted.path)
        program.kill()
    with pytest.raises(MountError, match="closed"):
        mounted.close()


def test_nothing_is_left_of_further_mounts_when_the_owner_is_killed() -> None:
    script = """
        import sys
        from devdev_mount import serve
        served = serve()
        mounts = [served.mount(served.fs.fork()), served.mount(driver="copy")]
        print(served.path, *(mounted.path for mounted in mounts), flush=True)
        sys.stdin.read()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout
        first, fork, copy = map(Path, owner.stdout.readline().split())
        owner.kill()
    for path in (first, fork, copy.parent):
        wait_until(partial(is_gone_from, path), f"{path} to go")


def test_what_is_mounted_for_a_call_that_was_interrupted_is_unmounted(
    served: Served,
) -> None:
    """The mount is made by then, and nobody knows of it who could end it."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise InterruptedError

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for milliseconds in range(1, 40, 3):
            with suppress(InterruptedError):
                signal.setitimer(signal.ITIMER_REAL, milliseconds / 1000)
                with served.mount():
                    signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    wait_until(lambda: len(served.status().mounts) == 1, "the end of what was mounted")
    with served.mount() as view:  # an answer that was taken is no reason to unmount
        served.fs.write_text("/f", "text")
        assert (view.path / "f").read_text() == "text"
