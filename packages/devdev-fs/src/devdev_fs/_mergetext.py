"""Three-way merge of texts by lines (diff3).

Lines that all three texts have in the same order hold the text together. In between
each side has kept what was there or not, and if both have not they may disagree.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from devdev_fs._lines import LineMatcher, split_lines

OURS, THEIRS = b"ours", b"theirs"
"""What the two sides are called in conflict markers."""


class MergedText(NamedTuple):
    """What came out, and in how many places the two sides disagreed."""

    text: bytes
    conflicts: int


class _Disagreement(NamedTuple):
    """What each side has in a place that both changed."""

    ours: list[bytes]
    theirs: list[bytes]


def merge_texts(
    base: bytes, ours: bytes, theirs: bytes, *, take_theirs: bool, with_markers: bool
) -> MergedText:
    """What both sides changed, together.

    Where they disagree it is what one side has, or both between conflict markers.
    Lines that were changed on one side and are next to lines that were changed on the
    other are a disagreement, as in git.
    """
    lines: list[bytes] = []
    conflicts = 0
    for part in _parts(base, ours, theirs):
        if not isinstance(part, _Disagreement):
            lines += part
            continue
        conflicts += 1
        if with_markers:
            lines += _between_markers(part)
        else:
            lines += part.theirs if take_theirs else part.ours
    return MergedText(b"".join(lines), conflicts)


_Part = list[bytes] | _Disagreement


def _parts(base: bytes, ours: bytes, theirs: bytes) -> Iterator[_Part]:
    texts = [split_lines(text) for text in (base, ours, theirs)]
    done = [0, 0, 0]
    for *starts, size in _common(*texts):
        was, mine, other = (
            text[start:end]
            for text, start, end in zip(texts, done, starts, strict=True)
        )
        if other in (was, mine):
            yield mine
        elif mine == was:
            yield other
        else:
            yield from _disagreements(mine, other)
        yield texts[0][starts[0] : starts[0] + size]
        done = [start + size for start in starts]


def _common(
    z: Sequence[bytes], a: Sequence[bytes], b: Sequence[bytes]
) -> Iterator[tuple[int, int, int, int]]:
    """Where lines begin that all three have, and how many there are; at last none."""
    mine = LineMatcher(None, z, a).get_matching_blocks()
    others = LineMatcher(None, z, b).get_matching_blocks()
    i = j = 0
    while i < len(mine) and j < len(others):
        (start, here, size), (other_start, there, other_size) = mine[i], others[j]
        first = max(start, other_start)
        end = min(start + size, other_start + other_size)
        if first < end:
            yield first, here + first - start, there + first - other_start, end - first
        # The one that ends first meets nothing more.
        if start + size <= other_start + other_size:
            i += 1
        else:
            j += 1
    yield len(z), len(a), len(b), 0


def _disagreements(ours: list[bytes], theirs: list[bytes]) -> Iterator[_Part]:
    """What both sides changed, without the lines that they made alike."""
    done, other_done = 0, 0
    for start, other, size in LineMatcher(None, ours, theirs).get_matching_blocks():
        part = _Disagreement(ours[done:start], theirs[other_done:other])
        if any(part):
            yield part
        yield ours[start : start + size]
        done, other_done = start + size, other + size


def _between_markers(part: _Disagreement) -> list[bytes]:
    newline = b"\r\n" if (part.ours + part.theirs)[0].endswith(b"\r\n") else b"\n"
    return [
        b"<<<<<<< " + OURS + newline,
        *_ended(part.ours, newline),
        b"=======" + newline,
        *_ended(part.theirs, newline),
        b">>>>>>> " + THEIRS + newline,
    ]


def _ended(lines: list[bytes], newline: bytes) -> list[bytes]:
    """The lines, of which the last one may lack its newline."""
    if not lines or lines[-1].endswith(b"\n"):
        return lines
    return [*lines[:-1], lines[-1] + newline]
