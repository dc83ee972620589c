"""What the process that contains a program is told, at each level: pure functions."""

import os

from devdev_exec._containment._capabilities import KEPT
from devdev_exec._containment._host import DEVICES, KERNEL, SETTINGS, SYSTEM
from devdev_exec._containment._policy import Containment

WORKSPACE = "/workspace"
"""Where a program finds the workspace at level "namespaces"."""


def limit_options(containment: Containment) -> list[str]:
    """The limits."""
    limits = containment.limits.by_rlimit()
    return [f"{name}={value}" for name, value in limits.items()]


def landlock_options(containment: Containment, *, write: tuple[str, ...]) -> list[str]:
    """The options of level "landlock".

    Args:
        containment: the policy.
        write: what may be changed beside what the policy lists.
    """
    return [
        *(f"read={path}" for path in (*SYSTEM, *SETTINGS, *KERNEL, *containment.read)),
        *(f"write={path}" for path in (*DEVICES, *containment.write, *write)),
        *_network_option(containment),
    ]


def namespaces_options(
    containment: Containment,
    bubblewrap: str,
    *,
    is_root: bool,
    workspace: str,
    inside: str = "",
) -> list[str]:
    """The options of level "namespaces": what bubblewrap is told, word for word.

    Its own option to end with its parent is not among it: the launcher ends the
    processes inside one by one, with the moment that each has to clear up.

    Args:
        containment: the policy.
        bubblewrap: its path.
        is_root: whether root runs it, who needs no user namespace for it.
        workspace: where the host has the workspace.
        inside: the working directory, seen from the root of the workspace.
    """
    words = [bubblewrap, "--clearenv", "--unshare-pid", "--unshare-ipc"]
    words += ["--unshare-uts", "--unshare-cgroup-try"]
    if not containment.network:
        words.append("--unshare-net")
    if is_root:
        words += ["--cap-drop", "ALL"]
        for name in KEPT:
            words += ["--cap-add", name]
    for path in SYSTEM:
        words += _system_directory(path)
    words += ["--dir", "/etc"]  # else for its owner only
    for path in SETTINGS:
        words += ["--ro-bind-try", path, path]
    words += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    # The kernel's settings in it are the host's, and root may change them.
    words += ["--remount-ro", "/proc"]
    for path in containment.read:
        words += ["--ro-bind", path, path]
    for path in containment.write:
        words += ["--bind", path, path]
    words += ["--bind", workspace, WORKSPACE, "--chdir", f"{WORKSPACE}{inside}"]
    return [*_network_option(containment), *(f"bwrap={word}" for word in words)]


def _network_option(containment: Containment) -> list[str]:
    return ["network="] if containment.network else []


def _system_directory(path: str) -> list[str]:
    """The same directory, or a link to where the host has it."""
    if os.path.islink(path):
        return ["--symlink", os.readlink(path), path]
    return ["--ro-bind-try", path, path]
