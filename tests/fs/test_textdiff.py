"""diff_text: patches that the real `git apply` and `patch` take."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from random import Random

import pytest
from devdev_fs import ROOT_INO, Errno, Fs, FsBase, FsError, Kind
from devdev_fs.testing import ManualClock
from hypothesis import given
from hypothesis import strategies as st

from tests.fs.actions import Action, do, do_all, save
from tests.fs.checks import examples
from tests.fs.edits import EDITS, START, Edit, apply_all
from tests.fs.hosted import change_places, read_files, write_files
from tests.fs.patching import COMMANDS, run_tool

COUNTING = "".join(f"{number}\n" for number in range(1, 31))


@pytest.fixture(params=COMMANDS)
def tool(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return name


def apply_patch(tool: str, diff: bytes, top: Path) -> None:
    done = run_tool(tool, diff, top)
    message = f"{done.stdout!r}\n{done.stderr!r}\n{diff.decode(errors='replace')}"
    assert done.returncode == 0, message


def make_tree(fs: FsBase) -> None:
    fs.mkdir("/d/sub", parents=True)
    fs.write_text("/d/counting", COUNTING)
    fs.write_text("/d/sub/short", "one\ntwo\n")
    fs.write_text("/open end", "one\ntwo")
    fs.write_text("/crlf", "one\r\ntwo\r\nthree\r\n")
    fs.write_text("/empty", "")
    fs.symlink("d/counting", "/link")


NAMES = ["a b", 'quo"te', "back\\slash", "tab\t", "line\nend", "\xe4", "\udcff", "\x7f"]

CASES: dict[str, list[Action]] = {
    "a line changed": [
        do("write_text", "/d/counting", COUNTING.replace("7\n", "x\n", 1))
    ],
    "lines far from each other": [
        do(
            "write_text",
            "/d/counting",
            "0\n" + COUNTING.replace("\n29\n", "\n") + "end",
        )
    ],
    "all lines changed": [do("write_text", "/d/counting", "a\nb\n")],
    "made empty": [do("truncate", "/d/counting", 0)],
    "no longer empty": [do("write_text", "/empty", "text")],
    "its end closed": [do("append", "/open end", b"\n")],
    "its end moved": [do("append", "/open end", b"\nthree")],
    "its end opened": [do("truncate", "/d/sub/short", 7)],
    "CRLF": [do("write_text", "/crlf", "one\r\n2\nthree\r\n")],
    "added": [do("write_text", "/new", "new\n")],
    "an empty file added": [do("touch", "/new")],
    "added in new directories": [
        do("mkdir", "/n/m", parents=True),
        do("write_text", "/n/m/f", "new\n"),
    ],
    "a program added": [
        do("write_text", "/new", "#!/bin/sh"),
        do("chmod", "/new", 0o755),
    ],
    "removed": [do("remove", "/d/counting")],
    "an empty file removed": [do("remove", "/empty")],
    "a directory removed": [do("remove_tree", "/d")],
    "made executable": [do("chmod", "/empty", 0o700)],
    "made executable and changed": [
        do("append", "/crlf", b"4\r\n"),
        do("chmod", "/crlf", 0o755),
    ],
    "renamed": [do("rename", "/d/counting", "/d/2")],
    "renamed and changed": [
        do("rename", "/d/counting", "/moved"),
        do("append", "/moved", b"31\n"),
    ],
    "renamed and made executable": [
        do("rename", "/empty", "/d/empty"),
        do("chmod", "/d/empty", 0o755),
    ],
    "renamed over another": [do("rename", "/d/sub/short", "/d/counting")],
    "a directory renamed": [
        do("rename", "/d", "/e"),
        do("append", "/e/sub/short", b"3\n"),
    ],
    "a name added": [do("link", "/d/counting", "/name")],
    "saved by rename": [save("/d/counting", COUNTING + "31\n")],
    "a link added": [do("symlink", "nowhere", "/new")],
    "a link removed": [do("remove", "/link")],
    "a link changed": [do("remove", "/link"), do("symlink", "d", "/link")],
    "a link renamed": [do("rename", "/link", "/d/link")],
    "a link made a file": [do("remove", "/link"), do("write_text", "/link", "d\n")],
    "a file made a link": [do("remove", "/crlf"), do("symlink", "d", "/crlf")],
    **{f"named {name!r}": [do("write_text", f"/{name}", "new\n")] for name in NAMES},
    **{f"renamed {name!r}": [do("rename", "/d", f"/{name}")] for name in NAMES},
    **{
        f"{name!r} renamed": [
            do("rename", "/crlf", f"/{name}"),
            do("append", f"/{name}", b"4"),
        ]
        for name in NAMES
    },
}


@pytest.mark.parametrize("actions", CASES.values(), ids=[ascii(key) for key in CASES])
def test_a_patch_makes_the_same_change_to_real_files(
    tmp_path: Path, tool: str, actions: list[Action]
) -> None:
    fs = Fs(clock=ManualClock(step_ns=1))
    make_tree(fs)
    point = fs.checkpoint()
    do_all(fs, actions)
    there, expected = tmp_path / "there", tmp_path / "expected"
    with fs.fork(point) as before:
        write_files(before, there)
    write_files(fs, expected)
    diff = fs.diff_text(point)
    assert diff.isascii()
    apply_patch(tool, diff, there)
    assert read_files(there) == read_files(expected)


@examples(25)
@given(EDITS, EDITS)
def test_a_random_patch_makes_the_same_change_to_real_files(
    tool: str, first: list[Edit], then: list[Edit]
) -> None:
    """Without NULs; and GNU patch puts no file in a directory's place."""
    fs = Fs(clock=ManualClock(step_ns=1))
    apply_all(fs, START + text_only(first))
    with tempfile.TemporaryDirectory() as there, tempfile.TemporaryDirectory() as after:
        write_files(fs, Path(there))
        point = fs.checkpoint()
        apply_all(fs, text_only(then))
        write_files(fs, Path(after))
        before, expected = read_files(Path(there)), read_files(Path(after))
        if tool == "patch" and change_places(before, expected):
            return
        diff = fs.diff_text(point)
        if diff:
            apply_patch(tool, diff, Path(there))
        assert read_files(Path(there)) == expected


