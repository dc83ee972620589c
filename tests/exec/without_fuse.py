"""Running a program where /dev/fuse cannot be opened, whoever runs it."""

import shlex
import shutil
from pathlib import Path

import pytest

from tests.conftest import may_mount

_NEEDED = ("unshare", "mount", "mknod")


def without_fuse(scratch: Path) -> list[str]:
    """A prefix for commands, with which they find a device without a driver.

    Skips the test where that cannot be arranged.

    Args:
        scratch: a directory for the device.
    """
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing or not may_mount():
        pytest.skip("hiding /dev/fuse needs unshare, mknod and the right to mount")
    node = shlex.quote(str(scratch / "no-fuse"))
    make = f"test -e {node} || mknod -m 666 {node} c 0 0"
    steps = f'{make}; mount --bind {node} /dev/fuse; exec "$@"'
    return ["unshare", "--mount", "sh", "-ec", steps, "sh"]
