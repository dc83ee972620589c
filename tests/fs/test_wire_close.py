"""What a client held is let go of when it is gone; what it changes bears its name."""

import io
from random import Random

import pytest
from devdev_fs import Fs
from devdev_fs.wire import Answerer, RemoteError, RemoteFs


class GoneAtOnce(io.BytesIO):
    """A file of a client that is gone when the first piece comes."""

    def __init__(self, answerer: Answerer) -> None:
        super().__init__()
        self._answerer = answerer

    def write(self, data: object) -> int:
        self._answerer.close()
        return memoryview(data).nbytes  # type: ignore[arg-type]


def test_a_client_that_is_gone_holds_no_file() -> None:
    fs = Fs()
    answerer = Answerer(fs)
    far = RemoteFs(answerer.answer)
    far.write_bytes("/f", b"x" * 8192)
    far.open("/f")
    far.inodes.pin(far.stat("/f").ino, 3)
    far.inodes.unpin(far.stat("/f").ino)
    far.remove("/f")
    free = fs.inodes.statvfs().blocks_free
    answerer.close()
    assert fs.inodes.statvfs().blocks_free == free + 2
    fs.check_invariants()


def test_what_others_hold_stays() -> None:
    fs = Fs()
    one, other = Answerer(fs), Answerer(fs)
    far = RemoteFs(one.answer)
    far.write_bytes("/f", b"text")
    with RemoteFs(other.answer).open("/f") as file, far.open("/f") as closed:
        far.remove("/f")
        closed.close()
        one.close()
        assert file.read() == b"text"
    fs.check_invariants()


def test_a_pin_that_another_undid_is_not_undone_again() -> None:
    fs = Fs()
    answerer = Answerer(fs)
    fs.write_bytes("/f", b"")
    ino = fs.stat("/f").ino
    RemoteFs(answerer.answer).inodes.pin(ino)
    fs.inodes.unpin(ino)
    answerer.close()
    fs.check_invariants()


def test_forks_watches_streams_and_spans_end_with_their_client() -> None:
    fs = Fs()
    fs.write_bytes("/f", Random(0).randbytes(3 * 2**20))  # several pieces
    answerer = Answerer(fs)
    far = RemoteFs(answerer.answer)
    fork = far.fork()
    fork.open("/f")
    watch = far.watch()

    def end_in_the_middle() -> None:
        with far.actor("one"):
            far.write_text("/h", "")
            far.dump_to(GoneAtOnce(answerer))

    with pytest.raises(RemoteError):
        end_in_the_middle()
    fs.write_text("/g", "")
    assert watch.take() == []
    assert not any(span.is_open for span in fs.log().spans if span.actor)


def test_what_a_client_changes_belongs_to_its_span_or_the_one_it_names() -> None:
    fs = Fs()
    with fs.actor("client") as span:
        far = RemoteFs(Answerer(fs, span).answer)
        far.write_text("/one", "")
        with far.actor("inner"):
            far.write_text("/two", "")
        fork = far.fork()
        fork.write_text("/elsewhere", "")
    spans = fs.log().spans
    by = {each.actor: [change.path for change in each.changes] for each in spans}
    assert by == {"client": ["/one"], "inner": ["/two"]}
    assert all(each.actor == "" for each in fork.log().spans)
