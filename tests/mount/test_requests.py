"""How often the kernel asks: the number of requests of each operation, exactly.

Times are noisy; these are not.
"""

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal

import pytest
from devdev_fs import Fs
from devdev_mount import Mount, MountOptions, mount

if sys.platform != "linux":
    pytest.skip("only Linux has a mount driver", allow_module_level=True)

from devdev_mount._fuse._fileops import is_coherent_past_cache

pytestmark = pytest.mark.fuse

IS_CHECKED = os.geteuid() != 0
"""Whether the kernel checks permissions in a mount without options."""


class Counted:
    """A mount, and what the kernel asks of it meanwhile."""

    def __init__(self, fs: Fs, mounted: Mount) -> None:
        self.fs = fs
        self.path = mounted.path
        self._mount = mounted

    def of(self, operation: Callable[[], object]) -> dict[str, int]:
        """The requests that an operation makes; FORGET comes when the kernel likes."""
        before = self._mount.requests
        operation()
        after = self._mount.requests
        return {
            name: after[name] - before.get(name, 0)
            for name in after
            if after[name] != before.get(name, 0) and "FORGET" not in name
        }

    def make(self, name: str) -> None:
        self.write(name, b"", os.O_CREAT)

    def write(self, name: str, data: bytes, flags: int) -> None:
        fd = os.open(self.path / name, os.O_WRONLY | flags)
        if data:
            os.write(fd, data)
        os.close(fd)

    def read(self, name: str) -> bytes:
        fd = os.open(self.path / name, os.O_RDONLY)
        try:
            return os.read(fd, 1)
        finally:
            os.close(fd)

    def list_with_attributes(self, name: str) -> int:
        with os.scandir(self.path / name) as entries:
            return sum(entry.stat(follow_symlinks=False).st_size for entry in entries)


@pytest.fixture
def counted(fs: Fs) -> Iterator[Counted]:
    yield from used_mount(fs, MountOptions())


@pytest.fixture
def checked(fs: Fs) -> Iterator[Counted]:
    """One in which the kernel checks permissions, also for root."""
    ownership: Literal["mapped", "exact"] = "mapped" if IS_CHECKED else "exact"
    yield from used_mount(fs, MountOptions(ownership=ownership))


def used_mount(fs: Fs, options: MountOptions) -> Iterator[Counted]:
    """A mount that has been used: the kernel knows what is answered ENOSYS."""
    fs.write_bytes("/known", b"content")
    with mount(fs, options=options) as mounted:
        (mounted.path / "known").read_bytes()
        (mounted.path / "used").write_bytes(b"x")
        os.listdir(mounted.path)
        os.stat(mounted.path / "used")
        os.stat(mounted.path)
        yield Counted(fs, mounted)


# --- making and writing -------------------------------------------------------------


def test_a_file_is_made_in_two_requests(counted: Counted) -> None:
    assert counted.of(lambda: counted.make("a")) == {"LOOKUP": 1, "CREATE": 1}


def test_a_file_is_not_released_in_a_mount_that_was_never_used(fs: Fs) -> None:
    """Linux sends RELEASE until it knows that OPEN is not asked for."""
    with mount(fs) as mounted:
        counted = Counted(fs, mounted)
        assert counted.of(lambda: counted.make("a")) == {"LOOKUP": 1, "CREATE": 1}


def test_being_mounted_changes_nothing(fs: Fs) -> None:
    before = fs.image_digest()
    with mount(fs):
        pass
    assert fs.image_digest() == before


def test_another_change_of_a_directory_has_its_permissions_asked_for_first(
    checked: Counted,
) -> None:
    """That is the price of `default_permissions`: Linux forgets all attributes of a
    directory that it changes."""
    checked.make("a")
    expected = {"GETATTR": 1, "LOOKUP": 1, "CREATE": 1}
    assert checked.of(lambda: checked.make("b")) == expected


@pytest.mark.skipif(IS_CHECKED, reason="only root may do everything")
def test_it_asks_for_nothing_where_only_root_gets_in_who_owns_everything(
    counted: Counted,
) -> None:
    counted.make("a")
    assert counted.of(lambda: counted.make("b")) == {"LOOKUP": 1, "CREATE": 1}
    assert counted.of(lambda: os.unlink(counted.path / "a")) == {"UNLINK": 1}


def test_a_file_is_made_written_and_closed_in_three(counted: Counted) -> None:
    """Where the kernel may write past its page cache; otherwise in four."""
    found = counted.of(lambda: counted.write("a", b"data", os.O_CREAT))
    expected = {"LOOKUP": 1, "CREATE": 1, "WRITE": 1}
    if not is_coherent_past_cache(os.uname().release):
        expected["GETXATTR"] = 1
    assert found == expected


def test_one_more_is_for_who_can_read_it_too(counted: Counted) -> None:
    """GETXATTR is for the capabilities of a program, which a write takes away."""

    def make() -> None:
        with open(counted.path / "a", "x+b", buffering=0) as file:
            file.write(b"data")

    expected = {"LOOKUP": 1, "CREATE": 1, "GETXATTR": 1, "WRITE": 1}
    assert counted.of(make) == expected


