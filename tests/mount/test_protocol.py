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
from devdev_mount._fuse._actors import Actors
from devdev_mount._fuse._connection import Connection
from devdev_mount._fuse._fileops import is_coherent_past_cache
from devdev_mount._fuse._listing import KNOWN_FIRST
from devdev_mount._fuse._mirror import KernelMirror
from devdev_mount._fuse._ops import Ops

EVERY_FLAG = 2**64 - 1
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
        actors = Actors("/nowhere")
        self._connection = Connection(theirs.fileno(), ops, self.mirror, actors, 0.0001)
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

    @property
    def requests(self) -> dict[Opcode, int]:
        """How often it was asked for what."""
        return self._connection.requests

    def initialize(
        self, major: int = 7, minor: int = 38, flags: int = EVERY_FLAG
    ) -> tuple[int, ...]:
        low, high = flags & 2**32 - 1, flags >> 32
        body = struct.pack("=IIIII44x", major, minor, 4096, low, high)
        return _abi.INIT_OUT.unpack(self.ask(Opcode.INIT, 0, body))

    def look_up(self, name: bytes, nodeid: int = 1) -> int:
        """The nodeid of a name."""
        return self.look_up_generation(name, nodeid)[0]

    def look_up_generation(self, name: bytes, nodeid: int = 1) -> tuple[int, int]:
        """The nodeid of a name, and its generation."""
        answer = self.ask(Opcode.LOOKUP, nodeid, name + b"\0")
        found, generation, *_ = _abi.ENTRY_OUT.unpack(answer)
        return found, generation

    def forget(self, nodeid: int, nlookup: int = 1) -> None:
        self.tell(Opcode.FORGET, nodeid, struct.pack("=Q", nlookup))

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
    major, _, readahead, flags, *_, max_pages, more, timeout = kernel.initialize()
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
    assert more << 32 == _abi.FUSE_REQUEST_TIMEOUT
    assert timeout == MountOptions().request_timeout
    offered = _abi.FUSE_BIG_WRITES | atomic_o_trunc
    assert kernel.initialize(flags=offered)[3] == _abi.FUSE_BIG_WRITES


def test_without_the_extension_of_init_its_fields_are_not_read(kernel: Kernel) -> None:
    *_, flags, _, _, _, _, _, more, timeout = kernel.initialize(
        flags=EVERY_FLAG & ~_abi.FUSE_INIT_EXT
    )
    assert (more, timeout) == (0, 0)
    assert not flags & _abi.FUSE_INIT_EXT


def test_no_request_timeout_is_asked_for_if_there_is_to_be_none(fs: Fs) -> None:
    kernel = Kernel(fs, MountOptions(request_timeout=0))
    *_, more, timeout = kernel.initialize()
    assert (more, timeout) == (0, 0)
    kernel.close()


def test_a_kernel_of_a_later_major_version_is_told_ours(kernel: Kernel) -> None:
    ours = _abi.FUSE_KERNEL_MINOR_VERSION
    assert kernel.initialize(major=8, minor=1)[:4] == (7, ours, 0, 0)
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
    before = fs.inodes.statvfs().inodes_free
    fs.write_bytes("/a", b"")
    fs.write_bytes("/b", b"")
    first, second = kernel.look_up(b"a"), kernel.look_up(b"b")
    fs.remove("/a")
    fs.remove("/b")
    kernel.tell(Opcode.INTERRUPT, 0, struct.pack("=Q", 2))
    kernel.forget(first)
    kernel.tell(Opcode.BATCH_FORGET, 0, struct.pack("=IIQQ", 1, 0, second, 1))
    assert kernel.ask(Opcode.GETATTR, 1, GETATTR_IN)
    assert fs.inodes.statvfs().inodes_free == before


def test_an_unknown_request_is_not_implemented(kernel: Kernel) -> None:
    for opcode in (Opcode.POLL, Opcode.IOCTL, Opcode.SETLK, 99, 4096):
        with pytest.raises(OSError, match=os.strerror(Errno.ENOSYS)):
            kernel.ask(opcode, 1, bytes(16))


