"""A program tries to get out of each level: what is stopped, and what is not."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("containment is for Linux", allow_module_level=True)

from devdev_exec import Level

from tests.exec import escapes
from tests.exec.levels import need
from tests.users import as_ordinary_user, why_no_ordinary_user

pytestmark = pytest.mark.fuse

# Attempt: what comes of it at levels "none", "landlock" and "namespaces".
MATRIX = {
    "read a file": ("out", "EACCES", "ENOENT"),
    "list a directory": ("out", "EACCES", "ENOENT"),
    "learn of a file": ("out", "out", "ENOENT"),
    "watch a directory": ("out", "out", "ENOENT"),
    "change a file": ("out", "EACCES", "ENOENT"),
    "truncate a file": ("out", "EACCES", "ENOENT"),
    "make a file": ("out", "EACCES", "ENOENT"),
    "remove a file": ("out", "EACCES", "ENOENT"),
    "chmod": ("out", "out", "ENOENT"),
    "chmod a device": ("out", "out", "out"),
    "chown": ("out", "out", "ENOENT"),
    "utime": ("out", "out", "ENOENT"),
    "setxattr": ("out", "out", "ENOENT"),
    "TCP": ("out", "EPERM", "ECONNREFUSED"),
    "UDP": ("out", "EPERM", "lost"),
    "abstract socket": ("out", "EPERM", "ECONNREFUSED"),
    "named socket": ("out", "out", "ENOENT"),
    "signal a process": ("out", "EPERM", "ESRCH"),
    "VM socket": ("out", "EPERM", "EPERM"),
    "System V's IPC": ("out", "EPERM", "EINVAL"),
    "limit a process": ("out", "EPERM", "ESRCH"),
    "slow down a process": ("out", "out", "ESRCH"),
    "see a process": ("out", "out", "ENOENT"),
    "read its environment": ("out", "EACCES", "ENOENT"),
    "ptrace": ("out", "EPERM", "EPERM"),
    "a descriptor": ("nothing", "nothing", "nothing"),
    "type at a terminal": ("out", "EPERM", "EPERM"),
    "another terminal": ("out", "EACCES", "ENOENT"),
    "settings of the kernel": ("out", "nothing", "nothing"),
    "new namespaces": ("out", "EPERM", "EPERM"),
}
LEVELS: tuple[Level, ...] = ("none", "landlock", "namespaces")
OF_THE_KERNEL = {
    "setxattr",
    "VM socket",
    "ptrace",
    "type at a terminal",
    "settings of the kernel",
    "new namespaces",
}
"""What a host may refuse to anybody."""
BY_A_SCOPE = {"abstract socket", "signal a process"}
"""What Landlock stops from ABI 6 (Linux 6.12) on."""


def check(level: Level, came_of_it: dict[str, str], *, is_root: bool) -> None:
    column = LEVELS.index(level)
    expected = {name: row[column] for name, row in MATRIX.items()}
    if not is_root:
        expected["chmod a device"] = "EPERM"
    elif level == "landlock":  # which has lost privileges that others have
        expected["slow down a process"] = "EPERM"
    tolerated = OF_THE_KERNEL if level == "none" else {"setxattr"}
    if level == "landlock" and not scopes_are_there():
        tolerated = tolerated | BY_A_SCOPE
    for name in tolerated:
        expected[name] = came_of_it[name]
    assert came_of_it == expected


def scopes_are_there() -> bool:
    release = os.uname().release.split(".")
    return (int(release[0]), int(release[1])) >= (6, 12)


@pytest.mark.parametrize("level", LEVELS)
def test_a_program_tries_to_get_out(level: Level) -> None:
    need(level)
    check(level, escapes.try_all(level), is_root=os.geteuid() == 0)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.timeout(60)
def test_an_ordinary_users_program_tries_to_get_out(level: Level) -> None:
    need(level)
    reason = why_no_ordinary_user()
    if reason is not None:
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="shared-") as scratch:
        os.chmod(scratch, 0o1777)
        stash = Path(scratch, "stash")
        stash.mkdir()
        command = [sys.executable, "-m", "tests.exec.escapes", level]
        done = subprocess.run(
            as_ordinary_user(command, stash),
            env={**os.environ, "TMPDIR": scratch},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    check(level, json.loads(done.stdout), is_root=False)


@pytest.mark.parametrize("level", ["landlock", "namespaces"])
def test_who_asks_for_the_network_has_it(level: Level) -> None:
    """Abstract sockets belong to it, where Landlock does not keep them apart."""
    need(level)
    came_of_it = escapes.try_all(level, network=True)
    assert (came_of_it["TCP"], came_of_it["UDP"]) == ("out", "out")
    if level == "namespaces":
        assert came_of_it["abstract socket"] == "out"
    for name in ("named socket", "System V's IPC", "limit a process"):
        assert came_of_it[name] == MATRIX[name][LEVELS.index(level)]
