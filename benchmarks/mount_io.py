"""Rows of reading and writing a large file: from end to end, at random, and mapped."""

import sys

if sys.platform != "linux":
    raise ImportError("these are mounts of Linux")

import mmap
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

from mount_calls import forget_pages
from mount_work import CACHED, Work, nothing

MIB = 2**20
BLOCK = 4096
ACCESSES = 2000
_FILE = "large"
_CHUNK = Random(0).randbytes(MIB)
_BLOCK = _CHUNK[:BLOCK]


@contextmanager
def opened(flags: int) -> Iterator[int]:
    """The descriptor of the file."""
    fd = os.open(_FILE, flags, 0o644)
    try:
        yield fd
    finally:
        os.close(fd)


def forget(top: Path) -> None:
    """Have the page cache let go of the file."""
    forget_pages([_FILE])


def works(mebibytes: int) -> list[Work]:
    """In an order in which each finds what it needs."""
    size = mebibytes * MIB
    random = Random(1)
    places = [random.randrange(size // BLOCK) * BLOCK for _ in range(ACCESSES)]

    def write(top: Path) -> None:
        with opened(os.O_WRONLY | os.O_CREAT) as fd:
            for _ in range(mebibytes):
                os.write(fd, _CHUNK)

    def read(top: Path) -> None:
        with opened(os.O_RDONLY) as fd:
            while os.read(fd, MIB):
                pass

    def write_random(top: Path) -> None:
        with opened(os.O_WRONLY) as fd:
            for place in places:
                os.pwrite(fd, _BLOCK, place)

    def read_random(top: Path) -> None:
        with opened(os.O_RDONLY) as fd:
            for place in places:
                os.pread(fd, BLOCK, place)

    def map_read(top: Path) -> None:
        with (
            opened(os.O_RDONLY) as fd,
            closing(mmap.mmap(fd, size, access=mmap.ACCESS_READ)) as mapped,
        ):
            assert len(mapped[::BLOCK]) == size // BLOCK

    def map_write(top: Path) -> None:
        with opened(os.O_RDWR) as fd, closing(mmap.mmap(fd, size)) as mapped:
            for place in range(0, size, BLOCK):
                mapped[place] = 1
            mapped.flush()

    def row(
        run: Callable[[Path], None],
        *,
        of: str = "MiB",
        cold: bool = False,
        again: bool = False,
    ) -> Work:
        return Work(
            name=f"{run.__name__}_again" if again else run.__name__,
            run=run,
            unit=f"us a {of}",
            count=mebibytes if of == "MiB" else ACCESSES,
            before=forget if cold else run if again else nothing,
            is_ground=run is write,
            bar=CACHED if again and run is not write else None,
        )

    return [
        row(write),
        row(write, again=True),
        row(read, cold=True),
        row(read, again=True),
        row(write_random, of="block"),
        row(read_random, of="block", cold=True),
        row(read_random, of="block", again=True),
        row(map_read, cold=True),
        row(map_read, again=True),
        row(map_write),
    ]
