"""Loading a snapshot: every rule of the format is checked, and then it is a table.

`_snapshot` describes the format. Nothing is taken on trust: the numbers of a
snapshot are used only after they have been checked against what they number.
"""

from collections.abc import Iterator
from hashlib import sha256

from devdev_fs._cbor import decode_sequence
from devdev_fs._clock import Clock
from devdev_fs._content import RUN_PAGES, Run
from devdev_fs._errno import FsError, SnapshotError
from devdev_fs._inode import Directory, Inode, RegularFile, Special, Symlink
from devdev_fs._namei import check_name
from devdev_fs._table import InodeTable
from devdev_fs._types import (
    DEVICE_MAX,
    FILE_SIZE_MAX,
    ID_MAX,
    KINDS,
    LIMIT_MAX,
    PAGE_SIZE,
    PATH_MAX,
    ROOT_INO,
    S_IFMT,
    TIME_MAX,
    TIME_MIN,
    Ino,
    Kind,
)

MAGIC = b"devdevfs"
VERSION = 1
ENTRIES_PER_ITEM = 1024
INO_MAX = 2**62 - 1

_PERMISSIONS = 0o7777


def load(data: bytes, clock: Clock, umask: int) -> InodeTable:
    """The table that `data` is the snapshot of.

    Raises:
        SnapshotError: it breaks a rule of the format; says where and which.
    """
    return _Loader(data).load(clock, umask)


