"""Patches of several files: parsed from unified diffs or the `*** Begin Patch` form.

Either form becomes a list of `FilePatch`; what a hunk expects is looked for in the
file, nearest to where the patch says it is.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from devdev_mcp._edit import no_match, split_lines
from devdev_mcp._errors import ToolFailure
from devdev_mcp._text import Text

Action = Literal["add", "delete", "update"]

_BEGIN, _END = "*** Begin Patch", "*** End Patch"
_RANGES = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_HEADERS = {"*** Add File: ": "add", "*** Delete File: ": "delete"}
_UPDATE, _MOVE, _EOF = "*** Update File: ", "*** Move to: ", "*** End of File"


@dataclass(slots=True)
class Hunk:
    """Lines that become other lines."""

    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    start: int | None = None
    """The line where the patch expects it, from 0."""
    anchor: str = ""
    """A line that stands somewhere before it."""
    at_end: bool = False
    """It is the end of the file."""
    _mark: str = ""

    def add(self, mark: str, text: str) -> None:
        """Take a line: " " stays, "-" goes, "+" comes."""
        self._mark = mark
        if mark != "+":
            self.old.append(text)
        if mark != "-":
            self.new.append(text)

    def drop_newline(self) -> None:
        """The line that was added last has no newline at its end."""
        if self._mark in (" ", "-"):
            self.old[-1] = self.old[-1].rstrip("\n")
        if self._mark in (" ", "+"):
            self.new[-1] = self.new[-1].rstrip("\n")


@dataclass(slots=True)
class FilePatch:
    """What becomes of one file."""

    path: str
    action: Action
    hunks: list[Hunk] = field(default_factory=list)
    new_path: str | None = None
    mode: int | None = None

    @property
    def content(self) -> str:
        """Of a file that is added."""
        return "".join(line for hunk in self.hunks for line in hunk.new)


def parse_patch(patch: str) -> list[FilePatch]:
    """The changes of a patch in either form.

    Raises:
        ToolFailure: BAD_PATCH.
    """
    lines = [f"{line}\n" for line in patch.split("\n")]
    if lines[-1] == "\n":
        del lines[-1]
    is_codex = any(line.rstrip() == _BEGIN for line in lines)
    files = _parse_codex(lines) if is_codex else _parse_unified(lines)
    if not files:
        hint = f'Give a unified diff, or "{_BEGIN}" ... "{_END}".'
        raise ToolFailure("BAD_PATCH", "the patch names no file", hint=hint)
    return files


# --- the form of `*** Begin Patch` -----------------------------------------------


def _parse_codex(lines: list[str]) -> list[FilePatch]:
    files: list[FilePatch] = []
    begin = next(n for n, line in enumerate(lines) if line.rstrip() == _BEGIN)
    for number, line in enumerate(lines[begin + 1 :], begin + 2):
        text = line.rstrip()
        if text == _END:
            return files
        if not _codex_header(text, files):
            if not files:
                raise _bad(number, f"expected '*** ... File: path', not {text!r}")
            _codex_line(number, line, files[-1])
    raise ToolFailure("BAD_PATCH", f"the patch has no {_END!r}")


def _codex_header(text: str, files: list[FilePatch]) -> bool:
    for header, action in _HEADERS.items():
        if text.startswith(header):
            kind: Action = "add" if action == "add" else "delete"
            hunks = [Hunk()] if kind == "add" else []
            files.append(FilePatch(text.removeprefix(header), kind, hunks))
            return True
    if text.startswith(_UPDATE):
        files.append(FilePatch(text.removeprefix(_UPDATE), "update"))
        return True
    if text.startswith(_MOVE) and files:
        files[-1].new_path = text.removeprefix(_MOVE)
        return True
    return False


def _codex_line(number: int, line: str, file: FilePatch) -> None:
    if line.startswith("@@") and file.action == "update":
        file.hunks.append(Hunk(anchor=line[2:].strip()))
    elif line.rstrip() == _EOF and file.hunks:
        file.hunks[-1].at_end = True
    elif file.action == "delete" or (file.action == "add" and line[0] != "+"):
        raise _bad(number, f"{line.rstrip()!r} has no place there")
    else:
        if not file.hunks:
            file.hunks.append(Hunk())
        _add_line(number, line, file.hunks[-1])


def _add_line(number: int, line: str, hunk: Hunk) -> None:
    """Take a line of a hunk; models leave out the space of an empty one."""
    mark, text = (line[0], line[1:]) if line != "\n" else (" ", line)
    if mark not in " +-":
        raise _bad(
            number, f"a line of a hunk begins with ' ', '+' or '-', not {mark!r}"
        )
    hunk.add(mark, text)


def _bad(number: int, message: str) -> ToolFailure:
    return ToolFailure("BAD_PATCH", f"line {number} of the patch: {message}")


# --- unified diffs ---------------------------------------------------------------


@dataclass(slots=True)
class _Head:
    """What is said of a file before its hunks."""

    old: str = ""
    new: str = ""
    renamed_from: str = ""
    renamed_to: str = ""
    mode: int | None = None
    git: str = ""
    is_deleted: bool = False
    is_new: bool = False

    def to_file(self) -> FilePatch | None:
        """The change that it is the head of; None if it says nothing."""
        if self.renamed_from:
            return FilePatch(
                self.renamed_from, "update", new_path=self.renamed_to, mode=self.mode
            )
        old, new = self.old, self.new
        if not old and self.git:
            old, new = _git_names(self.git)
        if old == "/dev/null" or self.is_new:
            return FilePatch(new.removeprefix("b/"), "add", mode=self.mode)
        if new == "/dev/null" or self.is_deleted:
            return FilePatch(old.removeprefix("a/"), "delete")
        if not new:
            return None
        has_prefixes = old.startswith("a/") and new.startswith("b/")
        path = new[2:] if has_prefixes else new
        return FilePatch(path, "update", mode=self.mode)


def _git_names(line: str) -> tuple[str, str]:
    old, _, new = line.removeprefix("diff --git ").partition(" b/")
    return old, f"b/{new}"


def _parse_unified(lines: list[str]) -> list[FilePatch]:
    files: list[FilePatch] = []
    head = _Head()
    numbered = iter(enumerate(lines, 1))
    current: FilePatch | None = None
    for number, line in numbered:
        ranges = _RANGES.match(line)
        if ranges is not None:
            if current is None:
                current = head.to_file()
                if current is None:
                    raise _bad(number, "a hunk before '--- ' and '+++ ' name its file")
                files.append(current)
            current.hunks.append(_read_hunk(ranges, numbered))
            continue
        if line.startswith("\\") and current is not None:
            current.hunks[-1].drop_newline()
            continue
        is_git = line.startswith("diff --git ")
        if is_git or (line.startswith("--- ") and current is not None):
            if current is None:
                files += filter(None, [head.to_file()])
            current, head = None, _Head()
        _read_head(line.rstrip("\n"), head)
    if current is None:
        files += filter(None, [head.to_file()])
    return files


def _read_head(line: str, head: _Head) -> None:
    word, _, rest = line.partition(" ")
    if word == "---":
        head.old = _name(rest)
    elif word == "+++":
        head.new = _name(rest)
    elif line.startswith("diff --git "):
        head.git = line
    elif line.startswith("rename from "):
        head.renamed_from = _name(line[12:])
    elif line.startswith("rename to "):
        head.renamed_to = _name(line[10:])
    elif line.startswith(("new file mode ", "new mode ")):
        head.mode = int(line.rpartition(" ")[2], 8) & 0o777
        head.is_new = line.startswith("new file")
    elif line.startswith("deleted file mode "):
        head.is_deleted = True
    elif line.startswith(("GIT binary patch", "Binary files ")):
        message = "binary patches are not applied"
        raise ToolFailure("BAD_PATCH", message, hint="Use write_file with base64.")


def _name(text: str) -> str:
    """A name in a header: without a time stamp, and unquoted as git quotes it."""
    name = text.partition("\t")[0].strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        raw = name[1:-1].encode().decode("unicode_escape")
        return raw.encode("latin-1", "replace").decode(errors="replace")
    return name


def _read_hunk(ranges: re.Match[str], numbered: Iterator[tuple[int, str]]) -> Hunk:
    old_count, new_count = (int(ranges[n] or "1") for n in (2, 4))
    first = int(ranges[1])
    hunk = Hunk(start=first - 1 if old_count else first)
    while len(hunk.old) < old_count or len(hunk.new) < new_count:
        number, line = next(numbered, (0, ""))
        if not number:
            raise ToolFailure("BAD_PATCH", f"the hunk {ranges[0]} is cut off")
        if line.startswith("\\"):
            hunk.drop_newline()
        else:
            _add_line(number, line, hunk)
    return hunk


# --- applying --------------------------------------------------------------------


def apply_hunks(text: Text, file: FilePatch) -> str:
    """The content of a file with the hunks applied; its line ends are kept.

    Raises:
        ToolFailure: NO_MATCH: a hunk expects other lines (with what is nearest).
    """
    is_crlf = text.eol == "crlf"
    content = text.content.replace("\r\n", "\n") if is_crlf else text.content
    lines = split_lines(content)
    position = shift = 0
    for number, hunk in enumerate(file.hunks):
        if hunk.anchor:
            position = _find_anchor(lines, hunk.anchor, position, file.path)
        expected = position if hunk.start is None else hunk.start + shift
        where = _find(lines, hunk, position, expected)
        if where is None:
            what = f"hunk {number + 1}: its lines do not occur"
            missing = no_match("".join(lines), "".join(hunk.old), what, number)
            missing.path = file.path
            raise missing
        _complete_last_line(lines, where)
        lines[where : where + len(hunk.old)] = hunk.new
        position = where + len(hunk.new)
        shift += len(hunk.new) - len(hunk.old)
    changed = "".join(lines)
    return changed.replace("\n", "\r\n") if is_crlf else changed


def _complete_last_line(lines: list[str], where: int) -> None:
    """End the line above, so that what follows is a line of its own."""
    if where == len(lines) and lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"


def _find_anchor(lines: list[str], anchor: str, start: int, path: str) -> int:
    for number in range(start, len(lines)):
        if lines[number].strip() == anchor:
            return number + 1
    message = f"the line {anchor!r} after @@ does not occur"
    hint = "Nothing was changed. Call read_file to see what is there."
    raise ToolFailure("NO_MATCH", message, path=path, hint=hint)


def _find(lines: list[str], hunk: Hunk, start: int, expected: int) -> int | None:
    """Where the lines of a hunk are, from `start` on and nearest to `expected`."""
    count = len(hunk.old)
    if not count:
        at_end = hunk.start is None and not hunk.anchor
        return len(lines) if at_end else min(max(expected, start), len(lines))
    wanted = [line.rstrip("\n") for line in hunk.old]
    have = [line.rstrip("\n") for line in lines]
    if hunk.at_end:
        expected = len(lines) - count
    places = (
        place
        for place in range(start, len(lines) - count + 1)
        if have[place] == wanted[0] and have[place : place + count] == wanted
    )
    return min(places, key=lambda place: abs(place - expected), default=None)
