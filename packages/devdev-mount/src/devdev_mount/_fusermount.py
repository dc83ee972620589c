"""The program that mounts and unmounts for an ordinary user."""

import shutil


def find_helper() -> str | None:
    """Where it is; None if it is not installed."""
    return shutil.which("fusermount3") or shutil.which("fusermount")
