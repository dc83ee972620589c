"""What the tests of archives share: trees of every kind, and files."""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any, NamedTuple

from devdev_fs import ROOT_INO, FsBase, Ino, Kind, SetAttr
from hypothesis import strategies as st

# --- trees -----------------------------------------------------------------------


def populate(fs: FsBase) -> None:
    """A tree that has one of each, apart from device nodes."""
    fs.mkdir("/d/e", parents=True)
    fs.chmod("/d", 0o3775)
    fs.chmod("/d/e", 0o1777)
    fs.write_bytes("/d/file", b"content\n")
    fs.chmod("/d/file", 0o6755)
    fs.write_bytes("/d/large", bytes(range(256)) * 1000)
    fs.write_bytes("/empty", b"")
    fs.symlink("../d/file", "/d/e/up")
    fs.symlink("/nowhere", "/dangling")
    fs.link("/d/file", "/d/e/second")
    fs.link("/dangling", "/second link")
    fs.inodes.mknod(ROOT_INO, b"fifo", Kind.FIFO | 0o640)
    fs.link("/fifo", "/fifo 2")
    fs.write_bytes("/" + "n" * 255, b"long")
    fs.mkdir("/" + "/".join(["m" * 100] * 4), parents=True)
    fs.symlink("t" * 200 + "/t" * 200, "/long target")
    fs.write_bytes("/\u00fcml\u00e4ut \u2603", b"unicode")
    fs.write_bytes("/d/sparse", b"head")
    fs.truncate("/d/sparse", 1_000_001)
    with fs.open("/d/sparse", "r+") as file:
        file.seek(500_000)
        file.write(b"middle")
    fs.touch("/hole")
    fs.truncate("/hole", 12_345)
    with fs.open("/tail", "w") as file:
        file.seek(9 * 4096)
        file.write(b"tail")
    stamp(fs, "/", 1)


def stamp(fs: FsBase, path: str, seed: int) -> None:
    """Give everything below times, from before 1970 to after 2106, and owners."""
    times = [0, 1, 10**9, -1, -1_500_000_000, 2**33 * 10**9 + 123_456_789]
    found = [path, *(join(top, name) for top, a, b in fs.walk(path) for name in a + b)]
    for number, each in enumerate(found, seed):
        mtime = times[number % len(times)]
        change = SetAttr(uid=number, gid=2 * number, mtime_ns=mtime)
        mode = fs.lstat(each).mode
        fs.setattr(each, change, follow=False)
        if not fs.lstat(each).is_symlink:
            fs.setattr(each, SetAttr(mode=mode), follow=False)
            fs.setattr(each, SetAttr(mtime_ns=mtime), follow=False)


def join(top: str, name: str) -> str:
    return top.rstrip("/") + "/" + name


class Kept(NamedTuple):
    """What an archive keeps of a name."""

    mode: int
    owner: tuple[int, int]
    mtime_ns: int
    device: int
    size: int
    blocks: int


def kept(fs: FsBase, path: str = "/") -> dict[str, Kept]:
    """What there is below, and what an archive should keep of it."""
    found = {}
    for top, directories, files in fs.walk(path):
        for each in [top, *(join(top, name) for name in directories + files)]:
            at = fs.lstat(each)
            owner = (at.uid, at.gid)
            key = "/" + each[len(path) :].strip("/")
            found[key] = Kept(at.mode, owner, at.mtime_ns, at.rdev, at.size, at.blocks)
    return found


NAMES = st.one_of(
    st.sampled_from([b"a", b"b", b"c\xff", b"%=x", b" ", b"\n", b"\\..", b"-"]),
    st.binary(min_size=1, max_size=255).filter(
        lambda name: name not in (b".", b"..") and not set(name) & {0, ord("/")}
    ),
)
PLAIN_NAMES = (
    st.text(min_size=1, max_size=60)
    .map(
        lambda text: (
            text.encode("utf-8", "replace").replace(b"/", b"|").replace(b"\0", b"0")
        )
    )
    .filter(lambda name: name not in (b".", b"..") and len(name) <= 255)
)
TIMES = st.integers(-(2**63), 2**63 - 1)
IDS = st.integers(0, 2**32 - 1)
Step = tuple[Any, ...]


