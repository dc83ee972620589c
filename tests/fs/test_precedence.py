"""Two errors at once: which one is told is part of an operation's documentation.

And whatever is told, nothing has changed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from devdev_fs import (
    ROOT_INO,
    Caller,
    Errno,
    FsBase,
    Ino,
    Kind,
    RenameFlags,
    SetAttr,
)

from tests.fs.checks import ino_of, refused

MISSING = Ino(999)
BAD = b"a/b"
LONG = b"x" * 256
NOREPLACE, EXCHANGE = RenameFlags.NOREPLACE, RenameFlags.EXCHANGE


@dataclass
class Tree:
    """A full filesystem (no byte and no inode is left) with one of each."""

    fs: FsBase
    root: Ino
    file: Ino
    fifo: Ino
    link: Ino
    d: Ino
    sub: Ino
    gone: Ino
    orphan: Ino


@pytest.fixture
def t(fs: FsBase) -> Iterator[Tree]:
    fs.write_bytes("/file", b"content")
    fs.symlink("file", "/link")
    fs.inodes.mknod(ROOT_INO, b"fifo", Kind.FIFO)
    fs.mkdir("/d/sub", parents=True)
    fs.mkdir("/gone")
    fs.write_bytes("/orphan", b"")
    inos = {name: ino_of(fs, f"/{name}") for name in ("gone", "orphan")}
    for ino in inos.values():
        fs.inodes.pin(ino)
    fs.rmdir("/gone")
    fs.remove("/orphan")
    fs.set_limits(max_bytes=0, max_inodes=0)
    yield Tree(
        fs,
        ROOT_INO,
        ino_of(fs, "/file"),
        ino_of(fs, "/fifo"),
        ino_of(fs, "/link"),
        ino_of(fs, "/d"),
        ino_of(fs, "/d/sub"),
        **inos,
    )
    for ino in inos.values():
        fs.inodes.unpin(ino)


Call = Callable[[Tree], object]

# In the order of each docstring: the error that is told, then the ones it hides.
TABLE: dict[str, list[tuple[Errno, Call]]] = {
    "lookup": [
        (Errno.ENOENT, lambda t: t.fs.inodes.lookup(MISSING, BAD)),
        (Errno.ENOTDIR, lambda t: t.fs.inodes.lookup(t.file, BAD)),
        (Errno.EINVAL, lambda t: t.fs.inodes.lookup(t.root, BAD * 100)),
        (Errno.ENAMETOOLONG, lambda t: t.fs.inodes.lookup(t.root, LONG)),
    ],
    "mkdir": [
        (Errno.ENOENT, lambda t: t.fs.inodes.mkdir(MISSING, BAD)),
        (Errno.ENOTDIR, lambda t: t.fs.inodes.mkdir(t.file, BAD)),
        (Errno.EINVAL, lambda t: t.fs.inodes.mkdir(t.gone, BAD)),
        (Errno.ENAMETOOLONG, lambda t: t.fs.inodes.mkdir(t.gone, LONG)),
        (Errno.EEXIST, lambda t: t.fs.inodes.mkdir(t.root, b"d")),
        (Errno.ENOENT, lambda t: t.fs.inodes.mkdir(t.gone, b"new")),
        (
            Errno.ENOSPC,
            lambda t: t.fs.inodes.mkdir(t.root, b"new", 0o777, Caller(uid=-1)),
        ),
    ],
    "create": [
        (Errno.ENOENT, lambda t: t.fs.inodes.create(MISSING, BAD)),
        (Errno.ENOTDIR, lambda t: t.fs.inodes.create(t.link, BAD)),
        (Errno.EINVAL, lambda t: t.fs.inodes.create(t.gone, BAD)),
        (Errno.ENAMETOOLONG, lambda t: t.fs.inodes.create(t.gone, LONG)),
        (Errno.EEXIST, lambda t: t.fs.inodes.create(t.root, b"file")),
        (Errno.ENOENT, lambda t: t.fs.inodes.create(t.gone, b"new")),
        (Errno.ENOSPC, lambda t: t.fs.inodes.create(t.root, b"new")),
    ],
    "mknod": [
        (Errno.EPERM, lambda t: t.fs.inodes.mknod(MISSING, BAD, Kind.DIRECTORY)),
        (Errno.EINVAL, lambda t: t.fs.inodes.mknod(MISSING, BAD, Kind.SYMLINK)),
        (
            Errno.EINVAL,
            lambda t: t.fs.inodes.mknod(MISSING, LONG, Kind.BLOCK_DEVICE, -1),
        ),
        (Errno.ENOENT, lambda t: t.fs.inodes.mknod(MISSING, BAD, Kind.FIFO)),
        (Errno.ENOTDIR, lambda t: t.fs.inodes.mknod(t.fifo, BAD, Kind.FIFO)),
        (Errno.EINVAL, lambda t: t.fs.inodes.mknod(t.gone, BAD, Kind.FIFO)),
        (Errno.ENAMETOOLONG, lambda t: t.fs.inodes.mknod(t.gone, LONG, Kind.FIFO)),
        (Errno.EEXIST, lambda t: t.fs.inodes.mknod(t.root, b"d", Kind.FIFO)),
        (Errno.ENOENT, lambda t: t.fs.inodes.mknod(t.gone, b"new", Kind.FIFO)),
        (Errno.ENOSPC, lambda t: t.fs.inodes.mknod(t.root, b"new", Kind.FIFO)),
    ],
    "symlink": [
        (Errno.ENOENT, lambda t: t.fs.inodes.symlink(t.file, BAD, b"")),
        (Errno.EINVAL, lambda t: t.fs.inodes.symlink(t.file, b"x", b"\0" * 5000)),
        (Errno.ENAMETOOLONG, lambda t: t.fs.inodes.symlink(t.file, BAD, b"x" * 5000)),
        (Errno.ENOENT, lambda t: t.fs.inodes.symlink(MISSING, BAD, b"x")),
        (Errno.ENOTDIR, lambda t: t.fs.inodes.symlink(t.file, BAD, b"x")),
        (Errno.EINVAL, lambda t: t.fs.inodes.symlink(t.gone, BAD, b"x")),
        (Errno.ENAMETOOLONG, lambda t: t.fs.inodes.symlink(t.gone, LONG, b"x")),
        (Errno.EEXIST, lambda t: t.fs.inodes.symlink(t.root, b"link", b"x")),
        (Errno.ENOENT, lambda t: t.fs.inodes.symlink(t.gone, b"new", b"x")),
        (Errno.ENOSPC, lambda t: t.fs.inodes.symlink(t.root, b"new", b"x")),
    ],
    "link": [
        (Errno.ENOENT, lambda t: t.fs.inodes.link(MISSING, t.file, BAD)),
        (Errno.ENOENT, lambda t: t.fs.inodes.link(t.d, MISSING, BAD)),
        (Errno.ENOTDIR, lambda t: t.fs.inodes.link(t.d, t.file, BAD)),
        (Errno.EINVAL, lambda t: t.fs.inodes.link(t.d, t.gone, BAD)),
        (Errno.ENAMETOOLONG, lambda t: t.fs.inodes.link(t.d, t.gone, LONG)),
        (Errno.EEXIST, lambda t: t.fs.inodes.link(t.d, t.root, b"file")),
        (Errno.ENOENT, lambda t: t.fs.inodes.link(t.d, t.gone, b"new")),
        (Errno.EPERM, lambda t: t.fs.inodes.link(t.gone, t.root, b"new")),
        (Errno.ENOENT, lambda t: t.fs.inodes.link(t.orphan, t.root, b"new")),
    ],
    "unlink": [
        (Errno.ENOENT, lambda t: t.fs.inodes.unlink(MISSING, BAD)),
        (Errno.ENOTDIR, lambda t: t.fs.inodes.unlink(t.file, BAD)),
        (Errno.EINVAL, lambda t: t.fs.inodes.unlink(t.gone, BAD)),
        (Errno.ENAMETOOLONG, lambda t: t.fs.inodes.unlink(t.gone, LONG)),
        (Errno.ENOENT, lambda t: t.fs.inodes.unlink(t.gone, b"x")),
        (Errno.EISDIR, lambda t: t.fs.inodes.unlink(t.root, b"d")),
    ],
    "rmdir": [
        (Errno.ENOENT, lambda t: t.fs.inodes.rmdir(MISSING, BAD)),
        (Errno.ENOTDIR, lambda t: t.fs.inodes.rmdir(t.file, BAD)),
        (Errno.EINVAL, lambda t: t.fs.inodes.rmdir(t.gone, BAD)),
        (Errno.ENAMETOOLONG, lambda t: t.fs.inodes.rmdir(t.gone, LONG)),
        (Errno.ENOENT, lambda t: t.fs.inodes.rmdir(t.gone, b"x")),
        (Errno.ENOTDIR, lambda t: t.fs.inodes.rmdir(t.root, b"file")),
        (Errno.ENOTEMPTY, lambda t: t.fs.inodes.rmdir(t.root, b"d")),
    ],
    "rename": [
        (
            Errno.EINVAL,
            lambda t: t.fs.inodes.rename(
                MISSING, b"x", t.file, b"y", NOREPLACE | EXCHANGE
            ),
        ),
        (Errno.ENOENT, lambda t: t.fs.inodes.rename(MISSING, BAD, t.file, BAD)),
        (Errno.ENOTDIR, lambda t: t.fs.inodes.rename(t.file, BAD, MISSING, BAD)),
        (Errno.ENOENT, lambda t: t.fs.inodes.rename(t.root, BAD, MISSING, BAD)),
        (Errno.ENOTDIR, lambda t: t.fs.inodes.rename(t.root, BAD, t.file, BAD)),
        (Errno.EINVAL, lambda t: t.fs.inodes.rename(t.root, BAD, t.root, LONG)),
        (Errno.ENAMETOOLONG, lambda t: t.fs.inodes.rename(t.root, LONG, t.root, BAD)),
        (Errno.EINVAL, lambda t: t.fs.inodes.rename(t.root, b"no", t.root, BAD)),
        (
            Errno.ENOENT,
            lambda t: t.fs.inodes.rename(t.root, b"no", t.root, b"d", NOREPLACE),
        ),
        (
            Errno.ENOENT,
            lambda t: t.fs.inodes.rename(t.root, b"no", t.gone, b"x", EXCHANGE),
        ),
        (
            Errno.EEXIST,
            lambda t: t.fs.inodes.rename(t.root, b"d", t.d, b"sub", NOREPLACE),
        ),
        (
            Errno.ENOENT,
            lambda t: t.fs.inodes.rename(t.root, b"d", t.sub, b"x", EXCHANGE),
        ),
        (Errno.EINVAL, lambda t: t.fs.inodes.rename(t.root, b"d", t.d, b"sub")),
        (Errno.ENOTEMPTY, lambda t: t.fs.inodes.rename(t.d, b"sub", t.root, b"d")),
        (Errno.ENOENT, lambda t: t.fs.inodes.rename(t.root, b"d", t.gone, b"x")),
        (Errno.ENOTDIR, lambda t: t.fs.inodes.rename(t.root, b"d", t.root, b"fifo")),
        (Errno.EISDIR, lambda t: t.fs.inodes.rename(t.root, b"file", t.root, b"d")),
    ],
    "setattr": [
        (Errno.ENOENT, lambda t: t.fs.inodes.setattr(MISSING, SetAttr(uid=-1))),
        (Errno.EINVAL, lambda t: t.fs.inodes.setattr(t.d, SetAttr(uid=-1, size=0))),
        (Errno.EISDIR, lambda t: t.fs.inodes.setattr(t.d, SetAttr(size=-1))),
        (Errno.EINVAL, lambda t: t.fs.inodes.setattr(t.fifo, SetAttr(size=2**63))),
        (Errno.EINVAL, lambda t: t.fs.inodes.setattr(t.file, SetAttr(size=-1))),
        (
            Errno.EFBIG,
            lambda t: t.fs.inodes.setattr(t.file, SetAttr(size=2**63, mode=0o700)),
        ),
    ],
    "read": [
        (Errno.ENOENT, lambda t: t.fs.inodes.read(MISSING, -1, 1)),
        (Errno.EISDIR, lambda t: t.fs.inodes.read(t.d, -1, 1)),
        (Errno.EINVAL, lambda t: t.fs.inodes.read(t.link, 0, 1)),
        (Errno.EINVAL, lambda t: t.fs.inodes.read(t.file, -1, 1)),
        (Errno.EINVAL, lambda t: t.fs.inodes.read(t.file, 0, -1)),
        (Errno.EINVAL, lambda t: t.fs.inodes.read_chunks(t.file, -1, 1)),
    ],
    "write": [
        (Errno.ENOENT, lambda t: t.fs.inodes.write(MISSING, -1, b"x")),
        (Errno.EISDIR, lambda t: t.fs.inodes.write(t.d, -1, b"x")),
        (Errno.EINVAL, lambda t: t.fs.inodes.write(t.fifo, 2**63, b"x")),
        (Errno.EINVAL, lambda t: t.fs.inodes.write(t.file, -(2**70), b"x")),
        (Errno.EFBIG, lambda t: t.fs.inodes.write(t.file, 2**63 - 1, b"x")),
        (Errno.ENOSPC, lambda t: t.fs.inodes.write(t.file, 2**63 - 2, b"x")),
    ],
    "append": [
        (Errno.ENOENT, lambda t: t.fs.inodes.append(MISSING, b"x")),
        (Errno.EISDIR, lambda t: t.fs.inodes.append(t.d, b"x")),
        (Errno.EINVAL, lambda t: t.fs.inodes.append(t.link, b"x")),
        (Errno.ENOSPC, lambda t: t.fs.inodes.append(t.file, b"x" * 5000)),
    ],
    "readdir": [
        (Errno.ENOENT, lambda t: t.fs.inodes.readdir(MISSING, -1)),
        (Errno.ENOTDIR, lambda t: t.fs.inodes.readdir(t.file, -1)),
        (Errno.EINVAL, lambda t: t.fs.inodes.readdir(t.d, -1)),
        (Errno.EINVAL, lambda t: t.fs.inodes.readdir(t.d, 0, -1)),
    ],
    "pin": [
        (Errno.ENOENT, lambda t: t.fs.inodes.pin(MISSING, -1)),
        (Errno.EINVAL, lambda t: t.fs.inodes.pin(t.file, -1)),
        (Errno.ENOENT, lambda t: t.fs.inodes.unpin(MISSING, -1)),
        (Errno.EINVAL, lambda t: t.fs.inodes.unpin(t.orphan, -1)),
        (Errno.EINVAL, lambda t: t.fs.inodes.unpin(t.orphan, 2)),
    ],
    "walk": [
        (Errno.EINVAL, lambda t: t.fs.stat("/file/\0" + "x" * 5000)),
        (Errno.ENAMETOOLONG, lambda t: t.fs.stat("/file/" + "x" * 5000)),
        (Errno.ENOTDIR, lambda t: t.fs.stat("/file/" + "x" * 300)),
        (Errno.ENOENT, lambda t: t.fs.stat("/missing/" + "x" * 300)),
        (Errno.ENAMETOOLONG, lambda t: t.fs.stat("/" + "x" * 300 + "/y")),
    ],
    "by path": [
        (Errno.ENOTDIR, lambda t: t.fs.write_bytes("/file/x", b"x" * 5000)),
        (Errno.EISDIR, lambda t: t.fs.write_bytes("/d", b"x" * 5000)),
        (Errno.EISDIR, lambda t: t.fs.write_bytes("/new/", b"x" * 5000)),
        (Errno.EISDIR, lambda t: t.fs.append("/new/", b"x")),
        (Errno.EEXIST, lambda t: t.fs.mkdir("/d")),
        (Errno.EEXIST, lambda t: t.fs.mkdir("/file", exist_ok=True)),
        (Errno.ENAMETOOLONG, lambda t: t.fs.mkdir("/a/" + "x" * 256, parents=True)),
        (Errno.EINVAL, lambda t: t.fs.mkdir("/a/../b", parents=True)),
        (Errno.ENOSPC, lambda t: t.fs.mkdir("/a/b", parents=True)),
        (Errno.ENOENT, lambda t: t.fs.copy("/missing", "/file/x")),
        (Errno.ENOTDIR, lambda t: t.fs.copy("/fifo", "/file/x")),
        (Errno.EINVAL, lambda t: t.fs.copy("/fifo", "/d")),
        (Errno.EINVAL, lambda t: t.fs.copy("/link", "/file")),
        (Errno.EISDIR, lambda t: t.fs.copy("/file", "/d")),
        (Errno.EEXIST, lambda t: t.fs.copy("/d", "/d/sub")),
        (Errno.EINVAL, lambda t: t.fs.copy("/d", "/d/sub/new")),
        (Errno.ENOSPC, lambda t: t.fs.copy("/d", "/new")),
        (Errno.ENOSPC, lambda t: t.fs.copy("/file", "/new")),
        (Errno.EBUSY, lambda t: t.fs.rename("/", "/missing/x")),
        (Errno.EINVAL, lambda t: t.fs.rename("/d/.", "/file/x")),
        (Errno.ENOENT, lambda t: t.fs.rename("/missing", "/")),
        (Errno.EBUSY, lambda t: t.fs.rename("/d", "/")),
        (Errno.ENOTDIR, lambda t: t.fs.rename("/file", "/d/", NOREPLACE)),
        (Errno.EBUSY, lambda t: t.fs.remove("/")),
        (Errno.EBUSY, lambda t: t.fs.rmdir("/")),
        (Errno.EBUSY, lambda t: t.fs.remove_tree("/")),
        (Errno.EINVAL, lambda t: t.fs.remove_tree("/d/sub/..")),
        (Errno.EEXIST, lambda t: t.fs.link("/d", "/file")),
        (Errno.ENOENT, lambda t: t.fs.link("/d", "/new/")),
        (Errno.EPERM, lambda t: t.fs.link("/d", "/new")),
        (Errno.EEXIST, lambda t: t.fs.symlink("", "/file")),
        (Errno.ENOENT, lambda t: t.fs.symlink("", "/new")),
        (Errno.EEXIST, lambda t: t.fs.open("/d", "x")),
        (Errno.EISDIR, lambda t: t.fs.open("/d", "w")),
        (Errno.EINVAL, lambda t: t.fs.open("/fifo", "w")),
        (Errno.EISDIR, lambda t: t.fs.open("/new/", "x")),
        (Errno.ENOENT, lambda t: t.fs.open("/new", "r+")),
        (Errno.ENOSPC, lambda t: t.fs.open("/new", "x")),
        (Errno.EBUSY, lambda t: t.fs.rename("/file", "/", EXCHANGE)),
    ],
}
ROWS = [
    pytest.param(errno, call, id=f"{group}-{number}-{errno.name}")
    for group, rows in TABLE.items()
    for number, (errno, call) in enumerate(rows)
]


@pytest.mark.parametrize(("errno", "call"), ROWS)
def test_the_first_error_is_told_and_nothing_changes(
    t: Tree, errno: Errno, call: Call
) -> None:
    pinned = t.fs.inodes.getattr(t.orphan), t.fs.inodes.getattr(t.gone)
    with refused(t.fs, errno):
        call(t)
    assert (t.fs.inodes.getattr(t.orphan), t.fs.inodes.getattr(t.gone)) == pinned
