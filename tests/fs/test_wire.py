"""The wire: what a client does that the filesystem itself does not.

That it does all the same things is what the rest of this suite shows.
"""

import pytest
from devdev_fs import (
    Caller,
    Capability,
    Errno,
    Fs,
    FsBase,
    FsError,
    Ino,
    NotFound,
    SetAttr,
)
from devdev_fs.testing import ManualClock
from devdev_fs.wire import Answerer, RemoteError, RemoteFs


class BrokenClock:
    """A clock that stops working once told to."""

    is_broken = False

    def now_ns(self) -> int:
        if self.is_broken:
            raise RuntimeError("the clock is broken")
        return 0


def test_a_bug_there_is_an_error_here_with_its_traceback() -> None:
    clock = BrokenClock()
    fs = RemoteFs(Answerer(Fs(clock=clock)).answer)
    clock.is_broken = True
    with pytest.raises(
        RemoteError, match="RuntimeError: the clock is broken"
    ) as caught:
        fs.mkdir("/d")
    assert "now_ns" in str(caught.value)


@pytest.mark.parametrize("frame", [b"", b"\x81\x61x", b"\xff"])
def test_a_frame_that_says_nothing_is_answered_as_a_bug(frame: bytes) -> None:
    fs = RemoteFs(lambda _: Answerer(Fs()).answer(frame))
    with pytest.raises(RemoteError, match="Traceback"):
        fs.listdir()


def test_what_is_no_operation_does_not_cross() -> None:
    fs = RemoteFs(Answerer(Fs()).answer)
    with pytest.raises(AssertionError):
        fs.run(lambda table: None)


def test_a_refusal_arrives_with_number_text_and_path() -> None:
    fs = RemoteFs(Answerer(Fs()).answer)
    with pytest.raises(FileNotFoundError) as caught:
        fs.read_bytes("/missing")
    local = FsError(Errno.ENOENT, path="/missing")
    assert caught.value.args == local.args
    assert caught.value.filename == "/missing"
    assert isinstance(caught.value, NotFound)
    with pytest.raises(FsError, match="4097 bytes"):
        fs.read_bytes("/" + "x" * 4096)


def test_a_client_of_a_client_is_a_filesystem_too() -> None:
    near = Fs(clock=ManualClock(7))
    far: FsBase = near
    for _ in range(3):
        far = RemoteFs(Answerer(far).answer)
    far.mkdir("/d")
    stat = far.setattr("/d", SetAttr(uid=3, atime_ns="now"))
    assert stat == near.stat("/d")
    caller = Caller(
        uid=2**32 - 1, groups=(7, 8), umask=0, capabilities=Capability.DAC_OVERRIDE
    )
    made = far.inodes.create(stat.ino, b"\xff", 0o666, caller)
    assert made == near.inodes.lookup(stat.ino, b"\xff")
    assert far.inodes.readdir(stat.ino) == near.inodes.readdir(stat.ino)
    assert far.dump() == near.dump()


def test_results_have_the_types_that_they_have_at_home(fs: FsBase) -> None:
    fs.mkdir("/d")
    entry = fs.inodes.readdir(Ino(1))[-1]
    assert type(entry.kind).__name__ == "Kind"
    assert type(fs.stat("/d")).__name__ == "Stat"
    assert type(fs.inodes.statvfs()).__name__ == "StatVfs"
    ((path, directories, files), _) = fs.walk()
    assert (path, directories, files) == ("/", ["d"], [])
    assert type(fs.walk()[0]) is tuple
    assert fs.exists("/d") is True
    with fs.open("/f", "w") as file:
        assert fs.inodes.read_chunks(file.stat().ino, 0, 1) == []
