"""What programs do is done to the store, and what is in the store is what they see."""

import ctypes
import errno
import os
import random
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from devdev_fs import Fs, Kind
from devdev_fs.testing import ManualClock
from devdev_mount import mount

from tests.mount.programs import Program, run, run_python
from tests.processes import wait_until

if sys.platform != "linux":
    pytest.skip("only Linux has a mount driver", allow_module_level=True)

pytestmark = pytest.mark.fuse

RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT = 1, 2, 4
AT_FDCWD = -100

libc = ctypes.CDLL(None, use_errno=True)


def renameat2(source: Path, target: Path, flags: int) -> None:
    paths = os.fsencode(source), os.fsencode(target)
    if libc.renameat2(AT_FDCWD, paths[0], AT_FDCWD, paths[1], flags):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


# --- content ---------------------------------------------------------------------


def test_what_is_written_is_in_the_store_and_read_back(fs: Fs, root: Path) -> None:
    data = random.Random(1).randbytes(3_000_000)
    (root / "f").write_bytes(data)
    assert fs.read_bytes("/f") == data
    assert (root / "f").read_bytes() == data


def test_any_range_is_read_from_the_store(fs: Fs, root: Path) -> None:
    data = random.Random(2).randbytes(300_000)
    fs.write_bytes("/f", data)
    fd = os.open(root / "f", os.O_RDONLY)
    try:
        for offset, size in [
            (0, 1),
            (4095, 2),
            (1, 299_999),
            (299_999, 9),
            (400_000, 1),
        ]:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            assert os.pread(fd, size, offset) == data[offset : offset + size]
    finally:
        os.close(fd)


def test_a_short_file_written_over_a_long_one_is_short(fs: Fs, root: Path) -> None:
    """O_TRUNC takes effect although OPEN is never answered."""
    (root / "f").write_bytes(b"x" * 100_000)
    (root / "f").write_bytes(b"y")
    assert fs.read_bytes("/f") == b"y"
    assert (root / "f").read_bytes() == b"y"


def test_truncate_cuts_and_extends_with_zeros(fs: Fs, root: Path) -> None:
    fs.write_bytes("/f", b"abcdef")
    os.truncate(root / "f", 3)
    assert fs.read_bytes("/f") == b"abc"
    os.truncate(root / "f", 5000)
    assert fs.read_bytes("/f") == b"abc" + bytes(4997)
    assert (root / "f").read_bytes() == b"abc" + bytes(4997)


def test_appends_of_two_descriptors_do_not_overwrite(fs: Fs, root: Path) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    fds = [os.open(root / "f", flags) for _ in range(2)]
    for _ in range(3):
        for fd, data in zip(fds, (b"one", b"two"), strict=True):
            os.write(fd, data)
    for fd in fds:
        os.close(fd)
    assert fs.read_bytes("/f") == b"onetwo" * 3


def test_holes_cost_nothing(fs: Fs, root: Path) -> None:
    with open(root / "f", "wb") as file:
        file.seek(10**12)
        file.write(b"end")
    found = os.stat(root / "f")
    assert found.st_size == 10**12 + 3
    assert found.st_blocks == 8
    assert run("du", "-k", root / "f").split()[0] == "4"
    assert fs.inodes.read(fs.stat("/f").ino, 10**12 - 1, 9) == b"\0end"


def test_a_temporary_file_is_used_after_it_was_deleted(fs: Fs, root: Path) -> None:
    before = fs.inodes.statvfs().inodes_free
    with tempfile.TemporaryFile(dir=root) as file:
        file.write(b"x" * 10_000)
        file.seek(0)
        assert file.read() == b"x" * 10_000
        assert os.fstat(file.fileno()).st_nlink == 0
    assert fs.listdir("/") == []
    wait_for_inodes(fs, before)


def wait_for_inodes(fs: Fs, free: int) -> None:
    """Wait until the kernel has let go of what nobody uses."""
    wait_until(lambda: fs.inodes.statvfs().inodes_free == free, f"{free} free inodes")


def test_an_unlinked_open_file_is_complete(fs: Fs, root: Path) -> None:
    run_python(
        """
        import os, sys
        fd = os.open("f", os.O_RDWR | os.O_CREAT)
        os.write(fd, b"content")
        os.unlink("f")
        assert os.fstat(fd).st_nlink == 0 and os.fstat(fd).st_size == 7
        os.ftruncate(fd, 4)
        os.fchmod(fd, 0o600)
        os.pwrite(fd, b"XY", 1)
        again = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)
        assert os.read(again, 100) == b"cXYt", os.pread(again, 100, 0)
        assert not os.path.exists("f")
        """,
        cwd=root,
    )
    assert fs.listdir("/") == []


