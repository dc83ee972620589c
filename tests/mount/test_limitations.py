"""What LIMITATIONS.md says of devdev-mount."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from devdev_mount import DriverUnavailable, Fs, mount, serve

if sys.platform != "linux":
    pytest.skip("only Linux has a mount driver", allow_module_level=True)


@pytest.mark.fuse
def test_extended_attributes_are_not_supported() -> None:
    with serve() as served:
        served.fs.write_text("/f", "")
        with pytest.raises(OSError, match=os.strerror(errno.ENOTSUP)):
            os.setxattr(served.path / "f", "user.note", b"x")


def test_another_platform_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "plan9")
    with pytest.raises(DriverUnavailable, match="plan9"):
        mount(Fs())


@pytest.mark.fuse
def test_a_cached_read_changes_no_atime() -> None:
    with serve() as served:
        served.fs.write_text("/f", "x")
        (served.path / "f").read_bytes()
        first = served.fs.stat("/f").atime_ns
        (served.path / "f").read_bytes()
        assert served.fs.stat("/f").atime_ns == first


LOCK = """
import fcntl, os
fcntl.flock(os.open("f", os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB)
print("locked", flush=True)
input()
"""


@pytest.mark.fuse
def test_locks_do_not_reach_across_two_mounts() -> None:
    fs = Fs()
    fs.write_text("/f", "")
    with mount(fs) as first, mount(fs) as second:
        holders = [
            subprocess.Popen(
                # In-process mounts: the shell, not this process, enters the directory.
                ["sh", "-c", 'cd "$0" && exec "$@"', at, sys.executable, "-c", LOCK],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for at in (first.path, second.path)
        ]
        for holder in holders:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "locked\n"
        for holder in holders:
            holder.communicate("\n", timeout=10)


@pytest.mark.fuse
def test_an_absolute_link_is_followed_on_the_host_by_programs(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("host")
    with serve() as served:
        served.fs.mkdir(str(tmp_path), parents=True)
        served.fs.write_text(f"{tmp_path}/f", "inside")
        served.fs.symlink(f"{tmp_path}/f", "/link")
        assert served.fs.read_text("/link") == "inside"
        assert (served.path / "link").read_text() == "host"


def test_mount_says_how_not_to_use_it() -> None:
    assert mount.__doc__ is not None
    assert "posix_spawn" in mount.__doc__
    assert "serve" in mount.__doc__
