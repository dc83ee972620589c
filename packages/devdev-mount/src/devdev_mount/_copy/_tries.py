"""How often a push or a pull begins anew, while programs change what it is about."""

import time

from devdev_mount._copy._host import HostChanged
from devdev_mount._errors import MountError

ATTEMPTS = 5
PATIENCE = 10.0
"""Seconds after which nothing is begun anew."""


class Tries:
    """What is left to one push or pull, with all that it takes.

    A push can need a pull first and the other way round; they share it, so that their
    attempts do not multiply.

    Args:
        path: the directory, for the error message.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._left = ATTEMPTS
        self._deadline = time.monotonic() + PATIENCE

    def failed(self, problem: HostChanged) -> None:
        """Count an attempt that a program was in the way of.

        Raises:
            MountError: it was the last. The message says what kept changing.
        """
        self._left -= 1
        if self._left <= 0 or time.monotonic() >= self._deadline:
            raise MountError(
                f"programs keep changing what is in {self._path}: {problem}; "
                "when they have ended, try again"
            ) from problem