def test_a_replaced_file_stays_readable_for_who_has_it_open(fs: Fs, root: Path) -> None:
    """POSIX rename(): the replaced file lives while any process has it open."""
    fs.write_bytes("/old", b"old")
    fs.write_bytes("/new", b"new")
    with open(root / "old", "rb", buffering=0) as file:
        os.rename(root / "new", root / "old")
        assert file.read() == b"old"
    assert (root / "old").read_bytes() == b"new"


def test_no_space_is_told_and_nothing_is_lost() -> None:
    fs = Fs(max_bytes=64 * 1024)
    fs.write_bytes("/kept", b"x" * 10_000)
    with mount(fs) as mounted:
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            (mounted.path / "f").write_bytes(b"y" * 100_000)
        assert (mounted.path / "kept").read_bytes() == b"x" * 10_000
        os.unlink(mounted.path / "f")
        (mounted.path / "f").write_bytes(b"z" * 40_000)
    assert fs.read_bytes("/f") == b"z" * 40_000


def test_no_inode_left_is_told() -> None:
    fs = Fs(max_inodes=2)
    with mount(fs) as mounted:
        (mounted.path / "f").touch()
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            (mounted.path / "g").touch()


def test_what_is_removed_makes_room_at_once() -> None:
    """The kernel forgets what is removed in its own time."""
    fs = Fs(max_inodes=3, max_bytes=8 * 4096)
    with mount(fs) as mounted:
        for number in range(300):
            path = mounted.path / str(number)
            path.write_bytes(b"x" * 8 * 4096)
            (mounted.path / "last").touch()
            os.unlink(path)
            os.unlink(mounted.path / "last")


def test_statvfs_tells_the_quotas(fs: Fs, root: Path) -> None:
    fs.inodes.set_limits(max_bytes=4096 * 100, max_inodes=50)
    fs.write_bytes("/f", b"x" * 4097)
    found = os.statvfs(root)
    assert (found.f_bsize, found.f_blocks, found.f_bfree) == (4096, 100, 98)
    assert (found.f_files, found.f_ffree, found.f_namemax) == (50, 48, 255)


def test_a_mapping_is_written_to_the_store(fs: Fs, root: Path) -> None:
    fs.write_bytes("/f", bytes(10_000))
    run_python(
        """
        import mmap, os
        fd = os.open("f", os.O_RDWR)
        with mmap.mmap(fd, 0) as mapping:
            assert mapping[9_999] == 0
            mapping[5_000:5_005] = b"hello"
        """,
        cwd=root,
    )
    assert fs.read_bytes("/f") == bytes(5_000) + b"hello" + bytes(4_995)


def test_fsync_and_its_kin_succeed(root: Path) -> None:
    with open(root / "f", "wb") as file:
        file.write(b"x")
        os.fsync(file.fileno())
        os.fdatasync(file.fileno())
    directory = os.open(root, os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)


def test_what_the_kernel_does_in_other_ways_works(fs: Fs, root: Path) -> None:
    """Without FALLOCATE, COPY_FILE_RANGE and LSEEK of our own."""
    data = random.Random(3).randbytes(200_000)
    fs.write_bytes("/f", data)
    with open(root / "f", "rb") as source, open(root / "g", "wb") as target:
        os.posix_fallocate(target.fileno(), 0, 1000)
        assert os.copy_file_range(source.fileno(), target.fileno(), 100_000) == 100_000
        assert os.sendfile(target.fileno(), source.fileno(), None, 100_000) == 100_000
        assert os.lseek(source.fileno(), 0, os.SEEK_HOLE) == 200_000
    assert fs.read_bytes("/g") == data


def test_an_ioctl_is_refused_as_on_any_file(root: Path) -> None:
    run_python(
        """
        import errno, os
        fd = os.open("f", os.O_RDWR | os.O_CREAT)
        try:
            os.get_terminal_size(fd)
        except OSError as exc:
            assert exc.errno == errno.ENOTTY, exc
        else:
            raise SystemExit("it was not refused")
        """,
        cwd=root,
    )


def test_a_program_on_the_mount_runs(fs: Fs, root: Path) -> None:
    fs.write_bytes("/hello", b"#!/bin/sh\necho hello $1\n")
    fs.chmod("/hello", 0o755)
    fs.write_bytes("/true", Path("/bin/true").read_bytes())
    fs.chmod("/true", 0o755)
    assert run(root / "hello", "you") == "hello you\n"
    run(root / "true")


