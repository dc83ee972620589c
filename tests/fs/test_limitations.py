"""What LIMITATIONS.md says of devdev-fs."""

from threading import Event, Thread

from devdev_fs import Fs


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


def test_an_open_span_is_counted_when_it_ends() -> None:
    fs = Fs()
    fs.write_bytes("/f", b"x" * 100_000)
    fs.set_history_limits(max_bytes=4096)
    with fs.actor("a") as span:
        fs.write_bytes("/f", b"y" * 100_000)
        assert [each.id for each in fs.log().spans] == [span]
    assert fs.log().spans == []
