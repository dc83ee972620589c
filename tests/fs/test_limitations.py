"""What LIMITATIONS.md says of devdev-fs."""

from collections.abc import Sequence
from threading import Event, Thread

from devdev_fs import Change, Fs, Ino


def test_the_api_reads_a_file_that_nobody_may_read() -> None:
    fs = Fs()
    fs.write_text("/f", "secret")
    fs.chmod("/f", 0)
    assert fs.read_text("/f") == "secret"


class Blocker:
    """A clock that, once armed, stops the operation that reads it."""

    def __init__(self) -> None:
        self.armed = False
        self.reached, self.go_on = Event(), Event()

    def now_ns(self) -> int:
        if self.armed:
            self.reached.set()
            self.go_on.wait(10)
        return 0


def test_a_dump_is_one_critical_section() -> None:
    clock = Blocker()
    fs = Fs(clock=clock)
    clock.armed = True
    writer = Thread(target=fs.write_bytes, args=("/f", b"x"))
    dumps: list[bytes] = []
    dumper = Thread(target=lambda: dumps.append(fs.dump()))
    writer.start()
    assert clock.reached.wait(10)
    dumper.start()
    dumper.join(0.05)
    assert dumper.is_alive(), "a dump waits for an operation that has begun"
    clock.armed = False
    clock.go_on.set()
    writer.join(10)
    dumper.join(10)
    assert dumps == [fs.dump()]


class Silent:
    """A mirror that is told of changes and nothing else."""

    def __init__(self) -> None:
        self.seen: list[Change] = []

    def flush(self) -> None:
        pass

    def orphaned(self, moves: Sequence[tuple[Ino, Ino]]) -> None:
        pass

    def changed(self, changes: Sequence[Change]) -> None:
        self.seen += changes


def test_there_is_no_history() -> None:
    fs, mirror = Fs(), Silent()
    fs.write_text("/f", "before")
    fs.attach(mirror)
    fs.write_text("/f", "after")
    assert mirror.seen, "changes are told to mirrors as they happen ..."
    assert b"before" not in fs.dump(), "... and the state keeps nothing of the past"
