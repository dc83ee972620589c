"""The directory of the host in which workspaces outlive the server.

Each has a directory of its own there, named by its id, which the workspace itself keeps
(`Workspace(state=)`); beside it `ID.json` says what the server knows of it.
"""

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What the server knows of a workspace that is no part of its state."""

    label: str = ""
    origin: str = ""
    """The id of the workspace that it was forked from; empty if of none."""
    point: int = 0
    """The checkpoint there that it began with."""


class Keeping:
    """Where workspaces are kept."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def place(self, name: str) -> Path:
        """Where a workspace keeps its state."""
        return self._directory / name

    def names(self) -> list[str]:
        """The ids of those that were kept, in the order in which they were made."""
        found = [
            each.name
            for each in self._directory.iterdir()
            if each.is_dir() and re.fullmatch(r"w[1-9][0-9]*", each.name)
        ]
        return sorted(found, key=lambda name: int(name[1:]))

    def note(self, name: str, known: Known) -> None:
        """Keep what is known of one, before it is there."""
        temporary = self._directory / f"{name}.json.new"
        with temporary.open("w") as file:
            json.dump(asdict(known), file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._directory / f"{name}.json")

    def known(self, name: str) -> Known:
        """What is known of one; nothing if that was lost."""
        try:
            return Known(**json.loads((self._directory / f"{name}.json").read_text()))
        except (OSError, ValueError, TypeError):
            return Known()

    def remove(self, name: str) -> None:
        """Forget one that is closed: its state is removed."""
        for file in self.place(name).glob("*"):
            if file.is_file():
                file.unlink()
        for path in (self.place(name), *self.place(name).glob("*")):
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
        (self._directory / f"{name}.json").unlink(missing_ok=True)
