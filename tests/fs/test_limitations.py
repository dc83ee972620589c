"""What LIMITATIONS.md says of devdev-fs."""

from devdev_fs import Fs


def test_the_api_reads_a_file_that_nobody_may_read() -> None:
    fs = Fs()
    fs.write_text("/f", "secret")
    fs.chmod("/f", 0)
    assert fs.read_text("/f") == "secret"


def test_an_open_span_is_counted_when_it_ends() -> None:
    fs = Fs()
    fs.write_bytes("/f", b"x" * 100_000)
    fs.set_history_limits(max_bytes=4096)
    with fs.actor("a") as span:
        fs.write_bytes("/f", b"y" * 100_000)
        assert [each.id for each in fs.log().spans] == [span]
    assert fs.log().spans == []
