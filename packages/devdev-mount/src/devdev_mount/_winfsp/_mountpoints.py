r"""Places to mount at on Windows: a drive such as `X:`, or a directory."""

import os
import re
from pathlib import PureWindowsPath

from devdev_mount._errors import MountError

ANY_DRIVE = "*"
"""The next drive that is free, as WinFsp's own programs write it."""

_DRIVE = re.compile(r"([A-Za-z]):[\\/]?")
_FIRST = "D"
"""Letters before this one are for floppy disks and for Windows itself."""


def free_drives(taken: int) -> list[str]:
    """The drives that are free, the last letter first.

    Args:
        taken: a bit for each drive that is there, from A on (GetLogicalDrives).
    """
    letters = [chr(ord("A") + bit) for bit in range(26) if not taken >> bit & 1]
    return [f"{letter}:" for letter in reversed(letters) if letter >= _FIRST]


def as_drive(place: str) -> str | None:
    """The drive that a place is, without a slash; None if it is none."""
    match = _DRIVE.fullmatch(place)
    return f"{match[1].upper()}:" if match else None


def shown_at(place: str) -> str:
    r"""Where a volume that is mounted at a place begins: `X:` alone is no directory."""
    drive = as_drive(place)
    return str(PureWindowsPath(f"{drive}\\")) if drive else place


def make_room(directory: str) -> None:
    """Remove an empty directory, for WinFsp to make it.

    Raises:
        MountError: something is in it, or it is none.
    """
    try:
        os.rmdir(directory)
    except FileNotFoundError:
        if not os.path.isdir(os.path.dirname(directory)):
            raise MountError(
                f"{directory} cannot be mounted on: what it would be in is no directory"
            ) from None
    except OSError as exc:
        raise MountError(
            f"{directory} cannot be mounted on: {exc.strerror}; it must be an empty "
            f"directory, or not be there"
        ) from exc