def steps(names: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[Step]]:
    """What makes a tree, step by step; see `grow`."""
    kind = st.sampled_from(
        ["directory", "file", "sparse", "symlink", "link", "fifo", "device"]
    )
    step = st.tuples(
        kind,
        st.integers(0, 5),
        names,
        st.integers(0, 0o7777),
        IDS,
        TIMES,
        st.binary(min_size=1, max_size=300),
    )
    return st.lists(step, max_size=12)


def grow(fs: FsBase, plan: list[Step], kinds: frozenset[str]) -> None:
    """Make a tree of `plan`; what is not among `kinds` is left out."""
    directories: list[Ino] = [ROOT_INO]
    others: list[Ino] = []
    made: list[tuple[Ino, SetAttr]] = []
    for kind, place, name, mode, owner, time, data in plan:
        parent = directories[place % len(directories)]
        taken = any(entry.name == name for entry in fs.inodes.readdir(parent))
        if taken or kind not in kinds or (kind == "link" and not others):
            continue
        if kind == "link":
            fs.inodes.link(others[place % len(others)], parent, name)
            continue
        ino = make(fs, kind, parent, name, data)
        (directories if kind == "directory" else others).append(ino)
        made.append((ino, SetAttr(uid=owner, gid=owner // 3)))
        if kind != "symlink":
            made.append((ino, SetAttr(mode=mode)))
        made.append((ino, SetAttr(mtime_ns=time)))
    for ino, change in made:
        fs.inodes.setattr(ino, change)


def make(fs: FsBase, kind: str, parent: Ino, name: bytes, data: bytes) -> Ino:
    if kind == "directory":
        return fs.inodes.mkdir(parent, name, 0o755).ino
    if kind == "symlink":
        return fs.inodes.symlink(parent, name, data.replace(b"\0", b"0")).ino
    if kind == "fifo":
        return fs.inodes.mknod(parent, name, Kind.FIFO | 0o600).ino
    if kind == "device":
        number = int.from_bytes(data[:8], "big")
        return fs.inodes.mknod(parent, name, Kind.BLOCK_DEVICE | 0o600, number).ino
    ino = fs.inodes.create(parent, name, 0o644).ino
    if kind == "sparse":
        for at, byte in enumerate(data[:4]):
            fs.inodes.write(ino, (at * 300 + byte) * 4096 + byte, data)
        fs.inodes.setattr(ino, SetAttr(size=fs.inodes.getattr(ino).size + 5000))
    else:
        fs.inodes.write(ino, 0, data * 30)
    return ino


# --- files -----------------------------------------------------------------------


def tar_of(fs: FsBase, path: str | bytes = "/") -> bytes:
    file = BytesIO()
    fs.write_tar(file, path)
    return file.getvalue()


def zip_of(fs: FsBase, path: str | bytes = "/", **options: bool) -> bytes:
    file = BytesIO()
    fs.write_zip(file, path, **options)
    return file.getvalue()


def untar(fs: FsBase, archive: bytes, path: str = "/", *, devices: bool = False) -> int:
    return fs.read_tar(BytesIO(archive), path, devices=devices)


def unzip(fs: FsBase, archive: bytes, path: str = "/") -> int:
    return fs.read_zip(BytesIO(archive), path)


class Endless:
    """A file that is as long as its parts say, and is never held as a whole.

    Args:
        parts: the bytes, in turn.
        while_reading: called at each reading.
    """

    def __init__(
        self, parts: Iterator[bytes], while_reading: Callable[[], object] = lambda: None
    ) -> None:
        self._parts = parts
        self._rest = b""
        self._while_reading = while_reading

    def read(self, size: int, /) -> bytes:
        self._while_reading()
        if not self._rest:
            self._rest = next(self._parts, b"")
        part, self._rest = self._rest[:size], self._rest[size:]
        return part


class Sink:
    """A file that only counts what it is given.

    Args:
        while_writing: called at each writing.
    """

    def __init__(self, while_writing: Callable[[], object] = lambda: None) -> None:
        self.sizes: list[int] = []
        self._while_writing = while_writing

    def write(self, data: bytes, /) -> int:
        self._while_writing()
        self.sizes.append(len(data))
        return len(data)
