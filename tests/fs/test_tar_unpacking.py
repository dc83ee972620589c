"""Unpacking tar: what becomes of what is there, and which archives are read."""

from collections.abc import Callable

import pytest
from devdev_fs import (
    ROOT_INO,
    ArchiveError,
    Errno,
    FsBase,
    Kind,
)
from devdev_fs.testing import ManualClock

from tests.fs.archives import (
    Endless,
    kept,
    tar_of,
    untar,
)
from tests.fs.checks import ino_of, refused, used_inodes
from tests.fs.tars import (
    END,
    header,
    member,
    pax,
)

MakeFs = Callable[..., FsBase]


def test_directories_are_merged_and_other_things_replaced(make_fs: MakeFs) -> None:
    fs, other = make_fs(), make_fs()
    for each, content in ((fs, b"old"), (other, b"new")):
        each.mkdir("/d/e", parents=True)
        each.write_bytes("/d/both", content)
    fs.write_bytes("/d/e/mine", b"mine")
    fs.link("/d/both", "/kept")
    fs.symlink("nowhere", "/link")
    other.write_bytes("/link", b"a file")
    other.write_bytes("/d/theirs", b"theirs")
    other.chmod("/d", 0o700)
    ino = ino_of(fs, "/d")
    untar(fs, tar_of(other))
    assert fs.read_bytes("/d/both") == b"new"
    assert fs.read_bytes("/kept") == b"old"
    assert fs.read_bytes("/d/e/mine") == b"mine"
    assert fs.read_bytes("/d/theirs") == b"theirs"
    assert fs.read_bytes("/link") == b"a file"
    assert (ino_of(fs, "/d"), fs.stat("/d").perm) == (ino, 0o700)
    fs.check_invariants()


def test_an_open_file_that_is_replaced_stays_readable(fs: FsBase) -> None:
    fs.write_bytes("/f", b"old")
    with fs.open("/f") as file:
        untar(fs, member(b"f", b"new") + END)
        assert file.read() == b"old"
        assert fs.read_bytes("/f") == b"new"
        fs.check_invariants()


def test_what_others_do_meanwhile_stays(fs: FsBase) -> None:
    fs.mkdir("/d")
    archive = member(b"d/f", b"x" * 3_000_000) + END

    def work() -> None:
        fs.write_bytes("/d/mine", b"mine")

    assert fs.read_tar(Endless(iter([archive]), work)) == 1
    assert fs.listdir("/d") == ["f", "mine"]


def test_nothing_is_seen_before_the_end(fs: FsBase) -> None:
    archive = member(b"f", b"x" * 3_000_000) + member(b"g") + END
    seen: list[list[str]] = []
    source = Endless(iter([archive]), lambda: seen.append(fs.listdir("/")))
    fs.read_tar(source)
    assert len(seen) > 2
    assert seen == [[]] * len(seen)
    assert fs.listdir("/") == ["f", "g"]


def test_a_directory_that_goes_meanwhile_is_missed(fs: FsBase) -> None:
    fs.mkdir("/d")
    archive = member(b"f") + END

    def work() -> None:
        if fs.exists("/d"):
            fs.rmdir("/d")

    with pytest.raises(FileNotFoundError):
        fs.read_tar(Endless(iter([archive]), work), "/d")
    fs.write_bytes("/d", b"")
    with refused(fs, Errno.ENOTDIR):
        untar(fs, archive, "/d")


def test_a_directory_that_becomes_a_file_meanwhile_is_missed(fs: FsBase) -> None:
    fs.mkdir("/d")

    def swap() -> None:
        if fs.stat("/d").is_dir:
            fs.rmdir("/d")
            fs.write_bytes("/d", b"")

    with pytest.raises(NotADirectoryError):
        fs.read_tar(Endless(iter([member(b"f") + END]), swap), "/d")


def test_a_directory_takes_no_other_things_place(fs: FsBase) -> None:
    fs.write_bytes("/f", b"")
    fs.symlink("f", "/link")
    for name in (b"f/", b"f/below", b"link/below"):
        with refused(fs, Errno.ENOTDIR):
            untar(fs, member(b"a") + member(name) + END)


def test_no_other_thing_takes_a_directorys_place(fs: FsBase) -> None:
    fs.mkdir("/d")
    with refused(fs, Errno.EISDIR):
        untar(fs, member(b"a") + member(b"d") + END)


def test_directories_without_a_member_are_made(fs: FsBase) -> None:
    fs.mkdir("/there", 0o700)
    untar(fs, member(b"there/f") + member(b"a/b/c") + END)
    assert [fs.stat(path).perm for path in ("/a", "/a/b", "/there")] == [
        0o755, 0o755, 0o700
    ]  # fmt: skip


