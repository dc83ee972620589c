"""`devdev demo`: the main job from end to end, and what a failing step looks like."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.exec.cli import devdev

pytestmark = pytest.mark.fuse

STEPS = (
    *("mount", "import", "git init", "git add", "git commit", "git clone", "git fsck"),
    *("which library", "snapshot", "restore", "same tree", "same state"),
    *("git status there", "git fsck there", "unmount both"),
)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_main_job_works_from_end_to_end() -> None:
    result = devdev("demo", "--json", timeout=280)
    text = result.stderr.decode()
    assert result.returncode == 0, text
    report = json.loads(result.stdout)
    assert report["ok"]
    assert set(STEPS) <= {each["title"] for each in report["steps"]}
    for step in STEPS:
        assert re.search(rf"^  {step} +\d+\.\d\d s", text, re.MULTILINE), step
    assert re.search(
        r"^  import .* [\d,]+ files, [\d.]+ MB, from /", text, re.MULTILINE
    )
    assert re.search(r"^  which library .* /python/\S+/json/__init__.py", text, re.M)
    assert re.search(r": Ran [1-9]\d* tests|Ran [1-9]\d* tests: ", text)
    for title in ("make check", "rollback journal", "write-ahead log"):
        assert re.search(rf"^  {title} +(\d+\.\d\d s|skipped)", text, re.MULTILINE)
    # A step is left out only with a reason.
    assert not re.search(r"skipped *$", text, re.MULTILINE)
    changes = text.partition("what changed since the import")[2]
    assert re.search(r"^  /clone/\.git/ +[1-9][\d,]* +- +-$", changes, re.MULTILINE)
    assert re.search(r"^Everything worked: \d+ steps in [\d.]+ s", text, re.MULTILINE)


def test_the_demo_ends_at_the_first_step_that_fails(tmp_path: Path) -> None:
    """The variable is passed on to git, which cannot load what it is linked with."""
    (tmp_path / "libpcre2-8.so.0").write_text("no library")
    variables = os.environ | {"LD_LIBRARY_PATH": str(tmp_path)}
    git = subprocess.run(["git", "--version"], env=variables, capture_output=True)
    if git.returncode == 0:
        pytest.skip("this git does not load libpcre2-8.so.0")
    result = devdev("demo", env=variables)
    text = result.stdout.decode()
    assert (result.returncode, result.stderr) == (1, b""), text
    shown = r"^  git init +\d+\.\d\d s   FAILED: git failed with exit code 127$"
    assert re.search(shown, text, re.MULTILINE)
    assert "    $ git init -q\n    git: error while loading" in text
    assert "git add" not in text
    assert text.endswith("That step failed, so the demo ends here.\n")
