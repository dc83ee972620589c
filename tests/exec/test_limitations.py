"""What LIMITATIONS.md says of devdev-exec."""

import dataclasses
from pathlib import Path

import pytest
from devdev_exec import ExecResult, Workspace


@pytest.mark.fuse
def test_a_program_sees_the_host(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("host")
    with Workspace() as ws:
        assert ws.exec(["cat", str(tmp_path / "outside")]).output == b"host"


@pytest.mark.fuse
def test_a_program_that_reads_keys_shows_the_end_of_file() -> None:
    script = "stty -icanon echo echoctl min 1; head -c 1 | od -An -tx1"
    with Workspace() as ws:
        result = ws.exec(["sh", "-c", script], timeout=10)
    assert b"^D" in result.output


def test_a_result_has_no_changed_paths() -> None:
    names = {field.name for field in dataclasses.fields(ExecResult)}
    assert not any("changed" in name for name in names)
