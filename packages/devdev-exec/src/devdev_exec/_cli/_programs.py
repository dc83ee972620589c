"""The host's programs: where they are, which version, and how to get one."""

import os
import re
import shutil
import subprocess

from devdev_exec._env import STANDARD_PATH

SEARCH_PATH = os.pathsep.join(
    dict.fromkeys((STANDARD_PATH, os.environ.get("PATH") or STANDARD_PATH))
)
"""The PATH that programs have in a workspace by default, then the host's own."""

_VERSION_TIMEOUT = 5.0
_VERSION = re.compile(r"\d+(?:\.\d+)+")

# The names of a package, where they differ from Debian's.
_MANAGERS: dict[str, tuple[str, dict[str, str]]] = {
    "apt-get": ("apt-get install", {}),
    "dnf": ("dnf install", {"sqlite3": "sqlite"}),
    "apk": ("apk add", {"sqlite3": "sqlite", "gcc": "gcc musl-dev"}),
    "pacman": ("pacman -S", {"sqlite3": "sqlite", "cargo": "rust"}),
    "zypper": ("zypper install", {}),
}


def find_program(name: str) -> str | None:
    """The full path of a program; None if there is none."""
    return shutil.which(name, path=SEARCH_PATH)


def is_in_standard_path(name: str) -> bool:
    """Whether programs of a workspace find it without a --path of their own."""
    return shutil.which(name, path=STANDARD_PATH) is not None


def version_of(path: str) -> str:
    """What a program calls its version; empty if it tells none."""
    try:
        result = subprocess.run(
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_VERSION_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = _VERSION.search(result.stdout or result.stderr)
    return match[0] if match else ""


def how_to_install(*packages: str) -> str:
    """The command that installs packages (by their Debian names) on this machine."""
    for manager, (command, names) in _MANAGERS.items():
        if shutil.which(manager):
            return " ".join((command, *(names.get(each, each) for each in packages)))
    return f"install {' and '.join(packages)}"
