"""A whole file written as a span of its own, and only over what its writer knows."""

import pytest
from devdev_fs import Errno, FsBase, Span, Written

from tests.fs.checks import refused


def spans(fs: FsBase) -> list[Span]:
    return [span for span in fs.log().spans if span.actor == "editor"]


def test_it_is_one_span_of_the_actor_and_can_be_undone(fs: FsBase) -> None:
    fs.write_bytes("/f", b"before")
    written = fs.write_as("editor", "/f", b"after")
    assert [Written(span.id, created=False) for span in spans(fs)] == [written]
    assert fs.read_bytes("/f") == b"after"
    fs.undo(written.span)
    assert fs.read_bytes("/f") == b"before"


def test_it_tells_whether_it_made_the_file(fs: FsBase) -> None:
    assert fs.write_as("editor", "/f", b"").created
    assert not fs.write_as("editor", "/f", b"").created


def test_within_a_span_it_is_a_span_beside_it(fs: FsBase) -> None:
    with fs.actor("outer") as outer:
        fs.write_bytes("/a", b"")
        written = fs.write_as("inner", "/b", b"")
        fs.write_bytes("/c", b"")
    fs.undo(outer)
    assert fs.listdir("/") == ["b"]
    fs.undo(written.span)
    assert fs.listdir("/") == []


def test_the_known_content_is_replaced(fs: FsBase) -> None:
    fs.write_bytes("/f", b"x" * 5000)
    fs.write_as("editor", "/f", b"new", old=b"x" * 5000)
    fs.write_as("editor", "/f", b"", old=b"new")
    fs.write_as("editor", "/f", b"newer", old=b"")
    assert fs.read_bytes("/f") == b"newer"


@pytest.mark.parametrize("old", [b"", b"befor", b"befora", b"before!"])
def test_another_content_than_the_known_one_is_kept(fs: FsBase, old: bytes) -> None:
    fs.write_bytes("/f", b"before")
    with refused(fs, Errno.ESTALE):
        fs.write_as("editor", "/f", b"after", old=old)
    assert spans(fs) == []


def test_what_has_no_content_to_know_is_refused(fs: FsBase) -> None:
    fs.mkdir("/d")
    with refused(fs, Errno.ENOENT):
        fs.write_as("editor", "/f", b"", old=b"")
    with refused(fs, Errno.EISDIR):
        fs.write_as("editor", "/d", b"", old=b"")
    with refused(fs, Errno.ENOENT):
        fs.write_as("editor", "/missing/f", b"")
    with refused(fs, Errno.EINVAL):
        fs.write_as("e" * 1025, "/f", b"")


def test_what_does_not_fit_leaves_the_file_and_no_span(fs: FsBase) -> None:
    fs.write_bytes("/f", b"before")
    fs.set_limits(max_bytes=8192)
    with refused(fs, Errno.ENOSPC):
        fs.write_as("editor", "/f", b"x" * 10000, old=b"before")
    assert spans(fs) == []
