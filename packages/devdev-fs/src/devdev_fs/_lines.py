"""Text as lines, and which lines of two texts correspond, in bounded time."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from difflib import Match, SequenceMatcher
from itertools import pairwise

from devdev_fs._content import Content
from devdev_fs._types import PAGE_SIZE

TEXT_MAX = 64 * 1024**2
"""What is longer is not taken for text."""

_PAIRS_MAX = 2**22
"""How many pairs of lines are compared at most, since that can take quadratic time."""
_DEPTH_MAX = 32

_LINE = re.compile(rb"[^\n]*\n|[^\n]+")

Block = tuple[int, int, int]
"""Where equal lines begin in the one text, and in the other; how many there are."""
_Gap = tuple[int, int, int, int, int]
"""Lines of the one text, from and up to before; of the other; how deep it lies."""


def as_text(content: Content) -> bytes | None:
    """The content if it is text: not too long, and without NUL, so without holes."""
    size = content.size
    if size > TEXT_MAX or content.count * PAGE_SIZE < size:
        return None
    text = content.read(0, size)
    return None if b"\0" in text else text


def split_lines(text: bytes) -> list[bytes]:
    """The lines, each with its newline, which the last one may lack."""
    return _LINE.findall(text)


class LineMatcher(SequenceMatcher[bytes]):
    """A `SequenceMatcher` of lines that ends in bounded time, however long they are.

    A stretch that is too long to be compared line by line is cut at lines that occur
    once in both (patience diff); where there are none, nothing corresponds.
    """

    def __init__(
        self,
        isjunk: Callable[[bytes], bool] | None = None,
        a: Sequence[bytes] = (),
        b: Sequence[bytes] = (),
        autojunk: bool = False,
    ) -> None:
        super().__init__(isjunk, (), (), autojunk)
        self.a = a
        self.b = b

    def get_matching_blocks(self) -> list[Match]:
        """Equal lines, ascending in both; at the end a block of none."""
        blocks = sorted(block for block in _blocks(self.a, self.b) if block[2])
        end = len(self.a), len(self.b), 0
        return [Match(*block) for block in (*_joined(blocks), end)]


def _joined(blocks: Sequence[Block]) -> Iterator[Block]:
    """The blocks, adjacent ones as one."""
    i, j, size = 0, 0, 0
    for block in blocks:
        if block[:2] == (i + size, j + size):
            size += block[2]
            continue
        if size:
            yield i, j, size
        i, j, size = block
    if size:
        yield i, j, size


def _blocks(a: Sequence[bytes], b: Sequence[bytes]) -> Iterator[Block]:
    pairs_left = _PAIRS_MAX
    todo: list[_Gap] = [(0, len(a), 0, len(b), 0)]
    while todo:
        i, i_end, j, j_end, depth = todo.pop()
        head = _common(a, b, range(i, i_end), range(j, j_end))
        yield i, j, head
        i, j = i + head, j + head
        ends = range(i_end - 1, i - 1, -1), range(j_end - 1, j - 1, -1)
        tail = _common(a, b, *ends)
        i_end, j_end = i_end - tail, j_end - tail
        yield i_end, j_end, tail
        pairs = (i_end - i) * (j_end - j)
        if not pairs:
            continue
        if pairs <= pairs_left:
            pairs_left -= pairs
            matcher = SequenceMatcher(None, a[i:i_end], b[j:j_end], autojunk=False)
            for start, other, size in matcher.get_matching_blocks():
                yield i + start, j + other, size
        elif depth < _DEPTH_MAX:
            todo += _cut(a, b, (i, i_end, j, j_end, depth))


def _common(a: Sequence[bytes], b: Sequence[bytes], i: range, j: range) -> int:
    """How many lines are equal, one after the other, in the order given."""
    count = 0
    for at, other in zip(i, j, strict=False):
        if a[at] != b[other]:
            break
        count += 1
    return count


def _cut(a: Sequence[bytes], b: Sequence[bytes], gap: _Gap) -> Iterator[_Gap]:
    """The gaps between the lines that occur once in both texts; each begins with one.

    The first gap, before all of them, does not.
    """
    i, i_end, j, j_end, depth = gap
    anchors = _ascending(_unique(a[i:i_end], b[j:j_end]))
    if anchors:
        cuts = [(i, j), *((i + x, j + y) for x, y in anchors), (i_end, j_end)]
        for (x, y), (x_end, y_end) in pairwise(cuts):
            yield x, x_end, y, y_end, depth + 1


def _unique(a: Sequence[bytes], b: Sequence[bytes]) -> list[tuple[int, int]]:
    """Where the lines are that occur once in both, ascending in `a`."""
    counts, others = Counter(a), Counter(b)
    places = {line: at for at, line in enumerate(b) if others[line] == 1}
    return [
        (at, places[line])
        for at, line in enumerate(a)
        if counts[line] == 1 and line in places
    ]


def _ascending(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest part of the pairs that ascends in both numbers (patience sorting)."""
    ends: list[int] = []
    """The second number of the last pair of the best part of each length."""
    tops: list[int] = []
    """Which pair that is."""
    before: list[int] = []
    """For each pair, the one before it in the best part that it ends; -1 is none."""
    for index, (_, other) in enumerate(pairs):
        length = bisect_left(ends, other)
        ends[length : length + 1] = [other]
        tops[length : length + 1] = [index]
        before.append(tops[length - 1] if length else -1)
    found = []
    at = tops[-1] if tops else -1
    while at >= 0:
        found.append(pairs[at])
        at = before[at]
    return found[::-1]
