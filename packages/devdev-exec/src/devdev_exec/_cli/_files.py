"""Snapshots in files of the host: read with clear errors, written whole or not."""

import os
import secrets
import stat
import sys
import tempfile
from collections.abc import Callable
from typing import BinaryIO

from devdev_mount import Fs, SnapshotError

from devdev_exec._cli._counted import CountedSource, Note
from devdev_exec._cli._errors import CommandError, reason_of

STANDARD = "-"
"""Names standard input, or standard output, where a file can be named."""


class NotSaved(CommandError):
    """What was to be saved could be written nowhere."""


def read_snapshot(path: str) -> bytes:
    """The content of a snapshot file.

    Raises:
        CommandError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise CommandError(f"cannot read snapshot {reason_of(error)}") from error


def load_snapshot(path: str, note: Note) -> Fs:
    """What a snapshot file holds, or standard input for "-", as a filesystem.

    Args:
        path: of the file.
        note: is told how many bytes of how many have been read.

    Raises:
        CommandError: it cannot be read, or is no snapshot.
    """
    fs = Fs()
    try:
        if path == STANDARD:
            fs.load_from(CountedSource(sys.stdin.buffer, note))
        else:
            with open(path, "rb") as file:
                fs.load_from(CountedSource(file, note))
    except SnapshotError as error:
        raise not_loaded(path, error) from error
    except OSError as error:
        raise CommandError(f"cannot read snapshot {reason_of(error)}") from error
    return fs


def not_loaded(path: str, error: SnapshotError) -> CommandError:
    """The error of a file that is no snapshot."""
    return CommandError(f"cannot load snapshot {path!r}: {error}")


def check_writable(path: str, what: str = "snapshot") -> None:
    """Find out before the work begins whether its result can be written to `path`.

    Raises:
        CommandError: it cannot, as far as can be told.
    """
    target = os.path.realpath(path)
    directory = os.path.dirname(target)
    if not os.path.isdir(directory):
        reason = f"{directory!r} is no directory; make it first"
    elif os.path.exists(target) and not stat.S_ISREG(os.stat(target).st_mode):
        reason = "it exists and is no regular file, so it is not replaced"
    elif not os.access(directory, os.W_OK | os.X_OK):
        reason = f"{directory!r} may not be written to; choose another place"
    else:
        return
    raise CommandError(f"cannot write {what} {path!r}: {reason}")


def write_snapshot(path: str, snapshot: bytes) -> None:
    """Make `snapshot` the content of a file, on disk, in one step.

    A file that is there keeps its permissions, and its content until the end. What
    cannot be written there is not lost: it is put into the directory for temporary
    files.

    Raises:
        CommandError: it was not written, and what was there is untouched; says where
            the snapshot is instead.
        NotSaved: it is nowhere.
    """
    try:
        check_writable(path)
        _replace(os.path.realpath(path), lambda file: file.write(snapshot))
    except CommandError as error:
        raise CommandError(_moved(error, snapshot)) from error
    except OSError as error:
        problem = f"cannot write snapshot {path!r}: {error.strerror or error}"
        raise CommandError(_moved(problem, snapshot)) from error


def _moved(problem: object, snapshot: bytes) -> str:
    path = save_aside(snapshot, problem)
    return f"{problem}; it is in {path!r} instead: move it to where it is to be"


def save_aside(snapshot: bytes, problem: object) -> str:
    """Put a snapshot into the directory for temporary files; return its path.

    Args:
        snapshot: what would be lost otherwise.
        problem: why it is not where it was to be, for the message if this fails too.

    Raises:
        NotSaved: it cannot be written there either.
    """
    path = ""
    try:
        fd, path = tempfile.mkstemp(prefix="devdev-unsaved-", suffix=".snap")
        with open(fd, "wb") as file:
            file.write(snapshot)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if path:
            os.unlink(path)
        raise NotSaved(f"{problem}; nor elsewhere: {reason_of(error)}") from error
    return path


def write_file(path: str, what: str, write: Callable[[BinaryIO], object]) -> None:
    """Have `write` give a file its content, on disk, in one step; "-" is our output.

    Raises:
        CommandError: it was not written, and what was there is untouched.
    """
    if path == STANDARD:
        write(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    check_writable(path, what)
    try:
        _replace(os.path.realpath(path), write)
    except OSError as error:
        reason = error.strerror or error
        raise CommandError(f"cannot write {what} {path!r}: {reason}") from error


def _replace(target: str, write: Callable[[BinaryIO], object]) -> None:
    directory, name = os.path.split(target)
    temporary = os.path.join(directory, f".{name}.{secrets.token_hex(4)}")
    try:
        with open(temporary, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(target):
            os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(temporary, target)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    _sync_directory(directory)


def _sync_directory(path: str) -> None:
    """Have the new name survive a crash of the host too."""
    if sys.platform == "win32":  # there a directory cannot be opened
        return
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
