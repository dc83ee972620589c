"""What an import leaves out by `.gitignore` is what git ignores."""

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from devdev_fs import Fs
from devdev_mount import import_tree

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is missing")

# What is special in names, in a pattern or in the rules of git.
_NAME_WORDS = "a b foo bar.c x.log dir build #h !n a[b \u00e9"
_PATTERN_WORDS = (
    "a b/ /foo foo/* !foo/bar.c *.log !x.log **/a a/** dir/**/b /* !/dir !dir/ * !*/ "
    "!*.c build/ \\#h \\!n \u00e9 [ab] ? foo/ ** /**/a dir/*/ a/b !a/b [!a] a\\[b *** "
    "foo/** x.* ! / // foo//a **a a** [!a-b]* [[:alpha:]]* [z-a] []a] [a-] [ a[ \\ "
    "x[-.]log [^a] */* dir/***/b [[:nope:]] [[:digit:]x]* foo*/bar.c [[:a] [+--]* "
    "[\\a] [a-c]*"
)
_NAMES = [*_NAME_WORDS.split(), " s"]
_PATTERNS = [
    *_PATTERN_WORDS.split(),
    *("# a", "", "a\\ ", "a ", "a\t", "b\r", " s", "\\ s"),
]


@pytest.mark.parametrize("seed", range(20))
def test_a_random_tree_is_read_as_git_reads_it(tmp_path: Path, seed: int) -> None:
    make_tree(tmp_path, random.Random(seed))
    fs = Fs()
    report = import_tree(fs, tmp_path, gitignore=True, exclude=[".git"])
    everything = [path for path in below(tmp_path) if path != ".git"]
    ignored = ignored_by_git(tmp_path, everything)
    there = {path for path in everything if fs.exists(f"/{path}")}
    assert there == set(everything) - ignored
    assert (report.ignored > 0) == bool(ignored)


def make_tree(top: Path, chance: random.Random) -> None:
    """Directories, files and `.gitignore` files whose names and rules meet often."""
    subprocess.run(["git", "init", "-q", top], check=True)
    directories = [top]
    for _ in range(8):
        directory = chance.choice(directories) / chance.choice(_NAMES)
        if not directory.exists():
            directory.mkdir()
            directories.append(directory)
    for _ in range(24):
        path = chance.choice(directories) / chance.choice(_NAMES)
        if not path.exists():
            path.touch()
    for directory in chance.sample(directories, min(3, len(directories))):
        lines = [chance.choice(_PATTERNS) for _ in range(chance.randint(1, 5))]
        (directory / ".gitignore").write_bytes("\n".join(lines).encode())


def below(top: Path) -> list[str]:
    """The paths below, without what is in `.git`."""
    found = []
    for directory, names, files in os.walk(top):
        if ".git" in names:
            names.remove(".git")
        found += [os.path.join(directory, name) for name in (*names, *files)]
    return [os.path.relpath(path, top) for path in found]


def ignored_by_git(top: Path, paths: list[str]) -> set[str]:
    result = subprocess.run(
        ["git", "-C", top, "check-ignore", "-z", "--stdin", "--no-index"],
        input="\0".join(paths).encode(),
        capture_output=True,
        check=False,
    )
    assert result.returncode in (0, 1), result.stderr
    return set(filter(None, result.stdout.decode().split("\0")))


def test_rules_above_and_of_the_repository_count(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".git" / "info").mkdir(exist_ok=True)
    (tmp_path / ".git" / "info" / "exclude").write_text("*.mine\n*.log\n")
    (tmp_path / ".gitignore").write_text("/part/built\n!kept.log\n")
    part = tmp_path / "part"
    part.mkdir()
    for name in ("built", "x.mine", "x.log", "kept.log", "plain"):
        (part / name).touch()
    fs = Fs()
    assert import_tree(fs, part, gitignore=True).ignored == 3
    assert fs.listdir("/") == ["kept.log", "plain"]


def test_a_repository_itself_is_whole_whatever_the_rules_say(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text(".*\nHEAD\nrefs/\n")
    fs = Fs()
    import_tree(fs, tmp_path, gitignore=True)
    assert fs.exists("/.git/HEAD")
    assert fs.exists("/.git/refs")
    assert not fs.exists("/.gitignore")