def test_of_a_name_that_comes_twice_the_later_one_wins(fs: FsBase) -> None:
    archive = (
        member(b"f", b"first")
        + header(b"hard", type=b"1", link=b"f")
        + member(b"f", b"second")
        + header(b"d", type=b"5", mode=0o700)
        + header(b"d/", type=b"5", mode=0o711)
        + header(b"link", type=b"2", link=b"x")
        + member(b"link", b"file")
        + header(b"hard2", type=b"1", link=b"f")
        + header(b"hard2", type=b"1", link=b"f")
        + END
    )
    assert untar(fs, archive) == 9
    assert fs.read_bytes("/f") == fs.read_bytes("/hard2") == b"second"
    assert fs.read_bytes("/hard") == b"first"
    assert fs.read_bytes("/link") == b"file"
    assert fs.stat("/d").perm == 0o711
    assert used_inodes(fs) == 5


def test_a_link_that_the_archive_replaces_is_not_followed(fs: FsBase) -> None:
    fs.mkdir("/secret")
    archive = header(b"x", type=b"2", link=b"/secret") + member(b"x", b"data") + END
    untar(fs, archive)
    assert fs.listdir("/secret") == []
    assert fs.read_bytes("/x") == b"data"


def test_device_nodes_are_made_only_if_asked_for(make_fs: MakeFs) -> None:
    fs, twin = make_fs(), make_fs()
    for name, number in ((b"a", 0x103), (b"b", 2**64 - 1), (b"c", 0)):
        fs.inodes.mknod(ROOT_INO, name, Kind.BLOCK_DEVICE | 0o600, number)
    archive = tar_of(fs)
    before = twin.image_digest()
    with pytest.raises(ArchiveError, match="devices=True"):
        untar(twin, archive)
    assert twin.image_digest() == before
    untar(twin, archive, devices=True)
    assert kept(twin) == kept(fs)


def test_atimes_are_taken_from_an_archive_that_has_them(make_fs: MakeFs) -> None:
    fs = make_fs(clock=ManualClock(time_ns=77))
    untar(fs, pax((b"atime", b"-12.5")) + member(b"f") + member(b"g") + END)
    assert fs.stat("/f").atime_ns == -12_500_000_000
    assert (fs.stat("/g").atime_ns, fs.stat("/g").ctime_ns) == (77, 77)


def test_times_beyond_what_is_kept_become_the_nearest(fs: FsBase) -> None:
    times = (b"99999999999999", b"-99999999999999.1")
    archive = b"".join(
        pax((b"mtime", time), (b"atime", time)) + member(time[:2]) for time in times
    )
    untar(fs, archive + END)
    assert fs.stat("/99").mtime_ns == fs.stat("/99").atime_ns == 2**63 - 1
    assert fs.stat("/-9").mtime_ns == fs.stat("/-9").atime_ns == -(2**63)


def test_what_is_behind_the_end_is_not_looked_at(fs: FsBase) -> None:
    assert untar(fs, member(b"f") + END + b"junk") == 1


def test_a_pipe_gives_what_it_has(fs: FsBase) -> None:
    """A raw file's untar(2) returns less than asked for."""
    archive = member(b"f", b"x" * 1000) + END
    fs.read_tar(
        Endless(iter([archive[at : at + 7] for at in range(0, len(archive), 7)]))
    )
    assert fs.read_bytes("/f") == b"x" * 1000


GOOD: dict[str, tuple[bytes, str]] = {
    # One byte above 127, which counts as 256 less.
    "a signed checksum": (
        header(b"\xfc", checksum=int(header(b"\xfc")[148:154], 8) - 256),
        "\udcfc",
    ),
    "an old directory": (header(b"old/", magic=b""), "old"),
    "an old file": (header(b"old", magic=b"", type=b"\0"), "old"),
    "a contiguous file": (member(b"f", b"x", type=b"7"), "f"),
    "a prefix": (header(b"f", prefix=b"a/b"), "a/b/f"),
    "what GNU tar has for a prefix": (
        header(b"f", prefix=b"00000", magic=b"ustar  \0"),
        "f",
    ),
    "dots and slashes": (header(b"./a//./b"), "a/b"),
    "a size with spaces": (header(b"f", size=b"         0 \0"), "f"),
    "no size at all": (header(b"f", size=b"\0" * 12), "f"),
    "a directory with a size": (header(b"d", type=b"5", size=99), "d"),
    "an mtime in base 256": (header(b"f", mtime=b"\xff" * 12), "f"),
    "a comment for all": (pax((b"comment", b"c"), type=b"g") + header(b"f"), "f"),
    "a path for all": (pax((b"path", b"p"), type=b"g") + header(b"f"), "p"),
    "an extended header of nothing": (pax() + header(b"f"), "f"),
    "an empty record": (pax((b"path", b""), (b"uid", b"")) + header(b"f"), "f"),
    "a path twice": (pax((b"path", b"p")) + pax((b"path", b"q")) + header(b"f"), "q"),
    "an xattr that Linux has not": (
        pax((b"SCHILY.xattr.com.apple.x", b"v")) + header(b"f"),
        "f",
    ),
}


@pytest.mark.parametrize(("archive", "path"), GOOD.values(), ids=GOOD)
def test_this_is_read(fs: FsBase, archive: bytes, path: str) -> None:
    untar(fs, archive + END)
    assert fs.exists(path)
