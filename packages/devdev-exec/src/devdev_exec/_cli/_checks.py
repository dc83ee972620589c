"""What `devdev doctor` looks at: one function for each check, and what it found."""

import os
import platform
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from devdev_mount import (
    DriverUnavailable,
    MountError,
    MountOptions,
    SnapshotError,
    check_mountable,
)

from devdev_exec._cli._errors import reason_of
from devdev_exec._cli._programs import (
    find_program,
    how_to_install,
    is_in_standard_path,
    version_of,
)
from devdev_exec._containment import probe_containment
from devdev_exec._env import STANDARD_PATH
from devdev_exec._errors import ExecError
from devdev_exec._launcher import Launcher
from devdev_exec._levels import Level
from devdev_exec._workspace import DriverChoice, Workspace

_PROBE_TIMEOUT = 20.0
_DEVICE = "/dev/fuse"
_FUSE_CONF = "/etc/fuse.conf"
_CONNECTIONS = Path("/sys/fs/fuse/connections")
_IN_CONTAINER = "in a container: --device /dev/fuse --cap-add SYS_ADMIN"


_CONTAINMENT_HINTS = {
    "landlock": "Linux 6.2 or newer, with landlock among its lsm= modules",
    "namespaces": f"{how_to_install('bubblewrap')}; where it is installed, permit user "
    "namespaces, or run as root",
}


class Status(StrEnum):
    """What came of a check."""

    OK = "ok"
    MISSING = "missing"
    """Something else works without it, or it was not found."""
    FAILED = "failed"
    """It is there and does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found."""

    status: Status
    detail: str
    """What is there, or what is wrong."""
    hint: str = ""
    """How to get it."""


@dataclass(frozen=True, slots=True)
class Check:
    """Something to look at."""

    name: str
    look: Callable[[], Finding]
    required: bool = True
    """Workspaces do not work without it."""


def _ok(detail: str) -> Finding:
    return Finding(Status.OK, detail)


def _look_at_python() -> Finding:
    name = platform.python_implementation()
    return _ok(f"{name} {platform.python_version()} at {sys.executable}")


def _look_at_system() -> Finding:
    detail = f"{platform.system()} {platform.release()} {platform.machine()}"
    if sys.platform == "linux":
        return _ok(detail)
    hint = "devdev mounts and runs programs on Linux; use a Linux machine or container"
    return Finding(Status.MISSING, detail, hint)


def _look_at_device() -> Finding:
    try:
        os.close(os.open(_DEVICE, os.O_RDWR))
    except FileNotFoundError:
        hint = f"modprobe fuse, as root; {_IN_CONTAINER}"
        return Finding(Status.MISSING, "it does not exist", hint)
    except OSError as error:
        hint = f"chmod 666 {_DEVICE}, as root; {_IN_CONTAINER}"
        return Finding(Status.FAILED, f"it cannot be opened: {error.strerror}", hint)
    return _ok("it can be opened")


def _needs_device(look: Callable[[], Finding]) -> Callable[[], Finding]:
    """A check that has nothing new to say where there is no device."""

    def look_if_possible() -> Finding:
        if _look_at_device().status is not Status.OK:
            return Finding(Status.MISSING, f"impossible without {_DEVICE}")
        return look()

    return look_if_possible


@_needs_device
def _look_at_right_to_mount() -> Finding:
    helper = shutil.which("fusermount3") or shutil.which("fusermount")
    try:
        check_mountable()
    except DriverUnavailable as error:
        hint = _IN_CONTAINER if helper else how_to_install("fuse3")
        return Finding(Status.MISSING, str(error), hint)
    user = "root" if sys.platform != "win32" and os.geteuid() == 0 else "this user"
    other = f"{helper} {version_of(helper)}" if helper else "there is no fusermount3"
    return _ok(f"{user} may mount; {other}")


@_needs_device
def _look_at_allow_other() -> Finding:
    try:
        check_mountable(MountOptions(allow_other=True))
    except DriverUnavailable as error:
        hint = f"echo user_allow_other >> {_FUSE_CONF}, as root"
        return Finding(Status.MISSING, str(error), hint)
    return _ok("other users, such as one that a program becomes, can be let in")


def _look_at_fusectl() -> Finding:
    if _CONNECTIONS.is_dir() and os.path.ismount(_CONNECTIONS):
        return _ok(f"mounted at {_CONNECTIONS}: a mount that hangs can be aborted")
    return Finding(
        Status.MISSING,
        "not mounted: a mount that hangs can be detached, but not aborted",
        f"mount -t fusectl none {_CONNECTIONS}, as root",
    )