def text_only(edits: list[Edit]) -> list[Edit]:
    return [edit for edit in edits if edit.verb != "append" or edit.number % 3 < 2]


LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n"]), max_size=30).map(b"".join)


@examples(20)
@given(LINES, LINES, st.integers(0, 4))
def test_any_context_will_do(before: bytes, after: bytes, context: int) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    fs = Fs()
    fs.write_bytes("/f", before)
    point = fs.checkpoint()
    fs.write_bytes("/f", after)
    diff = fs.diff_text(point, context=context)
    with tempfile.TemporaryDirectory() as top:
        there = Path(top, "f")
        there.write_bytes(before)
        command = ["git", "apply", "--unidiff-zero", "-"]
        if diff:
            subprocess.run(command, input=diff, cwd=top, check=True, timeout=15)
        assert there.read_bytes() == after


# --- what is in it -------------------------------------------------------------------


def test_a_patch_reads_as_git_writes_it(fs: FsBase) -> None:
    make_tree(fs)
    point = fs.checkpoint()
    fs.write_text("/d/sub/short", "one\n2\n")
    fs.rename("/empty", "/d/\xe4")
    fs.chmod("/crlf", 0o755)
    fs.remove("/open end")
    lines = fs.diff_text(point).decode().splitlines()
    assert [line for line in lines if not line.startswith("index")] == [
        'diff --git "a/open end" "b/open end"',
        "deleted file mode 100644",
        '--- "a/open end"',
        "+++ /dev/null",
        "@@ -1,2 +0,0 @@",
        "-one",
        "-two",
        "\\ No newline at end of file",
        "diff --git a/crlf b/crlf",
        "old mode 100644",
        "new mode 100755",
        "diff --git a/d/sub/short b/d/sub/short",
        "--- a/d/sub/short",
        "+++ b/d/sub/short",
        "@@ -1,2 +1,2 @@",
        " one",
        "-two",
        "+2",
        'diff --git a/empty "b/d/\\303\\244"',
        "rename from empty",
        'rename to "d/\\303\\244"',
    ]


