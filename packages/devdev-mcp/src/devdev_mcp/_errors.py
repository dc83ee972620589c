"""Errors as a model can act on them: what, where, and what to do.

The codes are Linux's errno names where there is one, and otherwise words of our own.
"""

import difflib
import errno
import posixpath
from typing import Any, TypeAlias

from devdev_exec import (
    Errno,
    ExecError,
    FsBase,
    FsError,
    MountError,
    ServerDied,
    SpawnError,
)

_CANDIDATES = 5000  # names to compare with one that is missing

Refusal: TypeAlias = FsError | ExecError | MountError
"""What a workspace raises when it refuses something."""


class ToolFailure(Exception):
    """A tool refuses a call.

    Args:
        code: what is wrong, in one word.
        message: the same in a sentence, without a full stop.
        path: what it is about.
        hint: what to do, in sentences.
        retryable: whether the same call may succeed later.
        details: further fields of the structured error.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        path: str | None = None,
        hint: str | None = None,
        retryable: bool = False,
        **details: Any,
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.path = path
        self.hint = hint
        self.retryable = retryable
        self.details = details

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path is not None else ""
        what_to_do = f". {self.hint}" if self.hint else ""
        return f"{self.code}: {where}{self.message}{what_to_do}"

    def fields(self) -> dict[str, Any]:
        """The same in fields."""
        return {
            "code": self.code,
            "path": self.path,
            "hint": self.hint,
            "retryable": self.retryable,
            **self.details,
        }


def from_refusal(refusal: Refusal, fs: FsBase, path: str | None) -> ToolFailure:
    """What a model should know of a refusal.

    Args:
        refusal: what the workspace raised.
        fs: where to look for what may have been meant.
        path: what the call was about, if the refusal does not say.
    """
    if isinstance(refusal, FsError):
        return _from_fs(refusal, fs, path)
    if isinstance(refusal, SpawnError):
        code = errno.errorcode.get(refusal.errno, "EXEC")
        return ToolFailure(code, str(refusal), hint="Nothing was run.")
    if isinstance(refusal, ExecError):
        return ToolFailure("EXEC", str(refusal))
    if isinstance(refusal, ServerDied):
        hint = "Its content is lost. Restart this MCP server to have another."
        return ToolFailure("WORKSPACE_LOST", str(refusal), hint=hint)
    return ToolFailure("WORKSPACE", str(refusal), retryable=True)


def _from_fs(refusal: FsError, fs: FsBase, path: str | None) -> ToolFailure:
    number = Errno(refusal.errno or Errno.EIO)
    subject = refusal.filename
    if isinstance(subject, bytes):
        subject = subject.decode(errors="backslashreplace")
    if isinstance(subject, str) and subject.strip("/"):
        # A name alone says less than the path that the call gave.
        path = subject.rstrip("/") if subject.startswith("/") else path or subject
    message = refusal.strerror or number.name
    try:
        hint = _hint(number, fs, path or "/")
    except (FsError, MountError):  # it has changed meanwhile
        hint = None
    return ToolFailure(
        number.name,
        message,
        path=path,
        hint=hint,
        retryable=number in (Errno.EBUSY, Errno.ETXTBSY),
    )


def _hint(number: Errno, fs: FsBase, path: str) -> str | None:
    match number:
        case Errno.ENOENT:
            return _suggest(fs, path)
        case Errno.ENOTDIR:
            return _name_obstacle(fs, path)
        case Errno.EISDIR:
            return f"Call list_directory on {path}."
        case Errno.EEXIST:
            return "Choose another path, or remove what is there first."
        case Errno.ENOTEMPTY:
            return "Set recursive to remove it with all that is in it."
        case Errno.ENOSPC:
            return (
                "The workspace is full: workspace_info tells the limits; "
                "remove what is not needed."
            )
        case Errno.ELOOP:
            return "Symbolic links lead in a circle; list_directory shows targets."
        case _:
            return None


def _suggest(fs: FsBase, path: str) -> str:
    """What may have been meant by a path that is not there."""
    directory, missing = _nearest_directory(fs, path)
    names = fs.listdir(directory)[:_CANDIDATES]
    close = difflib.get_close_matches(missing, names, n=1)
    meant = f"Did you mean {posixpath.join(directory, close[0])}? " if close else ""
    return f"{meant}Call list_directory on {directory}."


def _name_obstacle(fs: FsBase, path: str) -> str:
    directory, name = _nearest_directory(fs, path)
    return f"{posixpath.join(directory, name)} is no directory."


def _nearest_directory(fs: FsBase, path: str) -> tuple[str, str]:
    """The deepest directory that is there above `path`, and the next name in it."""
    directory, name = posixpath.split(posixpath.join("/", path.strip("/")))
    while directory != "/":
        try:
            if fs.stat(directory).is_dir:
                break
        except FsError:
            pass
        directory, name = posixpath.split(directory)
    return directory, name
