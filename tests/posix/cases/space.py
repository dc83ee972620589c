"""statvfs, and what is refused when there is no space left.

What was removed may come back a moment later, when nobody holds it any more.
"""

from tests.posix.abi import (
    NAME_MAX,
    O_APPEND,
    O_CREAT,
    O_RDWR,
    O_TMPFILE,
    O_WRONLY,
    PAGE,
    Errno,
)
from tests.posix.checks import (
    ALICE,
    KINDS,
    content,
    exists,
    keeps_times,
    make,
    make_open,
    names,
    refused,
    remove,
)
from tests.posix.protocol import Posix
from tests.posix.table import Cases
from tests.processes import wait_until

cases = Cases("space")


@cases()
def it_is_told_in_blocks(p: Posix) -> None:
    found = p.statvfs(".")
    assert found.name_max == NAME_MAX
    assert found.block_size == PAGE
    assert 0 < found.blocks_free <= found.blocks
    assert 0 < found.inodes_free < found.inodes


@cases(KINDS)
def it_is_the_same_everywhere(p: Posix, kind: str) -> None:
    make(p, kind, "x", 0, ALICE)
    if kind != "symlink":
        with p.as_user(ALICE):
            assert p.statvfs("x") == p.statvfs(".")


@cases()
def content_takes_blocks_and_gives_them_back(p: Posix) -> None:
    before = p.statvfs(".")
    fd = make_open(p, "x", b"x" * 20 * PAGE)
    assert before.blocks_free - p.statvfs(".").blocks_free == 20
    p.truncate(fd, 5 * PAGE)
    assert before.blocks_free - p.statvfs(".").blocks_free == 5
    p.unlink("x")
    assert before.blocks_free - p.statvfs(".").blocks_free == 5
    p.close(fd)
    wait_until(lambda: p.statvfs(".").blocks_free == before.blocks_free, "the blocks")


@cases(KINDS)
def a_file_takes_an_inode_and_gives_it_back(p: Posix, kind: str) -> None:
    before = p.statvfs(".").inodes_free
    make(p, kind, "x")
    assert p.statvfs(".").inodes_free == before - 1
    remove(p, kind, "x")
    wait_until(lambda: p.statvfs(".").inodes_free == before, "the inode")


@cases()
def without_blocks_a_write_is_refused(p: Posix) -> None:
    fd = make_open(p, "x", b"some")
    with p.leave(blocks=0):
        refused(Errno.ENOSPC, p.pwrite, fd, b"x", PAGE)
        refused(Errno.ENOSPC, p.pwrite, fd, b"x" * PAGE, 5 * PAGE)
        assert content(p, fd) == b"some"
        assert p.statvfs(".").blocks_free == 0
    p.pwrite(fd, b"x", PAGE)


@cases()
def without_blocks_what_needs_none_goes_on(p: Posix) -> None:
    fd = make_open(p, "x", b"some")
    with p.leave(blocks=0):
        p.pwrite(fd, b"more", 2)
        p.truncate(fd, 100 * PAGE)
        p.truncate(fd, 6)
        assert content(p, fd) == b"somore"
        make(p, "regular", "y")
        make(p, "directory", "d")
        p.rename("y", "d/y")
        p.unlink("d/y")


@cases({"writing": 0, "appending": O_APPEND})
def a_write_takes_what_is_left(p: Posix, flag: int) -> None:
    """POSIX write(): as many bytes as there is room for, and then ENOSPC."""
    fd = p.open("x", O_CREAT | O_RDWR | flag)
    data = b"abcd" * PAGE
    with p.leave(blocks=2):
        assert p.write(fd, data) == 2 * PAGE
        refused(Errno.ENOSPC, p.write, fd, data)
    assert content(p, fd) == data[: 2 * PAGE]


@cases()
def removing_makes_room(p: Posix) -> None:
    make_open(p, "x", b"x" * 8 * PAGE)
    fd = make_open(p, "y")
    with p.leave(blocks=0):
        refused(Errno.ENOSPC, p.write, fd, b"y")
        p.truncate("x", 0)
        p.write(fd, b"y" * 8 * PAGE)
        refused(Errno.ENOSPC, p.write, fd, b"y")


@cases()
def preallocating_needs_room(p: Posix) -> None:
    """fallocate(2): ENOSPC, and afterwards a write in the range cannot fail."""
    fd = make_open(p, "x", b"some")
    with p.leave(blocks=4):
        refused(Errno.ENOSPC, p.fallocate, fd, 0, 0, 8 * PAGE)
        assert (p.fstat(fd).size, content(p, fd)) == (4, b"some")
        p.fallocate(fd, 0, 0, 4 * PAGE)
    with p.leave(blocks=0):
        assert p.pwrite(fd, b"x" * 4 * PAGE, 0) == 4 * PAGE


@cases(KINDS)
def without_inodes_nothing_is_made(p: Posix, kind: str) -> None:
    make(p, "regular", "old")
    with p.leave(inodes=0), keeps_times(p, "."):
        refused(Errno.ENOSPC, make, p, kind, "x")
        assert not exists(p, "x")
    make(p, kind, "x")


@cases()
def without_inodes_no_temporary_file_is_made(p: Posix) -> None:
    with p.leave(inodes=0):
        refused(Errno.ENOSPC, p.open, ".", O_TMPFILE | O_RDWR)


@cases()
def without_inodes_what_needs_none_goes_on(p: Posix) -> None:
    fd = make_open(p, "x", b"some")
    make(p, "regular", "y")
    with p.leave(inodes=0):
        p.write(fd, b" more")
        p.rename("x", "z")
        p.close(p.open("z", O_CREAT | O_WRONLY))
        refused(Errno.ENOSPC, make, p, "regular", "new")
        p.unlink("y")
        wait_until(lambda: p.statvfs(".").inodes_free == 1, "the inode")
        make(p, "regular", "new")
    assert names(p, ".") == ["new", "z"]
