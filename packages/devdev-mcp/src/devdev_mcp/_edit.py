"""Replaces strings in a text, all edits or none, and says what may have been meant.

Line ends of an edit are those of the text, whichever the edit was written with.
"""

import difflib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from devdev_mcp._errors import ToolFailure
from devdev_mcp._text import Eol

_CONTEXT = 3  # unchanged lines around a hunk
_DIFF_LINES = 2000  # difflib is quadratic; beyond, a change is shown as one hunk
_CANDIDATES = 2000  # lines to compare when looking for what was meant
_LINE_LENGTH = 300  # characters of a line to compare
_NAMED_LINES = 10


@dataclass(frozen=True, slots=True)
class Replacement:
    """One edit: every occurrence of `old` becomes `new`, if there are `expected`."""

    old: str
    new: str
    expected: int | Literal["all"]


def replace_all(text: str, eol: Eol, edits: Sequence[Replacement]) -> tuple[str, int]:
    """Apply edits one after the other; returns the new text and how many were made.

    Raises:
        ToolFailure: NO_CHANGE, NO_MATCH (with what is nearest), MATCH_COUNT.
    """
    made = 0
    for index, edit in enumerate(edits):
        old, new = _adapt(text, eol, edit)
        if old == new:
            message = f"edits[{index}]: old_string and new_string are the same"
            raise ToolFailure("NO_CHANGE", message, index=index)
        count = text.count(old)
        if count == 0:
            what = f"edits[{index}]: old_string does not occur"
            raise no_match(text, old, what, index)
        if edit.expected not in ("all", count):
            raise _match_count(text, old, index, count, edit.expected)
        text = text.replace(old, new)
        made += count
    return text, made


def _adapt(text: str, eol: Eol, edit: Replacement) -> tuple[str, str]:
    """The strings of an edit with the line ends that the text has where they match."""
    if eol == "none":
        return edit.old, edit.new
    if eol != "mixed":
        return _with_eol(edit.old, eol), _with_eol(edit.new, eol)
    if edit.old not in text:
        for style in ("lf", "crlf"):
            old = _with_eol(edit.old, style)
            if old in text:
                return old, _with_eol(edit.new, style)
    return edit.old, edit.new


def _with_eol(text: str, eol: str) -> str:
    lines = text.replace("\r\n", "\n")
    return lines.replace("\n", "\r\n") if eol == "crlf" else lines


def _match_count(
    text: str, old: str, index: int, count: int, expected: int | str
) -> ToolFailure:
    lines = _lines_of_matches(text, old)
    named = ", ".join(map(str, lines[:_NAMED_LINES]))
    more = ", ..." if count > _NAMED_LINES else ""
    return ToolFailure(
        "MATCH_COUNT",
        f"edits[{index}]: old_string occurs {count} times (lines {named}{more}), "
        f"not {expected}",
        hint="Nothing was changed. Add lines around it to old_string, or set "
        f'expected_count to {count} or "all".',
        index=index,
        lines=lines[:_NAMED_LINES],
    )


def _lines_of_matches(text: str, old: str) -> list[int]:
    lines = []
    line = 1
    end = 0
    while (at := text.find(old, end)) >= 0:
        line += text.count("\n", end, at)
        lines.append(line)
        line += old.count("\n")
        end = at + len(old)
    return lines


# --- what may have been meant ----------------------------------------------------


def no_match(text: str, old: str, message: str, index: int) -> ToolFailure:
    """The refusal to change what is not there, with what is most like it."""
    lines, wanted = text.split("\n"), old.rstrip("\n").split("\n")
    start = _nearest_lines(lines, wanted)
    if start is None:
        hint = "Nothing was changed. Call read_file to see what is there."
        return ToolFailure("NO_MATCH", message, hint=hint, index=index)
    found = lines[start : start + len(wanted)]
    diff = "\n".join(_compare(wanted, found))
    return ToolFailure(
        "NO_MATCH",
        message,
        hint=f"Nothing was changed. Nearest is line {start + 1} "
        f"(- wanted, + the file):\n{diff}",
        index=index,
        nearest={"line": start + 1, "diff": diff},
    )