def test_a_program_that_runs_cannot_be_written(fs: Fs, root: Path) -> None:
    fs.write_bytes("/sleep", Path("/bin/sleep").read_bytes())
    fs.chmod("/sleep", 0o755)
    with subprocess.Popen([root / "sleep", "60"]) as sleeper:
        with pytest.raises(OSError, match=os.strerror(errno.ETXTBSY)):
            os.open(root / "sleep", os.O_WRONLY)
        sleeper.kill()


# --- names -----------------------------------------------------------------------


def test_directories_are_made_listed_moved_and_removed(fs: Fs, root: Path) -> None:
    os.makedirs(root / "a/b/c")
    (root / "a/b/f").write_bytes(b"x")
    os.rename(root / "a/b", root / "z")
    assert sorted(os.listdir(root)) == ["a", "z"]
    assert fs.read_bytes("/z/f") == b"x"
    assert os.stat(root).st_nlink == 4
    os.rmdir(root / "a")
    with pytest.raises(OSError, match=os.strerror(errno.ENOTEMPTY)):
        os.rmdir(root / "z")
    assert fs.listdir("/") == ["z"]


def test_hard_links_are_one_inode(fs: Fs, root: Path) -> None:
    (root / "a").write_bytes(b"one")
    os.link(root / "a", root / "b")
    (root / "b").write_bytes(b"both")
    found = os.stat(root / "a")
    assert (found.st_nlink, found.st_size) == (2, 4)
    assert found.st_ino == os.stat(root / "b").st_ino == fs.stat("/a").ino
    os.unlink(root / "a")
    assert os.stat(root / "b").st_nlink == 1


def test_symlinks_hold_what_they_were_given(fs: Fs, root: Path) -> None:
    os.symlink("missing/../target", root / "l")
    assert os.readlink(root / "l") == "missing/../target"
    assert fs.readlink("/l") in ("missing/../target", b"missing/../target")
    (root / "target").write_bytes(b"t")
    os.symlink("target", root / "m")
    assert (root / "m").read_bytes() == b"t"
    os.symlink("self", root / "self")
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        (root / "self").read_bytes()


@pytest.mark.parametrize(
    "name", [b"\xff\xfe", b"with space", b"new\nline", b"-rf", b"\\040", b"n" * 255]
)
def test_a_name_is_any_bytes(fs: Fs, root: Path, name: bytes) -> None:
    path = os.path.join(os.fsencode(root), name)
    with open(path, "wb") as file:
        file.write(b"x")
    assert os.listdir(os.fsencode(root)) == [name]
    assert fs.read_bytes(b"/" + name) == b"x"
    os.unlink(path)


def test_a_name_of_256_bytes_is_too_long(root: Path) -> None:
    with pytest.raises(OSError, match=os.strerror(errno.ENAMETOOLONG)):
        (root / ("n" * 256)).touch()


def test_a_large_directory_is_listed_once_each(fs: Fs, root: Path) -> None:
    names = [f"{number:04}{'x' * (number % 90)}" for number in range(3000)]
    for name in names:
        fs.write_bytes(f"/{name}", b"")
    with os.scandir(root) as listing:
        found = {entry.name: (entry.is_file(), entry.inode()) for entry in listing}
    assert found.keys() == set(names)
    assert found[names[7]] == (True, fs.stat(f"/{names[7]}").ino)


def test_three_thousand_files_are_deleted_while_listing_them(
    fs: Fs, root: Path
) -> None:
    for number in range(3000):
        fs.write_bytes(f"/{number}", b"")
    with os.scandir(root) as listing:
        for entry in listing:
            os.unlink(entry.path)
    assert fs.listdir("/") == []


def test_rename_replaces_and_its_flags_say_otherwise(fs: Fs, root: Path) -> None:
    fs.write_bytes("/a", b"a")
    fs.write_bytes("/b", b"b")
    with pytest.raises(FileExistsError):
        renameat2(root / "a", root / "b", RENAME_NOREPLACE)
    renameat2(root / "a", root / "b", RENAME_EXCHANGE)
    assert (fs.read_bytes("/a"), fs.read_bytes("/b")) == (b"b", b"a")
    assert ((root / "a").read_bytes(), (root / "b").read_bytes()) == (b"b", b"a")
    with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
        renameat2(root / "a", root / "b", RENAME_EXCHANGE | RENAME_NOREPLACE)
    renameat2(root / "a", root / "c", RENAME_NOREPLACE)
    os.rename(root / "c", root / "b")
    assert fs.listdir("/") == ["b"]
    assert (root / "b").read_bytes() == b"b"


