"""Finds processes by a variable of their environment, wherever they have gone."""

import uuid
from contextlib import suppress
from pathlib import Path

from tests.leaks import has_environment


def processes_with(name: str, value: str) -> list[str]:
    """The live processes that have the variable."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            if has_environment(entry, [f"{name}={value}".encode()]):
                found.append((entry / "cmdline").read_text().replace("\0", " "))
    return found


class Mark:
    """A variable in the environment of a command, to find its processes by."""

    def __init__(self) -> None:
        self._value = uuid.uuid4().hex
        self.env = {"MARK": self._value}

    def is_seen(self) -> bool:
        """Whether a process has it."""
        return bool(processes_with("MARK", self._value))

    def is_gone(self) -> bool:
        """Whether none has it any more."""
        return not self.is_seen()
