"""What a person sees of long work: one line that goes on, or lines now and then."""

import io
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from devdev_exec._cli._archives import Format, write_archive
from devdev_exec._cli._files import load_snapshot
from devdev_exec._cli._progress import Activity
from devdev_fs import Fs

if sys.platform == "win32":
    pytest.skip("the terminals are those of POSIX", allow_module_level=True)


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[io.FileIO, io.TextIOWrapper]]:
    """Both sides of a terminal: what is shown on it, and what to write to."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    master, slave = os.openpty()
    with io.FileIO(master) as shown, open(slave, "w") as stream:
        yield shown, stream


def read_until(shown: io.FileIO, text: bytes) -> bytes:
    """Read what is shown until `text` is; the time of the test is the deadline."""
    data = b""
    while text not in data:
        data += shown.read(4096) or b""
    return data


def test_a_line_goes_on_while_nothing_happens_and_is_gone_at_the_end(
    terminal: tuple[io.FileIO, io.TextIOWrapper],
) -> None:
    shown, stream = terminal
    with Activity(stream, "importing") as activity:
        activity.note("1 of 2 files")
        first = read_until(shown, b"1 of 2 files")
        assert first.startswith(b"\r\x1b[Kimporting   0.")
        activity.note("2 of 2 files, and more than there is room for")
        read_until(shown, b"2 of 2 files")
    assert read_until(shown, b"\r\x1b[K").endswith(b"\r\x1b[K")


def test_a_line_is_never_longer_than_the_terminal_is_wide(
    terminal: tuple[io.FileIO, io.TextIOWrapper],
) -> None:
    """Else writing over it would leave the rest of it."""
    shown, stream = terminal
    with Activity(stream, "importing") as activity:
        activity.note("x" * 100)
        line = read_until(shown, b"xxx").removeprefix(b"\r\x1b[K")
        assert len(line.split(b"\r")[0]) == 39


def test_bytes_have_a_bar_if_it_is_known_how_many_there_are(
    terminal: tuple[io.FileIO, io.TextIOWrapper], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown, stream = terminal
    with Activity(stream, "x") as activity:
        activity.note_bytes(5_000_000, 20_000_000)
        read_until(shown, b"[#####...............] 5.0 MB")
        activity.note_bytes(7_000_000, 0)
        read_until(shown, b"s   7.0 MB")


CONTENT = random.Random(1).randbytes(3_000_000)


def test_how_much_of_a_snapshot_has_been_read_is_told_on_the_way(
    tmp_path: Path,
) -> None:
    fs = Fs()
    fs.write_bytes("/file", CONTENT)
    snapshot = tmp_path / "snapshot"
    snapshot.write_bytes(fs.dump())
    size = snapshot.stat().st_size
    notes: list[tuple[int, int]] = []
    load_snapshot(str(snapshot), lambda *note: notes.append(note))
    assert notes[-1] == (size, size)
    assert len(notes) > 2
    assert notes == sorted(notes)


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_how_much_of_an_archive_has_been_written_is_told_on_the_way(
    kind: Format,
) -> None:
    fs = Fs()
    fs.write_bytes("/file", CONTENT)
    notes: list[tuple[int, int]] = []
    file = io.BytesIO()
    write_archive(fs, file, kind, "/", lambda *note: notes.append(note))
    if kind == "zip":  # nobody knows what the content can be packed to
        assert notes[-1] == (len(file.getvalue()), 0)
    else:
        count, total = notes[-1]
        assert len(CONTENT) <= count
        assert len(CONTENT) <= total < len(CONTENT) + 4096
        assert len(notes) > 2


def test_what_is_done_at_once_is_not_shown() -> None:
    stream = io.StringIO()
    with Activity(stream, "importing") as activity:
        activity.note("1 of 2 files")
    assert stream.getvalue() == ""