def test_requests_are_counted_by_what_they_ask(kernel: Kernel) -> None:
    kernel.look_up(b"none")
    kernel.look_up(b"none")
    kernel.ask(Opcode.GETATTR, 1, GETATTR_IN)
    with pytest.raises(OSError, match=os.strerror(Errno.ENOSYS)):
        kernel.ask(4096)
    assert kernel.requests == {Opcode.LOOKUP: 2, Opcode.GETATTR: 1}


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
    request = _abi.CREATE_IN.pack(os.O_CREAT | os.O_WRONLY, 0o100644, 0) + b"f\0"
    with pytest.raises(OSError, match=os.strerror(Errno.ESTALE)):
        kernel.ask(Opcode.CREATE, 1, request)
    request = _abi.CREATE_IN.pack(os.O_CREAT | os.O_EXCL, 0o100644, 0) + b"f\0"
    with pytest.raises(FileExistsError):
        kernel.ask(Opcode.CREATE, 1, request)


def test_a_number_that_a_restore_brings_back_has_another_generation(
    kernel: Kernel, fs: Fs
) -> None:
    snapshot = fs.dump()
    seen = set()
    for _ in range(3):
        fs.write_bytes("/f", b"")
        assert fs.stat("/f").ino == 2
        found = kernel.look_up_generation(b"f")
        assert found[0] == 2
        assert found not in seen
        seen.add(found)
        kernel.forget(found[0])
        assert kernel.look_up(b"none") == 0
        fs.load(snapshot)


def test_a_number_that_the_kernel_still_uses_is_not_given_to_another_inode(
    kernel: Kernel, fs: Fs
) -> None:
    snapshot = fs.dump()
    fs.write_bytes("/f", b"old")
    old = kernel.look_up(b"f")
    fs.load(snapshot)
    fs.write_bytes("/g", b"new")
    assert fs.stat("/g").ino == old == 2
    new = kernel.look_up(b"g")
    assert new >= 2**63
    assert kernel.ask(Opcode.READ, old, _abi.READ_IN.pack(0, 9, 0)) == b"old"
    assert kernel.ask(Opcode.READ, new, _abi.READ_IN.pack(0, 9, 0)) == b"new"
    kernel.forget(new)
    with pytest.raises(OSError, match=os.strerror(Errno.ESTALE)):
        kernel.look_up(b".", new)


def test_a_forgotten_node_is_found_again_while_its_inode_lives(
    kernel: Kernel, fs: Fs
) -> None:
    fs.mkdir("/d/e", parents=True)
    node = kernel.look_up(b"e", kernel.look_up(b"d"))
    found = kernel.look_up_generation(b".", node)
    kernel.forget(node, 2)
    assert kernel.look_up_generation(b".", node) == found
    assert kernel.look_up(b"..", node) == fs.stat("/d").ino
    assert kernel.look_up_generation(b"..", kernel.look_up(b"d")) == (1, 0)
    kernel.forget(node)
    fs.rmdir("/d/e")
    with pytest.raises(OSError, match=os.strerror(Errno.ESTALE)):
        kernel.look_up(b".", node)


def test_a_listing_fills_the_buffer_and_goes_on_where_it_ended(
    kernel: Kernel, fs: Fs
) -> None:
    names = [b"n" * length for length in range(1, 60)]
    for name in names:
        fs.write_bytes(b"/" + name, b"")
    for size in (88, 100, 333, 4096, 100_000):
        found, cookie = [], 0
        while True:
            listing = kernel.ask(Opcode.READDIR, 1, _abi.READ_IN.pack(cookie, size, 0))
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


