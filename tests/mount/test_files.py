"""Requests about content and inodes beyond reading and writing."""

import errno
import os
import select
import stat
import sys
from pathlib import Path

import pytest
from devdev_fs import Fs
from devdev_fs.testing import ManualClock
from devdev_mount import mount

from tests.mount.programs import run, run_python

if sys.platform != "linux":
    pytest.skip("only Linux has a mount driver", allow_module_level=True)

pytestmark = pytest.mark.fuse

PAGE = 4096

FALLOCATE = """
    import ctypes, os
    libc = ctypes.CDLL(None, use_errno=True)
    KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16

    def fallocate(fd, mode, offset, length):
        arguments = [ctypes.c_long(each) for each in (offset, length)]
        if libc.fallocate(fd, mode, *arguments):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    """


def test_space_is_allocated_punched_and_zeroed(fs: Fs, root: Path) -> None:
    (root / "f").write_bytes(b"x" * 4 * PAGE)
    script = """
        fd = os.open("f", os.O_RDWR)
        fallocate(fd, PUNCH_HOLE | KEEP_SIZE, 4096, 4096)
        assert os.fstat(fd).st_blocks == 24
        assert os.pread(fd, 8192, 0) == b"x" * 4096 + bytes(4096)
        fallocate(fd, ZERO_RANGE, 8192, 100)
        assert os.pread(fd, 101, 8192) == bytes(100) + b"x"
        fallocate(fd, 0, 0, 20_000)
        assert os.fstat(fd).st_size == 20_000 and os.fstat(fd).st_blocks == 40
        fallocate(fd, KEEP_SIZE, 0, 28_000)
        assert os.fstat(fd).st_size == 20_000 and os.fstat(fd).st_blocks == 56
        """
    run_python(FALLOCATE + script.replace("\n        ", "\n    "), cwd=root)
    assert fs.stat("/f").size == 20_000


def test_holes_and_data_are_found(fs: Fs, root: Path) -> None:
    fs.write_bytes("/f", b"x" * PAGE)
    ino = fs.stat("/f").ino
    fs.inodes.write(ino, 8 * PAGE, b"y")
    with open(root / "f", "rb") as file:
        seek = file.fileno()
        assert os.lseek(seek, 0, os.SEEK_HOLE) == PAGE
        assert os.lseek(seek, PAGE, os.SEEK_DATA) == 8 * PAGE
        assert os.lseek(seek, 8 * PAGE, os.SEEK_HOLE) == 8 * PAGE + 1
        with pytest.raises(OSError, match=os.strerror(errno.ENXIO)):
            os.lseek(seek, 9 * PAGE, os.SEEK_DATA)


def test_a_copy_within_the_mount_takes_no_space_for_holes(fs: Fs, root: Path) -> None:
    fs.write_bytes("/f", b"x" * PAGE)
    fs.inodes.write(fs.stat("/f").ino, 100 * PAGE, b"end")
    run("cp", "--reflink=never", "--sparse=never", "f", "g", cwd=root)
    assert fs.read_bytes("/g") == fs.read_bytes("/f")
    with open(root / "f", "rb") as source, open(root / "h", "wb") as target:
        done = os.copy_file_range(source.fileno(), target.fileno(), 2**20)
    assert done == 100 * PAGE + 3
    assert fs.read_bytes("/h") == fs.read_bytes("/f")
    assert fs.stat("/h").blocks == 16


def test_a_file_without_a_name_is_given_one(fs: Fs, root: Path) -> None:
    before = fs.inodes.statvfs().inodes_free
    fd = os.open(root, os.O_TMPFILE | os.O_RDWR, 0o640)
    os.write(fd, b"content")
    assert os.fstat(fd).st_nlink == 0
    assert fs.listdir("/") == []
    # With a directory given, Python follows the link, by linkat(2).
    os.link(f"/proc/self/fd/{fd}", root / "named", src_dir_fd=fd)
    os.close(fd)
    assert fs.read_bytes("/named") == b"content"
    os.close(os.open(root, os.O_TMPFILE | os.O_RDWR))
    os.unlink(root / "named")
    run("sync", "-f", root)
    os.statvfs(root)
    assert fs.inodes.statvfs().inodes_free == before


def test_the_time_of_birth_is_told() -> None:
    fs = Fs(clock=ManualClock(time_ns=86_400_000_000_007, step_ns=0))
    fs.write_bytes("/f", b"")
    with mount(fs) as mounted:
        told = run("stat", "--format=%w", mounted.path / "f")
    assert ":00.000000007" in told
    assert told.startswith("1970-01-0")