@pytest.mark.skipif(os.geteuid() != 0, reason="a whiteout is a device: only root")
def test_rename_leaves_a_whiteout(fs: Fs, root: Path) -> None:
    fs.write_bytes("/a", b"a")
    renameat2(root / "a", root / "b", RENAME_WHITEOUT)
    found = os.lstat(root / "a")
    assert stat.S_ISCHR(found.st_mode)
    assert found.st_rdev == 0
    assert (root / "b").read_bytes() == b"a"


def test_o_excl_refuses_what_is_there(fs: Fs, root: Path) -> None:
    fs.write_bytes("/f", b"")
    with pytest.raises(FileExistsError):
        os.open(root / "f", os.O_CREAT | os.O_EXCL)


def test_special_files_work_between_programs(fs: Fs, root: Path) -> None:
    os.mkfifo(root / "fifo", 0o600)
    run(
        "sh",
        "-c",
        "echo through > fifo & read line < fifo; test $line = through",
        cwd=root,
    )
    run_python(
        """
        import socket
        server, client = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        server.bind("s"); server.listen(); client.connect("s")
        """,
        cwd=root,
    )
    assert fs.stat("/fifo").kind == Kind.FIFO
    assert fs.stat("/s").kind == Kind.SOCKET
    assert stat.S_ISSOCK(os.lstat(root / "s").st_mode)


def test_locks_hold_between_processes(fs: Fs, root: Path) -> None:
    fs.write_bytes("/f", b"")
    script = """
        import fcntl, os, sys
        fd = os.open(sys.argv[1], os.O_RDWR)
        for line in sys.stdin:
            fcntl.flock(fd, fcntl.LOCK_EX); fcntl.lockf(fd, fcntl.LOCK_EX)
            print("locked")
        """
    with Program(script, root / "f") as holder:
        assert holder.ask() == "locked"
        run_python(
            """
            import fcntl, os
            fd = os.open("f", os.O_RDWR)
            for lock in fcntl.flock, fcntl.lockf:
                try:
                    lock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                raise SystemExit("both have it")
            """,
            cwd=root,
        )


# --- attributes ------------------------------------------------------------------


def test_times_before_1970_are_exact(fs: Fs, root: Path) -> None:
    fs.write_bytes("/f", b"")
    os.utime(root / "f", ns=(-1, -1_500_000_000))
    assert (fs.stat("/f").atime_ns, fs.stat("/f").mtime_ns) == (-1, -1_500_000_000)
    found = os.stat(root / "f")
    assert (found.st_atime_ns, found.st_mtime_ns) == (-1, -1_500_000_000)


def test_one_time_is_set_and_the_other_stays(fs: Fs, root: Path) -> None:
    fs.write_bytes("/f", b"")
    os.utime(root / "f", ns=(1, 2))
    run("touch", "-a", "-d", "@7", "f", cwd=root)
    assert (fs.stat("/f").atime_ns, fs.stat("/f").mtime_ns) == (7_000_000_000, 2)


def test_now_is_the_clock_of_the_store() -> None:
    fs = Fs(clock=ManualClock(time_ns=5, step_ns=0))
    with mount(fs) as mounted:
        (mounted.path / "f").write_bytes(b"x")
        os.utime(mounted.path / "f", ns=(0, 0))
        os.utime(mounted.path / "f")
        found = os.stat(mounted.path / "f")
        assert (found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns) == (5, 5, 5)
        assert os.stat(mounted.path).st_mtime_ns == 5
    assert fs.stat("/f").mtime_ns == 5


def test_modes_are_kept_and_the_umask_is_applied_once(root: Path) -> None:
    # The store's own umask is 022, and has no part in it.
    run("sh", "-c", "umask 007; touch f; mkdir d; mkfifo p; ln -s f l", cwd=root)
    modes = {name: stat.S_IMODE(os.lstat(root / name).st_mode) for name in "fdpl"}
    assert modes == {"f": 0o660, "d": 0o770, "p": 0o660, "l": 0o777}
    os.chmod(root / "d", 0o1777)
    assert stat.S_IMODE(os.stat(root / "d").st_mode) == 0o1777


def test_a_change_of_owner_takes_the_set_id_bits_off(fs: Fs, root: Path) -> None:
    fs.write_bytes("/f", b"x")
    fs.chmod("/f", 0o6755)
    os.chown(root / "f", os.geteuid(), os.getegid())
    assert stat.S_IMODE(os.stat(root / "f").st_mode) == 0o755
