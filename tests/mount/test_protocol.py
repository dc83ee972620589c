"""The kernel's protocol without a kernel: what other kernels than this one ask.

A socket that keeps messages apart stands for the device, so this needs the private
names; everything that this kernel asks too is tested through a mount.
"""

import os
import socket
import struct
import sys
import threading
from collections.abc import Iterator

import pytest
from devdev_fs import Errno, Fs
from devdev_mount import MountOptions

if sys.platform != "linux":
    pytest.skip("only Linux has a mount driver", allow_module_level=True)

from devdev_mount._fuse import _abi
from devdev_mount._fuse._abi import NotifyCode, Opcode
from devdev_mount._fuse._connection import Connection
from devdev_mount._fuse._mirror import KernelMirror
from devdev_mount._fuse._ops import Ops

EVERY_FLAG = 2**32 - 1
BUFFER = 2**20
GETATTR_IN = bytes(16)


class Kernel:
    """The other side: asks, and waits for the answers."""

    def __init__(self, fs: Fs, options: MountOptions) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ours.settimeout(5)
        self._device = theirs
        self.mirror = KernelMirror(fs, theirs.fileno())
        ops = Ops(self.mirror.attachment.inodes, self.mirror.nodes, options)
        self._connection = Connection(theirs.fileno(), ops, self.mirror, 0.0001)
        self._thread = threading.Thread(target=self._connection.serve)
        self._thread.start()
        self._unique = 0
        self.notifications: list[tuple[NotifyCode, bytes]] = []
        """What came unasked, before the last answer."""

    def tell(self, opcode: int, nodeid: int = 1, body: bytes = b"") -> None:
        """Send a request."""
        self._unique += 2
        size = _abi.IN_HEADER.size + len(body)
        header = (size, opcode, self._unique, nodeid, 7, 8, 9)
        self._ours.send(_abi.IN_HEADER.pack(*header) + body)

    def ask(self, opcode: int, nodeid: int = 1, body: bytes = b"") -> bytes:
        """Send a request and wait for its answer.

        Raises:
            OSError: it was refused.
        """
        self.tell(opcode, nodeid, body)
        error, unique, answer = self._receive()
        while unique == 0:
            self.notifications.append((NotifyCode(error), answer))
            error, unique, answer = self._receive()
        assert unique == self._unique
        if error:
            raise OSError(-error, os.strerror(-error))
        return answer

    def _receive(self) -> tuple[int, int, bytes]:
        message = self._ours.recv(BUFFER)
        size, error, unique = _abi.OUT_HEADER.unpack_from(message)
        assert size == len(message)
        return error, unique, message[_abi.OUT_HEADER.size :]

    def initialize(
        self, major: int = 7, minor: int = 38, flags: int = EVERY_FLAG
    ) -> tuple[int, ...]:
        body = _abi.INIT_IN.pack(major, minor, 4096, flags) + bytes(48)
        return _abi.INIT_OUT.unpack(self.ask(Opcode.INIT, 0, body))

    def look_up(self, name: bytes) -> int:
        """The nodeid of a name."""
        answer = self.ask(Opcode.LOOKUP, 1, name + b"\0")
        (nodeid,) = struct.unpack_from("=Q", answer)
        assert isinstance(nodeid, int)
        return nodeid

    def close(self) -> None:
        self._connection.end()
        self._thread.join(5)
        assert not self._thread.is_alive()
        self.mirror.close()
        self._connection.close()
        self._ours.close()
        self._device.close()


@pytest.fixture
def fs() -> Fs:
    return Fs()


@pytest.fixture
def kernel(fs: Fs) -> Iterator[Kernel]:
    kernel = Kernel(fs, MountOptions())
    yield kernel
    kernel.close()


def test_only_what_both_have_is_agreed_on(kernel: Kernel) -> None:
    major, _, readahead, flags, *_, max_pages = kernel.initialize()
    assert (major, readahead) == (7, 4096)
    assert max_pages * os.sysconf("SC_PAGESIZE") == 2**20
    atomic_o_trunc, writeback_cache, posix_locks, flock = (
        1 << 3,
        1 << 16,
        1 << 1,
        1 << 10,
    )
    assert not flags & (atomic_o_trunc | writeback_cache | posix_locks | flock)
    assert flags & _abi.FUSE_BIG_WRITES
    offered = _abi.FUSE_BIG_WRITES | atomic_o_trunc
    assert kernel.initialize(flags=offered)[3] == _abi.FUSE_BIG_WRITES


def test_a_kernel_of_a_later_major_version_is_told_ours(kernel: Kernel) -> None:
    assert kernel.initialize(major=8, minor=1)[:4] == (7, 38, 0, 0)
    assert kernel.initialize()[0] == 7


@pytest.mark.parametrize("version", [(7, 22), (6, 99)])
def test_a_kernel_that_is_too_old_is_refused(
    kernel: Kernel, version: tuple[int, int]
) -> None:
    with pytest.raises(OSError, match=os.strerror(Errno.EOPNOTSUPP)):
        kernel.initialize(*version)


def test_open_is_done_away_with_where_the_kernel_can_do_without(kernel: Kernel) -> None:
    kernel.initialize()
    for opcode in (Opcode.OPEN, Opcode.OPENDIR, Opcode.FLUSH, Opcode.FSYNC):
        with pytest.raises(OSError, match=os.strerror(Errno.ENOSYS)):
            kernel.ask(opcode, 1, bytes(8))


