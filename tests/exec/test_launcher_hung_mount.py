"""Commands on a mount whose server hangs: there is a result, and nobody else waits."""

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import may_mount
from tests.exec.conftest import Run
from tests.processes import END_TIMEOUT, children, helper_of, wait_until

if sys.platform != "linux":
    pytest.skip("the launcher is for Linux", allow_module_level=True)

# Mounts at argv[1], answers FUSE_INIT (include/uapi/linux/fuse.h), nothing more.
SERVER = """\
import ctypes, os, struct, sys
fd = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={fd},rootmode=40000,user_id=0,group_id=0".encode()
if ctypes.CDLL(None).mount(b"hung", sys.argv[1].encode(), b"fuse.hung", 0, options):
    sys.exit("mount(2) failed")
_, _, unique = struct.unpack_from("IIQ", os.read(fd, 1 << 17))
out = struct.pack("IIIIHHI", 7, 31, 65536, 0, 12, 10, 65536).ljust(64, b"\\0")
os.write(fd, struct.pack("IiQ", 16 + len(out), 0, unique) + out)
print("mounted", flush=True)
while True:
    os.read(fd, 1 << 17)
"""

MNT_DETACH = 2


class HungMount:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._server = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(path)], stdout=subprocess.PIPE
        )
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == b"mounted\n"

    def kill_server(self) -> None:
        """End the hang: the kernel aborts what nobody serves."""
        self._server.kill()
        with self._server:
            pass

    def detach(self) -> None:
        self.kill_server()
        ctypes.CDLL(None).umount2(os.fsencode(self.path), MNT_DETACH)


@pytest.fixture
def hung_mount(tmp_path: Path) -> Iterator[HungMount]:
    if not may_mount():
        pytest.skip("needs the right to mount(2)")
    path = tmp_path / "mnt"
    path.mkdir()
    mount = HungMount(path)
    yield mount
    mount.detach()


@pytest.mark.fuse
def test_a_hung_mount_prevents_no_result_and_no_other_command(
    hung_mount: HungMount, run: Run, tmp_path: Path
) -> None:
    program = str(hung_mount.path / "program")
    for argv, cwd, pty in (
        (["true"], hung_mount.path / "directory", True),
        ([program], tmp_path, False),
        (["cat", program], tmp_path, True),
    ):
        begin = time.monotonic()
        result = run(*argv, cwd=str(cwd), timeout=0.2, pty=pty)
        assert time.monotonic() - begin < 4.0
        assert result.timed_out
        assert (result.exit_code, result.signal) == (None, None)
        begin = time.monotonic()
        assert run("true").ok
        assert time.monotonic() - begin < 1.0
    hung_mount.kill_server()
    helper = helper_of(os.getpid())
    wait_until(lambda: not children(helper), "the end of what hung", END_TIMEOUT)
