"""The directory of a state: which saves are there, and how one is added for good.

`lock` tells who uses it. A save is NUMBER.base or NUMBER.change, the numbers
ascending; with `.new` behind it, it was never completed. In `damaged-NUMBER` is what
a recovery has set aside.
"""

import os
import re
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from io import FileIO
from typing import BinaryIO, Literal

from devdev_mount import _forks
from devdev_mount._errors import StateError
from devdev_mount._state import _lock
from devdev_mount._state._header import Header

SaveKind = Literal["base", "change"]

_LOCK = "lock"
_SAVE = re.compile(r"(\d{12})\.(base|change)")
_UNFINISHED = ".new"
_ASIDE = re.compile(r"damaged-(\d+)")
_BUFFER = 2**20


@dataclass(frozen=True, slots=True)
class Save:
    """A save that was completed."""

    number: int
    kind: SaveKind
    size: int

    @property
    def name(self) -> str:
        """The name of its file."""
        return _name(self.number, self.kind)


def _name(number: int, kind: SaveKind) -> str:
    return f"{number:012}.{kind}"


class Directory:
    """A state's directory, locked; made if it is missing.

    Args:
        path: where it is.
        owner: the process on whose behalf this one works, or this one.

    Raises:
        StateInUse: another process has it.
        StateError: it cannot be used, or holds something else.
    """

    _fd: int
    _lock: FileIO

    def __init__(self, path: str, owner: int) -> None:
        self.path = path
        with ExitStack() as undo:
            try:
                self._open(path, undo)
                _lock.take(self._lock, path, owner)
                self.saves: Sequence[Save] = self._look()
                """Those that are there, in their order."""
            except OSError as error:
                reason = error.strerror or error
                if isinstance(error, FileExistsError):
                    reason = "it is no directory"
                message = f"cannot keep state in {path}: {reason}"
                raise StateError(f"{message}; choose another directory") from error
            _forks.register(self._let_go)
            self._undo = undo.pop_all()

    def _open(self, path: str, undo: ExitStack) -> None:
        if sys.platform == "win32":
            raise StateError("state can only be kept where there is flock(2)")
        os.makedirs(path, mode=0o700, exist_ok=True)
        self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        undo.callback(os.close, self._fd)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        # Without a buffer: what a full disk does not take is not tried again.
        self._lock = open(self._open_at(_LOCK, flags), "r+b", buffering=0)  # noqa: SIM115
        undo.callback(self._lock.close)

    def _open_at(self, name: str, flags: int) -> int:
        return os.open(name, flags, 0o600, dir_fd=self._fd)

    def _look(self) -> list[Save]:
        """The saves; what was never completed is removed.

        Raises:
            StateError: something else is there, which is named.
        """
        saves = []
        for name in sorted(os.listdir(self._fd)):
            if match := _SAVE.fullmatch(name):
                size = os.stat(name, dir_fd=self._fd).st_size
                kind: SaveKind = "base" if match[2] == "base" else "change"
                saves.append(Save(int(match[1]), kind, size))
            elif _SAVE.fullmatch(name.removesuffix(_UNFINISHED)):
                os.unlink(name, dir_fd=self._fd)
            elif name != _LOCK and not _ASIDE.fullmatch(name):
                what = f"{os.path.join(self.path, name)!r} is no part of a state"
                raise StateError(f"{what}; choose an empty directory, or move it away")
        return saves

    def open(self, save: Save) -> BinaryIO:
        """A save's file, to be read."""
        return open(save.name, "rb", opener=self._open_at)

    def add(self, kind: SaveKind, header: Header, pieces: Iterable[bytes]) -> Save:
        """Write one more save, which is there for good when this returns.

        Raises:
            OSError: it cannot be written. Nothing of it is left.
        """
        number = self.saves[-1].number + 1 if self.saves else 1
        name = _name(number, kind)
        unfinished = name + _UNFINISHED
        try:
            fd = self._open_at(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            with open(fd, "wb", buffering=_BUFFER) as file:
                file.write(header.encode())
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(fd)
                size = file.tell()
            os.rename(unfinished, name, src_dir_fd=self._fd, dst_dir_fd=self._fd)
            os.fsync(self._fd)
        except BaseException:
            for left in (unfinished, name):
                with suppress(OSError):
                    os.unlink(left, dir_fd=self._fd)
            raise
        save = Save(number, kind, size)
        self.saves = [*self.saves, save]
        return save

    def remove(self, saves: Iterable[Save]) -> None:
        """Remove saves that nobody needs any more; what stays does no harm."""
        gone = [*saves]
        for save in gone:
            with suppress(OSError):
                os.unlink(save.name, dir_fd=self._fd)
        self.saves = [save for save in self.saves if save not in gone]

    def set_aside(self, saves: Sequence[Save]) -> None:
        """Move saves to where they do not count; the last first, in case of a crash."""
        found = map(_ASIDE.fullmatch, os.listdir(self._fd))
        taken = max((int(match[1]) for match in found if match), default=0)
        aside = f"damaged-{taken + 1}"
        os.mkdir(aside, 0o700, dir_fd=self._fd)
        for save in reversed(saves):
            os.rename(
                save.name,
                os.path.join(aside, save.name),
                src_dir_fd=self._fd,
                dst_dir_fd=self._fd,
            )
        os.fsync(self._fd)
        self.saves = [save for save in self.saves if save not in saves]

    def close(self) -> None:
        """Let others use it; again is nothing."""
        _forks.unregister(self._let_go)
        self._let_go()

    def _let_go(self) -> None:
        self._undo.close()
