"""The time of access, by the policy that a filesystem has."""

from collections.abc import Callable

import pytest
from devdev_fs import AtimePolicy, Fs, FsBase, Ino, SetAttr
from devdev_fs.testing import ManualClock

from tests.fs.checks import ino_of

DAY = 24 * 60 * 60 * 10**9


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(time_ns=10**18)


READS: dict[str, Callable[[FsBase, Ino], object]] = {
    "read": lambda fs, ino: fs.inodes.read(ino, 0, 1),
    "readdir": lambda fs, ino: fs.inodes.readdir(ino),
    "readlink": lambda fs, ino: fs.inodes.readlink(ino),
    "copy_file_range": lambda fs, ino: fs.inodes.copy_file_range(
        ino, 0, ino_of(fs, "/other"), 0, 1
    ),
}
PATHS = {"read": "/f", "readdir": "/d", "readlink": "/l", "copy_file_range": "/f"}


@pytest.fixture(params=READS)
def read(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def make(clock: ManualClock, policy: AtimePolicy) -> Fs:
    fs = Fs(clock=clock, atime=policy)
    fs.write_bytes("/f", b"content")
    fs.write_bytes("/other", b"")
    fs.mkdir("/d")
    fs.symlink("target", "/l")
    return fs


def moves(fs: Fs, clock: ManualClock, read: str, later: int) -> bool:
    """Whether a read, so much later, moves the time of access to then."""
    ino = ino_of(fs, PATHS[read])
    before = fs.inodes.getattr(ino).atime_ns
    clock.advance(later)
    READS[read](fs, ino)
    after = fs.inodes.getattr(ino).atime_ns
    assert after in (before, clock.time_ns)
    return after != before


def test_strict_moves_it_each_time(clock: ManualClock, read: str) -> None:
    fs = make(clock, "strict")
    assert [moves(fs, clock, read, 1) for _ in range(3)] == [True] * 3


def test_never_moves_it_never(clock: ManualClock, read: str) -> None:
    fs = make(clock, "never")
    assert [moves(fs, clock, read, 2 * DAY) for _ in range(3)] == [False] * 3


def test_relative_moves_it_once_after_a_change(clock: ManualClock, read: str) -> None:
    """mount(8) relatime; Linux's fs/inode.c:relatime_need_update."""
    fs = make(clock, "relative")
    assert [moves(fs, clock, read, 1) for _ in range(3)] == [True, False, False]
    clock.advance(1)
    fs.inodes.setattr(ino_of(fs, PATHS[read]), SetAttr(uid=1))
    assert [moves(fs, clock, read, 0) for _ in range(2)] == [True, False]


def test_relative_moves_it_once_a_day(clock: ManualClock, read: str) -> None:
    fs = make(clock, "relative")
    assert moves(fs, clock, read, 1)
    assert not moves(fs, clock, read, DAY - 1)
    assert moves(fs, clock, read, 1)
    assert not moves(fs, clock, read, 1)


def test_at_the_same_time_it_stays(clock: ManualClock, read: str) -> None:
    fs = make(clock, "strict")
    assert moves(fs, clock, read, 5)
    before = fs.image_digest()
    READS[read](fs, ino_of(fs, PATHS[read]))
    if read != "copy_file_range":
        assert fs.image_digest() == before


def test_noatime_leaves_it_whatever_the_policy_is(clock: ManualClock) -> None:
    policies: tuple[AtimePolicy, ...] = ("strict", "relative")
    for policy in policies:
        fs = make(clock, policy)
        before = fs.stat("/f").atime_ns
        clock.advance(1)
        fs.inodes.read(ino_of(fs, "/f"), 0, 1, True)
        assert fs.stat("/f").atime_ns == before


def test_a_fork_has_the_policy_of_what_it_is_a_fork_of(clock: ManualClock) -> None:
    fs = make(clock, "never").fork()
    assert not moves(fs, clock, "read", 5)


def test_without_one_given_it_is_strict(clock: ManualClock) -> None:
    fs = Fs(clock=clock)
    fs.write_bytes("/f", b"content")
    assert [moves(fs, clock, "read", 1) for _ in range(2)] == [True, True]


def test_another_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="'lazy': must be one of strict, relative"):
        Fs(atime="lazy")  # type: ignore[arg-type]