def test_a_listing_with_attributes_counts_as_lookups(kernel: Kernel, fs: Fs) -> None:
    for name in "abc":
        fs.write_text(f"/{name}", "")
    request = _abi.READ_IN.pack(0, 4096, 0)
    listing = kernel.ask(Opcode.READDIRPLUS, 1, request)
    nodes, names, at = [], [], 0
    while at < len(listing):
        fields = _abi.DIRENTPLUS.unpack_from(listing, at)
        nodes.append(fields[0])
        at += _abi.DIRENTPLUS.size
        names.append(listing[at : at + fields[-2]])
        at += 8
    assert at == len(listing)
    assert names == [b".", b"..", b"a", b"b", b"c"]
    assert nodes == [0, 0, *(fs.stat(f"/{name}").ino for name in "abc")]
    before = fs.inodes.statvfs().inodes_free
    for name in "abc":
        fs.remove(f"/{name}")
    assert kernel.ask(Opcode.GETATTR, nodes[2], GETATTR_IN)
    for node in nodes[2:]:
        kernel.forget(node)
    assert kernel.ask(Opcode.GETATTR, 1, GETATTR_IN)
    assert fs.inodes.statvfs().inodes_free == before + 3


def test_a_listing_begins_with_attributes_of_a_few_that_are_known(
    kernel: Kernel, fs: Fs
) -> None:
    """The others are names, or all if the kernel goes on asking for attributes."""
    size = _abi.DIRENTPLUS.size + 8
    for number in range(100):
        fs.write_text(f"/{number:02}", "")
    whole = _abi.READ_IN.pack(0, 2**20, 0)
    assert len(kernel.ask(Opcode.READDIRPLUS, 1, whole)) == 102 * size
    listing = kernel.ask(Opcode.READDIRPLUS, 1, whole)
    assert len(listing) == (2 + KNOWN_FIRST) * size
    *_, cookie, _, _ = _abi.DIRENTPLUS.unpack_from(listing, len(listing) - size)
    rest = _abi.READ_IN.pack(cookie, 2**20, 0)
    listing = kernel.ask(Opcode.READDIRPLUS, 1, rest)
    assert len(listing) == (100 - KNOWN_FIRST) * size


def test_setxattr_has_the_form_that_was_agreed_on(kernel: Kernel, fs: Fs) -> None:
    body = b"user.a\0value"
    kernel.initialize(flags=0)
    kernel.ask(Opcode.SETXATTR, 1, struct.pack("=II", 5, 0) + body)
    assert fs.inodes.getxattr(fs.stat("/").ino, b"user.a") == b"value"
    kernel.initialize()
    kernel.ask(Opcode.SETXATTR, 1, struct.pack("=IIII", 3, 0, 0, 0) + body)
    assert fs.inodes.getxattr(fs.stat("/").ino, b"user.a") == b"val"


def test_a_copy_tells_how_much_it_was(kernel: Kernel, fs: Fs) -> None:
    """Newer kernels have 64 bits for the answer, others 32; one copy is less."""
    fs.write_bytes("/a", b"")
    fs.write_bytes("/b", b"")
    fs.truncate("/a", 2**33)
    source, target = kernel.look_up(b"a"), kernel.look_up(b"b")
    request = struct.pack("=QQQQQQQ", 0, 0, target, 0, 0, 2**33, 0)
    answer = kernel.ask(Opcode.COPY_FILE_RANGE, source, request)
    assert _abi.WRITE_OUT.unpack(answer) == (0x7FFFF000,)
    answer = kernel.ask(Opcode.COPY_FILE_RANGE_64, source, request)
    assert _abi.COPY_FILE_RANGE_OUT.unpack(answer) == (0x7FFFF000,)


@pytest.mark.parametrize(
    ("release", "is_let"),
    [
        ("6.6.30", False),
        ("6.18.0-12-generic", False),
        ("6.18.9", False),
        ("6.18.10+", True),
        ("6.19.0-rc1", True),
        ("7.0", True),
        ("who knows", False),
    ],
)
def test_only_a_kernel_that_drops_what_others_read_writes_past_its_cache(
    release: str, is_let: bool
) -> None:
    assert is_coherent_past_cache(release) == is_let


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
