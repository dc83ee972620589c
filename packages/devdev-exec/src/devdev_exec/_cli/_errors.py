"""What an error says on the command line: one line, with what to do about it."""

import os

from devdev_mount import (
    ArchiveError,
    DriverUnavailable,
    FsError,
    MountError,
    SnapshotError,
    StateError,
)

from devdev_exec._errors import ExecError

FAILED = 1
USAGE = 2
TIMED_OUT = 124
"""As timeout(1)."""
NOT_EXECUTABLE = 126
"""This and the next as sh(1) and env(1)."""
NOT_FOUND = 127

EXPECTED = (
    OSError,
    MountError,
    SnapshotError,
    StateError,
    ArchiveError,
    ExecError,
)
"""What a command may raise, `CommandError` and `FsError` being among them."""


class CommandError(ExecError):
    """A command cannot go on; `str()` is for the user and says what to do."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def explain(error: BaseException) -> tuple[str, int]:
    """The message for the user, and the exit code."""
    code = error.exit_code if isinstance(error, CommandError) else FAILED
    message = reason_of(error) if isinstance(error, OSError) else str(error)
    if isinstance(error, DriverUnavailable):
        message += "; `devdev doctor` tells what this machine offers"
    return message, code


def reason_of(error: OSError) -> str:
    """What went wrong, in words and without a number, and where."""
    text = error.strerror or str(error)
    text = text[:1].lower() + text[1:]
    if error.filename is None:
        return text
    where = repr(os.fsdecode(error.filename))
    if isinstance(error, FsError):
        where += " in the workspace"
    return f"{where}: {text}"