def test_open_keeps_the_caches_where_the_kernel_cannot(kernel: Kernel) -> None:
    kernel.initialize(flags=0)
    _, flags = _abi.OPEN_OUT.unpack(kernel.ask(Opcode.OPEN, 1, bytes(8)))
    assert flags == _abi.FOPEN_KEEP_CACHE
    _, flags = _abi.OPEN_OUT.unpack(kernel.ask(Opcode.OPENDIR, 1, bytes(8)))
    assert flags == _abi.FOPEN_KEEP_CACHE | _abi.FOPEN_CACHE_DIR
    assert kernel.ask(Opcode.RELEASE, 1, bytes(24)) == b""
    assert kernel.ask(Opcode.RELEASEDIR, 1, bytes(24)) == b""


def test_what_needs_no_answer_gets_none(kernel: Kernel, fs: Fs) -> None:
    fs.write_bytes("/a", b"")
    fs.write_bytes("/b", b"")
    first, second = kernel.look_up(b"a"), kernel.look_up(b"b")
    kernel.tell(Opcode.INTERRUPT, 0, struct.pack("=Q", 2))
    kernel.tell(Opcode.FORGET, first, struct.pack("=Q", 1))
    kernel.tell(Opcode.BATCH_FORGET, 0, struct.pack("=IIQQ", 1, 0, second, 1))
    assert kernel.ask(Opcode.GETATTR, 1, GETATTR_IN)
    assert kernel.look_up(b"a") not in (first, second)


def test_an_unknown_request_is_not_implemented(kernel: Kernel) -> None:
    for opcode in (Opcode.SETXATTR, Opcode.SYNCFS, 99, 4096):
        with pytest.raises(OSError, match=os.strerror(Errno.ENOSYS)):
            kernel.ask(opcode, 1, bytes(16))


def test_a_node_that_was_never_given_out_is_a_bug_and_told_as_eio(
    kernel: Kernel, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(OSError, match=os.strerror(Errno.EIO)):
        kernel.ask(Opcode.GETATTR, 77, GETATTR_IN)
    assert "a bug" in caplog.text
    assert kernel.ask(Opcode.GETATTR, 1, GETATTR_IN)


def test_the_older_rename_is_answered(kernel: Kernel, fs: Fs) -> None:
    fs.write_bytes("/a", b"a")
    fs.write_bytes("/b", b"b")
    assert kernel.ask(Opcode.RENAME, 1, struct.pack("=Q", 1) + b"a\0b\0") == b""
    assert fs.read_bytes("/b") == b"a"


def test_a_file_that_has_just_come_is_looked_for_again(kernel: Kernel, fs: Fs) -> None:
    """Two sides make one file: open(2) without O_EXCL is to find the other's."""
    fs.write_bytes("/f", b"")
    request = _abi.CREATE_IN.pack(os.O_CREAT | os.O_WRONLY, 0o100644) + b"f\0"
    with pytest.raises(OSError, match=os.strerror(Errno.ESTALE)):
        kernel.ask(Opcode.CREATE, 1, request)
    request = _abi.CREATE_IN.pack(os.O_CREAT | os.O_EXCL, 0o100644) + b"f\0"
    with pytest.raises(FileExistsError):
        kernel.ask(Opcode.CREATE, 1, request)


def test_nodeids_are_never_used_again(kernel: Kernel, fs: Fs) -> None:
    snapshot = fs.dump()
    seen = set()
    for _ in range(3):
        fs.write_bytes("/f", b"")
        assert fs.stat("/f").ino == 2
        nodeid = kernel.look_up(b"f")
        assert nodeid not in seen
        seen.add(nodeid)
        kernel.tell(Opcode.FORGET, nodeid, struct.pack("=Q", 1))
        assert kernel.look_up(b"none") == 0
        fs.load(snapshot)


def test_a_listing_fills_the_buffer_and_goes_on_where_it_ended(
    kernel: Kernel, fs: Fs
) -> None:
    names = [b"n" * length for length in range(1, 60)]
    for name in names:
        fs.write_bytes(b"/" + name, b"")
    for size in (88, 100, 333, 4096, 100_000):
        found, cookie = [], 0
        while True:
            listing = kernel.ask(Opcode.READDIR, 1, _abi.READ_IN.pack(cookie, size))
            assert len(listing) <= size
            if not listing:
                break
            at = 0
            while at < len(listing):
                _, cookie, length, kind = _abi.DIRENT.unpack_from(listing, at)
                at += _abi.DIRENT.size
                found.append((listing[at : at + length], kind))
                at += -(-length // 8) * 8
            assert at == len(listing)
        regular, directory = 8, 4
        expected = [(b".", directory), (b"..", directory)]
        assert found == expected + [(name, regular) for name in names]


def test_changes_are_told_names_first_and_only_where_they_are_known(
    kernel: Kernel, fs: Fs
) -> None:
    fs.mkdir("/unknown")
    fs.write_bytes("/f", b"x")
    nodeid = kernel.look_up(b"f")
    kernel.notifications.clear()
    fs.write_bytes("/unknown/g", b"x")
    fs.append("/f", b"yz")
    fs.rename("/f", "/g")
    fs.remove("/g")
    kernel.look_up(b"f")
    assert [code.name for code, _ in kernel.notifications] == [
        *("INVAL_INODE", "STORE"),
        *("INVAL_ENTRY", "INVAL_ENTRY", "INVAL_INODE", "INVAL_INODE"),
        *("DELETE", "INVAL_INODE", "INVAL_INODE"),
    ]
    _, changed = kernel.notifications[0]
    assert _abi.NOTIFY_INVAL_INODE_OUT.unpack(changed) == (nodeid, 1, 2)
    _, stored = kernel.notifications[1]
    assert _abi.NOTIFY_STORE_OUT.unpack_from(stored) == (nodeid, 2, 1)
    assert stored.endswith(b"z")
