"""Real tools at work in a mounted workspace, run by the launcher."""

import os
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from devdev_exec import Environment, ExecResult, Workspace

pytestmark = pytest.mark.fuse

GIT = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_CONFIG_NOSYSTEM": "1",
}


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with Workspace() as ws:
        yield ws


def shell(ws: Workspace, script: str, cwd: str = "/") -> str:
    """Run a script in the workspace; its output, with plain newlines."""
    return text(
        ws.exec(["sh", "-ec", script], cwd=cwd, environment=Environment(variables=GIT))
    )


def text(result: ExecResult) -> str:
    return result.check().output.decode().replace("\r\n", "\n")


# --- files and text --------------------------------------------------------------


def test_find_and_xargs_see_a_tree_made_through_the_api(ws: Workspace) -> None:
    for folder in range(10):
        ws.fs.mkdir(f"/tree/d{folder}", parents=True)
        for number in range(10):
            ws.fs.write_text(f"/tree/d{folder}/f{number}", "hello world\n")
    assert shell(ws, "find tree -type f | wc -l").strip() == "100"
    assert (
        shell(ws, "find tree -type f -print0 | xargs -0 cat | wc -c").strip() == "1200"
    )


def test_the_api_sees_files_that_a_shell_loop_made(ws: Workspace) -> None:
    shell(ws, "mkdir out; for i in $(seq 200); do echo line $i > out/f$i; done")
    assert len(ws.fs.listdir("/out")) == 200
    assert ws.fs.read_text("/out/f137") == "line 137\n"


def test_grep_finds_the_files_with_a_word(ws: Workspace) -> None:
    for number in range(50):
        word = "needle" if number % 5 == 0 else "hay"
        ws.fs.write_text(f"/f{number:02}", f"some\n{word}\nmore\n")
    found = shell(ws, "grep -rl needle . | sort").split()
    assert found == [f"./f{number:02}" for number in range(0, 50, 5)]


def test_a_deep_tree_is_made_and_read(ws: Workspace) -> None:
    shell(ws, "mkdir -p a/b/c/d/e/f; echo deep > a/b/c/d/e/f/marker")
    assert ws.fs.read_text("/a/b/c/d/e/f/marker") == "deep\n"
    assert shell(ws, "cat marker", cwd="/a/b/c/d/e/f") == "deep\n"


def test_tar_round_trips_a_tree(ws: Workspace) -> None:
    shell(
        ws,
        """
        mkdir -p src/sub; echo one > src/a; ln src/a src/sub/hard
        ln -s ../a src/sub/soft
        chmod 750 src/sub; touch -d '1969-12-31 23:59:58.5 UTC' src/a
        tar cf t.tar src; mkdir out; tar xpf t.tar -C out
        """,
    )
    assert ws.fs.tree_digest("/src") == ws.fs.tree_digest("/out/src")
    assert ws.fs.stat("/out/src/a").mtime_ns // 10**9 == -2


# --- git -------------------------------------------------------------------------


def test_git_commits_clones_and_checks(ws: Workspace) -> None:
    shell(
        ws,
        """
        git init -q -b main repo; cd repo
        for i in $(seq 100); do mkdir -p d$i; echo $i > d$i/f; done
        git add -A; git commit -qm first
        git mv d1 moved; sed -i s/2/two/ d2/f; git rm -qr d3; git commit -qam second
        git checkout -q -b topic HEAD~1; echo topic > d9/f; git commit -qam topic
        git checkout -q main; git merge -q topic -m merged
        git gc -q; git fsck --strict; git status --porcelain
        cd ..; git clone -q repo copy; git -C copy fsck --strict
        """,
    )
    assert shell(ws, "git -C copy status --porcelain") == ""
    log = shell(ws, "git -C copy --no-pager log --format=%s").split()
    assert sorted(log) == ["first", "merged", "second", "topic"]
    assert ws.fs.read_text("/copy/d9/f") == "topic\n"


def test_a_repository_works_on_after_a_snapshot_elsewhere(ws: Workspace) -> None:
    shell(ws, "git init -q repo; cd repo; echo 1 > f; git add f; git commit -qm one")
    with Workspace(snapshot=ws.snapshot()) as other:
        assert shell(other, "git status --porcelain", "/repo") == ""
        shell(other, "echo 2 > f; git commit -qam two; git fsck --strict", "/repo")
        log = shell(other, "git --no-pager log --format=%s", "/repo")
        assert log.split() == ["two", "one"]
    assert ws.fs.read_text("/repo/f") == "1\n"