def test_sizes_go_to_the_limit_of_linux(fs: Fs, root: Path) -> None:
    largest = 2**63 - 1
    (root / "f").touch()
    os.truncate(root / "f", largest)
    assert os.stat(root / "f").st_size == fs.stat("/f").size == largest
    assert fs.stat("/f").blocks == 0
    with open(root / "f", "r+b", buffering=0) as file:
        assert os.pwrite(file.fileno(), b"e", largest - 1) == 1
        assert os.pread(file.fileno(), 3, largest - 3) == b"\0\0e"
        with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
            os.posix_fallocate(file.fileno(), largest - 1, 2)


def test_locks_work_between_processes(root: Path) -> None:
    """They are the kernel's own."""
    run_python(
        """
        import fcntl, os
        def is_locked(lock):
            if pid := os.fork():
                return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            other = os.open("f", os.O_RDWR)
            try:
                lock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os._exit(1)
            os._exit(0)
        fd = os.open("f", os.O_RDWR | os.O_CREAT)
        for lock in (fcntl.flock, fcntl.lockf):
            assert not is_locked(lock)
            lock(fd, fcntl.LOCK_EX)
            assert is_locked(lock)
            lock(fd, fcntl.LOCK_UN)
            assert not is_locked(lock)
        """,
        cwd=root,
    )


def test_a_file_is_always_ready(root: Path) -> None:
    with open(root / "f", "w+b") as file:
        poll = select.poll()
        poll.register(file, select.POLLIN | select.POLLOUT)
        assert poll.poll(0) == [(file.fileno(), select.POLLIN | select.POLLOUT)]


def test_flags_of_files_are_not_supported(root: Path) -> None:
    """An ioctl that is not known, as for any."""
    run_python(
        """
        import array, errno, fcntl, os
        FS_IOC_GETFLAGS = 0x80086601
        for path in ("f", "."):
            flags = os.O_RDONLY if path == "." else os.O_RDWR | os.O_CREAT
            try:
                found = array.array("l", [0])
                fcntl.ioctl(os.open(path, flags), FS_IOC_GETFLAGS, found)
            except OSError as exc:
                assert exc.errno == errno.ENOTTY, exc
            else:
                raise SystemExit("it was not refused")
        """,
        cwd=root,
    )


def test_a_reader_that_is_interrupted_ends(root: Path) -> None:
    run_python(
        """
        import os, signal, subprocess
        os.mkfifo("p")
        with subprocess.Popen(["cat", "p"]) as cat:
            os.open("p", os.O_WRONLY)
            cat.kill()
        assert cat.returncode == -signal.SIGKILL
        """,
        cwd=root,
    )


def test_a_device_of_any_number_that_linux_has_is_kept(fs: Fs, root: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may make devices")
    device = os.makedev(4095, 2**20 - 1)
    os.mknod(root / "n", stat.S_IFBLK, device)
    assert os.stat(root / "n").st_rdev == fs.stat("/n").rdev == device


# --- handles ----------------------------------------------------------------------

HANDLES = """
    import ctypes, errno, os
    libc = ctypes.CDLL(None, use_errno=True)

    class Handle(ctypes.Structure):
        _fields_ = [("size", ctypes.c_uint), ("type", ctypes.c_int),
                    ("bytes", ctypes.c_ubyte * 128)]

    def handle_of(path):
        handle, mount_id = Handle(size=128), ctypes.c_int()
        done = libc.name_to_handle_at(
            -100, os.fsencode(path), ctypes.byref(handle), ctypes.byref(mount_id), 0
        )
        assert done == 0, os.strerror(ctypes.get_errno())
        return handle

    root = os.open(".", os.O_RDONLY)

    def open_handle(handle):
        fd = libc.open_by_handle_at(root, ctypes.byref(handle), os.O_RDONLY)
        if fd < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return fd
    """


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may open by handle")
def test_a_handle_opens_its_inode_while_it_lives(fs: Fs, root: Path) -> None:
    fs.mkdir("/d/e", parents=True)
    script = """
        open("d/e/f", "w").write("content")
        handle, directory = handle_of("d/e/f"), handle_of("d/e")
        os.rename("d/e/f", "g")
        opened = open_handle(handle)
        assert os.read(opened, 99) == b"content"
        os.close(opened)
        opened = open_handle(directory)
        assert os.listdir(opened) == []
        os.close(opened)
        os.unlink("g")
        os.rmdir("d/e")
        for gone in (handle, directory):
            try:
                open_handle(gone)
            except OSError as exc:
                assert exc.errno == errno.ESTALE, exc
            else:
                raise SystemExit("it is still there")
        """
    run_python(HANDLES + script.replace("\n        ", "\n    "), cwd=root)
