"""`devdev mount`: what it shows, what it saves, how it is ended."""

import errno
import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from devdev_exec import MountOptions

from tests.exec.cli import READY, Background, devdev, error_line
from tests.processes import END_TIMEOUT, children, wait_until

if sys.platform == "win32":
    pytest.skip("devdev mounts on Linux only", allow_module_level=True)

pytestmark = pytest.mark.fuse


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """A snapshot with an executable /bin/hello in it."""
    path = tmp_path / "snapshot"
    script = "mkdir bin; printf '#!/bin/sh\\necho hello\\n' > bin/hello; chmod +x bin/*"
    result = devdev("exec", "--snapshot-out", path, "--", "sh", "-c", script)
    assert result.returncode == 0, result.stderr
    return path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_shows_a_filesystem_until_a_signal_ends_it(
    number: signal.Signals, place: Path
) -> None:
    with Background("mount", place) as running:
        running.wait_for(READY)
        assert f"mounted at {place}".encode() in running.output
        (place / "file").write_text("text")
        assert os.path.ismount(place)
        code, output, errors = running.end(number)
        assert (code, errors) == (0, b"")
        assert output == f"unmounted {place}\n".encode()
    assert os.listdir(place) == []


def test_it_begins_with_a_snapshot_and_saves_to_it(snapshot: Path, place: Path) -> None:
    with Background("mount", "--save", snapshot, snapshot, place) as running:
        running.wait_for(READY)
        hello = subprocess.run([place / "bin" / "hello"], stdout=subprocess.PIPE)
        assert hello.stdout == b"hello\n"
        (place / "bin" / "new").write_text("new")
        code, output, _ = running.end(signal.SIGTERM)
        assert code == 0
        assert f"saved to {snapshot}".encode() in output
    result = devdev("exec", "--snapshot-in", snapshot, "--", "cat", "bin/new")
    assert result.stdout == b"new"


def test_every_mount_option_has_a_flag() -> None:
    usage = devdev("mount", "--help").stdout.decode()
    for field in fields(MountOptions):
        assert f"--{field.name.replace('_', '-')}" in usage


def test_a_read_only_mount_refuses_changes(snapshot: Path, place: Path) -> None:
    with Background("mount", "--read-only", snapshot, place) as running:
        running.wait_for(READY)
        with pytest.raises(OSError, match=os.strerror(errno.EROFS)):
            (place / "file").touch()
        assert running.end(signal.SIGTERM)[0] == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="chown(2) to another user takes root")
@pytest.mark.parametrize(("ownership", "owner"), [("mapped", 0), ("exact", 1234)])
def test_the_ownership_is_as_asked_for(ownership: str, owner: int, place: Path) -> None:
    with Background("mount", "--ownership", ownership, place) as running:
        running.wait_for(READY)
        (place / "file").touch()
        os.chown(place / "file", 1234, 1234)
        assert (place / "file").stat().st_uid == owner
        assert running.end(signal.SIGTERM)[0] == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="--suid, --dev and others' access: root")
