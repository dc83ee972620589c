"""Tar archives of trees: what is in them, and that the trees come back."""

import os
import tarfile
from collections.abc import Callable
from io import BytesIO

import pytest
from devdev_fs import (
    ROOT_INO,
    Errno,
    Fs,
    FsBase,
    Kind,
    SetAttr,
)
from devdev_fs.testing import ManualClock
from hypothesis import given

from tests.fs.archives import (
    NAMES,
    Sink,
    Step,
    grow,
    kept,
    populate,
    steps,
    tar_of,
    untar,
)
from tests.fs.checks import examples, ino_of, refused
from tests.fs.tars import (
    BLOCK,
)

MakeFs = Callable[..., FsBase]
EVERYTHING = frozenset(
    {"directory", "file", "sparse", "symlink", "link", "fifo", "device"}
)


def test_a_tree_comes_back_as_it_was(make_fs: MakeFs) -> None:
    fs, twin = make_fs(), make_fs()
    populate(fs)
    archive = tar_of(fs)
    names = sum(len(a) + len(b) for _, a, b in fs.walk())
    assert untar(twin, archive) == names + 1
    assert twin.tree_digest() == fs.tree_digest()
    assert kept(twin) == kept(fs)
    assert tar_of(twin) == archive
    twin.check_invariants()


@given(plan=steps(NAMES))
@examples(60)
def test_any_tree_comes_back_as_it_was(plan: list[Step]) -> None:
    fs, twin = Fs(), Fs()
    grow(fs, plan, EVERYTHING)
    archive = tar_of(fs)
    untar(twin, archive, devices=True)
    assert twin.tree_digest() == fs.tree_digest()
    assert kept(twin) == kept(fs)
    assert tar_of(twin) == archive
    twin.check_invariants()


@given(plan=steps(NAMES))
@examples(30)
def test_any_tree_is_the_same_to_pythons_tarfile(plan: list[Step]) -> None:
    fs = Fs()
    grow(fs, plan, EVERYTHING)
    with tarfile.open(fileobj=BytesIO(tar_of(fs))) as archive:
        found = {info.name: info for info in archive}
        for info in found.values():
            at = fs.lstat("/" + info.name)
            if info.islnk():
                assert at.ino == fs.lstat("/" + info.linkname).ino
                continue
            assert (info.isdir(), info.issym()) == (at.is_dir, at.is_symlink)
            if info.issym():
                assert info.linkname == fs.readlink("/" + info.name)
            assert (info.mode, info.uid, info.gid) == (at.perm, at.uid, at.gid)
            file = archive.extractfile(info) if info.isfile() else None
            if file is not None:
                assert file.read() == fs.read_bytes("/" + info.name)
    names = [name for _, a, b in fs.walk() for name in a + b]
    assert len(found) == len(names) + 1


def test_the_same_tree_gives_the_same_bytes() -> None:
    """Whatever the order in which it was made, and whenever it was looked at."""
    first = Fs(clock=ManualClock(time_ns=5))
    for name in "abc":
        first.write_bytes(name, b"x")
    second = Fs(clock=ManualClock(time_ns=7), umask=0)
    second.mkdir("/gone")
    second.rmdir("/gone")
    for name in "cab":
        second.write_bytes(name, b"x")
        second.setattr(name, SetAttr(mode=0o644, mtime_ns=5, atime_ns=99))
    second.setattr("/", SetAttr(mtime_ns=5))
    assert tar_of(first) == tar_of(second)


def test_members_are_sorted_by_their_bytes_and_parents_come_first(fs: FsBase) -> None:
    for name in (b"/b", b"/B", b"/\xff", b"/a/z", b"/a/\xc3\xbc", b"/a.x"):
        fs.mkdir(os.path.dirname(name), parents=True, exist_ok=True)
        fs.write_bytes(name, b"")
    with tarfile.open(fileobj=BytesIO(tar_of(fs))) as archive:
        found = archive.getnames()
    names = [name.encode("utf-8", "surrogateescape") for name in found]
    assert names == [
        b".", b"B", b"a", b"a/z", b"a/\xc3\xbc", b"a.x", b"b", b"\xff"
    ]  # fmt: skip


def test_a_part_of_a_tree_is_an_archive_of_its_own(make_fs: MakeFs) -> None:
    fs, twin = make_fs(), make_fs()
    populate(fs)
    twin.mkdir("/x/y", parents=True)
    untar(twin, tar_of(fs, "/d"), "/x/y")
    assert twin.tree_digest("/x/y") == fs.tree_digest("/d")
    assert kept(twin, "/x/y") == kept(fs, "/d")


def test_a_file_is_an_archive_of_one_member(make_fs: MakeFs) -> None:
    fs, twin = make_fs(), make_fs()
    fs.mkdir("/d")
    fs.write_bytes("/d/file", b"x")
    fs.symlink("d/file", "/link")
    untar(twin, tar_of(fs, "/link"))
    assert twin.walk() == [("/", [], ["file"])]


def test_what_is_not_there_makes_no_archive(fs: FsBase) -> None:
    sink = Sink()
    with refused(fs, Errno.ENOENT):
        fs.write_tar(sink, "/missing")
    assert sink.sizes == []


def test_sockets_are_left_out(fs: FsBase) -> None:
    fs.inodes.mknod(ROOT_INO, b"socket", Kind.SOCKET | 0o600)
    assert len(tar_of(fs)) == 20 * BLOCK
    with tarfile.open(fileobj=BytesIO(tar_of(fs))) as archive:
        assert archive.getnames() == ["."]


def test_extended_attributes_come_back(make_fs: MakeFs) -> None:
    fs, twin = make_fs(), make_fs()
    fs.write_bytes("/f", b"")
    fs.mkdir("/d")
    found = {
        b"user.plain": b"value",
        b"user.empty": b"",
        b"user.%25=\xff\n": bytes(range(256)),
        b"security.x": b"\n" * 98,
        b"trusted.y": b"=" * 1000,
    }
    for path in ("/f", "/d", "/"):
        for name, value in found.items():
            fs.inodes.setxattr(ino_of(fs, path), name, value)
    untar(twin, tar_of(fs))
    for path in ("/f", "/d", "/"):
        ino = ino_of(twin, path)
        names = twin.inodes.listxattr(ino)
        assert {name: twin.inodes.getxattr(ino, name) for name in names} == found
    assert tar_of(twin) == tar_of(fs)


def test_an_archive_is_of_the_moment_in_which_it_was_begun(make_fs: MakeFs) -> None:
    fs, twin = make_fs(), make_fs()
    for number in range(30):
        fs.write_bytes(f"/{number}", bytes([number]) * 200_000)
    expected = tar_of(fs)
    parts: list[bytes] = []

    class Changing:
        def write(self, data: bytes, /) -> None:
            parts.append(data)
            fs.write_bytes("/29", b"later")
            fs.remove(fs.listdir("/")[0])

    fs.write_tar(Changing())
    assert len(parts) > 3
    assert b"".join(parts) == expected
    untar(twin, expected)
    assert twin.read_bytes("/29") == bytes([29]) * 200_000


def test_an_error_of_the_file_ends_the_writing(fs: FsBase) -> None:
    class Full:
        def write(self, data: bytes, /) -> None:
            raise OSError("the disk is full")

    populate(fs)
    with pytest.raises(OSError, match="disk is full"):
        fs.write_tar(Full())