def test_a_host_repository_is_imported_with_its_history(
    ws: Workspace, tmp_path: Path
) -> None:
    script = "git init -q .; echo hi > README.md; git add .; git commit -qm imported"
    with Workspace(mountpoint=make(tmp_path / "mnt")) as maker:
        shell(maker, script)
        shutil.copytree(tmp_path / "mnt", tmp_path / "host", symlinks=True)
    ws.import_tree(tmp_path / "host", "/repos/org/acme")
    log = shell(
        ws, "git --no-pager log --oneline; git status --porcelain", "/repos/org/acme"
    )
    assert log.endswith(" imported\n")


def make(path: Path) -> Path:
    path.mkdir()
    return path


# --- languages -------------------------------------------------------------------


def test_a_python_project_runs_its_tests(ws: Workspace) -> None:
    ws.fs.mkdir("/proj/pkg", parents=True)
    ws.fs.write_text("/proj/pkg/__init__.py", "def double(n):\n    return 2 * n\n")
    ws.fs.write_text(
        "/proj/test_pkg.py",
        textwrap.dedent("""
            import tempfile, unittest
            import pkg

            class Test(unittest.TestCase):
                def test_double(self):
                    self.assertEqual(pkg.double(4), 8)

                def test_temporary_file(self):
                    with tempfile.TemporaryFile(dir=".") as file:
                        file.write(b"x" * 100000)
                        file.seek(0)
                        self.assertEqual(len(file.read()), 100000)
        """),
    )
    python = shutil.which("python3")
    assert python is not None
    result = ws.exec([os.path.realpath(python), "-m", "unittest", "-v"], cwd="/proj")
    assert b"Ran 2 tests" in result.check().output
    assert ws.fs.glob("/proj/pkg/__pycache__/*.pyc")


def test_sqlite_keeps_its_integrity(ws: Workspace) -> None:
    script = """
        import sqlite3
        for mode in ("delete", "wal"):
            with sqlite3.connect(f"{mode}.db") as db:
                assert db.execute(f"pragma journal_mode={mode}").fetchone() == (mode,)
                db.execute("create table t (n integer primary key, s text)")
                for start in range(0, 5000, 500):
                    rows = ((n, "x" * (n % 97)) for n in range(start, start + 500))
                    db.executemany("insert into t values (?, ?)", rows)
                    db.commit()
                db.execute("delete from t where n % 3 = 0")
                db.commit()
                db.execute("vacuum")
                print(mode, db.execute("pragma integrity_check").fetchone()[0])
    """
    ws.fs.write_text("/s.py", textwrap.dedent(script))
    python = shutil.which("python3")
    assert python is not None
    output = text(ws.exec([os.path.realpath(python), "/proc/self/cwd/s.py"]))
    assert output == "delete ok\nwal ok\n"


def test_a_c_program_is_built_by_make_and_runs(ws: Workspace) -> None:
    if not shutil.which("cc") or not shutil.which("make"):
        pytest.skip("needs a C compiler (cc) and make")
    ws.fs.write_text(
        "/hello.c", '#include <stdio.h>\nint main(void) { puts("built"); }\n'
    )
    ws.fs.write_text("/Makefile", "hello: hello.o\n\tcc -o $@ hello.o\n")
    assert "cc" in shell(ws, "make")
    assert shell(ws, "./hello; make").startswith("built\nmake: 'hello' is up to date")


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_cargo_builds_a_crate_and_runs_what_it_built(ws: Workspace) -> None:
    cargo = shutil.which("cargo")
    if cargo is None:
        pytest.skip("cargo is not on PATH: install a Rust toolchain")
    shell(ws, "mkdir -p hello/src")
    manifest = '[package]\nname = "hello"\nversion = "0.1.0"\nedition = "2021"\n'
    ws.fs.write_text("/hello/Cargo.toml", manifest)
    ws.fs.write_text(
        "/hello/src/main.rs", 'fn main() { println!("hello from rust"); }\n'
    )
    rustup = os.environ.get("RUSTUP_HOME", os.path.expanduser("~/.rustup"))
    result = ws.exec(
        [cargo, "build", "--offline"],
        cwd="/hello",
        timeout=150,
        environment=Environment(inherit=("PATH",), variables={"RUSTUP_HOME": rustup}),
    )
    assert b"Finished" in result.check().output
    assert text(ws.exec(["target/debug/hello"], cwd="/hello")) == "hello from rust\n"
    assert ws.fs.stat("/hello/target/debug/hello").size > 100_000