def test_root_can_let_in_others_set_id_bits_and_devices(place: Path) -> None:
    options = ("--allow-other", "--suid", "--dev")
    with Background("mount", *options, place) as running:
        running.wait_for(READY)
        os.mknod(place / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        assert (place / "null").read_bytes() == b""
        # It begins there, since the directories above may be closed to others.
        listing = subprocess.run(
            ["ls"], cwd=place, user=65534, stdout=subprocess.PIPE, check=False
        )
        assert listing.stdout == b"null\n"
        assert running.end(signal.SIGTERM)[0] == 0


def test_it_ends_in_order_when_somebody_else_unmounts_it(
    place: Path, tmp_path: Path
) -> None:
    saved = tmp_path / "saved"
    with Background("mount", "--save", saved, place) as running:
        running.wait_for(READY)
        (place / "file").write_text("text")
        # Lazily: the server itself keeps a descriptor of the mount's root.
        helper = shutil.which("fusermount3") or shutil.which("fusermount")
        unmount = [helper, "-u", "-z"] if helper else ["umount", "-l"]
        subprocess.run([*unmount, place], check=True)
        code, _, errors = running.finish()
        assert (code, errors) == (0, b"")
    result = devdev("exec", "--snapshot-in", saved, "--", "cat", "file")
    assert result.stdout == b"text"


def test_it_says_so_when_its_server_dies(place: Path) -> None:
    with Background("mount", place) as running:
        running.wait_for(READY)
        for pid in children(running.process.pid):
            os.kill(pid, signal.SIGKILL)
        code, _, errors = running.finish()
        assert code == 1
        assert errors.startswith(b"devdev: error: ")
        assert b"has died; what was not saved is lost\n" in errors


def test_nothing_is_left_after_it_was_killed(place: Path) -> None:
    with Background("mount", place) as running:
        running.wait_for(READY)
        assert running.end(signal.SIGKILL)[0] == -signal.SIGKILL
        wait_until(lambda: not os.path.ismount(place), "the unmount", END_TIMEOUT)


def test_it_tells_a_program_where_it_is(place: Path, tmp_path: Path) -> None:
    saved = str(tmp_path / "saved")
    with Background("mount", "--json", "--save", saved, place) as running:
        running.wait_for(b"}\n")
        mounted = json.loads(running.output)
        assert (mounted["mounted"], mounted["driver"]) == (str(place), "fuse")
        assert mounted["pid"] in children(running.process.pid)
        code, output, errors = running.end(signal.SIGTERM)
    assert (code, errors) == (0, b"")
    assert json.loads(output) == {"unmounted": str(place), "saved": saved}


def test_a_place_is_mounted_at_once_only(place: Path) -> None:
    with Background("mount", place) as running:
        running.wait_for(READY)
        line = error_line(devdev("mount", place))
        assert line.startswith(f"{place} is already a mount of devdev")
        (place / "file").touch()
        assert running.end(signal.SIGTERM)[0] == 0


def test_what_cannot_be_saved_is_put_elsewhere_and_that_is_named(
    place: Path, tmp_path: Path
) -> None:
    target, elsewhere = tmp_path / "target" / "saved", tmp_path / "elsewhere"
    target.parent.mkdir()
    elsewhere.mkdir()
    variables = {"TMPDIR": str(elsewhere)}
    with Background("mount", "--save", target, place, variables=variables) as running:
        running.wait_for(READY)
        (place / "file").write_text("text")
        target.parent.rmdir()
        code, _, errors = running.end(signal.SIGTERM)
    (file,) = elsewhere.glob("devdev-unsaved-*.snap")
    assert code == 1
    assert f"it is in '{file}' instead".encode() in errors
    result = devdev("exec", "--snapshot-in", file, "--", "cat", "file")
    assert result.stdout == b"text"


def test_what_can_be_saved_nowhere_stays_mounted_until_it_can(
    place: Path, tmp_path: Path
) -> None:
    saved = tmp_path / "saved"
    with Background("mount", "--save", saved, place) as running:
        running.wait_for(READY)
        (place / "file").write_text("text")
        pid = running.process.pid
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, most))
        os.kill(pid, signal.SIGTERM)
        assert running.process.stderr is not None
        assert b"cannot write snapshot" in running.process.stderr.readline()
        assert b"still mounted" in running.process.stderr.readline()
        assert (place / "file").read_text() == "text"
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))
        code, output, _ = running.end(signal.SIGTERM)
        assert code == 0
        assert f"saved to {saved}".encode() in output
    result = devdev("exec", "--snapshot-in", saved, "--", "cat", "file")
    assert result.stdout == b"text"


def test_a_result_of_exec_that_cannot_be_written_is_put_elsewhere(
    tmp_path: Path,
) -> None:
    target, elsewhere = tmp_path / "target" / "saved", tmp_path / "elsewhere"
    target.parent.mkdir()
    elsewhere.mkdir()
    script = f"echo text > file; rmdir '{target.parent}'"
    line = error_line(
        devdev(
            *("exec", "--snapshot-out", target, "--", "sh", "-c", script),
            env=os.environ | {"TMPDIR": str(elsewhere)},
        )
    )
    (file,) = elsewhere.glob("devdev-unsaved-*.snap")
    assert f"it is in '{file}' instead" in line


def test_a_place_that_will_not_do_is_an_error(place: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert str(missing) in error_line(devdev("mount", missing))
    (place / "file").touch()
    assert f"{place} is not empty" in error_line(devdev("mount", place))


def test_a_file_that_is_no_snapshot_is_an_error(place: Path, tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    path.write_bytes(b"something else")
    line = error_line(devdev("mount", path, place))
    assert line.startswith(f"cannot load snapshot '{path}': byte 0")


@pytest.mark.parametrize(("atime", "moves"), [("strict", True), ("never", False)])
def test_reading_moves_the_time_of_access_as_told(
    atime: str, moves: bool, place: Path
) -> None:
    with Background("mount", place, "--atime", atime) as mounting:
        mounting.wait_for(READY)
        (place / "f").write_text("x")
        before = (place / "f").stat().st_atime_ns
        with open(place / "f", "rb") as file:
            # Otherwise it comes from the page cache, and nobody is told.
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            assert file.read() == b"x"
        assert ((place / "f").stat().st_atime_ns > before) == moves
        assert mounting.end(signal.SIGINT)[0] == 0
