"""utimensat and futimens, and the times that other calls leave."""

from tests.posix.abi import O_NOATIME, O_RDONLY, O_RDWR, O_WRONLY, Errno
from tests.posix.checks import (
    ALICE,
    BOB,
    KINDS,
    WITH_MODE,
    keeps_times,
    make,
    make_file,
    make_open,
    names,
    refused,
    updates,
)
from tests.posix.protocol import Posix, Time
from tests.posix.table import Cases

cases = Cases("times")

SECOND = 10**9
POINTS = {
    "zero": 0,
    "one_ns": 1,
    "before_1970": -1,
    "1901": -(2**31) * SECOND - 1,
    "2001": 1_000_000_000_123_456_789,
    "2038": 2**31 * SECOND,
    "2106": 2**32 * SECOND + 999_999_999,
    "2200": 7_258_118_400 * SECOND + 1,
}


@cases(KINDS, POINTS)
def sets_both_to_the_nanosecond(p: Posix, kind: str, when: int) -> None:
    make(p, kind, "x")
    p.utimens("x", when, when + 2, follow=False)
    found = p.lstat("x")
    assert (found.atime, found.mtime) == (when, when + 2)


@cases(["regular", "directory"], POINTS)
def sets_those_of_an_open_file(p: Posix, kind: str, when: int) -> None:
    make(p, kind, "x")
    p.utimens(p.open("x"), when, when + 2)
    found = p.lstat("x")
    assert (found.atime, found.mtime) == (when, when + 2)


@cases(KINDS)
def stamps_the_ctime_of_the_file_only(p: Posix, kind: str) -> None:
    p.mkdir("d")
    make(p, kind, "d/x")
    before = p.lstat("d/x")
    p.tick()
    with keeps_times(p, "d"):
        p.utimens("d/x", 5, 6, follow=False)
    assert p.lstat("d/x").ctime > before.ctime


@cases(KINDS)
def now_is_now(p: Posix, kind: str) -> None:
    make(p, kind, "x")
    p.utimens("x", 5, 6, follow=False)
    p.tick()
    p.utimens("x", "now", "now", follow=False)
    found = p.lstat("x")
    assert found.atime == found.mtime == found.ctime


@cases(KINDS)
def omit_leaves_one(p: Posix, kind: str) -> None:
    make(p, kind, "x")
    p.utimens("x", 5, 6, follow=False)
    with updates(p, "x", "atime", "ctime"):
        p.utimens("x", 7, "omit", follow=False)
    with updates(p, "x", "mtime", "ctime"):
        p.utimens("x", "omit", 8, follow=False)
    assert (p.lstat("x").atime, p.lstat("x").mtime) == (7, 8)
    with updates(p, "x", "atime", "ctime"):
        p.utimens("x", "now", "omit", follow=False)
    with updates(p, "x", "mtime", "ctime"):
        p.utimens("x", "omit", "now", follow=False)


@cases(KINDS)
def omitting_both_does_nothing(p: Posix, kind: str) -> None:
    """utimensat(2): then it does not even ask whether it may."""
    make(p, kind, "x", 0, ALICE)
    with keeps_times(p, "x"), p.as_user(BOB):
        p.utimens("x", "omit", "omit", follow=False)


@cases(WITH_MODE)
def goes_through_a_link(p: Posix, kind: str) -> None:
    make(p, kind, "x")
    p.symlink("x", "l")
    link = p.lstat("l")
    p.utimens("l", 5, 6)
    assert (p.lstat("x").atime, p.lstat("x").mtime) == (5, 6)
    assert (p.lstat("l").mtime, p.lstat("l").ctime) == (link.mtime, link.ctime)
    with keeps_times(p, "x"):
        p.utimens("l", 7, 8, follow=False)
    assert (p.lstat("l").atime, p.lstat("l").mtime) == (7, 8)


@cases(KINDS)
def an_owner_sets_any(p: Posix, kind: str) -> None:
    make(p, kind, "x", 0, ALICE)
    with p.as_user(ALICE):
        p.utimens("x", 5, 6, follow=False)
        p.utimens("x", "now", 7, follow=False)
        p.utimens("x", "now", "now", follow=False)


@cases(WITH_MODE)
def who_may_write_sets_now(p: Posix, kind: str) -> None:
    make(p, kind, "x", 0o622, ALICE)
    p.utimens("x", 5, 6)
    with updates(p, "x", "atime", "mtime", "ctime"), p.as_user(BOB):
        p.utimens("x", "now", "now")


