"""`devdev snapshot`, `import` and `export`: files in, files out, nothing mounted."""

import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.exec.cli import DEVDEV, devdev, error_line

if sys.platform == "win32":
    pytest.skip("to export takes a POSIX host", allow_module_level=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "src").mkdir(parents=True)
    (tree / "src" / "main.c").write_text("int main;\n")
    (tree / "src" / "main.o").write_bytes(b"\x00\x7f")
    (tree / "run").write_text("#!/bin/sh\n")
    (tree / "run").chmod(0o755)
    (tree / "link").symlink_to("src/main.c")
    (tree / ".gitignore").write_text("*.o\n")
    return tree


@pytest.fixture
def snapshot(tree: Path, tmp_path: Path) -> Path:
    path = tmp_path / "tree.snap"
    assert devdev("import", tree, path).returncode == 0
    return path


def names(data: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return sorted(archive.getnames())


def test_a_directory_becomes_a_snapshot_and_a_directory_again(
    tree: Path, snapshot: Path, tmp_path: Path
) -> None:
    result = devdev("export", snapshot, tmp_path / "out")
    assert result.stdout == f"wrote 4 files, 26 bytes to {tmp_path / 'out'}\n".encode()
    assert subprocess.run(["diff", "-r", tree, tmp_path / "out"]).returncode == 0
    assert os.readlink(tmp_path / "out" / "link") == "src/main.c"
    assert os.access(tmp_path / "out" / "run", os.X_OK)


def test_a_target_that_is_there_is_replaced_only_if_asked_for(
    snapshot: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "mine").touch()
    refused = devdev("export", snapshot, target)
    assert refused.returncode == 1
    assert "--replace" in error_line(refused)
    assert os.listdir(target) == ["mine"]
    assert devdev("export", snapshot, target, "--replace").returncode == 0
    assert not (target / "mine").exists()
    assert sorted(os.listdir(tmp_path)) == ["out", "tree", "tree.snap"]


def test_what_git_ignores_and_what_is_excluded_is_left_out(
    tree: Path, tmp_path: Path
) -> None:
    options = ("--gitignore", "--exclude", "run", "--json")
    result = devdev("import", tree, tmp_path / "x.snap", *options)
    report = json.loads(result.stdout)
    assert (report["files"], report["ignored"]) == (2, 1)
    listed = devdev("snapshot", "tree", tmp_path / "x.snap", "--json")
    paths = [each["path"] for each in json.loads(listed.stdout)]
    assert paths == ["/.gitignore", "/link", "/src", "/src/main.c"]


@pytest.mark.parametrize("suffix", ["tar", "tar.gz", "tgz", "zip"])
def test_an_archive_goes_both_ways(snapshot: Path, tmp_path: Path, suffix: str) -> None:
    archive, again = tmp_path / f"a.{suffix}", tmp_path / "again.snap"
    assert devdev("export", snapshot, archive).returncode == 0
    if suffix == "zip":
        assert "src/main.c" in zipfile.ZipFile(archive).namelist()
    else:
        assert "src/main.c" in names(archive.read_bytes())
    assert devdev("import", archive, again).returncode == 0
    diff = devdev("snapshot", "diff", snapshot, again, "--names", "--exit-code")
    assert (diff.returncode, diff.stdout) == (0, b"")


def test_archives_and_snapshots_go_through_pipes(tree: Path, snapshot: Path) -> None:
    packed = subprocess.run(["tar", "c", "-C", tree, "."], stdout=subprocess.PIPE)
    made = devdev("import", "-", "-", input=packed.stdout)
    assert made.stderr.startswith(b"imported 7 members")
    written = devdev("export", "-", "-", "--path", "/src", input=made.stdout)
    assert names(written.stdout) == [".", "main.c", "main.o"]
    told = devdev("snapshot", "verify", "-", input=snapshot.read_bytes())
    assert told.stdout.startswith(b"- is whole\n")


def test_a_snapshot_is_listed_and_drawn(snapshot: Path) -> None:
    assert devdev("snapshot", "ls", snapshot).stdout.decode().splitlines() == [
        ".gitignore",
        "link -> src/main.c",
        "run",
        "src/",
    ]
    long = devdev("snapshot", "ls", "-l", snapshot, "/run").stdout.decode()
    assert long.startswith("-rwxr-xr-x   1         10 ")
    drawn = devdev("snapshot", "tree", snapshot).stdout.decode().splitlines()
    assert drawn == [
        "/",
        "|-- .gitignore",
        "|-- link -> src/main.c",
        "|-- run",
        "`-- src/",
        "    |-- main.c",
        "    `-- main.o",
        "",
        "6 names",
    ]


def test_what_is_in_a_file_is_written_as_it_is(snapshot: Path) -> None:
    result = devdev("snapshot", "cat", snapshot, "/src/main.o", "/link")
    assert result.stdout == b"\x00\x7fint main;\n"
    nothing = devdev("snapshot", "cat", snapshot, "/link", "/none")
    assert (nothing.returncode, nothing.stdout) == (1, b"")
    assert error_line(nothing).startswith(f"'/none' in {str(snapshot)!r}: no such")
    assert "is a directory" in error_line(devdev("snapshot", "cat", snapshot, "/src"))


def test_a_diff_is_one_that_git_applies(
    tree: Path, snapshot: Path, tmp_path: Path
) -> None:
    (tree / "src" / "main.c").write_text("int main(void);\n")
    (tree / "run").unlink()
    (tree / "new").write_text("new\n")
    devdev("import", tree, tmp_path / "after.snap")
    diff = devdev("snapshot", "diff", snapshot, tmp_path / "after.snap", "--exit-code")
    assert diff.returncode == 1
    before = tmp_path / "before"
    assert devdev("snapshot", "extract", snapshot, before).returncode == 0
    subprocess.run(["git", "apply", "-"], cwd=before, input=diff.stdout, check=True)
    assert subprocess.run(["diff", "-r", tree, before]).returncode == 0
    told = devdev("snapshot", "diff", snapshot, tmp_path / "after.snap", "--json")
    assert {(each["kind"], each["path"]) for each in json.loads(told.stdout)} == {
        ("modified", "/src/main.c"),
        ("removed", "/run"),
        ("added", "/new"),
    }


def test_a_damaged_snapshot_is_told_from_a_whole_one(snapshot: Path) -> None:
    report = json.loads(devdev("snapshot", "verify", snapshot, "--json").stdout)
    assert report["inodes"] == 6
    data = bytearray(snapshot.read_bytes())
    data[len(data) // 2] ^= 1
    snapshot.write_bytes(data)
    result = devdev("snapshot", "verify", snapshot)
    assert result.returncode == 1
    assert error_line(result).startswith(f"cannot load snapshot {str(snapshot)!r}: ")


@pytest.mark.parametrize("name", ["x.tar", "x.tar.gz", "x.zip"])
def test_garbage_makes_no_snapshot(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"garbage" * 1000)
    result = devdev("import", tmp_path / name, tmp_path / "out.snap")
    assert result.returncode == 1
    assert str(tmp_path / name) in error_line(result)
    assert not (tmp_path / "out.snap").exists()


def test_what_does_not_fit_is_refused_with_the_numbers(
    tree: Path, tmp_path: Path
) -> None:
    result = devdev("import", tree, tmp_path / "x.snap", "--max-bytes", "4096")
    assert result.returncode == 1
    line = error_line(result)
    assert "needs 16384 bytes and 6 inodes" in line
    assert line.endswith("--max-bytes")


def test_a_reader_that_goes_away_ends_it_quietly(snapshot: Path) -> None:
    script = f"{' '.join(DEVDEV)} export {snapshot} - | true; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", script], stderr=subprocess.PIPE)
    assert (result.returncode, result.stderr) == (141, b"")


@pytest.mark.parametrize(
    "arguments",
    [
        ("snapshot",),
        ("import", "a"),
        ("import", "a", "b", "--attach", "c"),
        ("import", "a.tar", "b", "--gitignore"),
        ("export", "a"),
        ("export", "a", "-", "--format", "dir"),
    ],
)
def test_wrong_usage_is_told_at_once(
    arguments: tuple[str, ...],
) -> None:
    result = devdev(*arguments)
    assert result.returncode == 2
    assert result.stdout == b""


def test_a_name_cannot_move_the_cursor(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a\x1b[2Jb\n").touch()
    devdev("import", tmp_path / "in", tmp_path / "x.snap")
    listed = devdev("snapshot", "ls", tmp_path / "x.snap")
    assert listed.stdout == b"a\\x1b[2Jb\\n\n"