class _Loader:
    """Reads the items of one snapshot, in their order."""

    def __init__(self, data: bytes) -> None:
        if data[: len(MAGIC)] != MAGIC:
            raise SnapshotError("byte 0: not a devdev-fs snapshot (no magic)")
        self._data = data
        self._items = decode_sequence(data, len(MAGIC))
        self._start = 0
        """Where the present item begins, for messages."""
        self._end = len(MAGIC)
        self._last = Ino(0)
        """The number of the inode before."""

    def load(self, clock: Clock, umask: int) -> InodeTable:
        version, *numbers = self._array(5, "a header")
        if self._integer(version, 0, 2**64 - 1) != VERSION:
            found = f"version {version}, this is version {VERSION}"
            raise self._wrong(f"cannot load snapshots of {found}")
        next_ino = self._integer(numbers[0], 2, INO_MAX)
        table = InodeTable(
            clock=clock,
            umask=umask,
            max_pages=self._integer(numbers[1], 0, LIMIT_MAX // PAGE_SIZE),
            max_inodes=self._integer(numbers[2], 0, LIMIT_MAX),
        )
        table.next_ino = Ino(next_ino)
        for _ in range(self._integer(numbers[3], 1, INO_MAX)):
            self._inode(table)
        self._tree(table)
        self._seal()
        return table

    # --- items -------------------------------------------------------------------

    def _next(self, what: str) -> object:
        self._start = self._end
        try:
            item, self._end = next(self._items)
        except StopIteration:
            raise SnapshotError(f"byte {self._start}: ends before {what}") from None
        return item

    def _wrong(self, what: str) -> SnapshotError:
        return SnapshotError(f"byte {self._start}: {what}")

    def _array(self, length: int, what: str) -> list[object]:
        return self._as_array(self._next(what), length, what)

    def _as_array(self, value: object, length: int, what: str) -> list[object]:
        if type(value) is not list or len(value) != length:
            raise self._wrong(f"not {what}: an array of {length} is needed")
        return value

    def _integer(self, value: object, low: int, high: int) -> int:
        if type(value) is not int or not low <= value <= high:
            # Only what is certain to be short is shown.
            is_short = type(value) is int and value.bit_length() <= 64
            found = value if is_short else f"a {type(value).__name__}"
            raise self._wrong(f"{found} is not an integer from {low} to {high}")
        return value

    def _bytes(self, value: object, longest: int) -> bytes:
        if type(value) is not bytes or len(value) > longest:
            raise self._wrong(f"not a byte string of up to {longest} bytes")
        return value

    # --- inodes ------------------------------------------------------------------

    def _inode(self, table: InodeTable) -> None:
        fields = self._array(9, "an inode")
        ino = Ino(self._integer(fields[0], self._last + 1, table.next_ino - 1))
        self._last = ino
        mode = self._integer(fields[1], 0, S_IFMT | _PERMISSIONS)
        uid, gid = (self._integer(value, 0, ID_MAX) for value in fields[2:4])
        atime, mtime, ctime, btime = (
            self._integer(value, TIME_MIN, TIME_MAX) for value in fields[4:8]
        )
        kind = mode & S_IFMT
        stamp = (ino, mode, uid, gid, atime, mtime, ctime, btime)
        # The body's own reader checks its length.
        body = fields[8]
        inode: Inode
        if kind == Kind.REGULAR:
            inode = RegularFile(*stamp, nlink=0)
            self._content(inode, body)
        elif kind == Kind.DIRECTORY:
            inode = Directory(*stamp, nlink=2)
            self._entries(inode, body)
        elif kind == Kind.SYMLINK:
            inode = Symlink(*stamp, nlink=0, target=self._target(body))
        elif kind in KINDS:
            inode = Special(*stamp, nlink=0, device=self._device(kind, body))
        else:
            raise self._wrong(f"mode {mode:#o} names no kind of inode")
        table.inodes.set(ino, inode)
        table.pages_used += inode.pages

    def _target(self, body: object) -> bytes:
        target = self._bytes(self._as_array(body, 1, "a target")[0], PATH_MAX - 1)
        if not target or b"\0" in target:
            raise self._wrong("a symlink target is empty or holds a NUL")
        return target

    def _device(self, kind: int, body: object) -> int:
        is_device = kind in (Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE)
        number = self._as_array(body, 1, "a device")[0]
        return self._integer(number, 0, DEVICE_MAX if is_device else 0)

    def _content(self, inode: RegularFile, body: object) -> None:
        size, count = self._as_array(body, 2, "a file's size and number of runs")
        inode.content.size = self._integer(size, 0, FILE_SIZE_MAX)
        before = Run(-1, 0, b"")
        for _ in range(self._integer(count, 0, FILE_SIZE_MAX)):
            before = self._run(before, inode.content.size)
            inode.content.add_run(before)

    def _run(self, before: Run, size: int) -> Run:
        fields = self._array(3, "a run")
        end_before = before.first + before.pages
        first = self._integer(fields[0], max(end_before, 0), FILE_SIZE_MAX)
        pages = self._integer(fields[1], 1, RUN_PAGES)
        data = self._bytes(fields[2], pages * PAGE_SIZE)
        if first == end_before and before.pages < RUN_PAGES:
            raise self._wrong("a run that belongs to the one before it")
        if data.endswith(b"\0"):
            raise self._wrong("a run with zeros at its end")
        last_page = first + pages - 1
        if last_page * PAGE_SIZE >= size or first * PAGE_SIZE + len(data) > size:
            raise self._wrong("a run beyond the end of its file")
        return Run(first, pages, data)

    def _entries(self, inode: Directory, body: object) -> None:
        count = self._as_array(body, 1, "a number of entries")[0]
        left = self._integer(count, 0, INO_MAX)
        while left:
            length = min(left, ENTRIES_PER_ITEM)
            for entry in self._array(length, f"{length} entries"):
                name, ino = self._as_array(entry, 2, "a name and a number")
                self._entry(inode, name, ino)
            left -= length

    def _entry(self, inode: Directory, name: object, ino: object) -> None:
        name = self._bytes(name, PATH_MAX)
        try:
            check_name(name)
        except FsError as error:
            raise self._wrong(f"{name[:64]!r}: {error.strerror}") from error
        if inode.child(name) is not None:
            raise self._wrong(f"the name {name!r} twice in directory {inode.ino}")
        inode.add(name, Ino(self._integer(ino, ROOT_INO + 1, INO_MAX)))

    # --- the whole ---------------------------------------------------------------

    def _tree(self, table: InodeTable) -> None:
        """Check that the names make one tree from the root, and count the links."""
        root = table.inodes.get(ROOT_INO)
        if not isinstance(root, Directory):
            raise self._wrong("the root is missing or no directory")
        root.parent = ROOT_INO
        reached = {ROOT_INO}
        todo = [root]
        while todo:
            directory = todo.pop()
            for name, child in self._children(table, directory):
                child.add_link(directory.ino, name)
                if isinstance(child, Directory):
                    if child.ino in reached:
                        raise self._wrong(f"directory {child.ino} has two names")
                    directory.nlink += 1
                    todo.append(child)
                else:
                    child.nlink += 1
                reached.add(child.ino)
        if len(reached) != table.inodes.count:
            lost = next(ino for ino in table.inodes.numbers() if ino not in reached)
            raise self._wrong(f"inode {lost} has no name below the root")

    def _children(
        self, table: InodeTable, directory: Directory
    ) -> Iterator[tuple[bytes, Inode]]:
        for name, (ino, _) in directory.entries:
            child = table.inodes.get(ino)
            if child is None:
                where = f"{name!r} in directory {directory.ino}"
                raise self._wrong(f"{where} means inode {ino}, which is missing")
            yield name, child

    def _seal(self) -> None:
        end = self._end
        item = self._next("its checksum")
        expected = sha256(memoryview(self._data)[:end]).digest()
        if item != [expected]:
            raise self._wrong("the checksum does not match")
        if self._end != len(self._data):
            raise SnapshotError(f"byte {self._end}: bytes follow the checksum")
