"""What LIMITATIONS.md says of devdev-exec."""

import sys

import pytest
from devdev_exec import Workspace


@pytest.mark.fuse
def test_a_program_that_reads_keys_shows_the_end_of_file() -> None:
    script = "stty -icanon echo echoctl min 1; head -c 1 | od -An -tx1"
    with Workspace() as ws:
        result = ws.exec(["sh", "-c", script], timeout=10)
    assert b"^D" in result.output


@pytest.mark.fuse
def test_what_is_written_by_a_mapping_alone_is_nobodys() -> None:
    script = (
        "import mmap, os; fd = os.open('f', os.O_RDWR); "
        "pages = mmap.mmap(fd, 4096); pages[:3] = b'abc'"
    )
    with Workspace() as ws:
        ws.fs.write_bytes("/f", bytes(4096))
        result = ws.exec([sys.executable, "-c", script], pty=False).check()
        assert ws.fs.read_bytes("/f")[:3] == b"abc"
        assert (result.span, result.changed) == (0, ())
        assert ws.fs.log().spans[-1].actor == ""


@pytest.mark.fuse
def test_a_line_that_is_typed_is_cut() -> None:
    with Workspace() as ws, ws.start(["sh", "-c", "stty -echo; echo; wc -c"]) as wc:
        wc.wait_for("\n", timeout=10)
        wc.write("x" * 5000 + "\n")
        wc.close_input()
        assert wc.wait_for("4096", timeout=10).happened == "match"


@pytest.mark.fuse
def test_no_program_needs_less_memory_than_the_launcher() -> None:
    with Workspace() as ws:
        assert ws.exec(["true"]).max_rss > 6 << 20
