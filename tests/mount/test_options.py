"""Who owns what, who may do what, and what a host has to offer."""

import errno
import os
import stat
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from devdev_fs import Fs, SetAttr
from devdev_mount import MountOptions, check_mountable, mount

from tests.mount.programs import run, run_python
from tests.users import UID, as_ordinary_user, why_no_ordinary_user

if sys.platform != "linux":
    pytest.skip("only Linux has a mount driver", allow_module_level=True)

pytestmark = pytest.mark.fuse

SOMEBODY = 4321

_NOBODY = 2**32 - 1
MODE_644 = struct.pack(
    "<I" + 3 * "HHI", 2, 1, 6, _NOBODY, 4, 4, _NOBODY, 0x20, 4, _NOBODY
)
"""An access control list that says no more than a mode (posix_acl_xattr.h)."""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may do this")


def mount_flags(path: Path) -> set[str]:
    """The flags of a mount and of its filesystem, from the mount table."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if fields[4] == str(path):
            return {*fields[5].split(","), *after.split()[2].split(",")}
    raise AssertionError(f"{path} is not mounted")


def ids(path: Path) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_uid, found.st_gid


# --- ownership ----------------------------------------------------------------------


def test_mapped_files_are_shown_as_the_mounting_users(fs: Fs, root: Path) -> None:
    fs.write_bytes("/api", b"")
    fs.inodes.setattr(fs.stat("/api").ino, SetAttr(uid=SOMEBODY, gid=SOMEBODY))
    (root / "made").touch()
    mine = os.geteuid(), os.getegid()
    assert ids(root / "api") == ids(root / "made") == ids(root) == mine
    assert (fs.stat("/made").uid, fs.stat("/made").gid) == (0, 0)


@needs_root
def test_a_mapped_chown_succeeds_and_leaves_the_owner(fs: Fs, root: Path) -> None:
    (root / "f").touch()
    before = fs.stat("/f")
    os.chown(root / "f", SOMEBODY, SOMEBODY)
    assert ids(root / "f") == (os.geteuid(), os.getegid())
    after = fs.stat("/f")
    assert (after.uid, after.gid) == (0, 0)
    assert after.ctime_ns > before.ctime_ns


@needs_root
def test_tar_and_cp_keep_going_as_root_on_a_mapped_mount(root: Path) -> None:
    run("sh", "-c", "echo x > f; cp -p f g; cp -a f h; chgrp 7 f", cwd=root)
    with tempfile.TemporaryDirectory() as elsewhere:
        source = Path(elsewhere, "file")
        source.write_bytes(b"x")
        os.chown(source, SOMEBODY, SOMEBODY)
        run("tar", "-C", elsewhere, "-cf", root / "a.tar", "file")
    run("tar", "-xf", "a.tar", "--same-owner", cwd=root)
    assert (root / "file").read_bytes() == b"x"


@pytest.fixture
def exact_root(fs: Fs) -> Iterator[Path]:
    options = MountOptions(ownership="exact", allow_other=True)
    with mount(fs, options=options) as mounted:
        yield mounted.path


AS_SOMEBODY = """
    import os, sys
    os.setgroups([])
    os.setresgid(4321, 4321, 4321)
    os.setresuid(4321, 4321, 4321)
    """


@needs_root
def test_exact_ids_are_kept_both_ways(fs: Fs, exact_root: Path) -> None:
    fs.chmod("/", 0o1777)
    run_python(dedent(AS_SOMEBODY) + "open('f', 'w'); os.mkdir('d')", cwd=exact_root)
    assert ids(exact_root / "f") == ids(exact_root / "d") == (SOMEBODY, SOMEBODY)
    assert (fs.stat("/f").uid, fs.stat("/f").gid) == (SOMEBODY, SOMEBODY)
    os.chown(exact_root / "f", 1, 2)
    assert (fs.stat("/f").uid, fs.stat("/f").gid) == (1, 2)
    os.chown(exact_root / "f", 3, -1)
    assert (fs.stat("/f").uid, fs.stat("/f").gid) == (3, 2)


@needs_root
def test_permission_bits_are_checked(fs: Fs, exact_root: Path) -> None:
    fs.write_bytes("/secret", b"s")
    fs.chmod("/secret", 0o600)
    script = """
        for refused in (
            lambda: open("secret"),
            lambda: open("new", "w"),
            lambda: os.unlink("secret"),
            lambda: os.chmod("secret", 0o666),
            lambda: os.chown("secret", 4321, 4321),
        ):
            try:
                refused()
            except PermissionError:
                continue
            raise SystemExit("it was permitted")
        """
    run_python(dedent(AS_SOMEBODY) + dedent(script), cwd=exact_root)


@needs_root
def test_a_write_by_an_ordinary_user_takes_the_set_id_bits_off(
    fs: Fs, exact_root: Path
) -> None:
    fs.write_bytes("/f", b"x")
    fs.chmod("/f", 0o6777)
    run_python(dedent(AS_SOMEBODY) + "open('f', 'a').write('y')", cwd=exact_root)
    assert fs.stat("/f").perm == 0o777


@needs_root
def test_others_are_kept_out_unless_they_are_let_in(fs: Fs, root: Path) -> None:
    fs.chmod("/", 0o777)
    script = """
        try:
            os.listdir(sys.argv[1])
        except PermissionError:
            sys.exit()
        raise SystemExit("they are in")
        """
    run_python(dedent(AS_SOMEBODY) + dedent(script), root)


@needs_root
def test_a_device_node_is_kept_but_not_used(fs: Fs, root: Path) -> None:
    os.mknod(root / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    assert os.stat(root / "zero").st_rdev == os.makedev(1, 5)
    assert fs.stat("/zero").rdev == os.makedev(1, 5)
    with pytest.raises(PermissionError):
        (root / "zero").read_bytes()
    with mount(fs, options=MountOptions(dev=True)) as other:
        assert run("head", "-c", "3", other.path / "zero") == "\0\0\0"


# --- flags --------------------------------------------------------------------------


def test_a_mount_has_no_set_id_and_no_devices_unless_asked(root: Path) -> None:
    assert {"rw", "nosuid", "nodev"} <= mount_flags(root)
    assert "allow_other" not in mount_flags(root)


@pytest.mark.parametrize("options", [{"allow_other": True}, {"ownership": "exact"}])
@needs_root
def test_the_kernel_checks_permissions_where_others_come_in_or_own_something(
    options: dict[str, Any], fs: Fs, root: Path
) -> None:
    with mount(fs, options=MountOptions(**options)) as mounted:
        assert "default_permissions" in mount_flags(mounted.path)
    assert "default_permissions" not in mount_flags(root)


def test_nobody_executes_what_has_no_permission_to_execute(root: Path) -> None:
    """Also where the kernel checks nothing else; and it follows a list that is set."""
    (root / "f").write_bytes(b"#!/bin/sh\n")
    (root / "program").write_bytes(b"#!/bin/sh\nexit $#\n")
    os.chmod(root / "program", 0o755)
    assert os.access(root / "f", os.R_OK | os.W_OK)
    assert not os.access(root / "f", os.X_OK)
    assert os.access(root / "program", os.X_OK)
    run(root / "program")
    run_python(
        f"""
        import os
        try:
            os.execv("f", ["f", "executed: fails"])
        except PermissionError:
            os.setxattr("program", "system.posix_acl_access", {MODE_644!r})
        try:
            os.execv("program", ["program", "executed: fails"])
        except PermissionError:
            assert os.stat("program").st_mode & 0o777 == 0o644
        """,
        cwd=root,
    )


@needs_root
def test_every_option_reaches_the_kernel(fs: Fs) -> None:
    options = MountOptions(read_only=True, allow_other=True, suid=True, dev=True)
    with mount(fs, options=options) as mounted:
        flags = mount_flags(mounted.path)
        assert {"ro", "allow_other"} <= flags
        assert not {"nosuid", "nodev"} & flags


def test_a_read_only_mount_refuses_every_change(fs: Fs) -> None:
    fs.write_bytes("/f", b"x")
    before = fs.image_digest()
    with mount(fs, options=MountOptions(read_only=True)) as mounted:
        path = mounted.path
        for change in (
            lambda: (path / "f").write_bytes(b"y"),
            lambda: (path / "new").touch(),
            lambda: os.mkdir(path / "d"),
            lambda: os.unlink(path / "f"),
            lambda: os.chmod(path / "f", 0),
            lambda: os.rename(path / "f", path / "g"),
            lambda: os.symlink("f", path / "l"),
            lambda: os.link(path / "f", path / "l"),
        ):
            with pytest.raises(OSError, match=os.strerror(errno.EROFS)):
                change()
        assert (path / "f").read_bytes() == b"x"
        assert fs.image_digest() == before
        fs.write_bytes("/f", b"by the API")
        assert (path / "f").read_bytes() == b"by the API"


@needs_root
def test_a_read_only_mount_stays_so_when_it_is_remounted(fs: Fs) -> None:
    fs.write_bytes("/f", b"x")
    with mount(fs, options=MountOptions(read_only=True)) as mounted:
        run("mount", "-i", "-o", "remount,rw", mounted.path)
        with pytest.raises(OSError, match=os.strerror(errno.EROFS)):
            (mounted.path / "f").write_bytes(b"y")


def test_a_request_timeout_beyond_what_the_kernel_takes_is_refused() -> None:
    for seconds in (-1, 2**16):
        with pytest.raises(ValueError, match="request_timeout"):
            MountOptions(request_timeout=seconds)


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_process_that_waits_for_itself_is_let_go() -> None:
    """The kernel looks every 15 seconds, so it can take twice as long."""
    if kernel_version() < (6, 14):
        pytest.skip("this kernel has no request timeout")
    script = """
        import errno, os, time
        from devdev_mount import Fs, MountOptions, mount

        fs = Fs()
        fs.write_bytes("/f", b"")
        mounted = mount(fs, options=MountOptions(request_timeout=1))
        fd = os.open(mounted.path / "f", os.O_RDONLY)
        try:
            os.get_terminal_size(fd)  # it keeps the interpreter's lock
        except OSError as exc:
            assert exc.errno in (errno.ECONNABORTED, errno.ENOTCONN), exc
        else:
            raise SystemExit("the request was answered")
        deadline = time.monotonic() + 10
        while mounted.is_alive and time.monotonic() < deadline:
            pass
        assert not mounted.is_alive
        mounted.unmount()
        """
    subprocess.run([sys.executable, "-c", dedent(script)], check=True, timeout=50)


def kernel_version() -> tuple[int, ...]:
    major, minor = os.uname().release.split(".")[:2]
    return int(major), int("".join(filter(str.isdigit, minor)))


# --- an ordinary user ---------------------------------------------------------------

ORDINARY = f"""
    import os, sys, subprocess, tempfile
    from pathlib import Path
    from devdev_mount import DriverUnavailable, Fs, MountError, MountOptions, mount

    assert os.geteuid() == {UID}
    tempfile.tempdir = sys.argv[1]

    def is_mounted(path):
        return f" {{path}} " in Path("/proc/self/mountinfo").read_text()
    """


def run_as_ordinary_user(script: str, scratch: Path) -> None:
    reason = why_no_ordinary_user()
    if reason:
        if "fuse" in os.environ.get("DEVDEV_REQUIRE", "").split(","):
            pytest.fail(f"DEVDEV_REQUIRE=fuse, but {reason}")
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="ordinary-") as shared:
        os.chmod(shared, 0o1777)
        program = dedent(ORDINARY) + dedent(script)
        run(*as_ordinary_user([sys.executable, "-c", program, shared], scratch))
        assert os.listdir(shared) == []


def test_an_ordinary_user_mounts_through_the_helper(tmp_path: Path) -> None:
    script = f"""
        fs = Fs()
        with mount(fs) as mounted:
            (mounted.path / "f").write_bytes(b"x")
            assert (os.stat(mounted.path / "f").st_uid, fs.stat("/f").uid) == ({UID}, 0)
            assert is_mounted(mounted.path) and mounted.is_alive
            fs.append("/f", b"y")
            assert (mounted.path / "f").read_bytes() == b"xy"
            with mount(fs, options=MountOptions(read_only=True)) as other:
                assert (other.path / "f").read_bytes() == b"xy"
        assert not is_mounted(mounted.path) and not mounted.path.exists()
        """
    run_as_ordinary_user(script, tmp_path)


def test_an_ordinary_user_unmounts_what_is_busy(tmp_path: Path) -> None:
    script = """
        mounted = mount(Fs())
        enter = 'cd "$0" && exec sleep 60'
        with subprocess.Popen(["sh", "-c", enter, mounted.path]) as sleeper:
            while os.readlink(f"/proc/{sleeper.pid}/cwd") != str(mounted.path):
                pass
            mounted.unmount()
            sleeper.kill()
        assert not is_mounted(mounted.path) and not mounted.path.exists()
        """
    run_as_ordinary_user(script, tmp_path)


def test_an_ordinary_users_mount_is_cleared_away_after_a_kill(tmp_path: Path) -> None:
    script = """
        import signal, time
        program = '''if True:
            import tempfile, sys, time
            from devdev_mount import Fs, mount
            tempfile.tempdir = sys.argv[1]
            print(mount(Fs()).path, flush=True)
            time.sleep(60)
            '''
        owner = subprocess.Popen(
            [sys.executable, "-c", program, sys.argv[1]], stdout=-1, text=True
        )
        path = Path(owner.stdout.readline().strip())
        with subprocess.Popen(["sleep", "60"], cwd=path) as sleeper:
            os.kill(owner.pid, signal.SIGKILL)
            deadline = time.monotonic() + 2
            while is_mounted(path) and time.monotonic() < deadline:
                pass
            while path.exists() and time.monotonic() < deadline:
                pass
            sleeper.kill()
        owner.wait()
        assert not is_mounted(path) and not path.exists(), "it is still there"
        """
    run_as_ordinary_user(script, tmp_path)


def test_an_ordinary_user_is_told_what_takes_root(tmp_path: Path) -> None:
    script = """
        def refusal(**options):
            try:
                mount(Fs(), options=MountOptions(**options))
            except DriverUnavailable as exc:
                return str(exc)
            raise SystemExit("it was permitted")

        assert "root" in refusal(suid=True) and "root" in refusal(dev=True)
        conf = Path("/etc/fuse.conf")
        if "\\nuser_allow_other" not in (conf.read_text() if conf.exists() else ""):
            assert "user_allow_other" in refusal(allow_other=True)
        os.environ["PATH"] = ""
        assert "fuse3" in refusal()
        """
    run_as_ordinary_user(script, tmp_path)


def test_a_directory_that_the_helper_refuses_is_named(tmp_path: Path) -> None:
    script = """
        try:
            mount(Fs(), "/usr/games")
        except MountError as exc:
            assert "/usr/games" in str(exc) and "access" in str(exc), exc
        else:
            raise SystemExit("it was permitted")
        """
    if not Path("/usr/games").is_dir() or os.listdir("/usr/games"):
        pytest.skip("no empty directory of root's to try")
    run_as_ordinary_user(script, tmp_path)


# --- what a host lacks --------------------------------------------------------------


def without(what: str, script: str) -> None:
    """Run a script in a mount namespace of its own, after the command `what`."""
    program = dedent(
        """
        from devdev_mount import DriverUnavailable, Fs, MountOptions, mount
        try:
            mount(Fs())
        except DriverUnavailable as exc:
            reason = str(exc)
        else:
            raise SystemExit("it was mounted")
        """
    ) + dedent(script)
    command = f'{what} && exec "$@"'
    shell = ["unshare", "--mount", "sh", "-ec", command, "sh"]
    run(*shell, sys.executable, "-c", program)


def test_this_host_can_mount() -> None:
    check_mountable()


@needs_root
def test_a_host_without_the_device_is_told_so(tmp_path: Path) -> None:
    hide = f"mount -t tmpfs none {tmp_path} && mount --bind {tmp_path} /dev"
    without(hide, "assert 'there is no /dev/fuse' in reason, reason")


@needs_root
def test_a_device_without_a_driver_is_told_so(tmp_path: Path) -> None:
    node = tmp_path / "node"
    other = f"mknod {node} c 10 254 && mount --bind {node} /dev/fuse"
    without(other, "assert '/dev/fuse does not work' in reason, reason")


@needs_root
def test_root_without_the_right_to_mount_is_told_so() -> None:
    script = """
        from devdev_mount import DriverUnavailable, check_mountable
        try:
            check_mountable()
        except DriverUnavailable as exc:
            assert "CAP_SYS_ADMIN" in str(exc), exc
        else:
            raise SystemExit("it was permitted")
        """
    bounded = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]
    run(*bounded, sys.executable, "-c", dedent(script))