def _look_at_copying() -> Finding:
    try:
        check_mountable(driver="copy")
    except DriverUnavailable as error:
        return Finding(Status.MISSING, str(error), "use Linux")
    finding = _try_workspace("copy")
    if finding.status is not Status.OK:
        return finding
    detail = "available, no privilege needed, used when fuse is not"
    try:
        check_mountable()
    except DriverUnavailable as error:
        return _ok(f"{detail}: {error}")
    return _ok(detail)


def _look_at_winfsp() -> Finding:
    try:
        check_mountable(driver="winfsp")
    except DriverUnavailable as error:
        return Finding(Status.MISSING, str(error))
    return _ok("WinFsp and winfspy are there: mount() shows a drive")


def _try_workspace(driver: DriverChoice = "auto") -> Finding:
    start = time.perf_counter()
    command = ["/bin/sh", "-c", "echo probe > probe && cat probe"]
    try:
        with Workspace(driver=driver) as workspace:
            opened = time.perf_counter()
            result = workspace.exec(command, pty=False, timeout=_PROBE_TIMEOUT)
            text = result.check().output
            if text != b"probe\n" or workspace.fs.read_bytes("/probe") != text:
                return Finding(Status.FAILED, f"what was written reads as {text!r}")
            closing = time.perf_counter()
    except (MountError, ExecError, SnapshotError) as error:
        return Finding(Status.FAILED, str(error))
    except OSError as error:
        return Finding(Status.FAILED, reason_of(error))
    end = time.perf_counter()
    return _ok(
        f"opened in {_ms(opened - start)} ({workspace.driver}), written and read, "
        f"closed in {_ms(end - closing)}"
    )


def _look_at_containment(level: Level) -> Finding:
    for offer in probe_containment():
        if offer.level == level and not offer.available:
            hint = _CONTAINMENT_HINTS[level]
            return Finding(Status.MISSING, offer.detail, hint)
        if offer.level == level:
            return _ok(offer.detail)
    raise AssertionError(level)


def _look_at_landlock() -> Finding:
    return _look_at_containment("landlock")


def _look_at_namespaces() -> Finding:
    return _look_at_containment("namespaces")


def _look_at_terminals() -> Finding:
    if sys.platform == "win32":
        return Finding(Status.MISSING, "pseudo-terminals are not supported here")
    try:
        for fd in os.openpty():
            os.close(fd)
    except OSError as error:
        hint = "mount -t devpts devpts /dev/pts, as root"
        return Finding(Status.FAILED, f"none is to be had: {error.strerror}", hint)
    return _ok("pseudo-terminals can be made")


def _try_launcher() -> Finding:
    command = ["/bin/sh", "-c", "test -t 1"]
    environment = {"PATH": STANDARD_PATH}
    times = [time.perf_counter()]
    try:
        with Launcher() as launcher:
            for _ in range(2):
                launcher.run(
                    command, cwd="/", env=environment, timeout=_PROBE_TIMEOUT
                ).check()
                times.append(time.perf_counter())
    except ExecError as error:
        return Finding(Status.FAILED, str(error))
    first, second = times[1] - times[0], times[2] - times[1]
    return _ok(f"a first program took {_ms(first)}, the next {_ms(second)}")


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _look_at_program(name: str, package: str) -> Finding:
    path = find_program(name)
    if path is None:
        return Finding(Status.MISSING, "not installed", how_to_install(package))
    detail = f"{version_of(path)} at {path}".strip()
    if not is_in_standard_path(name):
        detail += f" (outside the standard PATH: --path {os.path.dirname(path)}:...)"
    return _ok(detail)


def _program(name: str, package: str, *, required: bool = False) -> Check:
    return Check(name, lambda: _look_at_program(name, package), required)


_SHOWING = (
    (Check("winfsp", _look_at_winfsp, required=False),)
    if sys.platform == "win32"
    else (
        Check(_DEVICE, _look_at_device, required=False),
        Check("right to mount", _look_at_right_to_mount, required=False),
        Check("allow_other", _look_at_allow_other, required=False),
        Check("fusectl", _look_at_fusectl, required=False),
        Check("copy", _look_at_copying, required=False),
    )
)

CHECKS = {
    "machine": (
        Check("Python", _look_at_python),
        Check("system", _look_at_system),
    ),
    "showing a workspace": (
        *_SHOWING,
        Check("trial workspace", _try_workspace),
    ),
    "running programs": (
        Check("terminals", _look_at_terminals),
        Check("trial run", _try_launcher),
    ),
    "containing programs": (
        Check("landlock", _look_at_landlock, required=False),
        Check("namespaces", _look_at_namespaces, required=False),
    ),
    "programs that the demo and the tests use": (
        _program("git", "git", required=True),
        _program("make", "make"),
        _program("cc", "gcc"),
        _program("sqlite3", "sqlite3"),
        _program("cargo", "cargo"),
    ),
}
"""Every check, by the title of its group, in the order to look."""