def _nearest_lines(lines: list[str], wanted: list[str]) -> int | None:
    """Where `lines` has most of `wanted`, the white space at its lines' ends aside."""
    places = defaultdict(list)
    for number, line in enumerate(lines):
        if line.strip():
            places[line.strip()].append(number)
    votes: defaultdict[int, int] = defaultdict(int)
    for offset, line in enumerate(wanted):
        for number in places.get(line.strip(), ())[:_CANDIDATES]:
            # A long line says more than a closing bracket.
            votes[max(number - offset, 0)] += len(line.strip())
    if votes:
        return max(votes, key=lambda start: (votes[start], -start))
    return _most_similar_line(places, wanted)


def _most_similar_line(places: dict[str, list[int]], wanted: list[str]) -> int | None:
    offset, longest = max(enumerate(wanted), key=lambda item: len(item[1].strip()))
    candidates = {line[:_LINE_LENGTH]: line for line in list(places)[:_CANDIDATES]}
    close = difflib.get_close_matches(longest.strip()[:_LINE_LENGTH], candidates, n=1)
    if not close:
        return None
    return max(places[candidates[close[0]]][0] - offset, 0)


def _compare(wanted: list[str], found: list[str]) -> Iterator[str]:
    matcher = difflib.SequenceMatcher(None, wanted, found)
    for tag, i, i_end, j, j_end in matcher.get_opcodes():
        if tag == "equal":
            yield from (f" {line}" for line in wanted[i:i_end])
        else:
            yield from (f"-{line}" for line in wanted[i:i_end])
            yield from (f"+{line}" for line in found[j:j_end])


# --- what was changed ------------------------------------------------------------


def first_difference(old: str, new: str) -> int:
    """The number of the first line that differs."""
    return _common_lines(old.split("\n"), new.split("\n")) + 1


def unified_diff(old: str, new: str, path: str) -> str:
    """The change as diff(1) -u shows it."""
    before, after = split_lines(old), split_lines(new)
    # What is the same at both ends is cut off first: difflib is quadratic.
    head = max(_common_lines(before, after) - _CONTEXT, 0)
    tail = _common_lines(before[head:][::-1], after[head:][::-1]) - _CONTEXT
    del before[len(before) - max(tail, 0) :], after[len(after) - max(tail, 0) :]
    hunks = _hunks(before[head:], after[head:], head)
    return "".join([f"--- {path}\n+++ {path}\n", *hunks])


def split_lines(text: str) -> list[str]:
    """The lines with their ends; str.splitlines knows more ends than a file has."""
    *ended, last = text.split("\n")
    return [f"{line}\n" for line in ended] + [last] * (last != "")


def _common_lines(before: Sequence[str], after: Sequence[str]) -> int:
    count = 0
    for one, other in zip(before, after, strict=False):
        if one != other:
            break
        count += 1
    return count


def _hunks(before: list[str], after: list[str], start: int) -> Iterator[str]:
    if len(before) + len(after) > _DIFF_LINES:
        whole = ("replace", 0, len(before), 0, len(after))
        groups = iter([[whole]])
    else:
        matcher = difflib.SequenceMatcher(None, before, after)
        groups = iter(matcher.get_grouped_opcodes(_CONTEXT))
    for group in groups:
        (_, i, _, j, _), (_, _, i_end, _, j_end) = group[0], group[-1]
        yield f"@@ -{_range(start + i, i_end - i)} +{_range(start + j, j_end - j)} @@\n"
        for tag, i, i_end, j, j_end in group:
            if tag == "equal":
                yield from _marked(" ", before[i:i_end])
            else:
                yield from _marked("-", before[i:i_end])
                yield from _marked("+", after[j:j_end])


def _range(start: int, count: int) -> str:
    # As diff(1): an empty range names the line before it.
    first = start + 1 if count else start
    return str(first) if count == 1 else f"{first},{count}"


def _marked(mark: str, lines: list[str]) -> Iterator[str]:
    for line in lines:
        yield f"{mark}{line}"
        if not line.endswith("\n"):
            yield "\n\\ No newline at end of file\n"