def test_contents_are_named_as_git_names_them(fs: FsBase) -> None:
    """The names are those that git-hash-object(1) gives."""
    fs.write_text("/f", "one\ntwo\n")
    point = fs.checkpoint()
    fs.write_text("/f", "one\n2\n")
    fs.touch("/g")
    lines = fs.diff_text(point).decode().splitlines()
    assert [line for line in lines if line.startswith("index")] == [
        "index 814f4a422927b82f5f8a43f8fab6d3839e3983f2.."
        "99b356dcd03dde0755c749bcd4cae4b2b73a8fa8 100644",
        f"index {'0' * 40}..e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    ]


def test_binary_files_are_named(fs: FsBase) -> None:
    fs.write_bytes("/b", b"\0")
    fs.write_bytes("/gone", b"\0")
    fs.write_bytes("/moved", b"\0")
    point = fs.checkpoint()
    fs.append("/b", b"x")
    fs.remove("/gone")
    fs.rename("/moved", "/here")
    fs.write_bytes("/n \xff", b"\0")
    lines = fs.diff_text(point).splitlines()
    assert [line for line in lines if line.startswith(b"Binary")] == [
        b"Binary files a/gone and /dev/null differ",
        b"Binary files a/b and b/b differ",
        rb'Binary files /dev/null and "b/n \303\277" differ',
    ]


def test_what_git_does_not_know_is_left_out(fs: FsBase) -> None:
    fs.touch("/f")
    fs.mkdir("/d")
    point = fs.checkpoint()
    fs.chmod("/f", 0o600)
    fs.mkdir("/empty")
    fs.rename("/d", "/e")
    fs.inodes.mknod(ROOT_INO, b"fifo", Kind.FIFO)
    assert fs.diff_text(point) == b""
    fs.remove("/fifo")
    fs.touch("/fifo")
    assert fs.diff_text(point).startswith(b"diff --git a/fifo b/fifo\nnew file mode")


def test_another_file_of_the_same_number_is_no_rename() -> None:
    """A snapshot from elsewhere brings another inode of the same number."""
    fs, other = Fs(clock=ManualClock(1)), Fs(clock=ManualClock(2))
    fs.write_text("/mine", "mine")
    other.write_text("/theirs", "theirs")
    point = fs.checkpoint()
    fs.load(other.dump())
    diff = fs.diff_text(point)
    assert b"deleted file" in diff
    assert b"new file" in diff
    assert b"rename" not in diff


def test_a_negative_context_is_refused() -> None:
    fs = Fs()
    with pytest.raises(FsError) as caught:
        fs.diff_text(None, context=-1)
    assert caught.value.errno == Errno.EINVAL


# --- large files ---------------------------------------------------------------------


def numbered(count: int, *, every: int) -> list[str]:
    """Lines of which each `every`th is like no other, and the others like many."""
    random = Random(count)
    return [
        f"line {number}\n" if number % every == 0 else random.choice("ab") + "\n"
        for number in range(count)
    ]


def shuffled(lines: list[str]) -> list[str]:
    return Random(1).sample(lines, len(lines))


def peeled(depth: int, noise: str) -> list[str]:
    """A text in which, cut at the one line that occurs once, another one does."""
    numbers = [1]
    for number in range(1, depth):
        numbers += [number + 1, number]
    return [
        line
        for number in numbers
        for line in (*(f"{each}\n" for each in noise * 100), f"line {number}\n")
    ]


LARGE: dict[str, tuple[list[str], list[str]]] = {
    "two changes far apart": (
        numbered(60_000, every=1),
        ["first\n", *numbered(60_000, every=1)[:50_000], "last\n"],
    ),
    "many changes between lines that occur once": (
        numbered(30_000, every=10),
        [line for line in numbered(30_000, every=10) if not line.endswith("7\n")]
        + ["x\n", "x\n"],
    ),
    "nothing alike": (numbered(5_000, every=1), ["x\n"] * 5_000),
    "nothing occurs once": (
        numbered(40_000, every=50_000)[1:],
        numbered(40_001, every=50_000)[1:],
    ),
    "lines that occur once between others": (peeled(60, "ab"), peeled(60, "cd")),
    "shuffled": (numbered(20_000, every=1), shuffled(numbered(20_000, every=1))),
}


@pytest.mark.parametrize("texts", LARGE.values(), ids=LARGE)
def test_a_patch_of_a_large_file_takes_bounded_time(
    tmp_path: Path, tool: str, texts: tuple[list[str], list[str]]
) -> None:
    before, after = map("".join, texts)
    fs = Fs()
    fs.write_text("/f", before)
    point = fs.checkpoint()
    fs.write_text("/f", after)
    there = tmp_path / "f"
    there.write_text(before)
    apply_patch(tool, fs.diff_text(point), tmp_path)
    assert there.read_text() == after


def test_a_small_change_of_a_large_text_is_a_small_patch() -> None:
    fs = Fs()
    fs.write_text("/f", "".join(numbered(50_000, every=3)))
    point = fs.checkpoint()
    changed = numbered(50_000, every=3)
    changed[100] = "x\n"
    del changed[40_000]
    fs.write_text("/f", "".join(changed))
    lines = fs.diff_text(point).splitlines()
    assert sum(line[:1] in b"+-" for line in lines) == 2 + 2 + 1


def test_a_huge_file_is_named() -> None:
    fs = Fs()
    fs.touch("/hole")
    point = fs.checkpoint()
    fs.truncate("/hole", 2**62)
    fs.write_bytes("/long", b"x" * (64 * 1024**2 + 1))
    assert fs.diff_text(point).count(b"Binary files") == 2
