"""The server polls for requests while they keep coming, and never without."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from devdev_mount import serve

from tests.processes import wait_until

if sys.platform != "linux":
    pytest.skip("only Linux has a mount driver", allow_module_level=True)

pytestmark = pytest.mark.fuse


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_server_that_is_asked_nothing_takes_no_time() -> None:
    with serve() as served:
        for number in range(200):
            (served.path / str(number)).touch()
        before = cpu_seconds(served.pid)
        threading.Event().wait(1)
        assert cpu_seconds(served.pid) - before <= 0.05


def test_a_server_that_is_asked_now_and_then_takes_little() -> None:
    """200 requests in a second: polling for each would be idle most of the time."""
    pause = threading.Event()
    with serve() as served:
        before, begin = cpu_seconds(served.pid), time.monotonic()
        for _ in range(200):
            os.statvfs(served.path)
            pause.wait(0.005)
        used = cpu_seconds(served.pid) - before
        assert used < 0.3 * (time.monotonic() - begin)


def latency_wished() -> int:
    """The longest time to wake up that anybody permits, in microseconds."""
    with open("/dev/cpu_dma_latency", "rb", buffering=0) as device:
        return int.from_bytes(device.read(4), sys.byteorder)


def test_processors_are_kept_awake_only_while_requests_keep_coming() -> None:
    driver = Path("/sys/devices/system/cpu/cpuidle/current_driver")
    if os.geteuid() or not driver.exists() or driver.read_text() != "haltpoll\n":
        pytest.skip("only root can wish it, and only a virtual machine needs it")
    if (os.cpu_count() or 1) not in range(2, 9):
        pytest.skip("only of a few processors")
    asking = "import os, sys\nwhile True: os.statvfs(sys.argv[1])"
    with serve() as served:
        command = [sys.executable, "-c", asking, str(served.path)]
        with subprocess.Popen(command) as asks:
            try:
                wait_until(lambda: latency_wished() == 0, "the wish")
            finally:
                asks.kill()
        wait_until(lambda: latency_wished() > 0, "its end")
