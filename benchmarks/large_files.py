"""Rows on a few large files: from end to end, and at random."""

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from random import Random

from contenders import BinaryFile, Contender
from measuring import Group, Row, each, once
from reasons import reasons_for

MIB = 2**20
FILES = 4
FILE_MIB = 64
BLOCK = 4096
ACCESSES = 20_000


class Work:
    """What is written, and where; the same for all contenders."""

    paths = tuple(f"/large{number}" for number in range(FILES))
    block = Random(0).randbytes(BLOCK)

    @cached_property
    def chunks(self) -> list[bytes]:
        """A file's content, as it is written."""
        random = Random(1)
        return [random.randbytes(MIB) for _ in range(FILE_MIB)]

    @cached_property
    def aligned(self) -> list[tuple[int]]:
        """Offsets of whole blocks."""
        random = Random(2)
        blocks = FILE_MIB * MIB // BLOCK - 1
        return [(random.randrange(blocks) * BLOCK,) for _ in range(ACCESSES)]

    @cached_property
    def unaligned(self) -> list[tuple[int]]:
        """Offsets within blocks."""
        random = Random(3)
        return [(at + random.randrange(1, BLOCK),) for (at,) in self.aligned]


def write(work: Work, fs: Contender) -> None:
    for path in work.paths:
        with fs.open(path, "wb") as file:
            for chunk in work.chunks:
                file.write(chunk)


def read(work: Work, fs: Contender) -> None:
    for path in work.paths:
        with fs.open(path, "rb") as file:
            while file.read(MIB):
                pass


def read_at(file: BinaryFile, offset: int) -> None:
    file.seek(offset)
    file.read(BLOCK)


def write_at(file: BinaryFile, offset: int) -> None:
    file.seek(offset)
    file.write(Work.block)


def per_mib(operation: Callable[[Contender], None], fs: Contender) -> float:
    """Microseconds a MiB."""
    return once(partial(operation, fs)) * 1e3 / (FILES * FILE_MIB)


def group(
    makers: Mapping[str, Callable[[], Contender]], seconds: float
) -> Group[Contender]:
    """Four files of 64 MiB in calls of 1 MiB, and one of them in blocks of 4 KiB."""
    work = Work()

    def accesses(
        access: Callable[[BinaryFile, int], None], place: str, fs: Contender
    ) -> float:
        with fs.open(work.paths[0], "r+b") as file:
            return each(partial(access, file), getattr(work, place), seconds)

    sequential = [
        Row(
            name=f"{operation.__name__}_large",
            unit="us a MiB",
            sample=partial(per_mib, partial(operation, work)),
            is_ground=operation is write,
            reasons=reasons_for(f"{operation.__name__}_large"),
        )
        for operation in (write, read)
    ]
    at_random = [
        Row(
            name=f"{access.__name__}_{place}",
            unit="us an access",
            sample=partial(accesses, access, place),
            reasons=reasons_for(f"{access.__name__}_{place}"),
        )
        for place in ("aligned", "unaligned")
        for access in (read_at, write_at)
    ]
    return Group(
        title=f"{FILES} files of {FILE_MIB} MiB",
        contenders=makers,
        rows=[*sequential, *at_random],
    )