GIVEN: dict[str, tuple[Time, Time]] = {
    "both": (5, 6),
    "atime": (5, "omit"),
    "mtime": ("omit", 6),
    "atime_and_now": (5, "now"),
    "now_and_mtime": ("now", 6),
    "now_and_omit": ("now", "omit"),
    "omit_and_now": ("omit", "now"),
}


@cases(WITH_MODE, GIVEN)
def only_an_owner_sets_others(p: Posix, kind: str, given: tuple[Time, Time]) -> None:
    """utimensat(2): EPERM, also for who may write."""
    make(p, kind, "x", 0o666, ALICE)
    with keeps_times(p, "x"), p.as_user(BOB):
        refused(Errno.EPERM, p.utimens, "x", *given)


@cases(WITH_MODE)
def who_may_not_write_sets_nothing(p: Posix, kind: str) -> None:
    """utimensat(2): EACCES for now, EPERM for a time."""
    make(p, kind, "x", 0o644, ALICE)
    with keeps_times(p, "x"), p.as_user(BOB):
        refused(Errno.EACCES, p.utimens, "x", "now", "now")
        refused(Errno.EPERM, p.utimens, "x", 5, 6)


@cases()
def an_open_file_is_asked_as_well(p: Posix) -> None:
    make(p, "regular", "x", 0o644, ALICE)
    make(p, "regular", "y", 0o666, ALICE)
    with p.as_user(BOB):
        refused(Errno.EACCES, p.utimens, p.open("x"), "now", "now")
        refused(Errno.EPERM, p.utimens, p.open("y", O_RDWR), 5, 6)
        p.utimens(p.open("y", O_RDWR), "now", "now")


@cases()
def a_future_time_is_kept_until_something_changes(p: Posix) -> None:
    fd = make_open(p, "x", b"some")
    future = POINTS["2106"]
    p.utimens("x", future, future)
    p.chmod("x", 0o600)
    assert p.lstat("x").mtime == future
    p.write(fd, b"more")
    assert p.lstat("x").mtime < future


# --- what reading and writing leave ----------------------------------------------


@cases()
def reading_updates_atime(p: Posix) -> None:
    make_file(p, "x", b"some")
    fd = p.open("x", O_RDONLY)
    with updates(p, "x", "atime"):
        assert p.read(fd, 4) == b"some"


@cases()
def reading_with_noatime_leaves_it(p: Posix) -> None:
    make_file(p, "x", b"some")
    fd = p.open("x", O_RDONLY | O_NOATIME)
    with keeps_times(p, "x"):
        assert p.read(fd, 4) == b"some"


@cases()
def only_an_owner_reads_with_noatime(p: Posix) -> None:
    """open(2): EPERM."""
    make(p, "regular", "x", 0o666, ALICE)
    with p.as_user(BOB):
        refused(Errno.EPERM, p.open, "x", O_RDONLY | O_NOATIME)
    with p.as_user(ALICE):
        p.open("x", O_RDONLY | O_NOATIME)


@cases()
def writing_updates_mtime_and_ctime(p: Posix) -> None:
    fd = make_open(p, "x", b"some")
    with updates(p, "x", "mtime", "ctime"):
        p.write(fd, b"more")
    with updates(p, "x", "mtime", "ctime"):
        p.pwrite(fd, b"m", 0)
    with updates(p, fd, "mtime", "ctime"):
        p.pwrite(fd, b"m", 10000)


@cases()
def writing_nothing_leaves_them(p: Posix) -> None:
    fd = make_open(p, "x", b"some")
    with keeps_times(p, "x"):
        assert p.write(fd, b"") == 0
        assert p.pwrite(fd, b"", 100) == 0
    assert p.fstat(fd).size == 4


@cases()
def opening_and_closing_leaves_them(p: Posix) -> None:
    make_file(p, "x", b"some")
    with keeps_times(p, "x", "."):
        for flags in (O_RDONLY, O_WRONLY, O_RDWR):
            p.close(p.open("x", flags))


@cases()
def listing_updates_atime(p: Posix) -> None:
    p.mkdir("d")
    make(p, "regular", "d/x")
    with updates(p, "d", "atime"):
        names(p, "d")


@cases()
def asking_leaves_all(p: Posix) -> None:
    make_file(p, "x", b"some")
    p.symlink("x", "l")
    with keeps_times(p, "x", "."):
        p.stat("l")
        p.access("x")
        p.statvfs("x")
        p.fsync(p.open("x"))


@cases()
def changing_the_content_of_a_file_leaves_its_directory(p: Posix) -> None:
    p.mkdir("d")
    fd = make_open(p, "d/x")
    with keeps_times(p, "d"):
        p.write(fd, b"some")
        p.truncate(fd, 1)
        p.fsync(fd)
