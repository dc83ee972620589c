"""glob: names by pattern."""

import pytest
from devdev_fs import ROOT_INO, FsBase


@pytest.fixture
def tree(fs: FsBase) -> FsBase:
    for path in ("/src/pkg/sub", "/src/other", "/.git/objects", "/empty"):
        fs.mkdir(path, parents=True)
    for path in (
        "/src/a.py",
        "/src/b.txt",
        "/src/pkg/a.py",
        "/src/pkg/.hidden.py",
        "/src/pkg/sub/c.py",
        "/.git/config",
        "/top.py",
    ):
        fs.touch(path)
    fs.symlink("src/pkg", "/link")
    fs.symlink("nowhere", "/src/dangling.py")
    fs.symlink("..", "/src/pkg/up")
    fs.symlink("round", "/round")
    return fs


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("/*.py", ["/top.py"]),
        ("*.py", ["top.py"]),
        ("./*.py", ["top.py"]),
        ("/src/*.py", ["/src/a.py", "/src/dangling.py"]),
        ("/src//./a.py", ["/src/a.py"]),
        ("/src/?.*", ["/src/a.py", "/src/b.txt"]),
        ("/src/[ab].[!p]*", ["/src/b.txt"]),
        ("/*/config", ["/.git/config"]),
        ("/src/*/a.py", ["/src/pkg/a.py"]),
        ("/link/*.py", ["/link/.hidden.py", "/link/a.py"]),
        ("/l*k/sub/*", ["/link/sub/c.py"]),
        ("/src/../*.py", ["/src/../top.py"]),
        ("/src/*/../a.py", ["/src/other/../a.py", "/src/pkg/../a.py"]),
        ("/src/pkg/up/../top.py", ["/src/pkg/up/../top.py"]),
        ("/missing/*", []),
        ("/src/a.py/*", []),
        ("/src/dangling.py/*", []),
        ("/round/*", []),
        ("/nothing*", []),
        ("/", ["/"]),
        ("", []),
        # `**`
        (
            "/src/**/*.py",
            [
                "/src/a.py",
                "/src/dangling.py",
                "/src/pkg/.hidden.py",
                "/src/pkg/a.py",
                "/src/pkg/sub/c.py",
            ],
        ),
        ("**/c.py", ["src/pkg/sub/c.py"]),
        ("/**/sub", ["/src/pkg/sub"]),
        ("/**/pkg/**/c.py", ["/src/pkg/sub/c.py"]),
        ("/**/**/c.py", ["/src/pkg/sub/c.py"]),
        ("/link/**/c.py", ["/link/sub/c.py"]),
        ("/empty/**", ["/empty"]),
        ("/.git/**", ["/.git", "/.git/config", "/.git/objects"]),
        (
            "/src/pkg/**",
            [
                "/src/pkg",
                "/src/pkg/.hidden.py",
                "/src/pkg/a.py",
                "/src/pkg/sub",
                "/src/pkg/sub/c.py",
                "/src/pkg/up",
            ],
        ),
        # a slash behind it: directories
        ("/s*/", ["/src"]),
        ("/*/", ["/.git", "/empty", "/link", "/src"]),
        ("/src/**/", ["/src", "/src/other", "/src/pkg", "/src/pkg/sub"]),
        ("*.py/", []),
    ],
)
def test_a_pattern_finds_these(tree: FsBase, pattern: str, found: list[str]) -> None:
    assert tree.glob(pattern) == found
    assert tree.glob(pattern.encode()) == found


def test_two_stars_find_everything_once(tree: FsBase) -> None:
    found = tree.glob("/**")
    walked = ["/"]
    for path, directories, files in tree.walk():
        walked += [path.rstrip("/") + "/" + name for name in directories + files]
    assert found == sorted(walked)


def test_names_that_are_not_utf8_and_newlines_match_too(fs: FsBase) -> None:
    for name in (b"\xff.py", b"a\nb.py", b"[x].py"):
        fs.inodes.create(ROOT_INO, name)
    assert fs.glob("*.py") == ["[x].py", "a\nb.py", "\udcff.py"]
    assert fs.glob(b"\xff*") == ["\udcff.py"]
    assert fs.glob("[[]x].py") == ["[x].py"]


def test_a_link_to_its_own_directory_does_not_make_it_endless(fs: FsBase) -> None:
    fs.mkdir("/d")
    fs.symlink(".", "/d/self")
    assert fs.glob("/**/self") == ["/d/self"]
    assert fs.glob("/d" + "/self" * 41 + "/*") == []
