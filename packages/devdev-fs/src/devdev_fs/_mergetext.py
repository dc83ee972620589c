"""Three-way merge of texts by lines; the only user of merge3."""

from collections.abc import Iterator
from typing import NamedTuple

from merge3 import Merge3

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


def _parts(
    base: bytes, ours: bytes, theirs: bytes
) -> Iterator[list[bytes] | _Disagreement]:
    z, a, b = map(split_lines, (base, ours, theirs))
    # The blocks are named tuples, which the annotation does not foresee in a list.
    merge = Merge3(z, a, b, sequence_matcher=LineMatcher)  # type: ignore[arg-type]
    for region in merge.reprocess_merge_regions(merge.merge_regions()):
        if region[0] == "conflict":
            _, _, _, start, end, other, other_end = region
            yield _Disagreement(a[start:end], b[other:other_end])
        else:
            source = {"unchanged": z, "same": a, "a": a, "b": b}[region[0]]
            yield source[region[1] : region[2]]


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
