"""What of a host directory git would ignore: its `.gitignore` files, read as git does.

gitignore(5) has the rules, and git's wildmatch.c what a pattern matches: bytes, not
characters. Git's own list of a user (core.excludesFile) has no say.
"""

import os
import re
import stat
from typing import NamedTuple

_GIT = b".git"
_CLASSES = {
    b"alnum": b"0-9A-Za-z",
    b"alpha": b"A-Za-z",
    b"blank": rb" \t",
    b"cntrl": rb"\x00-\x1f\x7f",
    b"digit": b"0-9",
    b"graph": b"!-~",
    b"lower": b"a-z",
    b"print": b" -~",
    b"punct": rb"!-/:-@\[-`{-~",
    b"space": rb" \t-\r",
    b"upper": b"A-Z",
    b"xdigit": b"0-9A-Fa-f",
}


class _Rule(NamedTuple):
    """A line of a `.gitignore`."""

    regex: re.Pattern[bytes]
    ignores: bool
    """False takes back what an earlier rule said."""
    only_directories: bool
    by_name: bool
    """It is about names wherever they are, not about paths."""


class IgnoreRules:
    """The rules for what is below a directory.

    If that is in a git repository, what is above it up to the repository's top counts,
    and so does `info/exclude` of the repository.

    Args:
        top: the directory, absolute.

    Raises:
        OSError: a file of rules cannot be read.
    """

    def __init__(self, top: bytes) -> None:
        self._root = _repository_of(top) or top
        self._rules: dict[bytes, list[_Rule]] = {}
        self._exclude = _read(os.path.join(self._root, _GIT, b"info", b"exclude"))

    def is_ignored(self, path: bytes, *, is_directory: bool) -> bool:
        """Whether git ignores `path`, all directories above being not ignored.

        What is in `.git` is not for rules to say.

        Raises:
            OSError: a `.gitignore` cannot be read.
        """
        if _GIT in path[len(self._root) :].split(b"/"):
            return False
        directory = path
        # The rules nearest to it come first, and the first that say anything count.
        while directory != self._root:
            directory = os.path.dirname(directory)
            if directory not in self._rules:
                self._rules[directory] = _read(os.path.join(directory, b".gitignore"))
            said = _verdict(self._rules[directory], directory, path, is_directory)
            if said is not None:
                return said
        return bool(_verdict(self._exclude, self._root, path, is_directory))


def _verdict(
    rules: list[_Rule], directory: bytes, path: bytes, is_directory: bool
) -> bool | None:
    """What the rules of a directory say about a path below; None is nothing."""
    below = path[len(directory) :].lstrip(b"/")
    name = os.path.basename(path)
    for rule in reversed(rules):
        if rule.only_directories and not is_directory:
            continue
        if rule.regex.fullmatch(name if rule.by_name else below):
            return rule.ignores
    return None


def _repository_of(top: bytes) -> bytes | None:
    """The top directory of the git repository that a directory is in."""
    directory = top
    while not os.path.lexists(os.path.join(directory, _GIT)):
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent
    return directory


def _read(path: bytes) -> list[_Rule]:
    try:
        # As git, which has it for a way to be led elsewhere.
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return []
        with open(path, "rb") as file:
            data = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return []
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return [rule for line in lines if (rule := _rule(line.removesuffix(b"\r")))]


def _rule(line: bytes) -> _Rule | None:
    """What a line says; None if it is empty, a comment or no pattern."""
    if line.startswith(b"#"):
        return None
    pattern = _without_spaces(line)
    ignores = not pattern.startswith(b"!")
    pattern = pattern.removeprefix(b"!")
    only_directories = pattern.endswith(b"/")
    pattern = pattern.removesuffix(b"/")
    by_name = b"/" not in pattern
    regex = _translate(pattern.removeprefix(b"/"))
    if not pattern or regex is None:
        return None
    compiled = re.compile(regex, re.DOTALL)
    return _Rule(compiled, ignores, only_directories, by_name)


def _without_spaces(line: bytes) -> bytes:
    """The line without the spaces at its end, but for one after a backslash."""
    bare = line.rstrip(b" ")
    backslashes = len(bare) - len(bare.rstrip(b"\\"))
    return bare + b" " if backslashes % 2 and bare != line else bare


# --- patterns --------------------------------------------------------------------


def _translate(pattern: bytes) -> bytes | None:
    """A regular expression that matches the same; None if nothing does."""
    parts = []
    at = 0
    while at < len(pattern):
        char = pattern[at : at + 1]
        if char == b"*":
            part, at = _stars(pattern, at)
        elif char == b"?":
            part, at = b"[^/]", at + 1
        elif char == b"[":
            found = _bracket(pattern, at + 1)
            if found is None:
                return None
            part, at = found
        elif char == b"\\":
            if at + 1 == len(pattern):
                return None
            part, at = re.escape(pattern[at + 1 : at + 2]), at + 2
        else:
            part, at = re.escape(char), at + 1
        parts.append(part)
    return b"".join(parts)


def _stars(pattern: bytes, start: int) -> tuple[bytes, int]:
    """What the stars at `start` match, and where they end."""
    end = start
    while pattern[end : end + 1] == b"*":
        end += 1
    is_component = pattern[:start][-1:] in (b"", b"/")
    if end - start > 1 and is_component:
        if end == len(pattern):
            return b".*", end
        if pattern[end : end + 1] == b"/":
            return b"(?:.*/)?", end + 1
    return b"[^/]*", end


def _bracket(pattern: bytes, at: int) -> tuple[bytes, int] | None:
    """What `[...]` matches, its inside being at `at`, and where it ends."""
    is_negated = pattern[at : at + 1] in (b"!", b"^")
    at += is_negated
    start, members = at, []
    while at == start or pattern[at : at + 1] != b"]":
        named = re.compile(rb"\[:([^]]*):\]").match(pattern, at)
        if named:
            if named[1] not in _CLASSES:
                return None
            members.append(_CLASSES[named[1]])
            at = named.end()
            continue
        low, at = _member(pattern, at)
        high = low
        if pattern[at : at + 1] == b"-" and pattern[at + 1 : at + 2] not in (b"", b"]"):
            high, at = _member(pattern, at + 1)
        if not low or not high:
            return None
        if low <= high:
            members.append(re.escape(low) + b"-" + re.escape(high))
    inside = b"".join(members)
    if is_negated:
        return b"[^/" + inside + b"]", at + 1
    # A range may have the slash in it, and an empty one is nothing at all.
    return (b"(?!/)[" + inside + b"]" if inside else b"(?!)"), at + 1


def _member(pattern: bytes, at: int) -> tuple[bytes, int]:
    """One byte of a bracket, and where it ends; empty if the pattern is over."""
    at += pattern[at : at + 1] == b"\\"
    return pattern[at : at + 1], at + 1
