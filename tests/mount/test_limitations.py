"""What LIMITATIONS.md says of devdev-mount."""

import errno
import fcntl
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
from devdev_fs import FallocateFlags, SetAttr
from devdev_mount import DriverUnavailable, Fs, MountOptions, mount, serve

if sys.platform != "linux":
    pytest.skip("only Linux has a mount driver", allow_module_level=True)


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


@pytest.mark.fuse
def test_a_plain_umount_from_outside_finds_it_busy() -> None:
    command = ["umount"] if os.geteuid() == 0 else ["fusermount3", "-u"]
    with serve() as served:
        done = subprocess.run(
            [*command, served.path], capture_output=True, text=True, timeout=10
        )
        assert "busy" in done.stderr
        assert served.fs.exists("/")


SHOW_PATHS = """
import os
print("in", flush=True)
input()
try:
    os.getcwd()
except FileNotFoundError:
    print("gone")
os.stat("../b")
print(os.getcwd())
"""


@pytest.mark.fuse
def test_a_directory_that_the_api_moves_has_no_path_for_who_is_in_it() -> None:
    with serve() as served:
        served.fs.mkdir("/a")
        inside = subprocess.Popen(
            [sys.executable, "-S", "-c", SHOW_PATHS],
            cwd=served.path / "a",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert inside.stdout is not None
        assert inside.stdout.readline() == "in\n"
        served.fs.rename("/a", "/b")
        before, after = inside.communicate("\n", timeout=10)[0].split()
        assert (before, after) == ("gone", f"{served.path}/b")


@pytest.mark.fuse
def test_programs_cannot_collapse_a_range() -> None:
    with serve() as served:
        served.fs.write_bytes("/f", b"a" * 4096 + b"b" * 4096)
        command = ["fallocate", "--collapse-range", "--length", "4096", "f"]
        result = subprocess.run(
            command, cwd=served.path, capture_output=True, text=True, check=False
        )
        assert result.returncode != 0
        assert "not supported" in result.stderr
        ino = served.fs.stat("/f").ino
        served.fs.inodes.fallocate(ino, FallocateFlags.COLLAPSE_RANGE, 0, 4096)
        assert served.fs.read_bytes("/f") == b"b" * 4096


@pytest.mark.fuse
def test_who_has_a_file_without_a_name_sees_that_it_is_shorter_by_asking() -> None:
    with serve() as served, open(served.path / "f", "w+b", buffering=0) as file:
        file.write(b"x" * 50_000)
        served.fs.inodes.pin(ino := served.fs.stat("/f").ino)
        (served.path / "f").unlink()
        served.fs.inodes.setattr(ino, SetAttr(size=100))
        assert os.fstat(file.fileno()).st_size == 100
        file.seek(0)
        assert file.read(1000) == b"x" * 100
        served.fs.inodes.unpin(ino)


@pytest.mark.fuse
@pytest.mark.skipif(os.geteuid() != 0, reason="root has capabilities to lose")
@pytest.mark.parametrize(("ownership", "refused"), [("mapped", False), ("exact", True)])
def test_root_without_capabilities_is_not_refused_what_it_could_permit_itself(
    ownership: Literal["mapped", "exact"], refused: bool
) -> None:
    argv = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    with serve(options=MountOptions(ownership=ownership)) as served:
        served.fs.write_text("/f", "x")
        served.fs.chmod("/f", 0o444)
        command = [*argv, "sh", "-c", "echo y > f"]
        done = subprocess.run(command, cwd=served.path, timeout=15, check=False)
        assert bool(done.returncode) == refused
        command[-1] = "chmod 644 f && echo y > f"
        subprocess.run(command, cwd=served.path, timeout=15, check=True)
        assert served.fs.read_text("/f") == "y\n"


@pytest.mark.fuse
def test_what_goes_through_a_pipe_changes_no_times() -> None:
    with serve() as served:
        os.mkfifo(served.path / "f")
        before = os.lstat(served.path / "f")
        fd = os.open(served.path / "f", os.O_RDWR | os.O_NONBLOCK)
        os.write(fd, b"some")
        assert os.read(fd, 10) == b"some"
        os.close(fd)
        after = os.lstat(served.path / "f")
        assert (after.st_atime_ns, after.st_mtime_ns, after.st_ctime_ns) == (
            *(before.st_atime_ns, before.st_mtime_ns, before.st_ctime_ns),
        )


RWF_NOAPPEND = 0x20


@pytest.mark.fuse
def test_an_appending_descriptor_cannot_be_told_not_to_append() -> None:
    with serve() as served:
        served.fs.write_text("/f", "some")
        fd = os.open(served.path / "f", os.O_WRONLY | os.O_APPEND)
        try:
            os.pwritev(fd, [b"X"], 0, RWF_NOAPPEND)
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            pytest.skip("this kernel has no RWF_NOAPPEND (Linux 6.9)")
        finally:
            os.close(fd)
        assert served.fs.read_text("/f") == "someX"


FS_IOC_GETFLAGS = 0x80086601


@pytest.mark.fuse
def test_flags_of_inodes_are_refused() -> None:
    with serve() as served:
        served.fs.write_text("/f", "")
        refused = re.escape(f"[Errno {errno.ENOTTY}]")
        with (served.path / "f").open() as file, pytest.raises(OSError, match=refused):
            fcntl.ioctl(file, FS_IOC_GETFLAGS, bytes(8))
        assert os.statvfs(served.path).f_fsid == 0


@pytest.mark.fuse
@pytest.mark.skipif(os.geteuid() != 0, reason="root has capabilities to lose")
def test_root_that_owns_no_set_id_file_may_still_give_it_away() -> None:
    argv = ["setpriv", "--bounding-set=-fowner", "--inh-caps=-fowner"]
    with serve(options=MountOptions(ownership="exact")) as served:
        served.fs.write_text("/f", "x")
        served.fs.inodes.setattr(served.fs.stat("/f").ino, SetAttr(uid=1, mode=0o4755))
        for command, is_refused in (("chmod 700 f", True), ("chown 2 f", False)):
            done = subprocess.run(
                [*argv, "sh", "-c", command],
                cwd=served.path,
                capture_output=True,
                timeout=15,
                check=False,
            )
            assert bool(done.returncode) == is_refused, done.stderr
        found = served.fs.stat("/f")
        assert (found.uid, found.mode & 0o7777) == (2, 0o755)


SHOW_TRUSTED = "import os; print(os.listxattr('f'), os.getxattr('f', 'trusted.t'))"


@pytest.mark.fuse
@pytest.mark.skipif(os.geteuid() != 0, reason="root has capabilities to give")
@pytest.mark.parametrize(("uid", "names"), [(0, ["trusted.t"]), (1, [])])
def test_trusted_attributes_are_listed_for_user_0_alone(
    uid: int, names: list[str]
) -> None:
    capabilities = "+sys_admin,+dac_override"
    argv = ["setpriv", f"--reuid={uid}", f"--inh-caps={capabilities}"]
    argv += [f"--ambient-caps={capabilities}", sys.executable, "-ISc", SHOW_TRUSTED]
    with serve(options=MountOptions(allow_other=True)) as served:
        served.fs.write_text("/f", "")
        os.setxattr(served.path / "f", "trusted.t", b"v")
        done = subprocess.run(
            argv, cwd=served.path, capture_output=True, timeout=15, check=False
        )
        assert done.stdout.decode() == f"{names} b'v'\n", done.stderr


@pytest.mark.fuse
def test_the_attributes_of_an_inode_are_64_kib_at_most() -> None:
    with serve() as served:
        served.fs.write_text("/f", "")
        os.setxattr(served.path / "f", "user.a", bytes(0x10000))
        refused = re.escape(f"[Errno {errno.ENOSPC}]")
        with pytest.raises(OSError, match=refused):
            os.setxattr(served.path / "f", "user.b", b"v")
        assert os.listxattr(served.path / "f") == ["user.a"]