def test_a_write_to_a_file_that_was_written_is_one(counted: Counted) -> None:
    counted.write("known", b"1", 0)
    assert counted.of(lambda: counted.write("known", b"2", 0)) == {"WRITE": 1}


def test_many_writes_of_one_file_are_one_each(counted: Counted) -> None:
    """Truncating takes capabilities away as well, and makes Linux ask again."""

    def write() -> None:
        with open(counted.path / "known", "wb", buffering=0) as file:
            for _ in range(10):
                file.write(b"data")

    assert counted.of(write) == {"SETATTR": 1, "GETXATTR": 2, "WRITE": 10}


def test_an_append_is_one(counted: Counted) -> None:
    assert counted.of(lambda: counted.write("known", b"more", os.O_APPEND)) == {
        "GETXATTR": 1,
        "WRITE": 1,
    }
    assert counted.of(lambda: counted.write("known", b"more", os.O_APPEND)) == {
        "WRITE": 1
    }


def test_a_mebibyte_is_written_by_one(counted: Counted) -> None:
    data = b"x" * 2**20  # memory that was never touched is copied page by page
    counted.write("known", b"1", 0)
    assert counted.of(lambda: counted.write("known", data, 0)) == {"WRITE": 1}


def test_a_directory_is_made_in_two(counted: Counted) -> None:
    found = counted.of(lambda: os.mkdir(counted.path / "d"))
    assert found == {"LOOKUP": 1, "MKDIR": 1}


def test_a_symlink_is_made_in_two_and_read_by_one_once(counted: Counted) -> None:
    link = counted.path / "l"
    found = counted.of(lambda: os.symlink("known", link))
    assert found == {"LOOKUP": 1, "SYMLINK": 1}
    os.stat(counted.path)
    assert counted.of(lambda: os.readlink(link)) == {"READLINK": 1}
    assert counted.of(lambda: os.readlink(link)) == {}


# --- looking and reading ------------------------------------------------------------


def test_attributes_that_are_known_are_not_asked_for(counted: Counted) -> None:
    assert counted.of(lambda: os.stat(counted.path / "known")) == {}
    look = partial(os.access, counted.path / "known", os.R_OK)
    assert counted.of(look) == ({} if IS_CHECKED else {"ACCESS": 1})


def test_that_a_name_is_missing_is_asked_once(counted: Counted) -> None:
    missing = counted.path / "missing"
    assert counted.of(lambda: os.path.exists(missing)) == {"LOOKUP": 1}
    assert counted.of(lambda: os.path.exists(missing)) == {}


def test_a_file_is_read_in_two_and_then_from_the_cache(counted: Counted) -> None:
    counted.fs.write_bytes("/new", b"content")
    os.stat(counted.path)
    assert counted.of(lambda: counted.read("new")) == {"LOOKUP": 1, "READ": 1}
    assert counted.of(lambda: counted.read("new")) == {}


def test_a_listing_with_attributes_is_a_few(counted: Counted) -> None:
    counted.fs.mkdir("/d")
    for number in range(100):
        counted.fs.write_bytes(f"/d/{number:03}", b"x")
    os.stat(counted.path / "d")
    found = counted.of(lambda: counted.list_with_attributes("d"))
    assert found.keys() == {"READDIRPLUS"}
    assert found["READDIRPLUS"] <= 6  # a kernel with small buffers: 4096 bytes each
    again = counted.of(lambda: counted.list_with_attributes("d"))
    assert again in ({}, {"GETATTR": 1})  # the listing moved the directory's atime


def test_statvfs_is_one(counted: Counted) -> None:
    assert counted.of(lambda: os.statvfs(counted.path)) == {"STATFS": 1}


# --- changing names and attributes --------------------------------------------------


def test_a_rename_is_two(counted: Counted) -> None:
    found = counted.of(lambda: os.rename(counted.path / "used", counted.path / "new"))
    assert found == {"LOOKUP": 1, "RENAME": 1}


def test_a_known_file_is_unlinked_by_one(counted: Counted) -> None:
    assert counted.of(lambda: os.unlink(counted.path / "used")) == {"UNLINK": 1}


def test_a_link_is_two(counted: Counted) -> None:
    found = counted.of(lambda: os.link(counted.path / "used", counted.path / "new"))
    assert found == {"LOOKUP": 1, "LINK": 1}


def test_a_chmod_is_one(counted: Counted) -> None:
    assert counted.of(lambda: os.chmod(counted.path / "used", 0o600)) == {"SETATTR": 1}


def test_closing_and_syncing_are_none(counted: Counted) -> None:
    def sync() -> None:
        fd = os.open(counted.path / "known", os.O_RDWR)
        os.fsync(fd)
        os.close(os.dup(fd))
        os.close(fd)

    sync()
    assert counted.of(sync) == {}
