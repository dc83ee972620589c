"""A snapshot opens for anybody: made by root and used by another, and the reverse."""

import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from devdev_exec import Workspace

from tests.users import as_ordinary_user, why_no_ordinary_user

pytestmark = pytest.mark.fuse

COMMIT = """
    import os, sys
    from pathlib import Path
    from devdev_exec import Environment, Workspace

    identity = Environment(variables={
        f"GIT_{who}_{what}": "x@example.org"
        for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    })
    source, target, message = sys.argv[1:]
    before = Path(source).read_bytes() if source else None
    with Workspace(snapshot=before) as ws:
        assert before is None or ws.snapshot() == before
        script = f'''
            id -u
            test -d repo || git init -q repo
            cd repo
            git status --porcelain
            echo {message} >> file; git add file; git commit -qm {message}
            git fsck --strict
        '''
        result = ws.exec(["sh", "-ec", script], environment=identity).check()
        assert f"{os.geteuid()}".encode() in result.output, result.output
        assert b"dubious" not in result.output
        assert ws.fs.stat("/repo/file").uid == 0
        Path(target).write_bytes(ws.snapshot())
"""


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory that every user may write to."""
    with tempfile.TemporaryDirectory(prefix="shared-") as name:
        os.chmod(name, 0o1777)
        yield Path(name)


def commit(argv: list[str], message: str) -> None:
    done = subprocess.run(
        [*argv, message], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(60)
def test_a_snapshot_goes_from_root_to_an_ordinary_user_and_back(shared: Path) -> None:
    reason = why_no_ordinary_user()
    if reason is not None:
        if "fuse" in os.environ.get("DEVDEV_REQUIRE", ""):
            pytest.fail(f"DEVDEV_REQUIRE=fuse, but {reason}")
        pytest.skip(reason)
    python = [sys.executable, "-c", textwrap.dedent(COMMIT)]
    first, second, third = (str(shared / name) for name in ("1", "2", "3"))
    scratch = shared / "scratch"
    scratch.mkdir()
    commit([*python, "", first], "root")
    commit(as_ordinary_user([*python, first, second], scratch), "user")
    commit([*python, second, third], "again")
    with Workspace(snapshot=Path(third).read_bytes()) as ws:
        log = ws.exec(["git", "--no-pager", "log", "--format=%s"], cwd="/repo")
        assert log.output.split() == [b"again", b"user", b"root"]
