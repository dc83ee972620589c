"""The work: a deep tree of small files, the same for every contender."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from random import Random

FANOUT = 4
FILES_EACH = 20
"""Files in a directory, beside its subdirectories."""
SIZE_MAX = 1024

_random = Random(0)
_CONTENTS = [_random.randbytes(size) for size in range(16, SIZE_MAX, 16)]


def content(number: int) -> bytes:
    """What a file holds: 16 to 1008 bytes."""
    return _CONTENTS[number % len(_CONTENTS)]


@dataclass(frozen=True)
class Tree:
    """The names of a tree below `/tree`; a directory comes before what it holds."""

    files: int

    @cached_property
    def directories(self) -> list[str]:
        """Every directory, as a heap: number n lies in number (n - 1) // 4."""
        found = ["/tree"]
        for number in range(1, -(-self.files // FILES_EACH)):
            above, position = divmod(number - 1, FANOUT)
            found.append(f"{found[above]}/dir{position}")
        return found

    def each_path(self) -> Iterator[str]:
        """Every file, by directory; made one after the other, and not kept."""
        for number in range(self.files):
            directory, position = divmod(number, FILES_EACH)
            yield f"{self.directories[directory]}/file{position}.txt"

    @cached_property
    def paths(self) -> list[str]:
        """Every file, by directory."""
        return list(self.each_path())

    @cached_property
    def shuffled(self) -> list[str]:
        """Every file, in an order in which the first ones stand for all."""
        return Random(1).sample(self.paths, self.files)

    @cached_property
    def shuffled_directories(self) -> list[str]:
        """Every directory, likewise."""
        return Random(2).sample(self.directories, len(self.directories))

    @cached_property
    def branch(self) -> str:
        """A directory two levels down, with about a sixteenth of all files below it."""
        return self.directories[min(FANOUT + 1, len(self.directories) - 1)]

    @cached_property
    def branch_files(self) -> int:
        """How many files there are below `branch`."""
        return sum(path.startswith(f"{self.branch}/") for path in self.paths)
