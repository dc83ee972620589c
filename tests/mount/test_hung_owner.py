"""An owner that waits for its own mount and is then killed cannot end by itself.

Its thread waits for an answer that nobody gives any more, and keeps its descriptors,
the device and the watcher's pipe among them, until the connection is aborted.
"""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.processes import is_gone, wait_until

pytestmark = pytest.mark.fuse

OWNER = """
    import os
    from devdev_mount import Fs, mount
    fs = Fs()
    fs.write_text("/f", "x")
    mounted = mount(fs)
    with open(mounted.path / "f") as file:
        print(mounted.path, flush=True)
        # An ioctl with the interpreter locked: the answer needs the same lock.
        os.get_terminal_size(file.fileno())
"""


def test_a_killed_owner_that_waits_for_itself_is_cleared_away() -> None:
    program = [sys.executable, "-c", textwrap.dedent(OWNER)]
    owner = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    with owner.stdout:
        path = Path(owner.stdout.readline().strip())
    wait_until(lambda: is_waiting_for_the_mount(owner.pid), "the owner to hang")
    owner.kill()
    wait_until(lambda: not is_mounted(path), "the mount to go", 2.0)
    wait_until(lambda: is_gone(owner.pid), "the owner to end", 2.0)
    owner.wait(2.0)
    wait_until(lambda: not path.exists(), "the directory to go", 2.0)


def is_waiting_for_the_mount(pid: int) -> bool:
    return Path(f"/proc/{pid}/wchan").read_text() == "request_wait_answer"


def is_mounted(path: Path) -> bool:
    """Whether it is in the mount table; the path itself is not to be looked at."""
    return f" {path} " in Path("/proc/self/mountinfo").read_text()
