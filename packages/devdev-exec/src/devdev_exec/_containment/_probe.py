"""What this host offers to contain programs, tried out."""

import functools
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass

from devdev_exec._containment._options import landlock_options, namespaces_options
from devdev_exec._containment._policy import Containment
from devdev_exec._containment._report import Report
from devdev_exec._containment._seccomp import MACHINES
from devdev_exec._containment._starting import stage_command, stage_variables
from devdev_exec._env import STANDARD_PATH
from devdev_exec._errors import ContainmentError, SpawnError
from devdev_exec._levels import LEVELS, Level

_TRIAL_TIMEOUT = 10.0
_SCOPES_ABI = 6
_TRIAL = Containment()


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """Whether this host offers a level of containment."""

    level: Level
    """The level."""

    available: bool
    """Whether programs can be contained so."""

    detail: str
    """By what, or why not."""


def is_root() -> bool:
    """Whether this process is root's."""
    return sys.platform != "win32" and os.geteuid() == 0


def bubblewrap() -> str:
    """Where bubblewrap is.

    Raises:
        ContainmentError: it is not installed.
    """
    path = shutil.which("bwrap", path=STANDARD_PATH)
    if path is None:
        message = "bubblewrap is not installed; install the package bubblewrap"
        raise ContainmentError(message)
    return path


@functools.cache
def probe_containment() -> tuple[Offer, ...]:
    """What this host offers: one offer for each level, from the lowest on.

    Each is tried out with a program, once in the life of a process.
    """
    none = Offer(level="none", available=True, detail="programs see the whole host")
    return (none, _offer("landlock"), _offer("namespaces"))


def _offer(level: Level) -> Offer:
    try:
        detail = _try_landlock() if level == "landlock" else _try_namespaces()
    except (ContainmentError, SpawnError, OSError, subprocess.TimeoutExpired) as error:
        return Offer(level=level, available=False, detail=str(error))
    return Offer(level=level, available=True, detail=detail)


def _try_landlock() -> str:
    version = _landlock_version()
    _try("landlock", landlock_options(_TRIAL, write=()))
    detail = f"Landlock ABI {version}, seccomp"
    if version < _SCOPES_ABI:
        detail += "; signals and abstract sockets get out (Linux 6.12 stops them)"
    return detail


def _landlock_version() -> int:
    """The version of Landlock.

    Raises:
        ContainmentError: it is missing, or too old; or there is no filter.
    """
    if sys.platform != "linux":
        raise ContainmentError("it takes Linux")
    _check_machine()
    # It can be loaded on Linux only.
    from devdev_exec._containment._landlock import MIN_ABI, abi

    try:
        version = abi()
    except OSError as error:
        message = (
            f"the kernel has no Landlock (CONFIG_SECURITY_LANDLOCK, lsm=): {error}"
        )
        raise ContainmentError(message) from error
    if version < MIN_ABI:
        message = f"Landlock ABI {version} is too old; Linux 6.2 has {MIN_ABI}"
        raise ContainmentError(message)
    return version


def _check_machine() -> None:
    machine = platform.machine()
    if machine not in MACHINES:
        known = ", ".join(MACHINES)
        message = f"there is a filter of system calls for {known}, not for {machine}"
        raise ContainmentError(message)


def _try_namespaces() -> str:
    if sys.platform != "linux":
        raise ContainmentError("it takes Linux")
    _check_machine()
    path = bubblewrap()
    options = namespaces_options(_TRIAL, path, is_root=is_root(), workspace="/usr")
    _try("namespaces", options)
    user = "without" if is_root() else "with"
    return f"{path}, {user} a user namespace, seccomp"


def _try(level: Level, options: list[str]) -> None:
    """Run a program at that level.

    Raises:
        SpawnError, ContainmentError: it did not run.
    """
    report = Report()
    try:
        done = subprocess.run(
            [*stage_command(report.path, level, options), "/bin/sh", "-c", "exit 0"],
            env=stage_variables({}, os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TRIAL_TIMEOUT,
            check=False,
        )
        report.settle(level, done.returncode, done.stderr)
    finally:
        report.close()


def best_level(containment: Containment) -> Level:
    """The highest level up to what is asked for that this host offers.

    Raises:
        ContainmentError: it is lower than what is required; says what is missing.
    """
    if containment.level == "none":
        return "none"
    wanted = LEVELS[: LEVELS.index(containment.level) + 1]
    offers = [offer for offer in probe_containment() if offer.level in wanted]
    best = next(offer.level for offer in reversed(offers) if offer.available)
    if LEVELS.index(best) < LEVELS.index(containment.require):
        missing = "; ".join(
            f"{offer.level}: {offer.detail}" for offer in offers if not offer.available
        )
        raise ContainmentError(
            f"containment of level {containment.require!r} is required, and this host "
            f"offers {best!r} only: {missing}"
        )
    return best
