"""What no program of Windows can say, by the reason."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import NoReturn

from tests.posix.protocol import Target, User


class Reason(StrEnum):
    """Why no program of Windows can say it."""

    USERS = "who may is asked of the descriptor above the driver, by Windows itself"
    NODES = "Windows has no such kind of file"
    NAMES = "WinFsp has no hard links"
    XATTRS = "winfspy has no way for extended attributes"
    UNNAMED = "Windows has no files without a name"
    RANGES = "Windows' calls for ranges of a file are not in WinFsp's interface"
    FLAGS = "Windows' renaming has no such flag"
    PLACES = "a handle of Windows is of a file that is open, or of nothing"


class Inexpressible(Exception):
    """No program of Windows can say it."""


def nothing_says(reason: Reason) -> NoReturn:
    raise Inexpressible(reason)


class Unsayable:
    """The calls of `protocol.Posix` that are not Windows' at all."""

    @contextmanager
    def as_user(self, user: User) -> Iterator[None]:
        nothing_says(Reason.USERS)
        yield

    def link(self, old: str, new: str, follow: bool = False) -> None:
        nothing_says(Reason.NAMES)

    def link_open(self, fd: int, new: str) -> None:
        nothing_says(Reason.NAMES)

    def fallocate(self, fd: int, mode: int, offset: int, length: int) -> None:
        nothing_says(Reason.RANGES)

    def copy_file_range(
        self,
        source: int,
        target: int,
        length: int,
        offset: int | None = None,
        target_offset: int | None = None,
    ) -> int:
        nothing_says(Reason.RANGES)

    # --- extended attributes -----------------------------------------------------

    def setxattr(self, target: Target, name: str, value: bytes, flags: int = 0) -> None:
        nothing_says(Reason.XATTRS)

    def getxattr(self, target: Target, name: str) -> bytes:
        nothing_says(Reason.XATTRS)

    def listxattr(self, target: Target) -> list[str]:
        nothing_says(Reason.XATTRS)

    def xattr_sizes(self, path: str, name: str) -> tuple[int, int]:
        nothing_says(Reason.XATTRS)

    def removexattr(self, target: Target, name: str) -> None:
        nothing_says(Reason.XATTRS)

    def lsetxattr(self, path: str, name: str, value: bytes) -> None:
        nothing_says(Reason.XATTRS)

    def lgetxattr(self, path: str, name: str) -> bytes:
        nothing_says(Reason.XATTRS)

    def llistxattr(self, path: str) -> list[str]:
        nothing_says(Reason.XATTRS)

    def lremovexattr(self, path: str, name: str) -> None:
        nothing_says(Reason.XATTRS)
